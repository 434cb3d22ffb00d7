/* SPDX-License-Identifier: MIT */
#include "server/tests/film.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/unit.h"

enum { GROUP = FILM_I + FILM_FPS / 2 * (FILM_P + FILM_B), HEAD = 8 };
#define FRAME_TIME (TICK_S / FILM_FPS)
#define AUDIO_TIME (TICK_S / FILM_AUDIO_PPS)

static const uint8_t body[FILM_VIDEO_BODY];

/* ---- what the medium is made of ---- */

struct place {
	uint32_t frame, at, n; /* frame in decoding order; packet of it; its packets */
	uint8_t kind;          /* 0 I, 1 P, 2 B */
};

/* Odd frames of a group are P, even ones B. */
static uint8_t kind_of(uint32_t frame)
{
	uint32_t k = frame % FILM_FPS;
	return k == 0 ? 0 : k % 2 ? 1 : 2;
}

static uint32_t packets_of(uint8_t kind)
{
	static const uint32_t n[] = { FILM_I, FILM_P, FILM_B };
	return n[kind];
}

static struct place video_place(uint32_t index)
{
	struct place p = { .frame = index / GROUP * FILM_FPS };

	for (index %= GROUP;; p.frame++) {
		p.kind = kind_of(p.frame);
		p.n = packets_of(p.kind);
		p.at = index;
		if (index < p.n)
			return p;
		index -= p.n;
	}
}

/* Each P is shown after the B that follows it. */
static uint32_t shown_at(uint32_t frame)
{
	static const int32_t later[] = { 0, 1, -1 };
	return (uint32_t)((int32_t)frame + later[kind_of(frame)]);
}

static tick_t due_of(uint32_t track, uint32_t index)
{
	return track ? (tick_t)index * AUDIO_TIME : (tick_t)video_place(index).frame * FRAME_TIME;
}

static uint32_t total(uint32_t track)
{
	return FILM_S * (track ? (uint32_t)FILM_AUDIO_PPS : (uint32_t)GROUP);
}

uint32_t film_video_packets(tick_t t)
{
	uint32_t frames = t < 0 ? 0 : (uint32_t)(t / FRAME_TIME) + 1, n = 0;

	n = frames / FILM_FPS * GROUP;
	for (uint32_t f = frames / FILM_FPS * FILM_FPS; f < frames; f++)
		n += packets_of(kind_of(f));
	return n < total(0) ? n : total(0);
}

uint32_t film_packets(tick_t t)
{
	uint32_t audio = t < 0 ? 0 : (uint32_t)(t / AUDIO_TIME) + 1;
	return film_video_packets(t) + (audio < total(1) ? audio : total(1));
}

/* ---- the source ---- */

struct film {
	struct source source;
	struct source_track tracks[2];
	uint32_t next[2];
};

static int film_describe(struct source *s, const struct source_place *place, struct buf *sdp)
{
	(void)s;
	(void)place;
	return buf_printf(sdp, "v=0\r\n");
}

static int film_seek(
	struct source *s, uint32_t tracks, const struct source_start *start, tick_t *actual)
{
	struct film *f = container_of(s, struct film, source);
	uint32_t second = (uint32_t)(start->npt / TICK_S);

	if (start->npt > s->duration)
		return ERR_RANGE;
	if (tracks & 1)
		f->next[0] = second * GROUP;
	if (tracks & 2)
		f->next[1] = second * FILM_AUDIO_PPS;
	*actual = (tick_t)second * TICK_S;
	return 0;
}

static void fill(struct packet *p, uint32_t track, uint32_t index)
{
	struct place v = track ? (struct place){ .frame = index, .n = 1 } : video_place(index);
	static const uint8_t importance[] = { IMPORTANCE_HIGH, IMPORTANCE_NORMAL, IMPORTANCE_LOW };

	*p = (struct packet){ .track = (uint8_t)track,
		.payload_type = (uint8_t)(96 + track),
		.importance = importance[v.kind],
		.head_n = HEAD,
		.marker = v.at + 1 == v.n,
		.sync = v.kind == 0,
		.train = 1,
		.due = due_of(track, index),
		.rtp_time = track ? index * (FILM_AUDIO_HZ / FILM_AUDIO_PPS)
				  : shown_at(v.frame) * (FILM_VIDEO_HZ / FILM_FPS),
		.body = bytes_of(body, (track ? FILM_AUDIO_BODY : FILM_VIDEO_BODY) - HEAD) };
	put_be32(p->head, index);
	put_be32(p->head + 4, v.frame);
}

static int film_next(struct source *s, uint32_t tracks, tick_t until, tick_t now, struct packet *p)
{
	struct film *f = container_of(s, struct film, source);
	int best = -1;
	(void)now;

	for (uint32_t t = 0; t < 2; t++) {
		if (!(tracks >> t & 1) || f->next[t] == total(t))
			continue;
		if (best < 0 || due_of(t, f->next[t]) < due_of((uint32_t)best, f->next[best]))
			best = (int)t;
	}
	if (best < 0)
		return ERR_END;
	p->track = (uint8_t)best;
	p->due = due_of((uint32_t)best, f->next[best]);
	if (p->due > until)
		return SOURCE_LATER;
	fill(p, (uint32_t)best, f->next[best]++);
	return 0;
}

static void film_free(struct source *s)
{
	free(container_of(s, struct film, source));
}

static const struct source_ops film_ops = { .name = "film",
	.describe = film_describe,
	.seek = film_seek,
	.next = film_next,
	.free = film_free };

static int film_open(struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	(void)self;
	(void)t;
	if (strcmp(path, "/film") != 0)
		return ERR_NOT_FOUND;
	struct film *f = xcalloc(1, sizeof *f);
	f->tracks[0] = (struct source_track){ .control = "trackID=1",
		.clock_hz = FILM_VIDEO_HZ,
		.payload_type = 96,
		.is_video = true,
		.duration = FILM_S * TICK_S,
		.bitrate_bps = 800000 };
	f->tracks[1] = (struct source_track){ .control = "trackID=2",
		.clock_hz = FILM_AUDIO_HZ,
		.payload_type = 97,
		.duration = FILM_S * TICK_S,
		.bitrate_bps = 85000 };
	f->source = (struct source){
		.ops = &film_ops, .n_tracks = 2, .tracks = f->tracks, .duration = FILM_S * TICK_S
	};
	*out = &f->source;
	return 0;
}

const struct module film_module = {
	.api_version = MODULE_API, .name = "film", .open_source = film_open
};

/* ---- the viewer ---- */

static void end_frame(struct film_viewer *v)
{
	if (!v->frame_want)
		return;
	uint8_t kind = kind_of(v->frame);
	bool whole = v->frame_got == v->frame_want;
	v->frame_want = 0;
	if (!whole) {
		v->torn++;
		v->has_ref = v->has_ref && kind == 2;
		return;
	}
	v->whole++;
	v->of_kind[kind]++;
	/* a P refers to the P or I before it; a B lies between two of them that came */
	uint32_t needs =
		kind == 1 ? (v->frame % FILM_FPS == 1 ? v->frame - 1 : v->frame - 2) : v->frame - 1;
	if (kind == 0 || (kind == 1 && v->has_ref && v->last_ref == needs)) {
		v->has_ref = true;
		v->last_ref = v->frame;
	} else if (kind == 1) {
		v->undecodable++;
		v->has_ref = false;
	} else {
		v->undecodable += !(v->has_ref && v->last_ref == needs);
	}
}

static void on_video(struct film_viewer *v, uint32_t index)
{
	struct place p = video_place(index);

	if (v->frame_want && v->frame != p.frame)
		end_frame(v);
	if (!v->frame_want) {
		v->frame = p.frame;
		v->frame_got = 0;
		v->frame_want = p.n;
	}
	if (++v->frame_got == v->frame_want && p.at + 1 == p.n)
		end_frame(v);
}

static void on_rtp(struct film_viewer *v, uint32_t track, struct bytes payload)
{
	struct rtp_view r;

	CU_ASSERT_EQUAL_FATAL(rtp_read(payload, &r), 0);
	CU_ASSERT_FATAL(r.payload.n >= HEAD);
	uint32_t index = be32(r.payload.p);
	if (v->any[track]) {
		v->lost += (uint16_t)(r.seq - v->seq[track] - 1);
		v->repeated += index < v->next[track];
		if (index > v->next[track])
			v->skipped[track] += index - v->next[track];
	} else {
		v->first_timestamp[track] = r.timestamp;
	}
	v->any[track] = true;
	v->seq[track] = r.seq;
	v->timestamp[track] = r.timestamp;
	v->next[track] = index + 1;
	v->n[track]++;
	v->octets[track] += r.payload.n;
	if (track == 0)
		on_video(v, index);
}

static void on_rtcp(struct film_viewer *v, uint32_t track, struct bytes payload)
{
	struct rtcp_view r;

	CU_ASSERT_EQUAL_FATAL(rtcp_check(payload), 0);
	while (rtcp_next(&payload, &r) == 1) {
		v->byes += r.type == RTCP_BYE;
		if (r.type != RTCP_SR)
			continue;
		v->n_sr[track]++;
		v->sr_packets[track] = r.sr.packets;
		v->sr_octets[track] = r.sr.octets;
		v->sr_timestamp[track] = r.sr.timestamp;
	}
}

void film_view(void *arg, uint8_t channel, struct bytes payload)
{
	CU_ASSERT_FATAL(channel < 4);
	if (channel % 2)
		on_rtcp(arg, channel / 2, payload);
	else
		on_rtp(arg, channel / 2, payload);
}
