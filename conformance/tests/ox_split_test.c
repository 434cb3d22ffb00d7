/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_split.h"
#include "conformance/tests/ox_test.h"

#define MSG   "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
#define BODY  "RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\na$b\n"
#define FRAME "$\0\0\x06\x80\x60\0\1ab"
#define RQ    "PLAY rtsp://h/ RTSP/1.0\r\nCSeq: 2\r\n\r\n"

/* The kinds of the units as letters (M F B G, small when cut off), fed in steps of n bytes. */
static void split(struct bytes b, size_t n, bool lost, char *kinds, size_t cap)
{
	static const char letters[] = "MFBG";
	struct ox_splitter s = { .lost = lost };
	struct ox_unit u;
	size_t at = 0, have = 0, k = 0;

	for (;;) {
		have = have + n < b.n ? have + n : b.n;
		ptrdiff_t got;
		while ((got = ox_split_next(&s, bytes_sub(b, at, have - at), have == b.n, &u)) >
			0) {
			char c = letters[u.kind];
			CU_ASSERT(u.at == at && u.b.n == (size_t)got);
			/* blank lines and garbage may come in pieces */
			if (k + 1 < cap && (u.kind < 2 || k == 0 || kinds[k - 1] != c))
				kinds[k++] = u.truncated ? (char)(c | 0x20) : c;
			at += (size_t)got;
		}
		kinds[k] = '\0';
		if (got == ERR_END)
			break;
		CU_ASSERT_FATAL(got == ERR_MORE && have < b.n);
	}
	CU_ASSERT(at == b.n && s.at == b.n);
}

static void want(struct bytes b, bool lost, const char *expected)
{
	for (size_t n = 1; n <= b.n; n++) {
		char kinds[64];
		split(b, n, lost, kinds, sizeof(kinds));
		CU_ASSERT_STRING_EQUAL(kinds, expected);
		if (strcmp(kinds, expected) != 0)
			return;
	}
}

static void t_kinds(void)
{
	want(LIT(MSG FRAME FRAME BODY RQ FRAME), false, "MFFMMF");
	want(LIT("\r\n" MSG "\r\n\r\n" RQ), false, "BMBM");
}

static void t_garbage(void)
{
	want(LIT("what is this\r\n" MSG FRAME), false, "GMF");
	want(LIT(MSG "xxxx" FRAME FRAME), false, "MGFF");
}

static void t_midstream(void)
{
	want(LIT("\x12\x13$\1\2" FRAME FRAME MSG), true, "GFFM");
	want(LIT("half a line\r\nCSeq: 4\r\n\r\n" RQ), true, "GM");
	want(LIT(FRAME), true, "F");
}

static void t_cut(void)
{
	want(LIT(MSG "RTSP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nab"), false, "Mm");
	want(LIT(MSG "RTSP/1.0 200 OK\r\nCon"), false, "Mm");
	want(LIT(FRAME "$\0\1\0abc"), false, "Ff");
}

static void t_line_ends(void)
{
	want(LIT("RTSP/1.0 200 OK\nCSeq: 1\n\n" RQ), false, "MM");
	want(LIT("RTSP/1.0 200 OK\rCSeq: 1\r\r" RQ), false, "MM");
}

static void t_length(void)
{
	size_t head, body;

	CU_ASSERT(ox_message_length(B("RTSP/1.0 200 OK\r\n"), &head, &body) == ERR_MORE);
	CU_ASSERT(ox_message_length(LIT(BODY), &head, &body) == 0);
	CU_ASSERT(head == sizeof(BODY) - 5 && body == 4);
	CU_ASSERT(ox_message_length(B("$abc"), &head, &body) == ERR_SYNTAX);
	CU_ASSERT(ox_message_length(B("PLAY a RTSP/1.0\r\nContent-Length: 99999999999\r\n\r\n"),
			  &head, &body) == 0);
	CU_ASSERT(body == 0);
}

UNIT_SUITE(ox_split, { "messages, frames and blank lines part at every split", t_kinds },
	{ "after garbage the next message or frame is found", t_garbage },
	{ "a stream may begin in the middle", t_midstream },
	{ "a stream may end in the middle: the unit is marked", t_cut },
	{ "bare LF and bare CR end lines too", t_line_ends },
	{ "length of a message is told as soon as its head is there", t_length });
