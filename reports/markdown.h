/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_MARKDOWN_H
#define REPORTS_MARKDOWN_H

#include <stdio.h>

#include "reports/result.h"

/* One result as Markdown of the size of a comment on a pull request: verdict, figures, what failed
 * (at most 20 of it). */
void markdown_put(FILE *f, const struct result *r);

/* The same for a terminal: about ten lines for a few results. */
void summary_put(FILE *f, struct result *const *results, size_t n);

#endif
