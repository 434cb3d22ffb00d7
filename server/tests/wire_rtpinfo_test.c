/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/rtpinfo.h"

#define EQ(v, lit) CU_ASSERT(bytes_is_eq(v, B(lit)))

static void t_two(void)
{
	struct bytes v = B("url=rtsp://h/a.avi/streamid=0;seq=45102;rtptime=4294967295, "
			   "url=rtsp://h/a.avi/streamid=1 ; rtptime=7");
	struct rtpinfo e;

	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 1);
	EQ(e.url, "rtsp://h/a.avi/streamid=0");
	CU_ASSERT(e.has_seq && e.seq == 45102);
	CU_ASSERT(e.has_rtptime && e.rtptime == UINT32_MAX);
	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 1);
	EQ(e.url, "rtsp://h/a.avi/streamid=1");
	CU_ASSERT(!e.has_seq && e.rtptime == 7);
	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 0);
}

static void t_awkward_urls(void)
{
	struct bytes v =
		B("url=\"rtsp://h/a,b;c=1\";seq=1,url=rtsp://h/x?y=1,2;z;ssrc=ab;seq=2;x=y,"
		  "URL=track1;seq=;rtptime=5,");
	struct rtpinfo e;

	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 1);
	EQ(e.url, "rtsp://h/a,b;c=1");
	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 1);
	EQ(e.url, "rtsp://h/x?y=1,2;z");
	CU_ASSERT(e.has_seq && e.seq == 2 && !e.has_rtptime);
	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 1);
	EQ(e.url, "track1");
	CU_ASSERT(!e.has_seq && e.has_rtptime && e.rtptime == 5);
	CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 0);
}

static void t_bad(void)
{
	static const char *const rows[] = { "seq=1", "url=", "url=;seq=1", "url=a;seq=65536",
		"url=a;seq=-1", "url=a;rtptime=4294967296", "url=a;seq=1;rtptime=x" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes v = bytes_str(rows[i]);
		struct rtpinfo e;
		CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), ERR_SYNTAX);
		CU_ASSERT_EQUAL(rtpinfo_next(&v, &e), 0);
	}
}

static void t_write(void)
{
	struct rtpinfo a = { .url = B("rtsp://h/a/t1"),
		.has_seq = true,
		.seq = 1,
		.has_rtptime = true,
		.rtptime = 2 };
	struct rtpinfo b = { .url = B("rtsp://h/a/t2"), .has_rtptime = true, .rtptime = 3 };
	struct rtpinfo c = { .url = B("a\r\nX: y") };
	struct buf out;

	buf_init(&out, 100);
	CU_ASSERT_EQUAL(rtpinfo_write(&a, true, &out), 0);
	CU_ASSERT_EQUAL(rtpinfo_write(&b, false, &out), 0);
	CU_ASSERT_EQUAL(rtpinfo_write(&c, false, &out), ERR_SYNTAX);
	EQ(buf_bytes(&out), "url=rtsp://h/a/t1;seq=1;rtptime=2,url=rtsp://h/a/t2;rtptime=3");
	buf_clear(&out);
}

UNIT_SUITE(wire_rtpinfo, { "streams come out one by one (2326 12.33)", t_two },
	{ "URLs with commas and semicolons survive (2326 12.33)", t_awkward_urls },
	{ "an entry has a URL and its numbers are in range", t_bad },
	{ "entries are written with a comma between", t_write });
