/* SPDX-License-Identifier: MIT */
#include "server/tests/mp4_maker.h"

#include <stdio.h>
#include <string.h>

#include "server/tests/unit.h"

void mp4_put_avc1(struct buf *b)
{
	size_t entry = mp4file_open_video(b, "avc1", 16, 16), avcc = mp4file_open(b, "avcC");

	mp4file_put(b, B(MP4_AVCC));
	mp4file_close(b, avcc);
	mp4file_close(b, entry);
}

void mp4_maker_init(struct mp4_maker *k)
{
	memset(k, 0, sizeof *k);
	buf_init(&k->ulaw, MP4_FILE_MAX);
	buf_init(&k->avc, MP4_FILE_MAX);
	mp4file_close(&k->ulaw, mp4file_open_sound(&k->ulaw, "ulaw", 1, 16, 8000));
	mp4_put_avc1(&k->avc);
	for (size_t i = 0; i < MP4_SOUND_SAMPLES; i++)
		k->sound[i] = (uint8_t)(i % 251);
	k->file = (struct mp4file){ .timescale = 1000, .duration = 400, .n_tracks = 2 };
	k->file.tracks[0] = (struct mp4file_track){ .handler = "vide",
		.timescale = 600,
		.delta = 60,
		.data = B(MP4_IDR MP4_PICTURE MP4_PICTURE MP4_PICTURE),
		.n_samples = 4,
		.uniform_size = 8,
		.per_chunk = 3,
		.n_sync = 1,
		.sync = { 1 },
		.edit = -1,
		.entries = buf_bytes(&k->avc),
		.n_entries = 1,
		.flags = 1 };
	k->file.tracks[1] = (struct mp4file_track){ .handler = "soun",
		.timescale = 8000,
		.delta = 1,
		.data = bytes_of(k->sound, MP4_SOUND_SAMPLES),
		.n_samples = MP4_SOUND_SAMPLES,
		.uniform_size = 1,
		.per_chunk = 90,
		.edit = -1,
		.entries = buf_bytes(&k->ulaw),
		.n_entries = 1,
		.flags = 1 };
}

void mp4_maker_clear(struct mp4_maker *k)
{
	buf_clear(&k->ulaw);
	buf_clear(&k->avc);
}

void mp4_open_bytes(struct mp4_opened *o, struct bytes file)
{
	o->movie = (struct movie){ 0 };
	media_file_open_memory(&o->movie.file, file);
	o->err = movie_open(&o->movie, B("x.mp4"));
}

void mp4_open(struct mp4_opened *o, const struct mp4file *f)
{
	buf_init(&o->file, MP4_FILE_MAX);
	mp4file_write(f, &o->file);
	mp4_open_bytes(o, buf_bytes(&o->file));
}

void mp4_close(struct mp4_opened *o)
{
	movie_clear(&o->movie);
	buf_clear(&o->file);
}

bool mp4_has_note(const struct mp4_opened *o, const char *text)
{
	struct bytes notes = buf_bytes(&o->movie.notes);
	bool found = bytes_find(notes, bytes_str(text)) < notes.n;

	if (!found)
		printf("    notes: %.*s", BYTES_FMT(notes));
	return found;
}

/* The n-th packet of a stream, as a reference to its block; NULL: none. */
static struct block *find_row(
	const struct mp4_opened *o, uint32_t stream, uint32_t n, struct row *row)
{
	const struct stream *s = o->movie.streams[stream];
	struct block *b;

	for (uint32_t unit = 0; unit < s->n_units; unit = b->next, block_unref(b)) {
		if (s->ops->fill(s, &o->movie.file, stream, unit, &b))
			return NULL;
		CU_ASSERT_FATAL(b->first == unit && b->next > unit);
		if (n < b->n_rows) {
			*row = b->rows[n];
			return b;
		}
		n -= b->n_rows;
	}
	return NULL;
}

void mp4_check_row(
	const struct mp4_opened *o, uint32_t stream, uint32_t n, const struct mp4_want *want)
{
	struct row row = { 0 };
	struct block *b = find_row(o, stream, n, &row);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(row.due, want->due);
	CU_ASSERT_EQUAL(row.rtp_time, (uint32_t)want->rtp);
	CU_ASSERT_EQUAL(row.sync, want->sync);
	if (want->payload)
		CU_ASSERT(bytes_is_eq(block_payload(b, &row), bytes_str(want->payload)));
	block_unref(b);
}

void mp4_check_end(const struct mp4_opened *o, uint32_t stream, uint32_t n)
{
	struct row row;
	struct block *b = find_row(o, stream, n, &row);

	CU_ASSERT_PTR_NULL(b);
	block_unref(b);
}

void mp4_check_sound(const struct mp4_opened *o, uint32_t n, size_t at, size_t length)
{
	struct row row = { 0 };
	struct block *b = find_row(o, 1, n, &row);

	CU_ASSERT_PTR_NOT_NULL_FATAL(b);
	CU_ASSERT_EQUAL(row.rtp_time, n * 160);
	CU_ASSERT_EQUAL(row.due, (tick_t)n * 20 * TICK_MS);
	CU_ASSERT_EQUAL(row.payload_type, 0);
	CU_ASSERT_EQUAL_FATAL(row.n, length);
	for (size_t i = 0; i < length; i++)
		CU_ASSERT_EQUAL(b->payload[row.at + i], (at + i) % 251);
	block_unref(b);
}
