/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_PAGE_H
#define REPORTS_PAGE_H

#include <stdio.h>

#include "reports/peek.h"
#include "reports/plot.h"

/*
 * The HTML page, piece by piece. Everything that is not a literal of ours goes through the functions
 * that escape; fputs and fprintf to `f` are for literals and numbers only.
 */
struct page {
	FILE *f;
	struct plots *plots;
	int sections; /* for anchors: s1, s2 … */
	/* for links: the page's own path and that of the result being written; NULL = unknown */
	const char *out, *result_path;
};

/* Escaped text. */
void page_text(struct page *p, const char *s);
/* A cell: <td class=…>text</td>. cls NULL = none. */
void page_cell(struct page *p, const char *cls, const char *text);
/* A right-aligned number; a zero is grey; NAN is a dash. */
void page_number(struct page *p, double v);
/* Nanoseconds as milliseconds with three significant digits. */
void page_ms(struct page *p, double ns);
/* "<th>" heading with a unit below it; unit NULL = none. number: right-aligned. */
void page_heading(struct page *p, const char *name, const char *unit, bool number);
/* The coloured word of a verdict; cls is one of page.css's. */
void page_verdict(struct page *p, const char *cls, const char *word);
/* One figure of the row of large numbers; alarm = something is wrong with it. */
void page_figure(struct page *p, const char *value, const char *label, bool alarm);
/* One row of a table of facts; nothing when text is empty. */
void page_fact(struct page *p, const char *name, const char *text);
/* A plot with its caption, or words when it has no data. note may be NULL. */
void page_plot(struct page *p, int plot, const char *caption, const char *note);
/* "sessions_started" → "sessions started"; escaped. */
void page_label(struct page *p, const char *name);

/* The parts of the page; result i of the report has the anchor s(i+1). Plots are declared by
 * *_plots and put by *_section. */
struct load_plots {
	int spectra[3], lateness_heat, setup_heat, panels[11];
};
void page_load_plots(struct plots *p, const struct result *r, struct load_plots *out);
void page_load(struct page *p, const struct result *r, const struct load_plots *plots);
void page_load_table(struct page *p, struct result *const *results, size_t n);
void page_conformance(struct page *p, const struct result *r);
void page_replay(struct page *p, const struct result *r);

#endif
