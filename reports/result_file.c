/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reports/result_json.h"
#include "reports/shape.h"
#include "reports/text.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* Writing and reading a result file. */

#define DUMP (JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17))

/* Arrays of objects get a line per element, everything else one line: small, and good to diff. */
static bool put_value(FILE *f, const json_t *v)
{
	if (!json_is_array(v) || !json_is_object(json_array_get(v, 0)))
		return json_dumpf(v, f, DUMP) == 0;
	for (size_t i = 0; i < json_array_size(v); i++) {
		if (fputs(i ? ",\n  " : "[\n  ", f) < 0 ||
			json_dumpf(json_array_get(v, i), f, DUMP) != 0)
			return false;
	}
	return fputs("\n ]", f) >= 0;
}

int result_write(const struct result *r, const char *path)
{
	struct outfile *o = outfile_open(path);
	const char *name, *separator = "{\n ";
	json_t *v;

	if (!o)
		return errno ? -errno : -EIO;
	json_object_foreach(r->root, name, v)
	{
		if (fprintf(o->f, "%s\"%s\": ", separator, name) < 0 || !put_value(o->f, v)) {
			int err = errno ? -errno : -EIO;
			outfile_abort(o);
			return err;
		}
		separator = ",\n ";
	}
	(void)fputs("\n}\n", o->f); /* outfile_commit sees a failed stream */
	return outfile_commit(o);
}

/* The file's own name may hold anything; people read the line on a terminal. */
static char *shown(const char *path)
{
	return text_clean(bytes_str(path), 512);
}

static json_t *load(const char *path, char **why)
{
	json_error_t error;
	char *file = shown(path), *content = NULL, *words;
	size_t n;
	int err = os_read_any(path, RESULT_FILE_MAX, &content, &n);
	json_t *root = NULL;

	if (err) {
		*why = xasprintf("%s: %s", file,
			err == ERR_LIMIT ? "too large for a result file" : err_text(err));
	} else if (!(root = json_loadb(content, n, JSON_REJECT_DUPLICATES, &error))) {
		words = text_clean(bytes_str(error.text), sizeof error.text);
		*why = n == 0 ? xasprintf("%s: the file is empty", file)
			      : xasprintf("%s:%d:%d: not JSON: %s", file, error.line, error.column,
					words);
		free(words);
	}
	free(content);
	free(file);
	return root;
}

static const char *header_fault(const json_t *root)
{
	const char *format = json_string_value(json_object_get(root, "format"));
	const json_t *version = json_object_get(root, "version");

	if (!format || strcmp(format, RESULT_FORMAT) != 0)
		return "not a result file of Beagle (no \"format\":\"" RESULT_FORMAT "\")";
	if (!json_is_integer(version) || json_integer_value(version) < 1)
		return "version: a positive integer is expected here";
	if (json_integer_value(version) != RESULT_VERSION)
		return "written by another version of Beagle, whose format this one does not know";
	return NULL;
}

static uint64_t count_of(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

/* More values than any run has: sums of many results still fit. */
#define COUNT_MAX (UINT64_C(1) << 56)

bool result_json_hist(const json_t *o, struct hist *h)
{
	const json_t *counts = json_object_get(o, "counts");
	uint64_t digits = count_of(o, "digits"), max = count_of(o, "max"), sum = 0;

	if (digits < 1 || digits > 4 || max < 2 || max > INT64_MAX / 4)
		return false;
	hist_init(h, (int64_t)max, (int)digits);
	h->n = count_of(o, "n");
	h->below = count_of(o, "below");
	h->above = count_of(o, "above");
	h->least = json_integer_value(json_object_get(o, "least"));
	h->most = json_integer_value(json_object_get(o, "most"));
	h->sum = json_number_value(json_object_get(o, "sum"));
	for (size_t i = 0; i < json_array_size(counts); i++) {
		const json_t *pair = json_array_get(counts, i);
		uint64_t bucket = (uint64_t)json_integer_value(json_array_get(pair, 0));
		uint64_t n = (uint64_t)json_integer_value(json_array_get(pair, 1));
		if (bucket >= h->n_counts || __builtin_add_overflow(sum, n, &sum)) {
			hist_clear(h);
			return false;
		}
		h->counts[bucket] += n;
	}
	if (sum != h->n || h->n > COUNT_MAX || h->least > h->most || h->below > h->n ||
		h->above > h->n) {
		hist_clear(h);
		return false;
	}
	return true;
}

/* Rows of `series` or of a heat map are 1 + width long and in order of time. */
static bool are_rows(const json_t *rows, size_t width)
{
	double last = -1;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		double t = json_number_value(json_array_get(row, 0));
		if (json_array_size(row) != 1 + width || !(t > last))
			return false;
		last = t;
	}
	return true;
}

/* What a table of types cannot say. */
static char *content_fault(const json_t *root)
{
	const json_t *hists = json_object_get(root, "histograms"),
		     *series = json_object_get(root, "series"),
		     *heat = json_object_get(root, "heatmaps");

	for (size_t i = 0; i < json_array_size(hists); i++) {
		struct hist h;
		if (!result_json_hist(json_array_get(hists, i), &h))
			return xasprintf(
				"histograms[%zu]: its counts contradict n, max or digits", i);
		hist_clear(&h);
	}
	if (!are_rows(json_object_get(series, "rows"),
		    json_array_size(json_object_get(series, "columns"))))
		return xstrdup("series.rows: rows must fit the columns, times must rise");
	for (size_t i = 0; i < json_array_size(heat); i++) {
		const json_t *o = json_array_get(heat, i);
		if (!are_rows(json_object_get(o, "rows"),
			    json_array_size(json_object_get(o, "edges"))))
			return xasprintf("heatmaps[%zu].rows: rows must fit the edges, times must "
					 "rise",
				i);
	}
	return NULL;
}

static char *fault_of(const json_t *root)
{
	const char *why = header_fault(root);
	char path[256];

	if (why)
		return xstrdup(why);
	if (!shape_check(root, shape_result, path, sizeof path, &why))
		return xasprintf("%s: %s", path, why);
	return content_fault(root);
}

/* A file of someone else's may hold what text_clean would have removed. */
static void clean_strings(json_t *v, int depth)
{
	const char *name;
	json_t *member;

	if (json_is_string(v)) {
		char *clean = text_clean(
			bytes_of(json_string_value(v), json_string_length(v)), RESULT_TEXT_MAX);
		if (strcmp(clean, json_string_value(v)) != 0 && json_string_set(v, clean) != 0)
			die("no memory for a result");
		free(clean);
	} else if (json_is_array(v) && depth < 16) {
		for (size_t i = 0; i < json_array_size(v); i++)
			clean_strings(json_array_get(v, i), depth + 1);
	} else if (depth < 16) {
		json_object_foreach(v, name, member) clean_strings(member, depth + 1);
	}
}

static const char *key_fault(json_t *v)
{
	static const char *const maps[] = { "environment", "config", "counters", "figures" };
	const char *name;
	json_t *member;

	for (size_t i = 0; i < COUNT(maps); i++) {
		json_object_foreach(json_object_get(v, maps[i]), name, member)
		{
			char *clean = text_clean(bytes_str(name), RESULT_TEXT_MAX);
			bool same = strcmp(clean, name) == 0;
			free(clean);
			if (!same)
				return maps[i];
		}
	}
	return NULL;
}

struct result *result_read(const char *path, char **why)
{
	json_t *root = load(path, why);
	struct result *r;
	char *fault, *file;
	const char *kind;

	if (!root)
		return NULL;
	fault = fault_of(root);
	if (!fault && key_fault(root))
		fault = xasprintf("%s: a name holds a control character", key_fault(root));
	if (fault) {
		file = shown(path);
		*why = xasprintf("%s: %s", file, fault);
		free(file);
		free(fault);
		json_decref(root);
		return NULL;
	}
	clean_strings(root, 0);
	kind = json_string_value(json_object_get(root, "kind"));
	r = xcalloc(1, sizeof *r);
	*r = (struct result){ .root = root,
		.kind = strcmp(kind, "load") == 0          ? RESULT_LOAD
			: strcmp(kind, "conformance") == 0 ? RESULT_CONFORMANCE
							   : RESULT_REPLAY };
	return r;
}

bool result_get_hist(const struct result *r, const char *name, const char *origin, struct hist *h)
{
	json_t *o = result_json_find_hist(r, name, origin);
	return o && result_json_hist(o, h);
}
