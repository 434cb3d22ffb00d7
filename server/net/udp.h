/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_UDP_H
#define SERVER_NET_UDP_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "server/base/bytes.h"
#include "server/net/loop.h"
#include "server/net/sock.h"

/*
 * A nonblocking UDP socket that many streams share. What is queued in a turn leaves in batches: when
 * one is full, and in the flush phase. Never blocks: a full send buffer drops and counts.
 *
 * Trains: datagrams that follow each other to one address, all of one size but the last, which may be
 * shorter, are one message to the kernel, which takes it apart again (UDP_SEGMENT). One pass through the
 * stack instead of UDP_TRAIN_MAX: the dearest part of sending. Where the kernel refuses a train its datagrams
 * leave one by one; where it refuses all of them, though each datagram alone would do, none is made any more.
 */
enum {
	UDP_BATCH = 64,           /* messages to the kernel at a time, and */
	UDP_WAITING_MAX = 256,    /* datagrams in them */
	UDP_TRAIN_MAX = 16,       /* datagrams of one train */
	UDP_TRAIN_SEGMENT = 1472, /* longer ones are no train: they need fragments on Ethernet */
	UDP_REFUSALS = 32,        /* so many trains refused in turn: no more are tried */
	UDP_HEAD_MAX = 56,        /* RTP header and payload prefix: copied */
	UDP_DATAGRAM_MAX = 2048,  /* longer ones are cut, seen by .cut, and not delivered */
	UDP_RECV_BATCH = 32,
};

/* Room for the one control message of a train: the size of its datagrams. */
union udp_control {
	struct cmsghdr align;
	char room[CMSG_SPACE(sizeof(uint16_t))];
};

struct udp {
	int fd;          /* owned; -1 = closed */
	uint32_t n;      /* datagrams waiting, */
	uint32_t n_msgs; /* in as many messages */
	bool trains;     /* they are made */
	bool finds_mtu;  /* DF is set (udp_find_mtu) */
	uint32_t segment,
		segment_left; /* of the last message: its size, how many more may follow */
	struct loop *loop;
	struct watch watch;
	struct flush flush;
	uint64_t sent, sent_bytes; /* taken by the kernel */
	uint64_t dropped;          /* full buffer */
	uint64_t failed;           /* any other error: unreachable, too long … */
	uint64_t trained;          /* of those sent: in trains */
	uint64_t trains_refused;
	uint64_t fragmented; /* longer than the path takes whole: sent again without DF */
	uint32_t refused_in_turn;
	uint64_t received, cut;
	struct addr local;
	struct mmsghdr msgs[UDP_BATCH];
	uint8_t n_of[UDP_BATCH]; /* datagrams of each */
	union udp_control control[UDP_BATCH];
	struct iovec iov[UDP_WAITING_MAX][2];
	uint8_t heads[UDP_WAITING_MAX][UDP_HEAD_MAX];
};

/* Takes over fd, as sock_udp makes it. With a reader, its task gets EV_READ. 0 or -errno (fd closed). */
MUST_USE int udp_open(struct udp *u, struct loop *l, int fd, struct task *reader);
/* Makes trains from now on, if the kernel knows them. */
void udp_make_trains(struct udp *u);
/*
 * Sets DF on all that leaves, so that the kernel learns what each path takes (RFC 1191, RFC 8201); what is
 * longer is sent again in fragments, and counted. It also spares the kernel the making of an IP
 * identification. Where the kernel refuses it, packets leave as before.
 */
void udp_find_mtu(struct udp *u);
/* Queues one datagram: head is copied; payload and *to are borrowed until the end of the turn. The same
 * `to` in turn is what makes a train. */
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
