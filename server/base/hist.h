/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_HIST_H
#define SERVER_BASE_HIST_H

#include <stdint.h>

#include "server/base/attr.h"

/*
 * Log-linear histogram in the HDR bucket layout (sub-bucket count from significant decimal digits).
 * Values are integers of one unit, chosen by the owner (ns in this project). Single writer; merging
 * is addition of counts. Every recorded value is kept to `digits` significant digits:
 * |reported - recorded| <= recorded / 10^digits.
 * Negative values count as 0, values above `max` as max and in `above`; both show in a report.
 */
struct hist {
	int64_t max; /* largest value that is kept apart */
	int digits;  /* 1 … 4 */
	int sub_bits;
	uint32_t n_counts;
	uint64_t *counts; /* owned */
	uint64_t n, below, above;
	int64_t least, most; /* exact extremes; 0, 0 when empty */
	double sum;          /* for the mean */
};

void hist_init(struct hist *h, int64_t max, int digits);
void hist_clear(struct hist *h); /* frees */
void hist_reset(struct hist *h); /* counts to zero */
void hist_record(struct hist *h, int64_t v);
void hist_record_n(struct hist *h, int64_t v, uint64_t n);
/* Adds b to a. Both have the same max and digits (ERR_RANGE otherwise, nothing changed). */
MUST_USE int hist_add(struct hist *a, const struct hist *b);

/* Smallest recorded value v (its bucket's upper end, never above the exact maximum) such that at
 * least q (0 … 1) of all values are <= v; 0 when empty. */
int64_t hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);
/* Share of the values that are <= v, 0 … 1; 1 when empty. */
double hist_share_upto(const struct hist *h, int64_t v);

/* Bucket i of n_counts: lowest and highest value that fall into it. */
int64_t hist_bucket_low(const struct hist *h, uint32_t i);
int64_t hist_bucket_high(const struct hist *h, uint32_t i);
/* The bucket that v falls into (after clamping). */
uint32_t hist_bucket_of(const struct hist *h, int64_t v);

#endif
