/* SPDX-License-Identifier: MIT */
#include "server/base/base64.h"

#include <string.h>

#include "server/base/buf.h"
#include "server/tests/unit.h"

enum { ROOM = 2048 };

static const struct {
	const char *plain, *coded;
} vectors[] = {
	/* RFC 4648 10 */
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void t_vectors(void)
{
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t out[ROOM];
		size_t n;
		struct buf b;

		CU_ASSERT_EQUAL(base64_read(bytes_str(vectors[i].coded), out, &n), 0);
		CU_ASSERT(bytes_is_eq(bytes_of(out, n), bytes_str(vectors[i].plain)));
		buf_init(&b, ROOM);
		CU_ASSERT_EQUAL(base64_write(&b, bytes_str(vectors[i].plain)), 0);
		CU_ASSERT(bytes_is_eq(buf_bytes(&b), bytes_str(vectors[i].coded)));
		buf_clear(&b);
	}
}

/* Requests of every length modulo 3, each encoded by itself, with line ends as clients put them. */
static void make_stream(struct buf *plain, struct buf *coded)
{
	static const char *const ends[] = { "", "\r\n", "\n", " \t\r\n\r\n" };
	uint8_t octets[61];

	buf_init(plain, ROOM);
	buf_init(coded, ROOM);
	for (size_t i = 0; i < sizeof octets; i++)
		octets[i] = (uint8_t)(i * 37 + 200);
	for (size_t n = 0; n < 12; n++) {
		struct bytes v = bytes_of(octets + n, n * 3 + n % 3);
		CU_ASSERT_EQUAL(buf_put(plain, v), 0);
		CU_ASSERT_EQUAL(base64_write(coded, v), 0);
		CU_ASSERT_EQUAL(buf_put(coded, bytes_str(ends[n % COUNT(ends)])), 0);
	}
}

/* Decodes `in` in pieces: cut at a, then at b. In place, as a connection does it. */
static bool decodes_to(struct bytes in, size_t a, size_t b, struct bytes want)
{
	uint8_t room[ROOM], out[ROOM];
	const size_t cut[] = { 0, a, b, in.n };
	struct base64 d = { 0 };
	size_t total = 0;

	memcpy(room, in.p, in.n);
	for (size_t i = 0; i + 1 < COUNT(cut); i++) {
		struct bytes piece = bytes_of(room + cut[i], cut[i + 1] - cut[i]);
		size_t n;
		if (base64_decode(&d, piece, room + cut[i], &n) != 0)
			return false;
		memcpy(out + total, room + cut[i], n);
		total += n;
	}
	return base64_is_whole(&d) && bytes_is_eq(bytes_of(out, total), want);
}

static void t_any_split(void)
{
	struct buf plain, coded;

	make_stream(&plain, &coded);
	struct bytes in = buf_bytes(&coded), want = buf_bytes(&plain);
	size_t bad = 0;
	for (size_t a = 0; a <= in.n; a++) {
		for (size_t b = a; b <= in.n; b++)
			bad += !decodes_to(in, a, b, want);
	}
	CU_ASSERT_EQUAL(bad, 0);
	buf_clear(&plain);
	buf_clear(&coded);
}

static void t_byte_by_byte(void)
{
	struct buf plain, coded;
	struct base64 d = { 0 };
	uint8_t out[ROOM];
	size_t total = 0;

	make_stream(&plain, &coded);
	for (size_t i = 0; i < coded.n; i++) {
		size_t n;
		CU_ASSERT_EQUAL(
			base64_decode(&d, bytes_sub(buf_bytes(&coded), i, 1), out + total, &n), 0);
		total += n;
	}
	CU_ASSERT(bytes_is_eq(bytes_of(out, total), buf_bytes(&plain)));
	buf_clear(&plain);
	buf_clear(&coded);
}

/* What stands before the fault is there, also when it comes in pieces. */
static void t_bad(void)
{
	static const struct {
		const char *in;
		size_t good;
	} rows[] = { { "Zm9v!", 3 }, { "=", 0 }, { "Z=", 0 }, { "Zg=v", 1 }, { "Zg=\r\n=Zm9v-", 4 },
		{ "====", 0 }, { "Zm8==", 2 }, { "Zm\x80", 1 }, { "$m9v", 0 }, { "Zm9v_", 3 } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes in = bytes_str(rows[i].in);
		uint8_t out[ROOM];
		struct base64 d = { 0 };
		size_t n, total = 0;
		int err = 0;

		CU_ASSERT_EQUAL(base64_decode(&d, in, out, &n), ERR_SYNTAX);
		CU_ASSERT_EQUAL(n, rows[i].good);
		d = (struct base64){ 0 };
		for (size_t k = 0; k < in.n && !err; k++) {
			err = base64_decode(&d, bytes_sub(in, k, 1), out, &n);
			total += n;
		}
		CU_ASSERT_EQUAL(err, ERR_SYNTAX);
		CU_ASSERT_EQUAL(total, rows[i].good);
	}
	struct base64 d = { 0 };
	uint8_t out[4];
	size_t n;
	CU_ASSERT_EQUAL(base64_decode(&d, B("Zm9v\0"), out, &n), ERR_SYNTAX); /* a NUL */
}

static void t_every_octet(void)
{
	for (unsigned c = 0; c < 256; c++) {
		uint8_t octet = (uint8_t)c, out[1];
		struct base64 d = { 0 };
		size_t n;
		bool digit = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			     (c >= '0' && c <= '9') || c == '+' || c == '/';
		bool blank = c == '\r' || c == '\n' || c == ' ' || c == '\t';
		int err = base64_decode(&d, bytes_of(&octet, 1), out, &n);
		CU_ASSERT_EQUAL(err, digit || blank ? 0 : ERR_SYNTAX);
	}
}

static void t_whole_is_strict(void)
{
	static const char *const bad[] = { "Zg", "Zg=", "Zm9", "Z",
		"Zm9v Zg==", "Zg==Zg==", "Zm9v\r\n", "=Zm9", "Zm=v" };
	uint8_t out[ROOM];
	size_t n;

	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(base64_read(bytes_str(bad[i]), out, &n), ERR_SYNTAX);
}

UNIT_SUITE(base64, { "the vectors of RFC 4648 10, both ways", t_vectors },
	{ "a stream of padded requests decodes alike at every two cuts, in place", t_any_split },
	{ "and octet by octet", t_byte_by_byte },
	{ "what is no digit, or padding inside a group, ends the stream after what was good (4648 3.3)",
		t_bad },
	{ "digits, CR, LF, blank and tab pass, no other octet", t_every_octet },
	{ "a single value is whole groups without blanks, padded once at its end",
		t_whole_is_strict });
