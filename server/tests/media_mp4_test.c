/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/mp4_maker.h"
#include "server/tests/unit.h"

/* MP4 files without hint tracks, written by hand: what is chosen, what is said, what is sent. */

/* ---- what is sent ---- */

/* Chunks of 90 sample frames, packets of 160: each is put together of two or three. */
static void t_sound(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->n_units, 3);
	CU_ASSERT_EQUAL(o.movie.streams[1]->duration, 50 * TICK_MS);
	mp4_check_sound(&o, 0, 0, 160);
	mp4_check_sound(&o, 1, 160, 160);
	mp4_check_sound(&o, 2, 320, 80);
	mp4_check_end(&o, 1, 3);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], 20 * TICK_MS), 1);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], 20 * TICK_MS + 1), 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->ops->unit_at(o.movie.streams[1], TICK_S), 3);
	mp4_close(&o);
	mp4_maker_clear(&k);
}

static void t_pictures(void)
{
	static const struct mp4_want want[] = {
		{ 0, 0, NULL, true }, /* with its parameter sets */
		{ 100 * TICK_MS, 9000, "\x41\x9a\1P", false },
		{ 200 * TICK_MS, 18000, NULL, false },
		{ 300 * TICK_MS, 27000, "\x41\x9a\1P", false },
	};
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	for (uint32_t i = 0; i < 4; i++)
		mp4_check_row(&o, 0, i, &want[i]);
	mp4_check_end(&o, 0, 4);
	CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->title, "H.264 16x16, 10 fps");
	CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->control, "trackID=1");
	CU_ASSERT_EQUAL(o.movie.streams[0]->payload_type, 96);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_syncs, 1);
	CU_ASSERT_EQUAL(o.movie.duration, 400 * TICK_MS);
	mp4_close(&o);
	mp4_maker_clear(&k);
}

/* All pictures are shown 60 ticks (100 ms) after they are decoded, and the edit begins with the second:
 * the first is decoded 200 ms before NPT 0 and shown 100 ms before it. */
static void t_edit_start(void)
{
	static const struct mp4_want first = { -200 * TICK_MS, -9000, NULL, true },
				     third = { 0, 9000, NULL, false };
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.tracks[0].composition = 60;
	k.file.tracks[0].edit = 120;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	mp4_check_row(&o, 0, 0, &first);
	mp4_check_row(&o, 0, 2, &third);
	CU_ASSERT_EQUAL(o.movie.streams[0]->ops->sync_npt(o.movie.streams[0], 0), -100 * TICK_MS);
	mp4_close(&o);

	/* what comes before a sync sample that is shown in time is not needed */
	k.file.tracks[0].n_sync = 2;
	k.file.tracks[0].sync[1] = 3;
	k.file.tracks[0].edit = 180;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 2);
	mp4_check_row(&o, 0, 0, &(struct mp4_want){ -100 * TICK_MS, 0, NULL, true });
	mp4_close(&o);
	mp4_maker_clear(&k);
}

static void t_edit_end(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.tracks[0].edit = 0;
	k.file.tracks[0].edit_length = 200;
	k.file.tracks[1].edit = 80;
	k.file.tracks[1].edit_length = 20;
	k.file.tracks[1].empty_edit = 30;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 2);
	CU_ASSERT_EQUAL(o.movie.streams[0]->duration, 200 * TICK_MS);
	CU_ASSERT_EQUAL(o.movie.streams[1]->n_units, 1);
	CU_ASSERT_EQUAL(o.movie.streams[1]->duration, 50 * TICK_MS);
	mp4_check_row(&o, 1, 0, &(struct mp4_want){ 30 * TICK_MS, 240, NULL, true });
	mp4_close(&o);

	k.file.tracks[0].edit_rate = 2 << 16;
	k.file.tracks[1].edit = 4000; /* behind the end of the sound */
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.n_streams, 1);
	CU_ASSERT(mp4_has_note(&o, "its edit list shows nothing of it"));
	CU_ASSERT(mp4_has_note(&o, "track 1: its edit asks for another rate"));
	mp4_close(&o);
	mp4_maker_clear(&k);
}

/* The last chunk's octets are not there: what lies before is sent. */
static void t_cut_short(void)
{
	struct mp4_maker k;
	struct mp4_opened o;
	struct block *b;
	const struct stream *s;

	mp4_maker_init(&k);
	k.file.moov_first = true;
	mp4_open(&o, &k.file);
	movie_clear(&o.movie);
	mp4_open_bytes(&o, bytes_sub(buf_bytes(&o.file), 0, o.file.n - 100));
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	s = o.movie.streams[1];
	CU_ASSERT_EQUAL_FATAL(s->ops->fill(s, &o.movie.file, 1, 0, &b), 0);
	CU_ASSERT_EQUAL(b->next, 1);
	CU_ASSERT_EQUAL(b->n_rows, 1);
	block_unref(b);
	CU_ASSERT_EQUAL(s->ops->fill(s, &o.movie.file, 1, 1, &b), ERR_TRUNCATED);
	mp4_close(&o);
	mp4_maker_clear(&k);
}

/* A picture without octets, and one that nobody can send, end nothing. */
static void t_odd_sizes(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.tracks[0].data = B(MP4_IDR MP4_PICTURE MP4_PICTURE);
	k.file.tracks[0].uniform_size = 0;
	memcpy(k.file.tracks[0].sizes, (uint32_t[]){ 8, 0, 8, 8 }, 4 * sizeof(uint32_t));
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	mp4_check_row(&o, 0, 1, &(struct mp4_want){ 200 * TICK_MS, 18000, NULL, false });
	mp4_check_end(&o, 0, 3);
	mp4_close(&o);
	mp4_maker_clear(&k);
}

/* The header says an hour, and a track that is not sent is longer: the streams end the film. */
static void t_duration(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.duration = 3600000;
	k.file.n_tracks = 3;
	k.file.tracks[2] = k.file.tracks[1];
	k.file.tracks[2].handler = "text";
	k.file.tracks[2].delta = 1000;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.duration, 400 * TICK_MS);
	mp4_close(&o);
	mp4_maker_clear(&k);
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
		struct mp4_maker k;
		struct mp4_opened o;

		mp4_maker_init(&k);
		k.file.n_tracks = 3;
		k.file.tracks[2] = k.file.tracks[1];
		k.file.tracks[2].handler = cases[i].handler;
		k.file.tracks[2].flags = cases[i].flags;
		k.file.tracks[2].external = cases[i].external;
		mp4_open(&o, &k.file);
		CU_ASSERT_EQUAL(o.err, 0);
		CU_ASSERT_EQUAL(o.movie.n_streams, 2);
		CU_ASSERT(mp4_has_note(&o, cases[i].note));
		mp4_close(&o);
		mp4_maker_clear(&k);
	}
}

static void t_alternates(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.n_tracks = 4;
	k.file.tracks[1].group = 1;
	k.file.tracks[1].flags = 0;
	k.file.tracks[2] = k.file.tracks[3] = k.file.tracks[1];
	k.file.tracks[2].flags = 1;
	k.file.tracks[3].flags = 1;
	k.file.tracks[2].language = ('d' - 96) << 10 | ('e' - 96) << 5 | ('u' - 96);
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->id, 3);
	CU_ASSERT_STRING_EQUAL(o.movie.streams[1]->language, "de");
	CU_ASSERT(mp4_has_note(&o, "track 4: left out: track 3 is played in its stead"));
	mp4_close(&o);

	/* all of them disabled: then that tells nothing */
	for (int i = 0; i < 4; i++)
		k.file.tracks[i].flags = 0;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL_FATAL(o.movie.n_streams, 2);
	CU_ASSERT_EQUAL(o.movie.streams[1]->id, 2);
	mp4_close(&o);
	mp4_maker_clear(&k);
}

static void t_chapters_and_covers(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	k.file.n_tracks = 4;
	k.file.tracks[2] = k.file.tracks[3] = k.file.tracks[0];
	k.file.tracks[1].chapters = 3;
	k.file.tracks[3].n_samples = 1;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.n_streams, 2);
	CU_ASSERT(mp4_has_note(&o, "track 3: left out: chapters"));
	CU_ASSERT(mp4_has_note(&o, "track 4: left out: a single picture"));
	mp4_close(&o);
	mp4_maker_clear(&k);
}

static void t_descriptions(void)
{
	struct mp4_maker k;
	struct mp4_opened o;

	mp4_maker_init(&k);
	mp4_put_avc1(&k.avc);
	k.file.tracks[0].entries = buf_bytes(&k.avc);
	k.file.tracks[0].n_entries = 2;
	k.file.tracks[0].per_chunk = 1;
	k.file.tracks[0].second_from = 4;
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL_FATAL(o.err, 0);
	CU_ASSERT_EQUAL(o.movie.streams[0]->n_units, 3);
	CU_ASSERT_EQUAL(o.movie.streams[0]->duration, 300 * TICK_MS);
	CU_ASSERT(mp4_has_note(
		&o, "track 1: ends after 3 samples, where its sample description changes"));
	mp4_close(&o);
	mp4_maker_clear(&k);
}

/* A file of which nothing can be sent names each codec. */
static void t_nothing(void)
{
	struct mp4_maker k;
	struct mp4_opened o;
	struct buf svq, enca;

	mp4_maker_init(&k);
	buf_init(&svq, MP4_FILE_MAX);
	buf_init(&enca, MP4_FILE_MAX);
	mp4file_close(&svq, mp4file_open_video(&svq, "SVQ3", 16, 16));
	mp4file_close(&enca, mp4file_open_sound(&enca, "enca", 1, 16, 8000));
	k.file.tracks[0].entries = buf_bytes(&svq);
	k.file.tracks[1].entries = buf_bytes(&enca);
	mp4_open(&o, &k.file);
	CU_ASSERT_EQUAL(o.err, ERR_UNSUPPORTED);
	CU_ASSERT(mp4_has_note(&o, "track 1: SVQ3: left out: no packetiser for this codec"));
	CU_ASSERT(mp4_has_note(&o, "track 2: enca: left out: it is encrypted"));
	mp4_close(&o);
	buf_clear(&svq);
	buf_clear(&enca);
	mp4_maker_clear(&k);
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
		struct mp4_maker k;
		struct mp4_opened o;
		size_t n;

		mp4_maker_init(&k);
		memcpy(k.file.tracks[0].turn, cases[i].turn, sizeof cases[i].turn);
		k.file.tracks[0].wide = i % 2;
		mp4_open(&o, &k.file);
		CU_ASSERT_EQUAL_FATAL(o.err, 0);
		n = strlen(o.movie.streams[0]->title) - strlen(cases[i].text);
		CU_ASSERT_STRING_EQUAL(o.movie.streams[0]->title + n, cases[i].text);
		mp4_close(&o);
		mp4_maker_clear(&k);
	}
}

static void t_created(void)
{
	static const struct {
		uint32_t created;
		int64_t seconds;
	} cases[] = { { 0, 0 }, { 2082844800u + 1000000000u, 1000000000 }, { 1000000000, 0 } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mp4_maker k;
		struct mp4_opened o;

		mp4_maker_init(&k);
		k.file.created = cases[i].created;
		mp4_open(&o, &k.file);
		CU_ASSERT_EQUAL(o.movie.created_ns, cases[i].seconds * TICK_S);
		mp4_close(&o);
		mp4_maker_clear(&k);
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
	{ "mp4: the time of creation counts from 1904; 0 is none", t_created });
