/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/format/hint.h"
#include "server/media/format/table_build.h"

/*
 * Any octets as hint samples. The first octet says how many there are; they share the rest. They may
 * take from two media tracks, which lie over the same octets: pictures of 16, and sound of single
 * octets; and from themselves.
 */
enum { SIZE_MIN = 32, PICTURE = 16, PICTURES_MAX = 64, SAMPLES_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok)
		die("broken promise: %s", what);
}

/* Samples of one size, side by side, each a hundred ticks long. */
static void make_track(
	struct track *k, uint32_t handler, size_t octets, uint32_t size, uint32_t max)
{
	struct table_build *b = table_build_new();
	uint32_t n = octets / size < max ? (uint32_t)(octets / size) : max;
	size_t bytes;

	*k = (struct track){ .id = 1, .handler = handler, .timescale = 1000 };
	for (uint32_t i = 0; i < n; i++)
		check(table_build_add(b, &(struct table_sample){ .at = 1 + (uint64_t)i * size,
						 .size = size,
						 .dts = i * 100ull,
						 .is_sync = i % 4 == 0 }) == 0,
			"room for a sample");
	check(table_build_take(b, n * 100ull, &k->table, &k->made, &bytes) == 0, "a table");
}

static void check_block(const struct hint_stream *s, uint32_t first, struct block *b)
{
	check(b->first == first && b->next > first && b->next <= s->hint->table.n_samples,
		"units of a block");
	for (uint32_t i = 0; i < b->n_rows; i++) {
		const struct row *r = &b->rows[i];

		check(r->at <= b->payload_n && r->n <= b->payload_n - r->at, "place of a payload");
		check(r->train >= 1 && r->train <= 16 && r->payload_type < 128, "a row");
		check(r->importance <= IMPORTANCE_HIGH, "importance");
	}
	block_unref(b);
}

static void play(const struct media_file *f, const struct hint_stream *s)
{
	struct hint_origin o;
	struct block *b;

	for (uint32_t n = 0; n < s->hint->table.n_samples;) {
		uint32_t first = n++;

		if (hint_fill(f, s, 0, first, &b) == 0) {
			n = b->next;
			check_block(s, first, b);
		}
	}
	if (hint_find_origin(f, s, &o) == 0)
		check(o.sample < UINT32_MAX && o.media, "an origin");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct track hint, pictures, sound;
	struct hint_stream s = { .movie_timescale = 1000 };
	struct media_file f;
	uint32_t n;

	if (size < SIZE_MIN)
		return 0;
	n = data[0] % SAMPLES_MAX + 1;
	media_file_open_memory(&f, (struct bytes){ data, size });
	make_track(&hint, FOURCC('h', 'i', 'n', 't'), size - 1, (uint32_t)((size - 1) / n), n);
	make_track(&pictures, FOURCC('v', 'i', 'd', 'e'), size - 1, PICTURE, PICTURES_MAX);
	make_track(&sound, FOURCC('s', 'o', 'u', 'n'), size - 1, 1, UINT32_MAX);
	pictures.stsd = bytes_sub((struct bytes){ data, size }, 1, 64);
	pictures.n_stsd = 2;
	s.hint = &hint;
	s.refs[0] = &pictures;
	s.refs[1] = &sound;
	s.stream = (struct stream){ .clock_hz = 90000, .is_video = data[0] & 0x80 };
	hint.rtp_scale = data[0] & 0x40 ? 600 : 0;
	play(&f, &s);
	track_clear(&hint);
	track_clear(&pictures);
	track_clear(&sound);
	return 0;
}
