/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"
#include "server/media/format/movie.h"
#include "server/tests/played.h"

/* Readers of files without ISO boxes, fed with files made octet by octet. */
enum { FILE_MAX = 4 << 20 };

static void put(struct buf *b, struct bytes v)
{
	CU_ASSERT_EQUAL_FATAL(buf_put(b, v), 0);
}

static void put_n(struct buf *b, uint8_t v, size_t n)
{
	while (n--)
		put(b, bytes_of(&v, 1));
}

static bool is_end(const struct buf *b, struct bytes v)
{
	struct bytes all = buf_bytes(b);

	return all.n >= v.n && bytes_is_eq(bytes_sub(all, all.n - v.n, v.n), v);
}

/* ---- frames with headers: ADTS, MPEG audio ---- */

/* AAC LC, 48 kHz, stereo; n octets in all, filled with v */
static void put_adts(struct buf *b, uint16_t n, uint8_t v)
{
	uint8_t h[7] = { 0xff, 0xf1, 0x4c, (uint8_t)(0x80 | n >> 11), (uint8_t)(n >> 3),
		(uint8_t)((n & 7) << 5 | 0x1f), 0xfc };

	put(b, bytes_of(h, sizeof h));
	put_n(b, v, n - sizeof h);
}

/* The octets of the AAC frames in RFC 3640 packets: behind their AU headers. */
static size_t aac_bytes(const struct played *f, unsigned *frames)
{
	size_t sum = 0;

	*frames = 0;
	for (size_t i = 0; i < f->n; i++) {
		struct bytes p = played_payload(f, i);
		unsigned n = be16(p.p) / 16;

		*frames += n;
		sum += p.n - 2 - 2 * n;
	}
	return sum;
}

static void t_adts(void)
{
	struct buf b;
	struct played f;
	unsigned frames;

	buf_init(&b, FILE_MAX);
	/* a tag of 300 octets that holds what looks like a frame, three frames, damage, one cut off */
	put(&b, B("ID3\4\0\0\0\0\2\x2c"));
	put_adts(&b, 20, 9);
	put_n(&b, 0, 280);
	for (uint8_t i = 0; i < 30; i++) {
		put_adts(&b, (uint16_t)(100 + i), i);
		if (i == 10)
			put(&b, B("\xff\xf1 damage"));
		if (i == 20)
			put(&b, B("ID3\4\0\0\0\0\0\3 in"));
	}
	put_adts(&b, 50, 1);
	buf_cut(&b, b.n - 10);
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(aac_bytes(&f, &frames), 30 * (100 - 7) + 30 * 29 / 2);
	CU_ASSERT_EQUAL(frames, 30);
	CU_ASSERT_EQUAL(f.source->duration, (tick_t)30 * 1024 * TICK_S / 48000);
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "mpeg4-generic/48000/2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "config=1190"));
	played_close(&f);
	buf_clear(&b);
}

/* MPEG-1 layer 3, 128 kbit/s, 44.1 kHz, stereo: 417 octets */
static void put_mp3(struct buf *b, struct bytes body)
{
	put(b, B("\xff\xfb\x90\0"));
	put_n(b, 0, 32); /* side information */
	put(b, body);
	put_n(b, 0x55, 417 - 36 - body.n);
}

static void t_mp3(void)
{
	struct buf b;
	struct played f;

	buf_init(&b, FILE_MAX);
	put_mp3(&b, B("Xing\0\0\0\1\0\0\0\x0a"));
	for (int i = 0; i < 10; i++)
		put_mp3(&b, B(""));
	put(&b, B("TAG"));
	put_n(&b, 0, 125);
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(f.payload.n, 10 * 417 + f.n * 4); /* RFC 2250 3.5 */
	CU_ASSERT_EQUAL(f.source->duration, ((tick_t)10 * 1152 * TICK_S + 22050) / 44100);
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "m=audio 0 RTP/AVP 14\r\n"));
	/* frames may differ in their channels: nothing is said of them */
	CU_ASSERT_STRING_EQUAL(title_movie(f.title)->streams[0]->title, "MPEG audio 44100 Hz");
	played_close(&f);
	buf_clear(&b);
}

static void t_free_format(void)
{
	struct buf b;
	char notes[200];

	buf_init(&b, FILE_MAX);
	for (int i = 0; i < 5; i++) {
		put(&b, B("\xff\xfb\0\0"));
		put_n(&b, 0, 400);
	}
	CU_ASSERT_EQUAL(played_refuses(buf_bytes(&b), "x.mp3", notes), ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(notes, "free format"));
	buf_clear(&b);
}

/* ---- PCM ---- */

static void put_le(struct buf *b, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		put_n(b, (uint8_t)(v >> 8 * i), 1);
}

static void put_fmt(struct buf *b, unsigned format, unsigned channels, unsigned hz, unsigned bits)
{
	put(b, B("fmt "));
	put_le(b, 16, 4);
	put_le(b, format, 2);
	put_le(b, channels, 2);
	put_le(b, hz, 4);
	put_le(b, hz * channels * bits / 8, 4);
	put_le(b, channels * bits / 8, 2);
	put_le(b, bits, 2);
}

static void t_wav(void)
{
	static const uint32_t lengths[] = { 1600, 0, UINT32_MAX, 5000 };

	for (size_t k = 0; k < COUNT(lengths); k++) {
		struct buf b;
		struct played f;

		buf_init(&b, FILE_MAX);
		put(&b, B("RIFF\0\0\0\0WAVEodd \1\0\0\0xx"));
		put_fmt(&b, 7, 1, 8000, 8);
		put(&b, B("data"));
		put_le(&b, lengths[k], 4);
		for (unsigned i = 0; i < 1600; i++)
			put_le(&b, i * 7, 1);
		if (!k) /* not sound */
			put(&b, B("LIST\4\0\0\0last"));
		played_open(&f, buf_bytes(&b), "x");
		(void)played_play(&f, 0, -1);
		CU_ASSERT_EQUAL(f.n, 10); /* of 20 ms */
		CU_ASSERT_EQUAL(f.payload.n, 1600);
		for (size_t i = 0; i < f.payload.n; i++)
			CU_ASSERT_EQUAL(buf_bytes(&f.payload).p[i], (uint8_t)(i * 7));
		CU_ASSERT_EQUAL(f.source->duration, 200 * TICK_MS);
		CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "m=audio 0 RTP/AVP 0\r\n"));
		played_close(&f);
		buf_clear(&b);
	}
}

static void t_rf64(void)
{
	struct buf b;
	struct played f;

	buf_init(&b, FILE_MAX);
	put(&b, B("RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"));
	put_le(&b, 5000, 8);
	put_le(&b, 3200, 8);
	put_le(&b, 1600, 8);
	put_le(&b, 0, 4);
	put_fmt(&b, 1, 1, 8000, 16);
	put(&b, B("data\xff\xff\xff\xff"));
	for (unsigned i = 0; i < 1600; i++)
		put_le(&b, i, 2);
	put(&b, B("LIST\4\0\0\0last"));
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, 100 * TICK_MS);
	CU_ASSERT_EQUAL_FATAL(f.payload.n, 1600);
	for (unsigned i = 0; i < 800; i++) /* L16 is big-endian (3551 4.5.11) */
		CU_ASSERT_EQUAL(be16(buf_bytes(&f.payload).p + (size_t)2 * i), 800 + i);
	played_close(&f);
	buf_clear(&b);
}

static void t_wav_refused(void)
{
	struct buf b;
	char notes[200];

	buf_init(&b, FILE_MAX);
	put(&b, B("RIFF\0\0\0\0WAVE"));
	put_fmt(&b, 3, 1, 8000, 32);
	put(&b, B("data\4\0\0\0\0\0\0\0"));
	CU_ASSERT_EQUAL(played_refuses(buf_bytes(&b), "x.wav", notes), ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(notes, "0x0003"));
	buf_clear(&b);
}

static void t_amr(void)
{
	struct buf b;
	struct played f;

	buf_init(&b, FILE_MAX);
	put(&b, B("#!AMR\n"));
	for (int i = 0; i < 5; i++) {
		put(&b, B("\x3c")); /* 12.2 kbit/s: 31 octets follow */
		put_n(&b, (uint8_t)i, 31);
		put(&b, B("\x7c")); /* nothing was said */
		if (i == 2)
			put(&b, B("\xff\xff")); /* no header */
	}
	put(&b, B("\x3c cut off"));
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(f.source->duration, 10 * 20 * TICK_MS);
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "AMR/8000"));
	played_close(&f);
	buf_clear(&b);
}

static void t_unread(void)
{
	static const struct {
		struct bytes head;
		const char *word;
	} files[] = {
		{ B("RIFF\0\0\0\0AVI LIST"), "AVI" },
		{ B("FLV\1\5\0\0\0\x09"), "Flash" },
		{ B("fLaC\0\0\0\x22"), "FLAC" },
		{ B("\0\0\1\xba\x44\0"), "program stream" },
	};

	for (size_t i = 0; i < COUNT(files); i++) {
		char notes[200];

		CU_ASSERT_EQUAL(played_refuses(files[i].head, "x", notes), ERR_UNSUPPORTED);
		CU_ASSERT_PTR_NOT_NULL(strstr(notes, files[i].word));
	}
}

/* ---- bare H.264 ---- */

struct bits_out {
	uint8_t p[64];
	unsigned n;
};

static void put_bits(struct bits_out *o, unsigned n, uint32_t v)
{
	while (n--) {
		if (v >> n & 1)
			o->p[o->n / 8] |= (uint8_t)(0x80 >> o->n % 8);
		o->n++;
	}
}

static void put_ue(struct bits_out *o, uint32_t v)
{
	unsigned n = 0;

	while ((v + 1) >> (n + 1))
		n++;
	put_bits(o, n, 0);
	put_bits(o, n + 1, v + 1);
}

/* With a stop bit; the start code has three octets. */
static void put_nal(struct buf *b, struct bits_out *o)
{
	put_bits(o, 1, 1);
	put(b, B("\0\0\1"));
	put(b, bytes_of(o->p, (o->n + 7) / 8));
}

/* Baseline, 64x48, order type 0 with 4 bits, frame_num of 4 bits, no VUI */
static void put_h264_sets(struct buf *b)
{
	struct bits_out sps = { 0 }, pps = { 0 };
	static const uint32_t fields[] = { 0, 0, 0, 0, 2 };

	put_bits(&sps, 32, 0x6742c00a);
	for (size_t i = 0; i < COUNT(fields); i++)
		put_ue(&sps, fields[i]);
	put_bits(&sps, 1, 0);
	put_ue(&sps, 3);
	put_ue(&sps, 2);
	put_bits(&sps, 4, 0xc); /* frame_mbs_only, direct_8x8, no cropping, no VUI */
	put_nal(b, &sps);
	put_bits(&pps, 8, 0x68);
	put_ue(&pps, 0);
	put_ue(&pps, 0);
	put_bits(&pps, 2, 0);
	put_nal(b, &pps);
}

/* A slice of 12 macroblocks of which it has those from `first` on. */
static void put_slice(struct buf *b, uint8_t nal, uint32_t first, uint32_t frame, uint32_t lsb)
{
	struct bits_out s = { 0 };

	put_bits(&s, 8, nal);
	put_ue(&s, first);
	put_ue(&s, 7);
	put_ue(&s, 0);
	put_bits(&s, 4, frame);
	if ((nal & 31) == 5)
		put_ue(&s, 0);
	put_bits(&s, 4, lsb);
	put_bits(&s, 24, 0xabcdef);
	put_nal(b, &s);
}

/* I0 P3 b1 b2 P6 b4 b5 P9 b7 b8, each of two slices; the last three count beyond 16 */
static void put_pictures(struct buf *b)
{
	static const struct {
		uint8_t nal;
		uint8_t frame, lsb;
	} pictures[] = { { 0x65, 0, 0 }, { 0x41, 1, 6 }, { 1, 2, 2 }, { 1, 2, 4 }, { 0x41, 2, 12 },
		{ 1, 3, 8 }, { 1, 3, 10 }, { 0x41, 3, 2 }, { 1, 4, 14 }, { 1, 4, 0 } };

	for (size_t i = 0; i < COUNT(pictures); i++) {
		put_slice(b, pictures[i].nal, 0, pictures[i].frame, pictures[i].lsb);
		put_slice(b, pictures[i].nal, 6, pictures[i].frame, pictures[i].lsb);
	}
}

static void t_h264(void)
{
	static const unsigned shown[] = { 0, 3, 1, 2, 6, 4, 5, 9, 7, 8 };
	struct buf b;
	struct played f;
	size_t k = 0;
	tick_t at;

	buf_init(&b, FILE_MAX);
	put_h264_sets(&b);
	put_pictures(&b);
	put_h264_sets(&b);
	put_pictures(&b);
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	for (size_t i = 0; i < f.n; i++) {
		if (i && f.packets[i - 1].marker)
			k++;
		CU_ASSERT_EQUAL(f.packets[i].rtp_time, (k / 10 * 10 + shown[k % 10]) * 3600);
		/* decoded in this order, a frame before the first is shown */
		CU_ASSERT_EQUAL(f.packets[i].due, ((tick_t)k - 1) * 40 * TICK_MS);
		CU_ASSERT_EQUAL(f.packets[i].sync, k % 10 == 0);
	}
	CU_ASSERT_EQUAL(k, 19);
	at = played_play(&f, 0, 500 * TICK_MS);
	CU_ASSERT_EQUAL(at, 400 * TICK_MS);
	CU_ASSERT_EQUAL(f.packets[0].rtp_time, 10 * 3600);
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "profile-level-id=42C00A"));
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "a=framesize:96 64-48"));
	played_close(&f);
	buf_clear(&b);
}

/* ---- Matroska ---- */

/* An element with a length of four octets; EBML_UNKNOWN_N: unknown. */
enum { UNKNOWN_N = 0x0fffffff };
static void put_head(struct buf *b, uint32_t id, uint32_t n)
{
	uint8_t p[4];
	unsigned k = id >> 24 ? 4 : id >> 16 ? 3 : id >> 8 ? 2 : 1;

	put_be32(p, id);
	put(b, bytes_of(p + 4 - k, k));
	put_be32(p, 0x10000000 | n);
	put(b, bytes_of(p, 4));
}

static void put_element(struct buf *b, uint32_t id, struct bytes body)
{
	put_head(b, id, (uint32_t)body.n);
	put(b, body);
}

static void put_uint(struct buf *b, uint32_t id, uint32_t v)
{
	uint8_t p[4];

	put_be32(p, v);
	put_element(b, id, bytes_of(p, 4));
}

static void put_all(struct buf *b, uint32_t id, struct buf *body)
{
	put_element(b, id, buf_bytes(body));
	buf_clear(body);
}

/* An A_MS/ACM track of mu-law, 8 kHz, mono; extra: further elements of it. */
static void put_mulaw_track(struct buf *tracks, uint32_t number, struct bytes extra)
{
	struct buf entry, audio;

	buf_init(&entry, FILE_MAX);
	buf_init(&audio, FILE_MAX);
	put_uint(&entry, 0xd7, number);
	put_uint(&entry, 0x83, 2);
	put_element(&entry, 0x86, B("A_MS/ACM"));
	put_element(&entry, 0x63a2, B("\7\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0\0\0"));
	put_element(&audio, 0xb5, B("\x45\xfa\0\0")); /* 8000 */
	put_all(&entry, 0xe1, &audio);
	put(&entry, extra);
	put_all(tracks, 0xae, &entry);
}

static void begin_mkv(struct buf *b, struct bytes extra)
{
	struct buf tracks;

	buf_init(b, FILE_MAX);
	buf_init(&tracks, FILE_MAX);
	put_element(b, 0x1a45dfa3, B("\x42\x82\x84webm"));
	put_head(b, 0x18538067, UNKNOWN_N);
	put_mulaw_track(&tracks, 1, extra);
	put_all(b, 0x1654ae6b, &tracks);
	put_head(b, 0x1f43b675, UNKNOWN_N);
	put_uint(b, 0xe7, 1000);
}

static struct bytes sound(void)
{
	static uint8_t const p[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	return bytes_of(p, 62);
}

/* sizes: of the frames, up to a 0, or NULL */
static void check_sound(struct buf *b, size_t n, size_t times, const size_t *sizes)
{
	size_t k = 0;
	struct played f;

	played_open(&f, buf_bytes(b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL_FATAL(f.payload.n, n * times);
	for (size_t i = 0; i < times; i++)
		CU_ASSERT(bytes_is_eq(
			bytes_sub(buf_bytes(&f.payload), i * n, n), bytes_sub(sound(), 0, n)));
	for (size_t i = 0; sizes && i < f.n; i++) { /* a packet each */
		CU_ASSERT_EQUAL(f.packets[i].n, sizes[k]);
		k = sizes[k + 1] ? k + 1 : 0;
	}
	played_close(&f);
}

static void t_laces(void)
{
	/* track 1, time 0; then laces of 10, 20 and 32 octets, or 20 each */
	static const struct {
		struct bytes head;
		size_t n, sizes[4];
	} blocks[] = {
		{ B("\x81\0\0\x80"), 62, { 62 } },
		/* Xiph */
		{ B("\x81\0\0\x82\2\x0a\x14"), 62, { 10, 20, 32 } },
		/* EBML: 10, then 10 more in two octets */
		{ B("\x81\0\0\x86\2\x8a\x60\x09"), 62, { 10, 20, 32 } },
		/* fixed */
		{ B("\x81\0\0\x84\2"), 60, { 20, 20, 20 } },
	};

	for (size_t i = 0; i < COUNT(blocks); i++) {
		struct buf b;

		begin_mkv(&b, B(""));
		for (int k = 0; k < 2; k++) { /* in a SimpleBlock and in a group */
			size_t n = blocks[i].head.n + blocks[i].n;

			if (k)
				put_head(&b, 0xa0, (uint32_t)(5 + n));
			put_head(&b, k ? 0xa1 : 0xa3, (uint32_t)n);
			put(&b, blocks[i].head);
			put(&b, bytes_sub(sound(), 0, blocks[i].n));
		}
		check_sound(&b, blocks[i].n, 2, blocks[i].sizes);
		buf_clear(&b);
	}
}

/* ns since 2001; what is before 1970 or far ahead was never set, and clock times are summed up with it. */
static void t_mkv_dates(void)
{
	static const struct {
		struct bytes date;
		int64_t created_s;
	} dates[] = {
		{ B("\0\0\0\0\x3b\x9a\xca\0"), 978307201 },
		{ B("\xff\xff\xff\xff\xff\xff\xff\xff"), 978307199 },
		{ B("\x72\0\0\0\0\0\0\0"), 0 },
		{ B("\x80\0\0\0\0\0\0\0"), 0 },
	};

	for (size_t i = 0; i < COUNT(dates); i++) {
		struct buf b, info;
		struct played f;

		begin_mkv(&b, B(""));
		buf_init(&info, FILE_MAX);
		put_element(&info, 0x4461, dates[i].date);
		put_all(&b, 0x1549a966, &info);
		put_head(&b, 0xa3, 66);
		put(&b, B("\x81\0\0\x80"));
		put(&b, sound());
		played_open(&f, buf_bytes(&b), "x");
		CU_ASSERT_EQUAL(title_movie(f.title)->created_ns / TICK_S, dates[i].created_s);
		played_close(&f);
		buf_clear(&b);
	}
}

static void t_broken_laces(void)
{
	/* sizes beyond the block, an endless Xiph size, a size below zero, no even division */
	static const struct bytes blocks[] = { B("\x81\0\0\x82\1\x7fxx"),
		B("\x81\0\0\x82\1\xff\xff"), B("\x81\0\0\x86\2\x81\x81xxxxxx"),
		B("\x81\0\0\x84\1xxx"), B("\x81\0\0\x82"), B("\x81\0"), B("\x85\0\0\x80xx"),
		B("\0") };
	struct buf b;

	begin_mkv(&b, B(""));
	for (size_t i = 0; i < COUNT(blocks); i++)
		put_element(&b, 0xa3, blocks[i]);
	put_head(&b, 0xa3, 66);
	put(&b, B("\x81\0\0\x80"));
	put(&b, sound());
	check_sound(&b, 62, 1, NULL);
	buf_clear(&b);
}

static void t_stripped(void)
{
	struct buf b;

	/* ContentEncodings: header stripping of "0123" */
	begin_mkv(&b, B("\x6d\x80\x93\x62\x40\x90\x50\x34\x8d\x42\x54\x81\3\x42\x55\x84"
			"0123\xec\x80"));
	put_head(&b, 0xa3, 62);
	put(&b, B("\x81\0\0\x80"));
	put(&b, bytes_sub(sound(), 4, 58));
	check_sound(&b, 62, 1, NULL);
	buf_clear(&b);
}

static void t_encrypted(void)
{
	struct buf b;
	char notes[200];

	begin_mkv(&b, B("\x6d\x80\x87\x62\x40\x84\x50\x33\x81\1"));
	put_element(&b, 0xa3, B("\x81\0\0\x80sound"));
	CU_ASSERT_EQUAL(played_refuses(buf_bytes(&b), "x", notes), ERR_UNSUPPORTED);
	CU_ASSERT_PTR_NOT_NULL(strstr(notes, "encrypted"));
	buf_clear(&b);
}

static void t_cluster_lost(void)
{
	struct buf b;

	begin_mkv(&b, B(""));
	put_head(&b, 0xa3, 66);
	put(&b, B("\x81\0\0\x80"));
	put(&b, sound());
	put(&b, B("\0\0 this is nothing \xa3\xff"));
	put_head(&b, 0x1f43b675, UNKNOWN_N);
	put_head(&b, 0xa3, 66);
	put(&b, B("\x81\0\0\x80"));
	put(&b, sound());
	put(&b, B("\xa3\xff\x81")); /* cut off */
	check_sound(&b, 62, 2, NULL);
	buf_clear(&b);
}

/* 7 ms and 8 ms in turn stand for 7.75 ms */
static void t_rounded(void)
{
	struct buf b;
	struct played f;
	int16_t time = 0;

	begin_mkv(&b, B(""));
	for (int i = 0; i < 40; i++) {
		uint8_t head[4] = { 0x81, 0, 0, 0x80 };

		time = (int16_t)(i * 775 / 100);
		put_be16(head + 1, (uint16_t)time);
		put_head(&b, 0xa3, 66);
		put(&b, bytes_of(head, sizeof head));
		put(&b, sound());
	}
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(f.payload.n, 40 * 62);
	for (size_t i = 0; i < f.n; i++)
		CU_ASSERT_EQUAL(f.packets[i].rtp_time, f.packets[i].at);
	CU_ASSERT_EQUAL(f.source->duration, 310 * TICK_MS);
	played_close(&f);
	buf_clear(&b);
}

static void t_left_out(void)
{
	struct buf b, tracks;
	struct played f;

	buf_init(&b, FILE_MAX);
	buf_init(&tracks, FILE_MAX);
	put_element(&b, 0x1a45dfa3, B(""));
	put_head(&b, 0x18538067, UNKNOWN_N);
	put_element(&tracks, 0xae,
		B("\xd7\x81\2\x83\x81\2\x86\x88"
		  "A_VORBIS"));
	put_mulaw_track(&tracks, 1, B("\x22\xb5\x9c\x83ger"));
	put_all(&b, 0x1654ae6b, &tracks);
	put_head(&b, 0x1f43b675, UNKNOWN_N);
	put_element(&b, 0xa3, B("\x82\0\0\x80vorbis"));
	put_element(&b, 0xa3, B("\x81\0\0\x80sound"));
	CU_ASSERT(is_end(&b, B("sound")));
	played_open(&f, buf_bytes(&b), "x");
	(void)played_play(&f, 0, -1);
	CU_ASSERT_EQUAL(f.source->n_tracks, 1);
	CU_ASSERT(bytes_is_eq(buf_bytes(&f.payload), B("sound")));
	CU_ASSERT_PTR_NOT_NULL(strstr(played_sdp(&f), "a=lang:de\r\n"));
	played_close(&f);
	buf_clear(&b);
}

UNIT_SUITE(media_readers, { "adts: every whole frame, over tags and damage (14496-3 1.A)", t_adts },
	{ "mp3: tags and the Xing frame are no sound", t_mp3 },
	{ "mp3: free format is refused, with the reason", t_free_format },
	{ "wav: the sound and nothing else, whatever its length field says", t_wav },
	{ "wav: RF64 has its length elsewhere (EBU 3306)", t_rf64 },
	{ "wav: what can't be sent is refused by its number", t_wav_refused },
	{ "amr: frames of every type, over damage (4867 5.3)", t_amr },
	{ "formats that aren't read are known by name", t_unread },
	{ "h264: access units and their order of presentation (H.264 7.4.1.2.4, 8.2.1)", t_h264 },
	{ "matroska: laces of every kind are the frames they were (9559 10.3)", t_laces },
	{ "matroska: a broken block costs itself", t_broken_laces },
	{ "matroska: a date is when NPT 0 was, if it can be", t_mkv_dates },
	{ "matroska: stripped headers are put back", t_stripped },
	{ "matroska: an encrypted track is left out, with the reason", t_encrypted },
	{ "matroska: damage costs what is up to the next cluster", t_cluster_lost },
	{ "matroska: audio times are freed of their rounding", t_rounded },
	{ "matroska: a codec without a packetiser is left out, the rest plays", t_left_out });
