/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_HTML_H
#define REPORTS_HTML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "reports/result.h"

struct html_options {
	const char *title;
	bool with_plots;
	/* Where the page and the results are, so that links to evidence lead there; NULL = unknown, no
	 * links. paths has one name per result. */
	const char *out;
	const char *const *paths;
};

/*
 * One self-contained page of n results, in the order given: header with verdicts, a section per
 * result, the machine at the end. No network, no scripts, no date but those of the data: the same
 * results give the same bytes. 0, or negative with *why a line for people, which the caller frees.
 */
MUST_USE int html_write(
	FILE *f, struct result *const *results, size_t n, const struct html_options *o, char **why);

#endif
