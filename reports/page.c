/* SPDX-License-Identifier: MIT */
#include "reports/page.h"

#include <string.h>

#include "reports/text.h"

void page_text(struct page *p, const char *s)
{
	text_put_html(p->f, s);
}

void page_cell(struct page *p, const char *cls, const char *text)
{
	if (cls)
		fprintf(p->f, "<td class=\"%s\">", cls);
	else
		fputs("<td>", p->f);
	page_text(p, text);
	fputs("</td>", p->f);
}

void page_number(struct page *p, double v)
{
	char s[32];

	text_number(s, v);
	page_cell(p, v == 0 ? "n z" : "n", s);
}

void page_ms(struct page *p, double ns)
{
	char s[32];

	text_ms(s, ns);
	page_cell(p, "n", s);
}

void page_heading(struct page *p, const char *name, const char *unit, bool number)
{
	fputs(number ? "<th class=\"n\" scope=\"col\">" : "<th scope=\"col\">", p->f);
	page_text(p, name);
	if (unit) {
		fputs("<small>", p->f);
		page_text(p, unit);
		fputs("</small>", p->f);
	}
	fputs("</th>", p->f);
}

void page_verdict(struct page *p, const char *cls, const char *word)
{
	fprintf(p->f, "<span class=\"v %s\">", cls);
	page_text(p, word);
	fputs("</span>", p->f);
}

void page_figure(struct page *p, const char *value, const char *label, bool alarm)
{
	fputs(alarm ? "<div class=\"alarm\"><b>" : "<div><b>", p->f);
	page_text(p, value);
	fputs("</b><span>", p->f);
	page_text(p, label);
	fputs("</span></div>\n", p->f);
}

void page_fact(struct page *p, const char *name, const char *text)
{
	if (!*text)
		return;
	fputs("<tr><th scope=\"row\">", p->f);
	page_label(p, name);
	fputs("</th>", p->f);
	page_cell(p, NULL, text);
	fputs("</tr>\n", p->f);
}

void page_plot(struct page *p, int plot, const char *caption, const char *note)
{
	fputs("<figure><figcaption>", p->f);
	page_text(p, caption);
	if (note) {
		fputs(" <small>", p->f);
		page_text(p, note);
		fputs("</small>", p->f);
	}
	fputs("</figcaption>", p->f);
	if (plot == PLOT_NONE)
		fputs("<div class=\"none\">no data: the result holds nothing to draw here</div>",
			p->f);
	else
		plot_put(p->plots, plot, p->f);
	fputs("</figure>\n", p->f);
}

void page_label(struct page *p, const char *name)
{
	for (; *name; name++) {
		char c[2] = { *name == '_' ? ' ' : *name, 0 };
		page_text(p, c);
	}
}
