/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/relay.h"
#include "server/core/rtsp_methods.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"

static const char *const phase_names[] = {
#define PHASE_NAME(id, name) name,
	PHASE_TABLE(PHASE_NAME)
#undef PHASE_NAME
};

const char *rtsp_phase_name(enum rtsp_phase p)
{
	return p < PHASE_COUNT ? phase_names[p] : "";
}

struct rtsp_txn *rtsp_txn_new(struct rtsp_session *c, struct worker *home)
{
	struct rtsp_txn *t =
		xcalloc(1, modules_slots_at(sizeof *t) + home->server->slot_bytes[SLOT_REQUEST]);

	t->phase = PHASE_FILTERING;
	t->conn = c;
	t->home = t->worker = home;
	t->task = &c->task;
	t->peer = c->conn.peer;
	t->local = c->conn.local;
	buf_init(&t->reply, TXN_REPLY_MAX);
	return t;
}

void *rtsp_txn_slots(struct rtsp_txn *t)
{
	return (char *)t + modules_slots_at(sizeof *t);
}

void rtsp_txn_free(struct rtsp_txn *t)
{
	if (!t)
		return;
	txn_wait_end(t);
	modules_clear_slots(t->home->server, SLOT_REQUEST, rtsp_txn_slots(t));
	source_free(t->source);
	arena_clear(&t->arena);
	buf_clear(&t->reply);
	free(t);
}

/* ---- the reply ---- */

/* "12345.678": digits with one point. Anything else is not echoed. */
static bool is_timestamp(struct bytes v)
{
	size_t points = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '.')
			points++;
		else if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	}
	return v.n > 0 && v.n <= 64 && points <= 1 && v.p[0] != '.';
}

static void put_timestamp(struct rtsp_txn *t, tick_t now)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_TIMESTAMP);
	struct bytes stamp = v;
	double delay = tick_seconds(now - t->received);

	(void)bytes_cut(&v, ' ', &stamp);
	if (!is_timestamp(stamp))
		return;
	/* 12.38: the delay is optional; one that rounds to nothing is left out */
	if (delay >= 0.001)
		rtsp_putf(&t->writer, RTSP_H_TIMESTAMP, "%.*s %.3f", BYTES_FMT(stamp), delay);
	else
		rtsp_put(&t->writer, RTSP_H_TIMESTAMP, stamp);
}

void rtsp_txn_begin(struct rtsp_txn *t, int status, tick_t now)
{
	buf_cut(&t->reply, 0);
	t->status = status;
	rtsp_reply_begin(&t->writer, &t->reply, status,
		t->req.has_cseq ? t->req.cseq_text : (struct bytes){ 0 });
	rtsp_put(&t->writer, RTSP_H_DATE, bytes_str(worker_date(t->worker, now)));
	rtsp_put(&t->writer, RTSP_H_SERVER, B("Beagle/" BEAGLE_VERSION));
	if (rtsp_header(&t->req, RTSP_H_TIMESTAMP))
		put_timestamp(t, now);
	if (t->used_session[0] && t->req.method != RTSP_SETUP)
		rtsp_put(&t->writer, RTSP_H_SESSION, bytes_str(t->used_session));
	if (t->close)
		rtsp_put(&t->writer, RTSP_H_CONNECTION, B("close"));
	if (status == RTSP_UNAVAILABLE)
		rtsp_put(&t->writer, RTSP_H_RETRY_AFTER, B("5"));
}

void rtsp_txn_end(struct rtsp_txn *t, struct bytes body, tick_t now)
{
	if (rtsp_end(&t->writer, body) == 0)
		return;
	/* what could not be written was ours to check: say so, with what can be written */
	log_limited(&t->worker->warned[WARN_REPLY], now, LOG_E, "rtsp",
		"a reply could not be written: %s", err_name(t->writer.err));
	rtsp_txn_begin(t, RTSP_INTERNAL_ERROR, now);
	if (rtsp_end(&t->writer, (struct bytes){ 0 }) != 0)
		t->close = true;
}

void rtsp_txn_answer(struct rtsp_txn *t, int status, tick_t now)
{
	rtsp_txn_begin(t, status, now);
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
}

/* ---- steps ---- */

enum step { STEP_NEXT, STEP_REPLIED, STEP_WAIT, STEP_AWAY };

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

static void send_away(struct rtsp_txn *t, unsigned to);

/* To the process that made the session. Not from one to the next and on: a connection that is itself such a
 * request's way goes no further. */
static enum step relay(struct rtsp_txn *t, uint8_t generation, uint8_t worker, tick_t now)
{
	int status = t->conn->is_relayed ? RTSP_SESSION_NOT_FOUND
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
		send_away(t, owner);
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

/* The modules have said their word in this phase. */
static void leave_role(struct rtsp_txn *t)
{
	t->asked = 0;
	t->waits_since = 0;
	txn_wait_end(t);
}

/* The session may have ended while a module or the medium kept us waiting: nobody may look at it. */
static void find_session_again(struct rtsp_txn *t, tick_t now)
{
	if (!t->session_id.n || t->phase <= PHASE_SETUP_REQUEST || t->phase > PHASE_PROCESSING)
		return;
	t->session = worker_session(t->worker, t->session_id);
	/* DESCRIBE needs no session, and a request for a medium under way must come home first */
	if (t->session || t->opening)
		return;
	rtsp_txn_answer(t, RTSP_SESSION_NOT_FOUND, now);
	leave_role(t);
	t->phase = PHASE_POST_PROCESSING;
}

enum txn_result rtsp_txn_run(struct rtsp_txn *t, tick_t now)
{
	t->wake_at = 0;
	find_session_again(t, now);
	while (t->phase < PHASE_SENDING_RESPONSE) {
		if (log_is_on(LOG_D))
			log_write(LOG_D, "rtsp", "phase=%s method=%s", rtsp_phase_name(t->phase),
				rtsp_method_name(t->req.method));
		switch (steps[t->phase](t, now)) {
		case STEP_NEXT:
			leave_role(t);
			t->phase++;
			break;
		case STEP_REPLIED:
			leave_role(t);
			t->phase = PHASE_POST_PROCESSING;
			break;
		case STEP_WAIT: return TXN_WAIT;
		case STEP_AWAY: return TXN_AWAY;
		}
	}
	t->session = NULL; /* it may end before the reply has left */
	return TXN_REPLIED;
}

/* ---- on another worker ---- */

static tick_t remote_run(struct task *task, uint32_t events, tick_t now)
{
	struct rtsp_txn *t = container_of(task, struct rtsp_txn, remote);
	(void)events;

	if (rtsp_txn_run(t, now) == TXN_REPLIED)
		return TASK_DONE;
	if (!t->wake_at)
		return TASK_IDLE;
	return t->wake_at > now ? t->wake_at - now : 0;
}

static void on_home(struct mail *m, struct loop *l, tick_t now)
{
	struct rtsp_txn *t = container_of(m, struct rtsp_txn, mail);
	(void)l;
	(void)now;
	t->worker = t->home;
	t->task = &t->conn->task;
	rtsp_session_txn_back(t->conn);
}

void rtsp_txn_home(struct rtsp_txn *t)
{
	t->mail.fn = on_home;
	loop_post(&t->home->loop, &t->mail);
}

/* The loop is done with the task: only now may the txn go home, where it will be freed. */
static void remote_free(struct task *task)
{
	struct rtsp_txn *t = container_of(task, struct rtsp_txn, remote);
	rtsp_txn_home(t);
}

static const struct task_ops remote_ops = {
	.name = "rtsp_txn", .run = remote_run, .free = remote_free
};

static void on_arrival(struct mail *m, struct loop *l, tick_t now)
{
	struct rtsp_txn *t = container_of(m, struct rtsp_txn, mail);
	(void)now;
	task_init(&t->remote, &remote_ops, l);
	task_signal(&t->remote, EV_START);
}

static void send_away(struct rtsp_txn *t, unsigned to)
{
	t->worker->stats.requests_forwarded++;
	t->worker = &t->worker->server->workers[to];
	t->task = &t->remote;
	t->mail.fn = on_arrival;
	loop_post(&t->worker->loop, &t->mail);
}
