/* SPDX-License-Identifier: MIT */
#include "server/tests/reel.h"

#include <math.h>
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/rtcp.h"
#include "server/wire/rtpinfo.h"

enum {
	DELTA = REEL_VIDEO_HZ / REEL_FPS,
	SIZE_I = 3000, /* three packets */
	SIZE_P = 600,
	SIZE_B = 200,
	SOUND_TICKS = 160, /* 20 ms: what a packet of PCMU has */
	EPOCH_1904 = 2082844800
};

static const uint8_t avcc[] = { 0x01, 0x42, 0xc0, 0x0d, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x42, 0xc0,
	0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x03,
	0x03, 0x20, 0xf1, 0x42, 0xa4, 0x80, 0x01, 0x00, 0x05, 0x68, 0xcb, 0x83, 0xcb, 0x20 };

/* ---- what it is made of ---- */

/* 0 I, 1 P, 2 B */
static unsigned kind_of(uint32_t frame, uint32_t group)
{
	uint32_t k = frame % group;
	return k == 0 ? 0 : k % 2 ? 1 : 2;
}

uint32_t reel_shown(uint32_t frame, uint32_t group)
{
	static const int32_t later[] = { 0, 1, -1 };
	return (uint32_t)((int32_t)frame + later[kind_of(frame, group)]);
}

static uint32_t size_of(uint32_t frame, uint32_t group)
{
	static const uint32_t sizes[] = { SIZE_I, SIZE_P, SIZE_B };
	return sizes[kind_of(frame, group)];
}

/* ---- boxes ---- */

static void put(struct buf *b, const void *p, size_t n)
{
	CU_ASSERT_EQUAL(buf_put(b, bytes_of(p, n)), 0);
}

static void put32(struct buf *b, uint32_t v)
{
	uint8_t o[4];
	put_be32(o, v);
	put(b, o, sizeof o);
}

static void put_zeros(struct buf *b, size_t n)
{
	static const uint8_t zeros[64];
	put(b, zeros, n);
}

static size_t open_box(struct buf *b, const char *type)
{
	size_t at = b->n;
	put32(b, 0);
	put(b, type, 4);
	return at;
}

static void close_box(struct buf *b, size_t at)
{
	put_be32(b->p + at, (uint32_t)(b->n - at));
}

static void put_matrix(struct buf *b)
{
	static const uint32_t unity[] = { 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000 };
	for (size_t i = 0; i < COUNT(unity); i++)
		put32(b, unity[i]);
}

static void put_mvhd(struct buf *b)
{
	size_t box = open_box(b, "mvhd");

	put32(b, 0);
	put32(b, EPOCH_1904 + REEL_CREATED);
	put32(b, 0);
	put32(b, 1000);
	put32(b, REEL_S * 1000);
	put32(b, 0x10000);
	put_zeros(b, 12);
	put_matrix(b);
	put_zeros(b, 24);
	put32(b, 3);
	close_box(b, box);
}

static void put_tkhd(struct buf *b, uint32_t id)
{
	size_t box = open_box(b, "tkhd");

	put32(b, 3);
	put_zeros(b, 8);
	put32(b, id);
	put32(b, 0);
	put32(b, REEL_S * 1000);
	put_zeros(b, 16);
	put_matrix(b);
	put32(b, 320 << 16);
	put32(b, 240 << 16);
	close_box(b, box);
}

static void put_edit(struct buf *b, uint32_t media_time)
{
	size_t edts = open_box(b, "edts"), elst = open_box(b, "elst");

	put32(b, 0);
	put32(b, 1);
	put32(b, REEL_S * 1000);
	put32(b, media_time);
	put32(b, 0x10000);
	close_box(b, elst);
	close_box(b, edts);
}

static void put_media_head(struct buf *b, bool video)
{
	size_t box = open_box(b, "mdhd");

	put32(b, 0);
	put_zeros(b, 8);
	put32(b, video ? REEL_VIDEO_HZ : REEL_AUDIO_HZ);
	put32(b, REEL_S * (uint32_t)(video ? REEL_VIDEO_HZ : REEL_AUDIO_HZ));
	put32(b, 0x55c40000);
	close_box(b, box);
	box = open_box(b, "hdlr");
	put_zeros(b, 8);
	put(b, video ? "vide" : "soun", 4);
	put_zeros(b, 13);
	close_box(b, box);
}

static void put_video_entry(struct buf *b)
{
	size_t entry = open_box(b, "avc1");

	put_zeros(b, 6);
	put32(b, 1u << 16); /* data reference, version */
	put_zeros(b, 14);
	put32(b, 320 << 16 | 240);
	put32(b, 0x480000);
	put32(b, 0x480000);
	put32(b, 0);
	put(b, "\0\1", 2);
	put_zeros(b, 32);
	put32(b, 0x18ffff);
	size_t box = open_box(b, "avcC");
	put(b, avcc, sizeof avcc);
	close_box(b, box);
	close_box(b, entry);
}

static void put_sound_entry(struct buf *b)
{
	size_t entry = open_box(b, "ulaw");

	put_zeros(b, 6);
	put32(b, 1u << 16);
	put_zeros(b, 6);
	put32(b, 1u << 16 | 16);
	put32(b, 0);
	put32(b, (uint32_t)REEL_AUDIO_HZ << 16);
	close_box(b, entry);
}

static void put_pair_table(struct buf *b, const char *type, uint32_t n, uint32_t v)
{
	size_t box = open_box(b, type);

	put32(b, 0);
	put32(b, 1);
	put32(b, n);
	put32(b, v);
	close_box(b, box);
}

/* Compositions, one up, so that none is negative: the edit takes it back. And sync samples. */
static void put_video_tables(struct buf *b, uint32_t group)
{
	size_t box = open_box(b, "ctts");

	put32(b, 0);
	put32(b, REEL_FRAMES);
	for (uint32_t i = 0; i < REEL_FRAMES; i++) {
		put32(b, 1);
		put32(b, (reel_shown(i, group) + 1 - i) * DELTA);
	}
	close_box(b, box);
	box = open_box(b, "stss");
	put32(b, 0);
	put32(b, (REEL_FRAMES + group - 1) / group);
	for (uint32_t i = 0; i < REEL_FRAMES; i += group)
		put32(b, i + 1);
	close_box(b, box);
}

static void put_chunks(struct buf *b, bool video, uint32_t group, size_t at)
{
	uint32_t chunks = video ? REEL_FRAMES : REEL_S;
	size_t box = open_box(b, "stsc");

	put32(b, 0);
	put32(b, 1);
	put32(b, 1);
	put32(b, video ? 1 : REEL_AUDIO_HZ);
	put32(b, 1);
	close_box(b, box);
	box = open_box(b, "stsz");
	put32(b, 0);
	put32(b, video ? 0 : 1);
	put32(b, video ? REEL_FRAMES : REEL_S * REEL_AUDIO_HZ);
	for (uint32_t i = 0; video && i < REEL_FRAMES; i++)
		put32(b, size_of(i, group));
	close_box(b, box);
	box = open_box(b, "stco");
	put32(b, 0);
	put32(b, chunks);
	for (uint32_t i = 0; i < chunks; i++) {
		put32(b, (uint32_t)at);
		at += video ? size_of(i, group) : REEL_AUDIO_HZ;
	}
	close_box(b, box);
}

static void put_track(struct buf *b, bool video, uint32_t group, size_t at)
{
	size_t trak = open_box(b, "trak");

	put_tkhd(b, video ? 1 : 2);
	put_edit(b, video ? DELTA : 0);
	size_t mdia = open_box(b, "mdia");
	put_media_head(b, video);
	size_t minf = open_box(b, "minf"), stbl = open_box(b, "stbl"), stsd = open_box(b, "stsd");
	put32(b, 0);
	put32(b, 1);
	if (video)
		put_video_entry(b);
	else
		put_sound_entry(b);
	close_box(b, stsd);
	put_pair_table(b, "stts", video ? REEL_FRAMES : REEL_S * REEL_AUDIO_HZ, video ? DELTA : 1);
	if (video)
		put_video_tables(b, group);
	put_chunks(b, video, group, at);
	close_box(b, stbl);
	close_box(b, minf);
	close_box(b, mdia);
	close_box(b, trak);
}

/* One NAL with its length before it: its place in decoding order, then the same octet all over. */
static void put_frame(struct buf *b, uint32_t frame, uint32_t group)
{
	static const uint8_t types[] = { 0x65, 0x41, 0x01 };
	uint32_t n = size_of(frame, group);

	put32(b, n - 4);
	put(b, &types[kind_of(frame, group)], 1);
	put32(b, frame | 0x80000000);
	for (uint32_t i = 9; i < n; i++)
		put(b, "\x55", 1);
}

static void put_sound(struct buf *b)
{
	uint8_t piece[SOUND_TICKS];

	for (uint32_t i = 0; i < REEL_S * REEL_AUDIO_HZ / SOUND_TICKS; i++) {
		memset(piece, 0xff, sizeof piece);
		put_be32(piece, i);
		put(b, piece, sizeof piece);
	}
}

void reel_write(struct buf *out, uint32_t group)
{
	size_t mdat, video, sound, moov, box = open_box(out, "ftyp");

	put(out, "isom", 4);
	put32(out, 0);
	close_box(out, box);
	mdat = open_box(out, "mdat");
	video = out->n;
	for (uint32_t i = 0; i < REEL_FRAMES; i++)
		put_frame(out, i, group);
	sound = out->n;
	put_sound(out);
	close_box(out, mdat);
	moov = open_box(out, "moov");
	put_mvhd(out);
	put_track(out, true, group, video);
	put_track(out, false, group, sound);
	close_box(out, moov);
}

/* ---- the viewer ---- */

/* The frame that begins in this payload (6184: single NAL, STAP-A, first FU-A); false: none does. */
static bool find_frame(struct bytes p, uint32_t *frame)
{
	unsigned type = p.n ? p.p[0] & 31u : 0;
	size_t at = 1;

	if (type == 28) {
		if (p.n < 6 || !(p.p[1] & 0x80))
			return false;
		at = 2;
	}
	while (type == 24 && at + 3 < p.n) {
		size_t n = be16(p.p + at);
		if ((p.p[at + 2] & 31) < 6) {
			at += 3;
			break;
		}
		at += 2 + n;
	}
	if (at + 4 > p.n || !(p.p[at] & 0x80))
		return false;
	*frame = be32(p.p + at) & 0x7fffffff;
	return *frame < REEL_FRAMES;
}

/* Where the packet stands in the film. False: it doesn't tell. */
static bool find_place(struct reel_viewer *v, int track, struct bytes payload, tick_t *npt)
{
	uint32_t frame;

	if (track) {
		CU_ASSERT_FATAL(payload.n >= 4);
		*npt = (tick_t)be32(payload.p) * SOUND_TICKS * TICK_S / REEL_AUDIO_HZ;
		return true;
	}
	if (!find_frame(payload, &frame))
		return false;
	v->shown[reel_shown(frame, v->group)]++;
	v->track[0].sync += frame % v->group == 0;
	*npt = (tick_t)reel_shown(frame, v->group) * TICK_S / REEL_FPS;
	return true;
}

static void note_packet(struct reel_viewer *v, struct reel_track *t, const struct rtp_view *r)
{
	if (t->any)
		v->gaps += r->seq != (uint16_t)(t->seq + 1);
	if (t->n == 0) {
		t->first_seq = r->seq;
		t->first_at = *v->clock;
		t->ts_low = t->ts_high = r->timestamp;
		v->wrong_seq += t->has_seq && r->seq != t->info_seq;
		v->early += v->jumps && t->any && (int32_t)(r->timestamp - t->ever_high) <= 0;
	}
	t->any = true;
	t->ts = r->timestamp;
	t->seq = r->seq;
	t->at = *v->clock;
	t->n++;
	if ((int32_t)(t->ts - t->ts_high) > 0)
		t->ts_high = t->ts;
	if ((int32_t)(t->ts - t->ts_low) < 0)
		t->ts_low = t->ts;
}

/* A frame, or a piece of sound, begins: is it where RTP-Info says, to the tick? */
static void note_place(struct reel_viewer *v, struct reel_track *t, uint32_t hz, tick_t npt)
{
	double want = (double)(npt - v->start) / 1e9 * hz / v->scale;
	double off = (double)(int32_t)(t->ts - t->info_time);

	v->wrong += t->has_time && fabs(want - off) > 1.001;
	if (t->frames++ == 0)
		t->low = t->high = npt;
	t->npt = npt;
	t->low = npt < t->low ? npt : t->low;
	t->high = npt > t->high ? npt : t->high;
}

void reel_view(void *arg, uint8_t channel, struct bytes payload)
{
	struct reel_viewer *v = arg;
	struct reel_track *t = &v->track[channel / 2 % 2];
	struct rtcp_view c;
	struct rtp_view r;
	tick_t npt;

	if (channel % 2) {
		while (rtcp_next(&payload, &c) == 1)
			v->byes += c.type == RTCP_BYE;
		return;
	}
	CU_ASSERT_EQUAL_FATAL(rtp_read(payload, &r), 0);
	note_packet(v, t, &r);
	if (find_place(v, channel / 2, r.payload, &npt))
		note_place(v, t, channel ? REEL_AUDIO_HZ : REEL_VIDEO_HZ, npt + v->leap);
}

int reel_play(struct reel_viewer *v, struct bytes rtp_info, tick_t start, double scale, bool jumps)
{
	struct rtpinfo e;

	v->start = start;
	v->scale = scale;
	v->jumps = jumps;
	v->leap = 0;
	for (size_t i = 0; i < COUNT(v->track); i++) {
		struct reel_track *t = &v->track[i];
		if (t->n)
			t->ever_high = t->ts_high;
		t->n = t->frames = t->sync = 0;
		t->has_seq = t->has_time = false;
	}
	while (rtpinfo_next(&rtp_info, &e) == 1) {
		bool video = e.url.n && e.url.p[e.url.n - 1] == '1';
		struct reel_track *t = &v->track[video ? 0 : 1];
		t->has_seq = e.has_seq;
		t->info_seq = e.seq;
		t->has_time = e.has_rtptime;
		t->info_time = e.rtptime;
	}
	return v->track[0].has_time || v->track[1].has_time ? 0 : ERR_SYNTAX;
}
