/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_COMPARE_H
#define REPORTS_COMPARE_H

#include <stdio.h>

#include "reports/result.h"

/*
 * The figures of two runs side by side: counters, percentiles of histograms (of the same name and
 * origin), verdict counts, and b/a. No judgement: one pair of runs cannot tell noise from change.
 */
enum compare_form { COMPARE_TEXT, COMPARE_JSON, COMPARE_MARKDOWN };

struct compare_row {
	char *name;       /* "setup p99 (intended)" */
	const char *unit; /* of the result files; "" = none */
	double a, b;      /* NAN = that run doesn't have it */
	double ratio;     /* b / a; NAN when a is 0 or one is missing */
};
struct compare {
	struct compare_row *rows; /* owned */
	size_t n;
};

/* Why the two should not be compared (different kinds, receive modes, an invalid run), for people;
 * NULL = they may be. The caller frees. */
char *compare_refusal(const struct result *a, const struct result *b);

void compare_init(struct compare *c, const struct result *a, const struct result *b);
void compare_clear(struct compare *c);
void compare_put(FILE *f, const struct compare *c, const char *name_a, const char *name_b,
	enum compare_form form);

#endif
