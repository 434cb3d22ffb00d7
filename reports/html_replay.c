/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <string.h>

#include "reports/page.h"
#include "reports/text.h"

/* The section of one replay: the captured dialog beside the live one. */

#define DASH "\xe2\x80\x93"

static void put_status(struct page *p, double status, bool differs)
{
	char s[32] = "none";

	if (status > 0)
		(void)snprintf(s, sizeof s, "%.0f", status);
	fputs("<td class=\"n\">", p->f);
	fputs(differs ? "<b>" : "", p->f);
	page_text(p, s);
	fputs(differs ? "</b>" : "", p->f);
	fputs("</td>", p->f);
}

static void put_ms_cell(struct page *p, double ms)
{
	page_ms(p, ms * 1e6);
}

/* The side that lacks the thing says so in words. */
static void put_side(struct page *p, const json_t *o, const char *name, const char *tag)
{
	fputs("<td>", p->f);
	if (json_object_get(o, name)) {
		fprintf(p->f, "<%s><code>", tag);
		page_text(p, peek_text(o, name));
		fprintf(p->f, "</code></%s>", tag);
	} else {
		fputs("<span class=\"soft\">absent</span>", p->f);
	}
	fputs("</td>", p->f);
}

static void put_differences(struct page *p, const json_t *all, bool same)
{
	if (!json_array_size(all))
		return;
	fputs("<tr><td></td><td class=\"diff\" colspan=\"7\"><table><thead><tr>", p->f);
	page_heading(p, same ? "noted, does not count" : "what differs", NULL, false);
	page_heading(p, "captured", NULL, false);
	page_heading(p, "live", NULL, false);
	fputs("</tr></thead><tbody>", p->f);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		fputs("<tr><th scope=\"row\">", p->f);
		page_text(p, peek_text(o, "what"));
		fputs("</th>", p->f);
		put_side(p, o, "captured", "del");
		put_side(p, o, "live", "ins");
		fputs("</tr>", p->f);
	}
	fputs("</tbody></table></td></tr>\n", p->f);
}

static void put_step(struct page *p, const json_t *o, size_t number)
{
	static const char *const words[][2] = { { "same", "SAME" }, { "differs", "DIFFERS" },
		{ "no-answer", "NO ANSWER" }, { "not-sent", "NOT SENT" } };
	const json_t *differences = json_object_get(o, "differences");
	const char *verdict = peek_text(o, "verdict"), *word = verdict;
	double captured = peek_number(o, "captured_status"), live = peek_number(o, "live_status");

	for (size_t i = 0; i < COUNT(words); i++) {
		if (strcmp(words[i][0], verdict) == 0)
			word = words[i][1];
	}
	fputs(json_array_size(differences) ? "<tr class=\"open\">" : "<tr>", p->f);
	fprintf(p->f, "<td class=\"n soft\">%zu</td><td>", number);
	page_verdict(p, verdict, word);
	fputs("</td><th scope=\"row\">", p->f);
	page_text(p, peek_text(o, "method"));
	fputs("</th><td><code>", p->f);
	page_text(p, peek_text(o, "url"));
	fputs("</code></td>", p->f);
	put_status(p, captured, false);
	put_status(p, live, captured < live || captured > live);
	put_ms_cell(p, peek_number(o, "captured_ms"));
	put_ms_cell(p, peek_number(o, "live_ms"));
	fputs("</tr>\n", p->f);
	put_differences(p, differences, strcmp(verdict, "same") == 0);
}

static void put_dialog(struct page *p, const json_t *steps)
{
	fputs("<h3>Dialog</h3>\n<p class=\"soft\">CSeq, Session, ports, channels and addresses are "
	      "rewritten and not counted as differences.</p>\n<div class=\"scroll\"><table><thead>"
	      "<tr>",
		p->f);
	page_heading(p, "#", NULL, true);
	page_heading(p, "", NULL, false);
	page_heading(p, "request", NULL, false);
	page_heading(p, "URL", NULL, false);
	page_heading(p, "status", "captured", true);
	page_heading(p, "status", "live", true);
	page_heading(p, "answer, ms", "captured", true);
	page_heading(p, "answer, ms", "live", true);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(steps); i++)
		put_step(p, json_array_get(steps, i), i + 1);
	fputs("</tbody></table></div>\n", p->f);
}

static void put_seconds(struct page *p, double v)
{
	char s[32];

	if (isfinite(v))
		(void)snprintf(s, sizeof s, "%.2f", v);
	else
		(void)snprintf(s, sizeof s, DASH);
	page_cell(p, "n", s);
}

static void put_streams(struct page *p, const json_t *all)
{
	static const char *const names[][2] = { { "packets", NULL }, { "size", NULL },
		{ "span", "s" }, { "lost", NULL } };
	char s[32];

	if (!json_array_size(all))
		return;
	fputs("<h3>Media</h3>\n<div class=\"scroll\"><table><thead><tr>", p->f);
	page_heading(p, "stream", NULL, false);
	page_heading(p, "", NULL, false);
	for (size_t i = 0; i < COUNT(names); i++)
		page_heading(p, names[i][0], names[i][1], true);
	fputs("</tr></thead><tbody>\n", p->f);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *o = json_array_get(all, i);
		fputs("<tr class=\"open\"><td rowspan=\"2\"><code>", p->f);
		page_text(p, peek_text(o, "name"));
		fputs("</code></td><td>captured</td>", p->f);
		page_number(p, peek_number(o, "captured_packets"));
		text_size(s, peek_number(o, "captured_bytes"));
		page_cell(p, "n", s);
		put_seconds(p, peek_number(o, "captured_span_s"));
		page_number(p, peek_number(o, "captured_lost"));
		fputs("</tr><tr><td>live</td>", p->f);
		page_number(p, peek_number(o, "live_packets"));
		text_size(s, peek_number(o, "live_bytes"));
		page_cell(p, "n", s);
		put_seconds(p, peek_number(o, "live_span_s"));
		page_number(p, peek_number(o, "live_lost"));
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
}

void page_replay(struct page *p, const struct result *r)
{
	static const char *const verdicts[][2] = { { "same", "steps as captured" },
		{ "differs", "steps differ" }, { "no-answer", "without an answer" },
		{ "not-sent", "not sent" } };
	const json_t *steps = peek_top(r, "steps");
	char s[32];

	if (!json_array_size(steps)) {
		fputs("<div class=\"none\">no data: the result holds no steps</div>\n", p->f);
		return;
	}
	fputs("<div class=\"figures\">\n", p->f);
	for (size_t i = 0; i < COUNT(verdicts); i++) {
		double n = (double)peek_steps(r, verdicts[i][0]);
		text_number(s, n);
		if (i < 2 || n > 0)
			page_figure(p, s, verdicts[i][1], i > 0 && n > 0);
	}
	fputs("</div>\n", p->f);
	put_dialog(p, steps);
	put_streams(p, peek_top(r, "streams"));
}
