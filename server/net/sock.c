/* SPDX-License-Identifier: MIT */
#include "server/net/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/err.h"

/* Even ports that are tried for a pair before the kernel's choice is given up. */
enum { PAIR_TRIES = 200 };

/* Cuts "%eth0" off; false: there is no such interface. */
static bool read_scope(char *host, uint32_t *scope)
{
	char *name = strchr(host, '%');

	if (!name)
		return true;
	*name = '\0';
	*scope = if_nametoindex(name + 1);
	return *scope != 0;
}

static int read_host(struct addr *a, const char *host, uint16_t port, bool may_scope)
{
	char bare[ADDR_TEXT];
	size_t n = strlen(host);

	if (strcmp(host, "localhost") == 0) {
		host = "127.0.0.1";
		n = strlen(host);
	}
	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof bare)
		return ERR_SYNTAX;
	memcpy(bare, host, n);
	bare[n] = '\0';
	*a = (struct addr){ .n = sizeof a->v4, .v4.sin_family = AF_INET };
	if (inet_pton(AF_INET, bare, &a->v4.sin_addr) != 1) {
		*a = (struct addr){ .n = sizeof a->v6, .v6.sin6_family = AF_INET6 };
		if ((may_scope && !read_scope(bare, &a->v6.sin6_scope_id)) ||
			inet_pton(AF_INET6, bare, &a->v6.sin6_addr) != 1) {
			*a = (struct addr){ 0 };
			return ERR_SYNTAX;
		}
	}
	addr_set_port(a, port);
	return 0;
}

int addr_read(struct addr *a, const char *host, uint16_t port)
{
	return read_host(a, host, port, false);
}

int addr_read_scoped(struct addr *a, const char *host, uint16_t port)
{
	return read_host(a, host, port, true);
}

uint16_t addr_port(const struct addr *a)
{
	return ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

void addr_set_port(struct addr *a, uint16_t port)
{
	if (a->sa.sa_family == AF_INET6)
		a->v6.sin6_port = htons(port);
	else
		a->v4.sin_port = htons(port);
}

/* An IPv4 host as the four octets, wherever they stand; NULL = it is IPv6. */
static const uint8_t *v4_octets(const struct addr *a)
{
	if (a->sa.sa_family == AF_INET)
		return (const uint8_t *)&a->v4.sin_addr;
	if (a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return a->v6.sin6_addr.s6_addr + 12;
	return NULL;
}

const char *addr_host_text(const struct addr *a, char *dst)
{
	const uint8_t *v4 = v4_octets(a);

	dst[0] = '\0';
	if (v4)
		(void)inet_ntop(AF_INET, v4, dst, ADDR_TEXT);
	else if (a->sa.sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &a->v6.sin6_addr, dst, ADDR_TEXT);
	return dst;
}

const char *addr_text(const struct addr *a, char *dst)
{
	char host[ADDR_TEXT];

	addr_host_text(a, host);
	/* ADDR_TEXT has room for the longest host, brackets, colon and port */
	(void)snprintf(dst, ADDR_TEXT, strchr(host, ':') ? "[%.45s]:%u" : "%.45s:%u", host,
		(unsigned)addr_port(a));
	return dst;
}

bool addr_is_same_host(const struct addr *a, const struct addr *b)
{
	const uint8_t *a4 = v4_octets(a), *b4 = v4_octets(b);

	if (a4 || b4)
		return a4 && b4 && memcmp(a4, b4, 4) == 0;
	return a->sa.sa_family == AF_INET6 && b->sa.sa_family == AF_INET6 &&
	       a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
	       IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6.sin6_addr);
}

void addr_take_scope(struct addr *a, const struct addr *near)
{
	if (a->sa.sa_family == AF_INET6 && near->sa.sa_family == AF_INET6 &&
		IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr) && !a->v6.sin6_scope_id)
		a->v6.sin6_scope_id = near->v6.sin6_scope_id;
}

bool addr_is_loopback(const struct addr *a)
{
	const uint8_t *v4 = v4_octets(a);

	return v4 ? v4[0] == 127
		  : a->sa.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

/* Closes fd and answers the errno that was set before. */
static int fail(int fd)
{
	int err = -errno;
	(void)close(fd); /* nothing sent yet */
	return err;
}

static void set_int(int fd, int level, int option, int value)
{
	/* a wish: what the kernel refuses shows in the figures, not here */
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

int sock_listen(const struct addr *at, bool v6_only, int backlog)
{
	int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (at->sa.sa_family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only);
	if (bind(fd, &at->sa, at->n) != 0 || listen(fd, backlog) != 0)
		return fail(fd);
	return fd;
}

int sock_connect(const struct addr *to, const struct addr *from)
{
	int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (from) {
		/* the port is chosen at connect(), per destination: no shortage of ports */
		set_int(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, &from->sa, from->n) != 0)
			return fail(fd);
	}
	if (connect(fd, &to->sa, to->n) != 0 && errno != EINPROGRESS)
		return fail(fd);
	return fd;
}

int sock_udp(const struct addr *at, int sndbuf_bytes, int rcvbuf_bytes)
{
	int fd = socket(at->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (sndbuf_bytes) {
		set_int(fd, SOL_SOCKET, SO_SNDBUF, sndbuf_bytes);
		set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, sndbuf_bytes);
	}
	if (rcvbuf_bytes) {
		set_int(fd, SOL_SOCKET, SO_RCVBUF, rcvbuf_bytes);
		set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, rcvbuf_bytes);
	}
	if (bind(fd, &at->sa, at->n) != 0)
		return fail(fd);
	return fd;
}

/* fd[0] at port `port` (0 = any), fd[1] at the next one. -EADDRINUSE also when the port is odd. */
static int pair_at(const struct addr *at, uint16_t port, int sndbuf, int rcvbuf, int fd[2])
{
	struct addr a = *at;

	addr_set_port(&a, port);
	fd[0] = sock_udp(&a, sndbuf, rcvbuf);
	if (fd[0] < 0)
		return fd[0];
	struct addr got = sock_local(fd[0]);
	fd[1] = -EADDRINUSE;
	if (addr_port(&got) % 2 == 0) {
		addr_set_port(&a, (uint16_t)(addr_port(&got) + 1));
		fd[1] = sock_udp(&a, sndbuf, rcvbuf);
	}
	if (fd[1] < 0) {
		(void)close(fd[0]); /* never used */
		return fd[1];
	}
	return 0;
}

int sock_udp_pair(const struct addr *at, int sndbuf_bytes, int rcvbuf_bytes, int fd[2])
{
	uint32_t port = addr_port(at);
	int err = -EADDRINUSE;

	for (int i = 0; i < PAIR_TRIES && (err == -EADDRINUSE || err == -EACCES); i++) {
		uint32_t next = port ? (port & ~1u) + 2 * (uint32_t)i : 0;
		if (next > 65534)
			break;
		err = pair_at(at, (uint16_t)next, sndbuf_bytes, rcvbuf_bytes, fd);
	}
	return err;
}

struct addr addr_unmapped(const struct addr *a)
{
	struct addr v4 = { .n = sizeof v4.v4, .v4.sin_family = AF_INET };

	if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
		return *a;
	memcpy(&v4.v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, 4);
	v4.v4.sin_port = a->v6.sin6_port;
	return v4;
}

/* Of another family (AF_UNIX) that alone is kept: its names may be longer than we have room for. */
static struct addr known_family(struct addr a)
{
	if (a.n && a.sa.sa_family != AF_INET && a.sa.sa_family != AF_INET6)
		return (struct addr){ .sa.sa_family = a.sa.sa_family, .n = sizeof a.sa.sa_family };
	return addr_unmapped(&a);
}

struct addr sock_local(int fd)
{
	struct addr a = { .n = sizeof a.v6 };
	if (getsockname(fd, &a.sa, &a.n) != 0)
		a = (struct addr){ 0 };
	return known_family(a);
}

struct addr sock_peer(int fd)
{
	struct addr a = { .n = sizeof a.v6 };
	if (getpeername(fd, &a.sa, &a.n) != 0)
		a = (struct addr){ 0 };
	return known_family(a);
}

int sock_error(int fd)
{
	int err = 0;
	socklen_t n = sizeof err;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) != 0)
		return -errno;
	return -err;
}

int sock_end(int fd)
{
	struct pollfd p = { .fd = fd };
	int err = sock_error(fd);

	if (!err && poll(&p, 1, 0) == 1 && p.revents & POLLHUP)
		err = -EPIPE;
	return err;
}
