/* SPDX-License-Identifier: MIT */
#include "server/core/rtp_session.h"
#include "server/tests/unit.h"

/* What a stream's pacing decides, packet by packet: how far ahead it may be, and what is left out. */

/* ---- how far ahead ---- */

static struct ahead ahead_of(int64_t rate, int64_t first_ms, int64_t max_s, tick_t lead)
{
	struct prefs p = {
		.overbuffer_rate = rate, .overbuffer_first = first_ms, .max_send_ahead_time = max_s
	};
	struct ahead a;

	ahead_start(&a, &p, 5 * TICK_S, lead);
	return a;
}

static void t_ahead(void)
{
	struct ahead a = ahead_of(200, 1000, 25, 0);

	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S - 1), 0);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 15 * TICK_S), 11 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 29 * TICK_S), 25 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, TICK_NEVER / 2), 25 * TICK_S);
	a = ahead_of(100, 1000, 25, 0); /* the window, and no more */
	CU_ASSERT_EQUAL(ahead_lead(&a, 500 * TICK_S), TICK_S);
	a = ahead_of(200, 3000, 2, 0);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), 2 * TICK_S);
	a = ahead_of(200, 1000, 25, 7 * TICK_S); /* after a pause */
	CU_ASSERT_EQUAL(ahead_lead(&a, 6 * TICK_S), 8 * TICK_S);
	a = ahead_of(200, 1000, 25, 99 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 5 * TICK_S), 25 * TICK_S);
	ahead_stop(&a);
	CU_ASSERT_EQUAL(ahead_lead(&a, 6 * TICK_S), 0);
	CU_ASSERT_EQUAL(ahead_when(&a, 77), 77);
}

/* ahead_when is the first moment at which ahead_lead lets it go. */
static void t_ahead_when(void)
{
	static const int64_t rates[] = { 100, 101, 133, 200, 333, 1000, 10000 };
	uint64_t dice = 1;

	for (size_t i = 0; i < COUNT(rates); i++) {
		struct ahead a = ahead_of(rates[i], 1000, 25, 0);
		for (int k = 0; k < 2000; k++) {
			dice = dice * 6364136223846793005u + 1442695040888963407u;
			tick_t due = 4 * TICK_S + (tick_t)(dice >> 29);
			tick_t when = ahead_when(&a, due);
			CU_ASSERT_TRUE(when <= due);
			CU_ASSERT_TRUE(due - when <= ahead_lead(&a, when));
			/* what is due before the start may go at its time */
			if (when > a.at)
				CU_ASSERT_TRUE(due - when + 1 > ahead_lead(&a, when - 1));
		}
	}
}

static void t_ahead_hold(void)
{
	struct ahead a = ahead_of(200, 1000, 25, 0);

	ahead_hold(&a, 4 * TICK_S, 15 * TICK_S); /* 11 s were allowed */
	CU_ASSERT_EQUAL(ahead_lead(&a, 15 * TICK_S), 4 * TICK_S);
	CU_ASSERT_EQUAL(ahead_lead(&a, 16 * TICK_S), 5 * TICK_S);
	ahead_hold(&a, -3 * TICK_S, 16 * TICK_S); /* late: the window is there at once again */
	CU_ASSERT_EQUAL(ahead_lead(&a, 16 * TICK_S), TICK_S);
	ahead_hold(&a, 90 * TICK_S, 17 * TICK_S); /* never more than was allowed */
	CU_ASSERT_EQUAL(ahead_lead(&a, 17 * TICK_S), 2 * TICK_S);
}

/* ---- what is left out ---- */

struct thinner {
	struct thin thin;
	struct prefs prefs;
	struct stats stats;
	struct thin_moment m;
};

static void thinner_open(struct thinner *x)
{
	*x = (struct thinner){ .m.is_pressed = true };
	prefs_init(&x->prefs);
}

static enum thin_verdict judge(struct thinner *x, bool sync, uint8_t importance, uint32_t rtp_time)
{
	struct packet p = { .sync = sync, .importance = importance, .rtp_time = rtp_time };
	return thin_judge(&x->thin, &x->prefs, &x->stats, true, &p, &x->m);
}

/* One group of 25: which of I, P, B pass, as a string of letters. */
static void group(struct thinner *x, uint32_t first, char *dst)
{
	for (uint32_t i = 0; i < 25; i++) {
		uint32_t shown = first + (i == 0 ? 0 : i % 2 ? i + 1 : i - 1);
		uint8_t importance = i == 0  ? IMPORTANCE_HIGH
				     : i % 2 ? IMPORTANCE_NORMAL
					     : IMPORTANCE_LOW;
		/* three packets of each frame have one fate */
		enum thin_verdict v = judge(x, i == 0, importance, shown);
		CU_ASSERT_EQUAL(judge(x, i == 0, importance, shown), v);
		CU_ASSERT_EQUAL(judge(x, i == 0, importance, shown), v);
		if (v == THIN_SEND)
			*dst++ = "IPB"[i == 0 ? 0 : i % 2 ? 1 : 2];
	}
	*dst = '\0';
}

static void t_thin_levels(void)
{
	static const char *const want[THIN_LEVELS] = { "IPBPBPBPBPBPBPBPBPBPBPBPB", "IPPPPPPPPPPPP",
		"IPPPPPPPPP", "IPPPPPP", "IPPP", "I", "" };
	struct thinner x;
	char got[64];

	thinner_open(&x);
	x.m.is_disabled = true; /* the level is ours */
	group(&x, 0, got);
	for (uint8_t level = 0; level < THIN_LEVELS; level++) {
		x.thin.level = level;
		if (level == THIN_SYNC_HALF) {
			group(&x, 2000, got);
			CU_ASSERT_STRING_EQUAL(got, "I");
		}
		group(&x, 100u * (level + 1u), got);
		CU_ASSERT_STRING_EQUAL(got, want[level]);
	}
	/* up again: a group that was cut waits for its sync sample */
	x.thin.level = THIN_QUARTER;
	group(&x, 3000, got);
	x.thin.level = THIN_ALL;
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3100), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3101), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, true, IMPORTANCE_HIGH, 3200), THIN_SEND);
	/* frames shown before it refer to what did not come */
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3199), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3198), THIN_OUT);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_NORMAL, 3202), THIN_SEND);
	CU_ASSERT_EQUAL(judge(&x, false, IMPORTANCE_LOW, 3201), THIN_SEND);
	CU_ASSERT_EQUAL(x.stats.thin_steps_down + x.stats.thin_steps_up, 0);
	prefs_clear(&x.prefs);
}

/* One frame every five seconds of the medium, late by this much; the level afterwards. */
static uint8_t look(struct thinner *x, tick_t late_ms)
{
	static const uint32_t step = 90000;

	x->m.due += 5 * TICK_S;
	x->m.now = x->m.due + late_ms * TICK_MS;
	(void)judge(x, true, IMPORTANCE_HIGH, x->thin.frame + step);
	return x->thin.level;
}

static void t_thin_steps(void)
{
	struct thinner x;

	thinner_open(&x);
	CU_ASSERT_EQUAL(look(&x, 0), 0);
	CU_ASSERT_EQUAL(look(&x, 100), 1); /* late, and getting later */
	CU_ASSERT_EQUAL(look(&x, 300), 2);
	CU_ASSERT_EQUAL(look(&x, 300), 2); /* stays so */
	CU_ASSERT_EQUAL(look(&x, 800), 3); /* late by much */
	CU_ASSERT_EQUAL(look(&x, 760), 4);
	CU_ASSERT_EQUAL(look(&x, 700), 4); /* better, not good */
	CU_ASSERT_EQUAL(look(&x, 200), 3);
	CU_ASSERT_EQUAL(look(&x, 100), 2);
	CU_ASSERT_EQUAL(look(&x, 200), 3); /* that was too much: wait before the next try */
	CU_ASSERT_EQUAL(look(&x, 0), 3);
	CU_ASSERT_EQUAL(look(&x, 0), 2);
	CU_ASSERT_EQUAL(look(&x, 1600), 6); /* very late; and again after a step up */
	CU_ASSERT_EQUAL(look(&x, 0), 6);
	CU_ASSERT_EQUAL(look(&x, 0), 6);
	CU_ASSERT_EQUAL(look(&x, 0), 5);
	CU_ASSERT_EQUAL(look(&x, -2500), 0); /* well ahead */
	CU_ASSERT_EQUAL(x.stats.thin_steps_down, 6);
	CU_ASSERT_EQUAL(x.stats.thin_steps_up, 5);
	/* seconds between the looks at each level */
	thin_account(&x.thin, &x.stats, x.m.now);
	uint64_t all = x.stats.thin_1_ms + x.stats.thin_2_ms + x.stats.thin_3_ms +
		       x.stats.thin_4_ms + x.stats.thin_5_ms + x.stats.thin_6_ms;
	CU_ASSERT_EQUAL(all, 75000 - 100 - 2500);        /* from the first step to the last */
	CU_ASSERT_EQUAL(x.stats.thin_4_ms, 10000 - 560); /* 760 late to 200 late */
	prefs_clear(&x.prefs);
}

static void t_thin_innocent(void)
{
	struct thinner x;

	thinner_open(&x);
	x.m.is_pressed = false; /* late by our own fault */
	for (int i = 0; i < 20; i++)
		CU_ASSERT_EQUAL(look(&x, i * 1000), 0);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_SEND);
	x.m.is_pressed = x.m.is_disabled = true;
	CU_ASSERT_EQUAL(look(&x, 90000), 0);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_SEND);
	/* audio goes last */
	struct packet p = { .sync = true, .importance = IMPORTANCE_HIGH };
	struct thin audio = { 0 };
	struct thin_moment m = { .now = 2400 * TICK_MS, .is_pressed = true };
	CU_ASSERT_EQUAL(thin_judge(&audio, &x.prefs, &x.stats, false, &p, &m), THIN_SEND);
	p.rtp_time = 960;
	m.now = 2600 * TICK_MS;
	CU_ASSERT_EQUAL(thin_judge(&audio, &x.prefs, &x.stats, false, &p, &m), THIN_TOO_LATE);
	CU_ASSERT_EQUAL(audio.level, 0);
	x.m.is_disabled = false;
	(void)look(&x, 1800);
	CU_ASSERT_EQUAL(x.thin.verdict, THIN_TOO_LATE); /* video, key frame or not */
	prefs_clear(&x.prefs);
}

UNIT_SUITE(pace_thin, { "ahead: a window at once, then at its rate, up to its maximum", t_ahead },
	{ "ahead: a packet leaves at the first moment that allows it", t_ahead_when },
	{ "ahead: a connection that is full holds it where it is", t_ahead_hold },
	{ "thin: each level has its frames, and a decoder can use them", t_thin_levels },
	{ "thin: a step per second of lateness, all the way when it is great", t_thin_steps },
	{ "thin: only the client's own lateness counts; audio goes last", t_thin_innocent });
