/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_steps.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "server/base/log.h"
#include "server/core/module.h"
#include "server/core/relay.h"
#include "server/core/rtsp_methods.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

/* ---- modules ---- */

typedef enum verdict role(struct module *self, struct rtsp_txn *t);

/* A module says that it has answered. */
static enum step answered(struct rtsp_txn *t, const struct module *m, tick_t now)
{
	if (t->status && t->reply.n)
		return STEP_REPLIED;
	log_limited(&t->worker->warned[WARN_REPLY], now, LOG_E, "module",
		"%s answered a request without a reply", m->name);
	rtsp_txn_answer(t, RTSP_INTERNAL_ERROR, now);
	return STEP_REPLIED;
}

/* A module wants to be asked again: at a time of its own, or when it gives a signal, which it must. */
static enum step wait_for(struct rtsp_txn *t, const struct module *m, tick_t now)
{
	tick_t most = t->worker->prefs->module_timeout * TICK_S;

	if (t->wake_at) {
		t->waits_since = 0;
		return STEP_WAIT;
	}
	if (!t->waits_since)
		t->waits_since = now;
	if (now - t->waits_since < most) {
		t->wake_at = t->waits_since + most;
		return STEP_WAIT;
	}
	t->worker->stats.modules_late++;
	log_limited(&t->worker->warned[WARN_REPLY], now, LOG_W, "module",
		"%s kept a request waiting for %lld s", m->name, (long long)(most / TICK_S));
	rtsp_txn_answer(t, RTSP_UNAVAILABLE, now);
	return STEP_REPLIED;
}

/* Asks the modules in one role, those that have passed already left out; `which` is the role's place in
 * struct module. */
static enum step ask(struct rtsp_txn *t, size_t which, tick_t now)
{
	struct server *srv = t->worker->server;

	for (; t->asked < srv->n_modules; t->asked++) {
		struct module *m = srv->modules[t->asked];
		role *fn = *(role **)(void *)((char *)m + which);
		switch (fn ? fn(m, t) : MOD_PASS) {
		case MOD_PASS: break;
		case MOD_DONE: return answered(t, m, now);
		case MOD_WAIT: return wait_for(t, m, now);
		}
	}
	return STEP_NEXT;
}

static enum step step_filter(struct rtsp_txn *t, tick_t now)
{
	return ask(t, offsetof(struct module, filter), now);
}

static enum step refuse(struct rtsp_txn *t, int status, tick_t now)
{
	rtsp_txn_answer(t, status, now);
	return STEP_REPLIED;
}

/* Names every option of Require and Proxy-Require: we have none (12.32). */
static enum step refuse_options(struct rtsp_txn *t, tick_t now)
{
	static const enum rtsp_header_id from[] = { RTSP_H_REQUIRE, RTSP_H_PROXY_REQUIRE };
	struct buf names;

	buf_init(&names, TXN_REPLY_MAX);
	for (size_t i = 0; i < COUNT(from); i++) {
		struct rtsp_list it = { 0 };
		struct bytes v;
		while (rtsp_list_next(&t->req, from[i], &it, &v)) {
			if (buf_printf(&names, "%s%.*s", names.n ? ", " : "", BYTES_FMT(v)) != 0)
				break;
		}
	}
	rtsp_txn_begin(t, RTSP_OPTION_NOT_SUPPORTED, now);
	rtsp_put(&t->writer, RTSP_H_UNSUPPORTED, buf_bytes(&names));
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	buf_clear(&names);
	return STEP_REPLIED;
}

/* "/film.mp4?key=1/trackID=2": clients that know no Content-Base put the control behind the query of the
 * URL that they began with. 0 or the status. */
static int take_control(struct rtsp_txn *t)
{
	struct bytes tail = t->url.query;
	char control[64];

	if (t->req.method != RTSP_SETUP || bytes_index(tail, '/') == tail.n)
		return 0;
	while (bytes_index(tail, '/') < tail.n)
		tail = bytes_sub(tail, bytes_index(tail, '/') + 1, tail.n);
	size_t n = strlen(t->path);
	if (bytes_index(tail, '=') == tail.n || !bytes_to_str(tail, control, sizeof control))
		return 0;
	if (n + 1 + tail.n >= sizeof t->path)
		return RTSP_URI_TOO_LARGE;
	(void)snprintf(t->path + n, sizeof t->path - n, "%s%s", n == 1 ? "" : "/", control);
	return 0;
}

/* The request URL and its path. 0 or the status. */
static int read_url(struct rtsp_txn *t, const struct rtsp_method_row *row)
{
	struct fault f;

	if (t->req.uri.n > (size_t)t->worker->prefs->request_url_bytes)
		return RTSP_URI_TOO_LARGE;
	if (url_read(t->req.uri, &t->url, &f) != 0)
		return RTSP_BAD_REQUEST;
	if (t->url.scheme == URL_STAR)
		return row->star ? 0 : RTSP_BAD_REQUEST;
	switch (url_path_decode(t->url.path, t->path, sizeof t->path)) {
	case 0: return take_control(t);
	case ERR_RANGE: t->worker->stats.paths_outside++; return RTSP_FORBIDDEN; /* 16 */
	case ERR_LIMIT: return RTSP_URI_TOO_LARGE;
	}
	t->worker->stats.paths_bad++;
	return RTSP_BAD_REQUEST;
}

/* A header that we act on and that may stand once only stands twice (H4.2). Others are let pass:
 * GStreamer's rtspsrc sends User-Agent twice. */
static bool has_double(const struct rtsp_txn *t)
{
	static const enum rtsp_header_id once[] = { RTSP_H_SESSION, RTSP_H_RANGE, RTSP_H_SCALE,
		RTSP_H_SPEED, RTSP_H_AUTHORIZATION, RTSP_H_CONTENT_TYPE };

	if (t->req.repeated == RTSP_H_UNKNOWN)
		return false;
	for (size_t i = 0; i < COUNT(once); i++) {
		if (rtsp_header_count(&t->req, once[i]) > 1)
			return true;
	}
	return false;
}

/* Blocksize is a positive decimal number, of which only the form is ours to judge (12.7): packets have the size
 * that the medium's format gives them. */
static bool has_bad_blocksize(const struct rtsp_txn *t)
{
	const struct rtsp_header *h = rtsp_header(&t->req, RTSP_H_BLOCKSIZE);
	bool is_zero = true;

	if (!h || t->req.method == RTSP_OPTIONS || t->req.method == RTSP_TEARDOWN)
		return false;
	for (size_t i = 0; i < h->value.n; i++) {
		if (h->value.p[i] < '0' || h->value.p[i] > '9')
			return true;
		is_zero = is_zero && h->value.p[i] == '0';
	}
	return is_zero;
}

/* 0 or the status that refuses the request for what its head says. */
static int check_head(struct rtsp_txn *t, const struct rtsp_method_row *row)
{
	if (t->refusal)
		return t->refusal;
	if (!t->req.has_cseq)
		return RTSP_BAD_REQUEST;
	if (!row)
		return RTSP_NOT_IMPLEMENTED;
	if (has_double(t))
		return RTSP_BAD_REQUEST;
	if (has_bad_blocksize(t))
		return RTSP_INVALID_BLOCKSIZE;
	return read_url(t, row);
}

/* Worker and generation of a session id; false: it is none that a server of ours has made. */
static bool owner_of(const struct rtsp_txn *t, uint8_t *worker, uint8_t *generation)
{
	uint64_t w, g;

	if (t->session_id.n != SESSION_ID ||
		!bytes_hex_to_u64(bytes_sub(t->session_id, SESSION_ID - 4, 2), 255, &w) ||
		!bytes_hex_to_u64(bytes_sub(t->session_id, SESSION_ID - 2, 2), 255, &g))
		return false;
	*worker = (uint8_t)w;
	*generation = (uint8_t)g;
	return true;
}

/* To the process that made the session. Not from one to the next and on: a connection that is itself such a
 * request's way goes no further. */
static enum step relay(struct rtsp_txn *t, uint8_t generation, uint8_t worker, tick_t now)
{
	int status = t->conn->kind == KIND_RELAYED ? RTSP_SESSION_NOT_FOUND
						   : relay_start(t, generation, worker, now);
	return status ? refuse(t, status, now) : STEP_AWAY;
}

/* Finds the session that a Session header names: STEP_NEXT with t->session, 454, or away. */
static enum step find_session(struct rtsp_txn *t, const struct rtsp_method_row *row, tick_t now)
{
	const struct rtsp_header *h = rtsp_header(&t->req, RTSP_H_SESSION);
	uint32_t timeout;

	if (!h)
		return row->session == METHOD_NEEDS_SESSION ? refuse(t, RTSP_SESSION_NOT_FOUND, now)
							    : STEP_NEXT;
	if (rtsp_session_read(h->value, &t->session_id, &timeout) != 0)
		return refuse(t, RTSP_SESSION_NOT_FOUND, now);
	uint8_t owner, generation;
	if (!owner_of(t, &owner, &generation))
		return refuse(t, RTSP_SESSION_NOT_FOUND, now);
	if (generation != t->worker->server->generation)
		return relay(t, generation, owner, now);
	if (owner >= t->worker->server->n_workers)
		return refuse(t, RTSP_SESSION_NOT_FOUND, now);
	if (owner != t->worker->index) {
		rtsp_txn_send(t, owner);
		return STEP_AWAY;
	}
	struct rtp_session *s = worker_session(t->worker, t->session_id);
	if (s && t->worker->prefs->session_same_address && !addr_is_same_host(&s->peer, &t->peer)) {
		t->worker->stats.sessions_stolen++;
		s = NULL;
	}
	if (!s)
		return refuse(t, RTSP_SESSION_NOT_FOUND, now);
	t->session = s;
	memcpy(t->used_session, s->id, sizeof s->id);
	return STEP_NEXT;
}

static enum step step_setup_request(struct rtsp_txn *t, tick_t now)
{
	const struct rtsp_method_row *row = rtsp_method_row(t->req.method);

	if (rtsp_list_has(&t->req, RTSP_H_CONNECTION, B("close")))
		t->close = true;
	int status = check_head(t, row);
	if (status)
		return refuse(t, status, now);
	if (rtsp_header(&t->req, RTSP_H_REQUIRE) || rtsp_header(&t->req, RTSP_H_PROXY_REQUIRE))
		return refuse_options(t, now);
	return find_session(t, row, now);
}

static enum step step_route(struct rtsp_txn *t, tick_t now)
{
	return ask(t, offsetof(struct module, route), now);
}

static enum rtsp_action action_of(enum rtsp_method m)
{
	return m == RTSP_ANNOUNCE || m == RTSP_RECORD ? ACTION_PUBLISH : ACTION_READ;
}

/*
 * Only now is it known who asks, that he may, and whether the session is his: not before does the request
 * count as a sign of its life. OPTIONS asks nothing of a session: from another, it just is none.
 */
static enum step claim_session(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;

	if (!s)
		return STEP_NEXT;
	if (s->user && strcmp(s->user, t->user) != 0) {
		t->session = NULL;
		t->session_id.n = 0;
		t->used_session[0] = '\0';
		if (t->req.method == RTSP_OPTIONS)
			return STEP_NEXT;
		t->worker->stats.sessions_stolen++;
		return refuse(t, RTSP_SESSION_NOT_FOUND, now);
	}
	rtp_session_touch(s, now);
	s->rtsp_in += t->raw.n;
	return STEP_NEXT;
}

static enum step step_authenticate(struct rtsp_txn *t, tick_t now)
{
	t->action = action_of(t->req.method);
	return ask(t, offsetof(struct module, authenticate), now);
}

static enum step step_authorize(struct rtsp_txn *t, tick_t now)
{
	enum step s = ask(t, offsetof(struct module, authorize), now);
	return s == STEP_NEXT ? claim_session(t, now) : s;
}

static enum step step_preprocess(struct rtsp_txn *t, tick_t now)
{
	return ask(t, offsetof(struct module, preprocess), now);
}

static enum step step_process(struct rtsp_txn *t, tick_t now)
{
	enum step s = ask(t, offsetof(struct module, request), now);
	if (s != STEP_NEXT)
		return s;
	return rtsp_method_row(t->req.method)->run(t, now) ? STEP_REPLIED : STEP_WAIT;
}

/* After every reply, in DSS's order: before it is sent. */
static enum step step_postprocess(struct rtsp_txn *t, tick_t now)
{
	struct server *srv = t->worker->server;
	(void)now;

	if (t->session && t->session->state != RTP_ENDED) {
		t->session->rtsp_out += t->reply.n;
		t->session->last_status = t->status;
	}
	SERVER_EACH_MODULE(m, srv)
	{
		if (m->postprocess)
			m->postprocess(m, t);
	}
	return STEP_NEXT;
}

static enum step (*const steps[])(struct rtsp_txn *t, tick_t now) = {
	[PHASE_FILTERING] = step_filter,
	[PHASE_SETUP_REQUEST] = step_setup_request,
	[PHASE_ROUTING] = step_route,
	[PHASE_AUTHENTICATING] = step_authenticate,
	[PHASE_AUTHORIZING] = step_authorize,
	[PHASE_PREPROCESSING] = step_preprocess,
	[PHASE_PROCESSING] = step_process,
	[PHASE_POST_PROCESSING] = step_postprocess,
};

enum step rtsp_step(struct rtsp_txn *t, tick_t now)
{
	return steps[t->phase](t, now);
}
