/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"
#include "server/media/title.h"
#include "server/tests/mp4file.h"
#include "server/tests/unit.h"

/* A hint track over two media tracks, written by hand, packet by packet. */
enum { FILE_MAX = 1 << 16 };

#define SDP_VIDEO "m=video 0 RTP/AVP 96\r\na=rtpmap:96 X-TEST/90000\r\na=control:trackID=3\r\n"
#define VIDEO     "aaaaaaaaaaBBBBBBBBBBBBBBBBBBBBcccccccccccccccccccccccccccccc" /* 10, 20, 30 */
#define SOUND     "11111111222222223333333344444444" /* 4 blocks of 8, 2 to a chunk */

/* Header of a packet: relative time, RTP bits, sequence seed, flags, number of constructors. */
#define PACKET(rel, bits, flags, n) \
	rel bits "\0\7"             \
		 "\0" flags "\0" n
#define REL_0   "\0\0\0\0"
#define REL_5   "\0\0\0\5"
#define PT_96   "\0\x60"
#define PT_96_M "\0\xe0"
#define NOP     "\0zzzzzzzzzzzzzzz"
#define IMM_3   "\1\3xyzzzzzzzzzzzz"
/* sample data: track, length, sample number, offset, bytes and samples per block */
#define DATA(track, n, number, offset, bpb, spb) \
	"\2" track "\0" n "\0\0\0" number "\0\0\0" offset "\0" bpb "\0" spb
#define DESCRIPTION "\3\0\0\4\0\0\0\1\0\0\0\x10\0\0\0\0"

static void file_init(struct mp4file *m, struct bytes hint)
{
	*m = (struct mp4file){ .timescale = 600, .duration = 1800, .n_tracks = 3 };
	/* all video at time 0: what a packet refers to first would place it (t_edits) */
	m->tracks[0] = (struct mp4file_track){ .handler = "vide",
		.timescale = 600,
		.delta = 0,
		.data = B(VIDEO),
		.n_samples = 3,
		.sizes = { 10, 20, 30 },
		.per_chunk = 2,
		.n_sync = 2,
		.sync = { 1, 3 },
		.edit = -1 };
	m->tracks[1] = (struct mp4file_track){ .handler = "soun",
		.timescale = 8000,
		.delta = 1,
		.data = B(SOUND),
		.n_samples = 64,
		.uniform_size = 1,
		.per_chunk = 32,
		.chunk_bytes = 16,
		.edit = -1 };
	m->tracks[2] = (struct mp4file_track){ .handler = "hint",
		.timescale = 1000,
		.delta = 500,
		.data = hint,
		.n_samples = 1,
		.sizes = { (uint32_t)hint.n },
		.per_chunk = 1,
		.edit = -1,
		.n_refs = 2,
		.refs = { 1, 2 },
		.sdp = SDP_VIDEO };
}

/* The movie as a title; *file must live as long. */
static struct title *file_title(const struct mp4file *m, struct buf *file)
{
	struct title *t = NULL;

	buf_init(file, FILE_MAX);
	mp4file_write(m, file);
	CU_ASSERT_EQUAL(title_open_memory(buf_bytes(file), B("test.mp4"), &t), 0);
	return t;
}

struct want {
	const char *payload;
	tick_t due;
	uint32_t rtp_time;
	const char *bits; /* of M P X S, and L for low importance */
};

static void check_packet(const struct packet *p, const struct want *w)
{
	CU_ASSERT_TRUE(bytes_is_eq(p->body, bytes_str(w->payload)));
	if (!bytes_is_eq(p->body, bytes_str(w->payload)))
		printf("    got %.*s\n", BYTES_FMT(p->body));
	CU_ASSERT_EQUAL(p->due, w->due);
	CU_ASSERT_EQUAL(p->rtp_time, w->rtp_time);
	CU_ASSERT_EQUAL(p->marker, strchr(w->bits, 'M') != NULL);
	CU_ASSERT_EQUAL(p->padding, strchr(w->bits, 'P') != NULL);
	CU_ASSERT_EQUAL(p->extension, strchr(w->bits, 'X') != NULL);
	CU_ASSERT_EQUAL(p->sync, strchr(w->bits, 'S') != NULL);
	CU_ASSERT_EQUAL(p->importance == IMPORTANCE_LOW, strchr(w->bits, 'L') != NULL);
	CU_ASSERT_EQUAL(p->payload_type, 96);
	CU_ASSERT_EQUAL(p->head_n, 0);
}

static void check_file(const struct mp4file *m, const struct want *want, size_t n, int end)
{
	struct buf file;
	struct title *t = file_title(m, &file);
	struct source *s;
	struct packet p;

	if (!t) {
		buf_clear(&file);
		return;
	}
	s = title_source(t, media_io_sync());
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL_FATAL(source_next(s, 1, TICK_NEVER, 1, &p), 0);
		check_packet(&p, &want[i]);
	}
	CU_ASSERT_EQUAL(source_next(s, 1, TICK_NEVER, 1, &p), end);
	source_free(s);
	title_unref(t);
	buf_clear(&file);
}

static void check(struct bytes hint, const struct want *want, size_t n, int end)
{
	struct mp4file m;

	file_init(&m, hint);
	check_file(&m, want, n, end);
}

#define PACKETS(n) "\0" n "\0\0"

static void t_constructors(void)
{
	static const struct want want[] = {
		{ "xyzBBBBB", 0, 0, "M" },
		{ "CONF", 5 * TICK_MS, 0, "" },
		{ "aaaaaaaaaa", 0, 0, "PXS" },
	};

	check(B(PACKETS("\3") PACKET(REL_0, PT_96_M, "\0", "\3") NOP IMM_3 DATA("\0", "\5", "\2",
		      "\7", "\1", "\1") PACKET(REL_5, PT_96, "\0", "\1") DESCRIPTION PACKET(REL_0,
		      "\x30\x60", "\0", "\1") DATA("\0", "\12", "\1", "\0", "\0", "\0")),
		want, COUNT(want), ERR_END);
}

static void t_payload_type(void)
{
	static const struct want want[] = { { "xyz", 0, 0, "MS" } };

	check(B(PACKETS("\1") PACKET(REL_0, "\0\xe1", "\0", "\1") IMM_3), want, COUNT(want),
		ERR_END);
}

static void t_long_header(void)
{
	struct mp4file m;
	struct buf file;
	struct title *t;
	struct source *s;

	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3));
	m.duration = 3600 * 600;
	t = file_title(&m, &file);
	s = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(s->duration, 500 * TICK_MS);
	source_free(s);
	title_unref(t);
	buf_clear(&file);
}

/* The second sample is given by its number, the own one by the data behind the packets. */
static void t_self(void)
{
	static const struct want want[] = { { "TAIL", 0, 0, "S" } };

	check(B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
			      DATA("\xff", "\4", "\1", "\x20", "\1", "\1") "TAIL"),
		want, COUNT(want), ERR_END);
}

/* Another sample of the hint track, for what several packets share. */
static void t_other_hint_sample(void)
{
	static const struct want want[] = { { "SHARED", 500 * TICK_MS, 45000, "S" } };
	struct mp4file m;

	file_init(&m, B(PACKETS("\0") "SHARED" PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\xff", "\6", "\1", "\4", "\1", "\1")));
	m.tracks[2].n_samples = 2;
	m.tracks[2].sizes[0] = 10;
	m.tracks[2].sizes[1] = 32;
	check_file(&m, want, COUNT(want), ERR_END);
}

/* The second description, and one that is not there. */
static void t_descriptions(void)
{
	static const struct want want[] = { { "TWO!", 0, 0, "S" } };
	struct bytes hint = B(PACKETS("\1")
			PACKET(REL_0, PT_96, "\0", "\1") "\3\0\0\4\0\0\0\2\0\0\0\x10\0\0\0\0");
	struct mp4file m;

	file_init(&m, hint);
	m.tracks[0].entries = B("\0\0\0\x14"
				"mp4v\0\0\0\0\0\0\0\1ONE!\0\0\0\x14"
				"mp4v\0\0\0\0\0\0\0\1TWO!");
	m.tracks[0].n_entries = 2;
	check_file(&m, want, COUNT(want), ERR_END);
}

/* Packets may leave before the time of their sample. */
static void t_early(void)
{
	static const struct want want[] = { { "xyz", -5 * TICK_MS, 0, "S" } };

	check(B(PACKETS("\1") PACKET("\xff\xff\xff\xfb", PT_96, "\0", "\1") IMM_3), want,
		COUNT(want), ERR_END);
}

static void t_blocks(void)
{
	/* 16 samples in 8 bytes: sample 49 is in the fourth block, offset 2; sample 17 in the second */
	static const struct want want[] = { { "444422222222", 0, 0, "S" } };

	check(B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\2") DATA("\1", "\4", "\x31", "\2", "\x8",
		      "\x10") DATA("\1", "\x8", "\x11", "\0", "\x8", "\x10")),
		want, COUNT(want), ERR_END);
}

/* PCM: a reference reads on over frames. The second packet is numbered as ffmpeg does it: by hint
 * sample, so its frames are found by time (4 ms are 32 frames). */
static void t_frames(void)
{
	static const struct want want[] = { { "1122", 0, 0, "S" },
		{ "3334", 4 * TICK_MS, 360, "S" } };
	struct mp4file m;

	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") DATA("\1", "\4", "\1", "\6",
			      "\1", "\1") PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\1", "\4", "\2", "\5", "\1", "\1")));
	m.tracks[1].data = B("11111111222222221111111122222222"
			     "33333333444444443333333344444444");
	m.tracks[1].chunk_bytes = 0;
	m.tracks[2].delta = 4;
	m.tracks[2].n_samples = 2;
	m.tracks[2].sizes[0] = m.tracks[2].sizes[1] = 32;
	m.tracks[2].sdp = "m=audio 0 RTP/AVP 96\r\na=rtpmap:96 X-TEST/90000\r\n";
	check_file(&m, want, COUNT(want), ERR_END);
}

static void t_flags(void)
{
	/* extra information: rtpo of -90 and a box that nobody knows, padded */
	static const struct want want[] = {
		{ "xyz", 0, (uint32_t)-90, "SL" },
		{ "xyz", 0, 0, "S" },
	};

	check(B(PACKETS("\3") PACKET(REL_0, PT_96, "\6",
		      "\1") "\0\0\0\x1c"
			    "\0\0\0\x9"
			    "what"
			    "?\0\0\0"
			    "\0\0\0\xc"
			    "rtpo"
			    "\xff\xff\xff\xa6" IMM_3 PACKET(REL_0, PT_96, "\1", "\1")
				    IMM_3 PACKET(REL_0, PT_96, "\0", "\1") IMM_3),
		want, COUNT(want), ERR_END);
}

static void t_empty_samples(void)
{
	static const struct want want[] = { { "xyz", 500 * TICK_MS, 45000, "" } };
	struct mp4file m;

	file_init(&m, B(PACKETS("\0") PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3));
	m.tracks[2].n_samples = 3;
	m.tracks[2].sizes[0] = 4;
	m.tracks[2].sizes[1] = 4 + 12 + 16;
	m.tracks[2].sizes[2] = 0;
	m.tracks[2].n_sync = 1;
	m.tracks[2].sync[0] = 1;
	check_file(&m, want, COUNT(want), ERR_END);
}

/* Every way of writing the same tables. */
static void t_shapes(void)
{
	static const struct want want[] = { { "BBBBBcccccccccccccccccccc", 0, 0, "" } };
	static const uint8_t compact[] = { 0, 8, 16 };
	struct mp4file m;

	for (size_t i = 0; i < 2 * 2 * COUNT(compact); i++) {
		file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\2")
					      DATA("\0", "\5", "\2", "\xf", "\1", "\1")
						      DATA("\0", "\x14", "\3", "\xa", "\1", "\1")));
		m.moov_first = i % 2;
		for (uint32_t k = 0; k < m.n_tracks; k++) {
			m.tracks[k].wide = i / 2 % 2;
			if (!m.tracks[k].uniform_size)
				m.tracks[k].compact = compact[i / 4];
		}
		check_file(&m, want, COUNT(want), ERR_END);
	}
}

static void t_nibbles(void)
{
	static const struct want want[] = { { "aaa", 0, 0, "S" }, { "BBBB", 0, 0, "" } };
	struct mp4file m;

	file_init(&m, B(PACKETS("\2") PACKET(REL_0, PT_96, "\0", "\1") DATA(
			      "\0", "\3", "\1", "\0", "\1", "\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\0", "\4", "\2", "\0", "\1", "\1")));
	m.tracks[0].data = B("aaaBBBBccccc");
	memcpy(m.tracks[0].sizes, (uint32_t[]){ 3, 4, 5 }, 3 * sizeof(uint32_t));
	m.tracks[0].compact = 4;
	check_file(&m, want, COUNT(want), ERR_END);
}

/* The media begins at media time 300 of its edit list, half a second in: its second sample is what
 * NPT 0 shows, although the hint track's own times know nothing of it. */
static void t_edits(void)
{
	static const struct want cut[] = {
		{ "aaa", -500 * TICK_MS, (uint32_t)-45000, "S" },
		{ "BBB", 0, 0, "" },
	};
	static const struct want late[] = {
		{ "aaa", 250 * TICK_MS, 22500, "S" },
		{ "BBB", 750 * TICK_MS, 67500, "" },
	};
	struct mp4file m;

	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") DATA("\0", "\3", "\1", "\0",
			      "\1", "\1") PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\0", "\3", "\2", "\0", "\1", "\1")));
	m.tracks[2].n_samples = 2;
	m.tracks[2].sizes[0] = m.tracks[2].sizes[1] = 32;
	m.tracks[0].delta = 300;
	m.tracks[0].edit = 300;
	check_file(&m, cut, COUNT(cut), ERR_END);
	/* the same by composition offsets and an edit that takes them back */
	m.tracks[0].composition = 150;
	m.tracks[0].edit = 450;
	check_file(&m, cut, COUNT(cut), ERR_END);
	/* an empty edit delays */
	m.tracks[0].composition = 0;
	m.tracks[0].edit = 0;
	m.tracks[0].empty_edit = 150;
	check_file(&m, late, COUNT(late), ERR_END);
	/* and is not counted twice when the hint track has it, too */
	m.tracks[2].edit = 0;
	m.tracks[2].empty_edit = 150;
	check_file(&m, late, COUNT(late), ERR_END);
}

static void t_trains(void)
{
	static const uint16_t want[] = { 3, 2, 3, 2, 1, 1 };
	struct buf file;
	struct mp4file m;
	struct title *t;
	struct source *s;
	struct packet p;

	/* lengths 3 3 2 2 2 | 2 at another time */
	file_init(&m, B(PACKETS("\6") PACKET(REL_0, PT_96, "\0", "\1")
				      IMM_3 PACKET(REL_0, PT_96, "\0", "\1") IMM_3 PACKET(REL_0,
					      PT_96, "\0", "\1") "\1\2xyzzzzzzzzzzzz" PACKET(REL_0,
					      PT_96, "\0", "\1") "\1\2xyzzzzzzzzzzzz" PACKET(REL_0,
					      PT_96, "\0", "\1") "\1\2xyzzzzzzzzzzzz" PACKET(REL_5,
					      PT_96, "\0", "\1") "\1\2xyzzzzzzzzzzzz"));
	t = file_title(&m, &file);
	CU_ASSERT_PTR_NOT_NULL_FATAL(t);
	s = title_source(t, media_io_sync());
	for (size_t i = 0; i < COUNT(want); i++) {
		CU_ASSERT_EQUAL(source_next(s, 1, TICK_NEVER, 1, &p), 0);
		CU_ASSERT_EQUAL(p.train, want[i]);
	}
	source_free(s);
	title_unref(t);
	buf_clear(&file);
}

/* The film's sync samples are in its table, the hint track's packets name none of them. */
static void t_nameless_sync(void)
{
	enum { SAMPLES = 30 };
	struct bytes one = B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3);
	struct mp4file m;
	struct buf hint, file;
	struct packet p = { 0 };
	tick_t actual;

	buf_init(&hint, FILE_MAX);
	for (int i = 0; i < SAMPLES; i++)
		CU_ASSERT_EQUAL(buf_put(&hint, one), 0);
	file_init(&m, buf_bytes(&hint));
	m.duration = SAMPLES * 300;
	m.tracks[0].delta = 300;
	m.tracks[2].n_samples = SAMPLES;
	for (int i = 0; i < SAMPLES; i++)
		m.tracks[2].sizes[i] = (uint32_t)one.n;
	m.tracks[2].n_sync = 1;
	m.tracks[2].sync[0] = 1;
	struct title *t = file_title(&m, &file);
	struct source *s = title_source(t, media_io_sync());

	CU_ASSERT_EQUAL(
		source_seek(s, 1, &(struct source_start){ .npt = 2 * TICK_S, .scale = 1 }, &actual),
		0);
	CU_ASSERT_EQUAL(actual, TICK_S);
	CU_ASSERT_EQUAL(source_next(s, 1, TICK_NEVER, 1, &p), 0);
	CU_ASSERT_EQUAL(p.due, 6500 * TICK_MS);
	source_free(s);
	title_unref(t);
	buf_clear(&file);
	buf_clear(&hint);
}

static void t_corrupt(void)
{
	static const struct {
		struct bytes hint;
		int err;
	} cases[] = {
		/* constructors: unknown kind; more immediate bytes than fit; no such track, sample, place */
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") "\4zzzzzzzzzzzzzzz"),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") "\1\17zzzzzzzzzzzzzz"),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				  DATA("\7", "\1", "\1", "\0", "\1", "\1")),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				  DATA("\0", "\1", "\4", "\0", "\1", "\1")),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				  DATA("\0", "\1", "\0", "\0", "\1", "\1")),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				  DATA("\0", "\2", "\1", "\x9", "\1", "\1")),
			ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				  DATA("\xff", "\2", "\1", "\x1f", "\1", "\1")),
			ERR_CORRUPT },
		/* a packet that is not all there; an extra length below its own size; more than its sample */
		{ B(PACKETS("\2") PACKET(REL_0, PT_96, "\0", "\1") IMM_3), ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\4", "\1") "\0\0\0\3" IMM_3), ERR_CORRUPT },
		{ B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\2") IMM_3), ERR_CORRUPT },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf file;
		struct mp4file m;
		struct title *t = NULL;
		struct source *s;
		struct packet p;
		int err;

		file_init(&m, cases[i].hint);
		buf_init(&file, FILE_MAX);
		mp4file_write(&m, &file);
		err = title_open_memory(buf_bytes(&file), B("test.mp4"), &t);
		if (!err) {
			s = title_source(t, media_io_sync());
			err = source_next(s, 1, TICK_NEVER, 1, &p);
			source_free(s);
			title_unref(t);
		}
		CU_ASSERT_EQUAL(err, cases[i].err);
		buf_clear(&file);
	}
}

/* A broken sample does not take the packets before it along. */
static void t_corrupt_later(void)
{
	static const struct want want[] = { { "xyz", 0, 0, "S" } };
	struct mp4file m;

	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3 PACKETS("\2")
				      PACKET(REL_0, PT_96, "\0", "\1") IMM_3));
	m.tracks[2].n_samples = 2;
	m.tracks[2].sizes[0] = m.tracks[2].sizes[1] = 32;
	check_file(&m, want, COUNT(want), ERR_CORRUPT);
}

static int open_sdp(const char *track, const char *movie, struct buf *sdp)
{
	struct source_place place = { .host = B("::1"), .is_ip6 = true };
	struct buf file;
	struct mp4file m;
	struct title *t;
	struct source *s;
	int err;

	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3));
	m.tracks[2].sdp = track;
	m.tracks[2].delta = 3000;
	m.sdp = movie;
	buf_init(&file, FILE_MAX);
	buf_init(sdp, FILE_MAX);
	mp4file_write(&m, &file);
	err = title_open_memory(buf_bytes(&file), B("test.mp4"), &t);
	if (!err) {
		s = title_source(t, media_io_sync());
		err = source_describe(s, &place, sdp);
		source_free(s);
		title_unref(t);
	}
	buf_clear(&file);
	return err;
}

static void t_sdp_lines(void)
{
	struct buf sdp;

	CU_ASSERT_EQUAL(
		open_sdp(
			"a=fmtp:96 mode=AAC-hbr\nm=audio 5004 RTP/AVP 96 97\n"
			"c=IN IP4 10.0.0.1\nb=AS:2097151\na=control:rtsp://evil/\na=range:npt=0-9\n"
			"a=rtpmap:96 MPEG4-generic/44100/2\na=bad name:1\na=x\ttab\n\n",
			"b=AS:1\r\nt=3 4\r\na=control:x\r\na=isma-compliance:1,1.0,1", &sdp),
		0);
	CU_ASSERT_TRUE(bytes_is_eq(buf_bytes(&sdp),
		B("v=0\r\no=- 0 0 IN IP6 ::1\r\ns=test.mp4\r\nc=IN IP6 ::\r\nb=AS:1\r\nt=0 0\r\n"
		  "a=control:*\r\na=range:npt=0-3.000\r\na=isma-compliance:1,1.0,1\r\n"
		  "m=audio 0 RTP/AVP 96\r\na=control:trackID=3\r\n"
		  "a=fmtp:96 mode=AAC-hbr;streamtype=5\r\na=rtpmap:96 MPEG4-generic/44100/2\r\n")));
	buf_clear(&sdp);
}

/* The language of the media, unless the text says one. */
static void t_sdp_language(void)
{
	static const struct {
		const char *sdp, *want;
	} cases[] = { { SDP_VIDEO, "a=lang:fr\r\n" },
		{ SDP_VIDEO "a=lang:oc\r\n", "a=lang:oc\r\n" } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct source_place place = { 0 };
		struct mp4file m;
		struct buf file, sdp;
		struct title *t;
		struct source *s;
		size_t at;

		file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1") IMM_3));
		m.tracks[0].language = ('f' - 96) << 10 | ('r' - 96) << 5 | ('a' - 96);
		m.tracks[2].sdp = cases[i].sdp;
		t = file_title(&m, &file);
		CU_ASSERT_PTR_NOT_NULL_FATAL(t);
		s = title_source(t, media_io_sync());
		buf_init(&sdp, FILE_MAX);
		CU_ASSERT_EQUAL(source_describe(s, &place, &sdp), 0);
		at = bytes_find(buf_bytes(&sdp), B("a=lang:"));
		CU_ASSERT(bytes_has_prefix(
			bytes_sub(buf_bytes(&sdp), at, sdp.n), bytes_str(cases[i].want)));
		CU_ASSERT_EQUAL(bytes_find(bytes_sub(buf_bytes(&sdp), at + 1, sdp.n), B("a=lang:")),
			sdp.n - at - 1);
		buf_clear(&sdp);
		source_free(s);
		title_unref(t);
		buf_clear(&file);
	}
}

static void t_sdp_refused(void)
{
	static const char *const texts[] = { "", "a=rtpmap:96 X/90000\r\n",
		"m=video 0 RTP/AVP 96\r\n", "m=video 0 RTP/AVP 200\r\na=rtpmap:200 X/90000\r\n",
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 X/0\r\n",
		"m=video 0 RTP/AVP 96\r\na=rtpmap:96 X\r\n", "m=video 0 udp 96\r\n" };
	struct buf sdp;

	for (size_t i = 0; i < COUNT(texts); i++) {
		CU_ASSERT_EQUAL(open_sdp(texts[i], NULL, &sdp), ERR_UNSUPPORTED);
		buf_clear(&sdp);
	}
}

/* The sound is mu-law that could be packetised; its hint track is broken, or is not there. */
static void check_fallback(const struct mp4file *m, uint32_t streams, const char *note)
{
	struct movie movie = { 0 };
	struct buf file;

	buf_init(&file, FILE_MAX);
	mp4file_write(m, &file);
	media_file_open_memory(&movie.file, buf_bytes(&file));
	CU_ASSERT_EQUAL(movie_open(&movie, B("x.mp4")), 0);
	CU_ASSERT_EQUAL_FATAL(movie.n_streams, streams);
	CU_ASSERT_STRING_EQUAL(movie.streams[streams - 1]->ops->kind, "packetised");
	CU_ASSERT_EQUAL(movie.streams[streams - 1]->id, 2);
	CU_ASSERT(bytes_find(buf_bytes(&movie.notes), bytes_str(note)) < movie.notes.n);
	movie_clear(&movie);
	buf_clear(&file);
}

static void t_fallback(void)
{
	struct mp4file m;
	struct buf ulaw;

	buf_init(&ulaw, FILE_MAX);
	mp4file_close(&ulaw, mp4file_open_sound(&ulaw, "ulaw", 1, 16, 8000));
	/* video is hinted, sound is not */
	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\0", "\5", "\1", "\0", "\1", "\1")));
	m.tracks[1].entries = buf_bytes(&ulaw);
	m.tracks[1].n_entries = 1;
	m.tracks[2].n_refs = 1;
	check_fallback(&m, 2, "track 2: not hinted: packetised");
	/* a sample that is not there */
	file_init(&m, B(PACKETS("\1") PACKET(REL_0, PT_96, "\0", "\1")
				      DATA("\0", "\5", "\x51", "\0", "\1", "\1")));
	m.tracks[1].entries = buf_bytes(&ulaw);
	m.tracks[1].n_entries = 1;
	m.tracks[2].refs[0] = 2;
	m.tracks[2].n_refs = 1;
	m.tracks[2].sdp = "m=audio 0 RTP/AVP 0\r\n";
	check_fallback(&m, 1, "hint track 3: left out");
	buf_clear(&ulaw);
}

UNIT_SUITE(media_hint,
	{ "hint: no-op, immediate, sample and description data in one packet", t_constructors },
	{ "hint: packets bear the payload type of the description", t_payload_type },
	{ "hint: a header that promises more than its tracks hold is not believed", t_long_header },
	{ "hint: track reference -1 takes from the hint sample itself", t_self },
	{ "hint: track reference -1 takes from other samples of the hint track, too",
		t_other_hint_sample },
	{ "hint: descriptions are counted from 1", t_descriptions },
	{ "hint: packets may be due before their sample", t_early },
	{ "hint: what no usable hint track sends is packetised", t_fallback },
	{ "hint: compressed audio is addressed by blocks", t_blocks },
	{ "hint: PCM is read over frames, numbered as Apple or as ffmpeg does", t_frames },
	{ "hint: repeats are left out, rtpo shifts the RTP time, B frames are droppable", t_flags },
	{ "hint: samples without packets are passed over", t_empty_samples },
	{ "hint: moov first or last, 32 or 64 bits, all sizes of stz2", t_shapes },
	{ "hint: sizes of four bits", t_nibbles },
	{ "hint: edit lists shift due and RTP times, so tracks stay in step", t_edits },
	{ "hint: a train is a run of one length, due together, the last may be shorter", t_trains },
	{ "hint: a sync sample that no packet names silences a film for seconds only",
		t_nameless_sync },
	{ "hint: what contradicts itself is ERR_CORRUPT", t_corrupt },
	{ "hint: packets before a broken sample are still sent", t_corrupt_later },
	{ "hint: lines of hinters are taken over only where they belong (4566 5)", t_sdp_lines },
	{ "hint: a track has the language of what it sends, once", t_sdp_language },
	{ "hint: a track without codec or clock is not offered", t_sdp_refused });
