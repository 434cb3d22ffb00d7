/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/range.h"

static struct range rd(const char *in)
{
	struct range r;
	struct fault f;

	CU_ASSERT_EQUAL(range_read(bytes_str(in), &r, &f), 0);
	return r;
}

static void t_npt(void)
{
	struct range r = rd("npt=1.5-12:05:35.3");

	CU_ASSERT(r.unit == RANGE_NPT && r.has_start && r.has_end && !r.has_time);
	CU_ASSERT_EQUAL(r.start, 1500 * TICK_MS);
	CU_ASSERT_EQUAL(r.end, (12 * 3600 + 5 * 60 + 35) * TICK_S + 300 * TICK_MS);
	r = rd("npt=-20");
	CU_ASSERT(!r.has_start && r.has_end && r.end == 20 * TICK_S);
	r = rd("NPT=now-");
	CU_ASSERT(r.has_start && r.is_now && !r.has_end);
	r = rd(" npt = 0 -  30.00000 ");
	CU_ASSERT(r.start == 0 && r.end == 30 * TICK_S);
	r = rd("npt=0.123456789999-");
	CU_ASSERT_EQUAL(r.start, 123456789);
	r = rd("npt=5-2");
	CU_ASSERT(r.start > r.end);
	r = rd("npt=9000000000-");
	CU_ASSERT_EQUAL(r.start, 9000000000 * TICK_S);
	r = rd("npt=0.-");
	CU_ASSERT_EQUAL(r.start, 0);
}

static void t_bad(void)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "npt", ERR_SYNTAX },
		{ "npt=", ERR_SYNTAX },
		{ "npt=-", ERR_SYNTAX },
		{ "npt=1", ERR_SYNTAX },
		{ "0.000-", ERR_SYNTAX },
		{ "npt=abc-", ERR_SYNTAX },
		{ "npt=1e300-", ERR_SYNTAX },
		{ "npt=0x10-", ERR_SYNTAX },
		{ "npt=+1-", ERR_SYNTAX },
		{ "npt=nan-", ERR_SYNTAX },
		{ "npt=.5-", ERR_SYNTAX },
		{ "npt=1.2.3-", ERR_SYNTAX },
		{ "npt=1:02-", ERR_SYNTAX },
		{ "npt=1:60:00-", ERR_RANGE },
		{ "npt=9000000001-", ERR_RANGE },
		{ "npt=99999999999999999999999-", ERR_RANGE },
		{ "npt=9000000:00:00-", ERR_RANGE },
		{ "npt=1-2-3", ERR_SYNTAX },
		{ "npt=1-2x", ERR_SYNTAX },
		{ "bytes=0-100", ERR_UNSUPPORTED },
		{ "npt=0-1,npt=2-3", ERR_UNSUPPORTED },
		{ "smpte=-0:00:01", ERR_SYNTAX },
		{ "smpte=0:00-", ERR_SYNTAX },
		{ "smpte=0:00:00:30-", ERR_RANGE },
		{ "smpte-25=0:00:00:25-", ERR_RANGE },
		{ "smpte=0:00:00:01.123-", ERR_SYNTAX },
		{ "clock=19961308T142300Z-", ERR_RANGE },
		{ "clock=19970229T142300Z-", ERR_RANGE },
		{ "clock=1996-11-08T14:23:00Z-", ERR_SYNTAX },
		{ "clock=19961108T142300-", ERR_SYNTAX },
		{ "npt=0-;time=tomorrow", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct range r;
		struct fault f;
		CU_ASSERT_EQUAL(range_read(bytes_str(rows[i].in), &r, &f), rows[i].err);
		CU_ASSERT_PTR_NOT_NULL(f.why);
		CU_ASSERT(f.at <= strlen(rows[i].in));
	}
}

static void t_smpte(void)
{
	struct range r = rd("smpte=10:12:33:20-");

	CU_ASSERT_EQUAL(r.unit, RANGE_SMPTE);
	/* 1102610 frames counted, 2 * (612 - 61) = 1102 of them dropped, at 1001/30000 s */
	CU_ASSERT_EQUAL(r.start, (tick_t)(1102610 - 1102) * 1001000 * 100 / 3);
	/* drop-frame time is wall time: an hour is an hour to within 4 ms */
	r = rd("smpte-30-drop=1:00:00-");
	CU_ASSERT(r.start > 3599996 * TICK_MS && r.start < 3600004 * TICK_MS);
	r = rd("smpte-25=0:00:01:05.5-0:00:02:00");
	CU_ASSERT_EQUAL(r.start, 1220 * TICK_MS);
	CU_ASSERT_EQUAL(r.end, 2 * TICK_S);
	/* numbers that are left out stand for the frame after them */
	CU_ASSERT_EQUAL(rd("smpte=0:01:00-").start, rd("smpte=0:01:00:02-").start);
	CU_ASSERT_EQUAL(rd("smpte=0:01:00:02-").start, (tick_t)1800 * 1001000 * 100 / 3);
	CU_ASSERT_EQUAL(rd("smpte=0:00:59:29-").start, (tick_t)1799 * 1001000 * 100 / 3);
	CU_ASSERT_EQUAL(rd("smpte=0:10:00:00-").start, (tick_t)17982 * 1001000 * 100 / 3);
}

/* Every frame of two hours by its number and back, with hundredths here and there. */
static void t_smpte_frames(void)
{
	static const enum range_unit units[] = { RANGE_SMPTE, RANGE_SMPTE_30_DROP, RANGE_SMPTE_25 };
	struct buf out;

	buf_init(&out, 100);
	for (int64_t n = 0; n < 2 * 107892; n++) {
		enum range_unit unit = units[n % 3];
		int64_t hundredths = n * 100 + n % 7;
		struct range r = { .unit = unit,
			.has_start = true,
			.start = unit == RANGE_SMPTE_25 ? hundredths * 400000
							: hundredths * 1001000 / 3 };
		buf_cut(&out, 0);
		CU_ASSERT_EQUAL(range_write(&r, &out), 0);
		struct fault f;
		struct range back = { 0 };
		CU_ASSERT_EQUAL(range_read(buf_bytes(&out), &back, &f), 0);
		CU_ASSERT_TRUE(back.start == r.start && back.unit == unit);
	}
	buf_clear(&out);
}

static void t_clock(void)
{
	struct range r = rd("clock=19961108T142300Z-19961108T143520.25Z");

	CU_ASSERT_EQUAL(r.unit, RANGE_CLOCK);
	CU_ASSERT_EQUAL(r.start, 847462980 * TICK_S);
	CU_ASSERT_EQUAL(r.end, 847463720 * TICK_S + 250 * TICK_MS);
	r = rd("npt=0-;time=20000229T000000Z");
	CU_ASSERT(r.has_time && r.time == 951782400 * TICK_S);
	r = rd("npt=0-; x=y");
	CU_ASSERT_FALSE(r.has_time);
}

static void t_write(void)
{
	static const char *const rows[] = { "npt=0.000-", "npt=1.500-12.345", "npt=now-",
		"npt=0.123456-", "npt=0.123456789-1.000", "clock=19961108T142300Z-",
		"clock=20000229T235959.250Z-20240301T000000Z", "npt=0.000-;time=19700101T000000Z",
		"npt=-20.000", "smpte=10:12:33:20-", "smpte-30-drop=00:01:00:02.50-00:10:00:00",
		"smpte-25=99:59:59:24.99-" };
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct range r = rd(rows[i]);
		CU_ASSERT_EQUAL(range_write(&r, &out), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i])));
		buf_cut(&out, 0);
	}
	out.max = 8;
	struct range r = rd("npt=1.5-");
	CU_ASSERT_EQUAL(range_write(&r, &out), ERR_LIMIT);
	CU_ASSERT_EQUAL(out.n, 0);
	out.max = 100;
	r = (struct range){ .unit = RANGE_SMPTE, .has_start = true, .start = 360000 * TICK_S };
	CU_ASSERT_EQUAL(range_write(&r, &out), ERR_RANGE);
	CU_ASSERT_EQUAL(out.n, 0);
	buf_clear(&out);
}

static void t_scale(void)
{
	static const struct {
		const char *in;
		int err;
		int64_t v;
		const char *out;
	} rows[] = {
		{ "1", 0, 1000000, "1.0" },
		{ "1.0", 0, 1000000, "1.0" },
		{ "-2.5", 0, -2500000, "-2.5" },
		{ "0.125", 0, 125000, "0.125" },
		{ "   2.00000", 0, 2000000, "2.0" },
		{ "3.", 0, 3000000, "3.0" },
		{ "0.3333333333", 0, 333333, "0.333333" },
		{ "1000", 0, 1000000000, "1000.0" },
		{ "1000.1", ERR_RANGE, 0, NULL },
		{ "0", ERR_RANGE, 0, NULL },
		{ "-0.0", ERR_RANGE, 0, NULL },
		{ "1e300", ERR_SYNTAX, 0, NULL },
		{ "99999999999999999999", ERR_RANGE, 0, NULL },
		{ "nan", ERR_SYNTAX, 0, NULL },
		{ "inf", ERR_SYNTAX, 0, NULL },
		{ "0x2", ERR_SYNTAX, 0, NULL },
		{ ".5", ERR_SYNTAX, 0, NULL },
		{ "1.2.3", ERR_SYNTAX, 0, NULL },
		{ "--1", ERR_SYNTAX, 0, NULL },
		{ "+1", ERR_SYNTAX, 0, NULL },
		{ "-", ERR_SYNTAX, 0, NULL },
		{ "", ERR_SYNTAX, 0, NULL },
	};
	struct buf out;
	int64_t v;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(scale_read(bytes_str(rows[i].in), &v), rows[i].err);
		if (rows[i].err)
			continue;
		CU_ASSERT_EQUAL(v, rows[i].v);
		CU_ASSERT_EQUAL(scale_write(v, &out), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i].out)));
		buf_cut(&out, 0);
	}
	CU_ASSERT_EQUAL(speed_read(B("-1"), &v), ERR_SYNTAX);
	CU_ASSERT_EQUAL(speed_read(B("2.5"), &v), 0);
	CU_ASSERT_EQUAL(v, 2500000);
	buf_clear(&out);
}

UNIT_SUITE(wire_range, { "NPT as seconds, as hours, now, open ends (2326 3.6)", t_npt },
	{ "what the grammar does not have is refused (2326 3.5, 3.6, 3.7, 12.29)", t_bad },
	{ "SMPTE times drop frames as the default says (2326 3.5)", t_smpte },
	{ "every SMPTE frame has one number, and is written by it (2326 3.5)", t_smpte_frames },
	{ "absolute time is UTC (2326 3.7, 12.29)", t_clock },
	{ "a range is written exactly", t_write },
	{ "Scale and Speed are plain decimals (2326 12.34, 12.35)", t_scale });
