/* SPDX-License-Identifier: MIT */
#include "reports/markdown.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/peek.h"
#include "reports/result_json.h"
#include "reports/text.h"

#define SHOWN ((size_t)20)

static const char *headline(const struct result *r)
{
	int code = result_exit_code(r);

	if (code == 3)
		return "INVALID";
	switch (result_kind(r)) {
	case RESULT_LOAD: return code ? "GATE FAILED" : "VALID";
	case RESULT_CONFORMANCE:
		return code ? "FAIL" : peek_cases(r, RESULT_WARN) ? "WARN" : "PASS";
	case RESULT_REPLAY: return code ? "DIFFERS" : "SAME";
	}
	return "";
}

/* ---- Markdown ---- */

static void put_reasons(FILE *f, const struct result *r)
{
	const json_t *reasons = json_object_get(peek_top(r, "validity"), "reasons");

	for (size_t i = 0; i < json_array_size(reasons) && i < SHOWN; i++) {
		fputs("- ", f);
		text_put_markdown(f, json_string_value(json_array_get(reasons, i)));
		fputc('\n', f);
	}
	if (json_array_size(reasons))
		fputc('\n', f);
}

static void put_ms(FILE *f, const struct hist *h, double q)
{
	bool enough = h->n > 0 && (q <= 0.5 || (double)h->n * (1 - q) >= 10);
	char s[32];

	text_ms(s, enough ? (double)hist_quantile(h, q) : NAN);
	fprintf(f, " | %s", s);
}

static void put_load(FILE *f, const struct result *r)
{
	const json_t *all = peek_top(r, "histograms");
	const char *name;
	json_t *o;
	char s[48];
	size_t n = 0;

	json_object_foreach((json_t *)peek_top(r, "counters"), name, o)
	{
		if (n++ == SHOWN)
			break;
		fputs(n == 1 ? "" : " \xc2\xb7 ", f);
		text_value(s, peek_number(o, "value"), peek_text(o, "unit"));
		text_put_markdown(f, name);
		fprintf(f, " **");
		text_put_markdown(f, s);
		fputs("**", f);
	}
	fputs("\n\n| step | from | p50 ms | p90 ms | p99 ms | p99.9 ms | n |\n"
	      "|---|---|--:|--:|--:|--:|--:|\n",
		f);
	for (size_t i = 0; i < json_array_size(all) && i < SHOWN; i++) {
		struct hist h;
		if (!result_json_hist(json_array_get(all, i), &h))
			continue;
		fputs("| ", f);
		text_put_markdown(f, peek_text(json_array_get(all, i), "name"));
		fputs(" | ", f);
		text_put_markdown(f, peek_text(json_array_get(all, i), "origin"));
		put_ms(f, &h, 0.5);
		put_ms(f, &h, 0.9);
		put_ms(f, &h, 0.99);
		put_ms(f, &h, 0.999);
		fprintf(f, " | %llu |\n", (unsigned long long)h.n);
		hist_clear(&h);
	}
	fputc('\n', f);
}

static void put_gates(FILE *f, const struct result *r)
{
	const json_t *gates = peek_top(r, "gates");
	char s[48];

	for (size_t i = 0; i < json_array_size(gates) && i < SHOWN; i++) {
		const json_t *o = json_array_get(gates, i);
		fputs(peek_true(o, "pass") ? "- ok: " : "- **failed**: ", f);
		text_put_markdown(f, peek_text(o, "name"));
		text_value(s, peek_number(o, "value"), peek_text(o, "unit"));
		fputs(" is ", f);
		text_put_markdown(f, s);
		text_value(s, peek_number(o, "limit"), peek_text(o, "unit"));
		fputs(", limit ", f);
		text_put_markdown(f, s);
		fputc('\n', f);
	}
	if (json_array_size(gates))
		fputc('\n', f);
}

static void put_conformance(FILE *f, const struct result *r)
{
	const json_t *cases = peek_top(r, "cases");
	size_t n = 0, bad = peek_cases(r, RESULT_FAIL) + peek_cases(r, RESULT_WARN);

	for (int v = 0; v < RESULT_VERDICTS; v++)
		fprintf(f, "%s%zu %s", v ? " \xc2\xb7 " : "", peek_cases(r, (enum result_verdict)v),
			result_verdict_name((enum result_verdict)v));
	fputs("\n\n", f);
	if (!bad)
		return;
	fputs("| | case | reason | clauses |\n|---|---|---|---|\n", f);
	for (size_t i = 0; i < json_array_size(cases) && n < SHOWN; i++) {
		const json_t *c = json_array_get(cases, i), *clauses;
		enum result_verdict v = peek_verdict(c);
		if (v != RESULT_FAIL && v != RESULT_WARN)
			continue;
		n++;
		fprintf(f, "| %s | ", result_verdict_name(v));
		text_put_markdown(f, peek_text(c, "id"));
		fputs(" | ", f);
		text_put_markdown(f, peek_text(c, "reason"));
		fputs(" | ", f);
		clauses = json_object_get(c, "clauses");
		for (size_t k = 0; k < json_array_size(clauses); k++) {
			fputs(k ? ", " : "", f);
			text_put_markdown(f, json_string_value(json_array_get(clauses, k)));
		}
		fputs(" |\n", f);
	}
	if (bad > n)
		fprintf(f, "\nand %zu more\n", bad - n);
	fputc('\n', f);
}

static void put_replay(FILE *f, const struct result *r)
{
	const json_t *steps = peek_top(r, "steps");
	size_t shown = 0;

	fprintf(f, "%zu of %zu steps as captured\n\n", peek_steps(r, "same"),
		json_array_size(steps));
	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *o = json_array_get(steps, i),
			     *all = json_object_get(o, "differences");
		for (size_t k = 0; k < json_array_size(all) && shown < SHOWN; k++, shown++) {
			const json_t *d = json_array_get(all, k);
			fprintf(f, "- #%zu ", i + 1);
			text_put_markdown(f, peek_text(o, "method"));
			fputs(", ", f);
			text_put_markdown(f, peek_text(d, "what"));
			fputs(": ", f);
			text_put_markdown(f, peek_text(d, "captured"));
			fputs(" \xe2\x86\x92 ", f);
			text_put_markdown(f, peek_text(d, "live"));
			fputc('\n', f);
		}
	}
	if (shown)
		fputc('\n', f);
}

void markdown_put(FILE *f, const struct result *r)
{
	char name[64];

	peek_name(r, name);
	fputs("### ", f);
	text_put_markdown(f, name);
	fprintf(f, ": %s\n\n", headline(r));
	put_reasons(f, r);
	put_gates(f, r);
	switch (result_kind(r)) {
	case RESULT_LOAD: put_load(f, r); break;
	case RESULT_CONFORMANCE: put_conformance(f, r); break;
	case RESULT_REPLAY: put_replay(f, r); break;
	}
}

/* ---- summary for a terminal ---- */

/* "p50 1.2 ms p99 3 ms", the largest in place of a p99 with fewer than ten values above it. */
static bool put_quantiles(
	FILE *f, const struct result *r, const char *name, const char *words, const char *separator)
{
	struct hist h;
	bool any, enough;
	char p50[32], high[32];

	if (!result_get_hist(r, name, "intended", &h) && !result_get_hist(r, name, NULL, &h))
		return false;
	any = h.n > 0;
	enough = h.n >= 1000;
	text_duration(p50, (double)hist_quantile(&h, 0.5));
	text_duration(high, (double)(enough ? hist_quantile(&h, 0.99) : h.most));
	if (any)
		fprintf(f, "%s%s p50 %s %s %s", separator, words, p50, enough ? "p99" : "max",
			high);
	hist_clear(&h);
	return any;
}

static void put_count(FILE *f, const struct result *r, const char *name, const char *words,
	const char **separator)
{
	double v = peek_counter(r, name);
	char s[32];

	if (!isfinite(v))
		return;
	text_number(s, v);
	fprintf(f, "%s%s %s", *separator, s, words);
	*separator = ", ";
}

static void sum_load(FILE *f, const struct result *r)
{
	static const char *const names[][2] = { { "setup", "SETUP" },
		{ "startup", "start to first packet" }, { "lateness", "packet lateness" } };
	const char *separator = "    ";

	put_count(f, r, "sessions_started", "sessions", &separator);
	put_count(f, r, "sessions_failed", "failed", &separator);
	put_count(f, r, "packets_received", "packets", &separator);
	put_count(f, r, "packets_lost", "lost", &separator);
	put_count(f, r, "packets_corrupt", "corrupt", &separator);
	fputc('\n', f);
	separator = "    ";
	for (size_t i = 0; i < COUNT(names); i++) {
		if (put_quantiles(f, r, names[i][0], names[i][1], separator))
			separator = "; ";
	}
	if (*separator == ';')
		fputc('\n', f);
}

static void sum_conformance(FILE *f, const struct result *r)
{
	const json_t *cases = peek_top(r, "cases");
	size_t shown = 0;

	fputs("   ", f);
	for (int v = 0; v < RESULT_VERDICTS; v++)
		fprintf(f, "%s %zu %s", v ? "," : "", peek_cases(r, (enum result_verdict)v),
			result_verdict_name((enum result_verdict)v));
	fputc('\n', f);
	for (size_t i = 0; i < json_array_size(cases) && shown < 3; i++) {
		const json_t *c = json_array_get(cases, i);
		if (peek_verdict(c) != RESULT_FAIL)
			continue;
		shown++;
		fputs("    fail ", f);
		text_put_line(f, peek_text(c, "id"));
		fputs(": ", f);
		text_put_line(f, peek_text(c, "reason"));
		fputc('\n', f);
	}
}

static void sum_replay(FILE *f, const struct result *r)
{
	fprintf(f, "    %zu of %zu steps as captured, %zu differ, %zu without an answer\n",
		peek_steps(r, "same"), json_array_size(peek_top(r, "steps")),
		peek_steps(r, "differs"), peek_steps(r, "no-answer"));
}

void summary_put(FILE *f, struct result *const *results, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct result *r = results[i];
		const json_t *reasons = json_object_get(peek_top(r, "validity"), "reasons");
		char name[64];

		peek_name(r, name);
		fprintf(f, "%-9s ", headline(r));
		text_put_line(f, name);
		fputs("  ", f);
		text_put_line(f, peek_text(peek_top(r, "target"), "url"));
		fputc('\n', f);
		if (json_array_size(reasons)) {
			fputs("    ", f);
			text_put_line(f, json_string_value(json_array_get(reasons, 0)));
			fputc('\n', f);
		}
		switch (result_kind(r)) {
		case RESULT_LOAD: sum_load(f, r); break;
		case RESULT_CONFORMANCE: sum_conformance(f, r); break;
		case RESULT_REPLAY: sum_replay(f, r); break;
		}
	}
}
