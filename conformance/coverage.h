/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_COVERAGE_H
#define CONFORMANCE_COVERAGE_H

#include "conformance/case.h"
#include "reports/result.h"

/* Which clause is covered how: by a case, by the analyser on all traffic, not at all with a reason,
 * or (unproven) by nothing. */
enum cover { COVER_CASE, COVER_PASSIVE, COVER_UNTESTABLE, COVER_UNPROVEN, COVERS };
enum cover coverage_of(const struct catalogue *cat, const struct requirement *q);
/* Prints the table: one line per RFC and section, then sums; by_clause: one line per clause. */
void coverage_print(const struct catalogue *cat, bool by_clause);
/* Into a result. */
void coverage_add(const struct catalogue *cat, struct result *r);

#endif
