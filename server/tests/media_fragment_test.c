/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"
#include "server/tests/mp4file.h"
#include "server/tests/unit.h"

/* Fragmented files (14496-12 8.8), written by hand: one track of mu-law, whose octets number themselves. */
enum { FILE_MAX = 1 << 16 };

/* How a fragment says where its data lie, when they are due, and what its samples are. */
struct piece {
	bool base_offset, base_is_moof, no_offset; /* of tfhd, of trun */
	bool no_tfdt, wide_tfdt;
	uint64_t time;
	uint32_t n_samples; /* of SAMPLE octets, 160 ticks each */
	bool own_sizes, own_durations;
	uint32_t not_sync; /* sample flags for all but the first */
};
enum { SAMPLE = 10, TICKS = 160, HZ = 8000, BASE = 5 };

struct maker {
	struct buf file, ulaw, mvex;
	struct mp4file header;
	uint8_t octet;
};

/* Defaults of duration and size; track 1. */
static void put_trex(struct buf *b)
{
	size_t mvex = mp4file_open(b, "mvex"), trex = mp4file_open(b, "trex");

	for (size_t i = 0; i < 6; i++)
		mp4file_put32(b, (uint32_t[]){ 0, 1, 1, TICKS, SAMPLE, 0 }[i]);
	mp4file_close(b, trex);
	mp4file_close(b, mvex);
}

/* ftyp and moov; samples that moov itself describes lie at the start of the file. */
static void maker_init(struct maker *k, uint32_t in_moov)
{
	size_t mdat;

	memset(k, 0, sizeof *k);
	buf_init(&k->file, FILE_MAX);
	buf_init(&k->ulaw, FILE_MAX);
	buf_init(&k->mvex, FILE_MAX);
	mp4file_close(&k->ulaw, mp4file_open_sound(&k->ulaw, "ulaw", 1, 16, HZ));
	put_trex(&k->mvex);
	mdat = mp4file_open(&k->file, "mdat");
	for (uint32_t i = 0; i < in_moov * SAMPLE; i++)
		mp4file_put(&k->file, bytes_of(&k->octet, 1)), k->octet++;
	mp4file_close(&k->file, mdat);
	k->header = (struct mp4file){ .timescale = 1000,
		.duration = in_moov * 20,
		.n_tracks = 1,
		.mvex = buf_bytes(&k->mvex) };
	k->header.tracks[0] = (struct mp4file_track){ .handler = "soun",
		.timescale = HZ,
		.delta = TICKS,
		.n_samples = in_moov,
		.uniform_size = in_moov ? SAMPLE : 0,
		.per_chunk = 1000,
		.edit = -1,
		.entries = buf_bytes(&k->ulaw),
		.n_entries = 1,
		.flags = 1 };
	mp4file_write_moov(&k->header, 8, &k->file);
}

static void maker_clear(struct maker *k)
{
	buf_clear(&k->file);
	buf_clear(&k->ulaw);
	buf_clear(&k->mvex);
}

static void put_tfhd(struct buf *b, const struct piece *p)
{
	size_t at = mp4file_open(b, "tfhd");

	mp4file_put32(b, (p->base_offset ? 1u : 0) | (p->base_is_moof ? 0x20000u : 0));
	mp4file_put32(b, 1);
	if (p->base_offset) {
		mp4file_put32(b, 0);
		mp4file_put32(b, BASE);
	}
	mp4file_close(b, at);
}

static void put_tfdt(struct buf *b, const struct piece *p)
{
	size_t at;

	if (p->no_tfdt)
		return;
	at = mp4file_open(b, "tfdt");
	mp4file_put32(b, p->wide_tfdt ? 1u << 24 : 0);
	if (p->wide_tfdt)
		mp4file_put32(b, (uint32_t)(p->time >> 32));
	mp4file_put32(b, (uint32_t)p->time);
	mp4file_close(b, at);
}

static void put_trun(struct buf *b, const struct piece *p, uint32_t offset)
{
	size_t at = mp4file_open(b, "trun");

	mp4file_put32(b, (p->no_offset ? 0u : 1) | (p->own_durations ? 0x100u : 0) |
				 (p->own_sizes ? 0x200u : 0) | (p->not_sync ? 0x400u : 0));
	mp4file_put32(b, p->n_samples);
	if (!p->no_offset)
		mp4file_put32(b, offset);
	for (uint32_t i = 0; i < p->n_samples; i++) {
		if (p->own_durations)
			mp4file_put32(b, TICKS);
		if (p->own_sizes)
			mp4file_put32(b, SAMPLE);
		if (p->not_sync)
			mp4file_put32(b, i ? p->not_sync : 0);
	}
	mp4file_close(b, at);
}

/* One moof with its runs, one traf each, and their mdat; pieces share it. */
static void put_fragment(struct maker *k, const struct piece *pieces, size_t n)
{
	struct buf *b = &k->file;
	uint32_t length = 0;

	/* written twice: its own length decides where the data lie */
	for (int pass = 0; pass < 2; pass++) {
		size_t moof_at = b->n, moof = mp4file_open(b, "moof");
		uint32_t data = length + 8;

		for (size_t i = 0; i < n; i++) {
			size_t traf = mp4file_open(b, "traf");

			put_tfhd(b, &pieces[i]);
			put_tfdt(b, &pieces[i]);
			put_trun(b, &pieces[i],
				data + (pieces[i].base_offset ? (uint32_t)moof_at - BASE : 0));
			mp4file_close(b, traf);
			data += pieces[i].n_samples * SAMPLE;
		}
		mp4file_close(b, moof);
		length = (uint32_t)(b->n - moof_at);
		if (!pass)
			buf_cut(b, moof_at);
	}
	size_t mdat = mp4file_open(b, "mdat");
	for (size_t i = 0; i < n; i++) {
		for (uint32_t o = 0; o < pieces[i].n_samples * SAMPLE; o++)
			mp4file_put(b, bytes_of(&k->octet, 1)), k->octet++;
	}
	mp4file_close(b, mdat);
}

static int open_bytes(struct movie *m, struct bytes file)
{
	*m = (struct movie){ 0 };
	media_file_open_memory(&m->file, file);
	return movie_open(m, B("x.mp4"));
}

static bool has_note(const struct movie *m, const char *text)
{
	struct bytes notes = buf_bytes(&m->notes);
	bool found = bytes_find(notes, bytes_str(text)) < notes.n;

	if (!found)
		printf("    notes: %.*s", BYTES_FMT(notes));
	return found;
}

/* All octets of all packets, in order, must be 0, 1, 2 …; answers how many. rtp: where packet i must
 * stand, TICKS apart but for a jump of `jump` before octet `jump_at`. */
static uint32_t check_octets(const struct movie *m, uint32_t jump_at, uint32_t jump)
{
	const struct stream *s = m->streams[0];
	struct block *b;
	uint32_t n = 0;

	for (uint32_t unit = 0; unit < s->n_units; unit = b->next, block_unref(b)) {
		CU_ASSERT_EQUAL_FATAL(s->ops->fill(s, &m->file, 0, unit, &b), 0);
		for (uint32_t r = 0; r < b->n_rows; r++) {
			uint32_t rtp = n / SAMPLE * TICKS + (n >= jump_at ? jump : 0);

			CU_ASSERT_EQUAL(b->rows[r].rtp_time, rtp);
			for (uint32_t i = 0; i < b->rows[r].n; i++)
				CU_ASSERT_EQUAL(b->payload[b->rows[r].at + i], (uint8_t)n++);
		}
	}
	return n;
}

static uint32_t play(struct maker *k, uint32_t jump_at, uint32_t jump)
{
	struct movie m;
	uint32_t n = 0;

	CU_ASSERT_EQUAL(open_bytes(&m, buf_bytes(&k->file)), 0);
	if (m.n_streams == 1)
		n = check_octets(&m, jump_at, jump);
	CU_ASSERT_STRING_EQUAL(m.format, "fragmented MP4");
	movie_clear(&m);
	return n;
}

/* Every way of saying where the data lie and when they are due comes to the same. */
static void t_ways(void)
{
	for (unsigned way = 0; way < 64; way++) {
		struct piece p = { .base_offset = way & 1,
			.base_is_moof = way & 2,
			.no_tfdt = way & 4,
			.wide_tfdt = way & 8,
			.own_sizes = way & 16,
			.own_durations = way & 32,
			.n_samples = 3 };
		struct maker k;

		maker_init(&k, 0);
		put_fragment(&k, &p, 1);
		p.time = 3 * TICKS;
		put_fragment(&k, &p, 1);
		CU_ASSERT_EQUAL(play(&k, UINT32_MAX, 0), 6 * SAMPLE);
		maker_clear(&k);
	}
}

/* A second traf goes on where the first one's data end, offset or not. */
static void t_trafs(void)
{
	for (unsigned way = 0; way < 2; way++) {
		struct piece p[2] = { { .n_samples = 2 },
			{ .n_samples = 3, .time = 2 * TICKS, .no_offset = true } };
		struct maker k;

		if (way) {
			p[1].no_offset = false;
			p[1].base_is_moof = true;
		}
		maker_init(&k, 0);
		put_fragment(&k, p, 2);
		CU_ASSERT_EQUAL(play(&k, UINT32_MAX, 0), 5 * SAMPLE);
		maker_clear(&k);
	}
}

/* No mvex: what it would say is said by the fragments themselves. */
static void t_unannounced(void)
{
	struct piece p = { .n_samples = 3, .own_sizes = true, .own_durations = true };
	struct maker k;

	maker_init(&k, 0);
	buf_clear(&k.file);
	k.header.mvex = (struct bytes){ 0 };
	mp4file_write_moov(&k.header, 0, &k.file);
	put_fragment(&k, &p, 1);
	CU_ASSERT_EQUAL(play(&k, UINT32_MAX, 0), 3 * SAMPLE);
	maker_clear(&k);
}

static void t_hybrid(void)
{
	struct piece p = { .n_samples = 2, .no_tfdt = true };
	struct maker k;

	maker_init(&k, 4);
	put_fragment(&k, &p, 1);
	CU_ASSERT_EQUAL(play(&k, UINT32_MAX, 0), 6 * SAMPLE);
	maker_clear(&k);
}

/* A recording that begins at an hour: NPT 0 is there. A gap stays one. */
static void t_late_start(void)
{
	struct piece p = { .n_samples = 2, .wide_tfdt = true, .time = 3600ull * HZ << 10 };
	struct maker k;

	maker_init(&k, 0);
	put_fragment(&k, &p, 1);
	p.time += 2 * TICKS + HZ;
	put_fragment(&k, &p, 1);
	CU_ASSERT_EQUAL(play(&k, 2 * SAMPLE, HZ), 4 * SAMPLE);
	maker_clear(&k);
}

/* Files put together of two: the second one's times are counted on. */
static void t_begins_anew(void)
{
	struct piece p = { .n_samples = 100 };
	struct maker k;
	struct movie m;

	maker_init(&k, 0);
	put_fragment(&k, &p, 1);
	p.n_samples = 2;
	put_fragment(&k, &p, 1);
	CU_ASSERT_EQUAL(open_bytes(&m, buf_bytes(&k.file)), 0);
	CU_ASSERT_EQUAL(check_octets(&m, UINT32_MAX, 0), 102 * SAMPLE);
	CU_ASSERT(has_note(&m, "track 1: its times begin anew amid the file"));
	movie_clear(&m);
	maker_clear(&k);
}

/* Cut anywhere: what is whole is played. */
static void t_cut_short(void)
{
	struct piece p = { .n_samples = 3 };
	struct maker k;
	struct movie m;
	size_t first;
	uint32_t before = 0;

	maker_init(&k, 0);
	put_fragment(&k, &p, 1);
	first = k.file.n;
	p.time = 3 * TICKS;
	put_fragment(&k, &p, 1);
	for (size_t n = first; n <= k.file.n; n++) {
		uint32_t got;

		CU_ASSERT_EQUAL_FATAL(open_bytes(&m, bytes_sub(buf_bytes(&k.file), 0, n)), 0);
		got = check_octets(&m, UINT32_MAX, 0);
		CU_ASSERT(got >= before && got >= 3 * SAMPLE && got % SAMPLE == 0);
		if (n > first && n < k.file.n)
			CU_ASSERT(m.notes.n > 0);
		before = got;
		movie_clear(&m);
	}
	CU_ASSERT_EQUAL(before, 6 * SAMPLE);
	maker_clear(&k);
}

static void t_sync(void)
{
	struct piece p = { .n_samples = 3, .not_sync = 1 << 16 };
	struct maker k;
	struct movie m;
	struct block *b;

	/* as if it were video: H.263 needs no set-up */
	maker_init(&k, 0);
	buf_clear(&k.ulaw);
	mp4file_close(&k.ulaw, mp4file_open_video(&k.ulaw, "s263", 16, 16));
	k.header.tracks[0].handler = "vide";
	k.header.tracks[0].entries = buf_bytes(&k.ulaw);
	buf_clear(&k.file);
	mp4file_write_moov(&k.header, 0, &k.file);
	put_fragment(&k, &p, 1);
	p.time = 3 * TICKS;
	put_fragment(&k, &p, 1);
	CU_ASSERT_EQUAL_FATAL(open_bytes(&m, buf_bytes(&k.file)), 0);
	CU_ASSERT_EQUAL(m.streams[0]->n_syncs, 2);
	CU_ASSERT_EQUAL(m.streams[0]->ops->sync_unit(m.streams[0], 1), 3);
	CU_ASSERT_EQUAL(m.streams[0]->ops->sync_npt(m.streams[0], 1), 60 * TICK_MS);
	CU_ASSERT_EQUAL(m.streams[0]->ops->fill(m.streams[0], &m.file, 0, 3, &b), 0);
	block_unref(b);
	movie_clear(&m);
	maker_clear(&k);
}

/* A run of four thousand million samples of no octets, or of one and the same octet. */
static void t_endless(void)
{
	for (unsigned way = 0; way < 2; way++) {
		struct piece p = { .n_samples = 3 };
		struct maker k;
		struct movie m;
		size_t trun;

		maker_init(&k, 0);
		put_fragment(&k, &p, 1);
		trun = bytes_find(buf_bytes(&k.file), B("trun"));
		memset(k.file.p + k.file.at + trun + 8, 0xff, 4);
		if (!way) /* the default size */
			memset(k.file.p + k.file.at + bytes_find(buf_bytes(&k.file), B("trex")) +
					20,
				0, 4);
		CU_ASSERT_EQUAL(open_bytes(&m, buf_bytes(&k.file)), way ? 0 : ERR_UNSUPPORTED);
		if (way) {
			CU_ASSERT_EQUAL(check_octets(&m, UINT32_MAX, 0), 3 * SAMPLE);
			CU_ASSERT(has_note(&m, "ends early: the file is cut short"));
		}
		movie_clear(&m);
		maker_clear(&k);
	}
}

/* Every octet in turn. */
static void t_broken_octets(void)
{
	struct piece p[2] = { { .n_samples = 2, .own_sizes = true, .own_durations = true },
		{ .n_samples = 3, .time = 2 * TICKS, .not_sync = 1 << 16 } };
	struct maker k;

	maker_init(&k, 2);
	put_fragment(&k, p, 2);
	put_fragment(&k, p, 2);
	for (size_t i = 0; i < k.file.n; i++) {
		for (unsigned flip = 1; flip < 256; flip *= 2) {
			struct movie m;
			struct block *b;

			k.file.p[k.file.at + i] ^= (uint8_t)flip;
			if (open_bytes(&m, buf_bytes(&k.file)) == 0 &&
				m.streams[0]->ops->fill(m.streams[0], &m.file, 0, 0, &b) == 0)
				block_unref(b);
			movie_clear(&m);
			k.file.p[k.file.at + i] ^= (uint8_t)flip;
		}
	}
	maker_clear(&k);
}

UNIT_SUITE(media_fragment,
	{ "fragment: every way of saying where and when comes to the same (8.8)", t_ways },
	{ "fragment: a second traf goes on where the first one's data end (8.8.7)", t_trafs },
	{ "fragment: fragments that nobody has announced", t_unannounced },
	{ "fragment: samples in moov come before those in fragments", t_hybrid },
	{ "fragment: NPT 0 is where the first track begins; gaps stay", t_late_start },
	{ "fragment: times that begin anew go on", t_begins_anew },
	{ "fragment: of a file cut short what is whole is played", t_cut_short },
	{ "fragment: sample flags tell sync samples (8.8.3.1)", t_sync },
	{ "fragment: runs without end end", t_endless },
	{ "fragment: a broken octet is an error or other packets, never a fault",
		t_broken_octets });
