/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_methods.h"

#include <errno.h>
#include <string.h>

#include "server/core/admission.h"
#include "server/core/module.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

enum { BODY_MAX = 64 * 1024 };

static bool do_options(struct rtsp_txn *t, tick_t now)
{
	rtsp_txn_begin(t, RTSP_OK, now);
	rtsp_put(&t->writer, RTSP_H_PUBLIC, bytes_str(rtsp_public()));
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}

static bool answer(struct rtsp_txn *t, int status, tick_t now)
{
	rtsp_txn_answer(t, status, now);
	return true;
}

/* ---- finding media ---- */

int rtsp_open(struct rtsp_txn *t, const char *path)
{
	struct server *srv = t->worker->server;

	SERVER_EACH_MODULE(m, srv)
	{
		if (!m->open_source)
			continue;
		int err = m->open_source(m, t, path, &t->source);
		if (err != ERR_NOT_FOUND)
			return err;
	}
	return ERR_NOT_FOUND;
}

int rtsp_open_status(int err)
{
	static const struct {
		int err, status;
	} rows[] = {
		{ ERR_NOT_FOUND, RTSP_NOT_FOUND },
		{ -ENOENT, RTSP_NOT_FOUND },
		{ -ENOTDIR, RTSP_NOT_FOUND },
		{ -EISDIR, RTSP_NOT_FOUND },
		{ -ENAMETOOLONG, RTSP_NOT_FOUND },
		{ -ELOOP, RTSP_NOT_FOUND },
		{ ERR_SYNTAX, RTSP_NOT_FOUND },
		{ ERR_RANGE, RTSP_NOT_FOUND },
		{ -EXDEV, RTSP_FORBIDDEN },
		{ -EACCES, RTSP_FORBIDDEN },
		{ -EPERM, RTSP_FORBIDDEN },
		{ -ENXIO, RTSP_FORBIDDEN },
		{ -ENODATA, RTSP_UNSUPPORTED_MEDIA },
		{ ERR_UNSUPPORTED, RTSP_UNSUPPORTED_MEDIA },
		{ ERR_CORRUPT, RTSP_UNSUPPORTED_MEDIA },
		{ ERR_TRUNCATED, RTSP_UNSUPPORTED_MEDIA },
		{ ERR_LIMIT, RTSP_UNSUPPORTED_MEDIA },
		{ -EMFILE, RTSP_UNAVAILABLE },
		{ -ENFILE, RTSP_UNAVAILABLE },
		{ -ENOMEM, RTSP_UNAVAILABLE },
		{ ERR_CHANGED, RTSP_UNAVAILABLE },
		{ -ENOBUFS, RTSP_NOT_ENOUGH_BANDWIDTH },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].err == err)
			return rows[i].status;
	}
	return RTSP_INTERNAL_ERROR;
}

int rtsp_match_path(const struct rtp_session *s, const char *path)
{
	size_t n = strlen(s->path);

	if (strncmp(path, s->path, n) != 0)
		return MATCH_NONE;
	if (path[n] == '\0')
		return MATCH_AGGREGATE;
	if (n == 1)
		n = 0; /* the aggregate is "/" itself */
	if (path[n] != '/')
		return MATCH_NONE;
	for (uint32_t i = 0; i < s->n_streams; i++) {
		if (strcmp(path + n + 1, s->source->tracks[i].control) == 0)
			return (int)i;
	}
	return MATCH_NONE;
}

int rtsp_check_aggregate(const struct rtsp_txn *t)
{
	const struct rtp_session *s = t->session;
	int m = rtsp_match_path(s, t->path);

	if (m == MATCH_AGGREGATE)
		return 0;
	if (m == MATCH_NONE || !s->streams[m].is_setup)
		return RTSP_NOT_FOUND;
	/* the only stream there is stands for the whole (14.3) */
	return s->mask == 1u << m ? 0 : RTSP_ONLY_AGGREGATE;
}

/* ---- TEARDOWN, parameters ---- */

/* One stream of several goes, the others stay; its track may be set up anew. Of a session that plays, only the
 * whole can (460). */
static bool teardown_one(struct rtsp_txn *t, int track, tick_t now)
{
	struct rtp_session *s = t->session;

	if (s->state == RTP_PLAYING)
		return answer(t, RTSP_ONLY_AGGREGATE, now);
	rtp_stream_bye(&s->streams[track], now);
	rtp_stream_clear(&s->streams[track]);
	rtp_stream_init(&s->streams[track], s, (uint8_t)track);
	s->mask &= ~(1u << track);
	s->must_seek = true;
	admission_remove(s, s->source->tracks[track].bitrate_bps);
	return answer(t, RTSP_OK, now);
}

static bool do_teardown(struct rtsp_txn *t, tick_t now)
{
	int status = rtsp_check_aggregate(t);

	if (status == RTSP_ONLY_AGGREGATE)
		return teardown_one(t, rtsp_match_path(t->session, t->path), now);
	if (status)
		return answer(t, status, now);
	rtsp_txn_answer(t, RTSP_OK, now);
	t->session->rtsp_out += t->reply.n;
	t->session->last_status = RTSP_OK;
	rtp_session_end(t->session, CLOSE_TEARDOWN, now);
	return true;
}

/* What a full body has no room for is cut: its cap is far above anything a client means. */
static void put_text(struct buf *out, const char *fmt, ...) PRINTF(2, 3);
static void put_text(struct buf *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int err = buf_vprintf(out, fmt, ap);
	va_end(ap);
	(void)err;
}

static void get_position(const struct rtp_session *s, tick_t now, struct buf *out)
{
	put_text(out, "%.3f", tick_seconds(rtp_session_npt(s, now)));
}

static void get_packets_sent(const struct rtp_session *s, tick_t now, struct buf *out)
{
	uint64_t n = 0;
	(void)now;
	for (uint32_t i = 0; i < s->n_streams; i++)
		n += s->streams[i].packets;
	put_text(out, "%llu", (unsigned long long)n);
}

static void get_packets_lost(const struct rtp_session *s, tick_t now, struct buf *out)
{
	int64_t n = 0;
	(void)now;
	for (uint32_t i = 0; i < s->n_streams; i++)
		n += s->streams[i].report.lost;
	put_text(out, "%lld", (long long)n);
}

/* What GET_PARAMETER knows of a session. All are read-only. */
static const struct parameter {
	const char *name;
	void (*get)(const struct rtp_session *s, tick_t now, struct buf *out);
} parameters[] = {
	{ "position", get_position },
	{ "packets_sent", get_packets_sent },
	{ "packets_lost", get_packets_lost },
};

static const struct parameter *parameter_of(struct bytes name)
{
	for (size_t i = 0; i < COUNT(parameters); i++) {
		if (bytes_is_ieq(name, bytes_str(parameters[i].name)))
			return &parameters[i];
	}
	return NULL;
}

/* Takes the next "name" or "name: value" line off; false at the end. */
static bool next_name(struct bytes *body, struct bytes *name)
{
	struct bytes line;

	while (bytes_cut(body, '\n', &line)) {
		*name = (struct bytes){ 0 };
		(void)bytes_cut(&line, ':', name);
		*name = bytes_trim(*name);
		if (name->n)
			return true;
	}
	return false;
}

/* Names only text, so that the reply cannot be made to carry anything else. */
static void put_name(struct buf *out, struct bytes name)
{
	for (size_t i = 0; i < name.n && i < 200; i++) {
		bool plain = name.p[i] > 32 && name.p[i] < 127;
		put_text(out, "%c", plain ? (int)name.p[i] : '?');
	}
	put_text(out, "\r\n");
}

static bool answer_parameters(struct rtsp_txn *t, int status, struct buf *body, tick_t now)
{
	rtsp_txn_begin(t, status, now);
	if (body->n)
		rtsp_put(&t->writer, RTSP_H_CONTENT_TYPE, B("text/parameters"));
	rtsp_txn_end(t, buf_bytes(body), now);
	buf_clear(body);
	return true;
}

/* A body of another type than text/parameters (one without a type is taken for it), or encoded. */
static bool is_foreign_body(const struct rtsp_txn *t)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_CONTENT_TYPE), type = { 0 };
	struct bytes coding = rtsp_value(&t->req, RTSP_H_CONTENT_ENCODING);

	(void)bytes_cut(&v, ';', &type);
	type = bytes_trim(type);
	if (!t->req.body.n)
		return false;
	return (type.n && !bytes_is_ieq(type, B("text/parameters"))) ||
	       (coding.n && !bytes_is_ieq(coding, B("identity")));
}

static bool do_get_parameter(struct rtsp_txn *t, tick_t now)
{
	struct buf found, unknown;
	struct bytes body = t->req.body, name;

	if (is_foreign_body(t))
		return answer(t, RTSP_UNSUPPORTED_MEDIA, now);
	buf_init(&found, BODY_MAX);
	buf_init(&unknown, BODY_MAX);
	while (next_name(&body, &name)) {
		const struct parameter *p = t->session ? parameter_of(name) : NULL;
		if (!p) {
			put_name(&unknown, name);
			continue;
		}
		put_text(&found, "%s: ", p->name);
		p->get(t->session, now, &found);
		put_text(&found, "\r\n");
	}
	if (unknown.n) {
		buf_clear(&found);
		return answer_parameters(t, RTSP_PARAMETER_NOT_UNDERSTOOD, &unknown, now);
	}
	buf_clear(&unknown);
	return answer_parameters(t, RTSP_OK, &found, now);
}

/* There is nothing to be set: known names are read-only, all others unknown. */
static bool do_set_parameter(struct rtsp_txn *t, tick_t now)
{
	struct buf names;
	struct bytes body = t->req.body, name;
	int status = RTSP_OK;

	if (is_foreign_body(t))
		return answer(t, RTSP_UNSUPPORTED_MEDIA, now);
	buf_init(&names, BODY_MAX);
	while (next_name(&body, &name)) {
		bool known = parameter_of(name) != NULL;
		if (status == RTSP_PARAMETER_NOT_UNDERSTOOD && known)
			continue;
		status = known ? RTSP_PARAMETER_READ_ONLY : RTSP_PARAMETER_NOT_UNDERSTOOD;
		put_name(&names, name);
	}
	return answer_parameters(t, status, &names, now);
}

/* ---- the table ---- */

static const struct rtsp_method_row methods[RTSP_METHOD_COUNT] = {
	[RTSP_OPTIONS] = { do_options, METHOD_MAY_SESSION, true },
	[RTSP_DESCRIBE] = { rtsp_do_describe, METHOD_MAY_SESSION, false },
	[RTSP_SETUP] = { rtsp_do_setup, METHOD_MAY_SESSION, false },
	[RTSP_PLAY] = { rtsp_do_play, METHOD_NEEDS_SESSION, false },
	[RTSP_PAUSE] = { rtsp_do_pause, METHOD_NEEDS_SESSION, false },
	[RTSP_TEARDOWN] = { do_teardown, METHOD_NEEDS_SESSION, false },
	[RTSP_GET_PARAMETER] = { do_get_parameter, METHOD_MAY_SESSION, true },
	[RTSP_SET_PARAMETER] = { do_set_parameter, METHOD_MAY_SESSION, true },
};

const struct rtsp_method_row *rtsp_method_row(enum rtsp_method m)
{
	return methods[m].run ? &methods[m] : NULL;
}

const char *rtsp_public(void)
{
	return "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER";
}

void rtsp_answer_state(struct rtsp_txn *t, tick_t now)
{
	rtsp_txn_begin(t, RTSP_NOT_VALID_IN_STATE, now);
	rtsp_put(&t->writer, RTSP_H_ALLOW,
		t->session && t->session->state == RTP_PLAYING
			? B("OPTIONS, DESCRIBE, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER")
			: B("OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER, SET_PARAMETER"));
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
}
