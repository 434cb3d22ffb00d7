/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "reports/link.h"
#include "reports/page.h"
#include "reports/sections.h"
#include "reports/text.h"
#include "server/base/os.h"

/* The section of one conformance result. */

static const char *const words[RESULT_VERDICTS] = { "PASS", "FAIL", "WARN", "SKIP",
	"INCONCLUSIVE" };

static void put_bar(struct page *p, const size_t *parts, const char *const *cls, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += parts[i];
	fputs("<div class=\"bar\">", p->f);
	for (size_t i = 0; i < n; i++) {
		if (parts[i])
			fprintf(p->f, "<i class=\"%s\" style=\"width:%.3f%%\"></i>", cls[i],
				100 * (double)parts[i] / (double)total);
	}
	fputs("</div>", p->f);
}

static void put_verdict_bar(struct page *p, const size_t parts[RESULT_VERDICTS])
{
	const char *cls[RESULT_VERDICTS];

	for (int v = 0; v < RESULT_VERDICTS; v++)
		cls[v] = result_verdict_name((enum result_verdict)v);
	put_bar(p, parts, cls, RESULT_VERDICTS);
}

static void put_figures(struct page *p, const struct result *r)
{
	static const char *const labels[RESULT_VERDICTS] = { "pass", "fail: a MUST is broken",
		"warn: a SHOULD is broken", "skip: not offered", "inconclusive" };
	char s[32];

	fputs("<div class=\"figures\">\n", p->f);
	for (int v = 0; v < RESULT_VERDICTS; v++) {
		double n = (double)peek_cases(r, (enum result_verdict)v);
		text_number(s, n);
		page_figure(p, s, labels[v], v == RESULT_FAIL && n > 0);
	}
	fputs("</div>\n", p->f);
}

static void put_table_head(struct page *p, const char *what)
{
	fputs("<div class=\"scroll\"><table class=\"verdicts\"><thead><tr>", p->f);
	page_heading(p, what, NULL, false);
	page_heading(p, "", NULL, false);
	for (int v = 0; v < RESULT_VERDICTS; v++)
		page_heading(p, result_verdict_name((enum result_verdict)v), NULL, true);
	fputs("</tr></thead><tbody>\n", p->f);
}

static void put_verdict_row(struct page *p, const char *name, const char *title,
	const size_t verdicts[RESULT_VERDICTS], bool total)
{
	fputs(total ? "<tr class=\"total\"><th scope=\"row\">" : "<tr><th scope=\"row\">", p->f);
	page_text(p, name);
	if (*title) {
		fputs(" <span class=\"soft\">", p->f);
		page_text(p, title);
		fputs("</span>", p->f);
	}
	fputs("</th><td>", p->f);
	put_verdict_bar(p, verdicts);
	fputs("</td>", p->f);
	for (int v = 0; v < RESULT_VERDICTS; v++)
		page_number(p, (double)verdicts[v]);
	fputs("</tr>\n", p->f);
}

static void put_sections(struct page *p, const struct result *r, bool chapters)
{
	size_t sum[RESULT_VERDICTS] = { 0 };
	struct sections all;
	char name[96];

	sections_init(&all, r, chapters);
	put_table_head(p, chapters ? "chapter" : "section");
	for (size_t i = 0; i < all.n; i++) {
		const struct section *s = &all.v[i];
		section_name(s->rfc, s->section, name);
		put_verdict_row(p, name, section_title(s->rfc, s->section), s->verdicts, false);
		for (int v = 0; v < RESULT_VERDICTS; v++)
			sum[v] += s->verdicts[v];
	}
	put_verdict_row(p, "all", "", sum, true);
	fputs("</tbody></table></div>\n", p->f);
	sections_clear(&all);
}

static void put_levels(struct page *p, const struct result *r)
{
	static const char *const levels[] = { "must", "should", "may" };
	const json_t *cases = peek_top(r, "cases");

	put_table_head(p, "level");
	for (size_t k = 0; k < COUNT(levels); k++) {
		size_t verdicts[RESULT_VERDICTS] = { 0 }, n = 0;
		for (size_t i = 0; i < json_array_size(cases); i++) {
			const json_t *c = json_array_get(cases, i);
			if (strcmp(peek_text(c, "level"), levels[k]) != 0)
				continue;
			verdicts[peek_verdict(c)]++;
			n++;
		}
		if (n)
			put_verdict_row(p, levels[k], "", verdicts, false);
	}
	fputs("</tbody></table></div>\n", p->f);
}

/* An evidence path is data: a link is made only to a file that is there, else it is shown. */
static void put_evidence(struct page *p, const char *folder)
{
	static const char *const files[][2] = { { "transcript.txt", "transcript" },
		{ "case.pcap", "capture" } };
	bool linked = false;

	for (size_t i = 0; i < COUNT(files) && p->result_path; i++) {
		char *url = link_evidence(p->out, p->result_path, folder, files[i][0]);
		if (url) {
			fputs(" \xc2\xb7 <a href=\"", p->f);
			page_text(p, url);
			fprintf(p->f, "\">%s</a>", files[i][1]);
			linked = true;
		}
		free(url);
	}
	if (!linked && *folder) {
		fputs(" \xc2\xb7 evidence: ", p->f);
		page_text(p, folder);
	}
}

static void put_clauses(struct page *p, const json_t *c)
{
	const json_t *clauses = json_object_get(c, "clauses");

	for (size_t i = 0; i < json_array_size(clauses); i++) {
		fputs(i ? ", <code>" : "<code>", p->f);
		page_text(p, json_string_value(json_array_get(clauses, i)));
		fputs("</code>", p->f);
	}
}

static void put_pair(struct page *p, const char *title, const char *text)
{
	if (!*text)
		return;
	fputs("<div><span>", p->f);
	page_text(p, title);
	fputs("</span><pre>", p->f);
	page_text(p, text);
	fputs("</pre></div>", p->f);
}

static void put_case(struct page *p, const json_t *c)
{
	enum result_verdict v = peek_verdict(c);
	const char *where = peek_text(c, "where");

	fprintf(p->f, "<div class=\"case %s\"><h4>", result_verdict_name(v));
	page_verdict(p, result_verdict_name(v), words[v]);
	fputs(" <code>", p->f);
	page_text(p, peek_text(c, "id"));
	fputs("</code> <span>", p->f);
	page_text(p, peek_text(c, "title"));
	fputs("</span></h4>\n<p>", p->f);
	page_text(p, peek_text(c, "reason"));
	fputs("</p>", p->f);
	/* often the reason says both already */
	if (!strstr(peek_text(c, "reason"), peek_text(c, "expected")) ||
		!strstr(peek_text(c, "reason"), peek_text(c, "got"))) {
		fputs("<div class=\"pair\">", p->f);
		put_pair(p, "expected", peek_text(c, "expected"));
		put_pair(p, "got", peek_text(c, "got"));
		fputs("</div>", p->f);
	}
	fputs("\n<p class=\"soft\">", p->f);
	page_text(p, peek_text(c, "level"));
	fputs(" \xc2\xb7 ", p->f);
	put_clauses(p, c);
	if (*where) {
		fputs(" \xc2\xb7 ", p->f);
		page_text(p, where);
	}
	put_evidence(p, peek_text(c, "evidence"));
	fputs("</p></div>\n", p->f);
}

static void put_attention(struct page *p, const struct result *r)
{
	static const enum result_verdict order[] = { RESULT_FAIL, RESULT_INCONCLUSIVE,
		RESULT_WARN };
	const json_t *cases = peek_top(r, "cases");
	bool any = false;

	fputs("<h3>Cases that need attention</h3>\n", p->f);
	for (size_t k = 0; k < COUNT(order); k++) {
		for (size_t i = 0; i < json_array_size(cases); i++) {
			if (peek_verdict(json_array_get(cases, i)) == order[k]) {
				put_case(p, json_array_get(cases, i));
				any = true;
			}
		}
	}
	if (!any)
		fputs("<p>None: no case failed, warned or was inconclusive.</p>\n", p->f);
}

static void put_findings(struct page *p, const struct result *r)
{
	const json_t *all = peek_top(r, "findings");

	if (!json_array_size(all))
		return;
	fputs("<h3>Seen in passing</h3>\n<p class=\"soft\">Clauses that the oracle saw broken in the "
	      "traffic of the run, beside what the cases ask.</p>\n<div class=\"scroll\"><table>"
	      "<thead><tr>",
		p->f);
	page_heading(p, "clause", NULL, false);
	page_heading(p, "level", NULL, false);
	page_heading(p, "what", NULL, false);
	page_heading(p, "where", NULL, false);
	page_heading(p, "count", NULL, true);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		fputs("<tr><td style=\"white-space:nowrap\"><code>", p->f);
		page_text(p, peek_text(o, "clause"));
		fputs("</code></td>", p->f);
		page_cell(p, NULL, peek_text(o, "level"));
		page_cell(p, NULL, peek_text(o, "why"));
		page_cell(p, "soft", peek_text(o, "where"));
		page_number(p, peek_number(o, "count"));
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
}

static void put_all_cases(struct page *p, const struct result *r)
{
	const json_t *cases = peek_top(r, "cases");

	fprintf(p->f,
		"<details><summary>All cases (%zu)</summary>\n<div class=\"scroll\"><table>"
		"<thead><tr>",
		json_array_size(cases));
	page_heading(p, "", NULL, false);
	page_heading(p, "case", NULL, false);
	page_heading(p, "title", NULL, false);
	page_heading(p, "clauses", NULL, false);
	page_heading(p, "time", "ms", true);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(cases); i++) {
		const json_t *c = json_array_get(cases, i);
		enum result_verdict v = peek_verdict(c);
		fputs("<tr><td class=\"c\">", p->f);
		page_verdict(p, result_verdict_name(v), words[v]);
		fputs("</td><td><code>", p->f);
		page_text(p, peek_text(c, "id"));
		fputs("</code></td><td>", p->f);
		page_text(p, peek_text(c, "title"));
		if (v != RESULT_PASS && *peek_text(c, "reason")) {
			fputs("<br><span class=\"soft\">", p->f);
			page_text(p, peek_text(c, "reason"));
			fputs("</span>", p->f);
		}
		fputs("</td><td>", p->f);
		put_clauses(p, c);
		fputs("</td>", p->f);
		page_number(p, peek_number(c, "ms"));
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div></details>\n", p->f);
}

/* ---- clause coverage ---- */

#define KINDS 4
static const char *const kinds[KINDS] = { "cases", "passive", "untestable", "unproven" };

static void put_coverage_row(struct page *p, const char *name, const size_t *parts, bool total)
{
	size_t sum = 0;

	fputs(total ? "<tr class=\"total\"><th scope=\"row\">" : "<tr><th scope=\"row\">", p->f);
	page_text(p, name);
	fputs("</th><td>", p->f);
	put_bar(p, parts, kinds, KINDS);
	fputs("</td>", p->f);
	for (size_t k = 0; k < KINDS; k++) {
		page_number(p, (double)parts[k]);
		sum += parts[k];
	}
	page_number(p, (double)sum);
	fputs("</tr>\n", p->f);
}

static void put_coverage_head(struct page *p)
{
	fputs("<div class=\"scroll\"><table class=\"verdicts\"><thead><tr>", p->f);
	page_heading(p, "clauses of", NULL, false);
	page_heading(p, "", NULL, false);
	for (size_t k = 0; k < KINDS; k++)
		page_heading(p, kinds[k], NULL, true);
	page_heading(p, "total", NULL, true);
	fputs("</tr></thead><tbody>\n", p->f);
}

static void add_coverage(const json_t *o, size_t *parts)
{
	for (size_t k = 0; k < KINDS; k++)
		parts[k] += (size_t)peek_number(o, kinds[k]);
}

struct part {
	const char *rfc;
	size_t parts[KINDS];
};

static int compare_parts(const void *a, const void *b)
{
	return section_compare(((const struct part *)a)->rfc, ((const struct part *)b)->rfc);
}

static void put_rfc_rows(struct page *p, const json_t *all)
{
	size_t n = json_array_size(all), sum[KINDS] = { 0 };
	struct part *v = xcalloc(n, sizeof *v);
	char name[96];

	for (size_t i = 0; i < n; i++) {
		v[i].rfc = peek_text(json_array_get(all, i), "rfc");
		add_coverage(json_array_get(all, i), v[i].parts);
		add_coverage(json_array_get(all, i), sum);
	}
	qsort(v, n, sizeof *v, compare_parts);
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && compare_parts(&v[i], &v[i + 1]) == 0) {
			for (size_t k = 0; k < KINDS; k++)
				v[i + 1].parts[k] += v[i].parts[k];
			continue;
		}
		section_name(v[i].rfc, "", name);
		put_coverage_row(p, name, v[i].parts, false);
	}
	put_coverage_row(p, "all", sum, true);
	free(v);
}

static void put_coverage(struct page *p, const struct result *r)
{
	const json_t *all = peek_top(r, "coverage");
	char name[96];

	if (!json_array_size(all))
		return;
	fputs("<h3>Which clauses are covered</h3>\n<div class=\"legend\">"
	      "<span><i class=\"cases\"></i>has a case</span>"
	      "<span><i class=\"passive\"></i>checked on all traffic</span>"
	      "<span><i class=\"untestable\"></i>cannot be tested from outside</span>"
	      "<span><i class=\"unproven\"></i>unproven</span></div>\n",
		p->f);
	put_coverage_head(p);
	put_rfc_rows(p, all);
	fputs("</tbody></table></div>\n<details><summary>Coverage of every section</summary>\n",
		p->f);
	put_coverage_head(p);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		size_t parts[KINDS] = { 0 };
		section_name(peek_text(o, "rfc"), peek_text(o, "section"), name);
		add_coverage(o, parts);
		put_coverage_row(p, name, parts, false);
	}
	fputs("</tbody></table></div></details>\n", p->f);
}

void page_conformance(struct page *p, const struct result *r)
{
	if (!json_array_size(peek_top(r, "cases"))) {
		fputs("<div class=\"none\">no data: the result holds no cases</div>\n", p->f);
		put_coverage(p, r);
		return;
	}
	put_figures(p, r);
	put_attention(p, r);
	fputs("<h3>By level and by chapter</h3>\n", p->f);
	put_levels(p, r);
	put_sections(p, r, true);
	fputs("<details><summary>Every section</summary>\n", p->f);
	put_sections(p, r, false);
	fputs("</details>\n", p->f);
	put_findings(p, r);
	put_all_cases(p, r);
	put_coverage(p, r);
}
