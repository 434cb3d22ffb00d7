/* SPDX-License-Identifier: MIT */
#include "server/core/module.h"
#include "server/core/rtsp_methods.h"
#include "server/core/server.h"
#include "server/wire/range.h"
#include "server/wire/rtpinfo.h"

enum { RTP_INFO_MAX = 64 * 1024, START_LATER_MAX_S = 86400, RANGE_MAX = 256 };

/* The unit of a Range, and where its zero lies on the NPT axis: SMPTE times are relative to the beginning
 * (2326 3.5), clock times to 1970. */
struct axis {
	enum range_unit unit;
	int64_t zero; /* NPT 0 in that unit's ns */
};

/* The range in NPT, or 501: clock times of a medium of which nobody knows when it was. 457: before it. */
static int place_range(const struct rtsp_txn *t, struct range *r, struct axis *axis)
{
	*axis = (struct axis){ .unit = r->unit };
	if (r->unit != RANGE_CLOCK)
		return 0;
	axis->zero = t->session->source->created_ns;
	if (!axis->zero)
		return RTSP_NOT_IMPLEMENTED;
	r->start -= r->has_start ? axis->zero : 0;
	r->end -= r->has_end ? axis->zero : 0;
	return r->start < 0 || r->end < 0 ? RTSP_INVALID_RANGE : 0;
}

/* Range of the request, as far as we serve it: 0 or the status. */
static int read_range(const struct rtsp_txn *t, struct range *r, struct axis *axis)
{
	struct fault f;

	switch (range_read(rtsp_value(&t->req, RTSP_H_RANGE), r, &f)) {
	case 0: break;
	case ERR_UNSUPPORTED: return RTSP_NOT_IMPLEMENTED; /* 12.29 */
	case ERR_RANGE: return RTSP_INVALID_RANGE;
	default: return RTSP_BAD_REQUEST;
	}
	/* stored media have no "now" (3.6) */
	return r->is_now ? RTSP_INVALID_RANGE : place_range(t, r, axis);
}

/* Scale, Speed and Bandwidth: 0 or the status. */
static int read_rates(const struct rtsp_txn *t, struct play *p)
{
	const struct rtsp_header *scale = rtsp_header(&t->req, RTSP_H_SCALE);
	const struct rtsp_header *speed = rtsp_header(&t->req, RTSP_H_SPEED);
	struct bytes most = bytes_trim(rtsp_value(&t->req, RTSP_H_BANDWIDTH));

	p->scale = p->speed = SCALE_ONE;
	if (scale && scale_read(scale->value, &p->scale) != 0)
		return RTSP_BAD_REQUEST;
	if (speed && speed_read(speed->value, &p->speed) != 0)
		return RTSP_BAD_REQUEST;
	if (most.n && !bytes_to_u64(most, UINT32_MAX, &p->max_bps))
		p->max_bps = 0; /* a wish that nobody understands */
	return 0;
}

/* ;time= says when to begin (12.29). 0 or the status. */
static int read_start_time(
	const struct rtsp_txn *t, const struct range *r, struct play *p, tick_t now)
{
	p->at = now;
	if (!r->has_time)
		return 0;
	tick_t ahead = r->time - worker_wall(t->worker, now);
	if (ahead > START_LATER_MAX_S * TICK_S)
		return RTSP_NOT_IMPLEMENTED;
	p->at = ahead > 0 ? now + ahead : now;
	return 0;
}

/*
 * Range, in the unit of the request (10.5). Answers the NPT of its start as it is written: SMPTE times have
 * hundredths of a frame, and RTP-Info belongs to what the client reads.
 */
static tick_t put_range(struct rtsp_txn *t, const struct axis *axis, tick_t start, tick_t end)
{
	struct range r = { .unit = axis->unit,
		.has_start = true,
		.start = start + axis->zero,
		.has_end = end != TICK_NEVER,
		.end = end == TICK_NEVER ? 0 : end + axis->zero };
	struct fault f;
	struct buf text;

	buf_init(&text, RANGE_MAX);
	if (range_write(&r, &text) == 0) {
		rtsp_put(&t->writer, RTSP_H_RANGE, buf_bytes(&text));
		if (range_read(buf_bytes(&text), &r, &f) == 0)
			start = r.start - axis->zero;
	}
	buf_clear(&text);
	return start;
}

/* The number of the packet that will really go first, unless others go before it, and the RTP time of where
 * the Range of the reply begins (12.33). */
static void put_rtp_info(struct rtsp_txn *t, tick_t present, bool is_queued)
{
	const struct rtp_session *s = t->session;
	struct buf text;
	bool first = true;

	buf_init(&text, RTP_INFO_MAX);
	for (uint32_t i = 0; i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		if (!st->is_setup)
			continue;
		struct rtpinfo e = { .url = bytes_str(st->url),
			.has_seq = !is_queued,
			.seq = st->seq,
			.has_rtptime = present != TICK_NEVER };
		if (e.has_rtptime)
			e.rtptime = rtp_stream_time(st, present);
		if (rtpinfo_write(&e, first, &text) == 0)
			first = false;
	}
	if (text.n)
		rtsp_put(&t->writer, RTSP_H_RTP_INFO, buf_bytes(&text));
	buf_clear(&text);
}

/* What is used, when it was asked for or differs from normal (12.34, 12.35). */
static void put_rate(struct rtsp_txn *t, enum rtsp_header_id id, int64_t millionths)
{
	struct buf text;

	if (!rtsp_header(&t->req, id) && millionths == SCALE_ONE)
		return;
	buf_init(&text, RANGE_MAX);
	if (scale_write(millionths, &text) == 0)
		rtsp_put(&t->writer, id, buf_bytes(&text));
	buf_clear(&text);
}

/* x: what is played, from `start` on as far as the client is concerned. */
static bool answer_play(struct rtsp_txn *t, const struct stretch *x, tick_t start,
	const struct axis *axis, bool is_queued, tick_t now)
{
	const struct rtp_session *s = t->session;
	const struct timeline *l = &x->line;

	rtsp_txn_begin(t, RTSP_OK, now);
	start = put_range(t, axis, start, rtp_session_end_of(s, l, x->stop));
	put_rate(t, RTSP_H_SCALE, (int64_t)l->scale * SCALE_ONE);
	put_rate(t, RTSP_H_SPEED, l->speed);
	put_rtp_info(
		t, l->present == TICK_NEVER ? TICK_NEVER : timeline_present(l, start), is_queued);
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}

/* Without a Range while playing: are you there? (10.5) Nothing changes; the reply tells of the next
 * packet. */
static bool answer_ping(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	const struct stretch x = { .line = s->line, .stop = s->stop_npt };

	return answer_play(
		t, &x, rtp_session_next(s, now), &(struct axis){ .unit = RANGE_NPT }, false, now);
}

static bool refuse(struct rtsp_txn *t, int status, tick_t now)
{
	rtsp_txn_answer(t, status, now);
	return true;
}

static int status_of(int err)
{
	return err == ERR_RANGE         ? RTSP_INVALID_RANGE
	       : err == ERR_UNSUPPORTED ? RTSP_HEADER_NOT_VALID
	       : err == ERR_LIMIT       ? RTSP_UNAVAILABLE
					: RTSP_INTERNAL_ERROR;
}

bool rtsp_do_play(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	struct axis axis = { .unit = RANGE_NPT };
	struct range r = { 0 };
	struct play p = { 0 };
	struct stretch x;
	bool has_range = rtsp_header(&t->req, RTSP_H_RANGE) != NULL, is_queued;

	int status = rtsp_check_aggregate(t);
	if (!status)
		status = read_rates(t, &p);
	if (!status && has_range)
		status = read_range(t, &r, &axis);
	if (!status)
		status = read_start_time(t, &r, &p, now);
	if (status)
		return refuse(t, status, now);
	if (!has_range && s->state == RTP_PLAYING && !rtsp_header(&t->req, RTSP_H_SCALE) &&
		!rtsp_header(&t->req, RTSP_H_SPEED))
		return answer_ping(t, now);
	p.has_start = r.has_start;
	p.start = r.start;
	p.has_end = r.has_end;
	p.end = r.end;
	int err = rtp_session_play(s, &p, now, &x, &is_queued);
	if (err)
		return refuse(t, status_of(err), now);
	return answer_play(t, &x, x.line.npt, &axis, is_queued, now);
}

bool rtsp_do_pause(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	struct axis axis = { .unit = RANGE_NPT };
	struct range r = { 0 };
	int status = rtsp_check_aggregate(t);

	if (status)
		return refuse(t, status, now);
	if (s->state != RTP_PLAYING && !s->by_itself) {
		rtsp_answer_state(t, now);
		return true;
	}
	if (s->by_itself) {
		s->by_itself =
			false; /* the client could not know (10.5): it is paused, as it wished */
	} else if (!rtsp_header(&t->req, RTSP_H_RANGE)) {
		rtp_session_pause(s, now);
	} else {
		status = read_range(t, &r, &axis);
		/* one value, not a range (10.6) */
		if (!status && (!r.has_start || r.has_end))
			status = RTSP_INVALID_RANGE;
		if (!status && rtp_session_pause_at(s, r.start, now) != 0)
			status = RTSP_INVALID_RANGE;
		if (status)
			return refuse(t, status, now);
	}
	rtsp_txn_begin(t, RTSP_OK, now);
	(void)put_range(t, &axis, s->state == RTP_PLAYING ? r.start : s->line.npt,
		rtp_session_end_of(s, &s->line, s->stop_npt));
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}
