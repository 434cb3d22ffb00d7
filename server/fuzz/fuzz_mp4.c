/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"

/*
 * Any octets as a file: open it, describe it, put together blocks in order and from every place that can be
 * asked for. What a file can make us do is capped by the readers; here only the number of blocks, so
 * that a run stays short.
 */
enum { BLOCKS_MAX = 64, PLACES = 16, SDP_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok)
		die("broken promise: %s", what);
}

static void check_block(
	const struct stream *s, uint32_t track, uint32_t first, const struct block *b)
{
	unsigned sum = 0;

	check(b->first == first && b->next > first && b->next <= s->n_units, "units of a block");
	check(b->track == track && atomic_load(&b->refs) == 1, "a block's owner");
	for (uint32_t i = 0; i < b->n_rows; i++) {
		const struct row *r = &b->rows[i];

		check(r->at <= b->payload_n && r->n <= b->payload_n - r->at, "place of a payload");
		check(r->train >= 1 && r->train <= 16 && r->train <= b->n_rows - i, "train");
		for (uint32_t k = 0; k < r->n; k++) /* every octet must be ours to read */
			sum += b->payload[r->at + k];
	}
	check(sum < UINT32_MAX, "so long a payload");
	check(b->n_rows || !b->payload_n, "payload without packets");
}

/* From `unit` on; answers where it stopped. */
static void pull(const struct movie *m, uint32_t track, uint32_t unit)
{
	const struct stream *s = m->streams[track];

	for (int i = 0; i < BLOCKS_MAX && unit < s->n_units; i++) {
		struct block *b = NULL;

		if (s->ops->fill(s, &m->file, track, unit, &b))
			return;
		check_block(s, track, unit, b);
		unit = b->next;
		block_unref(b);
	}
}

static void check_places(const struct movie *m, uint32_t track)
{
	const struct stream *s = m->streams[track];
	uint32_t before = 0;

	for (uint32_t i = 0; i <= PLACES; i++) {
		uint32_t unit = s->ops->unit_at(s, s->duration / PLACES * i);

		check(unit >= before && unit <= s->n_units, "units by time ascend");
		before = unit;
		if (unit == s->n_units)
			continue;
		check(s->ops->block_first(s, unit) <= unit, "a block begins before what it holds");
		(void)s->ops->unit_due(s, unit);
		if (i % 4 == 1)
			pull(m, track, s->ops->block_first(s, unit));
	}
	for (uint32_t i = 0; i < s->n_syncs && i < PLACES; i++) {
		uint32_t sync = i % 2 ? s->n_syncs - 1 - i : i;

		(void)s->ops->sync_npt(s, sync);
		check(s->ops->sync_unit(s, sync) <= s->n_units, "unit of a sync sample");
	}
}

static void check_stream(const struct movie *m, uint32_t track)
{
	const struct stream *s = m->streams[track];
	struct sdp_writer w;
	struct buf sdp;

	check(s->clock_hz && s->n_units && s->media_type && s->control[0], "what a stream is");
	check(s->duration >= 0, "a stream's duration");
	buf_init(&sdp, SDP_MAX);
	sdp_begin(&w, &sdp);
	s->ops->describe(s, &w);
	buf_clear(&sdp);
	pull(m, track, 0);
	check_places(m, track);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct movie m = { 0 };

	media_file_open_memory(&m.file, (struct bytes){ data, size });
	if (movie_open(&m, B("x.mp4")) == 0) {
		check(m.n_streams && m.n_streams <= MOVIE_STREAMS_MAX && m.duration >= 0,
			"a movie");
		for (uint32_t i = 0; i < m.n_streams; i++)
			check_stream(&m, i);
	}
	movie_clear(&m);
	return 0;
}
