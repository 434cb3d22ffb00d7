/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TAKEOVER_WIRE_H
#define SERVER_TAKEOVER_WIRE_H

#include "server/core/tunnel.h"
#include "server/net/sock.h"

/* The messages between an old process and a new one, of builds that may differ: any change here is a new
 * version, and versions don't mix. One per packet, with at most one descriptor. */
enum take_kind {
	TAKE_HELLO,
	TAKE_BUSY, /* not now, or not any more: another has begun, too many old ones drain, too slow */
	TAKE_LISTENER,
	TAKE_CONTROL,
	TAKE_ELDER,
	TAKE_END, /* of the offer; generation: what the new one is to be, pid: who offers */
	TAKE_READY,
	TAKE_CHECK,
	TAKE_HERE,
	TAKE_GONE,
	TAKE_RELAY,
	TAKE_TUNNEL, /* what it is about: enum tunnel_news */
	TAKE_COUNT
};
enum { TAKE_VERSION = 2, TAKE_HOPS = 3 };
#define TAKE_MAGIC 0x62676c74u

struct take_msg {
	uint32_t magic;
	uint16_t version, kind;
	uint8_t generation, worker, hops, is_secure;
	int32_t pid;
	struct addr peer, local;
	/* TAKE_TUNNEL: */
	uint8_t news, from, to_heirs, cookie_n;
	char cookie[HTTP_COOKIE_MAX];
};

/* A socket of that kind, bound to path and listening; or -errno. A file that nobody listens at is replaced. */
MUST_USE int take_listen(const char *path);
/* Connected to path, or -errno; who waits for a message waits `seconds` at most. */
MUST_USE int take_connect(const char *path, int seconds);
/* We are about to listen at it: who connects sees our pid (take_peer_pid). Before the filter of system calls. */
void take_claim(int control);
/* Who had claimed the other end when we connected; 0: not to be told (a new process that did not come to serve had,
 * and has ended). */
int take_peer_pid(int fd);
/* Is it bound to that path? */
bool take_is_at(int control, const char *path);
/* The next who asks, if he may: root or who we are. -EAGAIN: nobody. Another -errno: he may not, or is gone. */
MUST_USE int take_accept(int control, int *pid);
/* Never blocks. fd -1: without. 0 or -errno. */
MUST_USE int take_send(int to, const struct take_msg *m, int fd);
/* `wait`: as long as the socket's own patience. *fd: the caller's; -1: there was none, or it is no message. 0;
 * ERR_CLOSED: the other has ended; ERR_SYNTAX: not such a message; -errno. */
MUST_USE int take_recv(int from, struct take_msg *m, int *fd, bool wait);

#endif
