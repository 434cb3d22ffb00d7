/* SPDX-License-Identifier: MIT */
#include "server/media/format/ts_clock.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/track.h"
#include "server/media/format/ts_packet.h"

/* Clock references stand 100 ms apart at most (13818-1 2.7.2); what is this far apart is another clock. */
#define GAP_MAX_TICKS ((uint64_t)5 * TS_HZ)
/* How much time there can be before the first reference and behind the last one. */
#define EDGE_MAX TICK_S

void ts_clock_clear(struct ts_clock *c)
{
	free(c->readings);
	free(c->npt);
	*c = (struct ts_clock){ 0 };
}

bool ts_clock_insert(struct ts_clock *c, uint32_t i, const struct ts_reading *r)
{
	if (c->n == TS_READINGS_MAX)
		return false;
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 64;
		c->readings = xrealloc(c->readings, c->cap * sizeof *c->readings);
	}
	memmove(c->readings + i + 1, c->readings + i, (c->n - i) * sizeof *c->readings);
	c->readings[i] = *r;
	c->n++;
	return true;
}

uint64_t ts_clock_ticks(uint64_t from, uint64_t to)
{
	return to >= from ? to - from : TS_PCR_WRAP - from + to;
}

bool ts_clock_is_jump(const struct ts_reading *from, const struct ts_reading *to)
{
	return to->jump || ts_clock_ticks(from->pcr, to->pcr) > GAP_MAX_TICKS;
}

static tick_t ns_of(uint64_t ticks)
{
	return (tick_t)(ticks * 1000 / (TS_HZ / 1000000));
}

/* Time of so many octets at the average rate. */
struct rate {
	uint64_t bytes;
	tick_t time;
};

static tick_t at_rate(struct rate r, uint64_t bytes)
{
	return r.bytes ? scale_near((int64_t)bytes, (uint64_t)r.time, r.bytes) : 0;
}

static struct rate average(const struct ts_clock *c)
{
	struct rate r = { 0 };

	for (uint32_t i = 1; i < c->n; i++) {
		if (c->readings[i].jump)
			continue;
		r.bytes += c->readings[i].at - c->readings[i - 1].at;
		r.time += ns_of(ts_clock_ticks(c->readings[i - 1].pcr, c->readings[i].pcr));
	}
	return r;
}

static tick_t edge(struct rate r, uint64_t bytes)
{
	tick_t t = at_rate(r, bytes);

	return t < EDGE_MAX ? t : EDGE_MAX;
}

int ts_clock_lay(struct ts_clock *c)
{
	struct rate r = average(c);
	uint64_t last;
	tick_t npt;

	if (r.time <= 0)
		return ERR_MISSING;
	c->npt = xmalloc(c->n * sizeof *c->npt);
	npt = edge(r, c->readings[0].at - c->start.at);
	c->npt[0] = npt;
	for (uint32_t i = 1; i < c->n; i++) {
		const struct ts_reading *a = &c->readings[i - 1], *b = &c->readings[i];

		npt += b->jump ? at_rate(r, b->at - a->at) : ns_of(ts_clock_ticks(a->pcr, b->pcr));
		c->npt[i] = npt;
	}
	c->start.npt = 0;
	last = c->end.at - c->readings[c->n - 1].at;
	/* full: a wild clock, of which all the rest was not kept */
	c->end.npt = npt + (c->n == TS_READINGS_MAX ? at_rate(r, last) : edge(r, last));
	return 0;
}

/* How many readings stand at or before `at`. */
static uint32_t count_before(const struct ts_clock *c, uint64_t at)
{
	uint32_t lo = 0, hi = c->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->readings[mid].at <= at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct ts_mark mark_of(const struct ts_clock *c, uint32_t i)
{
	return (struct ts_mark){ c->readings[i].at, c->npt[i] };
}

void ts_clock_around(
	const struct ts_clock *c, uint64_t at, struct ts_mark *before, struct ts_mark *after)
{
	uint32_t n = count_before(c, at);

	*before = n ? mark_of(c, n - 1) : c->start;
	*after = n < c->n ? mark_of(c, n) : c->end;
}

struct ts_mark ts_clock_npt(const struct ts_clock *c, uint64_t at, uint64_t pcr)
{
	uint32_t n = count_before(c, at);
	struct ts_mark before, after, m = { .at = at };
	uint64_t ticks;

	ts_clock_around(c, at, &before, &after);
	if (!n) {
		m.npt = before.npt;
		return m;
	}
	ticks = ts_clock_ticks(c->readings[n - 1].pcr, pcr);
	m.npt = ticks < TS_PCR_WRAP / 2 ? before.npt + ns_of(ticks) : before.npt;
	if (m.npt > after.npt)
		m.npt = after.npt;
	return m;
}

tick_t ts_clock_between(struct ts_mark before, struct ts_mark after, uint64_t at)
{
	if (at <= before.at || after.at <= before.at)
		return before.npt;
	if (at >= after.at)
		return after.npt;
	return before.npt + scale_floor((int64_t)(at - before.at),
				    (uint64_t)(after.npt - before.npt), after.at - before.at);
}

uint64_t ts_clock_place(const struct ts_clock *c, tick_t npt)
{
	uint32_t lo = 0, hi = c->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (c->npt[mid] < npt)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? c->readings[lo - 1].at : c->start.at;
}
