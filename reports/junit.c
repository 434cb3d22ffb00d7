/* SPDX-License-Identifier: MIT */
#include "reports/junit.h"

#include <math.h>
#include <string.h>

#include "reports/peek.h"
#include "reports/text.h"

enum outcome { PASSED, FAILED, SKIPPED, BROKEN, OUTCOMES };

/* One row of the file before it is written: tests, failures and so on must stand at the top. */
struct entry {
	const char *plane, *name, *message;
	char suffix[24]; /* makes names of repeated steps differ */
	enum outcome outcome;
	double seconds;
	const json_t *o; /* for the details; NULL = none */
};

typedef void visit(FILE *f, const struct entry *e, size_t counts[OUTCOMES]);

static void count_entry(FILE *f, const struct entry *e, size_t counts[OUTCOMES])
{
	(void)f;
	counts[e->outcome]++;
}

static void put_attribute(FILE *f, const char *name, const char *value)
{
	fprintf(f, " %s=\"", name);
	text_put_html(f, value);
	fputc('"', f);
}

static void put_detail(FILE *f, const json_t *o, const char *name)
{
	const char *s = peek_text(o, name);

	if (*s) {
		fprintf(f, "%s: ", name);
		text_put_html(f, s);
		fputc('\n', f);
	}
}

static void put_details(FILE *f, const json_t *o)
{
	const json_t *list = json_object_get(o, "clauses"),
		     *differences = json_object_get(o, "differences");

	put_detail(f, o, "reason");
	put_detail(f, o, "expected");
	put_detail(f, o, "got");
	put_detail(f, o, "where");
	put_detail(f, o, "evidence");
	for (size_t i = 0; i < json_array_size(list); i++) {
		fputs("clause: ", f);
		text_put_html(f, json_string_value(json_array_get(list, i)));
		fputc('\n', f);
	}
	for (size_t i = 0; i < json_array_size(differences); i++) {
		const json_t *d = json_array_get(differences, i);
		text_put_html(f, peek_text(d, "what"));
		fputs(": captured \"", f);
		text_put_html(f, peek_text(d, "captured"));
		fputs("\", live \"", f);
		text_put_html(f, peek_text(d, "live"));
		fputs("\"\n", f);
	}
}

static void put_entry(FILE *f, const struct entry *e, size_t counts[OUTCOMES])
{
	static const char *const tags[OUTCOMES] = { "system-out", "failure", "skipped", "error" };
	bool talks = e->outcome != PASSED || *e->message;

	(void)counts;
	fputs("  <testcase", f);
	put_attribute(f, "classname", e->plane);
	fputs(" name=\"", f);
	text_put_html(f, e->name);
	fprintf(f, "%s\" time=\"%.6f\"", e->suffix, isfinite(e->seconds) ? e->seconds : 0);
	if (!talks) {
		fputs("/>\n", f);
		return;
	}
	fprintf(f, ">\n   <%s", tags[e->outcome]);
	if (e->outcome != PASSED)
		put_attribute(f, "message", e->message);
	fputc('>', f);
	if (e->o)
		put_details(f, e->o);
	else
		text_put_html(f, e->message);
	fprintf(f, "</%s>\n  </testcase>\n", tags[e->outcome]);
}

static void visit_cases(FILE *f, const struct result *r, visit *each, size_t counts[OUTCOMES])
{
	static const enum outcome outcomes[RESULT_VERDICTS] = { [RESULT_PASS] = PASSED,
		[RESULT_FAIL] = FAILED,
		[RESULT_WARN] = PASSED,
		[RESULT_SKIP] = SKIPPED,
		[RESULT_INCONCLUSIVE] = BROKEN };
	const json_t *all = peek_top(r, "cases");
	char plane[64];

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *c = json_array_get(all, i);
		struct entry e = { .plane = plane,
			.name = peek_text(c, "id"),
			.message = peek_text(c, "reason"),
			.outcome = outcomes[peek_verdict(c)],
			.seconds = peek_number(c, "ms") / 1000,
			.o = c };
		size_t dot = strcspn(e.name, ".");
		text_fit(plane, dot + 1 < sizeof plane ? dot + 1 : sizeof plane, e.name);
		each(f, &e, counts);
	}
}

static void visit_checks(
	FILE *f, const json_t *all, const char *plane, visit *each, size_t counts[OUTCOMES])
{
	char message[120], value[48], limit[48];

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		bool pass = peek_true(o, "pass");
		struct entry e = { .plane = plane,
			.name = peek_text(o, "name"),
			.message = pass ? "" : message,
			.outcome = pass                         ? PASSED
				   : strcmp(plane, "gate") == 0 ? FAILED
								: BROKEN };
		text_value(value, peek_number(o, "value"), peek_text(o, "unit"));
		text_value(limit, peek_number(o, "limit"), peek_text(o, "unit"));
		(void)snprintf(message, sizeof message, "%s, limit %s", value, limit);
		each(f, &e, counts);
	}
}

static void visit_steps(FILE *f, const struct result *r, visit *each, size_t counts[OUTCOMES])
{
	const json_t *all = peek_top(r, "steps");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		const char *verdict = peek_text(o, "verdict");
		bool same = strcmp(verdict, "same") == 0;
		struct entry e = { .plane = "replay",
			.name = peek_text(o, "method"),
			.message = same ? "" : verdict,
			.outcome = same                               ? PASSED
				   : strcmp(verdict, "not-sent") == 0 ? SKIPPED
								      : FAILED,
			.seconds = peek_number(o, "live_ms") / 1000,
			.o = o };
		(void)snprintf(e.suffix, sizeof e.suffix, " #%zu", i + 1);
		each(f, &e, counts);
	}
}

static void visit_all(FILE *f, const struct result *r, visit *each, size_t counts[OUTCOMES])
{
	const json_t *validity = peek_top(r, "validity"),
		     *reasons = json_object_get(validity, "reasons");
	struct entry valid = { .plane = "run",
		.name = "valid",
		.message = "",
		.outcome = result_is_valid(r) ? PASSED : BROKEN };

	if (valid.outcome == BROKEN)
		valid.message = json_array_size(reasons)
					? json_string_value(json_array_get(reasons, 0))
					: "INVALID";
	each(f, &valid, counts);
	visit_checks(f, json_object_get(validity, "checks"), "self-check", each, counts);
	visit_checks(f, peek_top(r, "gates"), "gate", each, counts);
	visit_cases(f, r, each, counts);
	visit_steps(f, r, each, counts);
}

void junit_put(FILE *f, const struct result *r)
{
	size_t counts[OUTCOMES] = { 0 }, total = 0;
	const json_t *run = peek_top(r, "run");
	double seconds = peek_number(run, "duration_s");
	char name[64];

	visit_all(f, r, count_entry, counts);
	for (size_t i = 0; i < OUTCOMES; i++)
		total += counts[i];
	peek_name(r, name);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite", f);
	put_attribute(f, "name", name);
	fprintf(f, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.3f\"",
		total, counts[FAILED], counts[BROKEN], counts[SKIPPED],
		isfinite(seconds) ? seconds : 0);
	put_attribute(f, "timestamp", peek_text(run, "started"));
	fputs(">\n", f);
	visit_all(f, r, put_entry, counts);
	fputs(" </testsuite>\n</testsuites>\n", f);
}
