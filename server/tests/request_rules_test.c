/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/rtsp_methods.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* What RFC 2326 has each request answered with, in virtual time. */
#define CLIP       "/clip.mp4"
#define TRACK      "/clip.mp4/streamid=3"
#define OTHER      "/clip.mp4/streamid=4"
#define INTERLEAVE "RTP/AVP/TCP;unicast"

struct rig {
	struct sim s;
	struct sim_client c;
};

static void rig_open(struct rig *r)
{
	sim_open(&r->s, 1);
	sim_connect(&r->c, &r->s, 0);
}

static void rig_close(struct rig *r)
{
	sim_hang_up(&r->c);
	sim_close(&r->s);
}

struct ask_row {
	const char *method, *path, *header;
	int status;
};

static void ask_rows(struct rig *r, const struct ask_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *line = xasprintf("%s%s", rows[i].header, rows[i].header[0] ? "\r\n" : "");
		int status = sim_ask(&r->c, rows[i].method, rows[i].path, line);
		if (status != rows[i].status)
			fprintf(stderr, "%s %s %s: %d\n", rows[i].method, rows[i].path,
				rows[i].header, status);
		CU_ASSERT_EQUAL(status, rows[i].status);
		free(line);
	}
}

/* ---- what may be asked for ---- */

static void t_methods(void)
{
	struct rig r;
	char text[256];

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, ""), 200);
	sim_header(&r.c, RTSP_H_PUBLIC, text, sizeof text);
	for (int m = RTSP_METHOD_UNKNOWN + 1; m < RTSP_METHOD_COUNT; m++) {
		struct bytes list = bytes_str(text), one;
		bool is_public = false;
		while (bytes_cut(&list, ',', &one))
			is_public =
				is_public || rtsp_method_of(bytes_trim(one)) == (enum rtsp_method)m;
		int status = sim_ask(&r.c, rtsp_method_name((enum rtsp_method)m), CLIP, "");
		CU_ASSERT_EQUAL(is_public, status != 501);
	}
	static const struct ask_row rows[] = {
		{ "options", CLIP, "", 501 },
		{ "FOO", CLIP, "", 501 },
		{ "DESCRIBE", CLIP, "Require: a.b", 551 },
		{ "OPTIONS", CLIP, "Proxy-Require: x", 551 },
		{ "DESCRIBE", "/none", "", 404 },
		{ "OPTIONS", "/none", "", 200 },
		{ "DESCRIBE", "/../x", "", 403 },
		{ "DESCRIBE", "/%00", "", 400 },
		{ "PLAY", CLIP, "", 454 },
		{ "PAUSE", CLIP, "", 454 },
		{ "TEARDOWN", CLIP, "", 454 },
		{ "SETUP", CLIP, "Transport: " INTERLEAVE, 459 },
		{ "SETUP", TRACK, "Transport: RTP/SAVP;unicast;client_port=2-3", 461 },
		{ "SETUP", TRACK, "Transport: RTP/AVP;multicast", 461 },
		{ "SETUP", TRACK, "", 400 },
		{ "SETUP", TRACK, "Conference: x\r\nTransport: " INTERLEAVE, 452 },
		{ "GET_PARAMETER", CLIP, "", 200 },
	};
	ask_rows(&r, rows, COUNT(rows));
	rig_close(&r);
}

/* The state's Allow is what the state lets through: each method of it is tried. */
static void check_allow(struct rig *r, const char *refused, const char *want)
{
	char text[256];

	CU_ASSERT_EQUAL(sim_ask(&r->c, refused, refused[0] == 'S' ? TRACK : CLIP,
				"Transport: " INTERLEAVE "\r\n"),
		455);
	CU_ASSERT_STRING_EQUAL(sim_header(&r->c, RTSP_H_ALLOW, text, sizeof text), want);
}

static void t_allow(void)
{
	struct rig r;

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE), 200);
	check_allow(&r, "PAUSE",
		"OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER");
	static const struct ask_row ready[] = { { "OPTIONS", CLIP, "", 200 },
		{ "DESCRIBE", CLIP, "", 200 }, { "SETUP", OTHER, "Transport: " INTERLEAVE, 200 },
		{ "GET_PARAMETER", CLIP, "", 200 }, { "SET_PARAMETER", CLIP, "", 200 },
		{ "PLAY", CLIP, "", 200 } };
	ask_rows(&r, ready, COUNT(ready));
	check_allow(&r, "SETUP",
		"OPTIONS, DESCRIBE, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER");
	static const struct ask_row playing[] = { { "OPTIONS", CLIP, "", 200 },
		{ "DESCRIBE", CLIP, "", 200 }, { "PLAY", CLIP, "", 200 },
		{ "GET_PARAMETER", CLIP, "", 200 }, { "SET_PARAMETER", CLIP, "", 200 },
		{ "PAUSE", CLIP, "", 200 }, { "TEARDOWN", CLIP, "", 200 },
		{ "PLAY", CLIP, "", 454 } };
	ask_rows(&r, playing, COUNT(playing));
	rig_close(&r);
}

/* ---- headers that decide ---- */

static void t_accept(void)
{
	struct rig r;
	static const struct ask_row rows[] = {
		{ "DESCRIBE", CLIP, "Accept: application/sdp", 200 },
		{ "DESCRIBE", CLIP, "Accept: APPLICATION/*;q=0.2", 200 },
		{ "DESCRIBE", CLIP, "Accept: text/plain, */*;q=0.001", 200 },
		{ "DESCRIBE", CLIP, "Accept: text/plain\r\nAccept: application/sdp;level=2", 200 },
		{ "DESCRIBE", CLIP, "Accept: text/plain", 406 },
		{ "DESCRIBE", CLIP, "Accept: application/sdp;q=0", 406 },
		{ "DESCRIBE", CLIP, "Accept: application/sdp; q=0.000, */*;q=1", 406 },
		{ "DESCRIBE", CLIP, "Accept: */*;q=0, application/sdp;q=0.5", 200 },
		{ "DESCRIBE", CLIP, "Accept: application/sdp;q=nonsense", 200 },
		{ "DESCRIBE", CLIP, "Accept: ", 406 },
	};

	rig_open(&r);
	ask_rows(&r, rows, COUNT(rows));
	rig_close(&r);
}

static void t_blocksize(void)
{
	struct rig r;
	static const struct ask_row rows[] = {
		{ "DESCRIBE", CLIP, "Blocksize: 512", 200 },
		{ "DESCRIBE", CLIP, "Blocksize: 00512", 200 },
		{ "DESCRIBE", CLIP, "Blocksize: 99999999999999999999999", 200 },
		{ "DESCRIBE", CLIP, "Blocksize: 0", 416 },
		{ "DESCRIBE", CLIP, "Blocksize: -1", 416 },
		{ "DESCRIBE", CLIP, "Blocksize: ", 416 },
		{ "SETUP", TRACK, "Transport: " INTERLEAVE "\r\nBlocksize: 1k", 416 },
		{ "OPTIONS", CLIP, "Blocksize: 1k", 200 },
	};

	rig_open(&r);
	ask_rows(&r, rows, COUNT(rows));
	rig_close(&r);
}

static void t_bodies(void)
{
	struct rig r;
	static const struct ask_row rows[] = {
		{ "SET_PARAMETER", CLIP, "Content-Type: text/xml\r\nContent-Length: 0", 200 },
		{ "DESCRIBE", CLIP, "Content-Encoding: gzip", 200 },
	};
	static const struct {
		const char *head, *body;
		int status;
	} with[] = {
		{ "Content-Type: text/xml\r\n", "a: b\r\n", 415 },
		{ "Content-Encoding: gzip\r\n", "a: b\r\n", 415 },
		{ "Content-Encoding: identity\r\n", "a: b\r\n", 451 },
		{ "Content-Type: text/parameters; charset=utf-8\r\n", "a: b\r\n", 451 },
		{ "", "position: 1\r\n", 458 },
		{ "", "position: 1\r\na: b\r\n", 451 },
	};

	rig_open(&r);
	ask_rows(&r, rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(with); i++) {
		char *text = xasprintf("SET_PARAMETER rtsp://h" CLIP " RTSP/1.0\r\nCSeq: 1\r\n%s"
				       "Content-Length: %zu\r\n\r\n%s",
			with[i].head, strlen(with[i].body), with[i].body);
		sim_send(&r.c, text);
		CU_ASSERT_EQUAL(sim_reply(&r.c), with[i].status);
		free(text);
	}
	rig_close(&r);
}

static void t_transports(void)
{
	struct rig r;
	static const struct ask_row rows[] = {
		{ "SETUP", TRACK, "Transport: RTP/AVP/TCP;destination=10.0.0.1", 462 },
		{ "SETUP", TRACK, "Transport: RTP/AVP;client_port=2-3;destination=\"\\\"", 462 },
		{ "SETUP", TRACK,
			"Transport: RTP/AVP;client_port=2000-2001;destination=10.0.0.1, RTP/SAVP",
			462 },
		{ "SETUP", TRACK, "Transport: RTP/AVP;client_port=0-1, RTP/AVP/SCTP", 461 },
		{ "SETUP", TRACK, "Transport: RTP/AVP;client_port=0-1, RTP/AVP/SCTP, RTP/AVP/TCP",
			200 },
		{ "SETUP", TRACK, "Transport: RTP/AVP/SCTP\r\nTransport: RTP/AVP/TCP", 200 },
		{ "SETUP", TRACK, "Transport: RTP/AVP/TCP;destination=127.0.0.1", 200 },
		{ "SETUP", TRACK, "Transport: RTP/AVP/TCP;destination", 200 },
	};

	rig_open(&r);
	ask_rows(&r, rows, COUNT(rows));
	rig_close(&r);
}

static void t_limits(void)
{
	struct rig r;
	char line[600];

	rig_open(&r);
	r.s.prefs.request_url_bytes = 64;
	r.s.prefs.request_line_bytes = 256;
	r.s.prefs.request_headers = 8;
	r.s.prefs.request_body_bytes = 64;
	r.s.prefs.request_header_bytes = 1024;
	memset(line, 'x', sizeof line);
	line[0] = '/';
	line[60] = '\0';
	static const struct ask_row eight = { "OPTIONS", CLIP,
		"A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nF: 1\r\nG: 1", 200 };
	static const struct ask_row nine = { "OPTIONS", CLIP,
		"A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\nF: 1\r\nG: 1\r\nH: 1", 400 };
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", line, ""), 414); /* URL */
	line[60] = 'x';
	line[64 - strlen("rtsp://127.0.0.1")] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", line, ""), 200); /* the longest */
	line[strlen(line)] = 'x';
	line[300] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", line, ""), 414); /* line */
	(void)snprintf(line, sizeof line, "X: %0*d\r\n", 250, 0);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, line), 200);
	(void)snprintf(line, sizeof line, "X: %0*d\r\n", 254, 0);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, line), 400);
	(void)snprintf(line, sizeof line, "X: %0*d\r\n  %0*d\r\n", 125, 0, 125, 0);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, line), 400); /* a fold counts as one */
	ask_rows(&r, &eight, 1);
	ask_rows(&r, &nine, 1);
	/* what cannot be skipped ends the connection */
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, "Content-Length: 65\r\n"), 413);
	CU_ASSERT_TRUE(rtsp_list_has(&r.c.reply, RTSP_H_CONNECTION, B("close")));
	sim_run(&r.s, 2 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&r.s.workers[0].n_connections), 0);
	rig_close(&r);
}

/* The clip, as if it had been written at a second that the test knows. */
static int open_dated(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	int err = mod_file.open_source(self, t, path, out);

	t->last_modified = 784111777;
	return err;
}

static void t_if_modified(void)
{
	struct rig r;
	char text[64];
	static const struct ask_row rows[] = {
		{ "DESCRIBE", CLIP, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", 304 },
		{ "DESCRIBE", CLIP, "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304 },
		{ "DESCRIBE", CLIP, "If-Modified-Since: Sun Nov  6 08:49:37 1994", 304 },
		{ "DESCRIBE", CLIP, "If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200 },
		{ "DESCRIBE", CLIP, "If-Modified-Since: Sun, 06 Nov 2094 08:49:37 GMT", 200 },
		{ "DESCRIBE", CLIP, "If-Modified-Since: 784111777", 200 },
	};

	rig_open(&r);
	for (size_t i = 0; i < r.s.server.n_modules; i++) {
		if (r.s.server.modules[i]->open_source == mod_file.open_source)
			r.s.server.modules[i]->open_source = open_dated;
	}
	ask_rows(&r, rows, COUNT(rows));
	CU_ASSERT_STRING_EQUAL(sim_header(&r.c, RTSP_H_LAST_MODIFIED, text, sizeof text),
		"Sun, 06 Nov 1994 08:49:37 GMT");
	rig_close(&r);
}

/* The value of a=etag in the last reply. */
static char *etag_of(struct sim_client *c, size_t *media_at)
{
	struct bytes body = c->reply.body;
	size_t at = bytes_find(body, B("\r\na=etag:")) + 9;

	CU_ASSERT_FATAL(at + 16 <= body.n);
	*media_at = bytes_find(body, B("\r\nm="));
	CU_ASSERT_TRUE(at < *media_at);
	return xasprintf("%.16s", (const char *)body.p + at);
}

static void t_if_match(void)
{
	struct rig r;
	size_t at;

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "DESCRIBE", CLIP, ""), 200);
	char *etag = etag_of(&r.c, &at);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "DESCRIBE", "/pattern", ""), 200);
	char *other = etag_of(&r.c, &at);
	CU_ASSERT_STRING_NOT_EQUAL(etag, other);
	const char *const forms[] = { "If-Match: %s", "If-Match: \"%s\"",
		"If-Match: \"x\", \"%s\"" };
	for (size_t i = 0; i < COUNT(forms); i++) {
		char good[128], bad[128];
		(void)snprintf(good, sizeof good, forms[i], etag);
		(void)snprintf(bad, sizeof bad, forms[i], other);
		const struct ask_row rows[] = { { "DESCRIBE", CLIP, good, 200 },
			{ "DESCRIBE", CLIP, bad, 412 } };
		ask_rows(&r, rows, COUNT(rows));
		(void)snprintf(
			good, sizeof good, "Transport: " INTERLEAVE "\r\nIf-Match: %s", etag);
		(void)snprintf(bad, sizeof bad, "Transport: " INTERLEAVE "\r\nIf-Match: %s", other);
		const struct ask_row setups[] = { { "SETUP", TRACK, bad, 412 },
			{ "SETUP", TRACK, good, 200 } };
		ask_rows(&r, setups, COUNT(setups));
	}
	static const struct ask_row rows[] = { { "DESCRIBE", CLIP, "If-Match: *", 200 },
		{ "DESCRIBE", CLIP, "If-Match: ", 412 },
		{ "DESCRIBE", CLIP, "If-Match: \"", 412 } };
	ask_rows(&r, rows, COUNT(rows));
	free(etag);
	free(other);
	rig_close(&r);
}

/* ---- aggregate and not ---- */

static void t_teardown_one(void)
{
	struct rig r;
	char text[256];

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE ";interleaved=0-1"), 200);
	CU_ASSERT_EQUAL(sim_setup(&r.c, OTHER, INTERLEAVE ";interleaved=2-3"), 200);
	uint64_t both = atomic_load(&r.s.server.bandwidth_bps);
	static const struct ask_row first[] = { { "PLAY", TRACK, "", 460 },
		{ "PLAY", CLIP, "", 200 }, { "TEARDOWN", TRACK, "", 460 },
		{ "PAUSE", CLIP, "", 200 }, { "TEARDOWN", TRACK, "", 200 },
		{ "TEARDOWN", TRACK, "", 404 } };
	ask_rows(&r, first, COUNT(first));
	CU_ASSERT_TRUE(atomic_load(&r.s.server.bandwidth_bps) < both);
	/* the other one is the whole now, and its RTP-Info alone is told */
	CU_ASSERT_EQUAL(sim_ask(&r.c, "PLAY", OTHER, ""), 200);
	sim_header(&r.c, RTSP_H_RTP_INFO, text, sizeof text);
	CU_ASSERT_PTR_NULL(strstr(text, "streamid=3"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "streamid=4"));
	sim_run(&r.s, TICK_S);
	sim_frames(&r.c);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "PAUSE", CLIP, ""), 200);
	/* its channels are free, and its track can come back */
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE ";interleaved=0-1"), 200);
	sim_header(&r.c, RTSP_H_TRANSPORT, text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "interleaved=0-1"));
	CU_ASSERT_EQUAL(atomic_load(&r.s.server.bandwidth_bps), both);
	static const struct ask_row last[] = { { "PLAY", CLIP, "", 200 },
		{ "TEARDOWN", CLIP, "", 200 }, { "TEARDOWN", CLIP, "", 454 } };
	ask_rows(&r, last, COUNT(last));
	rig_close(&r);
}

static void t_other_presentation(void)
{
	struct rig r;
	static const struct ask_row rows[] = {
		{ "SETUP", CLIP "/streamid=9", "Transport: " INTERLEAVE, 404 },
		{ "SETUP", "/other.mp4/streamid=3", "Transport: " INTERLEAVE, 459 },
		{ "SETUP", "/clip.mp4s/streamid=3", "Transport: " INTERLEAVE, 459 },
		{ "SETUP", OTHER, "Transport: " INTERLEAVE, 200 },
	};

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE), 200);
	ask_rows(&r, rows, COUNT(rows));
	rig_close(&r);
}

/* A connection has several sessions, and a session is asked for over several connections. */
static void t_many_to_many(void)
{
	struct rig r;
	struct sim_client again;
	char first[32];

	rig_open(&r);
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE), 200);
	memcpy(first, r.c.session, sizeof first);
	r.c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_setup(&r.c, TRACK, INTERLEAVE), 200);
	CU_ASSERT_STRING_NOT_EQUAL(first, r.c.session);
	CU_ASSERT_EQUAL(r.s.workers[0].n_sessions, 2);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "PLAY", CLIP, ""), 200);
	sim_connect(&again, &r.s, 0);
	memcpy(again.session, first, sizeof first);
	CU_ASSERT_EQUAL(sim_ask(&again, "PLAY", CLIP, ""), 200);
	/* its media go over the connection that made it, and no track can join from elsewhere */
	CU_ASSERT_EQUAL(sim_ask(&again, "PAUSE", CLIP, ""), 200);
	CU_ASSERT_EQUAL(sim_setup(&again, OTHER, INTERLEAVE), 461);
	CU_ASSERT_EQUAL(sim_ask(&again, "TEARDOWN", CLIP, ""), 200);
	CU_ASSERT_EQUAL(r.s.workers[0].n_sessions, 1);
	sim_frames(&r.c);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "TEARDOWN", CLIP, ""), 200);
	sim_hang_up(&again);
	rig_close(&r);
}

/* ---- order ---- */

static enum verdict hold_describe(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (t->req.method != RTSP_DESCRIBE || t->worker->loop.now >= t->received + TICK_S)
		return MOD_PASS;
	t->wake_at = t->received + TICK_S;
	return MOD_WAIT;
}

/* One waits for a module, one travels to another worker: nobody overtakes. */
static void t_order(void)
{
	struct sim s;
	struct sim_client c, maker;

	sim_open(&s, 2);
	sim_connect(&maker, &s, 1);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&maker, TRACK, "RTP/AVP;unicast;client_port=5000-5001"), 200);
	s.server.modules[0]->filter = hold_describe;
	char *text = xasprintf(
		"DESCRIBE rtsp://h" CLIP " RTSP/1.0\r\nCSeq: 1\r\n\r\n"
		"OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n"
		"GET_PARAMETER rtsp://h" CLIP " RTSP/1.0\r\nCSeq: 3\r\nSession: %s\r\n\r\n"
		"FOO * RTSP/1.0\r\nCSeq: 4\r\n\r\n"
		"DESCRIBE rtsp://h" CLIP " RTSP/1.0\r\nCSeq: 5\r\nSession: %s\r\n\r\n"
		"OPTIONS * RTSP/1.0\r\nCSeq: 6\r\n\r\n",
		maker.session, maker.session);
	sim_send(&c, text);
	free(text);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	sim_run(&s, 3 * TICK_S);
	static const int want[] = { 200, 200, 200, 501, 200, 200 };
	for (unsigned i = 0; i < COUNT(want); i++) {
		CU_ASSERT_EQUAL(sim_reply(&c), want[i]);
		CU_ASSERT_EQUAL(c.reply.cseq, i + 1);
	}
	CU_ASSERT_EQUAL(s.workers[0].stats.requests_forwarded, 2);
	s.server.modules[0]->filter = NULL;
	sim_hang_up(&c);
	sim_hang_up(&maker);
	sim_close(&s);
}

/* A client's answers are not answered: that could go on for ever. */
static void t_stray_answers(void)
{
	struct rig r;

	rig_open(&r);
	for (int i = 0; i < 3; i++)
		sim_send(&r.c, "RTSP/1.0 200 OK\r\nCSeq: 5\r\nContent-Length: 2\r\n\r\nok");
	CU_ASSERT_EQUAL(sim_reply(&r.c), 0);
	CU_ASSERT_EQUAL(r.s.workers[0].stats.responses_stray, 3);
	CU_ASSERT_EQUAL(r.s.workers[0].stats.requests, 0);
	CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, ""), 200);
	rig_close(&r);
}

static void t_times(void)
{
	struct rig r;
	char text[64], want[DATE_TEXT];

	rig_open(&r);
	r.s.server.modules[0]->filter = hold_describe;
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_EQUAL(sim_ask(&r.c, "OPTIONS", CLIP, "Timestamp: 12.5\r\n"), 200);
		CU_ASSERT_STRING_EQUAL(
			sim_header(&r.c, RTSP_H_TIMESTAMP, text, sizeof text), "12.5");
		date_text(worker_wall(&r.s.workers[0], r.s.clock) / TICK_S, want);
		CU_ASSERT_STRING_EQUAL(sim_header(&r.c, RTSP_H_DATE, text, sizeof text), want);
		sim_run(&r.s, i * 777 * TICK_MS);
	}
	sim_send(&r.c, "DESCRIBE rtsp://h" CLIP " RTSP/1.0\r\nCSeq: 9\r\nTimestamp: 7 0.2\r\n\r\n");
	sim_run(&r.s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&r.c), 200);
	CU_ASSERT_STRING_EQUAL(sim_header(&r.c, RTSP_H_TIMESTAMP, text, sizeof text), "7 1.000");
	r.s.server.modules[0]->filter = NULL;
	rig_close(&r);
}

static void t_close(void)
{
	struct rig r;

	rig_open(&r);
	sim_send(&r.c, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: x, Close\r\n\r\n"
		       "OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&r.c), 200);
	CU_ASSERT_TRUE(rtsp_list_has(&r.c.reply, RTSP_H_CONNECTION, B("close")));
	CU_ASSERT_EQUAL(sim_reply(&r.c), 0);
	CU_ASSERT_EQUAL(recv(r.c.fd, &(char){ 0 }, 1, MSG_DONTWAIT), 0); /* FIN */
	rig_close(&r);
}

/* Hinted sound is packed in packets of up to 0.4 s, and of the new range that one comes first which still
 * sounds at its start. */
static void t_replaced_at_once(void)
{
	struct rig r;
	struct sim_ports p;
	uint8_t d[2048];
	uint32_t last = 0;
	int n, packets = 0;

	rig_open(&r);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&r.c, &p, OTHER), 200);
	for (int i = 0; i < 40; i++) {
		char range[64];
		(void)snprintf(range, sizeof range, "Range: npt=%d.%02d-\r\n", i % 9, i * 7 % 100);
		CU_ASSERT_EQUAL(sim_ask(&r.c, "PLAY", CLIP, range), 200);
		sim_run(&r.s, (i % 4) * 40 * TICK_MS);
		while ((n = sim_ports_read(&p, 0, d, sizeof d)) > 0) {
			CU_ASSERT_TRUE(packets == 0 || (int32_t)(be32(d + 4) - last) > 0);
			last = be32(d + 4);
			packets++;
		}
	}
	CU_ASSERT_TRUE(packets > 20);
	sim_ports_close(&p);
	rig_close(&r);
}

/* ---- replies and frames share the stream ---- */

static size_t write_at_most;

static void cut_write(struct module *self, struct conn *c, struct iovec *iov, int *n)
{
	(void)self;
	(void)c;
	if (write_at_most && iov[0].iov_len > write_at_most)
		iov[0].iov_len = write_at_most;
	if (write_at_most)
		*n = 1;
}

struct seen {
	unsigned frames;
	uint16_t next[256];
	bool begun[256], broken;
};

/* Each is a whole RTP packet of a stream whose numbers go up. */
static void on_frame(void *arg, uint8_t channel, struct bytes p)
{
	struct seen *seen = arg;

	if (channel % 2)
		return;
	if (p.n < 12 || p.p[0] >> 6 != 2 ||
		(seen->begun[channel] && be16(p.p + 2) < seen->next[channel]))
		seen->broken = true;
	else
		seen->next[channel] = (uint16_t)(be16(p.p + 2) + 1);
	seen->begun[channel] = true;
	seen->frames++;
}

/* A fast stream to a client that reads now and then, while it asks: what it reads is whole. */
static void play_cut(size_t at_most, unsigned rounds)
{
	static const struct module cutter = {
		.api_version = MODULE_API, .name = "cutter", .conn_write = cut_write
	};
	struct sim s;
	struct sim_client c;
	struct seen seen = { 0 };
	unsigned asked = 0, answered = 0;

	sim_open_with(&s, 1, &cutter);
	sim_connect(&c, &s, 0);
	c.on_frame = on_frame;
	c.arg = &seen;
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/4000k/400p/trackID=1", INTERLEAVE), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/4000k/400p", ""), 200);
	write_at_most = at_most;
	for (unsigned i = 0; i < rounds; i++) {
		char *text = xasprintf(
			"OPTIONS * RTSP/1.0\r\nCSeq: %u\r\nX: %u\r\n\r\n", 100 + asked, i);
		asked++;
		sim_send(&c, text);
		free(text);
		sim_run(&s, (i % 7) * 30 * TICK_MS);
		while (i % 5 == 4 && sim_reply(&c))
			CU_ASSERT_EQUAL(c.reply.cseq, 100 + answered++);
	}
	write_at_most = 0;
	for (int i = 0; i < 50 && answered < asked; i++) {
		sim_run(&s, 10 * TICK_MS);
		while (sim_reply(&c))
			CU_ASSERT_EQUAL(c.reply.cseq, 100 + answered++);
	}
	CU_ASSERT_EQUAL(answered, asked);
	CU_ASSERT_FALSE(seen.broken);
	CU_ASSERT_TRUE(seen.frames > 10);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_never_mixed(void)
{
	play_cut(1, 20);
	play_cut(7, 40);
	play_cut(1399, 60);
	play_cut(0, 100);
}

UNIT_SUITE(request_rules,
	{ "Public names the methods that are served, all others are 501 (2326 10.1, 11)",
		t_methods },
	{ "455 tells in Allow what the state lets through (2326 11.3.6, A.2)", t_allow },
	{ "Accept: the most specific range decides, q=0 is none (2326 12.1, 2616 14.1)", t_accept },
	{ "Blocksize of a form that is none is 416 (2326 12.7)", t_blocksize },
	{ "a body of another type or coding is 415 (2326 12.13, 12.16)", t_bodies },
	{ "If-Modified-Since is read in three forms, one of the future is none (2326 12.23)",
		t_if_modified },
	{ "If-Match of another description is 412 (2326 12.22, C.1.8)", t_if_match },
	{ "TEARDOWN of one track leaves the others, and frees what it had (2326 10.7)",
		t_teardown_one },
	{ "another presentation cannot join a session: 459 (10.4, 11.3.10)", t_other_presentation },
	{ "sessions and connections are independent (2326 12.37)", t_many_to_many },
	{ "replies come in the order of their requests (2326 9.1)", t_order },
	{ "the first transport that can be served is, else the nearest reason (2326 12.39, 11.3.13)",
		t_transports },
	{ "the limits of the preferences are 414, 400 and 413", t_limits },
	{ "a client's answers are ignored and counted", t_stray_answers },
	{ "Date is the second's, Timestamp comes back with the delay (2326 12.18, 12.38)",
		t_times },
	{ "Connection: close is the last request's (2326 12.10)", t_close },
	{ "the RTP time of sound never goes back when PLAY replaces PLAY (2326 B)",
		t_replaced_at_once },
	{ "replies and frames are never mixed, wherever a write is cut (2326 10.12)",
		t_never_mixed });
