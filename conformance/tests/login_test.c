/* SPDX-License-Identifier: MIT */
#include "conformance/login.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/tests/unit.h"

#define A "Authorization: Basic dTpw"

/* What becomes of bytes when the target has asked for Basic. */
static void t_requests(void)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n",
			"OPTIONS * RTSP/1.0\r\n" A "\r\nCSeq: 1\r\n\r\n" },
		/* two at once, the first with a body that looks like a third */
		{ "PLAY a RTSP/1.0\r\nContent-Length: 9\r\n\r\nPAUSE b c\r\n\r\nPLAY b RTSP/1.0\r\n\r\n",
			"PLAY a RTSP/1.0\r\n" A
			"\r\nContent-Length: 9\r\n\r\nPAUSE b c\r\n\r\nPLAY b RTSP/1.0\r\n" A
			"\r\n\r\n" },
		{ "\r\nPLAY a RTSP/1.0\nCSeq: 1\n\nX-Y a b\r\r",
			"\r\nPLAY a RTSP/1.0\n" A "\nCSeq: 1\n\nX-Y a b\r" A "\r\r" },
		/* what has its own */
		{ "PLAY a b\r\nauthorization: x\r\n\r\n", "PLAY a b\r\nauthorization: x\r\n\r\n" },
		/* what is no request */
		{ "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" },
		{ "\x01\x02 \xff\r\n\r\n", "\x01\x02 \xff\r\n\r\n" },
		{ "$", "$" },
		{ "", "" },
		/* what is not whole */
		{ "PLAY a b\r\nCSe", "PLAY a b\r\n" A "\r\nCSe" },
		{ "PLAY a", "PLAY a" },
		{ "PLAY a b\r\nContent-Length: 99\r\n\r\nxyz",
			"PLAY a b\r\n" A "\r\nContent-Length: 99\r\n\r\nxyz" },
	};
	struct login who = { .user = "u", .password = "p", .url = "rtsp://h/" };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct link_conn c = { .login = LOGIN_BASIC };
		struct links *l = xcalloc(1, sizeof *l);
		struct buf out;
		l->login = &who;
		l->conns[0] = &c;
		l->n_conns = 1;
		buf_init(&out, 4096);
		login_dress(l, 0, bytes_str(rows[i].in), &out);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i].out)));
		buf_clear(&out);
		l->login = NULL;
		login_dress(l, 0, bytes_str(rows[i].in), &out);
		CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_str(rows[i].in)));
		buf_clear(&out);
		free(l);
	}
}

/* '$' frames keep their bytes, whatever they look like, also when the last is cut off. */
static void t_frames(void)
{
	static const uint8_t in[] =
		"$\0\0\x0cPLAY a b\r\n\r\nPLAY a b\r\n\r\n$\1\0\x63PLAY a b\r\n";
	static const uint8_t want[] =
		"$\0\0\x0cPLAY a b\r\n\r\nPLAY a b\r\n" A "\r\n\r\n$\1\0\x63PLAY a b\r\n";
	struct login who = { .user = "u", .password = "p", .url = "rtsp://h/" };
	struct link_conn c = { .login = LOGIN_BASIC };
	struct links *l = xcalloc(1, sizeof *l);
	struct buf out;

	l->login = &who;
	l->conns[0] = &c;
	l->n_conns = 1;
	buf_init(&out, 4096);
	login_dress(l, 0, bytes_of(in, sizeof in - 1), &out);
	CU_ASSERT(bytes_is_eq(buf_bytes(&out), bytes_of(want, sizeof want - 1)));
	buf_clear(&out);
	free(l);
}

UNIT_SUITE(conformance_login,
	{ "login: each request of what is sent gets credentials behind its first line (2617 3.2.2)",
		t_requests },
	{ "login: frames stay what they are (2326 10.12)", t_frames });
