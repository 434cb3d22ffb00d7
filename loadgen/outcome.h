/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_OUTCOME_H
#define LOADGEN_OUTCOME_H

#include <stdio.h>

#include "loadgen/run.h"

/* What a run is worth: the self-check, the gates, the result file's contents, the summary. */

/* Before run_go: configuration into the result. */
void outcome_begin(const struct run *r);
/* After run_go: counters, histograms, self-check and gates into the result. */
void outcome_end(struct run *r);
/* For people. */
void outcome_print(const struct run *r, FILE *f);
/* 0 … 4, 130 (DESIGN 8): interrupted, unreachable, invalid, failed, ok, in that order. */
int outcome_exit(const struct run *r);

#endif
