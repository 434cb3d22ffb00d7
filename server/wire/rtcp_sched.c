/* SPDX-License-Identifier: MIT */
#include "server/wire/rtcp_sched.h"

#include <assert.h>

/* Constants of RFC 3550 6.2, 6.3.1 and A.7. */
static const double rtcp_share = 0.05;
static const double sender_share = 0.25;
static const double minimum_s = 5;
/* e - 3/2: makes up for what reconsideration lets converge too low. */
static const double compensation = 1.21828;
enum { BYE_AT_ONCE_BELOW = 50 };

static double minimum_of(const struct rtcp_sched *s)
{
	double t = minimum_s, kbps = s->c.session_bps / 1000;

	/* The reduced minimum is only ever a reduction here. */
	if (s->c.reduced_minimum && kbps > 360 / minimum_s)
		t = 360 / kbps;
	return s->initial ? t / 2 : t;
}

/* Td in seconds. */
static double interval_of(const struct rtcp_sched *s)
{
	double least = minimum_of(s);
	double bytes_per_s = s->c.session_bps / 8 * rtcp_share;
	double n = s->members, t;

	if (s->senders <= s->members * sender_share) {
		if (s->we_sent) {
			bytes_per_s *= sender_share;
			n = s->senders;
		} else {
			bytes_per_s *= 1 - sender_share;
			n -= s->senders;
		}
	}
	if (bytes_per_s <= 0) /* nobody told the bandwidth */
		return least;
	t = s->avg_bytes * n / bytes_per_s;
	return t > least ? t : least;
}

tick_t rtcp_sched_interval(const struct rtcp_sched *s)
{
	double t = interval_of(s);

	/* A day is never by any useful bandwidth, and fits. */
	return (tick_t)((t < 86400 ? t : 86400) * 1e9);
}

/* T: 0.5 to 1.5 times Td, compensated. */
static tick_t draw(const struct rtcp_sched *s, uint32_t random)
{
	double r = (double)random / 4294967296.0;
	return (tick_t)((double)rtcp_sched_interval(s) * (r + 0.5) / compensation);
}

static void note_size(struct rtcp_sched *s, uint32_t bytes)
{
	s->avg_bytes += (bytes - s->avg_bytes) / 16;
}

void rtcp_sched_init(
	struct rtcp_sched *s, const struct rtcp_sched_config *c, tick_t now, uint32_t random)
{
	assert(c->members >= 1 && c->senders <= c->members);
	*s = (struct rtcp_sched){
		.c = *c,
		.tp = now,
		.pmembers = c->members,
		.members = c->members,
		.senders = c->senders,
		.avg_bytes = c->first_bytes,
		.initial = true,
		.we_sent = c->is_sender,
	};
	s->next = c->first_at_once ? now : now + draw(s, random);
}

enum rtcp_sched_act rtcp_sched_expire(struct rtcp_sched *s, tick_t now, uint32_t random)
{
	tick_t at;

	if (s->done || now < s->next)
		return RTCP_SCHED_WAIT;
	if (s->initial && s->c.first_at_once && !s->leaving)
		return RTCP_SCHED_REPORT;
	at = s->tp + draw(s, random);
	s->pmembers = s->members;
	if (at > now) {
		s->next = at;
		return RTCP_SCHED_WAIT;
	}
	if (!s->leaving)
		return RTCP_SCHED_REPORT;
	s->done = true;
	s->next = TICK_NEVER;
	return RTCP_SCHED_BYE;
}

void rtcp_sched_on_sent(struct rtcp_sched *s, uint32_t bytes, tick_t now, uint32_t random)
{
	if (s->leaving || s->done)
		return;
	note_size(s, bytes);
	s->tp = now;
	s->initial = false;
	s->next = now + draw(s, random);
	s->pmembers = s->members;
}

void rtcp_sched_on_received(struct rtcp_sched *s, uint32_t bytes)
{
	if (!s->leaving)
		note_size(s, bytes);
}

void rtcp_sched_on_members(struct rtcp_sched *s, uint32_t members, uint32_t senders, tick_t now)
{
	assert(members >= 1 && senders <= members);
	if (s->leaving || s->done)
		return;
	s->members = members;
	s->senders = senders;
	if (members >= s->pmembers)
		return;
	/* 6.3.4: what is left of the wait shrinks with the group, else a mass leave would be
	 * followed by a long silence that looks like a time-out of everyone. */
	double share = (double)members / s->pmembers;
	s->next = now + (tick_t)(share * (double)(s->next - now));
	s->tp = now - (tick_t)(share * (double)(now - s->tp));
	s->pmembers = members;
}

void rtcp_sched_on_bye(struct rtcp_sched *s, uint32_t bytes, tick_t now)
{
	(void)now; /* the next expire reconsiders with the new count */
	if (s->leaving && s->members < UINT32_MAX)
		s->members++;
	note_size(s, bytes);
}

void rtcp_sched_set_sender(struct rtcp_sched *s, bool is_sender)
{
	if (!s->leaving)
		s->we_sent = is_sender;
}

bool rtcp_sched_leave(struct rtcp_sched *s, uint32_t bye_bytes, tick_t now, uint32_t random)
{
	if (s->members < BYE_AT_ONCE_BELOW) {
		s->done = s->leaving = true;
		s->next = TICK_NEVER;
		return true;
	}
	s->leaving = true;
	s->initial = true;
	s->we_sent = false;
	s->members = s->pmembers = 1;
	s->senders = 0;
	s->avg_bytes = bye_bytes;
	s->tp = now;
	s->next = now + draw(s, random);
	return false;
}
