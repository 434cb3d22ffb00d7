/* SPDX-License-Identifier: MIT */
#include "server/core/thin.h"

#include <assert.h>

#include "server/base/attr.h"

enum {
	GROUP_UNKNOWN = 12, /* frames per group, until one has been seen */
	PAUSE_MAX = 32,     /* checks between two tries to step up */
};
/* Less is not "getting later": the grain of the wheel and of the loop's turns. */
#define RISING (10 * TICK_MS)

/* Share of the frames that others refer to, by level; the rest of them is left out. */
static const uint8_t share_percent[] = { 100, 100, 75, 50, 25, 0, 0 };
static_assert(COUNT(share_percent) == THIN_LEVELS, "one share per level");

/* ---- quality ---- */

void thin_account(struct thin *t, struct stats *stats, tick_t now)
{
	uint64_t *const at_level[THIN_LEVELS] = { NULL, &stats->thin_1_ms, &stats->thin_2_ms,
		&stats->thin_3_ms, &stats->thin_4_ms, &stats->thin_5_ms, &stats->thin_6_ms };
	tick_t span = now - t->level_since;

	if (t->level == THIN_ALL || span < 0) {
		t->level_since = now;
		return;
	}
	*at_level[t->level] += (uint64_t)(span / TICK_MS);
	t->level_since = now - span % TICK_MS;
}

static void set_level(struct thin *t, struct stats *stats, int level, tick_t now)
{
	if (level == t->level)
		return;
	thin_account(t, stats, now);
	if (level > t->level) {
		stats->thin_steps_down++;
		if (t->is_raised)
			t->pause = t->pause ? (uint8_t)(2 * t->pause) : 1;
		if (t->pause > PAUSE_MAX)
			t->pause = PAUSE_MAX;
		t->wait = t->pause;
	} else {
		stats->thin_steps_up++;
	}
	t->is_raised = level < t->level;
	t->level = (uint8_t)level;
	t->level_since = now;
}

static void step_up(struct thin *t, struct stats *stats, tick_t now)
{
	if (t->level == THIN_ALL) {
		t->pause = t->pause ? (uint8_t)(t->pause - 1) : 0; /* it has held: forget */
		t->is_raised = false;
	} else if (t->wait) {
		t->wait--;
	} else {
		set_level(t, stats, t->level - 1, now);
	}
}

static void check(struct thin *t, const struct prefs *p, struct stats *stats, tick_t due,
	tick_t late, tick_t now)
{
	if (t->is_checked && due - t->check_due < p->quality_check_interval * TICK_MS)
		return;
	bool rising = t->is_checked && late > t->check_late + RISING;

	if (late >= p->thin_all_the_way_delay * TICK_MS)
		set_level(t, stats, THIN_LEVELS - 1, now);
	else if (late >= p->always_thin_delay * TICK_MS ||
		 (late > p->start_thinning_delay * TICK_MS && rising))
		set_level(t, stats, t->level + (t->level < THIN_LEVELS - 1), now);
	else if (late <= -p->thick_all_the_way_lead * TICK_MS && !rising)
		set_level(t, stats, THIN_ALL, now);
	else if (late < p->start_thicking_delay * TICK_MS && !rising)
		step_up(t, stats, now);
	thin_account(t, stats, now);
	t->is_checked = true;
	t->check_due = due;
	t->check_late = late;
}

/* ---- frames ---- */

static enum thin_verdict leave_out(struct thin *t, enum thin_verdict why)
{
	t->is_damaged = true;
	return why;
}

static enum thin_verdict judge_sync(struct thin *t, uint32_t rtp_time)
{
	if (t->in_group)
		t->group = t->in_group;
	t->in_group = 0;
	if (t->level == THIN_SYNC_HALF && t->n_syncs++ % 2)
		return leave_out(t, THIN_OUT);
	t->was_damaged = t->is_damaged;
	t->is_damaged = false;
	t->sync = rtp_time;
	return THIN_SEND;
}

static enum thin_verdict judge_frame(struct thin *t, const struct packet *p)
{
	if (p->sync)
		return judge_sync(t, p->rtp_time);
	/* what a sync sample that came after damage cannot help: shown before it, sent after it */
	bool refers_back = t->was_damaged && (int32_t)(p->rtp_time - t->sync) < 0;

	if (p->importance == IMPORTANCE_LOW)
		return t->level >= THIN_NO_LOW || t->is_damaged || refers_back ? THIN_OUT
									       : THIN_SEND;
	uint32_t group = t->group ? t->group : GROUP_UNKNOWN;
	bool is_tail = t->level >= THIN_MOST &&
		       t->in_group >= (uint64_t)group * share_percent[t->level] / 100;
	t->in_group++;
	if (refers_back)
		return THIN_OUT;
	return is_tail || t->is_damaged ? leave_out(t, THIN_OUT) : THIN_SEND;
}

static enum thin_verdict judge(struct thin *t, const struct prefs *p, struct stats *stats,
	bool is_video, const struct packet *packet, const struct thin_moment *m)
{
	tick_t late = m->now - m->due;

	/* late by the server's own fault, or the medium's: the client would miss it for nothing */
	if (late > 0 && !m->is_pressed)
		late = 0;
	if (!m->is_disabled) {
		if (is_video && !packet->leading)
			check(t, p, stats, m->due, late, m->now);
		if (late > p->drop_all_packets_delay * TICK_MS ||
			(is_video && late > p->drop_all_video_delay * TICK_MS)) {
			t->in_group = packet->sync ? 0 : t->in_group + 1;
			if (packet->importance != IMPORTANCE_LOW)
				t->is_damaged = true;
			return THIN_TOO_LATE;
		}
	}
	return is_video ? judge_frame(t, packet) : THIN_SEND;
}

enum thin_verdict thin_judge(struct thin *t, const struct prefs *prefs, struct stats *stats,
	bool is_video, const struct packet *p, const struct thin_moment *m)
{
	if (!t->is_begun || t->frame != p->rtp_time) {
		t->is_begun = true;
		t->frame = p->rtp_time;
		t->verdict = judge(t, prefs, stats, is_video, p, m);
	}
	return t->verdict;
}

void thin_cut(struct thin *t)
{
	t->verdict = THIN_TOO_LATE;
	t->is_damaged = true;
}

void thin_lost(struct thin *t)
{
	t->is_damaged = true;
}

void thin_restart(struct thin *t)
{
	t->is_begun = false;
	t->is_checked = false;
}
