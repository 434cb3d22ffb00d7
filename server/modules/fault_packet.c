/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

/*
 * One per stream and only while a packet fault is on. It owns copies of the packets it holds back, in a
 * ring of a fixed size: when HELD_MAX wait, the oldest leaves at once.
 */
enum { HELD_MAX = 64, RING = 2 * HELD_MAX, SWAPS = 16, COPY_MAX = 2048, STALL_AFTER = 3 };
enum { RTCP_MAX = 1024 };
enum { PT_SR = 200, PT_RR = 201, PT_BYE = 203, SR_FIXED = 28, RR_FIXED = 8 };

struct held {
	struct rtp_out out;
	tick_t release;
	uint8_t copy[COPY_MAX];
};

struct fault_stream {
	struct task task;
	const struct faults *faults;
	struct rtp_stream *stream; /* NULL when it has ended */
	struct sender inner;
	uint64_t n; /* packets seen */
	uint64_t random;
	tick_t first, first_sr, last_release;
	bool stalled;
	struct held *
		swaps; /* SWAPS of them, used in turn: the sender looks at one until the turn ends */
	uint32_t swap; /* the one to use next, or that waits for its successor */
	bool swap_waits;
	struct held *ring; /* allocated when first needed */
	uint32_t head, used;
};

static uint64_t next_random(struct fault_stream *f)
{
	f->random ^= f->random << 13; /* xorshift64 */
	f->random ^= f->random >> 7;
	f->random ^= f->random << 17;
	return f->random;
}

/* ---- holding back ---- */

static void hold(struct held *h, const struct rtp_out *o)
{
	size_t n = o->body.n < COPY_MAX ? o->body.n : COPY_MAX;

	h->out = *o;
	if (n)
		memcpy(h->copy, o->body.p, n);
	h->out.body = bytes_of(h->copy, n);
}

static void pass(struct fault_stream *f, struct rtp_out *o)
{
	f->inner.rtp(&f->inner, f->stream, o);
}

/* The sender looks at the copy until the end of the turn. The ring has twice the slots that may be
 * held, so that one is not filled again before HELD_MAX more packets have come. */
static void release_oldest(struct fault_stream *f)
{
	struct held *h = &f->ring[f->head];

	f->head = (f->head + 1) % RING;
	f->used--;
	pass(f, &h->out);
}

static tick_t release_due(struct fault_stream *f, tick_t now)
{
	while (f->used && f->ring[f->head].release <= now)
		release_oldest(f);
	return f->used ? f->ring[f->head].release - now : TASK_IDLE;
}

static void delay(struct fault_stream *f, struct rtp_out *o, tick_t now)
{
	tick_t span = f->faults->on[FAULT_JITTER] * TICK_MS;
	tick_t at = now + (tick_t)(next_random(f) % (uint64_t)span);

	if (!f->ring)
		f->ring = xmalloc(RING * sizeof *f->ring);
	if (f->used == HELD_MAX)
		release_oldest(f);
	if (at < f->last_release)
		at = f->last_release;
	f->last_release = at;
	struct held *h = &f->ring[(f->head + f->used) % RING];
	hold(h, o);
	h->release = at;
	f->used++;
	task_run_at(&f->task, f->ring[f->head].release);
}

static tick_t fault_run(struct task *t, uint32_t events, tick_t now)
{
	struct fault_stream *f = container_of(t, struct fault_stream, task);
	(void)events;
	return f->stream ? release_due(f, now) : TASK_DONE;
}

static void fault_free(struct task *t)
{
	struct fault_stream *f = container_of(t, struct fault_stream, task);
	free(f->ring);
	free(f->swaps);
	free(f);
}

static const struct task_ops fault_ops = { .name = "fault", .run = fault_run, .free = fault_free };

/* ---- RTP ---- */

static void stall(struct fault_stream *f, tick_t now)
{
	struct rtp_session *s = f->stream->session;

	if (f->stalled || now - f->first < STALL_AFTER * TICK_S)
		return;
	f->stalled = true;
	s->hold_until = now + f->faults->on[FAULT_STALL] * TICK_MS;
}

static void send_on(struct fault_stream *f, struct rtp_out *o, tick_t now)
{
	if (f->faults->on[FAULT_JITTER])
		delay(f, o, now);
	else
		pass(f, o);
}

/* Is this the packet that lets its successor go first? Not when its place was used this very turn. */
static bool begins_swap(const struct fault_stream *f, uint64_t n, tick_t now)
{
	int64_t every = f->faults->on[FAULT_REORDER];
	return every && n % (uint64_t)every == 0 && !f->swap_waits &&
	       f->swaps[f->swap].release != now;
}

static void end_swap(struct fault_stream *f, tick_t now)
{
	struct held *h = &f->swaps[f->swap];

	f->swap_waits = false;
	f->swap = (f->swap + 1) % SWAPS;
	h->release = now;
	send_on(f, &h->out, now);
}

static void on_rtp(struct sender *s, struct rtp_stream *st, struct rtp_out *o)
{
	struct fault_stream *f = s->arg;
	const int64_t *on = f->faults->on;
	struct worker *w = st->session->w;
	tick_t now = w->loop.now;
	uint64_t n = ++f->n;

	if (n == 1)
		f->first = now;
	if (on[FAULT_STALL])
		stall(f, now);
	if (on[FAULT_SSRC_CHANGE] && n > (uint64_t)on[FAULT_SSRC_CHANGE])
		put_be32(rtp_out_header(o) + 8, ~st->ssrc);
	if (on[FAULT_LOSS] && n % (uint64_t)on[FAULT_LOSS] == 0) {
		w->stats.packets_dropped_fault++;
		return;
	}
	if (begins_swap(f, n, now)) {
		hold(&f->swaps[f->swap], o);
		f->swap_waits = true;
		return;
	}
	send_on(f, o, now);
	if (f->swap_waits)
		end_swap(f, now);
}

/* ---- RTCP ---- */

/* An SR becomes an empty RR of the same source. */
static size_t put_empty_rr(uint8_t *to, const uint8_t *sr)
{
	to[0] = 0x80;
	to[1] = PT_RR;
	put_be16(to + 2, 1);
	memcpy(to + 4, sr + 4, 4);
	return RR_FIXED;
}

static void speed_up_ntp(struct fault_stream *f, uint8_t *sr, tick_t now)
{
	if (!f->first_sr)
		f->first_sr = now;
	uint64_t more = (uint64_t)(now - f->first_sr) / 8; /* ns; as 32.32 fixed point below */
	uint64_t fixed = (more / TICK_S) << 32 | ((more % TICK_S) << 32) / TICK_S;
	put_be64(sr + 8, be64(sr + 8) + fixed);
}

static void on_rtcp(struct sender *s, struct rtp_stream *st, struct bytes compound, tick_t now)
{
	struct fault_stream *f = s->arg;
	const int64_t *on = f->faults->on;
	uint8_t made[RTCP_MAX];
	size_t n = 0;
	struct cur c = { compound };
	struct bytes p;

	assert(compound.n <= RTCP_MAX); /* our own writer's */
	while (c.b.n >= 4 && cur_take(&c, ((size_t)be16(c.b.p + 2) + 1) * 4, &p)) {
		if (p.p[1] == PT_BYE && on[FAULT_BYE_DROP])
			continue;
		if (p.p[1] == PT_SR && p.n >= SR_FIXED && on[FAULT_SR_DROP]) {
			n += put_empty_rr(made + n, p.p);
			continue;
		}
		memcpy(made + n, p.p, p.n);
		if (p.p[1] == PT_SR && p.n >= SR_FIXED && on[FAULT_SR_NTP])
			speed_up_ntp(f, made + n, now);
		n += p.n;
	}
	f->inner.rtcp(&f->inner, st, bytes_of(made, n), now);
}

/* ---- life ---- */

static void on_close(struct sender *s, struct rtp_stream *st)
{
	struct fault_stream *f = s->arg;

	/* what was held back will not leave any more: it is lost, and counted */
	st->session->w->stats.packets_dropped_fault += f->used + (f->swap_waits ? 1u : 0u);
	if (f->inner.close)
		f->inner.close(&f->inner, st);
	f->used = 0;
	f->stream = NULL;
	task_signal(&f->task, EV_KILL);
}

void fault_packet_wrap(const struct faults *faults, struct rtp_stream *st, struct sender *s)
{
	struct fault_stream *f = xcalloc(1, sizeof *f);

	task_init(&f->task, &fault_ops, &st->session->w->loop);
	f->faults = faults;
	f->stream = st;
	f->inner = *s;
	f->random = (faults->seed ^ st->ssrc) | 1;
	if (faults->on[FAULT_REORDER])
		f->swaps = xcalloc(SWAPS, sizeof *f->swaps);
	*s = (struct sender){ .rtp = on_rtp, .rtcp = on_rtcp, .close = on_close, .arg = f };
}
