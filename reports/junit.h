/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_JUNIT_H
#define REPORTS_JUNIT_H

#include <stdio.h>

#include "reports/result.h"

/*
 * JUnit XML: one testcase per case (name = id, classname = its first word, the plane), gate,
 * self-check or replayed step. fail → failure; warn → passed with the reason in system-out;
 * skip → skipped; inconclusive, and everything in an INVALID run, → error.
 */
void junit_put(FILE *f, const struct result *r);

#endif
