/* SPDX-License-Identifier: MIT */
#include "server/core/rtsp_txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/core/rtsp_session.h"
#include "server/core/rtsp_steps.h"
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
	t->peer = c->conn.io.peer;
	t->local = c->conn.io.local;
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
		rtsp_putf(&t->writer, RTSP_H_RETRY_AFTER, "%lld",
			(long long)(t->retry_after_s ? t->retry_after_s
						     : t->worker->prefs->retry_after));
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

/* ---- on through the phases ---- */

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
		switch (rtsp_step(t, now)) {
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

void rtsp_txn_send(struct rtsp_txn *t, unsigned to)
{
	t->worker->stats.requests_forwarded++;
	t->worker = &t->worker->server->workers[to];
	t->task = &t->remote;
	t->mail.fn = on_arrival;
	loop_post(&t->worker->loop, &t->mail);
}
