/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/base/err.h"
#include "server/media/pack/aacconfig.h"
#include "server/media/pack/ac3frame.h"
#include "server/media/pack/mpegaudio.h"
#include "server/tests/unit.h"

#define OCTETS(...) \
	bytes_of((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct aac_config aac_of(struct bytes b, int want)
{
	struct aac_config c;

	CU_ASSERT_EQUAL(aac_config_read(b, &c), want);
	return c;
}

static void t_aac_plain(void)
{
	struct aac_config c = aac_of(OCTETS(0x11, 0x90), 0);

	CU_ASSERT_EQUAL(c.object_type, AAC_LC);
	CU_ASSERT_EQUAL(c.sample_hz, 48000);
	CU_ASSERT_EQUAL(c.out_hz, 48000);
	CU_ASSERT_EQUAL(c.channel_config, 2);
	CU_ASSERT_EQUAL(c.channels, 2);
	CU_ASSERT_EQUAL(c.frame_samples, 1024);
	CU_ASSERT(!c.has_sbr && !c.has_ps);
	/* 5 bits type, 4 rate, 4 channels = 7 */
	CU_ASSERT_EQUAL(aac_of(OCTETS(0x12, 0x38), 0).channels, 8);
	CU_ASSERT_EQUAL(aac_of(OCTETS(0x11, 0xb0), 0).channels, 6);
	/* frameLengthFlag */
	CU_ASSERT_EQUAL(aac_of(OCTETS(0x11, 0x94), 0).frame_samples, 960);
	/* samplingFrequencyIndex 15: 24 bits of it, here 44056 = 0x00ac18 */
	c = aac_of(OCTETS(0x17, 0x80, 0x56, 0x0c, 0x10), 0);
	CU_ASSERT_EQUAL(c.sample_hz, 44056);
	CU_ASSERT_EQUAL(c.channels, 2);
}

static void t_aac_sbr(void)
{
	/* type 5, 24000, stereo, 48000, type 2 */
	struct aac_config c = aac_of(OCTETS(0x2b, 0x11, 0x88, 0x00), 0);

	CU_ASSERT_EQUAL(c.object_type, AAC_LC);
	CU_ASSERT_EQUAL(c.sample_hz, 24000);
	CU_ASSERT_EQUAL(c.out_hz, 48000);
	CU_ASSERT(c.has_sbr && !c.has_ps);
	/* type 29, 22050, mono, 44100, type 2 */
	c = aac_of(OCTETS(0xeb, 0x8a, 0x08, 0x00), 0);
	CU_ASSERT_EQUAL(c.sample_hz, 22050);
	CU_ASSERT_EQUAL(c.out_hz, 44100);
	CU_ASSERT_EQUAL(c.channels, 1);
	CU_ASSERT(c.has_sbr && c.has_ps);
}

static void t_aac_sbr_behind(void)
{
	/* 2, 24000, mono; 0x2b7, 5, flag, 48000; 0x548, flag */
	struct aac_config c = aac_of(OCTETS(0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80), 0);

	CU_ASSERT_EQUAL(c.object_type, AAC_LC);
	CU_ASSERT_EQUAL(c.sample_hz, 24000);
	CU_ASSERT_EQUAL(c.out_hz, 48000);
	CU_ASSERT(c.has_sbr && c.has_ps);
	c = aac_of(OCTETS(0x13, 0x08, 0x56, 0xe5, 0x98), 0);
	CU_ASSERT(c.has_sbr && !c.has_ps);
	/* the flag says no; what encoders append to plain AAC */
	c = aac_of(OCTETS(0x11, 0x90, 0x56, 0xe5, 0x00), 0);
	CU_ASSERT(!c.has_sbr);
	CU_ASSERT_EQUAL(c.out_hz, 48000);
}

/* 2, 48000, 0 channels: tag 0, LC, 48000, a pair in front, a pair behind, a coupling channel, 49 bits
 * in all; comment "hi" */
static const uint8_t pce[] = { 0x11, 0x80, 0x04, 0xc4, 0x04, 0x02, 0x21, 0x19, 0x00, 0x02, 0x68,
	0x69 };
enum { PCE_BITS = 49 };

static void t_aac_pce(void)
{
	uint8_t frame[64] = { 0xff, 0xf1, 0x4c, 0x00, 0x00, 0x1f, 0xfc };
	uint8_t out[AAC_CONFIG_BYTES];
	struct aac_config c;
	int n;

	CU_ASSERT_EQUAL(aac_of(bytes_of(pce, sizeof pce), 0).channels, 4);
	for (size_t i = 0; i < sizeof pce; i++)
		(void)aac_of(bytes_of(pce, i), ERR_CORRUPT);

	/* an ADTS frame that begins with the same element: ID_PCE, then what stands at bit 16 above */
	size_t bits = 3, frame_n = 7 + 16;
	uint8_t *to = frame + 7;
	to[0] = 5 << 5;
	for (size_t i = 16; i < 16 + PCE_BITS; i++, bits++)
		to[bits / 8] |= (uint8_t)((pce[i / 8] >> (7 - i % 8) & 1) << (7 - bits % 8));
	/* the comment begins at a whole octet here as there */
	memcpy(to + (3 + PCE_BITS + 7) / 8, pce + sizeof pce - 3, 3);
	frame[4] = (uint8_t)(frame_n >> 3);
	frame[5] = (uint8_t)(frame_n << 5 | 0x1f);
	n = aac_config_of_adts(bytes_of(frame, frame_n), out);
	CU_ASSERT_EQUAL_FATAL(n, (int)sizeof pce);
	CU_ASSERT(bytes_is_eq(bytes_of(out, (size_t)n), bytes_of(pce, sizeof pce)));
	CU_ASSERT_EQUAL(aac_config_read(bytes_of(out, (size_t)n), &c), 0);
	CU_ASSERT_EQUAL(c.channels, 4);
	to[0] = 1 << 5; /* a pair of channels comes first: nobody says how many there are */
	CU_ASSERT_EQUAL(aac_config_of_adts(bytes_of(frame, frame_n), out), ERR_CORRUPT);
}

static void t_aac_refused(void)
{
	(void)aac_of((struct bytes){ 0 }, ERR_CORRUPT);
	(void)aac_of(OCTETS(0x11), ERR_CORRUPT);
	(void)aac_of(OCTETS(0x16, 0x90), ERR_CORRUPT);                   /* rate index 13 */
	(void)aac_of(OCTETS(0x17, 0x80, 0x00, 0x00, 0x10), ERR_CORRUPT); /* 0 Hz */
	(void)aac_of(OCTETS(0x41, 0x90), ERR_UNSUPPORTED);               /* CELP */
	(void)aac_of(OCTETS(0xf9, 0x46, 0x40), ERR_UNSUPPORTED);         /* USAC, type 42 */
	(void)aac_of(OCTETS(0x11, 0x92, 0x00, 0x00), ERR_UNSUPPORTED);   /* a layer */
	/* ELD: type 39, 48000, stereo, 480 samples */
	CU_ASSERT_EQUAL(aac_of(OCTETS(0xf8, 0xe6, 0x50, 0x00), 0).frame_samples, 480);
}

static void t_adts(void)
{
	/* LC, 44100, stereo, no CRC, 371 octets, one block */
	uint8_t head[] = { 0xff, 0xf1, 0x50, 0x80, 0x2e, 0x7f, 0xfc };
	struct adts_header h, other;
	uint8_t out[AAC_CONFIG_BYTES];

	CU_ASSERT_EQUAL(adts_header_read(bytes_of(head, 7), &h), 0);
	CU_ASSERT_EQUAL(h.object_type, AAC_LC);
	CU_ASSERT_EQUAL(h.sample_hz, 44100);
	CU_ASSERT_EQUAL(h.channel_config, 2);
	CU_ASSERT_EQUAL(h.frame_n, 371);
	CU_ASSERT_EQUAL(h.header_n, 7);
	CU_ASSERT_EQUAL(h.n_blocks, 1);
	CU_ASSERT_EQUAL(aac_config_of_adts(bytes_of(head, 7), out), 2);
	CU_ASSERT(out[0] == 0x12 && out[1] == 0x10);
	for (size_t i = 0; i < 7; i++)
		CU_ASSERT_EQUAL(adts_header_read(bytes_of(head, i), &h), ERR_MORE);
	head[1] = 0xf0;
	head[6] = 0xfd; /* two blocks: one position, one CRC */
	CU_ASSERT_EQUAL(adts_header_read(bytes_of(head, 7), &h), 0);
	CU_ASSERT(h.has_crc && h.header_n == 11 && h.n_blocks == 2);
	other = h;
	CU_ASSERT(adts_header_is_like(&h, &other));
	other.channel_config = 1;
	CU_ASSERT_FALSE(adts_header_is_like(&h, &other));
	head[4] = 1;
	head[5] = 3 << 5; /* 11 octets: as long as its header */
	CU_ASSERT_EQUAL(adts_header_read(bytes_of(head, 7), &h), ERR_SYNTAX);
	head[1] = 0xf7; /* a layer */
	CU_ASSERT_EQUAL(adts_header_read(bytes_of(head, 7), &h), ERR_SYNTAX);
}

static void t_mpa(void)
{
	static const struct {
		uint32_t head;
		uint8_t version, layer, channels;
		uint16_t samples, n;
		uint32_t hz, bps;
	} rows[] = {
		{ 0xfffb9064, 1, 3, 2, 1152, 417, 44100, 128000 },
		{ 0xfffb9264, 1, 3, 2, 1152, 418, 44100, 128000 },
		{ 0xfffb54c4, 1, 3, 1, 1152, 192, 48000, 64000 },
		{ 0xfffda400, 1, 2, 2, 1152, 576, 48000, 192000 },
		{ 0xffffc400, 1, 1, 2, 384, 384, 48000, 384000 },
		{ 0xffffc600, 1, 1, 2, 384, 388, 48000, 384000 },
		{ 0xfff384c4, 2, 3, 1, 576, 192, 24000, 64000 },
		{ 0xfff58400, 2, 2, 2, 1152, 384, 24000, 64000 },
		{ 0xffe348c4, 3, 3, 1, 576, 288, 8000, 32000 },
	};
	struct mpa_header h, first;
	uint8_t b[4];

	for (size_t i = 0; i < COUNT(rows); i++) {
		put_be32(b, rows[i].head);
		CU_ASSERT_EQUAL(mpa_header_read(bytes_of(b, 3), &h), ERR_MORE);
		CU_ASSERT_EQUAL(mpa_header_read(bytes_of(b, 4), &h), 0);
		CU_ASSERT_EQUAL(h.version, rows[i].version);
		CU_ASSERT_EQUAL(h.layer, rows[i].layer);
		CU_ASSERT_EQUAL(h.channels, rows[i].channels);
		CU_ASSERT_EQUAL(h.frame_samples, rows[i].samples);
		CU_ASSERT_EQUAL(h.frame_n, rows[i].n);
		CU_ASSERT_EQUAL(h.sample_hz, rows[i].hz);
		CU_ASSERT_EQUAL(h.bitrate_bps, rows[i].bps);
		if (!i)
			first = h;
		CU_ASSERT_EQUAL(mpa_header_is_like(&h, &first), i < 2);
	}
}

static void t_mpa_refused(void)
{
	static const uint32_t bad[] = { 0xff7b9064, 0xffeb9064, 0xfff99064, 0xfffbf064,
		0xfffb9c64 };
	struct mpa_header h;
	uint8_t b[4];

	for (size_t i = 0; i < COUNT(bad); i++) {
		put_be32(b, bad[i]);
		CU_ASSERT_EQUAL(mpa_header_read(bytes_of(b, 4), &h), ERR_SYNTAX);
	}
	put_be32(b, 0xfffb0064); /* free format */
	CU_ASSERT_EQUAL(mpa_header_read(bytes_of(b, 4), &h), ERR_UNSUPPORTED);
	CU_ASSERT(h.frame_samples == 1152 && h.sample_hz == 44100);
}

static void t_mpa_info(void)
{
	uint8_t frame[417] = { 0xff, 0xfb, 0x90, 0x64 };
	struct mpa_info info;

	CU_ASSERT_FALSE(mpa_info_read(bytes_of(frame, sizeof frame), &info));
	memcpy(frame + 36, "Info\0\0\0\1\0\0\1\2", 12);
	CU_ASSERT(mpa_info_read(bytes_of(frame, sizeof frame), &info));
	CU_ASSERT(info.has_frames && info.n_frames == 258);
	CU_ASSERT(mpa_info_read(bytes_of(frame, 45), &info) && !info.has_frames);
	CU_ASSERT_FALSE(mpa_info_read(bytes_of(frame, 39), &info));
	frame[43] = 0; /* the flags */
	CU_ASSERT(mpa_info_read(bytes_of(frame, sizeof frame), &info) && !info.has_frames);
	memcpy(frame + 36, "VBRI\0\1\0\0\0\0\0\0\0\0\0\0\3\4", 18);
	CU_ASSERT(mpa_info_read(bytes_of(frame, sizeof frame), &info));
	CU_ASSERT(info.has_frames && info.n_frames == 772);
	/* mono: the side information is shorter */
	frame[3] = 0xc4;
	memset(frame + 36, 0, 40);
	memcpy(frame + 21, "Xing\0\0\0\1\0\0\0\7", 12);
	CU_ASSERT(mpa_info_read(bytes_of(frame, sizeof frame), &info) && info.n_frames == 7);
}

static void t_ac3(void)
{
	/* 48000, 640 kbit/s, bsid 8, 3/2 with low frequency */
	uint8_t b[8] = { 0x0b, 0x77, 0, 0, 36, 0x40, 0xe1, 0 };
	struct ac3_header h;

	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 7), &h), ERR_MORE);
	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 8), &h), 0);
	CU_ASSERT_EQUAL(h.sample_hz, 48000);
	CU_ASSERT_EQUAL(h.bitrate_bps, 640000);
	CU_ASSERT_EQUAL(h.frame_n, 2560);
	CU_ASSERT_EQUAL(h.channels, 6);
	b[4] = 0x40 | 20; /* 44100, 192 kbit/s: 417 words, or 418 */
	CU_ASSERT(!ac3_header_read(bytes_of(b, 8), &h) && h.frame_n == 834);
	b[4] = 0x40 | 21;
	CU_ASSERT(!ac3_header_read(bytes_of(b, 8), &h) && h.frame_n == 836);
	b[4] = 0x80 | 36;
	CU_ASSERT(!ac3_header_read(bytes_of(b, 8), &h) && h.frame_n == AC3_FRAME_MAX);
	b[4] = 0xc0; /* a reserved rate */
	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 8), &h), ERR_SYNTAX);
	b[4] = 38; /* a size beyond the table */
	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 8), &h), ERR_SYNTAX);
	b[4] = 0;
	b[5] = 16 << 3;
	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 8), &h), ERR_UNSUPPORTED);
	b[0] = 0;
	CU_ASSERT_EQUAL(ac3_header_read(bytes_of(b, 8), &h), ERR_SYNTAX);
}

UNIT_SUITE(pack_headers,
	{ "AudioSpecificConfig: type, rate, channels, frame length (14496-3 1.6.2.1)",
		t_aac_plain },
	{ "AudioSpecificConfig: SBR and PS said first (14496-3 1.6.5)", t_aac_sbr },
	{ "AudioSpecificConfig: SBR and PS said behind the core (14496-3 1.6.5)",
		t_aac_sbr_behind },
	{ "AudioSpecificConfig: program_config_element, also out of ADTS (14496-3 4.5.2.1)",
		t_aac_pce },
	{ "AudioSpecificConfig: what is cut off, reserved or no AAC is refused", t_aac_refused },
	{ "ADTS: header, CRC, several blocks, lengths that can't be (14496-3 1.A.3.2)", t_adts },
	{ "MPEG audio: every version and layer's frame length (11172-3 2.4.2.3)", t_mpa },
	{ "MPEG audio: reserved values are no header, free format is told apart", t_mpa_refused },
	{ "MPEG audio: an encoder's first frame is no sound (Xing, Info, VBRI)", t_mpa_info },
	{ "AC-3: frame length and channels (A/52 5.3)", t_ac3 });
