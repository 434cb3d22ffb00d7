/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/pack/ac3frame.h"
#include "server/media/pack/amr.h"
#include "server/media/pack/mpegaudio.h"
#include "server/tests/packing.h"

static void check_sdp(const struct codec *c, const char *want)
{
	struct packing t;

	packing_open(&t, c);
	CU_ASSERT_STRING_EQUAL(packing_sdp(&t), want);
	packing_close(&t);
}

/* ---- MPEG audio ---- */

/* Layer 3, 128 kbit/s, 44100 Hz: 417 octets, 2351 ticks; layer 2, 384 kbit/s, 32000 Hz: 1728. */
enum { MP3_BYTES = 417, MP3_TICKS = 2351, MP2_BYTES = 1728 };

static void fill_mpa(uint8_t *p, size_t n, uint32_t head, uint32_t seed)
{
	struct dice d = { seed };

	dice_fill(&d, p, n);
	put_be32(p, head);
}

static void t_mpa_together(void)
{
	uint8_t frames[5 * MP3_BYTES];
	struct access_unit u[5];
	struct packing t;

	for (uint32_t i = 0; i < 5; i++) {
		fill_mpa(frames + i * MP3_BYTES, MP3_BYTES, 0xfffb9064, i);
		u[i] = (struct access_unit){ .data = bytes_of(frames + i * MP3_BYTES, MP3_BYTES),
			.due = (tick_t)i * 26 * TICK_MS,
			.rtp = (int64_t)i * MP3_TICKS,
			.sync = true };
	}
	packing_open(&t, &(struct codec){ .id = CODEC_MPA, .sample_hz = 44100, .channels = 2 });
	CU_ASSERT(t.p.payload_type == 14 && t.p.clock_hz == 90000);
	/* 104 ms are too many: three, and two; every payload behind four zero octets */
	packing_run(&t, u, 5);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	for (size_t i = 0; i < 2; i++) {
		struct bytes v = packing_payload(&t, i);

		CU_ASSERT_EQUAL(be32(v.p), 0);
		CU_ASSERT_EQUAL(v.n, 4 + (3 - i) * MP3_BYTES);
		CU_ASSERT(!memcmp(v.p + 4, frames + 3 * i * MP3_BYTES, v.n - 4));
		CU_ASSERT_EQUAL(packing_row(&t, i)->rtp_time, 3 * i * MP3_TICKS);
		CU_ASSERT_EQUAL(packing_row(&t, i)->due, (tick_t)i * 78 * TICK_MS);
		CU_ASSERT_FALSE(packing_row(&t, i)->marker);
	}
	/* all in one unit: the times of the later ones are reckoned */
	u[0].data.n = sizeof frames;
	packing_run(&t, u, 1);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(packing_row(&t, 1)->rtp_time, 3 * MP3_TICKS);
	CU_ASSERT_EQUAL(packing_row(&t, 1)->due, 3 * MP3_TICKS * TICK_S / 90000);
	packing_close(&t);
}

static void t_mpa_fragments(void)
{
	uint8_t frame[MP2_BYTES];
	struct packing t;

	fill_mpa(frame, sizeof frame, 0xfffde800, 1);
	packing_open(&t, &(struct codec){ .id = CODEC_MPA });
	packing_run_one(&t, bytes_of(frame, sizeof frame));
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 1400);
	CU_ASSERT_EQUAL(be32(packing_payload(&t, 0).p), 0);
	CU_ASSERT_EQUAL(be32(packing_payload(&t, 1).p), 1396);
	CU_ASSERT(!memcmp(packing_payload(&t, 0).p + 4, frame, 1396));
	CU_ASSERT_EQUAL_FATAL(packing_row(&t, 1)->n, 4 + MP2_BYTES - 1396);
	CU_ASSERT(!memcmp(packing_payload(&t, 1).p + 4, frame + 1396, MP2_BYTES - 1396));
	/* exactly one packet, and one octet more */
	t.p.payload_max = 4 + MP2_BYTES;
	packing_run_one(&t, bytes_of(frame, sizeof frame));
	CU_ASSERT_EQUAL(packing_rows(&t), 1);
	t.p.payload_max--;
	packing_run_one(&t, bytes_of(frame, sizeof frame));
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(be32(packing_payload(&t, 1).p), MP2_BYTES - 1);
	packing_close(&t);
}

static void t_mpa_broken(void)
{
	static uint8_t junk[70000] = { 0xff, 0xfb, 0x00 }; /* free format */
	uint8_t frame[MP3_BYTES];
	struct packing t;

	fill_mpa(frame, sizeof frame, 0xfffb9064, 1);
	packing_open(&t, &(struct codec){ .id = CODEC_MPA });
	for (size_t n = 0; n < MP3_BYTES; n++) {
		packing_run_one(&t, bytes_of(frame, n));
		CU_ASSERT_EQUAL(packing_rows(&t), 0);
	}
	packing_run_one(&t, bytes_of(junk, 300));
	CU_ASSERT(packing_rows(&t) == 1 && packing_row(&t, 0)->n == 304);
	packing_run_one(&t, bytes_of(junk, sizeof junk));
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

static void t_mpa_sdp(void)
{
	check_sdp(&(struct codec){ .id = CODEC_MPA, .sample_hz = 22050 },
		"a=rtpmap:14 MPA/90000\r\n");
}

/* ---- Opus ---- */

static void t_opus(void)
{
	const struct access_unit u[] = {
		{ .data = B("\x78"
			    "first"),
			.due = 1,
			.rtp = 0,
			.sync = true },
		{ .data = { 0 }, .due = 2, .rtp = 960, .sync = true },
		{ .data = B("\x78"), .due = 3, .rtp = 1920, .sync = true }, /* DTX */
	};
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_OPUS, .channels = 2 });
	CU_ASSERT_EQUAL(t.p.clock_hz, 48000);
	packing_run(&t, u, 3);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
	PACKET_IS(&t, 0, 0x78, 'f', 'i', 'r', 's', 't');
	PACKET_IS(&t, 1, 0x78);
	CU_ASSERT(packing_row(&t, 1)->rtp_time == 1920 && packing_row(&t, 1)->due == 3);
	packing_close(&t);
}

/* Frames of 20 ms (CELT, wide): two of 600; two of 300 and 900; three in each way, with padding */
static const struct {
	uint8_t head[8];
	size_t head_n, n[3], padding;
} opus_long[] = {
	{ { 0x99 }, 1, { 800, 800 }, 0 },
	{ { 0x9a, 252, 12 }, 3, { 300, 1200 }, 0 },
	{ { 0x9b, 0x03 }, 2, { 500, 500, 500 }, 0 },
	{ { 0x9b, 0x43, 255, 2 }, 4, { 500, 500, 500 }, 256 },
	{ { 0x9b, 0x83, 100, 255, 191 }, 5, { 100, 1019, 600 }, 0 },
};

static void t_opus_long(void)
{
	uint8_t octets[2048];
	struct dice d = { 3 };
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_OPUS, .channels = 1 });
	dice_fill(&d, octets, sizeof octets);
	for (size_t i = 0; i < COUNT(opus_long); i++) {
		size_t n = 0, at = opus_long[i].head_n, whole;

		memcpy(octets, opus_long[i].head, at);
		whole = at + opus_long[i].n[0] + opus_long[i].n[1] + opus_long[i].n[2] +
			opus_long[i].padding;
		packing_run_one(&t, bytes_of(octets, whole));
		for (; n < 3 && opus_long[i].n[n]; n++) {
			struct bytes v = packing_payload(&t, n);

			CU_ASSERT_EQUAL_FATAL(v.n, 1 + opus_long[i].n[n]);
			CU_ASSERT_EQUAL(v.p[0], 0x98);
			CU_ASSERT(!memcmp(v.p + 1, octets + at, v.n - 1));
			CU_ASSERT_EQUAL(packing_row(&t, n)->rtp_time, n * 960);
			CU_ASSERT_EQUAL(packing_row(&t, n)->due, (tick_t)n * 20 * TICK_MS);
			at += v.n - 1;
		}
		CU_ASSERT_EQUAL(packing_rows(&t), n);
		/* cut short: its frames can't be told any more, or are shorter; it never overruns */
		for (size_t k = 1401; k < whole; k++)
			packing_run_one(&t, bytes_of(octets, k));
	}
	octets[0] = 0x98; /* a single frame of more than 1275 octets */
	packing_run_one(&t, bytes_of(octets, 1500));
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

static void t_opus_sdp(void)
{
	struct codec c = { .id = CODEC_OPUS, .channels = 1 };

	check_sdp(&c, "a=rtpmap:97 opus/48000/2\r\na=fmtp:97 sprop-stereo=0\r\n");
	/* dOps: stereo, 44100 Hz, from the big end */
	c.config = B("\0\2\1\x38\0\0\xac\x44\0\0\0");
	check_sdp(&c, "a=rtpmap:97 opus/48000/2\r\n"
		      "a=fmtp:97 sprop-stereo=1;sprop-maxcapturerate=44100\r\n");
	/* OpusHead: mono, 16000 Hz, from the little end */
	c.config = B("\1\1\x38\1\x80\x3e\0\0\0\0\0");
	check_sdp(&c, "a=rtpmap:97 opus/48000/2\r\n"
		      "a=fmtp:97 sprop-stereo=0;sprop-maxcapturerate=16000\r\n");
	c.config = B("\1\2\x38\1\x80\xbb\0\0\0\0\0");
	check_sdp(&c, "a=rtpmap:97 opus/48000/2\r\na=fmtp:97 sprop-stereo=1\r\n");
	c.config = B("\1\6\x38\1\x80\xbb\0\0\0\0\1\4\2\0\4\1\2\3\5");
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
	c = (struct codec){ .id = CODEC_OPUS, .channels = 6 };
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
}

/* ---- PCM ---- */

static void t_pcm_order(void)
{
	static const struct {
		uint8_t bits;
		bool is_little, is_unsigned;
		size_t n;
		uint8_t want[12];
	} rows[] = {
		{ 8, false, true, 12, { 129, 0, 130, 0, 131, 0, 132, 0, 133, 0, 134, 0 } },
		{ 8, true, false, 12, { 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0 } },
		{ 16, false, false, 6, { 1, 2, 3, 4, 5, 6 } },
		{ 16, true, false, 6, { 2, 1, 4, 3, 6, 5 } },
		{ 16, true, true, 6, { 130, 1, 132, 3, 134, 5 } },
		{ 24, false, false, 6, { 1, 2, 3, 4, 5, 6 } },
		{ 24, true, false, 6, { 3, 2, 1, 6, 5, 4 } },
		{ 24, false, true, 6, { 129, 2, 3, 132, 5, 6 } },
	};
	struct packing t;

	for (size_t i = 0; i < COUNT(rows); i++) {
		packing_open(&t, &(struct codec){ .id = CODEC_PCM,
					 .sample_hz = 48000,
					 .channels = 1,
					 .sample_bits = rows[i].bits,
					 .is_little = rows[i].is_little,
					 .is_unsigned = rows[i].is_unsigned });
		packing_run_one(&t, B("\1\2\3\4\5\6"));
		CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 1);
		CU_ASSERT(bytes_is_eq(packing_payload(&t, 0), bytes_of(rows[i].want, rows[i].n)));
		packing_close(&t);
	}
}

static void t_pcm_split(void)
{
	static uint8_t octets[3840 + 3];
	struct dice d = { 4 };
	struct packing t;
	size_t at = 0;

	dice_fill(&d, octets, sizeof octets);
	packing_open(&t,
		&(struct codec){
			.id = CODEC_PCM, .sample_hz = 48000, .channels = 2, .sample_bits = 16 });
	CU_ASSERT_EQUAL(t.p.unit_samples, 960);
	/* 1400 octets are 7.29 ms, so 7 are sent: 336 sample frames; the unit's last 3 octets are none */
	packing_run(&t,
		&(struct access_unit){ .data = bytes_of(octets, sizeof octets),
			.due = 9,
			.rtp = 100,
			.sync = true },
		1);
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 3);
	for (size_t i = 0; i < 3; i++) {
		struct bytes v = packing_payload(&t, i);

		CU_ASSERT_EQUAL_FATAL(v.n, i < 2 ? 336 * 4 : 288 * 4);
		CU_ASSERT(!memcmp(v.p, octets + at, v.n));
		CU_ASSERT_EQUAL(packing_row(&t, i)->rtp_time, 100 + 336 * i);
		CU_ASSERT_EQUAL(packing_row(&t, i)->due, 9);
		CU_ASSERT_FALSE(packing_row(&t, i)->marker);
		at += v.n;
	}
	packing_close(&t);
	/* 255 channels of 24 bits at 96 kHz: 765 octets a sample frame, less than a ms in a packet */
	packing_open(&t,
		&(struct codec){
			.id = CODEC_PCM, .sample_hz = 96000, .channels = 255, .sample_bits = 24 });
	packing_run_one(&t, bytes_of(octets, 765 * 3 + 1));
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	CU_ASSERT_EQUAL(packing_row(&t, 2)->rtp_time, 2);
	packing_close(&t);
}

static void t_pcm_sdp(void)
{
	struct codec c = { .id = CODEC_PCMU, .sample_hz = 8000, .channels = 1 };

	check_sdp(&c, "a=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n");
	c.id = CODEC_PCMA;
	check_sdp(&c, "a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\n");
	c.channels = 2;
	check_sdp(&c, "a=rtpmap:97 PCMA/8000/2\r\na=ptime:20\r\n");
	c = (struct codec){ .id = CODEC_PCMU, .sample_hz = 16000, .channels = 1 };
	check_sdp(&c, "a=rtpmap:97 PCMU/16000\r\na=ptime:20\r\n");
	c = (struct codec){ .id = CODEC_PCM, .sample_hz = 44100, .channels = 2, .sample_bits = 16 };
	check_sdp(&c, "a=rtpmap:10 L16/44100/2\r\na=ptime:7\r\n");
	c.channels = 1;
	check_sdp(&c, "a=rtpmap:11 L16/44100\r\na=ptime:15\r\n");
	c.sample_hz = 48000;
	check_sdp(&c, "a=rtpmap:97 L16/48000\r\na=ptime:14\r\n");
	c.sample_bits = 24;
	check_sdp(&c, "a=rtpmap:97 L24/48000\r\na=ptime:9\r\n");
	c.sample_bits = 8;
	check_sdp(&c, "a=rtpmap:97 L16/48000\r\na=ptime:14\r\n");
	c.sample_bits = 24;
	c.channels = 255;
	check_sdp(&c, "a=rtpmap:97 L24/48000/255\r\n");
	c.sample_bits = 32;
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
	c.sample_bits = 12;
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
	c.sample_bits = 0;
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
	c = (struct codec){ .id = CODEC_PCMU, .channels = 1 };
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_CORRUPT);
	c = (struct codec){ .id = CODEC_PCMU, .sample_hz = 8000 };
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_CORRUPT);
	c = (struct codec){ .id = CODEC_PCMU, .sample_hz = 1, .channels = 1 };
	CU_ASSERT_EQUAL(packing_refuses(&c), 0);
}

/* ---- AMR ---- */

static void t_amr_toc(void)
{
	/* type 8 (silence, 5 octets), type 15 (nothing), type 0 with a bad mark (12 octets) */
	static const uint8_t frames[] = { 0x44, 1, 2, 3, 4, 5, 0x7c, 0x03, 11, 12, 13, 14, 15, 16,
		17, 18, 19, 20, 21, 22 };
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_AMR, .sample_hz = 8000, .channels = 2 });
	CU_ASSERT_EQUAL(t.p.clock_hz, 8000);
	packing_run_one(&t, bytes_of(frames, sizeof frames));
	CU_ASSERT_EQUAL(packing_rows(&t), 3);
	PACKET_IS(&t, 0, 0xf0, 0x44, 1, 2, 3, 4, 5);
	PACKET_IS(&t, 1, 0xf0, 0x7c);
	PACKET_IS(&t, 2, 0xf0, 0x00, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22);
	packing_close(&t);
}

static void t_amr_many(void)
{
	enum { FRAME = 32, FRAMES = 12 };
	uint8_t octets[FRAME * FRAMES];
	struct dice d = { 5 };
	struct packing t;

	dice_fill(&d, octets, sizeof octets);
	for (size_t i = 0; i < FRAMES; i++)
		octets[i * FRAME] = 0x3c;
	packing_open(&t, &(struct codec){ .id = CODEC_AMR });
	packing_run_one(&t, bytes_of(octets, sizeof octets));
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), FRAMES);
	for (size_t i = 0; i < FRAMES; i++) {
		struct bytes v = packing_payload(&t, i);

		CU_ASSERT_EQUAL(v.n, 1 + FRAME);
		CU_ASSERT_EQUAL(packing_row(&t, i)->rtp_time, i * 160);
		CU_ASSERT_EQUAL(packing_row(&t, i)->due, (tick_t)i * 20 * TICK_MS);
		CU_ASSERT(!memcmp(v.p + 1, octets + i * FRAME, FRAME));
	}
	packing_close(&t);
}

static void t_amr_broken(void)
{
	uint8_t octets[64] = { 0x3c };
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_AMR });
	packing_run_one(&t, bytes_of(octets, 31)); /* an octet too few */
	PACKET_IS(&t, 0, 0xf0, 0x7c);
	octets[32] = 0x4c; /* type 9: nobody knows its length */
	packing_run_one(&t, bytes_of(octets, 64));
	CU_ASSERT_EQUAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 2 + 31);
	PACKET_IS(&t, 1, 0xf0, 0x7c);
	packing_run_one(&t, (struct bytes){ 0 });
	CU_ASSERT_EQUAL(packing_rows(&t), 0);
	packing_close(&t);
}

static void t_amr_talkspurt(void)
{
	uint8_t octets[6][32] = { { 0x3c }, { 0x44 }, { 0x3c }, { 0x7c }, { 0x7c }, { 0x3c } };
	static const bool marker[6] = { false, false, true, false, false, true };
	struct access_unit u[6];
	struct packing t;

	for (size_t i = 0; i < 6; i++)
		u[i] = (struct access_unit){ .data = bytes_of(octets[i],
						     amr_frame_bytes(&amr_narrow, octets[i][0])),
			.rtp = (int64_t)i * 800 };
	packing_open(&t, &(struct codec){ .id = CODEC_AMR });
	packing_run(&t, u, 6);
	for (size_t i = 0; i < 6; i++)
		CU_ASSERT_EQUAL(packing_row(&t, i)->marker, marker[i]);
	packing_close(&t);
}

static void t_amr_wide(void)
{
	static const uint8_t n[16] = { 18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1 };
	static const uint8_t narrow[16] = { 13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0,
		1 };
	uint8_t octets[61 * 2] = { 0x44 };
	struct packing t;

	for (unsigned i = 0; i < 16; i++) {
		CU_ASSERT_EQUAL(amr_frame_bytes(&amr_wide, (uint8_t)(i << 3)), n[i]);
		CU_ASSERT_EQUAL(amr_frame_bytes(&amr_narrow, (uint8_t)(i << 3)), narrow[i]);
	}
	octets[61] = 0x44;
	packing_open(&t, &(struct codec){ .id = CODEC_AMR_WB });
	CU_ASSERT_EQUAL(t.p.clock_hz, 16000);
	packing_run_one(&t, bytes_of(octets, sizeof octets));
	CU_ASSERT_EQUAL(packing_rows(&t), 2);
	CU_ASSERT_EQUAL(packing_row(&t, 1)->n, 1 + 61);
	packing_close(&t);
}

static void t_amr_sdp(void)
{
	check_sdp(&(struct codec){ .id = CODEC_AMR, .channels = 2 },
		"a=rtpmap:97 AMR/8000/1\r\na=fmtp:97 octet-align=1\r\n");
	check_sdp(&(struct codec){ .id = CODEC_AMR_WB },
		"a=rtpmap:97 AMR-WB/16000/1\r\na=fmtp:97 octet-align=1\r\n");
}

/* ---- AC-3 ---- */

static void fill_ac3(uint8_t *p, size_t n, uint8_t size_code)
{
	struct dice d = { size_code };

	dice_fill(&d, p, n);
	memcpy(p, "\x0b\x77\0\0\0\x40\xe1\0", 8);
	p[4] = size_code;
}

static void t_ac3_together(void)
{
	uint8_t frames[3 * 256];
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_AC3, .sample_hz = 48000, .channels = 6 });
	for (size_t i = 0; i < 3; i++)
		fill_ac3(frames + i * 256, 256, 8);
	packing_run_one(&t, bytes_of(frames, sizeof frames));
	/* 3 × 32 ms */
	CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 1);
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 2 + sizeof frames);
	CU_ASSERT(!memcmp(packing_payload(&t, 0).p, "\0\3", 2));
	CU_ASSERT(!memcmp(packing_payload(&t, 0).p + 2, frames, sizeof frames));
	CU_ASSERT(packing_row(&t, 0)->marker);
	/* what is cut off is left out */
	packing_run_one(&t, bytes_of(frames, sizeof frames - 1));
	CU_ASSERT_EQUAL(packing_row(&t, 0)->n, 2 + 512);
	packing_close(&t);
}

static void t_ac3_fragments(void)
{
	/* lengths of 448, 640 kbit/s at 48 kHz: 1398 is above, and below, 5/8 of them */
	static const struct {
		uint8_t code;
		size_t n;
		uint8_t first;
	} rows[] = { { 30, 1792, 1 }, { 36, 2560, 2 } };
	uint8_t frame[2560];
	struct packing t;

	packing_open(&t, &(struct codec){ .id = CODEC_AC3, .sample_hz = 48000 });
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes a, b;

		fill_ac3(frame, rows[i].n, rows[i].code);
		packing_run_one(&t, bytes_of(frame, rows[i].n));
		CU_ASSERT_EQUAL_FATAL(packing_rows(&t), 2);
		a = packing_payload(&t, 0);
		b = packing_payload(&t, 1);
		CU_ASSERT(a.p[0] == rows[i].first && a.p[1] == 2);
		CU_ASSERT(b.p[0] == 3 && b.p[1] == 2);
		CU_ASSERT_EQUAL_FATAL(a.n + b.n, rows[i].n + 4);
		CU_ASSERT(!memcmp(a.p + 2, frame, a.n - 2));
		CU_ASSERT(!memcmp(b.p + 2, frame + 1398, b.n - 2));
		CU_ASSERT(!packing_row(&t, 0)->marker && packing_row(&t, 1)->marker);
	}
	/* 5/8 of 2560 are 1600 */
	t.p.payload_max = 1602;
	packing_run_one(&t, bytes_of(frame, 2560));
	CU_ASSERT_EQUAL(packing_payload(&t, 0).p[0], 1);
	t.p.payload_max = 1601;
	packing_run_one(&t, bytes_of(frame, 2560));
	CU_ASSERT_EQUAL(packing_payload(&t, 0).p[0], 2);
	packing_close(&t);
}

static void t_ac3_sdp(void)
{
	struct codec c = { .id = CODEC_AC3, .sample_hz = 44100, .channels = 2 };

	check_sdp(&c, "a=rtpmap:97 ac3/44100\r\n");
	c.sample_hz = 22050;
	CU_ASSERT_EQUAL(packing_refuses(&c), ERR_UNSUPPORTED);
}

/* ---- all of them ---- */

/* A unit on the heap, of just its length, so that a sanitizer sees who reads on. */
static struct access_unit any_unit(struct dice *d)
{
	static const uint8_t heads[][4] = { { 0xff, 0xfb, 0x90 }, { 0xff, 0xfd, 0xe8 },
		{ 0x0b, 0x77 }, { 0x3c }, { 0x7c }, { 0x9a }, { 0x9b, 0x83 }, { 0x44 } };
	size_t n = dice_below(d, dice_below(d, 2) ? 3000 : 40);
	uint8_t *p = xmalloc(n ? n : 1);

	dice_fill(d, p, n);
	if (n >= 4)
		memcpy(p, heads[dice_below(d, COUNT(heads))], 1 + dice_below(d, 4));
	return (struct access_unit){ .data = bytes_of(p, n),
		.due = dice_below(d, 2) ? INT64_MAX : INT64_MIN,
		.rtp = dice_below(d, 2) ? INT64_MAX : INT64_MIN,
		.rtp_n = dice_below(d, 2) ? UINT32_MAX : 0 };
}

static void t_any_octets(void)
{
	static const enum codec_id ids[] = { CODEC_AAC, CODEC_MPA, CODEC_OPUS, CODEC_PCMU,
		CODEC_PCM, CODEC_AMR, CODEC_AMR_WB, CODEC_AC3 };
	struct dice d = { 6 };
	struct access_unit u[20];

	for (size_t i = 0; i < COUNT(ids) * 100; i++) {
		struct codec c = { .id = ids[i % COUNT(ids)],
			.sample_hz = 48000,
			.channels = 2,
			.sample_bits = (uint8_t)(8 + 8 * dice_below(&d, 3)),
			.is_little = dice_below(&d, 2) };
		size_t n = 1 + dice_below(&d, COUNT(u));
		struct packing t;

		if (c.id == CODEC_AAC)
			c.config = B("\x11\x90");
		packing_open(&t, &c);
		for (size_t j = 0; j < n; j++)
			u[j] = any_unit(&d);
		packing_run(&t, u, n);
		for (size_t j = 0; j < n; j++)
			free((void *)(uintptr_t)u[j].data.p);
		packing_close(&t);
	}
}

UNIT_SUITE(pack_audio,
	{ "MPA: whole frames behind a header of zeros, PT 14, 90 kHz (2250 3.5)", t_mpa_together },
	{ "MPA: a long frame in fragments that say their offset (2250 3.5)", t_mpa_fragments },
	{ "MPA: a frame cut off is left out, free format is sent as it is", t_mpa_broken },
	{ "MPA: a=rtpmap (3555 4.1.15)", t_mpa_sdp },
	{ "Opus: a packet is a payload; DTX is kept, nothing is not (7587 4.2)", t_opus },
	{ "Opus: a packet that is too long goes frame by frame (6716 3.2)", t_opus_long },
	{ "Opus: a=rtpmap is 48000/2, a=fmtp tells the real ones (7587 7)", t_opus_sdp },
	{ "PCM: from the big end and signed; 8 bits as L16 (3551 4.5.11, 3190 4)", t_pcm_order },
	{ "PCM: packets of whole sample frames and ms, times advanced (3551 4.2)", t_pcm_split },
	{ "PCM: static payload types where they fit, a=ptime (3551 6)", t_pcm_sdp },
	{ "AMR: request, table of contents, frame (4867 4.4)", t_amr_toc },
	{ "AMR: many frames of a sample, a packet each", t_amr_many },
	{ "AMR: a broken frame's place is kept by NO_DATA (4867 4.3.2)", t_amr_broken },
	{ "AMR: the marker begins a talkspurt (4867 4.1)", t_amr_talkspurt },
	{ "AMR, AMR-WB: octets of each frame type (26.101, 26.201)", t_amr_wide },
	{ "AMR: a=rtpmap, a=fmtp (4867 8.3)", t_amr_sdp },
	{ "AC-3: whole frames and their number (4184 4.1.1)", t_ac3_together },
	{ "AC-3: fragments; the first says whether it has 5/8 (4184 4.1.1)", t_ac3_fragments },
	{ "AC-3: a=rtpmap; other rates are refused (4184 5)", t_ac3_sdp },
	{ "any octets at any time make packets within the limit, or none", t_any_octets });
