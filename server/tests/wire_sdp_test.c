/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/tests/unit.h"
#include "server/wire/sdp.h"

#define EQ(v, lit) CU_ASSERT(bytes_is_eq(v, B(lit)))

static const char two_tracks[] =
	"v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=clip\r\nc=IN IP4 0.0.0.0\r\nb=AS:300\r\nt=0 0\r\n"
	"a=control:*\r\na=range:npt=0-  70.00000\r\na=x-flag\r\n"
	"m=video 0 RTP/AVP 96 97\r\nb=AS:220\r\na=rtpmap:97 H263/90000\r\n"
	"a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1; profile-level-id=4D4015\r\n"
	"a=control:trackID=1\r\n"
	"m=audio 0 RTP/AVP 0\r\nc=IN IP4 224.2.0.1/127\r\na=control:trackID=2\r\n";

static void check_two_tracks(const struct sdp *s)
{
	struct bytes v;

	CU_ASSERT_EQUAL_FATAL(s->n_media, 2);
	EQ(s->origin, "- 1 2 IN IP4 10.0.0.1");
	EQ(s->name, "clip");
	EQ(s->control, "*");
	EQ(s->range, "npt=0-  70.00000");
	EQ(s->connection, "IN IP4 0.0.0.0");
	CU_ASSERT_EQUAL(s->bandwidth_kbps, 300);
	CU_ASSERT(sdp_attribute(s->lines, B("x-flag"), &v) && v.n == 0);
	CU_ASSERT_FALSE(sdp_attribute(s->lines, B("rtpmap"), &v));

	const struct sdp_media *m = &s->media[0];
	EQ(m->type, "video");
	EQ(m->proto, "RTP/AVP");
	EQ(m->formats, "96 97");
	CU_ASSERT(m->has_pt && m->payload_type == 96);
	EQ(m->encoding, "H264");
	CU_ASSERT_EQUAL(m->clock_hz, 90000);
	CU_ASSERT_EQUAL(m->channels, 1);
	CU_ASSERT_EQUAL(m->bandwidth_kbps, 220);
	EQ(m->fmtp, "packetization-mode=1; profile-level-id=4D4015");
	EQ(m->control, "trackID=1");
	CU_ASSERT(sdp_attribute(m->lines, B("rtpmap"), &v));
	EQ(v, "97 H263/90000");

	m = &s->media[1];
	EQ(m->encoding, "PCMU");
	CU_ASSERT_EQUAL(m->clock_hz, 8000);
	EQ(m->connection, "IN IP4 224.2.0.1/127");
	EQ(m->control, "trackID=2");
}

static void t_read(void)
{
	char other[sizeof two_tracks];
	struct sdp s;
	struct fault f;
	size_t n = 0;

	CU_ASSERT_EQUAL(sdp_read(bytes_str(two_tracks), &s, &f), 0);
	check_two_tracks(&s);
	for (const char *p = two_tracks; *p; p++) {
		if (*p != '\r')
			other[n++] = *p;
	}
	CU_ASSERT_EQUAL(sdp_read(bytes_of(other, n), &s, &f), 0);
	check_two_tracks(&s);
	for (size_t i = 0; i < n; i++)
		other[i] = other[i] == '\n' ? '\r' : other[i];
	CU_ASSERT_EQUAL(sdp_read(bytes_of(other, n), &s, &f), 0);
	check_two_tracks(&s);
	/* Any part of it is read or refused, never more. */
	for (size_t k = 0; k < n; k++) {
		int got = sdp_read(bytes_of(other, k), &s, &f);
		CU_ASSERT(got == 0 || got == ERR_SYNTAX || got == ERR_VERSION);
	}
}

static void t_bad(void)
{
	static const struct {
		const char *in;
		int err;
	} rows[] = {
		{ "", ERR_SYNTAX },
		{ "\r\n\r\n", ERR_SYNTAX },
		{ "garbage", ERR_SYNTAX },
		{ "s=x\r\nv=0\r\n", ERR_SYNTAX },
		{ "v=1\r\n", ERR_VERSION },
		{ "v=0\r\nnot a line\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=video\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=video x RTP/AVP 96\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=video 65536 RTP/AVP 96\r\n", ERR_SYNTAX },
		{ "v=0\r\nm=video 0 RTP/AVP\r\n", ERR_SYNTAX },
	};
	struct sdp s;
	struct fault f;

	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(sdp_read(bytes_str(rows[i].in), &s, &f), rows[i].err);
		CU_ASSERT_PTR_NOT_NULL(f.why);
	}
	CU_ASSERT_EQUAL(sdp_read(B("v=0\r\ns=a\0b\r\n"), &s, &f), ERR_SYNTAX);
	CU_ASSERT_EQUAL(f.at, 8);
}

static void t_odd_numbers(void)
{
	struct sdp s;
	struct fault f;

	CU_ASSERT_EQUAL(sdp_read(B("v=0\na=\nb=AS:x\nm=audio 49170/2 RTP/AVP 97\n"
				   "a=rtpmap:97 L16/99999999999/2\na=rtpmap:300 X/1\n"
				   "m=text 0 udp wb\na=rtpmap:\na=fmtp\n"),
				&s, &f),
		0);
	CU_ASSERT_EQUAL(s.n_media, 2);
	CU_ASSERT_EQUAL(s.media[0].port, 49170);
	CU_ASSERT_EQUAL(s.media[0].clock_hz, 0);
	CU_ASSERT_EQUAL(s.media[0].channels, 2);
	CU_ASSERT_FALSE(s.media[1].has_pt);
	CU_ASSERT_EQUAL(s.media[1].encoding.n, 0);
}

static void t_cap(void)
{
	struct buf b;
	struct sdp s;
	struct fault f;

	buf_init(&b, 10000);
	CU_ASSERT_EQUAL(buf_put(&b, B("v=0\r\n")), 0);
	for (int i = 0; i < SDP_MEDIA_MAX; i++)
		CU_ASSERT_EQUAL(buf_put(&b, B("m=video 0 RTP/AVP 96\r\n")), 0);
	CU_ASSERT_EQUAL(sdp_read(buf_bytes(&b), &s, &f), 0);
	CU_ASSERT_EQUAL(buf_put(&b, B("m=video 0 RTP/AVP 96\r\n")), 0);
	CU_ASSERT_EQUAL(sdp_read(buf_bytes(&b), &s, &f), ERR_LIMIT);
	buf_clear(&b);
}

static void t_write(void)
{
	struct sdp_writer w;
	struct buf out;

	buf_init(&out, 500);
	sdp_begin(&w, &out);
	sdp_origin(&w, 1, 2, B("10.0.0.1"), false);
	sdp_line(&w, 's', "%s", "clip");
	sdp_line(&w, 't', "0 0");
	sdp_line(&w, 'a', "control:*");
	sdp_line(&w, 'a', "range:npt=0-");
	sdp_line(&w, 'm', "video 0 RTP/AVP %d", 96);
	sdp_line(&w, 'a', "control:trackID=%d", 1);
	sdp_line(&w, 'm', "audio 0 RTP/AVP 0");
	CU_ASSERT_EQUAL(sdp_end(&w), 0);
	EQ(buf_bytes(&out), "v=0\r\no=- 1 2 IN IP4 10.0.0.1\r\ns=clip\r\nt=0 0\r\na=control:*\r\n"
			    "a=range:npt=0-\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=1\r\n"
			    "m=audio 0 RTP/AVP 0\r\n");
	buf_clear(&out);
}

/* Writes v, o, s, t and then these lines, letter by letter. */
static int write_letters(struct buf *out, const char *letters)
{
	struct sdp_writer w;

	sdp_begin(&w, out);
	for (const char *p = letters; *p; p++) {
		if (*p == 'o')
			sdp_origin(&w, 1, 1, B("h"), false);
		else
			sdp_line(&w, *p, "x");
	}
	return sdp_end(&w);
}

static void t_order(void)
{
	static const char *const good[] = { "ost", "osiuepcbbtrtrzkaam", "ostmicbkam", "ostttmmm",
		"oscbt" };
	static const char *const bad[] = { "", "os", "osm", "so", "ostc", "ostv", "oost", "osst",
		"ostas", "ostmt", "ostmac", "ostmii", "ostx", "otsm" };
	struct buf out;

	buf_init(&out, 500);
	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_EQUAL(write_letters(&out, good[i]), 0);
		buf_cut(&out, 0);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		CU_ASSERT_EQUAL(write_letters(&out, bad[i]), ERR_STATE);
		CU_ASSERT_EQUAL(out.n, 0);
		buf_cut(&out, 0);
	}
	buf_clear(&out);
}

static void t_no_injection(void)
{
	struct sdp_writer w;
	struct buf out;

	buf_init(&out, 500);
	sdp_begin(&w, &out);
	sdp_origin(&w, 1, 1, B("h"), false);
	sdp_line(&w, 's', "%s", "a\r\nm=video");
	sdp_line(&w, 't', "0 0");
	CU_ASSERT_EQUAL(sdp_end(&w), ERR_SYNTAX);
	CU_ASSERT_EQUAL(out.n, 0);
	sdp_begin(&w, &out);
	sdp_origin(&w, 1, 1, B("h x"), false);
	CU_ASSERT_EQUAL(sdp_end(&w), ERR_SYNTAX);
	buf_clear(&out);
}

UNIT_SUITE(wire_sdp, { "session and media are read, any line end (4566 5, 2326 C.1)", t_read },
	{ "what is no description is refused (4566 5)", t_bad },
	{ "odd numbers harm only themselves", t_odd_numbers },
	{ "the number of media has a cap", t_cap },
	{ "lines are written with CRLF (4566 5)", t_write },
	{ "a line out of order is refused (4566 5)", t_order },
	{ "no value can inject a line", t_no_injection });
