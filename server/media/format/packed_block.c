/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/packed_parts.h"

/* Caps per block: what they bound is the work that a hostile table can ask for. */
enum {
	PIECES_MAX = 4096, /* reads; a unit that needs more is no unit that anyone made */
	FINDER_STEPS_MAX = 8 << 20
};

struct piece {
	uint64_t at;
	uint32_t n, to; /* length, and place in data */
};

/* Whether the file goes as far as the track's last sample. */
enum file_end { END_UNKNOWN, END_IS_THERE, END_IS_CUT };

/* One block in the making: what to read, and the units that lie in it. */
struct packing {
	const struct packed_stream *stream;
	const struct media_file *file;
	struct finder finder;
	struct piece *pieces;
	uint32_t n_pieces, cap_pieces;
	struct access_unit *units; /* data.p NULL: left out */
	uint32_t *places;          /* of their data */
	uint32_t n_units, cap_units;
	uint8_t *data;
	uint32_t data_n;
	enum file_end file_end;
};

static void packing_clear(struct packing *x)
{
	free(x->pieces);
	free(x->units);
	free(x->places);
	free(x->data);
}

static void put_piece(struct packing *x, uint64_t at, uint32_t n)
{
	struct piece *last = x->n_pieces ? &x->pieces[x->n_pieces - 1] : NULL;

	if (last && last->at + last->n == at && last->to + last->n == x->data_n) {
		last->n += n;
	} else {
		if (x->n_pieces == x->cap_pieces) {
			x->cap_pieces = x->cap_pieces ? x->cap_pieces * 2 : 32;
			x->pieces = xrealloc(x->pieces, x->cap_pieces * sizeof *x->pieces);
		}
		x->pieces[x->n_pieces++] = (struct piece){ at, n, x->data_n };
	}
	x->data_n += n;
}

/* Where samples n … end lie, as pieces. *bytes may come to nothing. */
static int place_samples(struct packing *x, uint32_t n, uint32_t end, uint64_t *bytes)
{
	*bytes = 0;
	while (n < end) {
		uint64_t at, more;
		uint32_t count;
		int err = finder_run(&x->finder, n, end - n, &at, &more, &count);

		if (err)
			return err;
		if (more > x->file->size || at > x->file->size - more)
			return ERR_TRUNCATED;
		*bytes += more;
		n += count;
		if (*bytes > BLOCK_BYTES_MAX)
			continue; /* too long to be sent, but the next one lies behind it */
		if (x->n_pieces == PIECES_MAX)
			return ERR_LIMIT;
		if (more)
			put_piece(x, at, (uint32_t)more);
	}
	return 0;
}

/* Whether a sample beyond the end of the file means that the file was cut short: then the last one lies
 * there, too. Otherwise it is only an entry of the table that is broken. */
static bool is_cut_short(struct packing *x)
{
	struct packing last = { .stream = x->stream, .file = x->file };
	uint32_t end = x->stream->end;
	uint64_t bytes;

	if (x->file_end == END_UNKNOWN) {
		finder_init(&last.finder, &x->stream->track->table, FINDER_STEPS_MAX);
		x->file_end =
			place_samples(&last, end - 1, end, &bytes) ? END_IS_CUT : END_IS_THERE;
		packing_clear(&last);
	}
	return x->file_end == END_IS_CUT;
}

static void put_unit(struct packing *x, const struct access_unit *u, uint32_t place)
{
	if (x->n_units == x->cap_units) {
		x->cap_units = x->cap_units ? x->cap_units * 2 : 64;
		x->units = xrealloc(x->units, x->cap_units * sizeof *x->units);
		x->places = xrealloc(x->places, x->cap_units * sizeof *x->places);
	}
	x->units[x->n_units] = *u;
	x->places[x->n_units++] = place;
}

static struct access_unit unit_times(const struct packed_stream *s, uint32_t n, uint32_t end)
{
	int64_t from = packed_decode_time(s, n), to = packed_decode_time(s, end);
	int64_t ticks = packed_ticks(s, to) - packed_ticks(s, from);

	return (struct access_unit){ .due = packed_ns(s, from),
		.rtp = packed_ticks(s, packed_shown_time(s, n)),
		.rtp_n = ticks > 0 && ticks <= UINT32_MAX ? (uint32_t)ticks : 0,
		.sync = table_is_sync(&s->track->table, n) };
}

/* Takes a unit's samples into the block. A broken one leaves x as it was. */
static int add_unit(struct packing *x, uint32_t unit)
{
	const struct packed_stream *s = x->stream;
	uint32_t n = packed_unit_sample(s, unit), place = x->data_n, pieces = x->n_pieces;
	uint32_t last_n = pieces ? x->pieces[pieces - 1].n : 0;
	uint32_t end = s->end - n > s->unit_samples ? n + s->unit_samples : s->end;
	struct access_unit u = unit_times(s, n, end);
	uint64_t bytes;
	int err;

	x->data_n += (uint32_t)s->prefix.n;
	err = place_samples(x, n, end, &bytes);
	if (err == ERR_TRUNCATED && !is_cut_short(x)) {
		err = 0;
		bytes = 0;
	}
	/* an empty sample shows nothing, and one that is too long cannot be sent */
	if (err || !bytes || bytes > BLOCK_BYTES_MAX) {
		x->data_n = place;
		x->n_pieces = pieces;
		if (pieces)
			x->pieces[pieces - 1].n = last_n;
	} else {
		u.data.n = s->prefix.n + (size_t)bytes;
	}
	if (!err)
		put_unit(x, &u, place);
	return err;
}

static bool is_full(const struct packing *x)
{
	return x->data_n >= BLOCK_BYTES_SOFT || x->n_units >= BLOCK_ROWS_SOFT ||
	       x->n_pieces >= PIECES_MAX / 2;
}

static int read_pieces(struct packing *x)
{
	int err = 0;

	x->data = xmalloc(x->data_n ? x->data_n : 1);
	for (uint32_t i = 0; !err && i < x->n_pieces; i++) {
		const struct piece *p = &x->pieces[i];

		err = media_file_read(x->file, p->at, x->data + p->to, p->n);
	}
	for (uint32_t i = 0; i < x->n_units; i++) {
		struct access_unit *u = &x->units[i];

		if (u->data.n && x->stream->prefix.n)
			memcpy(x->data + x->places[i], x->stream->prefix.p, x->stream->prefix.n);
		u->data.p = u->data.n ? x->data + x->places[i] : NULL;
	}
	return err;
}

/* Packs the units, in runs without a hole. */
static void pack_units(const struct packing *x, struct block_build *b)
{
	const struct packer *p = &x->stream->packer;
	uint32_t first = 0;

	for (uint32_t i = 0; i <= x->n_units; i++) {
		if (i < x->n_units && x->units[i].data.p)
			continue;
		if (i > first)
			p->ops->pack(p, x->units + first, i - first, b);
		first = i + 1;
	}
}

/* The block of what has been collected. When it grows too long, of half the units, and so on: what is left
 * out is read again, so one by one would take for ever. A unit that is too long alone is left out: one
 * monster must not end a film. */
static struct block *make_block(struct packing *x, uint32_t track, uint32_t first)
{
	struct block_build b;
	uint32_t n = x->n_units;

	block_build_init(&b);
	pack_units(x, &b);
	while (b.err && n > 1) {
		block_build_back(&b, (struct block_mark){ 0 });
		n = x->n_units = n / 2;
		pack_units(x, &b);
	}
	if (b.err)
		block_build_back(&b, (struct block_mark){ 0 });
	return block_build_take(&b, track, first, first + n);
}

/* Collects units first ≤ n < end as far as a block goes, reads them at once, and packs them. */
int packed_block_fill(const struct packed_stream *s, const struct media_file *f, uint32_t track,
	uint32_t first, uint32_t end, struct block **out)
{
	struct packing x = { .stream = s, .file = f };
	int err = 0;

	finder_init(&x.finder, &s->track->table, FINDER_STEPS_MAX);
	for (uint32_t unit = first; !err && unit < end && !is_full(&x); unit++)
		err = add_unit(&x, unit);
	if (x.n_units) {
		err = read_pieces(&x);
		if (!err)
			*out = make_block(&x, track, first);
	}
	packing_clear(&x);
	return err;
}
