/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/result_json.h"
#include "reports/tests/fixture.h"
#include "reports/text.h"
#include "server/base/err.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

static char *temporary(const char *name)
{
	const char *dir = getenv("FIXTURES"); /* to keep what is written: a folder */
	return dir ? xasprintf("%s/%s", dir, name)
		   : xasprintf("/tmp/beagle-reports-%d-%s", (int)getpid(), name);
}

static void drop(char *path)
{
	if (!getenv("FIXTURES"))
		(void)unlink(path);
	free(path);
}

/* Writes, reads again, and frees r. NULL when the reader refuses. */
static struct result *round_trip(struct result *r, const char *name)
{
	char *path = temporary(name), *why = NULL;
	struct result *back;

	CU_ASSERT_EQUAL(result_write(r, path), 0);
	back = result_read(path, &why);
	CU_ASSERT_PTR_NOT_NULL(back);
	CU_ASSERT(back && json_equal(r->root, back->root));
	if (!back)
		fprintf(stderr, "%s\n", why);
	free(why);
	result_free(r);
	drop(path);
	return back;
}

static void t_round_trip(void)
{
	result_free(round_trip(fixture_load("udp", 1000, false), "load-udp.json"));
	result_free(round_trip(fixture_load("tcp", 1000, true), "load-tcp.json"));
	result_free(round_trip(fixture_conformance(), "conformance.json"));
	result_free(round_trip(fixture_replay(), "replay.json"));
	result_free(round_trip(fixture_invalid(), "invalid.json"));
	for (int kind = RESULT_LOAD; kind <= RESULT_REPLAY; kind++) {
		char name[32];
		(void)snprintf(name, sizeof name, "empty-%d.json", kind);
		result_free(round_trip(fixture_empty((enum result_kind)kind), name));
		(void)snprintf(name, sizeof name, "hostile-%d.json", kind);
		result_free(round_trip(fixture_hostile((enum result_kind)kind), name));
	}
}

static void t_hist_survives(void)
{
	struct result *r = fixture_empty(RESULT_LOAD);
	struct hist h, back;

	hist_init(&h, 3600 * INT64_C(1000000000), 3);
	for (int64_t i = -5; i < 5000; i++)
		hist_record(&h, i * i * i);
	CU_ASSERT_EQUAL(result_hist(r, "setup", "ns", "intended", &h), 0);
	r = round_trip(r, "hist.json");
	CU_ASSERT_FATAL(r != NULL && result_get_hist(r, "setup", "intended", &back));
	CU_ASSERT_EQUAL(back.n, h.n);
	CU_ASSERT_EQUAL(back.below, h.below);
	CU_ASSERT_EQUAL(back.least, h.least);
	CU_ASSERT_EQUAL(back.most, h.most);
	CU_ASSERT_EQUAL(memcmp(back.counts, h.counts, h.n_counts * sizeof *h.counts), 0);
	hist_clear(&back);
	CU_ASSERT_FALSE(result_get_hist(r, "setup", "sent", &back));
	hist_clear(&h);
	result_free(r);
}

/* One result of two halves, the halves added, and the files of the halves merged: all the same. */
static void t_merge_is_addition(void)
{
	struct result *whole = fixture_empty(RESULT_LOAD), *parts[2];
	struct hist all, half[2], back;

	hist_init(&all, 1000000000, 2);
	for (int k = 0; k < 2; k++) {
		hist_init(&half[k], 1000000000, 2);
		for (int64_t i = 1; i < 4000; i += 1 + k) {
			hist_record(&half[k], i * i * (k + 1));
			hist_record(&all, i * i * (k + 1));
		}
		parts[k] = fixture_empty(RESULT_LOAD);
		CU_ASSERT_EQUAL(result_hist(parts[k], "play", "ns", "sent", &half[k]), 0);
		CU_ASSERT_EQUAL(result_hist(whole, "play", "ns", "sent", &half[k]), 0);
		result_heat_row(parts[k], "lateness", 0, &half[k]);
		result_counter(parts[k], "packets_received", half[k].n, NULL);
		result_figure(parts[k], "mean", k ? 4 : 1, NULL, RESULT_MEAN);
		result_error(parts[k], "setup", "status 454", 2, NULL);
	}
	CU_ASSERT_EQUAL(result_merge(parts[0], parts[1], NULL), 0);
	CU_ASSERT(json_equal(json_object_get(parts[0]->root, "histograms"),
		json_object_get(whole->root, "histograms")));
	CU_ASSERT_FATAL(result_get_hist(parts[0], "play", NULL, &back));
	CU_ASSERT_EQUAL(back.n, all.n);
	CU_ASSERT_EQUAL(memcmp(back.counts, all.counts, all.n_counts * sizeof *all.counts), 0);
	result_heat_row(whole, "lateness", 0, &all);
	CU_ASSERT(json_equal(json_object_get(parts[0]->root, "heatmaps"),
		json_object_get(whole->root, "heatmaps")));
	for (int k = 0; k < 2; k++)
		hist_clear(&half[k]);
	hist_clear(&back);
	hist_clear(&all);
	result_free(parts[0]);
	result_free(parts[1]);
	result_free(whole);
}

static double value_of(const struct result *r, const char *map, const char *name)
{
	return json_number_value(
		json_object_get(json_object_get(json_object_get(r->root, map), name), "value"));
}

static void t_merge_rules(void)
{
	static const struct result_column columns[] = { { "packets", NULL, RESULT_SUM },
		{ "lateness_p99", "ns", RESULT_MAX } };
	struct result *a = fixture_empty(RESULT_LOAD), *b = fixture_empty(RESULT_LOAD);
	const json_t *rows;

	result_series_columns(a, columns, 2);
	result_series_columns(b, columns, 2);
	result_series_row(a, 0, (double[]){ 10, 5 });
	result_series_row(a, 2, (double[]){ 20, NAN });
	result_series_row(b, 0, (double[]){ 1, 9 });
	result_series_row(b, 1, (double[]){ 2, 3 });
	result_figure(a, "mean", 1, NULL, RESULT_MEAN);
	result_figure(b, "mean", 4, NULL, RESULT_MEAN);
	result_counter(a, "lost", 3, NULL);
	result_counter(b, "lost", 4, NULL);
	result_invalid(b, "lost a worker");
	CU_ASSERT_EQUAL(result_merge(a, b, NULL), 0);
	CU_ASSERT_EQUAL(result_merge(a, b, NULL), 0); /* a third part */
	CU_ASSERT_EQUAL(value_of(a, "counters", "lost"), 11);
	CU_ASSERT_EQUAL(value_of(a, "figures", "mean"), 3); /* of 1, 4 and 4 */
	rows = json_object_get(json_object_get(a->root, "series"), "rows");
	CU_ASSERT_EQUAL(json_array_size(rows), 3);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(json_array_get(rows, 0), 1)), 12);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(json_array_get(rows, 0), 2)), 9);
	CU_ASSERT_EQUAL(json_number_value(json_array_get(json_array_get(rows, 1), 1)), 4);
	CU_ASSERT_FALSE(result_is_valid(a));
	result_free(a);
	result_free(b);
}

static void t_merge_refuses(void)
{
	struct result *a = fixture_load("udp", 100, false), *b = fixture_conformance(),
		      *c = fixture_empty(RESULT_LOAD);
	struct hist other;
	char *why = NULL;

	CU_ASSERT_EQUAL(result_merge(a, b, &why), ERR_UNSUPPORTED);
	free(why);
	hist_init(&other, 1000, 1);
	hist_record(&other, 3);
	CU_ASSERT_EQUAL(result_hist(c, "setup", "ns", "intended", &other), 0);
	CU_ASSERT_EQUAL(result_merge(a, c, &why), ERR_RANGE);
	CU_ASSERT_STRING_EQUAL(why, "histogram setup: other max or digits");
	free(why);
	hist_clear(&other);
	result_free(a);
	result_free(b);
	result_free(c);
}

static void t_exit_codes(void)
{
	struct result *r = fixture_load("udp", 10, false);

	CU_ASSERT_EQUAL(result_exit_code(r), 0);
	result_gate(r, "loss", 1, 0, NULL, false);
	CU_ASSERT_EQUAL(result_exit_code(r), 1);
	result_self_check(r, "own lag", 2e6, 1e6, "ns", false);
	CU_ASSERT_EQUAL(result_exit_code(r), 3);
	result_free(r);
	r = fixture_conformance();
	CU_ASSERT_EQUAL(result_exit_code(r), 1);
	result_free(r);
	r = fixture_replay();
	CU_ASSERT_EQUAL(result_exit_code(r), 1);
	result_free(r);
}

/* ---- reading ---- */

static void expect_refusal(const char *content, const char *why_end)
{
	char *path = temporary("bad.json"), *why = NULL;
	FILE *f = fopen(path, "w");
	struct result *r;

	CU_ASSERT_FATAL(f != NULL);
	fputs(content, f);
	CU_ASSERT_EQUAL(fclose(f), 0);
	r = result_read(path, &why);
	CU_ASSERT_PTR_NULL(r);
	CU_ASSERT(why && strstr(why, why_end));
	if (!why || !strstr(why, why_end))
		fprintf(stderr, "wanted '%s', got '%s'\n", why_end, why ? why : "nothing");
	CU_ASSERT(why && !strchr(why, '\n'));
	free(why);
	result_free(r);
	(void)unlink(path);
	free(path);
}

static void t_bad_files(void)
{
	char *why = NULL;

	expect_refusal("", "the file is empty");
	expect_refusal("{\n \"format\": }", ":2:12: not JSON: ");
	expect_refusal("[]", "not a result file of Beagle");
	expect_refusal("{\"format\":\"other\"}", "not a result file of Beagle");
	expect_refusal("{\"format\":\"beagle-result\",\"version\":2}", "another version");
	expect_refusal("{\"format\":\"beagle-result\",\"version\":1}", "kind: is missing");
	expect_refusal("{\"format\":\"beagle-result\",\"version\":1,\"kind\":\"x\"}",
		"kind: not one of the words");
	CU_ASSERT_PTR_NULL(result_read("/nonexistent/result.json", &why));
	CU_ASSERT_STRING_EQUAL(why, "/nonexistent/result.json: No such file or directory");
	free(why);
}

/* Changes one place of a good file and expects the reader to name that place. */
static void expect_place(struct result *r, const char *why_end)
{
	char *text = json_dumps(r->root, JSON_COMPACT);

	expect_refusal(text, why_end);
	free(text);
	result_free(r);
}

static json_t *first_of(struct result *r, const char *list)
{
	return json_array_get(json_object_get(r->root, list), 0);
}

static void t_bad_places(void)
{
	struct result *r = fixture_load("udp", 10, false);
	json_object_set_new(first_of(r, "histograms"), "n", json_integer(1));
	expect_place(r, ": histograms[0]: its counts contradict n, max or digits");

	r = fixture_load("udp", 10, false);
	json_object_set_new(first_of(r, "histograms"), "digits", json_integer(50));
	expect_place(r, ": histograms[0]: its counts contradict n, max or digits");

	r = fixture_load("udp", 10, false);
	json_array_append_new(json_object_get(first_of(r, "histograms"), "counts"), json_null());
	expect_place(r, ".counts[");

	r = fixture_conformance();
	json_object_set_new(first_of(r, "cases"), "verdict", json_string("good"));
	expect_place(r, ": cases[0].verdict: not one of the words");

	r = fixture_load("udp", 10, false);
	json_array_append_new(
		json_object_get(json_object_get(r->root, "series"), "rows"), json_pack("[f]", 1.0));
	expect_place(r, ": series.rows: rows must fit the columns");

	r = fixture_replay();
	json_object_del(first_of(r, "steps"), "live_ms");
	expect_place(r, ": steps[0].live_ms: is missing");
}

static void t_whole_or_not(void)
{
	struct result *r = fixture_replay();

	CU_ASSERT(result_write(r, "/nonexistent/dir/r.json") < 0);
	result_free(r);
}

/* ---- text ---- */

static void expect_clean(struct bytes in, size_t max, const char *out)
{
	char *s = text_clean(in, max);

	CU_ASSERT_STRING_EQUAL(s, out);
	free(s);
}

#define BAD "\xef\xbf\xbd"

static void t_clean(void)
{
	expect_clean(B("plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb6\t\n"), 100,
		"plain \xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb6\t\n");
	expect_clean(B("\xc0\x80\xed\xa0\x80\xf5\x80"), 100, BAD BAD BAD BAD BAD BAD BAD);
	expect_clean(B("a\0b\x1b[31m\x7f\xc2\x85"), 100, "a" BAD "b" BAD "[31m" BAD BAD);
	expect_clean(B("x\xe2\x80\xaey"), 100, "x" BAD "y");
	expect_clean(B("cut \xe2\x82"), 100, "cut " BAD BAD);
	expect_clean(B("0123456789"), 4, "0123\xe2\x80\xa6");
	expect_clean(B("012\xe2\x82\xac"), 5, "012\xe2\x80\xa6");
	expect_clean(B(""), 4, "");
}

static void expect_url(const char *in, const char *out)
{
	char *s = result_redact_url(in);

	CU_ASSERT_STRING_EQUAL(s, out);
	if (strcmp(s, out) != 0)
		fprintf(stderr, "%s -> %s\n", in, s);
	free(s);
}

static void t_redact(void)
{
	expect_url("rtsp://host:554/a?b=c", "rtsp://host:554/a?b=c");
	expect_url("rtsp://u:p@ss@host/a@b", "rtsp://REDACTED@host/a@b");
	expect_url("rtsp://h/x?Access_Token=1&n=2;SIG=",
		"rtsp://h/x?Access_Token=REDACTED&n=2;SIG=REDACTED");
	expect_url("u:p@host/x", "REDACTED@host/x");
	expect_url("*", "*");
	expect_url("", "");
}

static void t_secrets_stay_out(void)
{
	char *argv[] = { (char *)"x", (char *)"--password", (char *)"hunter2",
		(char *)"--token=hunter2", (char *)"rtsp://a:hunter2@h/?key=hunter2",
		(char *)"--password-file", (char *)"f" };
	struct result_run run = { .kind = RESULT_LOAD, .program = "x", .argc = 7, .argv = argv };
	struct result *r = result_new(&run);
	char *text;

	result_set_target(r, "rtsp://a:hunter2@h/?key=hunter2", NULL, NULL, 0);
	text = json_dumps(r->root, JSON_COMPACT);
	CU_ASSERT_PTR_NULL(strstr(text, "hunter2"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"--password-file\",\"f\""));
	free(text);
	result_free(r);
}

static void t_numbers(void)
{
	char s[48];

	text_number(s, 1234567);
	CU_ASSERT_STRING_EQUAL(s, "1\xe2\x80\xaf"
				  "234\xe2\x80\xaf"
				  "567");
	text_number(s, -1000);
	CU_ASSERT_STRING_EQUAL(s, "-1\xe2\x80\xaf"
				  "000");
	text_number(s, 0);
	CU_ASSERT_STRING_EQUAL(s, "0");
	text_duration(s, 999.6e3);
	CU_ASSERT_STRING_EQUAL(s, "1.00 ms");
	text_duration(s, 20.04e6);
	CU_ASSERT_STRING_EQUAL(s, "20.0 ms");
	text_duration(s, 90e9);
	CU_ASSERT_STRING_EQUAL(s, "90.0 s");
	text_value(s, 0.125, "ratio");
	CU_ASSERT_STRING_EQUAL(s, "12.5 %");
	text_value(s, 2.5e6, "bytes");
	CU_ASSERT_STRING_EQUAL(s, "2.50 MB");
}

UNIT_SUITE(reports_result, { "result: what is written is read back the same", t_round_trip },
	{ "result: a histogram survives the file bucket by bucket", t_hist_survives },
	{ "result: merging is addition of counts", t_merge_is_addition },
	{ "result: sums, maxima and means merge by their own rules, gaps are filled",
		t_merge_rules },
	{ "result: other kinds and layouts don't merge", t_merge_refuses },
	{ "result: exit 3 invalid before 1 failed before 0", t_exit_codes },
	{ "result: a bad file is refused in one line that says where", t_bad_files },
	{ "result: a bad value is refused with its path", t_bad_places },
	{ "result: a file that cannot be written is an error", t_whole_or_not },
	{ "text: what a peer sent becomes clean UTF-8 within its cap", t_clean },
	{ "redact: user parts and secret query values leave a URL", t_redact },
	{ "redact: no secret of the command line reaches the file", t_secrets_stay_out },
	{ "text: numbers carry three digits and their unit", t_numbers });
