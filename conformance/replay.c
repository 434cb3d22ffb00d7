/* SPDX-License-Identifier: MIT */
#include "conformance/replay.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/exec.h"
#include "conformance/plain.h"
#include "conformance/replay_plan.h"
#include "reports/result.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum { REQUEST_MAX = 1 << 20, DIFFERENCES = 32, NAME_LEN = 64 };
#define CONNECT_WAIT (3 * TICK_S)
#define ANSWER_WAIT  (5 * TICK_S)

struct replay {
	const struct replay_opts *o;
	struct replay_plan plan;
	struct target target;
	struct trial *t;
	struct result *result;
	int conn;
	tick_t zero; /* when the first request left */
	tick_t due;  /* of the next one, since zero */
	unsigned sent, answered, broken, notes;
};

/* Differences of one step. */
struct step_diff {
	struct result_difference v[DIFFERENCES];
	char text[DIFFERENCES][3][NAME_LEN];
	size_t n;
	bool breaks;
};

static void differ(struct step_diff *d, const char *what, struct bytes captured, struct bytes live,
	bool breaks)
{
	d->breaks = d->breaks || breaks;
	if (d->n == DIFFERENCES)
		return;
	char(*t)[NAME_LEN] = d->text[d->n];
	plain_put(t[0], NAME_LEN, bytes_str(what));
	plain_put(t[1], NAME_LEN, captured);
	plain_put(t[2], NAME_LEN, live);
	d->v[d->n++] =
		(struct result_difference){ t[0], captured.p ? t[1] : NULL, live.p ? t[2] : NULL };
}

/* ---- comparing ---- */

static void compare_headers(
	struct step_diff *d, const struct ox_message *was, const struct ox_message *is)
{
	char what[NAME_LEN];
	for (size_t i = 0; i < was->n_headers; i++) {
		(void)snprintf(what, sizeof(what), "%.*s",
			was->headers[i].name.n > 50 ? 50 : (int)was->headers[i].name.n,
			(const char *)was->headers[i].name.p);
		if (!ox_header_find(is, what)) {
			char line[NAME_LEN];
			(void)snprintf(line, sizeof(line), "header %.50s", what);
			differ(d, line, was->headers[i].value, (struct bytes){ 0 }, false);
		}
	}
	for (size_t i = 0; i < is->n_headers; i++) {
		(void)snprintf(what, sizeof(what), "%.*s",
			is->headers[i].name.n > 50 ? 50 : (int)is->headers[i].name.n,
			(const char *)is->headers[i].name.p);
		if (!ox_header_find(was, what)) {
			char line[NAME_LEN];
			(void)snprintf(line, sizeof(line), "header %.50s", what);
			differ(d, line, (struct bytes){ 0 }, is->headers[i].value, false);
		}
	}
}

static void compare_sdp(struct replay *r, struct step_diff *d, const struct ox_message *is)
{
	struct ox_sdp *live = xmalloc(sizeof(*live));
	const struct ox_sdp *was = r->plan.sdp;
	int rc = ox_sdp_read(is->body, live, NULL);
	(void)rc; /* what can be read is compared */
	for (size_t i = 0; was && i < r->plan.n_tracks && i < was->n_media; i++) {
		char what[NAME_LEN];
		(void)snprintf(what, sizeof(what), "sdp m=%.*s",
			was->media[i].type.n > 40 ? 40 : (int)was->media[i].type.n,
			(const char *)was->media[i].type.p);
		int k = r->plan.live[i];
		if (k < 0 || (size_t)k >= live->n_media) {
			differ(d, what, was->media[i].formats[0].encoding, (struct bytes){ 0 },
				true);
		} else if (!bytes_is_ieq(was->media[i].formats[0].encoding,
				   live->media[k].formats[0].encoding)) {
			differ(d, what, was->media[i].formats[0].encoding,
				live->media[k].formats[0].encoding, false);
		}
	}
	if (was && live->n_media > was->n_media)
		differ(d, "sdp media sections", B("fewer"), B("more"), false);
	free(live);
}

static void compare(struct replay *r, struct step_diff *d, const struct replay_request *q,
	const struct answer *a)
{
	char was_text[16], is_text[16];
	unsigned was = q->reply ? q->reply->status : 0;
	unsigned is = a->seen.kind == OUTCOME_STATUS ? a->seen.status : 0;
	if (was != is) {
		(void)snprintf(was_text, sizeof(was_text), "%u", was);
		(void)snprintf(is_text, sizeof(is_text), "%u", is);
		/* what the recording lacks can't be missed */
		differ(d, "status", was ? bytes_str(was_text) : (struct bytes){ 0 },
			is ? bytes_str(is_text) : (struct bytes){ 0 },
			was && was / 100 != is / 100);
	}
	if (!was || !is)
		return;
	struct ox_message *m = xmalloc(sizeof(*m));
	if (ox_message_read(q->reply->whole, m, NULL) == 0)
		compare_headers(d, m, &a->m);
	if (bytes_is_eq(q->request->method, B("DESCRIBE")) && was == 200 && is == 200)
		compare_sdp(r, d, &a->m);
	free(m);
}

/* ---- telling ---- */

static void keep_step(struct replay *r, const struct replay_request *q, const struct step_diff *d,
	const struct answer *a, tick_t left, const char *skipped)
{
	const struct dialog_message *m = q->request;
	char *method = xasprintf("%.*s", BYTES_FMT(m->method)), *url = NULL;
	char *plain = xasprintf("%.*s", BYTES_FMT(m->uri));
	url = result_redact_url(plain);
	unsigned is = a && a->seen.kind == OUTCOME_STATUS ? a->seen.status : 0;
	struct result_step s = { .method = method,
		.url = url,
		.captured_at_ms = (double)q->at / 1e6,
		.live_at_ms = (double)(left - r->zero) / 1e6,
		.captured_status = q->reply ? (int)q->reply->status : 0,
		.live_status = (int)is,
		.captured_ms = q->reply ? (double)(q->reply->at - m->at) / 1e6 : NAN,
		.live_ms = is ? (double)(a->at - left) / 1e6 : NAN,
		.verdict = skipped     ? RESULT_NOT_SENT
			   : !is       ? RESULT_NO_ANSWER
			   : d->breaks ? RESULT_DIFFERS
				       : RESULT_SAME,
		.differences = d->v,
		.n_differences = d->n };
	result_step(r->result, &s);
	if (!r->o->quiet) {
		printf("%9.3f s  %-13s %3d -> %3u  %s%s\n", tick_seconds(left - r->zero), method,
			s.captured_status, is,
			skipped     ? "not sent: "
			: d->breaks ? "BREAKS"
				    : "",
			skipped ? skipped : "");
		for (size_t i = 0; i < d->n; i++)
			printf("                 %s: %s -> %s\n", d->v[i].what,
				d->v[i].captured ? d->v[i].captured : "(absent)",
				d->v[i].live ? d->v[i].live : "(absent)");
		fflush(stdout);
	}
	r->broken += d->breaks;
	r->notes += (unsigned)d->n - d->breaks;
	free(method);
	free(plain);
	free(url);
}

/* ---- driving ---- */

static void wait_until(struct replay *r, tick_t at)
{
	while (links_turn(&r->t->links, r->zero + at))
		;
}

/* The captured gap, sped up and capped. */
static tick_t gap(const struct replay *r, tick_t from, tick_t to)
{
	double s = tick_seconds(to - from) / r->o->speed;
	s = s < 0 ? 0 : s > r->o->max_gap_s ? r->o->max_gap_s : s;
	return (tick_t)(s * 1e9);
}

static const char *why_skipped(const struct replay *r, const struct replay_request *q)
{
	int track = replay_plan_track(&r->plan, q->request->uri);
	if (q->skip)
		return q->skip;
	if (bytes_is_eq(q->request->method, B("SETUP")) && track >= 0 && r->plan.live[track] < 0)
		return "the live description has no such medium";
	if (q->request->session.n && !r->t->has_session &&
		!bytes_is_eq(q->request->method, B("SETUP")))
		return "there is no session";
	return NULL;
}

/* A SETUP that the captured server refused and this one grants: what it made is given back. */
static void undo_setup(struct replay *r, const struct replay_request *q, const struct answer *a)
{
	if (!bytes_is_eq(q->request->method, B("SETUP")) || !q->reply ||
		q->reply->status / 100 == 2 || a->seen.kind != OUTCOME_STATUS ||
		a->seen.status / 100 != 2)
		return;
	struct answer *gone = xmalloc(sizeof(*gone));
	char *text = xasprintf("TEARDOWN %s\nSession: %s\n", r->target.aggregate, r->t->session);
	ask(&r->t->links, r->conn, text, ++r->t->cseq, ANSWER_WAIT, gone);
	r->t->has_session = false;
	free(text);
	free(gone);
}

static int send_request(struct replay *r, const struct replay_request *q, struct answer *a)
{
	int track = replay_plan_track(&r->plan, q->request->uri);
	size_t live = track >= 0 && r->plan.live[track] >= 0 ? (size_t)r->plan.live[track] : 0;
	struct replay_values v = { .target = &r->target,
		.session = r->t->has_session ? r->t->session : NULL };
	struct buf b;
	int rc = links_pair_open(&r->t->links, live);
	if (rc < 0)
		return rc;
	v.live_ports[0] = r->t->links.pairs[live].port[0];
	v.live_ports[1] = r->t->links.pairs[live].port[1];
	buf_init(&b, REQUEST_MAX);
	rc = replay_plan_write(&r->plan, q, &v, &b);
	if (rc == 0)
		rc = buf_put(&b, bytes_of("", 1));
	if (rc == 0) {
		if (bytes_is_eq(q->request->method, B("PLAY")) && !r->t->media.play_sent)
			media_mark_play(&r->t->media, os_now());
		ask(&r->t->links, r->conn, (const char *)buf_bytes(&b).p, ++r->t->cseq, ANSWER_WAIT,
			a);
	}
	buf_clear(&b);
	return rc;
}

static void step(struct replay *r, size_t i)
{
	const struct replay_request *q = &r->plan.v[i];
	struct step_diff *d = xcalloc(1, sizeof(*d));
	struct answer *a = xcalloc(1, sizeof(*a));
	const char *skipped = why_skipped(r, q);
	if (i)
		r->due += gap(r, r->plan.v[i - 1].at, q->at);
	wait_until(r, r->due);
	tick_t left = os_now();
	if (!skipped && send_request(r, q, a) < 0)
		skipped = "it could not be written";
	if (!skipped) {
		r->sent++;
		r->answered += a->seen.kind == OUTCOME_STATUS;
		exec_learn(r->t, r->conn, a);
		compare(r, d, q, a);
		undo_setup(r, q, a);
	} else if (!q->skip) {
		differ(d, "request", B("sent"), B("not sent"), true);
	}
	keep_step(r, q, d, skipped ? NULL : a, left, skipped);
	/* later requests keep their distance from what really happened */
	tick_t now = os_now() - r->zero;
	r->due = now > r->due ? now : r->due;
	free(d);
	free(a);
}

static void drive(struct replay *r)
{
	r->zero = os_now();
	for (size_t i = 0; i < r->plan.n && !*r->o->stop; i++)
		step(r, i);
	if (!r->t->has_session || r->t->is_torn_down || *r->o->stop)
		return;
	wait_until(r, r->due + gap(r, r->plan.v[r->plan.n - 1].at, r->plan.last));
	struct answer *a = xmalloc(sizeof(*a));
	char *text = xasprintf("TEARDOWN %s\nSession: %s\n", r->target.aggregate, r->t->session);
	ask(&r->t->links, r->conn, text, ++r->t->cseq, ANSWER_WAIT, a);
	result_note(r->result, "The recording ends without TEARDOWN; one was sent.");
	if (!r->o->quiet)
		printf("%9.3f s  TEARDOWN        - -> %3u  sent because the recording has none\n",
			tick_seconds(os_now() - r->zero), a->seen.status);
	free(text);
	free(a);
}

/* ---- media ---- */

/* Sums over the captured streams of one track. */
static void captured_media(const struct replay *r, size_t track, struct result_stream *s)
{
	const struct dialog *d = r->plan.dialog;
	int64_t first = 0, last = 0;
	for (uint32_t i = 0; i < d->n_streams; i++) {
		const struct dialog_stream *v = d->streams[i];
		if (v->from_client || v->is_punch || v->connection >= d->n_connections ||
			&d->connections[v->connection] != r->plan.c ||
			v->track >= r->plan.c->n_tracks ||
			replay_plan_track(&r->plan, r->plan.c->tracks[v->track].url) != (int)track)
			continue;
		s->captured_packets += v->clean.packets;
		s->captured_bytes += v->clean.octets;
		s->captured_lost += v->clean.lost > 0 ? (uint64_t)v->clean.lost : 0;
		first = first && first < v->clean.first_time ? first : v->clean.first_time;
		last = last > v->clean.last_time ? last : v->clean.last_time;
	}
	s->captured_span_s = tick_seconds(last - first);
}

static void live_media(const struct replay *r, size_t track, struct result_stream *s)
{
	const struct media_stream *m = &r->t->media.v[track];
	const struct ox_track *o;
	s->live_packets = m->n_packets;
	/* a track may have been set up more than once */
	for (size_t i = 0; m->url && (o = ox_session_track(r->t->ox, i)); i++) {
		if (!ox_url_is_same(bytes_str(o->url), bytes_str(m->url), true))
			continue;
		for (size_t k = 0; k < o->n_streams; k++) {
			s->live_bytes += o->streams[k].octets;
			s->live_lost += o->streams[k].lost > 0 ? (uint64_t)o->streams[k].lost : 0;
		}
	}
	if (m->n_packets)
		s->live_span_s = tick_seconds(m->packets[m->n_packets - 1].at - m->packets[0].at);
}

static void compare_media(struct replay *r)
{
	for (size_t i = 0; i < r->plan.n_tracks; i++) {
		struct result_stream s = { .name = r->plan.tracks[i] ? r->plan.tracks[i]
								     : "track" };
		captured_media(r, i, &s);
		if (r->plan.live[i] >= 0)
			live_media(r, (size_t)r->plan.live[i], &s);
		if (s.captured_packets == 0 && s.live_packets == 0)
			continue;
		char *name = result_redact_url(s.name);
		s.name = name;
		result_stream(r->result, &s);
		bool breaks = s.captured_packets && !s.live_packets;
		r->broken += breaks;
		if (!r->o->quiet || breaks)
			printf("media  track %zu: %llu -> %llu packets, %llu -> %llu bytes, %.2f -> "
			       "%.2f s, %llu -> %llu lost%s\n",
				i + 1, (unsigned long long)s.captured_packets,
				(unsigned long long)s.live_packets,
				(unsigned long long)s.captured_bytes,
				(unsigned long long)s.live_bytes, s.captured_span_s, s.live_span_s,
				(unsigned long long)s.captured_lost,
				(unsigned long long)s.live_lost, breaks ? "  BREAKS" : "");
		free(name);
	}
}

/* What the live server broke meanwhile, for the report; a replay is no judgement by clauses. */
static void keep_findings(struct replay *r)
{
	const struct ox_findings *fs = ox_session_findings(r->t->ox);
	for (size_t i = 0; i < fs->n; i++) {
		const struct ox_finding *f = &fs->v[i];
		if (!f->by_client && f->weight != OX_NOTE)
			result_finding(
				r->result, f->clause, ox_level_name(f->level), f->where, f->why, 1);
	}
}

/* ---- the whole ---- */

static int reach(struct replay *r)
{
	char *why = NULL;
	int code = 0, rc = replay_plan_read(&r->plan, r->o->file, &why);
	if (rc < 0) {
		code = rc == ERR_STATE ? 3 : 2;
	} else if ((rc = target_init(&r->target, r->o->url, &why)) < 0) {
		code = rc == ERR_NOT_FOUND ? 4 : 2;
	} else if ((rc = target_discover(&r->target, r->o->stop, &why)) < 0) {
		code = *r->o->stop ? 130 : rc == ERR_STATE ? 3 : 4;
	}
	if (code)
		fprintf(stderr, "beagle-conformance: %s\n", why ? why : err_text(rc));
	free(why);
	return code;
}

/* Does nobody listen any more? */
static bool is_gone(struct replay *r)
{
	if (*r->o->stop || r->answered == r->sent)
		return false;
	return links_connect(&r->t->links, "aftermath", CONNECT_WAIT) < 0;
}

static int finish(struct replay *r, double seconds)
{
	bool gone = is_gone(r);
	ox_session_end(r->t->ox, os_now() - r->t->links.zero);
	compare_media(r);
	keep_findings(r);
	result_set_target(r->result, r->target.url, *r->target.banner ? r->target.banner : NULL,
		r->target.features, r->target.n_features);
	result_set_duration(r->result, seconds);
	result_config(r->result, "capture", r->o->file);
	result_config_num(r->result, "max_gap", r->o->max_gap_s, "s");
	result_config_num(r->result, "speed", r->o->speed, NULL);
	printf("replayed %u of %zu requests, %u answered; %u differences break, %u are notes\n",
		r->sent, r->plan.n, r->answered, r->broken, r->notes);
	if (gone)
		printf("the target is gone: %s\n", r->target.shown);
	int rc = r->o->json ? result_write(r->result, r->o->json) : 0;
	if (rc < 0) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", r->o->json, err_text(rc));
		return 2;
	}
	return *r->o->stop ? 130 : gone ? 4 : r->broken ? 1 : 0;
}

int replay(const struct replay_opts *o)
{
	struct replay *r = xcalloc(1, sizeof(*r));
	r->o = o;
	int code = reach(r);
	if (code)
		goto out;
	replay_plan_match(&r->plan, &r->target);
	struct result_run rr = { .kind = RESULT_REPLAY,
		.program = "beagle-conformance",
		.argc = o->argc,
		.argv = o->argv,
		.started_ns = os_realtime() };
	r->result = result_new(&rr);
	struct trial_opts to = { .target = &r->target, .stop = o->stop };
	r->t = trial_new(NULL, &to);
	r->conn = links_connect(&r->t->links, "main", CONNECT_WAIT);
	if (r->conn < 0) {
		fprintf(stderr, "beagle-conformance: %s: %s\n", r->target.shown, err_text(r->conn));
		code = 4;
		goto out;
	}
	tick_t began = os_now();
	drive(r);
	code = finish(r, tick_seconds(os_now() - began));
out:
	if (r->t)
		trial_free(r->t);
	result_free(r->result);
	target_clear(&r->target);
	replay_plan_clear(&r->plan);
	free(r);
	return code;
}
