/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "captures/redact.h"
#include "server/tests/unit.h"

static bool message_gives(const char *in, const char *want)
{
	struct buf out;
	bool is_same;

	buf_init(&out, 4096);
	is_same = redact_message(bytes_str(in), &out) == 0 &&
		  bytes_is_eq(buf_bytes(&out), bytes_str(want));
	if (!is_same)
		printf("got:  %.*s\nwant: %s\n", BYTES_FMT(buf_bytes(&out)), want);
	buf_clear(&out);
	return is_same;
}

static bool text_gives(const char *in, const char *want)
{
	struct buf out;
	bool is_same;

	buf_init(&out, 4096);
	is_same = redact_text(bytes_str(in), &out) == 0 &&
		  bytes_is_eq(buf_bytes(&out), bytes_str(want));
	if (!is_same)
		printf("got:  %.*s\nwant: %s\n", BYTES_FMT(buf_bytes(&out)), want);
	buf_clear(&out);
	return is_same;
}

static void t_authorization(void)
{
	CU_ASSERT(message_gives("PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\n"
				"Authorization: Digest username=\"u\",\r\n response=\"r\"\r\n"
				"Session: 12345678;timeout=60\r\n\r\n",
		"PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\n"
		"Authorization: Digest ***\r\nSession: 12345678;timeout=60\r\n\r\n"));
	CU_ASSERT(message_gives("X\r\nproxy-AUTHORIZATION:Basic dTpw\r\n\r\n",
		"X\r\nproxy-AUTHORIZATION: Basic ***\r\n\r\n"));
	CU_ASSERT(message_gives("X\nCookie: abc\n\n", "X\nCookie: ***\n\n"));
	CU_ASSERT(
		message_gives("X\r\nX-Auth-Token: abc\r\n\r\n", "X\r\nX-Auth-Token: ***\r\n\r\n"));
}

static void t_challenge_stays(void)
{
	static const char m[] =
		"RTSP/1.0 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n\r\n";
	CU_ASSERT(message_gives(m, m));
}

static void t_urls(void)
{
	CU_ASSERT(text_gives("rtsp://user:pa:ss@host:554/x", "rtsp://***@host:554/x"));
	CU_ASSERT(text_gives("rtsp://user:p@ss@host/x@y", "rtsp://***@host/x@y"));
	CU_ASSERT(text_gives("rtsp://host/x@y", "rtsp://host/x@y"));
	CU_ASSERT(text_gives("a rtsp://u@h/ b rtsp://v@i c", "a rtsp://***@h/ b rtsp://***@i c"));
	CU_ASSERT(text_gives(
		"rtsp://h/x?user=me&password=s3cret&n=1", "rtsp://h/x?user=me&password=***&n=1"));
	CU_ASSERT(text_gives(
		"rtsp://h/x?access_token=abc RTSP/1.0", "rtsp://h/x?access_token=*** RTSP/1.0"));
	CU_ASSERT(text_gives("rtsp://h/x?sig=&monkey=1", "rtsp://h/x?sig=***&monkey=1"));
	CU_ASSERT(text_gives("", ""));
	CU_ASSERT(text_gives("://", "://"));
	CU_ASSERT(text_gives("?=&", "?=&"));
}

static void t_start_line(void)
{
	CU_ASSERT(message_gives("DESCRIBE rtsp://u:p@h/a RTSP/1.0\r\n\r\n",
		"DESCRIBE rtsp://***@h/a RTSP/1.0\r\n\r\n"));
}

static void t_body(void)
{
	CU_ASSERT(message_gives("SET_PARAMETER x RTSP/1.0\r\n\r\nvolume: 3\r\npassword: s\r\n",
		"SET_PARAMETER x RTSP/1.0\r\n\r\nvolume: 3\r\npassword: ***\r\n"));
	CU_ASSERT(message_gives("R\r\n\r\nv=0\r\nk=clear:s\r\na=crypto:1 AES inline:abc\r\n",
		"R\r\n\r\nv=0\r\nk=***\r\na=crypto:1 AES inline:***\r\n"));
	CU_ASSERT(message_gives(
		"R\r\n\r\na=control:rtsp://u:p@h/1\r\n", "R\r\n\r\na=control:rtsp://***@h/1\r\n"));
}

static void t_limit(void)
{
	struct buf out;
	buf_init(&out, 4);
	CU_ASSERT(redact_message(B("OPTIONS * RTSP/1.0\r\n\r\n"), &out) < 0);
	CU_ASSERT(out.n <= 4);
	buf_clear(&out);
}

UNIT_SUITE(captures_redact,
	{ "credentials go, their scheme and the Session stay", t_authorization },
	{ "challenges stay", t_challenge_stays },
	{ "user, password and secret parameters of URLs go", t_urls },
	{ "the URL of a request is a URL too", t_start_line },
	{ "bodies: secret parameters and SDP keys go", t_body },
	{ "an output that is too small is an error, not a leak", t_limit });
