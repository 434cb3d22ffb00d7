/* SPDX-License-Identifier: MIT */
#include "server/wire/rtp_recv.h"

#include <string.h>

#include "server/wire/rtp.h"

enum { NO_SEQ = 65537, SEQ_CYCLE = 65536 };

static bool seen(const struct rtp_recv *r, uint64_t n)
{
	return r->seen[n % RTP_RECV_WINDOW / 64] >> n % 64 & 1;
}

static void mark(struct rtp_recv *r, uint64_t n)
{
	r->seen[n % RTP_RECV_WINDOW / 64] |= UINT64_C(1) << n % 64;
}

/* Moves the window's top to n; what it passes over has not been seen. */
static void advance(struct rtp_recv *r, uint64_t n)
{
	if (n - r->highest >= RTP_RECV_WINDOW) {
		memset(r->seen, 0, sizeof r->seen);
	} else {
		for (uint64_t i = r->highest + 1; i <= n; i++)
			r->seen[i % RTP_RECV_WINDOW / 64] &= ~(UINT64_C(1) << i % 64);
	}
	r->highest = n;
}

/* A.1's init_seq: everything before this number is unknown. */
static void start_at(struct rtp_recv *r, uint16_t seq)
{
	r->started = true;
	r->first = (uint64_t)SEQ_CYCLE + seq;
	r->highest = r->first - 1;
	r->bad_next = NO_SEQ;
	memset(r->seen, 0, sizeof r->seen);
}

void rtp_recv_init(struct rtp_recv *r, uint32_t ssrc, uint32_t clock_hz, uint8_t probation)
{
	*r = (struct rtp_recv){
		.ssrc = ssrc,
		.clock_hz = clock_hz,
		.is_trusted = probation == 0,
		.probation = probation,
		.bad_next = NO_SEQ,
	};
}

void rtp_recv_expect_first(struct rtp_recv *r, uint16_t seq)
{
	start_at(r, seq);
	r->has_first = true;
}

/* A.8, in the RFC's own integers. */
static void note_jitter(struct rtp_recv *r, uint32_t timestamp, tick_t at)
{
	uint64_t t = at > 0 ? (uint64_t)at : 0;
	uint32_t arrival = (uint32_t)(t / 1000000000 * r->clock_hz +
				      t % 1000000000 * r->clock_hz / 1000000000);
	uint32_t transit = arrival - timestamp;
	int64_t d = ts_diff(transit, r->transit);

	if (r->has_transit) {
		d = d < 0 ? -d : d;
		r->jitter16 = (uint32_t)(r->jitter16 + d - ((r->jitter16 + 8) >> 4));
	}
	r->transit = transit;
	r->has_transit = true;
}

static void count(struct rtp_recv *r, uint64_t n, uint32_t bytes)
{
	mark(r, n);
	r->received++;
	r->bytes += bytes;
}

static bool passes_probation(struct rtp_recv *r, uint16_t seq)
{
	if (seq == r->probe_next && r->probation < RTP_RECV_PROBATION)
		r->probation--;
	else
		r->probation = RTP_RECV_PROBATION - 1;
	r->probe_next = (uint16_t)(seq + 1);
	return r->probation == 0;
}

/* The source started over: the packet that jumped and this one are the first two of it. */
static void restart(struct rtp_recv *r, uint16_t seq)
{
	uint32_t bytes = r->bad_bytes;

	r->expected_before += r->highest - r->first + 1;
	r->restarts++;
	r->has_transit = false;
	r->has_first = false;
	start_at(r, (uint16_t)(seq - 1));
	r->highest++;
	count(r, r->highest, bytes);
}

static uint64_t *counter_of(struct rtp_recv *r, bool is_late)
{
	return is_late ? &r->late : &r->ignored;
}

/* Too far from the highest: believed when a second one follows it (A.1). */
static enum rtp_recv_kind on_jump(struct rtp_recv *r, uint16_t seq, uint32_t bytes, bool is_late)
{
	if (seq == r->bad_next) {
		--*counter_of(r, r->bad_was_late);
		restart(r, seq);
		r->highest++;
		count(r, r->highest, bytes);
		return RTP_RECV_RESTARTED;
	}
	r->bad_next = (uint16_t)(seq + 1);
	r->bad_bytes = bytes;
	r->bad_was_late = is_late;
	++*counter_of(r, is_late);
	return is_late ? RTP_RECV_LATE : RTP_RECV_IGNORED;
}

static enum rtp_recv_kind on_older(struct rtp_recv *r, uint64_t n, uint32_t bytes)
{
	if (n < r->first && r->has_first) {
		r->late++;
		return RTP_RECV_LATE;
	}
	if (n >= r->first && seen(r, n)) {
		r->duplicates++;
		return RTP_RECV_DUPLICATE;
	}
	if (n < r->first) {
		/* Numbers below the old first have not been in the window yet. */
		for (uint64_t i = n; i < r->first; i++)
			r->seen[i % RTP_RECV_WINDOW / 64] &= ~(UINT64_C(1) << i % 64);
		r->first = n;
	}
	count(r, n, bytes);
	r->reordered++;
	return RTP_RECV_REORDERED;
}

static enum rtp_recv_kind classify(struct rtp_recv *r, uint16_t seq, uint32_t bytes)
{
	int32_t dropout = r->is_trusted ? INT16_MAX : RTP_RECV_DROPOUT - 1;
	int32_t misorder = r->is_trusted ? RTP_RECV_WINDOW - 1 : RTP_RECV_MISORDER;
	int32_t d;

	if (!r->started) {
		if (r->probation && !passes_probation(r, seq))
			return RTP_RECV_PROBING;
		start_at(r, seq);
	}
	d = seq_diff(seq, (uint16_t)r->highest);
	if (d > dropout)
		return on_jump(r, seq, bytes, false);
	if (d < -misorder)
		return on_jump(r, seq, bytes, true);
	r->bad_next = NO_SEQ;
	if (d <= 0)
		return on_older(r, r->highest - (uint64_t)-d, bytes);
	advance(r, r->highest + (uint64_t)d);
	count(r, r->highest, bytes);
	return RTP_RECV_NEW;
}

enum rtp_recv_kind rtp_recv_packet(
	struct rtp_recv *r, uint16_t seq, uint32_t timestamp, uint32_t bytes, tick_t at)
{
	enum rtp_recv_kind kind = classify(r, seq, bytes);

	if (kind == RTP_RECV_NEW || kind == RTP_RECV_REORDERED || kind == RTP_RECV_RESTARTED)
		note_jitter(r, timestamp, at);
	return kind;
}

void rtp_recv_sr(struct rtp_recv *r, uint64_t ntp, tick_t at)
{
	r->lsr = ntp_middle(ntp);
	r->lsr_at = at;
}

uint64_t rtp_recv_expected(const struct rtp_recv *r)
{
	return r->expected_before + (r->started ? r->highest + 1 - r->first : 0);
}

uint64_t rtp_recv_lost(const struct rtp_recv *r)
{
	uint64_t expected = rtp_recv_expected(r);
	return expected > r->received ? expected - r->received : 0;
}

tick_t rtp_recv_jitter(const struct rtp_recv *r)
{
	return r->clock_hz ? (tick_t)((uint64_t)(r->jitter16 >> 4) * 1000000000 / r->clock_hz) : 0;
}

bool rtp_recv_report(struct rtp_recv *r, struct rtcp_block *b, tick_t now)
{
	uint64_t expected = rtp_recv_expected(r), lost = rtp_recv_lost(r);
	uint64_t new_expected = expected - r->expected_prior;
	uint64_t new_received = r->received - r->received_prior;

	if (r->received == 0)
		return false;
	*b = (struct rtcp_block){
		.ssrc = r->ssrc,
		.lost = lost > 0x7fffff ? 0x7fffff : (int32_t)lost,
		.highest = (uint32_t)(r->highest - SEQ_CYCLE),
		.jitter = r->jitter16 >> 4,
		.lsr = r->lsr,
		.dlsr = r->lsr ? ntp_short_of(now - r->lsr_at) : 0,
	};
	/* Late arrivals can make an interval's loss negative: 0 then (A.3). */
	if (new_expected && new_expected > new_received)
		b->fraction =
			(uint8_t)(((new_expected - new_received) << 8) / new_expected > 255
					  ? 255
					  : ((new_expected - new_received) << 8) / new_expected);
	r->expected_prior = expected;
	r->received_prior = r->received;
	return true;
}
