/* SPDX-License-Identifier: MIT */
#include "conformance/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/exec.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

#define CONNECT_WAIT  (3 * TICK_S)
#define STILL_WAIT    (2500 * TICK_MS)
#define TEARDOWN_WAIT (1 * TICK_S)
#define BYE_WAIT      (60 * TICK_MS)

/* The analyser is told the description that discovery got, as if this client had asked for it: so
 * it knows the tracks. What it says about that is not the case's, unless the case asks again. */
static void prelude(struct trial *t)
{
	const struct target *g = t->target;
	struct ox_event e = { .kind = OX_EVENT_MESSAGE,
		.from_client = true,
		.connection = LINK_CONNS,
		.b = bytes_of(g->describe, g->describe_n) };
	ox_session_event(t->ox, &e);
	e.from_client = false;
	e.b = bytes_of(g->description, g->description_n);
	ox_session_event(t->ox, &e);
	ox_session_begin(t->ox);
}

static void init_media(struct trial *t)
{
	const struct target *g = t->target;
	t->media.n = g->n_tracks;
	for (size_t i = 0; i < g->n_tracks; i++) {
		struct media_stream *s = &t->media.v[i];
		s->url = xstrdup(g->tracks[i]);
		s->media = &g->sdp.media[i];
		s->clock_hz = s->media->n_formats ? s->media->formats[0].clock_hz : 0;
	}
}

/* Is it about credentials, so that it says itself which go with what? */
static bool is_about_login(const struct case_def *c)
{
	static const char *const words[] = { "auth", "basic", "digest", "digest_md5",
		"digest_sha256" };

	for (size_t i = 0; c && i < c->n_needs; i++) {
		for (size_t k = 0; k < COUNT(words); k++) {
			if (strcmp(c->needs[i], words[k]) == 0)
				return true;
		}
	}
	return false;
}

struct trial *trial_new(const struct case_def *c, const struct trial_opts *o)
{
	struct trial *t = xcalloc(1, sizeof(*t));
	struct ox_session_opts ox = { .exact_udp = target_is_loopback(o->target) };
	t->c = c;
	t->target = o->target;
	t->profile = o->profile;
	t->verdict.strictness = o->strictness;
	t->cseq = 100;
	media_init(&t->media);
	init_media(t);
	links_init(&t->links, &o->target->addr, o->target->addr_len, &t->media, NULL);
	t->links.places = o->target->places;
	t->links.stop = o->stop;
	t->links.login = o->target->asks && !is_about_login(c) ? &o->target->login : NULL;
	ox.epoch = os_realtime() - (os_now() - t->links.zero);
	t->ox = t->links.ox = ox_session_new(&ox);
	t->began = t->links.zero;
	prelude(t);
	return t;
}

void trial_free(struct trial *t)
{
	links_clear(&t->links);
	media_clear(&t->media);
	ox_session_free(t->ox);
	free(t->unasked);
	free(t);
}

static void after_finding(struct trial *t, const char *where, const char *expected, const char *got)
{
	static const char *const clauses[] = { "RTSP-7-01", "RTSP-12.17-03" };
	struct verdict_finding *f = verdict_add(&t->verdict, RESULT_FAIL, LEVEL_MUST, clauses,
		COUNT(clauses), where, expected, got);
	if (f) {
		f->verdict = RESULT_FAIL;
		f->is_aftermath = true;
	}
	trace_note(&t->links.trace, os_now() - t->links.zero, true, got);
}

/* Answers that no step took. */
static void look_for_extra(struct trial *t, int conn)
{
	char got[128];
	struct ox_message *m = xmalloc(sizeof(*m));
	const struct link_message *msg;
	while ((msg = links_take(&t->links, conn))) {
		if (t->c->extra_answers)
			continue;
		if (!msg->is_garbage && ox_message_read(msg->b, m, NULL) == 0 && !m->is_response)
			continue;
		(void)snprintf(got, sizeof(got), "one more: %.60s",
			msg->is_garbage ? "bytes that are no message" : (const char *)msg->b.p);
		got[strcspn(got, "\r\n")] = '\0';
		after_finding(t, "after the last step", "one answer for each request", got);
	}
	free(m);
}

/* Is the message boundary found again? */
static void still_there(struct trial *t, int conn)
{
	struct answer *a = xmalloc(sizeof(*a));
	char *text = xasprintf("OPTIONS %s\n", t->target->url), number[16];
	unsigned cseq = ++t->cseq;
	tick_t until = os_now() + STILL_WAIT;
	(void)snprintf(number, sizeof(number), "%u", cseq);
	ask(&t->links, conn, text, cseq, STILL_WAIT, a);
	/* answers to stray bytes may come first */
	while (t->c->extra_answers && a->seen.kind == OUTCOME_STATUS &&
		!bytes_is_eq(a->m.cseq, bytes_str(number)))
		ask_wait(&t->links, conn, until, a);
	if (a->seen.kind == OUTCOME_SILENT)
		after_finding(t, "OPTIONS on the same connection", "an answer",
			"silence: the message boundary is lost");
	else if (a->is_garbage)
		after_finding(t, "OPTIONS on the same connection", "an answer",
			"bytes that are no message");
	else if (a->seen.kind == OUTCOME_STATUS && a->m.has_cseq &&
		 !bytes_is_eq(a->m.cseq, bytes_str(number)))
		after_finding(t, "OPTIONS on the same connection", "the answer to it",
			"another answer first");
	free(text);
	free(a);
}

/* Does it serve a new connection? */
static void still_serving(struct trial *t)
{
	struct answer *a = xmalloc(sizeof(*a));
	int conn = links_connect(&t->links, "aftermath", CONNECT_WAIT);
	if (conn < 0) {
		t->peer_gone = true;
		after_finding(t, "a new connection", "the server still serves", "peer died");
		goto out;
	}
	char *text = xasprintf("OPTIONS %s\n", t->target->url);
	ask(&t->links, conn, text, ++t->cseq, 2 * STILL_WAIT, a);
	free(text);
	if (a->seen.kind != OUTCOME_STATUS) {
		t->peer_gone = true;
		after_finding(t, "OPTIONS on a new connection", "an answer",
			a->seen.kind == OUTCOME_CLOSE ? "peer died" : "peer hung");
	}
	links_close(&t->links, conn);
out:
	free(a);
}

static void aftermath(struct trial *t)
{
	for (size_t i = 0; i < t->links.n_conns; i++) {
		look_for_extra(t, (int)i);
		bool open = t->links.conns[i]->open && !t->links.conns[i]->ended;
		if (t->c->aftermath == AFTER_FULL && open && i == 0)
			still_there(t, (int)i);
	}
	if (t->c->aftermath != AFTER_NOTHING)
		still_serving(t);
}

/* What a polite client does before it goes. */
static void clean_up(struct trial *t)
{
	if (!t->has_session || t->is_torn_down || t->peer_gone)
		return;
	int conn = -1;
	for (size_t i = 0; i < t->links.n_conns && conn < 0; i++) {
		if (t->links.conns[i]->open && !t->links.conns[i]->ended)
			conn = (int)i;
	}
	if (conn < 0)
		conn = links_connect(&t->links, "clean-up", CONNECT_WAIT);
	if (conn < 0)
		return;
	struct answer *a = xmalloc(sizeof(*a));
	char *text = xasprintf("TEARDOWN %s\nSession: %s\n", t->target->aggregate, t->session);
	ask(&t->links, conn, text, ++t->cseq, TEARDOWN_WAIT, a);
	free(text);
	free(a);
}

static void end(struct trial *t)
{
	if (t->media.play_sent) {
		tick_t until = os_now() + BYE_WAIT;
		while (links_turn(&t->links, until))
			;
	}
	t->ended = os_now();
	ox_session_end(t->ox, t->ended - t->links.zero);
	verdict_add_passive(&t->verdict, t->c, ox_session_findings(t->ox), 0);
	for (size_t i = 0; i < t->verdict.n; i++) {
		const struct verdict_finding *f = &t->verdict.v[i];
		if (!f->is_passive)
			continue;
		char note[512];
		(void)snprintf(note, sizeof(note), "passive %s %s: expected %s, got %s", f->clauses,
			f->where, f->expected, f->got);
		trace_note(&t->links.trace, t->ended - t->links.zero, false, note);
	}
}

struct trial *trial_run(const struct case_def *c, const struct trial_opts *o)
{
	struct trial *t = trial_new(c, o);
	int conn = links_connect(&t->links, "main", CONNECT_WAIT);
	if (conn < 0) {
		t->peer_gone = true;
		(void)verdict_add(&t->verdict, RESULT_INCONCLUSIVE, c->level, NULL, 0, c->file,
			"a connection", err_text(conn));
		t->ended = os_now();
		return t;
	}
	exec_steps(t, c->steps, c->n_steps);
	t->links.login = o->target->asks ? &o->target->login : NULL;
	aftermath(t);
	clean_up(t);
	end(t);
	return t;
}
