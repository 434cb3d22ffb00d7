/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/made.h"
#include "server/media/format/readers.h"
#include "server/media/format/track.h"
#include "server/media/format/ts_index.h"
#include "server/media/pack/block_build.h"

/*
 * MPEG transport streams, as they are, in datagrams of seven packets (RFC 2250 2). Units are slices of
 * the file: the packets that begin in so many octets of it.
 */
enum {
	PAYLOAD_TYPE = 33, /* MP2T (RFC 3551 6) */
	CLOCK_HZ = 90000,
	BLOCK_SLICES = 192,
	HEAD_BYTES = 64 << 10, /* packets must begin in it */
	PROBE_BYTES = 8 << 20, /* in which PAT, PMT and a clock must be */
	RTP_IP_BYTES = 12 + 8 + 20,
	LOOK_BYTES = 64 << 10, /* around a block, for the clock */
	LOOK_BYTES_MAX = 1 << 20,
	MARKS_MAX = BLOCK_SLICES * TS_SLICE_PACKETS + 2 /* every packet may hold one */
};

struct ts_stream {
	struct stream stream;
	struct ts_index index;
};

static const struct ts_stream *of(const struct stream *s)
{
	return container_of(s, const struct ts_stream, stream);
}

/* ---- stream ---- */

static uint32_t block_first(const struct stream *s, uint32_t n)
{
	(void)s;
	return n - n % BLOCK_SLICES;
}

static uint32_t unit_at(const struct stream *st, tick_t npt)
{
	const struct ts_index *x = &of(st)->index;

	if (npt <= 0)
		return 0;
	if (npt > x->clock.end.npt)
		return st->n_units;
	return ts_slice_of(&x->layout, ts_clock_place(&x->clock, npt));
}

static tick_t unit_due(const struct stream *st, uint32_t n)
{
	const struct ts_index *x = &of(st)->index;
	uint64_t at = ts_slice_at(&x->layout, n);
	struct ts_mark before, after;

	ts_clock_around(&x->clock, at, &before, &after);
	return ts_clock_between(before, after, at);
}

static tick_t sync_npt(const struct stream *st, uint32_t i)
{
	return of(st)->index.entries[i].npt;
}

static uint32_t sync_unit(const struct stream *st, uint32_t i)
{
	const struct ts_index *x = &of(st)->index;

	return ts_slice_of(&x->layout, x->entries[i].at);
}

/* The first entry at or behind `at`; n_entries: none. */
static uint32_t entry_from(const struct ts_index *x, uint64_t at)
{
	uint32_t lo = 0, hi = x->n_entries;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (x->entries[mid].at < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void describe(const struct stream *s, struct sdp_writer *w)
{
	sdp_line(w, 'a', "rtpmap:%u MP2T/%u", s->payload_type, s->clock_hz);
}

static void free_stream(struct stream *s)
{
	struct ts_stream *t = container_of(s, struct ts_stream, stream);

	ts_index_clear(&t->index);
	free(t);
}

/* ---- blocks ---- */

/* One fill: the block's octets are walked twice, for the clock and for the packets. */
struct fill {
	const struct ts_stream *ts;
	struct ts_walk walk, look; /* through the block; before and behind it */
	uint64_t from, to;
	struct ts_mark marks[MARKS_MAX]; /* the clock: one before the block, its own, one behind */
	uint32_t n_marks, mark;          /* the one that was passed last */
	struct block_build build;
};

/* The next reference. */
static int next_mark(struct fill *f, struct ts_walk *w, struct ts_mark *m)
{
	const struct ts_index *x = &f->ts->index;
	const uint8_t *octets;
	struct ts_packet p;
	uint64_t at;
	int err;

	while ((err = ts_walk_next(w, &at, &octets)) == 0) {
		if (!ts_packet_read(octets, &p) || !p.has_pcr || p.pid != x->psi.pcr_pid)
			continue;
		*m = ts_clock_npt(&x->clock, at, p.pcr);
		return 0;
	}
	return err;
}

static void put_mark(struct fill *f, struct ts_mark m)
{
	if (f->n_marks && m.npt < f->marks[f->n_marks - 1].npt)
		m.npt = f->marks[f->n_marks - 1].npt;
	if (f->n_marks < MARKS_MAX)
		f->marks[f->n_marks++] = m;
}

/* The last reference before the block: looks back farther and farther. */
static int mark_before(struct fill *f, struct ts_mark *m)
{
	const struct ts_index *x = &f->ts->index;
	uint64_t to = f->from;

	for (uint64_t back = LOOK_BYTES; back <= LOOK_BYTES_MAX && to > x->layout.base; back *= 4) {
		uint64_t from = f->from - x->layout.base > back ? f->from - back : x->layout.base;
		bool found = false;
		int err;

		ts_walk_to(&f->look, from, to);
		while ((err = next_mark(f, &f->look, m)) == 0)
			found = true;
		if (err != ERR_END)
			return err;
		if (found)
			return 0;
		to = from;
	}
	return ERR_END;
}

static int read_marks(struct fill *f)
{
	struct ts_mark m, before, after;
	int err = mark_before(f, &m);

	if (err && err != ERR_END)
		return err;
	ts_clock_around(&f->ts->index.clock, f->from, &before, &after);
	put_mark(f, err ? before : m);
	ts_walk_to(&f->walk, f->from, f->to);
	while ((err = next_mark(f, &f->walk, &m)) == 0)
		put_mark(f, m);
	if (err != ERR_END)
		return err;
	ts_walk_to(&f->look, f->to, f->to + LOOK_BYTES_MAX);
	err = next_mark(f, &f->look, &m);
	if (err && err != ERR_END)
		return err;
	ts_clock_around(&f->ts->index.clock, f->to, &before, &after);
	f->n_marks -= f->n_marks == MARKS_MAX; /* can't be: every packet of the block has one */
	put_mark(f, err ? after : m);
	return 0;
}

/* When the octet at `at` is due; they are asked for in order. */
static tick_t due_at(struct fill *f, uint64_t at)
{
	while (f->mark + 2 < f->n_marks && f->marks[f->mark + 1].at <= at)
		f->mark++;
	return ts_clock_between(f->marks[f->mark], f->marks[f->mark + 1], at);
}

static void begin_row(struct fill *f, uint64_t at, bool is_sync)
{
	struct row r = { .due = due_at(f, at),
		.payload_type = f->ts->stream.payload_type,
		.importance = IMPORTANCE_HIGH, /* there is nothing in it that no one would miss */
		.sync = is_sync };

	r.rtp_time = (uint32_t)stream_ticks_of(&f->ts->stream, r.due);
	block_begin(&f->build, &r);
}

/* A datagram ends with its slice, and where decoding can begin. */
static int read_packets(struct fill *f)
{
	const struct ts_index *x = &f->ts->index;
	const uint8_t *octets;
	uint32_t slice = UINT32_MAX, entry = entry_from(x, f->from);
	uint64_t at;
	int err;

	ts_walk_to(&f->walk, f->from, f->to);
	while ((err = ts_walk_next(&f->walk, &at, &octets)) == 0) {
		bool is_entry;

		while (entry < x->n_entries && x->entries[entry].at < at)
			entry++;
		is_entry = entry < x->n_entries && x->entries[entry].at == at;
		if (is_entry || ts_slice_of(&x->layout, at) != slice) {
			if (slice != UINT32_MAX)
				(void)!block_end(&f->build); /* errors stay */
			slice = ts_slice_of(&x->layout, at);
			begin_row(f, at, is_entry);
		}
		err = block_put(&f->build, bytes_of(octets, TS_PACKET_BYTES));
		if (err)
			return err;
	}
	if (err != ERR_END)
		return err;
	return slice == UINT32_MAX ? 0 : block_end(&f->build);
}

static int fill(const struct stream *s, const struct media_file *file, uint32_t track,
	uint32_t first, struct block **out)
{
	const struct ts_layout *l = &of(s)->index.layout;
	struct fill *f = xcalloc(1, sizeof *f);
	uint32_t next = block_first(s, first) + BLOCK_SLICES;
	int err;

	if (next > s->n_units)
		next = s->n_units;
	f->ts = of(s);
	f->from = ts_slice_at(l, first);
	f->to = ts_slice_at(l, next);
	ts_walk_init(&f->walk, file, l);
	ts_walk_init(&f->look, file, l);
	/* all of the block stays in the window */
	f->walk.sweep.window = (size_t)ts_slice_bytes(l) * (BLOCK_SLICES + 1);
	block_build_init(&f->build);
	err = read_marks(f);
	if (!err)
		err = read_packets(f);
	if (!err)
		*out = block_build_take(&f->build, track, first, next);
	block_build_clear(&f->build);
	ts_walk_clear(&f->look);
	ts_walk_clear(&f->walk);
	free(f);
	return err;
}

static const struct stream_ops ts_stream_ops = { .kind = "transport stream",
	.fill = fill,
	.block_first = block_first,
	.unit_at = unit_at,
	.unit_due = unit_due,
	.sync_npt = sync_npt,
	.sync_unit = sync_unit,
	.describe = describe,
	.free = free_stream };

/* ---- opening ---- */

static int find_layout(struct ts_index *x, const struct media_file *f)
{
	size_t n = f->size < HEAD_BYTES ? (size_t)f->size : HEAD_BYTES;
	uint8_t *head = xmalloc(HEAD_BYTES);
	int err = media_file_read(f, 0, head, n);

	if (!err && !ts_layout_find(bytes_of(head, n), n == f->size, &x->layout))
		err = ERR_UNSUPPORTED;
	free(head);
	return err;
}

/* PAT, PMT, and the PID that has the clock in fact. */
static int read_psi(struct ts_index *x, const struct media_file *f)
{
	uint16_t first = TS_PID_NONE;
	struct ts_psi *psi = &x->psi;
	const uint8_t *octets;
	struct ts_packet p;
	struct ts_walk w;
	uint64_t at;
	int err;

	ts_psi_init(psi);
	ts_walk_init(&w, f, &x->layout);
	ts_walk_to(&w, x->layout.base, x->layout.base + PROBE_BYTES);
	while ((err = ts_walk_next(&w, &at, &octets)) == 0) {
		if (!ts_packet_read(octets, &p))
			continue;
		ts_psi_add(psi, &p);
		if (p.has_pcr && first == TS_PID_NONE)
			first = p.pid;
		if (psi->has_pmt && p.has_pcr && p.pid == psi->pcr_pid)
			break;
	}
	ts_walk_clear(&w);
	if (err == ERR_END)
		psi->pcr_pid = first;
	return err == ERR_END ? 0 : err;
}

static void put_facts(struct ts_stream *t, const struct media_file *f)
{
	const struct ts_index *x = &t->index;
	struct stream *s = &t->stream;
	uint64_t octets = (f->size - x->layout.base) / x->layout.stride * TS_PACKET_BYTES;
	uint64_t sent = octets + (uint64_t)s->n_units * RTP_IP_BYTES;
	int64_t bps;

	s->duration = x->clock.end.npt;
	bps = scale_near((int64_t)sent * 8, (uint64_t)TICK_S, (uint64_t)s->duration);
	s->bitrate_bps = bps < UINT32_MAX ? (uint32_t)bps : 0;
	(void)snprintf(s->title, sizeof s->title, "MPEG-TS, %u program%s, %u places to begin at%s",
		x->psi.n_programs ? x->psi.n_programs : 1, x->psi.n_programs > 1 ? "s" : "",
		x->n_entries, x->is_sampled ? " (sampled)" : ""); /* cut: for people */
}

static int add_stream(struct movie *m, struct ts_stream *t)
{
	struct ts_index *x = &t->index;
	int err = find_layout(x, &m->file);

	if (!err)
		err = read_psi(x, &m->file);
	if (!err && x->psi.pcr_pid == TS_PID_NONE)
		err = ERR_MISSING;
	if (!err)
		err = ts_index_read(x, &m->file);
	if (err == ERR_MISSING) {
		movie_note(m, "transport stream: there is no clock (PCR) in it to send it by");
		err = ERR_UNSUPPORTED;
	}
	if (err) {
		free_stream(&t->stream);
		return err;
	}
	if (!x->psi.has_pmt)
		movie_note(m, "transport stream: no PAT and PMT at its beginning; goes by PID %u",
			x->psi.pcr_pid);
	t->stream.n_units = x->n_slices;
	t->stream.n_syncs = x->n_entries;
	put_facts(t, &m->file);
	m->memory += sizeof *t + x->n_entries * sizeof *x->entries +
		     x->clock.n * (sizeof *x->clock.readings + sizeof *x->clock.npt);
	return movie_add(m, &t->stream);
}

static int open_ts(struct movie *m)
{
	struct ts_stream *t = xcalloc(1, sizeof *t);

	t->index.scan_max = TS_SCAN_MAX;
	t->stream = (struct stream){ .ops = &ts_stream_ops,
		.media_type = "video",
		.is_video = true,
		.payload_type = PAYLOAD_TYPE,
		.clock_hz = CLOCK_HZ,
		.payload_max = TS_SLICE_PACKETS * TS_PACKET_BYTES,
		.id = 1 };
	return add_stream(m, t);
}

static bool probe_ts(const struct media_file *f, struct bytes head, struct bytes name)
{
	static const char *const extensions[] = { ".ts", ".m2ts", ".mts", ".m2t", NULL };
	struct ts_layout l;

	return ts_layout_find(head, head.n == f->size, &l) || made_has_extension(name, extensions);
}

const struct movie_reader reader_ts = { .name = "MPEG-TS", .probe = probe_ts, .open = open_ts };
