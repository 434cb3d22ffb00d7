/* SPDX-License-Identifier: MIT */
#include "server/core/module.h"
#include "server/core/rtsp_methods.h"
#include "server/core/server.h"
#include "server/wire/range.h"
#include "server/wire/rtpinfo.h"

enum { RTP_INFO_MAX = 64 * 1024, START_LATER_MAX_S = 86400 };

/* Range of the request, as far as we serve it: 0 or the status. */
static int read_range(const struct rtsp_txn *t, struct range *r)
{
	struct fault f;

	switch (range_read(rtsp_value(&t->req, RTSP_H_RANGE), r, &f)) {
	case 0: break;
	case ERR_UNSUPPORTED: return RTSP_NOT_IMPLEMENTED; /* 12.29 */
	case ERR_RANGE: return RTSP_INVALID_RANGE;
	default: return RTSP_BAD_REQUEST;
	}
	if (r->unit != RANGE_NPT)
		return RTSP_NOT_IMPLEMENTED;
	/* stored media have no "now" (3.6) */
	return r->is_now ? RTSP_INVALID_RANGE : 0;
}

/* Scale and Speed are judged, and then not followed: the reply says 1 (12.34). */
static int check_rates(const struct rtsp_txn *t)
{
	int64_t v;
	const struct rtsp_header *scale = rtsp_header(&t->req, RTSP_H_SCALE);
	const struct rtsp_header *speed = rtsp_header(&t->req, RTSP_H_SPEED);

	if (scale && scale_read(scale->value, &v) != 0)
		return RTSP_BAD_REQUEST;
	if (speed && speed_read(speed->value, &v) != 0)
		return RTSP_BAD_REQUEST;
	return 0;
}

/* ;time= says when to begin (12.29). 0 or the status. */
static int read_start_time(
	const struct rtsp_txn *t, const struct range *r, struct play *p, tick_t now)
{
	if (!r->has_time)
		return 0;
	tick_t ahead = r->time - worker_wall(t->worker, now);
	if (ahead > START_LATER_MAX_S * TICK_S)
		return RTSP_NOT_IMPLEMENTED;
	p->at = ahead > 0 ? now + ahead : now;
	return 0;
}

/* Range: from `npt` to the end of what is being played. */
static void put_range(struct rtsp_txn *t, tick_t npt)
{
	const struct rtp_session *s = t->session;
	tick_t end = s->stop_npt < s->source->duration ? s->stop_npt : s->source->duration;
	struct range r = {
		.has_start = true, .start = npt, .has_end = end != TICK_NEVER, .end = end
	};
	struct buf text;

	buf_init(&text, 256);
	if (range_write(&r, &text) == 0)
		rtsp_put(&t->writer, RTSP_H_RANGE, buf_bytes(&text));
	buf_clear(&text);
}

/* The number of the packet that will really go first, and the RTP time of loop time `at`, which is where
 * the Range of the reply begins (12.33). */
static void put_rtp_info(struct rtsp_txn *t, tick_t at)
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
			.has_seq = true,
			.seq = st->seq,
			.has_rtptime = true,
			.rtptime = rtp_stream_time(st, at) };
		if (rtpinfo_write(&e, first, &text) == 0)
			first = false;
	}
	if (text.n)
		rtsp_put(&t->writer, RTSP_H_RTP_INFO, buf_bytes(&text));
	buf_clear(&text);
}

static bool answer_play(struct rtsp_txn *t, tick_t npt, tick_t at, tick_t now)
{
	rtsp_txn_begin(t, RTSP_OK, now);
	put_range(t, npt);
	if (rtsp_header(&t->req, RTSP_H_SCALE))
		rtsp_put(&t->writer, RTSP_H_SCALE, B("1.0"));
	if (rtsp_header(&t->req, RTSP_H_SPEED))
		rtsp_put(&t->writer, RTSP_H_SPEED, B("1.0"));
	put_rtp_info(t, at);
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}

/* Without a Range while playing: are you there? (10.5) Nothing changes; the reply tells of the next
 * packet, since what is due within half a tick has left already. */
static bool answer_ping(struct rtsp_txn *t, tick_t now)
{
	const struct rtp_session *s = t->session;
	tick_t at = now > s->line.deliver ? now : s->line.deliver;

	if (s->next_due > at)
		at = s->next_due;
	tick_t npt = timeline_npt(&s->line, at);
	return answer_play(t, npt, timeline_present(&s->line, npt), now);
}

static bool refuse(struct rtsp_txn *t, int status, tick_t now)
{
	rtsp_txn_answer(t, status, now);
	return true;
}

bool rtsp_do_play(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	struct range r = { 0 };
	struct play p = { .at = now };
	bool has_range = rtsp_header(&t->req, RTSP_H_RANGE) != NULL;

	int status = rtsp_check_aggregate(t);
	if (!status)
		status = check_rates(t);
	if (!status && has_range)
		status = read_range(t, &r);
	if (!status)
		status = read_start_time(t, &r, &p, now);
	if (status)
		return refuse(t, status, now);
	if (!has_range && s->state == RTP_PLAYING)
		return answer_ping(t, now);
	p.has_start = r.has_start;
	p.start = r.start;
	p.has_end = r.has_end;
	p.end = r.end;
	int err = rtp_session_play(s, &p, now);
	if (err)
		return refuse(t, err == ERR_RANGE ? RTSP_INVALID_RANGE : RTSP_INTERNAL_ERROR, now);
	return answer_play(t, s->line.npt, s->line.present, now);
}

bool rtsp_do_pause(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	struct range r = { 0 };
	int status = rtsp_check_aggregate(t);

	if (status)
		return refuse(t, status, now);
	if (s->state != RTP_PLAYING) {
		rtsp_answer_state(t, now);
		return true;
	}
	if (!rtsp_header(&t->req, RTSP_H_RANGE)) {
		rtp_session_pause(s, now);
	} else {
		status = read_range(t, &r);
		/* one value, not a range (10.6) */
		if (!status && (!r.has_start || r.has_end))
			status = RTSP_INVALID_RANGE;
		if (!status && rtp_session_pause_at(s, r.start, now) != 0)
			status = RTSP_INVALID_RANGE;
		if (status)
			return refuse(t, status, now);
	}
	rtsp_txn_begin(t, RTSP_OK, now);
	put_range(t, s->state == RTP_PLAYING ? r.start : s->line.npt);
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}
