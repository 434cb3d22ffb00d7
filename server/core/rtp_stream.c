/* SPDX-License-Identifier: MIT */
#include "server/core/rtp_stream.h"

#include <stdlib.h>
#include <string.h>

#include "server/core/module.h"
#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

enum {
	RTP_PADDING = 0x20, /* bits of the first octet (3550 5.1) */
	RTP_EXTENSION = 0x10,
	COMPOUND_MAX = 512,
	LOWER_HEADERS =
		28, /* IPv4 and UDP: what RTCP intervals count beside the compound (3550 6.2) */
};

void rtp_stream_init(struct rtp_stream *st, struct rtp_session *s, uint8_t track)
{
	struct worker *w = s->w;
	uint32_t ssrc;

	do
		ssrc = (uint32_t)worker_random(w);
	while (ssrc == 0 || demux_has_ssrc(&w->demux, ssrc));
	uint64_t r = worker_random(w);
	*st = (struct rtp_stream){ .session = s,
		.track = track,
		.clock_hz = s->source->tracks[track].clock_hz,
		.ssrc = ssrc,
		.seq = (uint16_t)r,
		.ts_base = (uint32_t)(r >> 32),
		.report.round_trip = -1 };
	s->source->tracks[track].ssrc = ssrc;
	demux_add(&w->demux, &st->demux, st, ssrc);
}

void rtp_stream_clear(struct rtp_stream *st)
{
	struct worker *w = st->session->w;

	thin_account(&st->thin, &w->stats, w->loop.now);
	if (st->sender.close)
		st->sender.close(&st->sender, st);
	st->sender = (struct sender){ 0 };
	if (st->over)
		rtsp_session_free_channels(st->over, st->channel, st->rtcp_channel);
	st->over = NULL;
	rtp_session_rewired(st->session);
	udp_pair_use(&st->pair, NULL);
	st->is_setup = false;
	demux_remove(&w->demux, &st->demux);
	free(st->url);
	st->url = NULL;
}

/* ---- packets ---- */

/* Octets of padding, which the last of them numbers (3550 5.1). */
static uint8_t padding_of(const struct rtp_out *o)
{
	const uint8_t *h = o->head + FRAME_HEADER;
	size_t n = o->head_n - RTP_HEADER + o->body.n;

	if (!(h[0] & RTP_PADDING) || n == 0)
		return 0;
	uint8_t padding = o->body.n ? o->body.p[o->body.n - 1] : h[o->head_n - 1];
	return padding < n ? padding : (uint8_t)n;
}

void rtp_stream_place(struct rtp_stream *st)
{
	const struct timeline *l = &st->session->line;

	st->ts_start = rtp_stream_time(st, l->present);
	st->rtp_start = source_rtp_at(st->session->source, st->track, l->npt);
	st->ts_off = st->ts_start - st->rtp_start;
	st->start = l->npt;
	st->scale = l->scale == 1 ? 0 : l->scale;
	st->is_placed = true;
}

/* At another scale than 1: ticks of NPT since the start, which may be more than 2^31, and then as many
 * of presentation. */
static uint32_t scaled_timestamp(const struct rtp_stream *st, const struct packet *p)
{
	tick_t span = p->due - st->start;
	int64_t hz = st->clock_hz, near = span / TICK_S * hz + span % TICK_S * hz / TICK_S;
	int64_t ticks = near + (int32_t)(p->rtp_time - st->rtp_start - (uint32_t)near);

	return st->ts_start + (uint32_t)(ticks / st->scale);
}

static void note_step(struct rtp_stream *st, uint32_t size)
{
	if (st->ts_step == 0 || size < st->ts_step)
		st->ts_step = size;
	/* what lies between two plays is no packet's length */
	if (!st->is_placed && size > st->ts_longest && size <= st->clock_hz / 2)
		st->ts_longest = size;
}

static uint32_t next_timestamp(struct rtp_stream *st, const struct packet *p)
{
	uint32_t ts = st->scale ? scaled_timestamp(st, p) : st->ts_off + p->rtp_time;
	int32_t step = (int32_t)(ts - st->ts_last);

	if (st->packets == 0) {
		st->ts_high = ts;
	} else if (step != 0) {
		note_step(st, step < 0 ? -(uint32_t)step : (uint32_t)step);
		if ((int32_t)(ts - st->ts_high) > 0)
			st->ts_high = ts;
	}
	st->is_placed = false;
	st->ts_last = ts;
	return ts;
}

tick_t rtp_stream_free_from(const struct rtp_stream *st, tick_t near)
{
	bool is_video = st->session->source->tracks[st->track].is_video;
	uint32_t step = st->ts_step ? st->ts_step : 1, before = 0;

	/* the sound at the start of a range has begun before it, by less than a packet; one of unknown
	 * length is taken for half a second */
	if (!is_video)
		before = st->ts_longest ? st->ts_longest : st->clock_hz / 2;
	int32_t span = (int32_t)(st->ts_high + step + before - rtp_stream_time(st, near));

	/* up, so that its timestamp is not one tick too low */
	return st->packets ? near + (span * TICK_S + st->clock_hz - 1) / st->clock_hz : TICK_NEVER;
}

void rtp_stream_send(struct rtp_stream *st, const struct packet *p, tick_t due)
{
	struct rtp_out o;
	uint8_t *h = o.head + FRAME_HEADER;

	rtp_header_write(h, p->marker, p->payload_type, st->seq++, next_timestamp(st, p), st->ssrc);
	if (p->padding)
		h[0] |= RTP_PADDING;
	if (p->extension)
		h[0] |= RTP_EXTENSION;
	memcpy(h + RTP_HEADER, p->head, sizeof p->head);
	o.head_n = RTP_HEADER + p->head_n;
	o.body = p->body;
	o.due = due;
	st->packets++;
	/* what an SR counts: without padding (3550 6.4.1) */
	st->octets += o.head_n - RTP_HEADER + o.body.n - padding_of(&o);
	st->sender.rtp(&st->sender, st, &o);
}

static void note_lateness(struct rtp_stream *st, tick_t late)
{
	if (late > st->latest)
		st->latest = late;
	if (late > PACKET_LATE) {
		st->late++;
		st->session->w->stats.packets_late++;
	}
}

void rtp_stream_offer(struct rtp_stream *st, const struct packet *p, const struct thin_moment *m)
{
	struct worker *w = st->session->w;

	if (st->is_tcp) {
		bool is_video = st->session->source->tracks[st->track].is_video;
		switch (thin_judge(&st->thin, w->prefs, &w->stats, is_video, p, m)) {
		case THIN_SEND: break;
		case THIN_OUT:
			st->thinned++;
			w->stats.packets_thinned++;
			return;
		case THIN_TOO_LATE:
			st->too_late++;
			w->stats.packets_too_late++;
			return;
		}
	}
	note_lateness(st, m->now - m->due);
	rtp_stream_send(st, p, m->due);
}

/* Not handed over: no report may count it. */
static void take_back(struct rtp_stream *st, size_t n, uint8_t padding)
{
	st->packets--;
	st->octets -= n - RTP_HEADER - padding;
}

void rtp_stream_on_drop(struct rtp_stream *st, size_t n, uint8_t padding)
{
	take_back(st, n, padding);
	st->dropped++;
	thin_lost(&st->thin);
}

static void send_udp(struct sender *s, struct rtp_stream *st, struct rtp_out *o)
{
	struct stats *stats = &st->session->w->stats;
	(void)s;
	udp_send(&st->pair->rtp, &st->rtp_to, rtp_out_header(o), o->head_n, o->body);
	stats->packets_sent++;
	stats->bytes_sent += o->head_n + o->body.n;
}

static void send_tcp(struct sender *s, struct rtp_stream *st, struct rtp_out *o)
{
	struct stats *stats = &st->session->w->stats;
	size_t n = o->head_n + o->body.n;
	uint8_t padding = padding_of(o);
	(void)s;

	if (!st->over)
		return;
	frame_header_write(o->head, st->channel, (uint16_t)n);
	stats->packets_sent++; /* the connection's on_drop takes it back */
	stats->bytes_sent += n;
	int err = conn_put_frame(&st->over->conn, o->head, FRAME_HEADER + o->head_n, o->body,
		o->due, (uint16_t)(padding << 8 | st->channel));
	if (err == ERR_LIMIT) {
		thin_cut(&st->thin);
	} else if (err) {
		stats->packets_sent--;
		stats->bytes_sent -= n;
		take_back(st, n, padding);
	}
}

static void send_rtcp_udp(
	struct sender *s, struct rtp_stream *st, struct bytes compound, tick_t now)
{
	(void)s;
	(void)now;
	udp_send(&st->pair->rtcp, &st->rtcp_to, NULL, 0, compound);
	udp_flush(&st->pair->rtcp); /* the compound is on the stack; one per stream and 5 s */
}

static void send_rtcp_tcp(
	struct sender *s, struct rtp_stream *st, struct bytes compound, tick_t now)
{
	uint8_t frame[FRAME_HEADER + COMPOUND_MAX];
	(void)s;
	(void)now;

	if (!st->over || compound.n > COMPOUND_MAX)
		return;
	frame_header_write(frame, st->rtcp_channel, (uint16_t)compound.n);
	memcpy(frame + FRAME_HEADER, compound.p, compound.n);
	if (conn_put(&st->over->conn, bytes_of(frame, FRAME_HEADER + compound.n)) != 0)
		st->dropped++;
}

/* Modules see the sender last, so that theirs is outermost. */
static void wrap(struct rtp_stream *st)
{
	struct server *srv = st->session->w->server;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->wrap_sender)
			m->wrap_sender(m, st, &st->sender);
	}
}

static void use(struct rtp_stream *st, struct sender s)
{
	if (st->sender.close)
		st->sender.close(&st->sender, st);
	st->sender = s;
	st->is_setup = true;
	wrap(st);
}

void rtp_stream_use_udp(struct rtp_stream *st)
{
	st->is_tcp = false;
	use(st, (struct sender){ .rtp = send_udp, .rtcp = send_rtcp_udp });
}

void rtp_stream_use_tcp(struct rtp_stream *st)
{
	st->is_tcp = true;
	use(st, (struct sender){ .rtp = send_tcp, .rtcp = send_rtcp_tcp });
}

/* ---- RTCP ---- */

/* Ticks of a clock in a span; exact for years. */
static uint32_t clock_ticks(tick_t span, uint32_t hz)
{
	uint64_t s = (uint64_t)span / TICK_S, ns = (uint64_t)span % TICK_S;
	return (uint32_t)(s * hz + (ns * hz + TICK_S / 2) / TICK_S);
}

uint32_t rtp_stream_time(const struct rtp_stream *st, tick_t t)
{
	tick_t span = t - st->session->t0;
	return st->ts_base + (span >= 0 ? clock_ticks(span, st->clock_hz)
					: (uint32_t)-clock_ticks(-span, st->clock_hz));
}

static bool is_sending(const struct rtp_stream *st)
{
	/* a sender is who has sent since the report before the last (3550 6.3.8, 6.4) */
	return st->packets != st->packets_reported[1];
}

/* SR or RR, and SDES; the caller ends it. */
static void put_report(const struct rtp_stream *st, struct rtcp_writer *out, tick_t now)
{
	char cname[ADDR_TEXT + 8], host[ADDR_TEXT];

	if (is_sending(st)) {
		struct rtcp_sender sr = { .ntp = rtp_session_ntp(st->session, now),
			.timestamp = rtp_stream_time(st, now),
			.packets = (uint32_t)st->packets,
			.octets = (uint32_t)st->octets };
		rtcp_put_sr(out, st->ssrc, &sr, NULL, 0);
	} else {
		rtcp_put_rr(out, st->ssrc, NULL, 0);
	}
	int n = snprintf(
		cname, sizeof cname, "beagle@%s", addr_host_text(&st->session->local, host));
	rtcp_put_cname(out, st->ssrc, bytes_of(cname, (size_t)n));
}

void rtp_stream_start_rtcp(struct rtp_stream *st, tick_t now)
{
	struct worker *w = st->session->w;
	const struct source_track *t = &st->session->source->tracks[st->track];

	if (st->has_rtcp)
		return;
	struct rtcp_sched_config c = { .session_bps = t->bitrate_bps ? t->bitrate_bps : 64000,
		.is_sender = true,
		.members = 2,
		.senders = 1,
		.first_bytes = 100,
		.first_at_once = true };
	rtcp_sched_init(&st->sched, &c, now, (uint32_t)worker_random(w));
	st->has_rtcp = true;
	st->session->chores_at = 0;
	st->bye_sent = false;
}

static void report(struct rtp_stream *st, tick_t now)
{
	uint8_t room[COMPOUND_MAX];
	struct rtcp_writer out;
	struct worker *w = st->session->w;

	rtcp_begin(&out, room, sizeof room);
	put_report(st, &out, now);
	int n = rtcp_end(&out);
	if (n > 0) {
		st->sender.rtcp(&st->sender, st, bytes_of(room, (size_t)n), now);
		st->ever_reported = true;
		w->stats.rtcp_sent++;
	}
	st->packets_reported[1] = st->packets_reported[0];
	st->packets_reported[0] = st->packets;
	rtcp_sched_set_sender(&st->sched, is_sending(st));
	rtcp_sched_on_sent(&st->sched, (uint32_t)(n > 0 ? n : 0) + LOWER_HEADERS, now,
		(uint32_t)worker_random(w));
}

tick_t rtp_stream_run_rtcp(struct rtp_stream *st, tick_t now)
{
	if (!st->has_rtcp)
		return TICK_NEVER;
	if (now >= st->sched.next &&
		rtcp_sched_expire(&st->sched, now, (uint32_t)worker_random(st->session->w)) ==
			RTCP_SCHED_REPORT)
		report(st, now);
	return st->sched.next;
}

void rtp_stream_bye(struct rtp_stream *st, tick_t now)
{
	uint8_t room[COMPOUND_MAX];
	struct rtcp_writer out;

	st->has_rtcp = false;
	if (!st->is_setup || st->bye_sent || (!st->packets && !st->ever_reported))
		return;
	rtcp_begin(&out, room, sizeof room);
	put_report(st, &out, now);
	rtcp_put_bye(&out, st->ssrc, (struct bytes){ 0 });
	int n = rtcp_end(&out);
	if (n <= 0)
		return;
	/* packets of this turn still wait, and nothing may come after a BYE (3550 6.3.7) */
	if (!st->is_tcp)
		udp_flush(&st->pair->rtp);
	st->sender.rtcp(&st->sender, st, bytes_of(room, (size_t)n), now);
	st->session->w->stats.rtcp_sent++;
	st->bye_sent = true;
}

static void on_block(struct rtp_stream *st, const struct rtcp_block *b, tick_t now)
{
	struct rtp_report *r = &st->report;

	if (b->ssrc != st->ssrc)
		return;
	*r = (struct rtp_report){ .n = r->n + 1,
		.fraction = b->fraction,
		.lost = b->lost,
		.highest = b->highest,
		.jitter = b->jitter };
	r->round_trip =
		rtcp_round_trip(ntp_middle(rtp_session_ntp(st->session, now)), b->lsr, b->dlsr);
}

static void tell_modules(struct rtp_stream *st, const struct rtcp_view *v, tick_t now)
{
	struct server *srv = st->session->w->server;

	if (!srv->has_rtcp)
		return;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->rtcp)
			m->rtcp(m, st, v, now);
	}
}

void rtp_stream_on_data(struct rtp_stream *st, struct bytes data, tick_t now)
{
	struct server *srv = st->session->w->server;

	if (!srv->has_incoming_data)
		return;
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->incoming_data)
			m->incoming_data(m, st, data, now);
	}
}

void rtp_stream_on_rtcp(struct rtp_stream *st, struct bytes compound, tick_t now)
{
	struct bytes rest = compound;
	struct rtcp_view v;

	st->session->w->stats.rtcp_received++;
	rtp_session_touch(st->session, now);
	if (st->has_rtcp)
		rtcp_sched_on_received(&st->sched, (uint32_t)compound.n + LOWER_HEADERS);
	while (rtcp_next(&rest, &v) == 1) {
		if (v.type == RTCP_RR || v.type == RTCP_SR) {
			for (size_t i = 0; i < v.count; i++) {
				struct rtcp_block b;
				rtcp_block_read(&v, i, &b);
				on_block(st, &b, now);
			}
		}
		tell_modules(st, &v, now);
	}
}
