/* SPDX-License-Identifier: MIT */
#include "ci/bare/outlet.h"

#include <assert.h>
#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/base/os.h"
#include "server/wire/frame.h"
#include "server/wire/rtp.h"

/* (the C library's headers know it since 2.37) */
#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

const struct outlet_method outlet_methods[] = {
	{ .name = "sendmsg", .batch = 1, .train = 1 },
	{ .name = "sendmmsg", .batch = OUTLET_BATCH, .train = 1 },
	{ .name = "gso", .batch = 1, .train = OUTLET_TRAIN },
	{ .name = "sendmmsg-gso", .batch = OUTLET_BATCH, .train = OUTLET_TRAIN },
	{ .name = "writev", .batch = 1, .train = 1, .is_tcp = true },
};
const size_t n_outlet_methods = COUNT(outlet_methods);

struct slot {
	struct iovec iov[2 * OUTLET_TRAIN];
	uint8_t heads[OUTLET_TRAIN][RTP_HEADER];
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
};

struct outlet_queue {
	uint32_t n;
	struct mmsghdr msgs[OUTLET_BATCH];
	struct slot slots[OUTLET_BATCH];
	/* TCP */
	struct iovec iov[2 * OUTLET_BURST];
	uint8_t heads[OUTLET_BURST][FRAME_HEADER + RTP_HEADER];
};

static void slot_init(struct slot *s)
{
	struct msghdr m = { .msg_control = s->control, .msg_controllen = sizeof s->control };
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);

	h->cmsg_level = IPPROTO_UDP;
	h->cmsg_type = UDP_SEGMENT;
	h->cmsg_len = CMSG_LEN(sizeof(uint16_t));
}

void outlet_open(struct outlet *o)
{
	o->queue = xcalloc(1, sizeof *o->queue);
	for (uint32_t i = 0; i < OUTLET_BATCH; i++)
		slot_init(&o->queue->slots[i]);
}

void outlet_close(struct outlet *o)
{
	free(o->queue);
	o->queue = NULL;
}

static void write_header(struct outlet_stream *st, const struct clip *c,
	const struct clip_packet *p, uint32_t cycle, uint8_t *dst)
{
	uint32_t lap = (uint32_t)(c->period / TICK_MS * c->clock_hz[p->track] / 1000);

	rtp_header_write(dst, p->marker, p->payload_type, st->seq++,
		st->timestamp + p->rtp_time + cycle * lap, st->ssrc);
}

/* ---- UDP ---- */

static uint64_t packets_of(const struct mmsghdr *m)
{
	return m->msg_hdr.msg_iovlen / 2;
}

static void note_failure(struct outlet *o, const struct mmsghdr *m)
{
	if (errno == EAGAIN || errno == ENOBUFS)
		o->dropped += packets_of(m);
	else
		o->failed += packets_of(m);
	o->last_error = errno;
}

void outlet_flush(struct outlet *o)
{
	struct outlet_queue *q = o->queue;
	uint32_t at = 0;

	while (at < q->n) {
		int got = q->n == 1
				  ? (sendmsg(o->fd, &q->msgs[0].msg_hdr, MSG_DONTWAIT) < 0 ? -1 : 1)
				  : sendmmsg(o->fd, q->msgs + at, q->n - at, MSG_DONTWAIT);
		o->calls++;
		if (got <= 0) {
			note_failure(o, &q->msgs[at]);
			got = 1;
		} else {
			for (int i = 0; i < got; i++)
				o->packets += packets_of(&q->msgs[at + (uint32_t)i]);
		}
		at += (uint32_t)got;
	}
	q->n = 0;
}

/* Packets first … first + n - 1 of a session's track leave as one datagram or one train. */
static void queue_train(struct outlet *o, uint32_t session, const struct clip_packet *first,
	uint32_t n, uint32_t cycle)
{
	struct outlet_queue *q = o->queue;
	struct slot *s = &q->slots[q->n];
	struct outlet_stream *st = &o->streams[session * o->clip->n_tracks + first->track];
	struct msghdr *m = &q->msgs[q->n].msg_hdr;

	for (uint32_t i = 0; i < n; i++) {
		const struct clip_packet *p = &first[i];
		/* the kernel cuts by size alone: only the last may be shorter */
		assert(p->n == first->n || (i == n - 1 && p->n < first->n));
		write_header(st, o->clip, p, cycle, s->heads[i]);
		s->iov[2 * i] = (struct iovec){ s->heads[i], RTP_HEADER };
		s->iov[2 * i + 1] = (struct iovec){ o->clip->payload + p->at, p->n };
	}
	*m = (struct msghdr){ .msg_name = &st->to,
		.msg_namelen = sizeof st->to,
		.msg_iov = s->iov,
		.msg_iovlen = 2 * n };
	if (n > 1) {
		struct cmsghdr *h = (struct cmsghdr *)(void *)s->control;
		*(uint16_t *)(void *)CMSG_DATA(h) = (uint16_t)(RTP_HEADER + first->n);
		m->msg_control = s->control;
		m->msg_controllen = sizeof s->control;
	}
	if (++q->n == o->method->batch)
		outlet_flush(o);
}

/* How many packets from p on make a train: what the title says, as far as they stand together in this
 * tick. */
static uint32_t train_at(const struct outlet *o, const struct clip_packet *p, uint32_t left)
{
	uint32_t most = p->train < o->method->train ? p->train : o->method->train;
	uint32_t n = 1;

	while (n < most && n < left && p[n].track == p->track)
		n++;
	return n;
}

static void put_udp(
	struct outlet *o, const struct schedule_entry *e, const struct schedule_group *g)
{
	const struct clip_packet *p = &o->clip->packets[g->first];

	for (uint32_t i = 0, n; i < g->n; i += n) {
		n = train_at(o, p + i, g->n - i);
		queue_train(o, e->session, p + i, n, e->cycle);
	}
}

/* ---- TCP ---- */

/* What the connection does not take at once is waited for: nothing is lost, and the clock shows it. */
static void write_all(struct outlet *o, int fd, struct iovec *iov, uint32_t n)
{
	while (n) {
		ssize_t got = writev(fd, iov, (int)n);
		o->calls++;
		if (got < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLOUT };
			(void)poll(&p, 1, 1000); /* writev tells what is wrong */
			continue;
		}
		if (got < 0) {
			o->failed++;
			o->last_error = errno;
			return;
		}
		while (n && (size_t)got >= iov->iov_len) {
			got -= (ssize_t)iov->iov_len;
			iov++;
			n--;
		}
		if (n && got) {
			iov->iov_base = (uint8_t *)iov->iov_base + got;
			iov->iov_len -= (size_t)got;
		}
	}
}

static void put_tcp(
	struct outlet *o, const struct schedule_entry *e, const struct schedule_group *g)
{
	struct outlet_queue *q = o->queue;

	for (uint32_t i = 0; i < g->n; i++) {
		const struct clip_packet *p = &o->clip->packets[g->first + i];
		struct outlet_stream *st = &o->streams[e->session * o->clip->n_tracks + p->track];
		frame_header_write(q->heads[i], st->channel, (uint16_t)(RTP_HEADER + p->n));
		write_header(st, o->clip, p, e->cycle, q->heads[i] + FRAME_HEADER);
		q->iov[2 * i] = (struct iovec){ q->heads[i], FRAME_HEADER + RTP_HEADER };
		q->iov[2 * i + 1] = (struct iovec){ o->clip->payload + p->at, p->n };
	}
	write_all(o, o->fds[e->session], q->iov, 2 * g->n);
	o->packets += g->n;
}

void outlet_put(struct outlet *o, const struct schedule_entry *e, const struct schedule_group *g)
{
	if (o->method->is_tcp)
		put_tcp(o, e, g);
	else
		put_udp(o, e, g);
}
