/* SPDX-License-Identifier: MIT */
#include "server/media/format/reorder.h"

#include <string.h>

void reorder_init(struct reorder *r, struct table_build *b)
{
	*r = (struct reorder){ .build = b };
}

/* How far the presentation of a waiting picture lies before its place in the sorted times. */
static void find_ahead(struct reorder *r)
{
	for (uint32_t i = 0; i < r->n; i++) {
		if (r->times[i] > r->waiting[i].dts && r->times[i] - r->waiting[i].dts > r->ahead)
			r->ahead = r->times[i] - r->waiting[i].dts;
	}
	r->has_ahead = true;
}

/* Hands on the first n. */
static int emit(struct reorder *r, uint32_t n)
{
	int err = 0;

	if (!r->has_ahead)
		find_ahead(r);
	for (uint32_t i = 0; !err && i < n; i++) {
		struct table_sample s = r->waiting[i];
		int64_t off = (int64_t)(s.dts + r->ahead) - (int64_t)r->times[i];

		s.composition = off > INT32_MAX   ? INT32_MAX
				: off < INT32_MIN ? INT32_MIN
						  : (int32_t)off;
		s.dts = r->times[i];
		err = table_build_add(r->build, &s);
	}
	r->n -= n;
	memmove(r->waiting, r->waiting + n, r->n * sizeof *r->waiting);
	memmove(r->times, r->times + n, r->n * sizeof *r->times);
	return err;
}

int reorder_add(struct reorder *r, const struct table_sample *s)
{
	uint32_t at;
	int err = r->n == REORDER_WINDOW ? emit(r, REORDER_WINDOW / 2) : 0;

	if (err)
		return err;
	for (at = r->n; at > 0 && r->times[at - 1] > s->dts; at--)
		;
	memmove(r->times + at + 1, r->times + at, (r->n - at) * sizeof *r->times);
	r->times[at] = s->dts;
	r->waiting[r->n++] = *s;
	if (s->dts > r->last)
		r->last = s->dts;
	return 0;
}

int reorder_end(struct reorder *r)
{
	return emit(r, r->n);
}
