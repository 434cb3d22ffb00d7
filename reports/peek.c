/* SPDX-License-Identifier: MIT */
#include "reports/peek.h"

#include <math.h>
#include <string.h>

#include "reports/text.h"

const char *peek_text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));
	return s ? s : "";
}

double peek_number(const json_t *o, const char *name)
{
	const json_t *v = json_object_get(o, name);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

bool peek_true(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

const json_t *peek_top(const struct result *r, const char *name)
{
	return json_object_get(result_json(r), name);
}

double peek_counter(const struct result *r, const char *name)
{
	const json_t *o = json_object_get(peek_top(r, "counters"), name);

	if (!o)
		o = json_object_get(peek_top(r, "figures"), name);
	return peek_number(o, "value");
}

void peek_config(const struct result *r, const char *name, char out[128])
{
	const json_t *o = json_object_get(peek_top(r, "config"), name),
		     *v = json_object_get(o, "value");
	char number[48];

	out[0] = 0;
	if (json_is_string(v)) {
		text_fit(out, 128, json_string_value(v));
	} else if (json_is_number(v)) {
		text_value(number, json_number_value(v), peek_text(o, "unit"));
		(void)snprintf(out, 128, "%s", number);
	}
}

double peek_cell(const json_t *row, size_t column)
{
	const json_t *v = json_array_get(row, column);
	return json_is_number(v) ? json_number_value(v) : NAN;
}

size_t peek_column(const json_t *series, const char *name)
{
	const json_t *columns = json_object_get(series, "columns");

	for (size_t i = 0; i < json_array_size(columns); i++) {
		if (strcmp(peek_text(json_array_get(columns, i), "name"), name) == 0)
			return i + 1;
	}
	return 0;
}

double peek_interval(const json_t *rows, size_t i)
{
	size_t n = json_array_size(rows);

	if (n < 2)
		return 1;
	if (i + 1 >= n)
		i = n - 2;
	return peek_cell(json_array_get(rows, i + 1), 0) - peek_cell(json_array_get(rows, i), 0);
}

enum result_verdict peek_verdict(const json_t *c)
{
	for (int v = 0; v < RESULT_VERDICTS; v++) {
		if (strcmp(peek_text(c, "verdict"), result_verdict_name((enum result_verdict)v)) ==
			0)
			return (enum result_verdict)v;
	}
	return RESULT_INCONCLUSIVE; /* the reader lets no other word pass */
}

size_t peek_cases(const struct result *r, enum result_verdict v)
{
	const json_t *cases = peek_top(r, "cases");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(cases); i++)
		n += peek_verdict(json_array_get(cases, i)) == v;
	return n;
}

size_t peek_steps(const struct result *r, const char *verdict)
{
	const json_t *steps = peek_top(r, "steps");
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(steps); i++)
		n += strcmp(peek_text(json_array_get(steps, i), "verdict"), verdict) == 0;
	return n;
}

size_t peek_passed(const json_t *gates)
{
	size_t n = 0;

	for (size_t i = 0; i < json_array_size(gates); i++)
		n += peek_true(json_array_get(gates, i), "pass");
	return n;
}

void peek_name(const struct result *r, char out[64])
{
	static const char *const kinds[] = { "Load", "Conformance", "Replay" };
	char transport[128], word[33];

	peek_config(r, "transport", transport);
	text_fit(word, sizeof word, transport);
	for (char *c = word; *c; c++) /* "UDP", "TCP" */
		*c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
	if (result_kind(r) == RESULT_LOAD && *word)
		(void)snprintf(out, 64, "Load over %s", word);
	else
		(void)snprintf(out, 64, "%s", kinds[result_kind(r)]);
}
