/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/url.h"

#define EQ(v, lit) CU_ASSERT(bytes_is_eq(v, B(lit)))

static void t_parts(void)
{
	struct url u;
	struct fault f;

	CU_ASSERT_EQUAL(url_read(B("RTSP://joe:pw@cam.example:8554/a/b?x=1#f"), &u, &f), 0);
	CU_ASSERT_EQUAL(u.scheme, URL_RTSP);
	EQ(u.userinfo, "joe:pw");
	EQ(u.host, "cam.example");
	CU_ASSERT(u.has_port && u.port == 8554);
	EQ(u.path, "/a/b");
	EQ(u.query, "x=1");
	EQ(u.fragment, "f");
	CU_ASSERT_EQUAL(url_read(B("rtsps://h"), &u, &f), 0);
	CU_ASSERT(!u.has_port && u.port == 322);
	CU_ASSERT_EQUAL(u.path.n, 0);
	CU_ASSERT_EQUAL(url_read(B("rtspu://h:/x"), &u, &f), 0);
	CU_ASSERT_EQUAL(u.port, 554);
	CU_ASSERT_EQUAL(url_read(B("rtsp://[fe80::1%25eth0]:99/x"), &u, &f), 0);
	EQ(u.host, "fe80::1%25eth0");
	CU_ASSERT(u.is_ip6 && u.port == 99);
	CU_ASSERT_EQUAL(url_read(B("*"), &u, &f), 0);
	CU_ASSERT_EQUAL(u.scheme, URL_STAR);
	CU_ASSERT_EQUAL(url_read(B("rtsp://h/\xc3\xa9.mp4"), &u, &f), 0);
}

static void t_refused(void)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "/a", ERR_SYNTAX },
		{ "rtsp:/a", ERR_UNSUPPORTED },
		{ "http://h/a", ERR_UNSUPPORTED },
		{ "rtsp://", ERR_SYNTAX },
		{ "rtsp:///a", ERR_SYNTAX },
		{ "rtsp://:554/a", ERR_SYNTAX },
		{ "rtsp://h:99999/a", ERR_RANGE },
		{ "rtsp://h:0/a", ERR_RANGE },
		{ "rtsp://h:-1/a", ERR_SYNTAX },
		{ "rtsp://h:5x/a", ERR_SYNTAX },
		{ "rtsp://h:18446744073709551616/", ERR_RANGE },
		{ "rtsp://[::1/a", ERR_SYNTAX },
		{ "rtsp://[]/a", ERR_SYNTAX },
		{ "rtsp://[::1]x/a", ERR_SYNTAX },
		{ "rtsp://[xyz]/a", ERR_SYNTAX },
		{ "rtsp://h/a b", ERR_SYNTAX },
		{ "rtsp://h/a\x01", ERR_SYNTAX },
		{ "rtsp://h\xc3\xa9/", ERR_SYNTAX },
		{ "rtsp://a<b/", ERR_SYNTAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct url u;
		struct fault f;
		CU_ASSERT_EQUAL(url_read(bytes_str(rows[i].in), &u, &f), rows[i].err);
		CU_ASSERT_PTR_NOT_NULL(f.why);
	}
}

static void t_paths(void)
{
	static const struct {
		const char *in, *out; /* out NULL: refused */
		int err;
	} rows[] = {
		{ "", "/", 0 },
		{ "/", "/", 0 },
		{ "/a/b.mp4", "/a/b.mp4", 0 },
		{ "/a//b/./c/", "/a/b/c", 0 },
		{ "/a/../b", "/b", 0 },
		{ "/a/b/../../c", "/c", 0 },
		{ "/a/..", "/", 0 },
		{ "/%61%2fb", "/a/b", 0 },
		{ "/...", "/...", 0 },
		{ "/..a", "/..a", 0 },
		{ "/a/%2e%2E/%2e%2e/x", NULL, ERR_RANGE },
		{ "/../etc/passwd", NULL, ERR_RANGE },
		{ "/..", NULL, ERR_RANGE },
		{ "/a%2f..%2f..%2fx", NULL, ERR_RANGE },
		{ "/a%00b", NULL, ERR_SYNTAX },
		{ "/a%0ab", NULL, ERR_SYNTAX },
		{ "/a%5cb", NULL, ERR_SYNTAX },
		{ "/a\\b", NULL, ERR_SYNTAX },
		{ "/a%", NULL, ERR_SYNTAX },
		{ "/a%4", NULL, ERR_SYNTAX },
		{ "/a%zz", NULL, ERR_SYNTAX },
		{ "a", NULL, ERR_SYNTAX },
	};
	char path[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(
			url_path_decode(bytes_str(rows[i].in), path, sizeof path), rows[i].err);
		if (rows[i].out)
			CU_ASSERT_STRING_EQUAL(path, rows[i].out);
	}
	CU_ASSERT_EQUAL(url_path_decode(B("/abc"), path, 4), ERR_LIMIT);
	CU_ASSERT_EQUAL(url_path_decode(B("/abc"), path, 6), 0);
}

static void t_join(void)
{
	/* RFC 3986 5.4.1 and 5.4.2 */
	static const char *const rows[][2] = {
		{ "g:h", "g:h" },
		{ "g", "http://a/b/c/g" },
		{ "./g", "http://a/b/c/g" },
		{ "g/", "http://a/b/c/g/" },
		{ "/g", "http://a/g" },
		{ "//g", "http://g" },
		{ "?y", "http://a/b/c/d;p?y" },
		{ "g?y", "http://a/b/c/g?y" },
		{ "#s", "http://a/b/c/d;p?q#s" },
		{ "g#s", "http://a/b/c/g#s" },
		{ "g?y#s", "http://a/b/c/g?y#s" },
		{ ";x", "http://a/b/c/;x" },
		{ "g;x", "http://a/b/c/g;x" },
		{ "g;x?y#s", "http://a/b/c/g;x?y#s" },
		{ "", "http://a/b/c/d;p?q" },
		{ ".", "http://a/b/c/" },
		{ "./", "http://a/b/c/" },
		{ "..", "http://a/b/" },
		{ "../", "http://a/b/" },
		{ "../g", "http://a/b/g" },
		{ "../..", "http://a/" },
		{ "../../", "http://a/" },
		{ "../../g", "http://a/g" },
		{ "../../../g", "http://a/g" },
		{ "../../../../g", "http://a/g" },
		{ "/./g", "http://a/g" },
		{ "/../g", "http://a/g" },
		{ "g.", "http://a/b/c/g." },
		{ ".g", "http://a/b/c/.g" },
		{ "g..", "http://a/b/c/g.." },
		{ "..g", "http://a/b/c/..g" },
		{ "./../g", "http://a/b/g" },
		{ "./g/.", "http://a/b/c/g/" },
		{ "g/./h", "http://a/b/c/g/h" },
		{ "g/../h", "http://a/b/c/h" },
		{ "g;x=1/./y", "http://a/b/c/g;x=1/y" },
		{ "g;x=1/../y", "http://a/b/c/y" },
		{ "g?y/./x", "http://a/b/c/g?y/./x" },
		{ "g#s/../x", "http://a/b/c/g#s/../x" },
		{ "g#s?x", "http://a/b/c/g#s?x" },
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(buf_put(&out, B("<")), 0);
		CU_ASSERT_EQUAL(url_join(B("http://a/b/c/d;p?q"), bytes_str(rows[i][0]), &out), 0);
		CU_ASSERT(bytes_is_eq(bytes_sub(buf_bytes(&out), 1, 100), bytes_str(rows[i][1])));
		buf_cut(&out, 0);
	}
	CU_ASSERT_EQUAL(url_join(B("/a"), B("b"), &out), ERR_SYNTAX);
	out.max = 5;
	CU_ASSERT_EQUAL(url_join(B("rtsp://h/a"), B("b"), &out), ERR_LIMIT);
	CU_ASSERT_EQUAL(out.n, 0);
	buf_clear(&out);
}

static void t_control(void)
{
	static const char *const rows[][3] = {
		{ "rtsp://h/a/", "trackID=1", "rtsp://h/a/trackID=1" },
		{ "rtsp://h/a", "trackID=1", "rtsp://h/a/trackID=1" },
		{ "rtsp://h/a", "*", "rtsp://h/a" },
		{ "rtsp://h/a", "", "rtsp://h/a" },
		{ "rtsp://h/a", "rtsp://x/y", "rtsp://x/y" },
		{ "rtsp://h/a", "/b/t1", "rtsp://h/b/t1" },
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(url_control(bytes_str(rows[i][0]), bytes_str(rows[i][1]), &out), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i][2])));
		buf_cut(&out, 0);
	}
	buf_clear(&out);
}

static void t_public(void)
{
	static const char *const rows[][2] = {
		{ "rtsp://joe:p%40w@h:1/a@b", "rtsp://h:1/a@b" },
		{ "rtsp://joe:p@w@h", "rtsp://h" },
		{ "rtsp://h/a", "rtsp://h/a" },
		{ "*", "*" },
	};
	struct buf out;

	buf_init(&out, 100);
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(url_put_public(bytes_str(rows[i][0]), &out), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i][1])));
		buf_cut(&out, 0);
	}
	buf_clear(&out);
}

static void t_within(void)
{
	static const struct {
		const char *path, *top;
		bool is_within;
	} rows[] = {
		{ "/a", "/a", true },
		{ "/a/b", "/a", true },
		{ "/a/b/c", "/a", true },
		{ "/ab", "/a", false },
		{ "/a", "/a/b", false },
		{ "/", "/a", false },
		{ "/b/a", "/a", false },
		{ "/", "/", true },
		{ "/a", "/", true },
		{ "/a/b", "/", true },
		{ "", "/", true }, /* of "*" */
		{ "", "/a", false },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(url_path_is_within(rows[i].path, rows[i].top), rows[i].is_within);
}

static void t_aggregate(void)
{
	static const char *const rows[][2] = {
		{ "/a.mp4/trackID=1", "/a.mp4" },
		{ "/d/a.mp4/x=", "/d/a.mp4" },
		{ "/trackID=1", "/" },
		{ "/a.mp4/track1", "" },
		{ "/d=1/a.mp4", "" },
		{ "/", "" },
		{ "", "" },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT(bytes_is_eq(url_path_aggregate(rows[i][0]), bytes_str(rows[i][1])));
}

UNIT_SUITE(wire_url, { "scheme, user, host, port, path, query come apart (2326 3.2)", t_parts },
	{ "what is no RTSP URL is refused", t_refused },
	{ "paths are decoded once and never leave the root", t_paths },
	{ "a path lies beneath another by whole segments", t_within },
	{ "a last segment with '=' is a control of what stands before it", t_aggregate },
	{ "references resolve as in 3986 5.4", t_join },
	{ "a=control joins the base as clients do (2326 C.1.1)", t_control },
	{ "user and password are left out of public URLs", t_public });
