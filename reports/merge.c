/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reports/result_json.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* Two parts of one load run become one result. */

static json_t *get(const struct result *r, const char *name)
{
	return json_object_get(r->root, name);
}

static const char *str(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* v stays with its owner too. */
static void append(json_t *array, json_t *v)
{
	if (!v || json_array_append(array, v) != 0)
		die("no memory for a result");
}

static double combine(const char *merge, double a, double b, double parts_a, double parts_b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) ? b : a;
	switch (merge[1]) { /* sum, max, min, mean: the reader has checked the word */
	case 'u': return a + b;
	case 'a': return fmax(a, b);
	case 'i': return fmin(a, b);
	}
	return (a * parts_a + b * parts_b) / (parts_a + parts_b);
}

static double value(const json_t *v)
{
	return json_is_number(v) ? json_number_value(v) : NAN;
}

static double parts(const json_t *o)
{
	const json_t *v = json_object_get(o, "parts");
	return v && json_integer_value(v) > 0 ? (double)json_integer_value(v) : 1;
}

static void merge_figures(struct result *a, const struct result *b)
{
	const char *name;
	json_t *o, *mine, *all = get(a, "figures");

	json_object_foreach(get(b, "figures"), name, o)
	{
		mine = json_object_get(all, name);
		if (!mine) {
			json_add(all, name, json_deep_copy(o));
			continue;
		}
		double v = combine(str(mine, "merge"), value(json_object_get(mine, "value")),
			value(json_object_get(o, "value")), parts(mine), parts(o));
		json_add(mine, "value", result_json_number(v));
		json_add(mine, "parts", json_integer((json_int_t)(parts(mine) + parts(o))));
	}
}

static void merge_counters(struct result *a, const struct result *b)
{
	const char *name;
	json_t *o;

	json_object_foreach(get(b, "counters"), name, o) result_counter(
		a, name, (uint64_t)json_integer_value(json_object_get(o, "value")), str(o, "unit"));
}

static void merge_errors(struct result *a, const struct result *b)
{
	const json_t *all = get(b, "errors");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		result_error(a, str(o, "where"), str(o, "kind"),
			(uint64_t)json_integer_value(json_object_get(o, "count")),
			str(o, "example"));
	}
}

static int merge_hists(struct result *a, const struct result *b, char **why)
{
	const json_t *all = get(b, "histograms");

	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		struct hist h;
		int err;
		if (!result_json_hist(o, &h))
			continue; /* the reader refuses such a file */
		err = result_hist(a, str(o, "name"), str(o, "unit"), str(o, "origin"), &h);
		hist_clear(&h);
		if (err) {
			*why = xasprintf("histogram %s: other max or digits", str(o, "name"));
			return err;
		}
	}
	return 0;
}

/* The row of `rows` at time t; a new one, filled with null, in its place when there is none. */
static json_t *row_at(json_t *rows, double t, size_t width)
{
	size_t at = 0;
	json_t *row;

	for (; at < json_array_size(rows); at++) {
		double have = json_number_value(json_array_get(json_array_get(rows, at), 0));
		if (have == t)
			return json_array_get(rows, at);
		if (have > t)
			break;
	}
	row = json_array();
	if (!row || json_array_insert_new(rows, at, row) != 0)
		die("no memory for a result");
	for (size_t i = 0; i <= width; i++) {
		json_t *v = i ? json_null() : result_json_number(t);
		append(row, v);
		json_decref(v);
	}
	return row;
}

/* columns NULL: every column is a sum. */
static void merge_rows(json_t *to, const json_t *from, const json_t *columns, double ratio)
{
	for (size_t i = 0; i < json_array_size(from); i++) {
		const json_t *row = json_array_get(from, i);
		size_t width = json_array_size(row) - 1;
		json_t *mine = row_at(to, json_number_value(json_array_get(row, 0)), width);

		for (size_t k = 1; k <= width; k++) {
			const char *merge =
				columns ? str(json_array_get(columns, k - 1), "merge") : "sum";
			double v = combine(merge, value(json_array_get(mine, k)),
				value(json_array_get(row, k)), ratio, 1);
			if (json_array_set_new(mine, k, result_json_number(v)) != 0)
				die("no memory for a result");
		}
	}
}

static int merge_series(struct result *a, const struct result *b, double parts_a, char **why)
{
	json_t *mine = get(a, "series");
	const json_t *other = get(b, "series");

	if (!other)
		return 0;
	if (!mine) {
		json_add(a->root, "series", json_deep_copy(other));
		return 0;
	}
	if (!json_equal(json_object_get(mine, "columns"), json_object_get(other, "columns"))) {
		*why = xstrdup("series: other columns");
		return ERR_RANGE;
	}
	merge_rows(json_object_get(mine, "rows"), json_object_get(other, "rows"),
		json_object_get(mine, "columns"), parts_a);
	return 0;
}

static json_t *named(json_t *all, const char *name)
{
	for (size_t i = 0; i < json_array_size(all); i++) {
		if (strcmp(str(json_array_get(all, i), "name"), name) == 0)
			return json_array_get(all, i);
	}
	return NULL;
}

static int merge_heat(struct result *a, const struct result *b, char **why)
{
	json_t *mine = get(a, "heatmaps"), *all = get(b, "heatmaps");

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *o = json_array_get(all, i), *to = named(mine, str(o, "name"));
		if (!to) {
			if (!mine)
				json_add(a->root, "heatmaps", mine = json_array());
			json_t *copy = json_deep_copy(o);
			append(mine, copy);
			json_decref(copy);
			continue;
		}
		if (!json_equal(json_object_get(to, "edges"), json_object_get(o, "edges"))) {
			*why = xasprintf("heat map %s: other edges", str(o, "name"));
			return ERR_RANGE;
		}
		merge_rows(json_object_get(to, "rows"), json_object_get(o, "rows"), NULL, 1);
	}
	return 0;
}

static void merge_judgement(struct result *a, const struct result *b)
{
	json_t *mine = get(a, "validity"), *other = get(b, "validity");

	if (!result_is_valid(b))
		json_add(mine, "valid", json_false());
	for (size_t i = 0; i < json_array_size(json_object_get(other, "reasons")); i++)
		append(json_object_get(mine, "reasons"),
			json_array_get(json_object_get(other, "reasons"), i));
	for (size_t i = 0; i < json_array_size(json_object_get(other, "checks")); i++)
		append(json_object_get(mine, "checks"),
			json_array_get(json_object_get(other, "checks"), i));
	for (size_t i = 0; i < json_array_size(get(b, "gates")); i++)
		append(get(a, "gates"), json_array_get(get(b, "gates"), i));
	for (size_t i = 0; i < json_array_size(get(b, "notes")); i++)
		append(get(a, "notes"), json_array_get(get(b, "notes"), i));
}

int result_merge(struct result *a, const struct result *b, char **why)
{
	json_t *run = get(a, "run");
	const json_t *n = json_object_get(run, "parts");
	double parts_a = n ? json_number_value(n) : 1, d;
	char *reason = NULL;
	int err = 0;

	if (a->kind != RESULT_LOAD || b->kind != RESULT_LOAD) {
		reason = xstrdup("only results of load can be added");
		err = ERR_UNSUPPORTED;
	}
	if (!err)
		err = merge_hists(a, b, &reason);
	if (!err)
		err = merge_series(a, b, parts_a, &reason);
	if (!err)
		err = merge_heat(a, b, &reason);
	if (!err) {
		merge_counters(a, b);
		merge_figures(a, b);
		merge_errors(a, b);
		merge_judgement(a, b);
		d = fmax(json_number_value(json_object_get(run, "duration_s")),
			json_number_value(json_object_get(get(b, "run"), "duration_s")));
		json_add(run, "duration_s", result_json_number(d));
		json_add(run, "parts", json_integer((json_int_t)parts_a + 1));
	}
	if (why)
		*why = reason;
	else
		free(reason);
	return err;
}
