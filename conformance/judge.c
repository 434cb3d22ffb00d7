/* SPDX-License-Identifier: MIT */
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/exec.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* The steps that judge: expect, gather, check. */

#define ANSWER_WAIT (3 * TICK_S)
/* as long as the data of robustness cases was taken with */
#define SILENT_WAIT      (900 * TICK_MS)
#define SILENT_WAIT_PLAY (1600 * TICK_MS)

enum { PATTERN_MAX = 4096 };

static bool matches(struct trial *t, const char *pattern, bool whole, const char *value)
{
	struct buf b;
	char missing[32];
	regex_t re;
	bool ok = false;
	buf_init(&b, PATTERN_MAX);
	int rc = whole ? buf_put(&b, B("^(")) : 0;
	if (rc == 0)
		rc = template_expand(pattern, TEMPLATE_PATTERN, trial_lookup, t, &b, missing);
	if (rc == 0)
		rc = buf_put(&b, whole ? bytes_of(")$", 3) : bytes_of("", 1));
	if (rc == 0 && regcomp(&re, (const char *)buf_bytes(&b).p, REG_EXTENDED | REG_NOSUB) == 0) {
		ok = regexec(&re, value, 0, NULL, 0) == 0;
		regfree(&re);
	}
	buf_clear(&b);
	return ok;
}

/* Headers, absent headers and body; what breaks is listed, the case goes on. */
static void judge_headers(struct trial *t, const struct step *s, const struct ox_message *m)
{
	const struct expect *e = &s->expect;
	char expected[256], got[256], value[2048];
	for (size_t i = 0; i < e->n_headers; i++) {
		const struct header_rule *h = &e->headers[i];
		bool there = ox_header_find(m, h->name) != NULL;
		struct bytes v = ox_header_value(m, h->name);
		bool fits = there && bytes_to_str(v, value, sizeof(value)) &&
			    matches(t, h->pattern, true, value);
		if (h->is_unlike ? !fits : fits)
			continue;
		(void)snprintf(expected, sizeof(expected), "%s: %s%s", h->name,
			h->is_unlike ? "not " : "", h->pattern);
		if (there)
			(void)snprintf(got, sizeof(got), "'%.*s'", v.n > 200 ? 200 : (int)v.n,
				(const char *)v.p);
		else
			(void)snprintf(got, sizeof(got), "no such header");
		/* `--level should` makes a failure of this as of any other SHOULD */
		struct step soft = *s;
		soft.level = s->level < LEVEL_SHOULD ? s->level : LEVEL_SHOULD;
		exec_finding(t, h->is_should ? &soft : s, RESULT_FAIL, expected, got);
	}
	for (size_t i = 0; i < e->n_absent; i++) {
		if (!ox_header_find(m, e->absent[i]))
			continue;
		(void)snprintf(expected, sizeof(expected), "no %s header", e->absent[i]);
		(void)snprintf(got, sizeof(got), "'%.*s'", 200,
			bytes_to_str(ox_header_value(m, e->absent[i]), value, sizeof(value)) ? value
											     : "");
		exec_finding(t, s, RESULT_FAIL, expected, got);
	}
}

static void judge_body(struct trial *t, const struct step *s, const struct ox_message *m)
{
	const struct expect *e = &s->expect;
	char expected[256], got[64];
	(void)snprintf(got, sizeof(got), "%zu bytes of body", m->body.n);
	if (e->body_empty && m->body.n)
		exec_finding(t, s, RESULT_FAIL, "no body", got);
	/* the message is kept with a NUL after it */
	if (e->body && !matches(t, e->body, false, m->body.n ? (const char *)m->body.p : "")) {
		(void)snprintf(expected, sizeof(expected), "a body with '%s'", e->body);
		exec_finding(t, s, RESULT_FAIL, expected, got);
	}
}

/* The place of a name: its own of before, or a new one. NULL: there is none left. */
static char *saved_value(struct trial *t, const char *name)
{
	size_t i = 0;
	while (i < t->n_saved && strcmp(t->saved[i].name, name) != 0)
		i++;
	if (i == TRIAL_SAVED - 1)
		return NULL;
	if (i == t->n_saved)
		t->n_saved++;
	(void)snprintf(t->saved[i].name, sizeof(t->saved[i].name), "%s", name);
	return t->saved[i].value;
}

static void save(struct trial *t, const struct step *s, const struct ox_message *m)
{
	for (size_t i = 0; i < s->expect.n_saves; i++) {
		const struct saved *v = &s->expect.saves[i];
		struct bytes value = ox_header_value(m, v->header), head;
		char *to = bytes_cut(&value, ';', &head) ? saved_value(t, v->name) : NULL;
		if (to)
			(void)snprintf(
				to, sizeof(t->saved[0].value), "%.*s", BYTES_FMT(bytes_trim(head)));
	}
}

static tick_t patience(const struct trial *t, const struct expect *e)
{
	if (e->within_s > 0)
		return (tick_t)(e->within_s * 1e9);
	for (size_t p = 0; p < PROFILES; p++) {
		if (outcomes_has_kind(&e->pass[p], OUTCOME_SILENT) ||
			outcomes_has_kind(&e->warn[p], OUTCOME_SILENT))
			return t->media.play_sent ? SILENT_WAIT_PLAY : SILENT_WAIT;
	}
	return ANSWER_WAIT;
}

static void print_sets(const struct expect *e, enum profile p, char *out, size_t n)
{
	struct buf b;
	buf_init(&b, n - 1);
	outcomes_print(&e->pass[p], &b);
	if (e->warn[p].n && buf_put(&b, B(" (tolerated: ")) == 0) {
		outcomes_print(&e->warn[p], &b);
		int rc = buf_put(&b, B(")"));
		(void)rc; /* for people */
	}
	struct bytes v = buf_bytes(&b);
	(void)snprintf(out, n, "%.*s", BYTES_FMT(v));
	buf_clear(&b);
}

static void print_seen(const struct answer *a, char *out, size_t n)
{
	struct buf b;
	if (a->is_garbage) {
		(void)snprintf(out, n, "bytes that are no message");
		return;
	}
	buf_init(&b, n - 1);
	outcome_print(a->seen, &b);
	struct bytes v = buf_bytes(&b);
	if (a->seen.kind == OUTCOME_STATUS)
		(void)snprintf(out, n, "%.*s %.*s", BYTES_FMT(v),
			(int)(a->m.reason.n > 80 ? 80 : a->m.reason.n),
			(const char *)a->m.reason.p);
	else
		(void)snprintf(out, n, "%.*s", BYTES_FMT(v));
	buf_clear(&b);
}

/* One answer. False: the case cannot go on. */
static bool expect_one(struct trial *t, const struct step *s, int conn, struct answer *a)
{
	const struct expect *e = &s->expect;
	char expected[256], got[128];
	ask_wait(&t->links, conn, os_now() + patience(t, e), a);
	exec_learn(t, conn, a);
	if (answer_is(a, 401) && exec_ask_again(t, s, conn)) {
		ask_wait(&t->links, conn, os_now() + patience(t, e), a);
		exec_learn(t, conn, a);
	}
	print_sets(e, t->profile, expected, sizeof(expected));
	print_seen(a, got, sizeof(got));
	if (t->links.stop && *t->links.stop && a->seen.kind == OUTCOME_SILENT) {
		exec_finding(t, s, RESULT_INCONCLUSIVE, expected, "interrupted");
		return false;
	}
	if (outcomes_has(&e->pass[t->profile], a->seen) && !a->is_garbage) {
		/* as hoped */
	} else if (outcomes_has(&e->warn[t->profile], a->seen) && !a->is_garbage) {
		exec_finding(t, s, RESULT_WARN, expected, got);
	} else {
		exec_finding(t, s, RESULT_FAIL, expected, got);
		return false;
	}
	if (e->clean && t->links.conns[conn]->wires.main.torn)
		exec_finding(t, s, RESULT_FAIL, "close_notify before the end of TCP", "FIN alone");
	if (a->seen.kind != OUTCOME_STATUS)
		return true;
	if (e->when.n == 0 || outcomes_has(&e->when, a->seen)) {
		judge_headers(t, s, &a->m);
		judge_body(t, s, &a->m);
	}
	save(t, s, &a->m);
	return true;
}

bool exec_expect(struct trial *t, const struct step *s)
{
	struct answer *a = xmalloc(sizeof(*a));
	int conn = exec_conn(t, s);
	bool ok = conn >= 0;
	for (unsigned i = 0; ok && i < s->expect.count; i++)
		ok = expect_one(t, s, conn, a);
	/* what cannot be answered on goes by the connection: a closed one ends the case quietly */
	free(a);
	return ok;
}

/* ---- media ---- */

static bool is_enough(const struct media *m, const struct gather *g)
{
	if (!g->packets && !g->srs && !g->byes)
		return false;
	for (size_t i = 0; i < m->n; i++) {
		const struct media_stream *s = &m->v[i];
		size_t srs = 0, byes = 0;
		if (!s->is_set_up)
			continue;
		for (size_t k = s->play_report; k < s->n_reports; k++) {
			srs += s->reports[k].has_sr;
			byes += s->reports[k].has_bye;
		}
		if (s->n_packets - s->gather_packet < g->packets || srs < g->srs || byes < g->byes)
			return false;
	}
	return true;
}

static void judge_stream(struct trial *t, const struct step *s, const struct rule *r, size_t i,
	const struct rule_args *args)
{
	struct rule_result out = { 0 };
	char expected[256];
	r->type->judge(&t->media, &t->media.v[i], args, &out);
	if (out.holds)
		return;
	struct step place = *s;
	place.line = r->line;
	place.level = r->level;
	place.n_clauses = r->n_clauses;
	memcpy(place.clauses, r->clauses, sizeof(place.clauses));
	(void)snprintf(expected, sizeof(expected), "%s: %s (track %zu)", r->type->name,
		out.expected, i + 1);
	exec_finding(
		t, &place, out.no_media ? RESULT_INCONCLUSIVE : RESULT_FAIL, expected, out.got);
}

static void judge_rule(struct trial *t, const struct step *s, const struct rule *r, tick_t since)
{
	struct rule_args args = {
		.least = r->least, .most = r->most, .since = since, .now = os_now()
	};
	bool any = false;
	for (size_t i = 0; i < t->media.n; i++) {
		if (r->track ? r->track != i + 1 : !t->media.v[i].is_set_up)
			continue;
		any = true;
		judge_stream(t, s, r, i, &args);
	}
	if (!any)
		exec_finding(t, s, RESULT_INCONCLUSIVE, "a stream that is set up", "none");
}

bool exec_gather(struct trial *t, const struct step *s)
{
	const struct gather *g = &s->gather;
	tick_t since = os_now(), until = since + (tick_t)(g->seconds * 1e9);
	if (s->kind == STEP_GATHER) {
		media_mark_gather(&t->media);
		while (!is_enough(&t->media, g) && links_turn(&t->links, until))
			;
	}
	for (size_t i = 0; i < g->n_rules; i++)
		judge_rule(t, s, &g->rules[i], since);
	return true;
}
