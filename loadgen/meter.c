/* SPDX-License-Identifier: MIT */
#include "loadgen/meter.h"

/* A first packet may be this much after the announced one; farther away the announcement is wrong. */
enum { HEAD_MAX = 1000, JUMP_SECONDS = 60 };
/* No pattern lasts for centuries: a number beyond is made up, and would overflow differences. */
#define POSITION_MAX (UINT64_C(1) << 52)

void meter_init(struct meter *m, const struct meter_rules *rules, uint32_t clock_hz)
{
	*m = (struct meter){
		.rules = rules, .clock_hz = clock_hz, .ns_per_unit = clock_hz ? 1e9 / clock_hz : 0
	};
}

void meter_expect_first(struct meter *m, uint16_t seq)
{
	m->has_first_seq = !m->recv.started;
	m->first_seq = seq;
}

void meter_bye(struct meter *m)
{
	/* the answer to a TEARDOWN is not the end of the media */
	if (m->deadline == 0)
		m->is_over = true;
}

/* ---- the time line ---- */

static void note_lateness(tick_t late, struct tally *t)
{
	hist_record(&t->sum.lateness, late);
	hist_record(&t->lateness, late);
}

static void settle_anchor(struct meter *m, struct tally *t)
{
	m->anchor = m->held[0];
	for (uint32_t i = 1; i < m->n_held; i++)
		if (m->held[i] < m->anchor)
			m->anchor = m->held[i];
	for (uint32_t i = 0; i < m->n_held; i++)
		note_lateness(m->held[i] - m->anchor, t);
}

/* offset = arrival - RTP time, both from the time line's beginning. */
static void on_frame(struct meter *m, tick_t offset, struct tally *t)
{
	if (m->n_held < METER_HELD) {
		m->held[m->n_held++] = offset;
		if (m->n_held == METER_HELD)
			settle_anchor(m, t);
		return;
	}
	if (offset < m->anchor)
		m->anchor = offset;
	note_lateness(offset - m->anchor, t);
}

/* Media time that the time line covers: up to the end of its last frame, as far as one can tell. */
static tick_t covered_by(const struct meter *m)
{
	if (!m->timed)
		return 0;
	return (tick_t)((double)(m->units_most - m->units_least) * m->ns_per_unit) +
	       (m->step > 0 ? m->step : 0);
}

static struct meter_mark mark_now(const struct meter *m)
{
	return (struct meter_mark){ .packets = m->packets,
		.upto = m->before + (m->recv.started ? rtp_recv_expected(&m->recv) : 0),
		.covered = m->covered + covered_by(m) };
}

static void end_time_line(struct meter *m, struct tally *t)
{
	m->covered += covered_by(m);
	if (m->timed && m->n_held < METER_HELD)
		settle_anchor(m, t);
	m->timed = false;
	m->n_held = 0;
}

static void begin_time_line(struct meter *m, uint32_t timestamp, tick_t at, struct tally *t)
{
	m->timed = true;
	m->timestamp = timestamp;
	m->units = m->units_least = m->units_most = 0;
	m->zero_at = m->frame_at = at;
	m->step = 0;
	on_frame(m, 0, t);
}

static void note_stall(tick_t length, struct tally *t)
{
	hist_record(&t->sum.stall, length);
	if (length > t->sum.longest_stall)
		t->sum.longest_stall = length;
}

static void on_gap(struct meter *m, tick_t gap, tick_t media, struct tally *t)
{
	if (gap > m->longest_gap)
		m->longest_gap = gap;
	if (media > 0)
		gap -= media;
	if (gap <= m->rules->stall_after)
		return;
	t->sum.stalls++;
	note_stall(gap, t);
}

/* Moves the time line on without looking at the clock. Answers the media time that has passed. */
static tick_t step_on(struct meter *m, uint32_t timestamp, tick_t at)
{
	int32_t units = ts_diff(timestamp, m->timestamp);
	tick_t media = (tick_t)((double)units * m->ns_per_unit);

	if (units == 0)
		return 0;
	m->timestamp = timestamp;
	m->units += units;
	if (m->units > m->units_most)
		m->units_most = m->units;
	if (m->units < m->units_least)
		m->units_least = m->units;
	m->frame_at = at;
	m->step = media;
	return media;
}

/* A packet that is newer than all before. */
static void time_packet(
	struct meter *m, uint32_t timestamp, tick_t at, bool is_sharp, struct tally *t)
{
	int32_t units = ts_diff(timestamp, m->timestamp);

	if (m->timed && (units > JUMP_SECONDS * (double)m->clock_hz ||
				units < -JUMP_SECONDS * (double)m->clock_hz)) {
		t->sum.timestamp_jumps++;
		end_time_line(m, t);
	}
	if (!is_sharp) {
		t->sum.packets_untimed++;
		if (m->timed)
			(void)step_on(m, timestamp, at);
		return;
	}
	if (!m->timed) {
		begin_time_line(m, timestamp, at, t);
		return;
	}
	tick_t frame_at = m->frame_at, media = step_on(m, timestamp, at);
	on_gap(m, at - m->last_at, media, t);
	if (units == 0)
		hist_record(&t->sum.frame_spread, at - frame_at);
	else
		on_frame(m, at - m->zero_at - (tick_t)((double)m->units * m->ns_per_unit), t);
}

/* ---- numbers ---- */

static void tell_loss(struct meter *m, struct tally *t)
{
	uint64_t lost = rtp_recv_lost(&m->recv);

	t->sum.packets_lost += (int64_t)lost - (int64_t)m->lost_told;
	m->lost_told = lost;
}

/* The stream's first packet: what had been announced to come before it is lost. */
static void begin_numbers(
	struct meter *m, const struct rtp_view *v, const struct pattern_prefix *x, struct tally *t)
{
	uint16_t first = m->has_first_seq ? m->first_seq : v->seq;

	rtp_recv_init(&m->recv, v->ssrc, m->clock_hz ? m->clock_hz : 1, 0);
	m->lost_told = 0;
	if (x && m->packets == 0)
		first = (uint16_t)(v->seq - (x->position < HEAD_MAX ? x->position : 0));
	m->has_first_seq = false;
	uint16_t head = (uint16_t)(v->seq - first);
	if (head == 0 || head >= HEAD_MAX)
		return;
	rtp_recv_expect_first(&m->recv, first);
	t->sum.packets_lost_head += head;
}

static void change_ssrc(struct meter *m, struct tally *t)
{
	t->sum.ssrc_changes++;
	tell_loss(m, t);
	end_time_line(m, t);
	m->before += rtp_recv_expected(&m->recv);
	m->recv.started = false;
	m->has_offset = false;
}

/* ---- pattern ---- */

/* The payload is whole: is it the packet that its number says? */
static void check_position(struct meter *m, uint64_t number, uint64_t position, struct tally *t)
{
	int64_t less = (int64_t)position - (int64_t)number;

	if (m->has_offset && less > m->position_less_seq)
		t->sum.position_gaps += less - m->position_less_seq;
	else if (m->has_offset && less < m->position_less_seq)
		t->sum.position_errors++;
	else if (!m->has_offset && m->has_position && position > m->position + 1)
		t->sum.position_gaps += (int64_t)(position - m->position - 1);
	if (!m->has_position || position > m->position)
		m->position = position;
	m->has_position = m->has_offset = true;
	m->position_less_seq = less;
}

static bool read_pattern(struct meter *m, const struct rtp_view *v, size_t n,
	struct pattern_prefix *x, struct tally *t)
{
	const struct meter_rules *r = m->rules;

	t->sum.packets_checked++;
	if (pattern_check(v->payload, r->body, x) == 0 && x->ssrc == v->ssrc &&
		x->position < POSITION_MAX && n == pattern_packet_bytes(r->pattern, x->position))
		return true;
	t->sum.packets_corrupt++;
	return false;
}

/* ---- a packet ---- */

static void note_kind(enum rtp_recv_kind kind, struct tally *t)
{
	if (kind == RTP_RECV_DUPLICATE)
		t->sum.packets_duplicate++;
	else if (kind == RTP_RECV_REORDERED || kind == RTP_RECV_LATE)
		t->sum.packets_reordered++;
	else if (kind == RTP_RECV_RESTARTED)
		t->sum.seq_restarts++;
}

static void note_first(struct meter *m, tick_t at)
{
	if (m->first_at == 0)
		m->first_at = m->last_at = at;
}

void meter_packet(struct meter *m, const struct rtp_view *v, size_t n, tick_t at, bool is_sharp,
	struct tally *t)
{
	struct pattern_prefix x;
	bool is_whole = m->rules->pattern && read_pattern(m, v, n, &x, t);

	t->sum.packets_received++;
	t->sum.bytes_received += (int64_t)n;
	note_first(m, at);
	if (m->deadline && at > m->deadline && !m->is_marked) {
		m->mark = mark_now(m);
		m->is_marked = true;
	}
	if (m->recv.started && m->recv.ssrc != v->ssrc)
		change_ssrc(m, t);
	if (!m->recv.started)
		begin_numbers(m, v, is_whole ? &x : NULL, t);
	enum rtp_recv_kind kind = rtp_recv_packet(&m->recv, v->seq, v->timestamp, (uint32_t)n, at);
	note_kind(kind, t);
	tell_loss(m, t);
	if (kind != RTP_RECV_NEW && kind != RTP_RECV_REORDERED && kind != RTP_RECV_RESTARTED)
		return;
	m->packets++;
	if (kind == RTP_RECV_RESTARTED) {
		end_time_line(m, t);
		m->has_offset = false;
	}
	if (is_whole) {
		check_position(m, seq_extend(v->seq, m->recv.highest), x.position, t);
		if (m->rules->same_clock && is_sharp)
			/* the stamp is the peer's word: any 64 bits */
			hist_record(&t->sum.transit, (tick_t)((uint64_t)at - (uint64_t)x.sent));
	}
	if (kind != RTP_RECV_REORDERED) {
		if (m->clock_hz)
			time_packet(m, v->timestamp, at, is_sharp, t);
		m->last_at = at;
	}
	if (m->clock_hz && m->packets % METER_JITTER_EVERY == 0)
		hist_record(&t->sum.jitter, rtp_recv_jitter(&m->recv));
}

/* ---- the end ---- */

/* Where the stream was when its time was over. */
static struct meter_mark mark_of(const struct meter *m)
{
	return m->is_marked ? m->mark : mark_now(m);
}

void meter_stop(struct meter *m, tick_t at)
{
	if (m->deadline == 0)
		m->deadline = at;
}

int64_t meter_owed(const struct meter *m, tick_t played)
{
	struct meter_mark k = mark_of(m);

	if (!m->clock_hz)
		return -1;
	if (m->is_over || played <= k.covered)
		return (int64_t)k.upto;
	if (k.upto == 0 || k.covered == 0) /* of a second or more, a packet each */
		return (int64_t)k.upto + played / TICK_S;
	return (int64_t)((double)k.upto * (double)played / (double)k.covered);
}

/* How many packets were owed after the last one that came. */
static uint64_t tail_of(const struct meter *m, int64_t due)
{
	uint64_t upto = m->before + (m->recv.started ? rtp_recv_expected(&m->recv) : 0);

	/* positions tell more, where the payload can be believed */
	if (m->rules->pattern && m->has_position && m->position + 1 > upto)
		upto = m->position + 1;
	return due > 0 && (uint64_t)due > upto ? (uint64_t)due - upto : 0;
}

uint64_t meter_end(struct meter *m, tick_t end, int64_t due, struct tally *t)
{
	end_time_line(m, t);
	t->sum.packets_tail_lost += (int64_t)tail_of(m, due);
	if (m->packets == 0) {
		t->sum.streams_silent++;
		return 0;
	}
	tick_t silence = end - m->last_at;
	if (!m->is_over) {
		if (silence > m->longest_gap)
			m->longest_gap = silence;
		if (m->clock_hz && silence - m->step > m->rules->stall_after) {
			t->sum.stalls_open++;
			note_stall(silence - m->step, t);
		}
	}
	hist_record(&t->sum.longest_gap, m->longest_gap);
	return mark_of(m).packets;
}
