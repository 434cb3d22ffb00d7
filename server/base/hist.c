/* SPDX-License-Identifier: MIT */
#include "server/base/hist.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

/*
 * Layout: the first 2^sub_bits values have a bucket each. Above, each power of two is divided into
 * half = 2^(sub_bits-1) equal buckets, so that a bucket is never wider than value / half.
 */
static uint32_t half(const struct hist *h)
{
	return 1u << (h->sub_bits - 1);
}

static int magnitude(const struct hist *h, int64_t v)
{
	int bits = v ? 64 - __builtin_clzll((uint64_t)v) : 0;
	return bits > h->sub_bits ? bits - h->sub_bits : 0;
}

static int64_t clamp(const struct hist *h, int64_t v)
{
	return v < 0 ? 0 : v > h->max ? h->max : v;
}

uint32_t hist_bucket_of(const struct hist *h, int64_t v)
{
	v = clamp(h, v);
	int m = magnitude(h, v);
	return (uint32_t)m * half(h) + (uint32_t)(v >> m);
}

int64_t hist_bucket_low(const struct hist *h, uint32_t i)
{
	if (i < 2 * half(h))
		return i;
	uint32_t m = i / half(h) - 1;
	return (int64_t)(i % half(h) + half(h)) << m;
}

int64_t hist_bucket_high(const struct hist *h, uint32_t i)
{
	int64_t low = hist_bucket_low(h, i);
	return i < 2 * half(h) ? low : low + ((int64_t)1 << (i / half(h) - 1)) - 1;
}

void hist_init(struct hist *h, int64_t max, int digits)
{
	int64_t want = 2;

	assert(digits >= 1 && digits <= 4 && max >= 2);
	*h = (struct hist){ .max = max, .digits = digits };
	for (int i = 0; i < digits; i++)
		want *= 10;
	while (((int64_t)1 << h->sub_bits) < want)
		h->sub_bits++;
	h->n_counts = hist_bucket_of(h, max) + 1;
	h->counts = xcalloc(h->n_counts, sizeof *h->counts);
}

void hist_clear(struct hist *h)
{
	free(h->counts);
	*h = (struct hist){ 0 };
}

void hist_reset(struct hist *h)
{
	memset(h->counts, 0, h->n_counts * sizeof *h->counts);
	h->n = h->below = h->above = 0;
	h->least = h->most = 0;
	h->sum = 0;
}

void hist_record_n(struct hist *h, int64_t v, uint64_t n)
{
	if (n == 0)
		return;
	if (v < 0)
		h->below += n;
	if (v > h->max)
		h->above += n;
	if (h->n == 0 || v < h->least)
		h->least = v;
	if (h->n == 0 || v > h->most)
		h->most = v;
	h->counts[hist_bucket_of(h, v)] += n;
	h->n += n;
	h->sum += (double)v * (double)n;
}

void hist_record(struct hist *h, int64_t v)
{
	hist_record_n(h, v, 1);
}

int hist_add(struct hist *a, const struct hist *b)
{
	if (a->max != b->max || a->digits != b->digits)
		return ERR_RANGE;
	if (b->n == 0)
		return 0;
	for (uint32_t i = 0; i < a->n_counts; i++)
		a->counts[i] += b->counts[i];
	if (a->n == 0 || b->least < a->least)
		a->least = b->least;
	if (a->n == 0 || b->most > a->most)
		a->most = b->most;
	a->n += b->n;
	a->below += b->below;
	a->above += b->above;
	a->sum += b->sum;
	return 0;
}

int64_t hist_quantile(const struct hist *h, double q)
{
	uint64_t rank = (uint64_t)ceil(q * (double)h->n), seen = 0;

	if (h->n == 0)
		return 0;
	if (rank < 1)
		rank = 1;
	for (uint32_t i = 0; i < h->n_counts; i++) {
		seen += h->counts[i];
		if (seen >= rank) {
			int64_t v = hist_bucket_high(h, i), most = clamp(h, h->most);
			return v < most ? v : most;
		}
	}
	return clamp(h, h->most);
}

double hist_mean(const struct hist *h)
{
	return h->n ? h->sum / (double)h->n : 0;
}

double hist_share_upto(const struct hist *h, int64_t v)
{
	uint64_t seen = 0;
	uint32_t last = hist_bucket_of(h, v);

	if (h->n == 0)
		return 1;
	if (v < 0)
		return 0;
	for (uint32_t i = 0; i <= last; i++)
		seen += h->counts[i];
	return (double)seen / (double)h->n;
}
