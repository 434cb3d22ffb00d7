/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/compare.h"
#include "reports/html.h"
#include "reports/junit.h"
#include "reports/link.h"
#include "reports/markdown.h"
#include "reports/peek.h"
#include "reports/result_json.h"
#include "reports/sections.h"
#include "reports/shape.h"
#include "reports/tests/fixture.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/* The text that a writer makes; the caller frees. */
static char *page_of(struct result *const *results, size_t n, bool plots)
{
	char *text = NULL, *why = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct html_options o = { .title = "A <title>", .with_plots = plots };

	CU_ASSERT_EQUAL(html_write(f, results, n, &o, &why), 0);
	if (why)
		fprintf(stderr, "%s\n", why);
	free(why);
	(void)fclose(f);
	return text;
}

static char *text_of(void (*put)(FILE *, const struct result *), const struct result *r)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	put(f, r);
	(void)fclose(f);
	return text;
}

static bool has_gnuplot(void)
{
	if (system("command -v gnuplot >/dev/null 2>&1") == 0)
		return true;
	unit_skip("gnuplot is not installed");
	return false;
}

/* ---- the page ---- */

/* UPDATE_GOLDEN=1 writes it anew: then look at the difference. */
#define GOLDEN "reports/tests/golden.html"

static void t_golden(void)
{
	struct result *all[] = { fixture_load("udp", 300, true), fixture_load("tcp", 300, false),
		fixture_conformance(), fixture_replay() };
	char *page, *golden = NULL;
	size_t n = 0;

	page = page_of(all, COUNT(all), false);
	if (getenv("UPDATE_GOLDEN")) {
		FILE *f = fopen(GOLDEN, "w");
		CU_ASSERT_FATAL(f != NULL);
		fputs(page, f);
		CU_ASSERT_EQUAL(fclose(f), 0);
	}
	CU_ASSERT_EQUAL(os_read_file(GOLDEN, (size_t)1 << 20, &golden, &n), 0);
	CU_ASSERT(golden && strcmp(golden, page) == 0);
	free(golden);
	free(page);
	for (size_t i = 0; i < COUNT(all); i++)
		result_free(all[i]);
}

static size_t count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *s = text; (s = strstr(s, what)); s += strlen(what))
		n++;
	return n;
}

static void t_same_bytes(void)
{
	struct result *all[] = { fixture_load("udp", 300, true), fixture_load("tcp", 300, false) };
	char *a, *b;

	if (has_gnuplot()) {
		a = page_of(all, 2, true);
		b = page_of(all, 2, true);
		CU_ASSERT_STRING_EQUAL(a, b);
		CU_ASSERT_EQUAL(count_of(a, "<svg"), 26);
		CU_ASSERT_EQUAL(count_of(a, "</svg>"), 26);
		free(a);
		free(b);
	}
	result_free(all[0]);
	result_free(all[1]);
}

static void t_no_data(void)
{
	struct result *all[] = { fixture_empty(RESULT_LOAD), fixture_empty(RESULT_CONFORMANCE),
		fixture_empty(RESULT_REPLAY) };
	char *page;

	if (has_gnuplot()) {
		page = page_of(all, 3, true);
		CU_ASSERT_PTR_NOT_NULL(strstr(page, "no data: the result holds nothing to draw"));
		CU_ASSERT_PTR_NOT_NULL(strstr(page, "no data: the result holds no cases"));
		CU_ASSERT_PTR_NOT_NULL(strstr(page, "no data: the result holds no steps"));
		CU_ASSERT_EQUAL(count_of(page, "EMPTY"), 3);
		free(page);
	}
	for (size_t i = 0; i < 3; i++)
		result_free(all[i]);
}

/* A series and histograms with one value each, zeros, and gaps: gnuplot must have nothing to say. */
static void t_thin_data(void)
{
	static const struct result_column columns[] = { { "sessions", NULL, RESULT_SUM },
		{ "lost", NULL, RESULT_SUM }, { "bytes", NULL, RESULT_SUM } };
	struct result *r = fixture_empty(RESULT_LOAD);
	struct hist h;
	char *page;

	hist_init(&h, 1000000000, 2);
	result_heat_row(r, "setup", 0, &h); /* nothing in it */
	hist_record(&h, 0);
	CU_ASSERT_EQUAL(result_hist(r, "setup", "ns", "intended", &h), 0);
	CU_ASSERT_EQUAL(result_hist(r, "lateness", "ns", "rtp", &h), 0);
	result_heat_row(r, "lateness", 0, &h);
	result_series_columns(r, columns, 3);
	result_series_row(r, 0, (double[]){ 0, NAN, 1e-300 });
	if (has_gnuplot()) {
		char folder[] = "/tmp/beagle-page-XXXXXX";
		CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
		CU_ASSERT_EQUAL(setenv("TMPDIR", folder, 1), 0);
		page = page_of(&r, 1, true);
		CU_ASSERT_EQUAL(count_of(page, "<svg"), 5);
		CU_ASSERT_EQUAL(unsetenv("TMPDIR"), 0);
		/* a folder with something in it cannot be removed */
		CU_ASSERT_EQUAL(rmdir(folder), 0);
		free(page);
	}
	hist_clear(&h);
	result_free(r);
}

static void t_hostile_page(void)
{
	for (int kind = RESULT_LOAD; kind <= RESULT_REPLAY; kind++) {
		struct result *r = fixture_hostile((enum result_kind)kind);
		char *page = page_of(&r, 1, has_gnuplot());

		CU_ASSERT_PTR_NULL(strstr(page, "<script"));
		CU_ASSERT_PTR_NULL(strstr(page, "<img"));
		CU_ASSERT_PTR_NULL(strstr(page, "href=\"javascript"));
		CU_ASSERT_PTR_NULL(strchr(page, 0x1b));
		CU_ASSERT_PTR_NULL(strchr(page, 0x7f));
		CU_ASSERT_PTR_NULL(strstr(page, "\xe2\x80\xae"));
		CU_ASSERT_PTR_NOT_NULL(strstr(page, "&lt;script&gt;alert(1)"));
		CU_ASSERT_PTR_NOT_NULL(strstr(page, "INVALID: do not use these numbers"));
		free(page);
		result_free(r);
	}
}

static void t_secrets_in_pages(void)
{
	struct result *all[] = { fixture_load("udp", 100, false), fixture_replay() };
	char *page = page_of(all, 2, false);

	CU_ASSERT_PTR_NULL(strstr(page, "hunter2"));
	CU_ASSERT_PTR_NULL(strstr(page, "token=abc"));
	CU_ASSERT_PTR_NOT_NULL(strstr(page, "A &lt;title&gt;"));
	free(page);
	result_free(all[0]);
	result_free(all[1]);
}

static void t_nothing_from_elsewhere(void)
{
	struct result *r = fixture_load("udp", 100, false);
	char *page = page_of(&r, 1, has_gnuplot());

	CU_ASSERT_PTR_NULL(strstr(page, "src="));
	CU_ASSERT_PTR_NULL(strstr(page, "@import"));
	CU_ASSERT_PTR_NULL(strstr(page, "url("));
	/* the only addresses are the names of SVG's own XML name spaces */
	CU_ASSERT_EQUAL(count_of(page, "http://"), count_of(page, "http://www.w3.org/"));
	CU_ASSERT_PTR_NULL(strstr(page, "https://"));
	free(page);
	result_free(r);
}

/* A good file with a few bytes changed is refused, or makes a page; nothing else. */
static void t_damaged_files(void)
{
	static const char alphabet[] = "0123456789-.eE\"[]{},:ntf\x00\x80\xff";
	char *path = xasprintf("/tmp/beagle-damaged-%d.json", (int)getpid()), *text, *why, *page;
	uint64_t state = 7;

	for (unsigned round = 0; round < 600; round++) {
		struct result *r = round % 3 == 0   ? fixture_conformance()
				   : round % 3 == 1 ? fixture_replay()
						    : fixture_load("udp", 5, true);
		FILE *f = fopen(path, "wb");
		text = json_dumps(r->root, JSON_COMPACT);
		size_t n = strlen(text);
		for (unsigned k = 0; k < 1 + round % 4; k++) {
			state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
			text[(state >> 20) % n] = alphabet[(state >> 50) % (sizeof alphabet - 1)];
		}
		CU_ASSERT_FATAL(f != NULL);
		(void)fwrite(text, 1, n, f);
		CU_ASSERT_EQUAL(fclose(f), 0);
		free(text);
		result_free(r);
		why = NULL;
		r = result_read(path, &why);
		CU_ASSERT(r ? !why : why && !strchr(why, '\n'));
		free(why);
		if (r) {
			page = page_of(&r, 1, false);
			free(page);
			free(text_of(junit_put, r));
			free(text_of(markdown_put, r));
		}
		result_free(r);
	}
	(void)unlink(path);
	free(path);
}

/* ---- comparison ---- */

static const struct compare_row *row_of(const struct compare *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++) {
		if (strcmp(c->rows[i].name, name) == 0)
			return &c->rows[i];
	}
	return NULL;
}

static void t_compare(void)
{
	struct result *a = fixture_empty(RESULT_LOAD), *b = fixture_empty(RESULT_LOAD);
	const struct compare_row *row;
	struct compare c;
	struct hist h;

	hist_init(&h, 1000000000, 3);
	hist_record_n(&h, 1000000, 10000);
	CU_ASSERT_EQUAL(result_hist(a, "setup", "ns", "intended", &h), 0);
	hist_reset(&h);
	hist_record_n(&h, 2000000, 50);
	CU_ASSERT_EQUAL(result_hist(b, "setup", "ns", "intended", &h), 0);
	result_counter(a, "packets_lost", 4, NULL);
	result_counter(b, "packets_lost", 6, NULL);
	result_counter(a, "none", 0, NULL);
	result_counter(b, "none", 0, NULL);
	result_counter(a, "new", 0, NULL);
	result_counter(b, "new", 5, NULL);
	result_counter(b, "only_b", 5, NULL);
	compare_init(&c, a, b);
	row = row_of(&c, "packets_lost");
	CU_ASSERT(row && row->ratio == 1.5);
	row = row_of(&c, "none");
	CU_ASSERT(row && row->ratio == 1);
	row = row_of(&c, "new");
	CU_ASSERT(row && isnan(row->ratio));
	row = row_of(&c, "only_b");
	CU_ASSERT(row && isnan(row->a) && row->b == 5);
	row = row_of(&c, "setup p50 (intended)");
	CU_ASSERT(row && fabs(row->ratio - 2) < 0.01);
	row = row_of(&c, "setup p99 (intended)"); /* 50 values hold no p99 */
	CU_ASSERT(row && isnan(row->b));
	compare_clear(&c);
	hist_clear(&h);
	result_free(a);
	result_free(b);
}

static void t_compare_refuses(void)
{
	struct result *a = fixture_load("udp", 10, false), *b = fixture_load("udp", 10, false),
		      *other = fixture_replay();
	char *why = compare_refusal(a, b);

	CU_ASSERT_PTR_NULL(why);
	why = compare_refusal(a, other);
	CU_ASSERT_STRING_EQUAL(why, "one is a result of load, the other of replay");
	free(why);
	result_config(b, "receive_mode", "recvmmsg with GRO");
	why = compare_refusal(a, b);
	CU_ASSERT(why && strstr(why, "the receive modes differ"));
	free(why);
	result_config(b, "receive_mode", "recvmmsg, 8 shared socket pairs");
	result_invalid(b, "too slow");
	why = compare_refusal(a, b);
	CU_ASSERT(why && strstr(why, "the second run is INVALID"));
	free(why);
	result_free(a);
	result_free(b);
	result_free(other);
}

/* ---- JUnit and Markdown ---- */

static void t_junit_counts(void)
{
	struct result *r = fixture_conformance();
	char *xml = text_of(junit_put, r);

	/* 12 cases and "valid" */
	CU_ASSERT_PTR_NOT_NULL(
		strstr(xml, "tests=\"13\" failures=\"1\" errors=\"1\" skipped=\"1\""));
	CU_ASSERT_EQUAL(count_of(xml, "<testcase"), 13);
	CU_ASSERT_EQUAL(count_of(xml, "<failure"), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(xml, "classname=\"tr\" name=\"tr.unsupported\""));
	free(xml);
	result_free(r);
}

static void t_junit_hostile(void)
{
	for (int kind = RESULT_LOAD; kind <= RESULT_REPLAY; kind++) {
		struct result *r = fixture_hostile((enum result_kind)kind);
		char *xml = text_of(junit_put, r);

		CU_ASSERT_PTR_NULL(strstr(xml, "<script"));
		CU_ASSERT_PTR_NULL(strchr(xml, 0x1b));
		CU_ASSERT_EQUAL(count_of(xml, "<testcase"),
			count_of(xml, "</testcase>") + count_of(xml, "\"/>"));
		free(xml);
		result_free(r);
	}
}

static void t_markdown(void)
{
	for (int kind = RESULT_LOAD; kind <= RESULT_REPLAY; kind++) {
		struct result *r = fixture_hostile((enum result_kind)kind);
		char *text = text_of(markdown_put, r);

		CU_ASSERT_PTR_NULL(strstr(text, "<script"));
		CU_ASSERT_PTR_NULL(strstr(text, "@everyone"));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, "INVALID"));
		free(text);
		result_free(r);
	}
}

/* ---- the rest ---- */

static void t_section_order(void)
{
	CU_ASSERT(section_compare("2", "12") < 0);
	CU_ASSERT(section_compare("12.4", "12.17") < 0);
	CU_ASSERT(section_compare("12.17", "12.17.1") < 0);
	CU_ASSERT(section_compare("12", "A") < 0);
	CU_ASSERT(section_compare("A.1", "B") < 0);
	CU_ASSERT_EQUAL(section_compare("6.3.7", "6.3.7"), 0);
}

/* result.schema.json says of an object what the table of shape.c says, all the way down. */
static void match(const json_t *schema, const struct shape *fields, const char *where)
{
	const json_t *properties = json_object_get(schema, "properties"),
		     *required = json_object_get(schema, "required");
	size_t n = 0, n_required = 0;

	for (const struct shape *s = fields; s->name; s++, n++) {
		const json_t *o = json_object_get(properties, s->name);
		bool listed = false;

		for (size_t i = 0; i < json_array_size(required); i++)
			listed |= strcmp(json_string_value(json_array_get(required, i)), s->name) ==
				  0;
		n_required += s->required;
		if (!o || listed != s->required) {
			fprintf(stderr, "%s.%s: schema and table differ\n", where, s->name);
			CU_FAIL("schema and table differ");
		}
		if (s->type == SHAPE_OBJECTS)
			o = json_object_get(o, "items");
		if (s->type == SHAPE_MAP)
			o = json_object_get(o, "additionalProperties");
		if (s->fields)
			match(o, s->fields, s->name);
	}
	CU_ASSERT_EQUAL(json_object_size(properties), n);
	CU_ASSERT_EQUAL(json_array_size(required), n_required);
}

static void t_schema(void)
{
	json_t *schema = json_load_file("reports/result.schema.json", JSON_REJECT_DUPLICATES, NULL);

	CU_ASSERT_FATAL(schema != NULL);
	match(schema, shape_result, "result");
	json_decref(schema);
}

static void expect_link(const char *page, const char *file, const char *url)
{
	char *s = link_relative(page, file);

	CU_ASSERT(url ? s && strcmp(s, url) == 0 : !s);
	free(s);
}

static void t_links(void)
{
	expect_link("/usr/page.html", "/usr/bin", "bin");
	expect_link("/usr/lib/page.html", "/etc/passwd", "../../etc/passwd");
	expect_link("/page.html", "/etc/passwd", "etc/passwd");
	expect_link("reports/page.html", "Makefile", "../Makefile");
	expect_link(NULL, "Makefile", "Makefile");
	expect_link("page.html", "reports/nosuch", NULL);
	expect_link("/nosuch/page.html", "Makefile", NULL);
}

UNIT_SUITE(reports_page, { "html: the page of known results is known byte for byte", t_golden },
	{ "html: the same results give the same bytes, plots too", t_same_bytes },
	{ "html: where there is no data the page says so", t_no_data },
	{ "html: one value, zeros and gaps are drawn without a word from gnuplot", t_thin_data },
	{ "html: nothing a peer sends becomes markup", t_hostile_page },
	{ "html: no secret reaches the page", t_secrets_in_pages },
	{ "html: the page loads nothing", t_nothing_from_elsewhere },
	{ "html: a damaged result is refused or shown, never worse", t_damaged_files },
	{ "compare: b/a, 1 for 0/0, none for a missing side or too few values", t_compare },
	{ "compare: other kinds, receive modes and invalid runs are refused", t_compare_refuses },
	{ "junit: one testcase per case, counted at the top", t_junit_counts },
	{ "junit: nothing a peer sends becomes markup", t_junit_hostile },
	{ "markdown: nothing a peer sends becomes markup or calls a person", t_markdown },
	{ "sections: 2 before 12, 12.4 before 12.17, appendices last", t_section_order },
	{ "link: a relative URL from the page to a file that is there, else none", t_links },
	{ "schema: result.schema.json says what the reader checks", t_schema });
