/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_channels.h"

#include "server/core/rtsp_session.h"
#include "server/core/server.h"

enum { MEDIA_CHANNELS = 256 };

/* ---- channels ---- */

static bool is_taken(const struct rtsp_session *c, int n)
{
	return c->channels[n / 8] & 1u << n % 8;
}

static void set_taken(struct rtsp_session *c, int n, bool taken)
{
	uint8_t bit = (uint8_t)(1u << n % 8);
	c->channels[n / 8] =
		(uint8_t)(taken ? c->channels[n / 8] | bit : c->channels[n / 8] & ~bit);
}

bool rtsp_session_take_channels(struct rtsp_session *c, int lo, int hi, uint8_t *rtp, uint8_t *rtcp)
{
	if (lo < 0 || lo >= MEDIA_CHANNELS || hi < 0 || hi >= MEDIA_CHANNELS || lo == hi ||
		is_taken(c, lo) || is_taken(c, hi)) {
		for (lo = 0; lo < MEDIA_CHANNELS; lo += 2) {
			if (!is_taken(c, lo) && !is_taken(c, lo + 1))
				break;
		}
		if (lo >= MEDIA_CHANNELS)
			return false;
		hi = lo + 1;
	}
	set_taken(c, lo, true);
	set_taken(c, hi, true);
	*rtp = (uint8_t)lo;
	*rtcp = (uint8_t)hi;
	return true;
}

void rtsp_session_keep_channels(struct rtsp_session *c, uint8_t rtp, uint8_t rtcp)
{
	set_taken(c, rtp, true);
	set_taken(c, rtcp, true);
}

void rtsp_session_free_channels(struct rtsp_session *c, uint8_t rtp, uint8_t rtcp)
{
	set_taken(c, rtp, false);
	set_taken(c, rtcp, false);
}

static struct rtp_stream *stream_of(struct rtsp_session *c, int channel)
{
	LIST_EACH(x, &c->media)
	{
		struct rtp_session *s = container_of(x, struct rtp_session, on_conn);
		for (uint32_t i = 0; i < s->n_streams; i++) {
			struct rtp_stream *st = &s->streams[i];
			if (st->over == c &&
				(st->channel == channel || st->rtcp_channel == channel))
				return st;
		}
	}
	return NULL;
}

void rtsp_session_on_drop(void *arg, uint16_t tag, size_t n)
{
	struct rtsp_session *c = arg;
	struct rtp_stream *st = stream_of(c, tag & UINT8_MAX);

	if (st)
		rtp_stream_on_drop(st, n - FRAME_HEADER, (uint8_t)(tag >> 8));
	c->w->stats.packets_sent--;
	c->w->stats.bytes_sent -= n - FRAME_HEADER;
	c->w->stats.packets_dropped_tcp++;
}

/* ---- back-pressure ---- */

/* Far below the mark above which frames are dropped: media that can wait are never dropped. */
size_t rtsp_session_room(const struct rtsp_session *c)
{
	return c->conn.limits.high_water / 4;
}

void rtsp_session_tell_room(struct rtsp_session *c)
{
	if (!c->wants_room || c->conn.io.waiting > rtsp_session_room(c) / 2)
		return;
	c->wants_room = false;
	LIST_EACH(x, &c->media)
	{
		task_signal(&container_of(x, struct rtp_session, on_conn)->task, EV_UPDATE);
	}
}

/* ---- '$' frames ---- */

void rtsp_session_on_frame(struct rtsp_session *c, const struct frame *f, tick_t now)
{
	struct stats *stats = &c->w->stats;
	struct rtp_stream *st = stream_of(c, f->channel);

	if (!st)
		stats->frames_unknown++;
	else if (st->rtcp_channel != f->channel) {
		stats->rtp_received++;
		rtp_stream_on_data(st, f->payload, now);
	} else if (rtcp_check(f->payload) != 0)
		stats->rtcp_bad++;
	else
		rtp_stream_on_rtcp(st, f->payload, now);
}

/* ---- media over it ---- */

void rtsp_session_end_tied(struct rtsp_session *c, enum close_reason why, tick_t now)
{
	LIST_EACH(x, &c->media)
	{
		struct rtp_session *s = container_of(x, struct rtp_session, on_conn);
		bool tied = false;
		for (uint32_t i = 0; i < s->n_streams; i++)
			tied = tied || s->streams[i].over == c;
		if (tied)
			rtp_session_end(s, why, now);
	}
}

bool rtsp_session_is_carrying(struct rtsp_session *c)
{
	LIST_EACH(x, &c->media)
	{
		struct rtp_session *s = container_of(x, struct rtp_session, on_conn);
		for (uint32_t i = 0; s->state == RTP_PLAYING && i < s->n_streams; i++) {
			if (s->streams[i].over == c)
				return true;
		}
	}
	return false;
}
