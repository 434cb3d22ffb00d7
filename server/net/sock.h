/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_SOCK_H
#define SERVER_NET_SOCK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "server/base/attr.h"

/* An IPv4 or IPv6 address with a port, as the system calls want it. */
struct addr {
	union {
		struct sockaddr sa;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t n; /* 0 = none */
};

enum { ADDR_TEXT = 56 }; /* room for the longest text of an address with its port, and a NUL */

/* Numeric hosts only ("127.0.0.1", "::1", "[::1]"), "localhost" = 127.0.0.1; ERR_SYNTAX otherwise. Asks the
 * kernel for nothing: fit for what a peer says. */
MUST_USE int addr_read(struct addr *a, const char *host, uint16_t port);
/* The same for our own configuration: "fe80::1%eth0", too, whose interface is looked up. */
MUST_USE int addr_read_scoped(struct addr *a, const char *host, uint16_t port);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
/* Host alone, without brackets and scope: what may stand in a message. dst holds ADDR_TEXT; answers dst. */
const char *addr_host_text(const struct addr *a, char *dst);
/* "127.0.0.1:8554", "[::1]:8554". */
const char *addr_text(const struct addr *a, char *dst);
/* Same host (an IPv4 address mapped into IPv6 equals itself), whatever the ports. Two link-local addresses
 * of different scopes are two hosts. */
bool addr_is_same_host(const struct addr *a, const struct addr *b);
/* A link-local address that says no zone, as none does that has travelled (4007 6): it lies in that of `near`. */
void addr_take_scope(struct addr *a, const struct addr *near);
bool addr_is_loopback(const struct addr *a);

/* All of these answer a descriptor (close-on-exec, nonblocking) or -errno. */
/* Of an IPv6 wildcard: v6_only, or IPv4 too, whatever the system's default is. */
MUST_USE int sock_listen(const struct addr *at, bool v6_only, int backlog);
/* The connection may still be under way: writable = done, SO_ERROR tells (sock_error). `from` may be
 * NULL. */
MUST_USE int sock_connect(const struct addr *to, const struct addr *from);
/* Buffer sizes are wishes (0 = leave); what the kernel caps is not an error. */
MUST_USE int sock_udp(const struct addr *at, int sndbuf_bytes, int rcvbuf_bytes);
/* An even port and the next one at host `at` (its port, when not 0, is the first that is tried).
 * 0 or -errno; fd[0] = RTP, fd[1] = RTCP. */
MUST_USE int sock_udp_pair(const struct addr *at, int sndbuf_bytes, int rcvbuf_bytes, int fd[2]);

/* IPv4 that is mapped into IPv6 (::ffff:a.b.c.d) as IPv4; all else as it is. */
struct addr addr_unmapped(const struct addr *a);
/* Own and peer's address of a socket, unmapped; n = 0 when the kernel doesn't tell. */
struct addr sock_local(int fd);
struct addr sock_peer(int fd);
/* SO_ERROR, as 0 or -errno. */
int sock_error(int fd);
/* Why nothing can come or go any more: sock_error, or -EPIPE when both ends have finished (epoll tells of
 * that for ever, whatever is asked of it); 0: something still can. */
int sock_end(int fd);

#endif
