/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reports/result_json.h"

/* The builder's part for conformance and replay. */

static const char *const verdict_names[] = { "pass", "fail", "warn", "skip", "inconclusive" };
static const char *const step_names[] = { "same", "differs", "no-answer", "not-sent" };
static_assert(COUNT(verdict_names) == RESULT_VERDICTS, "every verdict has a name");

static json_t *number(double v)
{
	return result_json_number(v);
}

/* ---- conformance ---- */

const char *result_verdict_name(enum result_verdict v)
{
	return verdict_names[v];
}

void result_case(struct result *r, const struct result_case *c)
{
	json_t *o = json_object();

	assert(r->kind == RESULT_CONFORMANCE && c->verdict < RESULT_VERDICTS);
	json_add_text(o, "id", c->id);
	json_add_text(o, "title", c->title);
	json_add_text(o, "rfc", c->rfc ? c->rfc : "");
	json_add_text(o, "section", c->section ? c->section : "");
	json_add_text(o, "level", c->level ? c->level : "must");
	json_add(o, "verdict", json_string(verdict_names[c->verdict]));
	json_add_text(o, "reason", c->reason);
	json_add_text(o, "expected", c->expected);
	json_add_text(o, "got", c->got);
	json_add_text(o, "where", c->where);
	json_add(o, "clauses", json_strings(c->clauses, c->n_clauses));
	json_add(o, "ms", number(c->ms));
	json_add_text(o, "evidence", c->evidence);
	json_append(result_list(r, "cases"), o);
}

void result_coverage(struct result *r, const struct result_coverage *c)
{
	json_t *o = json_object();

	assert(r->kind == RESULT_CONFORMANCE);
	json_add_text(o, "rfc", c->rfc);
	json_add_text(o, "section", c->section);
	json_add(o, "total", json_integer(c->total));
	json_add(o, "cases", json_integer(c->cases));
	json_add(o, "passive", json_integer(c->passive));
	json_add(o, "untestable", json_integer(c->untestable));
	json_add(o, "unproven", json_integer(c->unproven));
	json_append(result_list(r, "coverage"), o);
}

void result_finding(struct result *r, const char *clause, const char *level, const char *where,
	const char *why, uint64_t count)
{
	json_t *all = result_list(r, "findings"), *o;

	assert(r->kind != RESULT_LOAD);
	for (size_t i = 0; i < json_array_size(all); i++) {
		o = json_array_get(all, i);
		if (!json_text_is(o, "clause", clause) || !json_text_is(o, "why", why))
			continue;
		count += (uint64_t)json_integer_value(json_object_get(o, "count"));
		json_add(o, "count", result_json_count(count));
		return;
	}
	o = json_object();
	json_add_text(o, "clause", clause);
	json_add_text(o, "level", level);
	json_add_text(o, "where", where);
	json_add_text(o, "why", why);
	json_add(o, "count", result_json_count(count));
	json_append(all, o);
}

/* ---- replay ---- */

static json_t *differences(const struct result_step *s)
{
	json_t *array = json_array();

	for (size_t i = 0; i < s->n_differences; i++) {
		const struct result_difference *d = &s->differences[i];
		json_t *o = json_object();
		json_add_text(o, "what", d->what);
		json_add_text(o, "captured", d->captured);
		json_add_text(o, "live", d->live);
		json_append(array, o);
	}
	return array;
}

static int status(int s)
{
	return s < 0 ? 0 : s;
}

void result_step(struct result *r, const struct result_step *s)
{
	json_t *o = json_object();
	char *url = s->url ? result_redact_url(s->url) : NULL;

	assert(r->kind == RESULT_REPLAY && s->verdict < COUNT(step_names));
	json_add_text(o, "method", s->method);
	json_add_text(o, "url", url);
	json_add(o, "captured_at_ms", number(s->captured_at_ms));
	json_add(o, "live_at_ms", number(s->live_at_ms));
	json_add(o, "captured_status", json_integer(status(s->captured_status)));
	json_add(o, "live_status", json_integer(status(s->live_status)));
	json_add(o, "captured_ms", number(s->captured_ms));
	json_add(o, "live_ms", number(s->live_ms));
	json_add(o, "verdict", json_string(step_names[s->verdict]));
	json_add(o, "differences", differences(s));
	json_append(result_list(r, "steps"), o);
	free(url);
}

void result_stream(struct result *r, const struct result_stream *s)
{
	json_t *o = json_object();
	char *name = result_redact_url(s->name);

	assert(r->kind == RESULT_REPLAY);
	json_add_text(o, "name", name);
	json_add(o, "captured_packets", result_json_count(s->captured_packets));
	json_add(o, "captured_bytes", result_json_count(s->captured_bytes));
	json_add(o, "captured_span_s", number(s->captured_span_s));
	json_add(o, "captured_lost", result_json_count(s->captured_lost));
	json_add(o, "live_packets", result_json_count(s->live_packets));
	json_add(o, "live_bytes", result_json_count(s->live_bytes));
	json_add(o, "live_span_s", number(s->live_span_s));
	json_add(o, "live_lost", result_json_count(s->live_lost));
	json_append(result_list(r, "streams"), o);
	free(name);
}
