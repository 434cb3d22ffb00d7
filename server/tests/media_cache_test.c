/* SPDX-License-Identifier: MIT */
#include "server/base/os.h"
#include "server/tests/shelf.h"
#include "server/tests/unit.h"

/* How much of what was read is kept. */
enum { MANY = 40 };

/* Bytes that one clip takes when all of it is kept, and its tables of that. */
static struct title_gauges clip_size(void)
{
	struct shelf s;
	struct title_gauges g;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put_many(&s, 1);
	struct title *t = shelf_open_title(&s, "0.mp4");
	struct source *x = title_source(t, media_io_sync());
	title_unref(t);
	CU_ASSERT_EQUAL(shelf_play_out(x), SHELF_CLIP_PACKETS);
	source_free(x);
	title_cache_gauges(s.c, &g);
	shelf_remove_many(&s, 1);
	shelf_close(&s);
	return g;
}

static void t_bounded(void)
{
	struct title_gauges one = clip_size(), g;
	size_t cap = (one.tables * 4 + one.blocks) * 3 / 2;
	struct shelf s;
	char name[16];

	shelf_open(&s, cap, MANY);
	shelf_put_many(&s, MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		shelf_name(name, i % MANY);
		struct title *t = shelf_open_title(&s, name);
		struct source *x = title_source(t, media_io_sync());
		title_unref(t);
		CU_ASSERT_EQUAL(shelf_play_out(x), SHELF_CLIP_PACKETS);
		source_free(x);
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_TRUE(g.most > cap / 2);
	CU_ASSERT_TRUE(g.titles < MANY);
	CU_ASSERT_TRUE(g.evicted > 0);
	shelf_remove_many(&s, MANY);
	shelf_close(&s);
}

/* The last used is what is kept. */
static void t_order_of_use(void)
{
	struct title_gauges one = clip_size(), before, after;
	struct shelf s;
	char name[16];

	shelf_open(&s, (one.tables + one.blocks) * 4, MANY);
	shelf_put_many(&s, MANY);
	for (int i = 0; i < MANY; i++) {
		shelf_name(name, i);
		for (int again = 0; again < 2; again++) {
			const char *which = again ? "0.mp4" : name;
			struct title *t = shelf_open_title(&s, which);
			struct source *x = title_source(t, media_io_sync());
			title_unref(t);
			title_cache_gauges(s.c, &before);
			CU_ASSERT_EQUAL(shelf_play_out(x), SHELF_CLIP_PACKETS);
			title_cache_gauges(s.c, &after);
			if (again)
				CU_ASSERT_EQUAL(before.filled, after.filled);
			source_free(x);
		}
	}
	shelf_remove_many(&s, MANY);
	shelf_close(&s);
}

/* Sessions are let in until there is no room, and those who are in play to the end. */
static void t_full(void)
{
	struct title_gauges one = clip_size(), g;
	size_t cap = (one.tables + one.blocks / 4) * 8;
	struct source *x[MANY];
	struct packet p;
	struct title *t;
	struct shelf s;
	char name[16];
	int in = 0, err = 0;

	shelf_open(&s, cap, MANY);
	shelf_put_many(&s, MANY);
	for (int i = 0; i < MANY && !err; i++) {
		shelf_name(name, i);
		err = shelf_request(&s, name, true, &t);
		if (err)
			break;
		x[in++] = title_source(t, media_io_sync());
		title_unref(t);
		CU_ASSERT_EQUAL(shelf_next(x[in - 1], &p), 0);
	}
	CU_ASSERT_EQUAL(err, -ENOBUFS);
	CU_ASSERT_TRUE(in >= 4 && in < MANY);
	CU_ASSERT_EQUAL(shelf_request(&s, name, false, &t), 0); /* to look at it is another thing */
	title_unref(t);
	for (int i = 0; i < in; i++) {
		CU_ASSERT_EQUAL(shelf_play_out(x[i]), SHELF_CLIP_PACKETS - 1);
		source_free(x[i]);
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_EQUAL(shelf_request(&s, name, true, &t), 0);
	title_unref(t);
	shelf_remove_many(&s, MANY);
	shelf_close(&s);
}

/* Many who asked for a seat, and have not begun to play: their needs are counted. */
static void t_expected(void)
{
	struct title_gauges one = clip_size();
	struct source *x[MANY];
	struct title *t;
	struct shelf s;
	int in = 0;

	shelf_open(&s, one.tables + one.blocks * 2, MANY);
	shelf_put_many(&s, 1);
	while (in < MANY && shelf_request(&s, "0.mp4", true, &t) == 0) {
		x[in++] = title_source(t, media_io_sync());
		title_unref(t);
	}
	CU_ASSERT_TRUE(in > 1 && in < MANY);
	while (in)
		source_free(x[--in]);
	CU_ASSERT_EQUAL(shelf_request(&s, "0.mp4", true, &t), 0);
	title_unref(t);
	shelf_remove_many(&s, 1);
	shelf_close(&s);
}

/* A cache smaller than what one session holds: it ends cleanly, the cache stays within its bound. */
static void t_too_small(void)
{
	struct title_gauges one = clip_size(), g;
	size_t cap = one.tables + one.blocks / 20;
	struct shelf s;
	int err = 0;

	shelf_open(&s, cap, 10);
	shelf_put_many(&s, 1);
	struct title *t = shelf_open_title(&s, "0.mp4");
	struct source *x = title_source(t, media_io_sync());
	title_unref(t);
	for (int i = 0; i < 20 && (err = shelf_play_out(x)) == ERR_AGAIN; i++)
		title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(err, -ENOBUFS);
	source_free(x);
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_EQUAL(shelf_request(&s, "0.mp4", true, &t), -ENOBUFS);
	shelf_remove_many(&s, 1);
	shelf_close(&s);
	shelf_open(&s, one.tables / 2, 10);
	shelf_put_many(&s, 1);
	CU_ASSERT_EQUAL(shelf_request(&s, "0.mp4", false, &t), -ENOMEM);
	shelf_remove_many(&s, 1);
	shelf_close(&s);
}

/* Under pressure a cursor holds one block of a track, else two. */
static void t_tight(void)
{
	struct title_gauges one = clip_size(), g;
	struct packet p;
	struct shelf s;
	uint64_t pinned[2];

	for (int tight = 0; tight < 2; tight++) {
		shelf_open(&s, tight ? one.tables + one.blocks / 3 : SHELF_ROOMY, 10);
		shelf_put_many(&s, 1);
		struct title *t = shelf_open_title(&s, "0.mp4");
		struct source *x = title_source(t, media_io_sync());
		title_unref(t);
		pinned[tight] = 0;
		for (tick_t now = 1; !source_next(x, source_all(x), TICK_NEVER, now, &p); now++) {
			title_cache_gauges(s.c, &g);
			pinned[tight] = g.pinned > pinned[tight] ? g.pinned : pinned[tight];
		}
		source_free(x);
		shelf_remove_many(&s, 1);
		shelf_close(&s);
	}
	CU_ASSERT_TRUE(pinned[1] < pinned[0]);
}

UNIT_SUITE(media_cache,
	{ "cache: tables and blocks of all titles stay within one bound", t_bounded },
	{ "cache: what was used last is kept", t_order_of_use },
	{ "cache: a session too many is refused, those who play go on", t_full },
	{ "cache: sessions that have not begun are counted by what they will need", t_expected },
	{ "cache: too small for anyone, it refuses and stays within its bound", t_too_small },
	{ "cache: under pressure nothing is read ahead", t_tight });
