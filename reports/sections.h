/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_SECTIONS_H
#define REPORTS_SECTIONS_H

#include "reports/result.h"

/* The cases of a conformance result counted by RFC section, in the order of the documents. */
struct section {
	const char *rfc;  /* borrowed from the result */
	char section[32]; /* "12.39", of a chapter "12" */
	size_t verdicts[RESULT_VERDICTS];
};
struct sections {
	struct section *v; /* owned */
	size_t n;
};

/* chapters: "12.39" and "12.17" count as "12". */
void sections_init(struct sections *s, const struct result *r, bool chapters);
void sections_clear(struct sections *s);
/* "RFC 2326 §12.39", "robustness" for a section without an RFC. */
void section_name(const char *rfc, const char *section, char out[96]);
/* What the chapter of the RFC is called; "" when we don't know. */
const char *section_title(const char *rfc, const char *chapter);
/* Order of two section numbers: 2 before 12, 12.4 before 12.17, letters after numbers. */
int section_compare(const char *a, const char *b);

#endif
