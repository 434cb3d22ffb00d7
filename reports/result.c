/* SPDX-License-Identifier: MIT */
#include "reports/result.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reports/host.h"
#include "reports/redact.h"
#include "reports/result_json.h"
#include "reports/text.h"
#include "server/base/err.h"
#include "server/base/os.h"

static const char *const kind_names[] = { "load", "conformance", "replay" };
static const char *const merge_names[] = { "sum", "max", "min", "mean" };

/* ---- small JSON makers; jansson fails here only without memory, or for text that isn't clean ---- */

void json_add(json_t *object, const char *name, json_t *v)
{
	if (!v || json_object_set_new(object, name, v) != 0)
		die("no memory for a result");
}

void json_append(json_t *array, json_t *v)
{
	if (!v || json_array_append_new(array, v) != 0)
		die("no memory for a result");
}

static json_t *text(const char *s)
{
	char *clean = text_clean(bytes_str(s), RESULT_TEXT_MAX);
	json_t *v = json_string(clean);

	free(clean);
	return v;
}

void json_add_text(json_t *object, const char *name, const char *s)
{
	if (s)
		json_add(object, name, text(s));
}

json_t *result_json_count(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

json_t *result_json_number(double v)
{
	/* whole ones look better as integers, and every double below 2^53 survives as one */
	if (!isfinite(v))
		return json_null();
	if (v == trunc(v) && fabs(v) < 9e15)
		return json_integer((json_int_t)v);
	return json_real(v);
}

static json_t *number(double v)
{
	return result_json_number(v);
}

json_t *json_strings(const char *const *v, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_append(array, text(v[i]));
	return array;
}

json_t *result_list(struct result *r, const char *name)
{
	json_t *v = json_object_get(r->root, name);

	if (!v)
		json_add(r->root, name, v = json_array());
	return v;
}

/* Names are ours or the user's: as object keys they must be clean too. */
static void add_named(json_t *object, const char *name, json_t *v)
{
	char *clean = text_clean(bytes_str(name), RESULT_TEXT_MAX);

	json_add(object, clean, v);
	free(clean);
}

bool json_text_is(const json_t *object, const char *name, const char *s)
{
	const char *have = json_string_value(json_object_get(object, name));
	char *clean = s ? text_clean(bytes_str(s), RESULT_TEXT_MAX) : NULL;
	bool eq = have && clean ? strcmp(have, clean) == 0 : have == NULL && clean == NULL;

	free(clean);
	return eq;
}

/* ---- a new result ---- */

enum result_kind result_kind(const struct result *r)
{
	return r->kind;
}

static json_t *started(int64_t ns)
{
	time_t s = (time_t)(ns / TICK_S);
	struct tm tm;
	char iso[40] = "";

	if (gmtime_r(&s, &tm))
		(void)strftime(iso, sizeof iso, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(iso);
}

static json_t *command(const struct result_run *run, uint64_t *hash)
{
	json_t *array = json_array();

	*hash = TEXT_HASH_SEED;
	for (int i = 0; i < run->argc; i++) {
		char *arg = redact_argument(i ? run->argv[i - 1] : NULL, run->argv[i]);
		if (i > 0) /* where the program stands is no part of what it does */
			*hash = text_hash(bytes_of(arg, strlen(arg) + 1), *hash);
		json_append(array, text(arg));
		free(arg);
	}
	return array;
}

static json_t *run_object(const struct result_run *run)
{
	json_t *o = json_object();
	uint64_t hash;
	json_t *argv = command(run, &hash);
	char s[32];

	if (run->config)
		hash = text_hash(bytes_str(run->config), TEXT_HASH_SEED);
	json_add_text(o, "program", run->program);
	json_add_text(o, "beagle", BEAGLE_VERSION);
	json_add(o, "started", started(run->started_ns));
	json_add(o, "started_ns", result_json_count((uint64_t)run->started_ns));
	json_add(o, "command", argv);
	/* 64 bits: more than some readers of JSON keep of a number */
	(void)snprintf(s, sizeof s, "%" PRIu64, run->seed);
	json_add(o, "seed", json_string(s));
	(void)snprintf(s, sizeof s, "%016" PRIx64, hash);
	json_add(o, "config_hash", json_string(s));
	return o;
}

static void add_kind_lists(struct result *r)
{
	switch (r->kind) {
	case RESULT_LOAD:
		(void)result_list(r, "histograms");
		(void)result_list(r, "heatmaps");
		break;
	case RESULT_CONFORMANCE:
		(void)result_list(r, "cases");
		(void)result_list(r, "coverage");
		(void)result_list(r, "findings");
		break;
	case RESULT_REPLAY:
		(void)result_list(r, "steps");
		(void)result_list(r, "streams");
		break;
	}
}

struct result *result_new(const struct result_run *run)
{
	struct result *r = xcalloc(1, sizeof *r);
	json_t *o;

	*r = (struct result){ .kind = run->kind, .root = json_object() };
	json_add(r->root, "format", json_string(RESULT_FORMAT));
	json_add(r->root, "version", json_integer(RESULT_VERSION));
	json_add(r->root, "kind", json_string(kind_names[run->kind]));
	json_add(r->root, "run", run_object(run));
	json_add(r->root, "environment", o = json_object());
	host_facts(o);
	json_add(r->root, "target", o = json_object());
	json_add(o, "features", json_array());
	json_add(r->root, "config", json_object());
	json_add(r->root, "notes", json_array());
	json_add(r->root, "validity", o = json_object());
	json_add(o, "valid", json_true());
	json_add(o, "reasons", json_array());
	json_add(o, "checks", json_array());
	json_add(r->root, "gates", json_array());
	json_add(r->root, "counters", json_object());
	json_add(r->root, "figures", json_object());
	json_add(r->root, "errors", json_array());
	add_kind_lists(r);
	return r;
}

void result_free(struct result *r)
{
	if (!r)
		return;
	json_decref(r->root);
	free(r);
}

const json_t *result_json(const struct result *r)
{
	return r->root;
}

/* ---- what was asked ---- */

void result_set_target(struct result *r, const char *url, const char *banner,
	const char *const *features, size_t n)
{
	json_t *o = json_object();
	char *redacted = url ? result_redact_url(url) : NULL;

	json_add_text(o, "url", redacted);
	json_add_text(o, "banner", banner);
	json_add(o, "features", json_strings(features, n));
	json_add(r->root, "target", o);
	free(redacted);
}

void result_set_duration(struct result *r, double seconds)
{
	if (isfinite(seconds))
		json_add(json_object_get(r->root, "run"), "duration_s", number(seconds));
}

void result_config(struct result *r, const char *name, const char *value)
{
	json_t *o;

	if (!value)
		return;
	o = json_object();
	json_add_text(o, "value", value);
	add_named(json_object_get(r->root, "config"), name, o);
}

void result_config_num(struct result *r, const char *name, double value, const char *unit)
{
	json_t *o;

	if (!isfinite(value))
		return;
	o = json_object();
	json_add(o, "value", number(value));
	json_add_text(o, "unit", unit);
	add_named(json_object_get(r->root, "config"), name, o);
}

void result_environment(struct result *r, const char *name, const char *value)
{
	if (value)
		add_named(json_object_get(r->root, "environment"), name, text(value));
}

static char *formatted(const char *fmt, va_list ap) PRINTF(1, 0);
static char *formatted(const char *fmt, va_list ap)
{
	char *s;

	if (vasprintf(&s, fmt, ap) < 0)
		die("no memory for a result");
	return s;
}

void result_note(struct result *r, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = formatted(fmt, ap);
	va_end(ap);
	json_append(result_list(r, "notes"), text(s));
	free(s);
}

/* ---- numbers ---- */

void result_counter(struct result *r, const char *name, uint64_t value, const char *unit)
{
	json_t *all = json_object_get(r->root, "counters"), *o = json_object_get(all, name);

	if (!o) {
		o = json_object();
		json_add(o, "value", json_integer(0));
		json_add_text(o, "unit", unit);
		add_named(all, name, o);
	}
	value += (uint64_t)json_integer_value(json_object_get(o, "value"));
	json_add(o, "value", result_json_count(value));
}

void result_figure(
	struct result *r, const char *name, double value, const char *unit, enum result_merge merge)
{
	json_t *o = json_object();

	json_add(o, "value", number(value));
	json_add_text(o, "unit", unit);
	json_add(o, "merge", json_string(merge_names[merge]));
	add_named(json_object_get(r->root, "figures"), name, o);
}

json_t *result_json_find_hist(const struct result *r, const char *name, const char *origin)
{
	json_t *all = json_object_get(r->root, "histograms");

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *o = json_array_get(all, i);
		if (json_text_is(o, "name", name) && (!origin || json_text_is(o, "origin", origin)))
			return o;
	}
	return NULL;
}

static json_t *counts(const struct hist *h)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < h->n_counts; i++) {
		if (!h->counts[i])
			continue;
		json_t *pair = json_array();
		json_append(pair, json_integer(i));
		json_append(pair, result_json_count(h->counts[i]));
		json_append(array, pair);
	}
	return array;
}

static void put_hist(json_t *o, const struct hist *h)
{
	json_add(o, "max", json_integer(h->max));
	json_add(o, "digits", json_integer(h->digits));
	json_add(o, "n", result_json_count(h->n));
	json_add(o, "below", result_json_count(h->below));
	json_add(o, "above", result_json_count(h->above));
	json_add(o, "least", json_integer(h->least));
	json_add(o, "most", json_integer(h->most));
	json_add(o, "sum", number(h->sum));
	json_add(o, "mean", number(hist_mean(h)));
	json_add(o, "p50", json_integer(hist_quantile(h, 0.5)));
	json_add(o, "p90", json_integer(hist_quantile(h, 0.9)));
	json_add(o, "p99", json_integer(hist_quantile(h, 0.99)));
	json_add(o, "p999", json_integer(hist_quantile(h, 0.999)));
	json_add(o, "counts", counts(h));
}

int result_hist(struct result *r, const char *name, const char *unit, const char *origin,
	const struct hist *h)
{
	json_t *o = result_json_find_hist(r, name, origin);
	struct hist sum;
	int err = 0;

	assert(r->kind == RESULT_LOAD && name && unit && origin);
	if (!o) {
		o = json_object();
		json_add_text(o, "name", name);
		json_add_text(o, "unit", unit);
		json_add_text(o, "origin", origin);
		put_hist(o, h);
		json_append(result_list(r, "histograms"), o);
		return 0;
	}
	if (!result_json_hist(o, &sum))
		die("a histogram of our own cannot be read back");
	err = json_text_is(o, "unit", unit) ? hist_add(&sum, h) : ERR_RANGE;
	if (!err)
		put_hist(o, &sum);
	hist_clear(&sum);
	return err;
}

void result_series_columns(struct result *r, const struct result_column *columns, size_t n)
{
	json_t *series = json_object(), *all = json_array();

	assert(r->kind == RESULT_LOAD && !json_object_get(r->root, "series"));
	for (size_t i = 0; i < n; i++) {
		json_t *o = json_object();
		json_add_text(o, "name", columns[i].name);
		json_add_text(o, "unit", columns[i].unit);
		json_add(o, "merge", json_string(merge_names[columns[i].merge]));
		json_append(all, o);
	}
	json_add(series, "columns", all);
	json_add(series, "rows", json_array());
	json_add(r->root, "series", series);
}

void result_series_row(struct result *r, double t, const double *values)
{
	json_t *series = json_object_get(r->root, "series"), *row = json_array();
	size_t n = json_array_size(json_object_get(series, "columns"));

	assert(series);
	json_append(row, number(t));
	for (size_t i = 0; i < n; i++)
		json_append(row, number(values[i]));
	json_append(json_object_get(series, "rows"), row);
}

double result_heat_edge(size_t bin)
{
	/* upper edge in ns: 1 us, then RESULT_HEAT_PER_DECADE per decade */
	return 1000 * pow(10, (double)bin / RESULT_HEAT_PER_DECADE);
}

static size_t heat_bin(int64_t v)
{
	double place;

	if (v < 1000)
		return 0;
	place = 1 + floor(RESULT_HEAT_PER_DECADE * log10((double)v / 1000) + 1e-9);
	return place < RESULT_HEAT_BINS - 1 ? (size_t)place : RESULT_HEAT_BINS - 1;
}

static json_t *heat_map(struct result *r, const char *name)
{
	json_t *all = result_list(r, "heatmaps"), *o, *edges;

	for (size_t i = 0; i < json_array_size(all); i++) {
		if (json_text_is(json_array_get(all, i), "name", name))
			return json_array_get(all, i);
	}
	o = json_object();
	edges = json_array();
	json_add_text(o, "name", name);
	json_add(o, "unit", json_string("ns"));
	for (size_t i = 0; i < RESULT_HEAT_BINS; i++)
		json_append(edges, number(round(result_heat_edge(i))));
	json_add(o, "edges", edges);
	json_add(o, "rows", json_array());
	json_append(all, o);
	return o;
}

void result_heat_row(struct result *r, const char *name, double t, const struct hist *h)
{
	uint64_t bins[RESULT_HEAT_BINS] = { 0 };
	json_t *row = json_array();

	assert(r->kind == RESULT_LOAD && name);
	for (uint32_t i = 0; i < h->n_counts; i++) {
		if (h->counts[i])
			bins[heat_bin(hist_bucket_low(h, i))] += h->counts[i];
	}
	json_append(row, number(t));
	for (size_t i = 0; i < RESULT_HEAT_BINS; i++)
		json_append(row, result_json_count(bins[i]));
	json_append(json_object_get(heat_map(r, name), "rows"), row);
}

/* ---- may it be believed, did it pass ---- */

static json_t *check(const char *name, double value, double limit, const char *unit, bool pass)
{
	json_t *o = json_object();

	json_add_text(o, "name", name);
	json_add(o, "value", number(value));
	json_add(o, "limit", number(limit));
	json_add_text(o, "unit", unit);
	json_add(o, "pass", json_boolean(pass));
	return o;
}

static void invalidate(struct result *r, const char *reason)
{
	json_t *validity = json_object_get(r->root, "validity");

	json_add(validity, "valid", json_false());
	json_append(json_object_get(validity, "reasons"), text(reason));
}

void result_self_check(
	struct result *r, const char *name, double value, double limit, const char *unit, bool pass)
{
	json_t *validity = json_object_get(r->root, "validity");
	char a[48], b[48], *s;

	json_append(json_object_get(validity, "checks"), check(name, value, limit, unit, pass));
	if (pass)
		return;
	text_value(a, value, unit);
	text_value(b, limit, unit);
	s = xasprintf("%s is %s, the limit is %s", name, a, b);
	invalidate(r, s);
	free(s);
}

void result_invalid(struct result *r, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = formatted(fmt, ap);
	va_end(ap);
	invalidate(r, s);
	free(s);
}

bool result_is_valid(const struct result *r)
{
	return json_is_true(json_object_get(json_object_get(r->root, "validity"), "valid"));
}

void result_gate(
	struct result *r, const char *name, double value, double limit, const char *unit, bool pass)
{
	json_append(result_list(r, "gates"), check(name, value, limit, unit, pass));
}

void result_error(
	struct result *r, const char *where, const char *kind, uint64_t count, const char *example)
{
	json_t *all = result_list(r, "errors"), *o;

	for (size_t i = 0; i < json_array_size(all); i++) {
		o = json_array_get(all, i);
		if (!json_text_is(o, "where", where) || !json_text_is(o, "kind", kind))
			continue;
		count += (uint64_t)json_integer_value(json_object_get(o, "count"));
		json_add(o, "count", result_json_count(count));
		return;
	}
	o = json_object();
	json_add_text(o, "where", where);
	json_add_text(o, "kind", kind);
	json_add(o, "count", result_json_count(count));
	json_add_text(o, "example", example);
	json_append(all, o);
}

/* ---- the end ---- */

static bool has_failed(const json_t *all, const char *name, const char *const *bad)
{
	for (size_t i = 0; i < json_array_size(all); i++) {
		const char *v = json_string_value(json_object_get(json_array_get(all, i), name));
		for (const char *const *b = bad; v && *b; b++) {
			if (strcmp(v, *b) == 0)
				return true;
		}
	}
	return false;
}

int result_exit_code(const struct result *r)
{
	static const char *const bad_cases[] = { "fail", NULL };
	static const char *const bad_steps[] = { "differs", "no-answer", NULL };
	const json_t *gates = json_object_get(r->root, "gates");

	if (!result_is_valid(r))
		return 3;
	for (size_t i = 0; i < json_array_size(gates); i++) {
		if (!json_is_true(json_object_get(json_array_get(gates, i), "pass")))
			return 1;
	}
	return has_failed(json_object_get(r->root, "cases"), "verdict", bad_cases) ||
	       has_failed(json_object_get(r->root, "steps"), "verdict", bad_steps);
}
