/* SPDX-License-Identifier: MIT */
#include "reports/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/peek.h"
#include "reports/result_json.h"
#include "reports/text.h"
#include "server/base/os.h"

#define DASH "\xe2\x80\x93"

char *compare_refusal(const struct result *a, const struct result *b)
{
	static const char *const kinds[] = { "load", "conformance", "replay" };
	char mode_a[128], mode_b[128];

	if (result_kind(a) != result_kind(b))
		return xasprintf("one is a result of %s, the other of %s", kinds[result_kind(a)],
			kinds[result_kind(b)]);
	peek_config(a, "receive_mode", mode_a);
	peek_config(b, "receive_mode", mode_b);
	if (strcmp(mode_a, mode_b) != 0)
		return xasprintf("the receive modes differ ('%s' and '%s'), and on loopback the "
				 "receiver's cost lands in the server's",
			mode_a, mode_b);
	if (!result_is_valid(a) || !result_is_valid(b))
		return xasprintf("%s is INVALID: its numbers say nothing about the server",
			!result_is_valid(a) ? "the first run" : "the second run");
	return NULL;
}

static void add_row(struct compare *c, char *name, const char *unit, double a, double b)
{
	if ((c->n & (c->n - 1)) == 0)
		c->rows = xrealloc(c->rows, (c->n ? c->n * 2 : 1) * sizeof *c->rows);
	c->rows[c->n++] = (struct compare_row){ .name = name,
		.unit = unit,
		.a = a,
		.b = b,
		/* 0 to 0 is no change, 0 to something has no ratio */
		.ratio = a == 0 && b == 0 ? 1
			 : a != 0         ? b / a
					  : NAN };
}

/* Counters and figures of a in their order, then those that only b has. */
static void add_values(
	struct compare *c, const struct result *a, const struct result *b, const char *map)
{
	const json_t *in_a = peek_top(a, map), *in_b = peek_top(b, map);
	const char *name;
	json_t *o;

	json_object_foreach((json_t *)in_a, name, o) add_row(c, xstrdup(name), peek_text(o, "unit"),
		peek_number(o, "value"), peek_number(json_object_get(in_b, name), "value"));
	json_object_foreach((json_t *)in_b, name, o)
	{
		if (!json_object_get(in_a, name))
			add_row(c, xstrdup(name), peek_text(o, "unit"), NAN,
				peek_number(o, "value"));
	}
}

static double quantile(const struct hist *h, double q)
{
	/* as in the page: ten values above it, or it is chance */
	if (h->n == 0 || (q > 0.5 && (double)h->n * (1 - q) < 10))
		return NAN;
	return (double)hist_quantile(h, q);
}

static void add_hists(struct compare *c, const struct result *a, const struct result *b)
{
	static const struct {
		const char *name;
		double q;
	} points[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 } };
	const json_t *all = peek_top(a, "histograms");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		const char *name = peek_text(o, "name"), *origin = peek_text(o, "origin");
		struct hist ha, hb;
		if (!result_json_hist(o, &ha))
			continue;
		if (result_get_hist(b, name, origin, &hb)) {
			for (size_t k = 0; k < COUNT(points); k++)
				add_row(c, xasprintf("%s %s (%s)", name, points[k].name, origin),
					peek_text(o, "unit"), quantile(&ha, points[k].q),
					quantile(&hb, points[k].q));
			hist_clear(&hb);
		}
		hist_clear(&ha);
	}
}

static void add_verdicts(struct compare *c, const struct result *a, const struct result *b)
{
	static const char *const steps[] = { "same", "differs", "no-answer", "not-sent" };

	if (result_kind(a) == RESULT_CONFORMANCE) {
		for (int v = 0; v < RESULT_VERDICTS; v++)
			add_row(c,
				xasprintf("cases %s", result_verdict_name((enum result_verdict)v)),
				"", (double)peek_cases(a, (enum result_verdict)v),
				(double)peek_cases(b, (enum result_verdict)v));
	}
	if (result_kind(a) == RESULT_REPLAY) {
		for (size_t i = 0; i < COUNT(steps); i++)
			add_row(c, xasprintf("steps %s", steps[i]), "",
				(double)peek_steps(a, steps[i]), (double)peek_steps(b, steps[i]));
	}
}

void compare_init(struct compare *c, const struct result *a, const struct result *b)
{
	*c = (struct compare){ 0 };
	add_verdicts(c, a, b);
	add_values(c, a, b, "counters");
	add_values(c, a, b, "figures");
	if (result_kind(a) == RESULT_LOAD && result_kind(b) == RESULT_LOAD)
		add_hists(c, a, b);
}

void compare_clear(struct compare *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->rows[i].name);
	free(c->rows);
	*c = (struct compare){ 0 };
}

static void value_words(char out[48], double v, const char *unit)
{
	if (isnan(v))
		(void)snprintf(out, 48, DASH);
	else
		text_value(out, v, unit);
}

static void ratio_words(char out[48], double ratio)
{
	if (isfinite(ratio))
		(void)snprintf(out, 48, "%.3f", ratio);
	else
		(void)snprintf(out, 48, DASH);
}

/* Right-aligned in `width` columns of a terminal: UTF-8's continuation bytes take none. */
static void put_right(FILE *f, const char *s, int width)
{
	int n = 0;

	for (const char *c = s; *c; c++)
		n += ((uint8_t)*c & 0xc0) != 0x80;
	for (; n < width; n++)
		fputc(' ', f);
	fputs(s, f);
}

static void put_text(FILE *f, const struct compare *c, const char *a, const char *b)
{
	char s[48];

	fputs("A: ", f);
	text_put_line(f, a);
	fputs("\nB: ", f);
	text_put_line(f, b);
	fprintf(f, "\n\n%-40s %16s %16s %9s\n", "figure", "A", "B", "B/A");
	for (size_t i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->rows[i];
		char name[41];
		text_fit(name, sizeof name, row->name);
		text_put_line(f, name);
		put_right(f, "", 40 - (int)strlen(name));
		fputc(' ', f);
		value_words(s, row->a, row->unit);
		put_right(f, s, 16);
		fputc(' ', f);
		value_words(s, row->b, row->unit);
		put_right(f, s, 16);
		fputc(' ', f);
		ratio_words(s, row->ratio);
		put_right(f, s, 9);
		fputc('\n', f);
	}
	fputs("\nOne pair of runs cannot tell noise from change: repeat it before you believe a "
	      "ratio.\n",
		f);
}

static void put_markdown(FILE *f, const struct compare *c, const char *a, const char *b)
{
	char s[48];

	fputs("| figure | ", f);
	text_put_markdown(f, a);
	fputs(" | ", f);
	text_put_markdown(f, b);
	fputs(" | B/A |\n|---|--:|--:|--:|\n", f);
	for (size_t i = 0; i < c->n; i++) {
		const struct compare_row *row = &c->rows[i];
		fputs("| ", f);
		text_put_markdown(f, row->name);
		value_words(s, row->a, row->unit);
		fputs(" | ", f);
		text_put_markdown(f, s);
		value_words(s, row->b, row->unit);
		fputs(" | ", f);
		text_put_markdown(f, s);
		ratio_words(s, row->ratio);
		fprintf(f, " | %s |\n", s);
	}
	fputs("\nOne pair of runs cannot tell noise from change.\n", f);
}

static json_t *json_row(const struct compare_row *row)
{
	json_t *o = json_object();

	json_add_text(o, "name", row->name);
	if (*row->unit)
		json_add_text(o, "unit", row->unit);
	json_add(o, "a", result_json_number(row->a));
	json_add(o, "b", result_json_number(row->b));
	json_add(o, "ratio", result_json_number(row->ratio));
	return o;
}

static void put_json(FILE *f, const struct compare *c, const char *a, const char *b)
{
	json_t *root = json_object(), *rows = json_array();

	json_add(root, "format", json_string("beagle-compare"));
	json_add(root, "version", json_integer(1));
	json_add_text(root, "a", a);
	json_add_text(root, "b", b);
	for (size_t i = 0; i < c->n; i++)
		json_append(rows, json_row(&c->rows[i]));
	json_add(root, "rows", rows);
	/* the caller looks at the stream's error */
	(void)json_dumpf(root, f, JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	fputc('\n', f);
	json_decref(root);
}

void compare_put(FILE *f, const struct compare *c, const char *name_a, const char *name_b,
	enum compare_form form)
{
	static void (*const forms[])(FILE *, const struct compare *, const char *,
		const char *) = { put_text, put_json, put_markdown };

	forms[form](f, c, name_a, name_b);
}
