/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/frame.h"

static void t_data(void)
{
	uint8_t in[] = "$\1\0\3abc$";
	struct frame f;

	for (size_t k = 0; k < 7; k++) {
		CU_ASSERT_EQUAL(frame_read(bytes_of(in, k), &f), ERR_MORE);
		CU_ASSERT_EQUAL(f.total, k < 4 ? 0u : 7u);
	}
	CU_ASSERT_EQUAL(frame_read(bytes_of(in, 8), &f), 7);
	CU_ASSERT_EQUAL(f.kind, FRAME_DATA);
	CU_ASSERT_EQUAL(f.channel, 1);
	CU_ASSERT(bytes_is_eq(f.payload, B("abc")));
}

static void t_data_edges(void)
{
	static uint8_t big[FRAME_HEADER + FRAME_PAYLOAD_MAX];
	struct frame f;

	CU_ASSERT_EQUAL(frame_read(B("$\xfe\0\0OPTIONS"), &f), 4);
	CU_ASSERT_EQUAL(f.channel, 254);
	CU_ASSERT_EQUAL(f.payload.n, 0);
	frame_header_write(big, 7, FRAME_PAYLOAD_MAX);
	CU_ASSERT_EQUAL(frame_read(bytes_of(big, sizeof big - 1), &f), ERR_MORE);
	CU_ASSERT_EQUAL(frame_read(bytes_of(big, sizeof big), &f), (int)sizeof big);
	CU_ASSERT_EQUAL(f.channel, 7);
	CU_ASSERT_EQUAL(f.payload.n, FRAME_PAYLOAD_MAX);
}

static void t_kinds(void)
{
	static const struct {
		const char *in;
		enum frame_kind kind;
		int n;
	} rows[] = {
		{ "OPTIONS", FRAME_MESSAGE, 0 },
		{ "RTSP/1.0", FRAME_MESSAGE, 0 },
		{ "GET_PARAMETER", FRAME_MESSAGE, 0 },
		{ "PLAY", FRAME_MESSAGE, 0 },
		{ "\x16\x03", FRAME_MESSAGE, 0 },
		{ "GET /", FRAME_HTTP, 0 },
		{ "POST /", FRAME_HTTP, 0 },
		{ "HTTP/1.0", FRAME_HTTP, 0 },
		{ "\r\n\r\nOPTIONS", FRAME_BLANK, 4 },
		{ "\n$", FRAME_BLANK, 1 },
	};
	struct frame f;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(frame_read(bytes_str(rows[i].in), &f), rows[i].n);
		CU_ASSERT_EQUAL(f.kind, rows[i].kind);
	}
	CU_ASSERT_EQUAL(frame_read(B(""), &f), ERR_MORE);
	CU_ASSERT_EQUAL(frame_read(B("GE"), &f), ERR_MORE);
	CU_ASSERT_EQUAL(frame_read(B("P"), &f), ERR_MORE);
}

UNIT_SUITE(wire_frame, { "a data frame is read at every split (2326 10.12)", t_data },
	{ "empty and largest data frames are read", t_data_edges },
	{ "messages, data, tunnels and blanks are told apart", t_kinds });
