/* SPDX-License-Identifier: MIT */
#include "loadgen/plan.h"

double plan_default_rate(uint64_t sessions)
{
	double rate = (double)sessions / 2;
	return rate < PLAN_RATE_MIN ? PLAN_RATE_MIN : rate;
}

tick_t plan_start(const struct plan *p, uint64_t i)
{
	return (tick_t)((double)i * 1e9 / p->rate);
}

uint64_t plan_peak(const struct plan *p)
{
	double there = p->rate * tick_seconds(p->play) + 1;
	return there < (double)p->sessions ? (uint64_t)there : p->sessions;
}

tick_t plan_length(const struct plan *p)
{
	return plan_start(p, p->sessions ? p->sessions - 1 : 0) + p->play;
}

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

struct plan_random plan_random(const struct plan *p, uint64_t i)
{
	return (struct plan_random){ mix(p->seed ^ mix(i + 1)) };
}

uint64_t plan_draw(struct plan_random *r)
{
	r->state += 0x9e3779b97f4a7c15u;
	return mix(r->state);
}
