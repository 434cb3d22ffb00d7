/* SPDX-License-Identifier: MIT */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"
#include "server/tests/mp4file.h"
#include "server/tests/unit.h"

/* MP4 files without hint tracks, written by hand: what is chosen, what is said, what is sent. */
enum { FILE_MAX = 1 << 20, SOUND_SAMPLES = 400 };

/* ---- files ---- */

/* mu-law sound, and video of four pictures I P B B at 10 a second, that somebody has numbered */
struct maker {
	struct mp4file file;
	struct buf ulaw, avc;
	uint8_t sound[SOUND_SAMPLES];
};

#define SPS     "\x67\x42\xc0\x0a\xda\x79"
#define PPS     "\x68\xce\x3c\x80"
#define AVCC    "\1\x42\xc0\x0a\xff\xe1\0\6" SPS "\1\0\4" PPS
#define IDR     "\0\0\0\4\x65\x88\x80I"
#define PICTURE "\0\0\0\4\x41\x9a\1P"

static void put_avc1(struct buf *b)
{
	size_t entry = mp4file_open_video(b, "avc1", 16, 16), avcc = mp4file_open(b, "avcC");

	mp4file_put(b, B(AVCC));
	mp4file_close(b, avcc);
	mp4file_close(b, entry);
}

static void maker_init(struct maker *k)
{
	memset(k, 0, sizeof *k);
	buf_init(&k->ulaw, FILE_MAX);
	buf_init(&k->avc, FILE_MAX);
	mp4file_close(&k->ulaw, mp4file_open_sound(&k->ulaw, "ulaw", 1, 16, 8000));
	put_avc1(&k->avc);
	for (size_t i = 0; i < SOUND_SAMPLES; i++)
		k->sound[i] = (uint8_t)(i % 251);
	k->file = (struct mp4file){ .timescale = 1000, .duration = 400, .n_tracks = 2 };
	k->file.tracks[0] = (struct mp4file_track){ .handler = "vide",
		.timescale = 600,
		.delta = 60,
		.data = B(IDR PICTURE PICTURE PICTURE),
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
		.data = bytes_of(k->sound, SOUND_SAMPLES),
		.n_samples = SOUND_SAMPLES,
		.uniform_size = 1,
		.per_chunk = 90,
		.edit = -1,
		.entries = buf_bytes(&k->ulaw),
		.n_entries = 1,
		.flags = 1 };
}

static void maker_clear(struct maker *k)
{
	buf_clear(&k->ulaw);
	buf_clear(&k->avc);
}

/* A movie over its own bytes. */
struct opened {
	struct buf file;
	struct movie movie;
	int err;
};

static void open_bytes(struct opened *o, struct bytes file)
{
	o->movie = (struct movie){ 0 };
	media_file_open_memory(&o->movie.file, file);
	o->err = movie_open(&o->movie, B("x.mp4"));
}

static void open_file(struct opened *o, const struct mp4file *f)
{
	buf_init(&o->file, FILE_MAX);
	mp4file_write(f, &o->file);
	open_bytes(o, buf_bytes(&o->file));
}

static void close_file(struct opened *o)
{
	movie_clear(&o->movie);
	buf_clear(&o->file);
}

static bool has_note(const struct opened *o, const char *text)
{
	struct bytes notes = buf_bytes(&o->movie.notes);
	bool found = bytes_find(notes, bytes_str(text)) < notes.n;

	if (!found)
		printf("    notes: %.*s", BYTES_FMT(notes));
	return found;
}

/* The n-th packet of a stream, as a reference to its block; NULL: none. */
static struct block *find_row(const struct opened *o, uint32_t stream, uint32_t n, struct row *row)
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

struct want {
	tick_t due;
	int64_t rtp;
	const char *payload;
	bool sync;
};

static void check_row(const struct opened *o, uint32_t stream, uint32_t n, const struct want *want)
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

static void check_end(const struct opened *o, uint32_t stream, uint32_t n)
{
	struct row row;
	struct block *b = find_row(o, stream, n, &row);

	CU_ASSERT_PTR_NULL(b);
	block_unref(b);
}

/* ---- what is sent ---- */

static void check_sound(const struct opened *o, uint32_t n, size_t at, size_t length)
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

/* Chunks of 90 sample frames, packets of 160: each is put together of two or three. */
static void t_sound(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->n_units, 3);
	CU_ASSERT_EQUAL(o.movie.streams[1]->duration, 50 * TICK_MS);
	check_sound(&o, 0, 0, 160);
	check_sound(&o, 1, 160, 160);
	check_sound(&o, 2, 320, 80);
	check_end(&o, 1, 3);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], 20 * TICK_MS), 1);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], 20 * TICK_MS + 1), 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], TICK_S), 3);
	close_file(&o);
	maker_clear(&k);
}

static void t_pictures(void)
{
	static const struct want want[] = {
		{ 0, 0, NULL, true }, /* with its parameter sets */
		{ 100 * TICK_MS, 9000, "\x41\x9a\1P", false },
		{ 200 * TICK_MS, 18000, NULL, false },
		{ 300 * TICK_MS, 27000, "\x41\x9a\1P", false },
	};
	struct maker k;
	struct opened o;

	maker_init(&k);
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	for (uint32_t i = 0; i < 4; i++)
		check_row(&o, 0, i, &want[i]);
	check_end(&o, 0, 4);
	CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->title, "H.264 16x16, 10 fps");
	CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->control, "trackID=1");
	CU_ASSERT_EQUAL(o.movie.streams[0]->payload_type, 96);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_syncs, 1);
	CU_ASSERT_EQUAL(o.movie.duration, 400 * TICK_MS);
	close_file(&o);
	maker_clear(&k);
}

/* All pictures are shown 60 ticks (100 ms) after they are decoded, and the edit begins with the second:
 * the first is decoded 200 ms before NPT 0 and shown 100 ms before it. */
static void t_edit_start(void)
{
	static const struct want first = { -200 * TICK_MS, -9000, NULL, true },
				 third = { 0, 9000, NULL, false };
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.tracks[0].composition = 60;
	k.file.tracks[0].edit = 120;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	check_row(&o, 0, 0, &first);
	check_row(&o, 0, 2, &third);
	CU_ASSERT_EQUAL(o.movie.streams[0]->ops->sync_npt(o.movie.streams[0], 0), -100 * TICK_MS);
	close_file(&o);

	/* what comes before a sync sample that is shown in time is not needed */
	k.file.tracks[0].n_sync = 2;
	k.file.tracks[0].sync[1] = 3;
	k.file.tracks[0].edit = 180;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 2);
	check_row(&o, 0, 0, &(struct want){ -100 * TICK_MS, 0, NULL, true });
	close_file(&o);
	maker_clear(&k);
}

static void t_edit_end(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.tracks[0].edit = 0;
	k.file.tracks[0].edit_length = 200;
	k.file.tracks[1].edit = 80;
	k.file.tracks[1].edit_length = 20;
	k.file.tracks[1].empty_edit = 30;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 2);
	CU_ASSERT_EQUAL(o.movie.streams[0]->duration, 200 * TICK_MS);
	CU_ASSERT_EQUAL(o.movie.streams[1]->n_units, 1);
	CU_ASSERT_EQUAL(o.movie.streams[1]->duration, 50 * TICK_MS);
	check_row(&o, 1, 0, &(struct want){ 30 * TICK_MS, 240, NULL, true });
	close_file(&o);

	k.file.tracks[0].edit_rate = 2 << 16;
	k.file.tracks[1].edit = 4000; /* behind the end of the sound */
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.n_streams, 1);
	CU_ASSERT(has_note(&o, "its edit list shows nothing of it"));
	CU_ASSERT(has_note(&o, "track 1: its edit asks for another rate"));
	close_file(&o);
	maker_clear(&k);
}

/* The last chunk's octets are not there: what lies before is sent. */
static void t_cut_short(void)
{
	struct maker k;
	struct opened o;
	struct block *b;
	const struct stream *s;

	maker_init(&k);
	k.file.moov_first = true;
	open_file(&o, &k.file);
	movie_clear(&o.movie);
	open_bytes(&o, bytes_sub(buf_bytes(&o.file), 0, o.file.n - 100));
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	s = o.movie.streams[1];
	CU_ASSERT_EQUAL_FATAL(s->ops->fill(s, &o.movie.file, 1, 0, &b), 0);
	CU_ASSERT_EQUAL(b->next, 1);
	CU_ASSERT_EQUAL(b->n_rows, 1);
	block_unref(b);
	CU_ASSERT_EQUAL(s->ops->fill(s, &o.movie.file, 1, 1, &b), ERR_TRUNCATED);
	close_file(&o);
	maker_clear(&k);
}

/* A picture without octets, and one that nobody can send, end nothing. */
static void t_odd_sizes(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.tracks[0].data = B(IDR PICTURE PICTURE);
	k.file.tracks[0].uniform_size = 0;
	memcpy(k.file.tracks[0].sizes, (uint32_t[]){ 8, 0, 8, 8 }, 4 * sizeof(uint32_t));
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	check_row(&o, 0, 1, &(struct want){ 200 * TICK_MS, 18000, NULL, false });
	check_end(&o, 0, 3);
	close_file(&o);
	maker_clear(&k);
}

/* ---- what is chosen, and what is said ---- */

static void t_left_out(void)
{
	static const struct {
		const char *handler;
		uint32_t flags;
		bool external;
		const char *note;
	} cases[] = {
		{ "tmcd", 1, false, "track 3: left out: time code" },
		{ "text", 1, false, "track 3: left out: text" },
		{ "abcd", 1, false, "track 3: left out: of an unknown kind" },
		{ "soun", 0, false, "track 3: left out: it is disabled" },
		{ "soun", 1, true, "track 3: left out: its data lie in another file" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct maker k;
		struct opened o;

		maker_init(&k);
		k.file.n_tracks = 3;
		k.file.tracks[2] = k.file.tracks[1];
		k.file.tracks[2].handler = cases[i].handler;
		k.file.tracks[2].flags = cases[i].flags;
		k.file.tracks[2].external = cases[i].external;
		open_file(&o, &k.file);
		CU_ASSERT_EQUAL(o.err, 0);
		CU_ASSERT_EQUAL(o.movie.n_streams, 2);
		CU_ASSERT(has_note(&o, cases[i].note));
		close_file(&o);
		maker_clear(&k);
	}
}

static void t_alternates(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.n_tracks = 4;
	k.file.tracks[1].group = 1;
	k.file.tracks[1].flags = 0;
	k.file.tracks[2] = k.file.tracks[3] = k.file.tracks[1];
	k.file.tracks[2].flags = 1;
	k.file.tracks[3].flags = 1;
	k.file.tracks[2].language = ('d' - 96) << 10 | ('e' - 96) << 5 | ('u' - 96);
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->id, 3);
	CU_ASSERT_STRING_EQUAL(o.movie.streams[1]->language, "de");
	CU_ASSERT(has_note(&o, "track 4: left out: track 3 is played in its stead"));
	close_file(&o);

	/* all of them disabled: then that tells nothing */
	for (int i = 0; i < 4; i++)
		k.file.tracks[i].flags = 0;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->id, 2);
	close_file(&o);
	maker_clear(&k);
}

static void t_chapters_and_covers(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.n_tracks = 4;
	k.file.tracks[2] = k.file.tracks[3] = k.file.tracks[0];
	k.file.tracks[1].chapters = 3;
	k.file.tracks[3].n_samples = 1;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.n_streams, 2);
	CU_ASSERT(has_note(&o, "track 3: left out: chapters"));
	CU_ASSERT(has_note(&o, "track 4: left out: a single picture"));
	close_file(&o);
	maker_clear(&k);
}

static void t_descriptions(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	put_avc1(&k.avc);
	k.file.tracks[0].entries = buf_bytes(&k.avc);
	k.file.tracks[0].n_entries = 2;
	k.file.tracks[0].per_chunk = 1;
	k.file.tracks[0].second_from = 4;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 3);
	CU_ASSERT_EQUAL(o.movie.streams[0]->duration, 300 * TICK_MS);
	CU_ASSERT(has_note(
		&o, "track 1: ends after 3 samples, where its sample description changes"));
	close_file(&o);
	maker_clear(&k);
}

/* A file of which nothing can be sent names each codec. */
static void t_nothing(void)
{
	struct maker k;
	struct opened o;
	struct buf svq, enca;

	maker_init(&k);
	buf_init(&svq, FILE_MAX);
	buf_init(&enca, FILE_MAX);
	mp4file_close(&svq, mp4file_open_video(&svq, "SVQ3", 16, 16));
	mp4file_close(&enca, mp4file_open_sound(&enca, "enca", 1, 16, 8000));
	k.file.tracks[0].entries = buf_bytes(&svq);
	k.file.tracks[1].entries = buf_bytes(&enca);
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, ERR_UNSUPPORTED);
	CU_ASSERT(has_note(&o, "track 1: SVQ3: left out: no packetiser for this codec"));
	CU_ASSERT(has_note(&o, "track 2: enca: left out: it is encrypted"));
	close_file(&o);
	buf_clear(&svq);
	buf_clear(&enca);
	maker_clear(&k);
}

static void t_turned(void)
{
	static const struct {
		uint32_t turn[2];
		const char *text;
	} cases[] = { { { 0, 1 << 16 }, "turned by 90 degrees" },
		{ { (uint32_t)-1 << 16, 0 }, "turned by 180 degrees" },
		{ { 0, (uint32_t)-1 << 16 }, "turned by 270 degrees" },
		{ { 1 << 16, 0 }, "10 fps" } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct maker k;
		struct opened o;
		size_t n;

		maker_init(&k);
		memcpy(k.file.tracks[0].turn, cases[i].turn, sizeof cases[i].turn);
		k.file.tracks[0].wide = i % 2;
		open_file(&o, &k.file);
		CU_ASSERT_EQUAL_FATAL(o.err, 0);
		n = strlen(o.movie.streams[0]->title) - strlen(cases[i].text);
		CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->title + n, cases[i].text);
		close_file(&o);
		maker_clear(&k);
	}
}

static void t_created(void)
{
	static const struct {
		uint32_t created;
		int64_t seconds;
	} cases[] = { { 0, 0 }, { 2082844800u + 1000000000u, 1000000000 }, { 1000000000, 0 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct maker k;
		struct opened o;

		maker_init(&k);
		k.file.created = cases[i].created;
		open_file(&o, &k.file);
		CU_ASSERT_EQUAL(o.movie.created_ns, cases[i].seconds * TICK_S);
		close_file(&o);
		maker_clear(&k);
	}
}

/* ---- a compressed header ---- */

static void put_cmov(struct buf *out, struct bytes moov, const char *method, uint32_t said)
{
	uLongf n = compressBound((uLong)moov.n);
	uint8_t *packed = xmalloc(n);
	size_t outer = mp4file_open(out, "moov"), cmov = mp4file_open(out, "cmov"), box;

	CU_ASSERT_EQUAL(compress(packed, &n, moov.p, (uLong)moov.n), Z_OK);
	box = mp4file_open(out, "dcom");
	mp4file_put(out, bytes_str(method));
	mp4file_close(out, box);
	box = mp4file_open(out, "cmvd");
	mp4file_put32(out, said);
	mp4file_put(out, bytes_of(packed, n));
	mp4file_close(out, box);
	mp4file_close(out, cmov);
	mp4file_close(out, outer);
	free(packed);
}

static void t_compressed(void)
{
	static const struct {
		const char *method;
		int more, err;
	} cases[] = { { "zlib", 0, 0 }, { "zlib", -1, ERR_CORRUPT }, { "bzip", 0, ERR_UNSUPPORTED },
		{ "zlib", 1 << 30, ERR_LIMIT } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct maker k;
		struct opened o;
		struct buf moov;
		size_t mdat;

		maker_init(&k);
		buf_init(&moov, FILE_MAX);
		buf_init(&o.file, FILE_MAX);
		mdat = mp4file_open(&o.file, "mdat");
		mp4file_put(&o.file, k.file.tracks[0].data);
		mp4file_put(&o.file, k.file.tracks[1].data);
		mp4file_close(&o.file, mdat);
		mp4file_write_moov(&k.file, 8, &moov);
		put_cmov(&o.file, buf_bytes(&moov), cases[i].method,
			(uint32_t)((int)moov.n + cases[i].more));
		open_bytes(&o, buf_bytes(&o.file));
		CU_ASSERT_EQUAL(o.err, cases[i].err);
		if (!o.err)
			check_sound(&o, 1, 160, 160);
		buf_clear(&moov);
		close_file(&o);
		maker_clear(&k);
	}
}

/* ---- faults ---- */

/* So many blocks of every stream. */
static void pull(struct bytes file, unsigned blocks)
{
	struct movie m = { 0 };

	media_file_open_memory(&m.file, file);
	if (movie_open(&m, B("x.mp4")) == 0) {
		for (uint32_t i = 0; i < m.n_streams; i++) {
			const struct stream *s = m.streams[i];
			struct block *b;
			uint32_t unit = 0;

			for (unsigned k = 0; k < blocks && unit < s->n_units; k++) {
				if (s->ops->fill(s, &m.file, i, unit, &b))
					break;
				CU_ASSERT_FATAL(b->next > unit);
				unit = b->next;
				block_unref(b);
			}
		}
	}
	movie_clear(&m);
}

static void pull_all(struct bytes file)
{
	pull(file, UINT_MAX);
}

static void pull_starts(struct bytes file)
{
	pull(file, 2);
}

/* Every octet of the header in turn, in three ways. */
static void t_broken_octets(void)
{
	static const uint8_t flips[] = { 0xff, 0x80, 0x01 };
	struct maker k;
	struct buf file;
	size_t at;

	maker_init(&k);
	k.file.tracks[0].composition = 60;
	k.file.tracks[0].edit = k.file.tracks[1].edit = 60;
	buf_init(&file, FILE_MAX);
	mp4file_write(&k.file, &file);
	at = bytes_find(buf_bytes(&file), B("moov"));
	CU_ASSERT(at < file.n);
	for (size_t i = at - 4; i < file.n; i++) {
		for (size_t f = 0; f < COUNT(flips); f++) {
			file.p[file.at + i] ^= flips[f];
			pull_all(buf_bytes(&file));
			file.p[file.at + i] ^= flips[f];
		}
	}
	for (size_t n = 0; n < file.n; n++)
		pull_all(bytes_sub(buf_bytes(&file), 0, n));
	buf_clear(&file);
	maker_clear(&k);
}

/* The header says an hour, and a track that is not sent is longer: the streams end the film. */
static void t_duration(void)
{
	struct maker k;
	struct opened o;

	maker_init(&k);
	k.file.duration = 3600000;
	k.file.n_tracks = 3;
	k.file.tracks[2] = k.file.tracks[1];
	k.file.tracks[2].handler = "text";
	k.file.tracks[2].delta = 1000;
	open_file(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.duration, 400 * TICK_MS);
	close_file(&o);
	maker_clear(&k);
}

/* Real files, hinted and with all that writers leave in them: octets of their headers, here and there. */
static void t_broken_samples(void)
{
	static const char *const names[] = { "sample_100kbit.mov", "sample_50kbit.3gp",
		"sample_h264_100kbit.mp4" };
	enum { FLIPS = 150, REAL_MAX = 4 << 20 };

	for (size_t i = 0; i < COUNT(names); i++) {
		char *rel = xasprintf("media/%s", names[i]), *path = unit_data(rel), *p;
		size_t n, at;

		free(rel);
		if (!path)
			return;
		CU_ASSERT_EQUAL_FATAL(os_read_file(path, REAL_MAX, &p, &n), 0);
		at = bytes_find(bytes_of(p, n), B("moov"));
		for (size_t k = 0; k < FLIPS; k++) {
			size_t place = at + k * (n - at < 60000 ? n - at : 60000) / FLIPS;

			p[place] = (char)~p[place];
			pull_starts(bytes_of(p, n));
			p[place] = (char)~p[place];
		}
		free(p);
		free(path);
	}
}

UNIT_SUITE(media_mp4, { "mp4: PCM is sent in units of 20 ms, whatever its chunks are", t_sound },
	{ "mp4: pictures carry the times of the table", t_pictures },
	{ "mp4: an edit begins with the sync sample that its first picture needs", t_edit_start },
	{ "mp4: an edit ends the track, an empty one delays it, others are noted", t_edit_end },
	{ "mp4: what lies beyond the end of the file ends the block before it", t_cut_short },
	{ "mp4: samples without octets are passed over", t_odd_sizes },
	{ "mp4: the film is as long as what is sent of it", t_duration },
	{ "mp4: tracks that nobody can play are left out with a word", t_left_out },
	{ "mp4: of alternates the first enabled one is played", t_alternates },
	{ "mp4: chapters and sleeves are no films", t_chapters_and_covers },
	{ "mp4: a track ends where its sample description changes", t_descriptions },
	{ "mp4: a file of which nothing can be sent names every codec", t_nothing },
	{ "mp4: turned pictures are said to be", t_turned },
	{ "mp4: the time of creation counts from 1904; 0 is none", t_created },
	{ "mp4: a compressed header is unpacked, within its limits", t_compressed },
	{ "mp4: a broken octet is an error or other packets, never a fault", t_broken_octets },
	{ "mp4: nor is one in a real file's header", t_broken_samples });
