/* SPDX-License-Identifier: MIT */
#include "loadgen/sink.h"

#include <assert.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum {
	RTP,
	RTCP,
	SPARE_DESCRIPTORS = 64,
	PORT_FIRST = 10000,
	PORT_LAST = 65000,
	CACHE_LINE = 64,
	RTCP_EVERY = 16,           /* ticks between looks at the wide RTCP sockets */
	FIRST_ADDRESS = 0x7f400001 /* 127.64.0.1 */
};
static const tick_t next_tick = 3 * TICK_MS / 2;
static_assert(SINK_TRACKS <= SINK_WIDE, "the socket tells the track");

/* ---- choice ---- */

static bool is_wide_target(const struct addr *to)
{
	return to->sa.sa_family == AF_INET && addr_is_loopback(to);
}

enum socket_mode sink_choose(
	uint64_t sessions, uint32_t tracks, uint64_t limit, const struct addr *target)
{
	uint64_t want = sessions * (1 + 2 * (uint64_t)tracks) + SPARE_DESCRIPTORS;
	return want > limit && is_wide_target(target) ? SOCKETS_WIDE : SOCKETS_PAIRS;
}

/* ---- sockets ---- */

static int granted_rcvbuf(int fd)
{
	int v = 0;
	socklen_t n = sizeof v;
	return getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &n) == 0 ? v : 0;
}

static void note_rcvbuf(struct sink *s, int fd)
{
	int v = granted_rcvbuf(fd);
	if (s->rcvbuf_bytes == 0 || v < s->rcvbuf_bytes)
		s->rcvbuf_bytes = v;
}

/* Datagrams that this socket's full buffer has dropped since it was opened. */
static uint32_t drops_of(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t n = sizeof info;
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &n) != 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

static void close_pair(int fd[2])
{
	for (int i = 0; i < 2; i++) {
		if (fd[i] >= 0)
			(void)close(fd[i]); /* all that waited has been read */
		fd[i] = -1;
	}
}

static int open_wide(struct sink *s)
{
	struct addr any;
	int on = 1, err = addr_read(&any, "0.0.0.0", 0);

	for (int i = 0; i < SINK_WIDE && !err; i++) {
		err = sock_udp_pair(&any, 0, SINK_RCVBUF, s->fd[i]);
		if (err)
			break;
		for (int j = 0; j < 2; j++) {
			stamp_want(s->fd[i][j]);
			if (setsockopt(s->fd[i][j], IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0)
				err = -errno;
		}
		struct addr at = sock_local(s->fd[i][RTP]);
		s->port[i] = addr_port(&at);
		note_rcvbuf(s, s->fd[i][RTP]);
	}
	return err;
}

static void slots_init(struct sink *s, uint32_t n)
{
	s->n_slots = s->n_free = n;
	s->slots = aligned_alloc(_Alignof(struct sink_slot), n * sizeof *s->slots);
	if (!s->slots)
		die("out of memory");
	memset(s->slots, 0, n * sizeof *s->slots);
	s->taken = xcalloc(n, sizeof *s->taken);
	s->free_slots = xcalloc(n, sizeof *s->free_slots);
	for (uint32_t i = 0; i < n; i++)
		s->free_slots[i] = i;
}

int sink_open(struct sink *s, const struct sink_config *c)
{
	*s = (struct sink){ .mode = c->mode,
		.tick_loop = c->tick_loop,
		.tally = c->tally,
		.stamps = c->stamps,
		.events = c->events,
		.next_port = (uint16_t)(PORT_FIRST + c->seed % (PORT_LAST - PORT_FIRST)) };
	for (int i = 0; i < SINK_WIDE; i++)
		s->fd[i][RTP] = s->fd[i][RTCP] = -1;
	s->rtp = xmalloc(sizeof *s->rtp);
	s->rtcp = xmalloc(sizeof *s->rtcp);
	batch_init(s->rtp, c->heads && c->mode == SOCKETS_WIDE);
	batch_init(s->rtcp, false);
	if (c->mode != SOCKETS_WIDE)
		return 0;
	slots_init(s, c->sessions);
	int err = open_wide(s);
	if (err)
		sink_close(s);
	return err;
}

void sink_close(struct sink *s)
{
	for (int i = 0; i < SINK_WIDE; i++)
		close_pair(s->fd[i]);
	for (int i = 0; i < 2; i++) {
		struct batch **b = i ? &s->rtcp : &s->rtp;
		if (*b)
			batch_clear(*b);
		free(*b);
		*b = NULL;
	}
	free(s->slots);
	free(s->taken);
	free(s->free_slots);
	s->slots = NULL;
	s->taken = NULL;
	s->free_slots = NULL;
}

/* ---- receiving ---- */

/* Where the owner of what came to a socket of this pair stands; NULL: no such session. */
static void **find_owner(const struct sink *s, int pair, uint32_t to)
{
	uint32_t slot = to - FIRST_ADDRESS;
	uint32_t track = ((uint32_t)pair + SINK_WIDE - slot % SINK_WIDE) % SINK_WIDE;

	return slot < s->n_slots && track < SINK_TRACKS ? &s->slots[slot].owners[track] : NULL;
}

static void deliver(struct sink *s, void *owner, int kind, const struct batch_item *x)
{
	if (!owner)
		s->tally->sum.strays++;
	else if (x->is_cut)
		s->tally->sum.truncated++;
	else if (kind == RTP)
		s->events->on_rtp(owner, x);
	else
		s->events->on_rtcp(owner, x);
}

static struct batch *batch_of(struct sink *s, int kind)
{
	return kind == RTP ? s->rtp : s->rtcp;
}

/* One read of a pair's socket. Answers how many datagrams there were. */
static unsigned read_pair(struct sink_stream *st, int kind, unsigned want, tick_t now)
{
	struct sink *s = st->sink;
	struct batch *b = batch_of(s, kind);

	assert(!s->draining); /* one batch for all */
	s->draining = true;
	unsigned got = batch_read(b, st->fd[kind], want, s->stamps, now);
	for (unsigned i = 0; i < got; i++)
		deliver(s, st->owner, kind, &b->items[i]);
	s->draining = false;
	return got;
}

/*
 * One read of a wide socket. A thousand sessions do not fit into the cache, and one after the other
 * every packet would wait for memory several times; so all owners of the batch are found first,
 * and what their packets need is on its way by the time it is needed.
 */
static unsigned read_wide(struct sink *s, int pair, int kind, tick_t now)
{
	struct batch *b = batch_of(s, kind);
	void **owners[BATCH_MAX], *none = NULL;

	assert(!s->draining);
	s->draining = true;
	unsigned got = batch_read(b, s->fd[pair][kind], BATCH_MAX, s->stamps, now);
	for (unsigned i = 0; i < got; i++) {
		void **o = find_owner(s, pair, b->items[i].to);
		owners[i] = o ? o : &none;
		__builtin_prefetch(owners[i]);
	}
	for (unsigned i = 0; i < got; i++)
		for (size_t at = 0; at < SINK_HOT && *owners[i]; at += CACHE_LINE)
			__builtin_prefetch((const char *)*owners[i] + at, 1);
	for (unsigned i = 0; i < got; i++)
		deliver(s, *owners[i], kind, &b->items[i]);
	s->draining = false;
	return got;
}

void sink_drain(struct sink *s, tick_t now)
{
	bool also_rtcp = s->turns++ % RTCP_EVERY == 0;

	if (s->mode != SOCKETS_WIDE)
		return;
	for (int i = 0; i < SINK_WIDE; i++) {
		while (read_wide(s, i, RTP, now) == BATCH_MAX)
			;
		while (also_rtcp && read_wide(s, i, RTCP, now) == BATCH_MAX)
			;
	}
}

void sink_count_drops(struct sink *s)
{
	if (s->mode != SOCKETS_WIDE)
		return;
	for (int i = 0; i < SINK_WIDE; i++)
		for (int j = 0; j < 2; j++) {
			uint32_t n = drops_of(s->fd[i][j]);
			s->tally->sum.own_drops += n - s->drops[i][j];
			s->drops[i][j] = n;
		}
}

/* ---- places ---- */

int sink_slot_take(struct sink *s, uint32_t *slot, struct addr *local)
{
	*local = (struct addr){ 0 };
	*slot = 0;
	if (s->mode != SOCKETS_WIDE)
		return 0;
	if (s->n_free == 0)
		return ERR_LIMIT;
	*slot = s->free_slots[s->free_at];
	s->free_at = (s->free_at + 1) % s->n_slots;
	s->n_free--;
	s->taken[*slot] = true;
	local->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(FIRST_ADDRESS + *slot) };
	local->n = sizeof local->v4;
	return 0;
}

void sink_slot_give(struct sink *s, uint32_t slot)
{
	if (s->mode != SOCKETS_WIDE)
		return;
	assert(s->taken[slot]);
	s->taken[slot] = false;
	s->free_slots[(s->free_at + s->n_free++) % s->n_slots] = slot;
}

/* ---- streams ---- */

/*
 * Mostly one datagram waits, and to ask for more would cost a second look at an empty socket. So a
 * read asks for what the last one found; a socket that is still ready at the next tick has more, and is
 * asked for twice as many.
 */
static tick_t run_stream(struct task *t, uint32_t events, tick_t now)
{
	struct sink_stream *st = container_of(t, struct sink_stream, task);

	(void)events;
	if (st->fd[RTP] < 0)
		return TASK_IDLE;
	unsigned got = read_pair(st, RTP, st->batch, now);
	if (got == st->batch && now - st->read_at < next_tick && st->batch < BATCH_MAX)
		st->batch *= 2;
	else if (got < st->batch)
		st->batch = got > 1 ? got : 1;
	st->read_at = now;
	return TASK_IDLE;
}

static void free_stream(struct task *t)
{
	(void)t; /* its owner frees it, after the loops */
}

static const struct task_ops stream_ops = { "sink", false, run_stream, free_stream };

void sink_stream_init(struct sink_stream *st, struct sink *s, void *owner)
{
	*st = (struct sink_stream){ .sink = s, .owner = owner, .fd = { -1, -1 } };
	task_init(&st->task, &stream_ops, s->tick_loop);
}

static int open_pair(struct sink_stream *st, const struct addr *local)
{
	struct sink *s = st->sink;
	struct addr at = *local;

	addr_set_port(&at, s->next_port);
	int err = sock_udp_pair(&at, 0, SINK_RCVBUF_PAIR, st->fd);
	if (err == -EADDRINUSE) { /* a crowded corner: begin again at the bottom */
		addr_set_port(&at, PORT_FIRST);
		err = sock_udp_pair(&at, 0, SINK_RCVBUF_PAIR, st->fd);
	}
	if (err) {
		st->fd[RTP] = st->fd[RTCP] = -1;
		return err;
	}
	at = sock_local(st->fd[RTP]);
	st->port = addr_port(&at);
	s->next_port = st->port + 2 < PORT_LAST ? (uint16_t)(st->port + 2) : PORT_FIRST;
	stamp_want(st->fd[RTP]);
	stamp_want(st->fd[RTCP]);
	if (s->rcvbuf_bytes == 0)
		note_rcvbuf(s, st->fd[RTP]);
	err = watch_open(&st->watch, s->tick_loop, st->fd[RTP], &st->task, EV_READ);
	if (err) {
		st->port = 0;
		close_pair(st->fd);
	}
	return err;
}

int sink_stream_open(
	struct sink_stream *st, uint32_t slot, uint32_t track, const struct addr *local)
{
	struct sink *s = st->sink;

	assert(!st->port && track < SINK_TRACKS);
	st->slot = slot;
	st->track = track;
	st->batch = 1;
	if (s->mode != SOCKETS_WIDE)
		return open_pair(st, local);
	st->port = s->port[(slot + track) % SINK_WIDE];
	s->slots[slot].owners[track] = st->owner;
	return 0;
}

void sink_stream_poll(struct sink_stream *st, tick_t now)
{
	for (int kind = RTP; kind <= RTCP; kind++)
		while (st->fd[kind] >= 0 && read_pair(st, kind, BATCH_MAX, now) == BATCH_MAX)
			;
}

void sink_stream_close(struct sink_stream *st, tick_t now)
{
	struct sink *s = st->sink;

	if (!st->port)
		return;
	if (s->mode == SOCKETS_WIDE) {
		s->slots[st->slot].owners[st->track] = NULL;
	} else {
		sink_stream_poll(st, now);
		s->tally->sum.own_drops += drops_of(st->fd[RTP]) + drops_of(st->fd[RTCP]);
		watch_close(&st->watch);
		close_pair(st->fd);
	}
	st->port = 0;
}

/* ---- sending ---- */

/* From a wide socket the session's own address must be named as the source. */
static int send_wide(int fd, const struct addr *to, const struct addr *local, struct bytes packet)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct in_pktinfo info = { .ipi_spec_dst = local->v4.sin_addr };
	struct iovec iov = { (void *)(uintptr_t)packet.p, packet.n };
	struct addr dst = *to;
	struct msghdr m = { .msg_name = &dst.sa,
		.msg_namelen = dst.n,
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = IPPROTO_IP;
	h->cmsg_type = IP_PKTINFO;
	h->cmsg_len = CMSG_LEN(sizeof info);
	memcpy(CMSG_DATA(h), &info, sizeof info);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

int sink_stream_send(struct sink_stream *st, const struct addr *to, const struct addr *local,
	struct bytes packet)
{
	struct sink *s = st->sink;

	if (!st->port)
		return ERR_CLOSED;
	if (s->mode == SOCKETS_WIDE)
		return send_wide(
			s->fd[(st->slot + st->track) % SINK_WIDE][RTCP], to, local, packet);
	return sendto(st->fd[RTCP], packet.p, packet.n, MSG_DONTWAIT | MSG_NOSIGNAL, &to->sa,
		       to->n) < 0
		       ? -errno
		       : 0;
}
