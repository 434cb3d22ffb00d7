/* SPDX-License-Identifier: MIT */
#include "server/media/pack/nal.h"
#include "server/media/pack/sps.h"
#include "server/tests/unit.h"

/* Sequence parameter sets that x264 and x265 wrote: cropped, interlaced, 4:2:2, 4:4:4, scaling matrices,
 * sub-layers, whole VUI. */
static const struct {
	struct bytes nal;
	bool is_h265;
	uint32_t width, height;
	double rate;
} rows[] = {
	{ B("\x67\x42\xc0\x28\xda\x01\xe0\x08\x9f\x97\x01\x10\x00\x00\x3e\x90\x00\x0e\xa6\x00\xf1\x83\x2a"),
		false, 1920, 1080, 30000.0 / 1001 },
	{ B("\x67\x64\x00\x28\xac\xd9\x40\x78\x04\x4f\xde\x02\x20\x00\x00\x03\x00\x20\x00\x00\x06\x43\xe2\xc5\xb2\xc0"),
		false, 1920, 1080, 25 },
	{ B("\x67\xf4\x00\x0d\x91\x9b\x28\x28\x3f\xdd\xe0\x22\x00\x00\x03\x00\x02\x00\x00\x03\x00\x60\x1e\x28\x53\x2c"),
		false, 318, 238, 24 },
	{ B("\x67\x7a\x00\x15\xb6\xcd\x94\x14\x1f\xea\xf0\x11\x00\x00\x03\x00\x01\x00\x00\x03\x00\x64\x0f\x16\x2d\x96"),
		false, 318, 238, 50 },
	{ B("\x42\x01\x01\x01\x60\x00\x00\x03\x00\x90\x00\x00\x03\x00\x00\x03\x00\x78\xa0\x03\xc0\x80\x11\x07\xcb\x96\x56\x54\xa4\xc2\xf0\x16\x80\x80\x00\x01\xf4\x80\x00\x3a\x98\x04"),
		true, 1920, 1080, 30000.0 / 1001 },
	{ B("\x42\x01\x01\x04\x08\x00\x00\x03\x00\x9d\x08\x00\x00\x03\x00\x00\x3c\xb0\x0a\x08\x0f\x1d\x5b\x65\x95\x9a\x49\x39\x5e\x1d\x6a\x12\x04\x05\x6c\x20\x00\x00\x03\x00\x40\x00\x00\x03\x03\x21"),
		true, 318, 238, 12.5 },
};

static int read_row(size_t i, struct bytes nal, struct sps *s)
{
	return rows[i].is_h265 ? sps_read_h265(nal, s) : sps_read_h264(nal, s);
}

static void t_read(void)
{
	struct sps s;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL_FATAL(read_row(i, rows[i].nal, &s), 0);
		CU_ASSERT_EQUAL(s.width, rows[i].width);
		CU_ASSERT_EQUAL(s.height, rows[i].height);
		CU_ASSERT_FATAL(s.rate_den > 0);
		CU_ASSERT_DOUBLE_EQUAL((double)s.rate_num / s.rate_den, rows[i].rate, 1e-9);
	}
}

static void t_short(void)
{
	struct sps s;

	for (size_t i = 0; i < COUNT(rows); i++) {
		bool was_good = false;

		for (size_t n = 0; n <= rows[i].nal.n; n++) {
			bool good = read_row(i, bytes_sub(rows[i].nal, 0, n), &s) == 0;

			/* from the picture's size on it is good, whatever is missing behind */
			CU_ASSERT(!was_good || good);
			CU_ASSERT(
				!good || (s.width == rows[i].width && s.height == rows[i].height));
			was_good = good;
		}
		CU_ASSERT(was_good);
	}
	CU_ASSERT_EQUAL(sps_read_h264(B("\x68\x01\x02\x03"), &s), ERR_SYNTAX);
	CU_ASSERT_EQUAL(sps_read_h265(B("\x44\x01\x02\x03"), &s), ERR_SYNTAX);
}

static void t_unescape(void)
{
	static const uint8_t in[] = { 0x67, 0, 0, 3, 0, 0, 3, 1, 0, 3, 0, 0, 0, 3 };
	static const uint8_t want[] = { 0x67, 0, 0, 0, 0, 1, 0, 3, 0, 0, 0 };
	uint8_t out[sizeof in];

	CU_ASSERT_EQUAL(nal_unescape(bytes_of(in, sizeof in), out, sizeof out), sizeof want);
	CU_ASSERT(bytes_is_eq(bytes_of(out, sizeof want), bytes_of(want, sizeof want)));
	CU_ASSERT_EQUAL(nal_unescape(bytes_of(in, sizeof in), out, 4), 4);
}

static void t_start_code(void)
{
	CU_ASSERT(nal_has_start_code(B("\0\0\1")) && nal_has_start_code(B("\0\0\1\x67")) &&
		  nal_has_start_code(B("\0\0\0\1\x67")));
	CU_ASSERT(!nal_has_start_code(B("\0\0")) && !nal_has_start_code(B("\1\x64\0\1")) &&
		  !nal_has_start_code(B("\0\0\0\0\1")));
}

UNIT_SUITE(pack_sps, { "sps: picture size and rate (H.264 7.3.2.1, H.265 7.3.2.2, E)", t_read },
	{ "sps: the size is enough, and less is refused", t_short },
	{ "nal: emulation prevention is taken out, wherever it stands (H.264 7.4.1)", t_unescape },
	{ "nal: start codes of three and four octets (H.264 B)", t_start_code });
