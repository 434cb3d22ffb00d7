/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_SECTIONS_H
#define REPORTS_SECTIONS_H

#include "reports/result.h"

/* The cases of a conformance result counted by RFC section, in the order of the documents. */
struct section {
	const char *rfc, *section; /* borrowed from the result */
	size_t verdicts[RESULT_VERDICTS];
};
struct sections {
	struct section *v; /* owned */
	size_t n;
};

void sections_init(struct sections *s, const struct result *r);
void sections_clear(struct sections *s);
/* "RFC 2326 §12.39", "robustness" for a section without an RFC. */
void section_name(const struct section *s, char out[96]);
/* Order of two section numbers: 2 before 12, 12.4 before 12.17, letters after numbers. */
int section_compare(const char *a, const char *b);

#endif
