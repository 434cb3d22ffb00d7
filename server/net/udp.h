/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_UDP_H
#define SERVER_NET_UDP_H

#include <sys/uio.h>

#include "server/base/bytes.h"
#include "server/net/loop.h"
#include "server/net/sock.h"

/*
 * A nonblocking UDP socket that many streams share. What is queued in a turn leaves in batches: when
 * UDP_BATCH datagrams wait, and in the flush phase. Never blocks: a full send buffer drops and counts.
 */
enum {
	UDP_BATCH = 64,
	UDP_HEAD_MAX = 56,       /* RTP header and payload prefix: copied */
	UDP_DATAGRAM_MAX = 2048, /* longer ones are cut, seen by .cut, and not delivered */
	UDP_RECV_BATCH = 32,
};

struct udp_slot {
	struct iovec iov[2];
	uint8_t head[UDP_HEAD_MAX];
};

struct udp {
	int fd;     /* owned; -1 = closed */
	uint32_t n; /* waiting */
	struct loop *loop;
	struct watch watch;
	struct flush flush;
	uint64_t sent, sent_bytes; /* taken by the kernel */
	uint64_t dropped;          /* full buffer */
	uint64_t failed;           /* any other error: unreachable, too long … */
	uint64_t received, cut;
	struct addr local;
	struct mmsghdr msgs[UDP_BATCH];
	struct udp_slot slots[UDP_BATCH];
};

/* Takes over fd, as sock_udp makes it. With a reader, its task gets EV_READ. 0 or -errno (fd closed). */
MUST_USE int udp_open(struct udp *u, struct loop *l, int fd, struct task *reader);
/* Queues one datagram: head is copied; payload and *to are borrowed until the end of the turn. */
void udp_send(struct udp *u, const struct addr *to, const uint8_t *head, size_t head_n,
	struct bytes payload);
/* Sends what waits, now. */
void udp_flush(struct udp *u);
/* Reads up to UDP_RECV_BATCH datagrams and hands each to fn; answers how many there were. Views live
 * until fn returns. */
int udp_recv(struct udp *u, void (*fn)(void *arg, const struct addr *from, struct bytes datagram),
	void *arg);
void udp_close(struct udp *u);

#endif
