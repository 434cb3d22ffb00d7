/* SPDX-License-Identifier: MIT */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "server/base/os.h"
#include "server/core/iopool.h"
#include "server/tests/unit.h"

enum { STEP_MS = 2, PATIENCE_MS = 20000, NOT_LONG_MS = 200, LONG_MS = 200 };

/* What the jobs of one test share. */
struct scene {
	struct loop loop;
	struct io_worker w;
	struct iopool *pool;
	_Atomic unsigned running, most, ran, turn;
	unsigned done;
	sem_t gate;
};

struct job {
	struct media_job job;
	struct scene *s;
	pthread_t ran_on;
	unsigned turn; /* which one it was to run, from 1 */
	unsigned parks;
};

static void scene_open(struct scene *s, unsigned base, unsigned most)
{
	*s = (struct scene){ 0 };
	CU_ASSERT_EQUAL_FATAL(loop_init(&s->loop), 0);
	s->pool = iopool_new(base, most);
	io_worker_init(&s->w, s->pool, &s->loop);
	CU_ASSERT_EQUAL(sem_init(&s->gate, 0, 0), 0);
}

static void on_mail(struct mail *m, struct loop *l, tick_t now)
{
	(void)m;
	(void)l;
	(void)now;
}

/* Runs what was mailed to the loop, which would sleep if that was nothing. */
static void turn(struct scene *s)
{
	struct mail m = { .fn = on_mail };

	loop_post(&s->loop, &m);
	loop_turn(&s->loop);
}

static void scene_close(struct scene *s)
{
	CU_ASSERT_TRUE_FATAL(iopool_stop(s->pool, PATIENCE_MS));
	turn(s);
	iopool_free(s->pool);
	(void)sem_destroy(&s->gate); /* nobody waits */
	loop_clear(&s->loop);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = STEP_MS * 1000000 }, NULL);
}

static void nap_long(int ms)
{
	for (; ms > 0; ms -= STEP_MS)
		nap();
}

/* Waits until *n reaches `at`; false: it has not. */
static bool reaches(_Atomic unsigned *n, unsigned at)
{
	for (int ms = 0; ms < PATIENCE_MS && atomic_load(n) < at; ms += STEP_MS)
		nap();
	return atomic_load(n) >= at;
}

static bool run(struct media_job *j)
{
	struct job *x = container_of(j, struct job, job);

	x->ran_on = pthread_self();
	x->turn = atomic_fetch_add(&x->s->turn, 1) + 1;
	atomic_fetch_add(&x->s->ran, 1);
	return true;
}

/* Stands before a gate, as before a dead disk. */
static bool run_stuck(struct media_job *j)
{
	struct scene *s = container_of(j, struct job, job)->s;
	unsigned n = atomic_fetch_add(&s->running, 1) + 1, most = atomic_load(&s->most);

	while (n > most && !atomic_compare_exchange_weak(&s->most, &most, n))
		;
	while (sem_wait(&s->gate) != 0)
		;
	atomic_fetch_sub(&s->running, 1);
	return run(j);
}

static void done(struct media_job *j)
{
	struct scene *s = container_of(j, struct job, job)->s;

	CU_ASSERT_TRUE(pthread_equal(pthread_self(), s->loop.thread));
	s->done++;
}

static void submit(struct scene *s, struct job *x, bool (*fn)(struct media_job *j), uint64_t share)
{
	*x = (struct job){ .job = { .run = fn, .done = done, .share = share }, .s = s };
	media_submit(&s->w.io, &x->job);
}

static void open_gate(struct scene *s, unsigned n)
{
	while (n--)
		sem_post(&s->gate);
}

static void t_done(void)
{
	struct scene s;
	struct job jobs[50];

	scene_open(&s, 3, 3);
	for (size_t i = 0; i < COUNT(jobs); i++)
		submit(&s, &jobs[i], run, i % 3);
	CU_ASSERT_TRUE(iopool_stop(s.pool, PATIENCE_MS)); /* all answers are in the mailbox now */
	turn(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(jobs));
	CU_ASSERT_FALSE(pthread_equal(jobs[0].ran_on, pthread_self()));
	submit(&s, &jobs[0], run, 1);
	CU_ASSERT_TRUE(pthread_equal(jobs[0].ran_on, pthread_self()));
	turn(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(jobs) + 1);
	scene_close(&s);
}

/* More stuck jobs than threads, of a device and of nobody knows where; then one of another device. */
static void t_dead_disk(void)
{
	struct scene s;
	struct job stuck[40], unknown[40], other[3];
	struct iopool_gauges g;

	scene_open(&s, 2, 16);
	for (size_t i = 0; i < COUNT(stuck); i++)
		submit(&s, &stuck[i], run_stuck, 7);
	CU_ASSERT_TRUE(reaches(&s.most, 8));
	for (size_t i = 0; i < COUNT(unknown); i++)
		submit(&s, &unknown[i], run_stuck, 0);
	CU_ASSERT_TRUE(reaches(&s.most, 8 + 4));
	for (size_t i = 0; i < COUNT(other); i++)
		submit(&s, &other[i], run, 8 + i);
	CU_ASSERT_TRUE(reaches(&s.ran, COUNT(other)));
	CU_ASSERT_EQUAL(atomic_load(&s.most), 8 + 4);
	iopool_read_gauges(s.pool, &g);
	CU_ASSERT_TRUE(g.threads > 8 + 4 && g.threads <= 16);
	open_gate(&s, COUNT(stuck) + COUNT(unknown));
	CU_ASSERT_TRUE(reaches(&s.ran, COUNT(stuck) + COUNT(unknown) + COUNT(other)));
	scene_close(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(stuck) + COUNT(unknown) + COUNT(other));
}

/* Titles that were slow before, and one of the same disk that was not. */
static void t_slow_titles(void)
{
	struct scene s;
	struct job stuck[20], other[3];
	_Atomic bool is_slow = true, is_quick = false;

	scene_open(&s, 2, 16);
	for (size_t i = 0; i < COUNT(stuck); i++) {
		stuck[i] = (struct job){
			.job = { .run = run_stuck, .done = done, .share = 7, .is_slow = &is_slow },
			.s = &s
		};
		media_submit(&s.w.io, &stuck[i].job);
	}
	CU_ASSERT_TRUE(reaches(&s.most, 4));
	for (size_t i = 0; i < COUNT(other); i++) {
		other[i] = (struct job){
			.job = { .run = run, .done = done, .share = 7, .is_slow = &is_quick },
			.s = &s
		};
		media_submit(&s.w.io, &other[i].job);
	}
	CU_ASSERT_TRUE(reaches(&s.ran, COUNT(other)));
	CU_ASSERT_EQUAL(atomic_load(&s.most), 4);
	CU_ASSERT_FALSE(atomic_load(&is_quick));
	open_gate(&s, COUNT(stuck));
	scene_close(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(stuck) + COUNT(other));
}

/* Who is slow is found out while others wait, and forgiven. */
static void t_called_slow(void)
{
	struct scene s;
	struct job stuck, behind;
	_Atomic bool is_slow = false;
	unsigned ran = 0;

	scene_open(&s, 1, 1);
	stuck = (struct job){
		.job = { .run = run_stuck, .done = done, .share = 7, .is_slow = &is_slow }, .s = &s
	};
	/* longer and longer: the pool's keeper may be kept waiting, too */
	for (int ms = LONG_MS; ms < PATIENCE_MS && !atomic_load(&is_slow); ms *= 2) {
		media_submit(&s.w.io, &stuck.job);
		submit(&s, &behind, run, 8);
		nap_long(ms);
		open_gate(&s, 1);
		CU_ASSERT_TRUE(reaches(&s.ran, ran += 2));
	}
	CU_ASSERT_TRUE(atomic_load(&is_slow));
	open_gate(&s, 1);
	media_submit(&s.w.io, &stuck.job);
	CU_ASSERT_TRUE(reaches(&s.ran, ran + 1));
	scene_close(&s);
	CU_ASSERT_FALSE(atomic_load(&is_slow));
}

/* Hands itself on to somebody who needs it no more, and stays. */
static bool run_handed_on(struct media_job *j)
{
	(void)run_stuck(j);
	return false;
}

static void t_handed_on(void)
{
	struct scene s;
	struct job stuck, behind;
	_Atomic bool gone = false;

	scene_open(&s, 1, 1);
	stuck = (struct job){
		.job = { .run = run_handed_on, .done = done, .share = 7, .is_slow = &gone }, .s = &s
	};
	media_submit(&s.w.io, &stuck.job);
	CU_ASSERT_TRUE(reaches(&s.running, 1));
	submit(&s, &behind, run, 8);
	nap_long(2 * LONG_MS);
	CU_ASSERT_FALSE(atomic_load(&gone));
	open_gate(&s, 1);
	CU_ASSERT_TRUE(reaches(&s.ran, 2));
	scene_close(&s);
	CU_ASSERT_FALSE(atomic_load(&gone));
	CU_ASSERT_EQUAL(s.done, 1);
}

static void t_turns(void)
{
	struct scene s;
	struct job first, many[20], one;

	scene_open(&s, 1, 1);
	submit(&s, &first, run_stuck, 1);
	CU_ASSERT_TRUE(reaches(&s.running, 1));
	for (size_t i = 0; i < COUNT(many); i++)
		submit(&s, &many[i], run, 2);
	submit(&s, &one, run, 3);
	open_gate(&s, 1);
	CU_ASSERT_TRUE(reaches(&s.ran, COUNT(many) + 2));
	CU_ASSERT_TRUE(one.turn <= 3); /* after the gate's and one of the others */
	for (size_t i = 1; i < COUNT(many); i++)
		CU_ASSERT_TRUE(many[i].turn > many[i - 1].turn);
	scene_close(&s);
}

/* The first time somebody else takes it over, who submits it again. */
static bool run_parked(struct media_job *j)
{
	struct job *x = container_of(j, struct job, job);

	if (x->parks++)
		return run(j);
	media_submit(j->io, j);
	return false;
}

static bool run_and_free(struct media_job *j)
{
	struct job *x = container_of(j, struct job, job);

	atomic_fetch_add(&x->s->ran, 1);
	free(x);
	return true;
}

static void t_parked(void)
{
	struct scene s;
	struct job jobs[20];

	scene_open(&s, 2, 4);
	for (size_t i = 0; i < COUNT(jobs); i++)
		submit(&s, &jobs[i], run_parked, 1);
	for (size_t i = 0; i < COUNT(jobs); i++) {
		struct job *x = xcalloc(1, sizeof *x);
		x->job.run = run_and_free;
		x->s = &s;
		media_submit(&s.w.io, &x->job);
	}
	CU_ASSERT_TRUE(reaches(&s.ran, 2 * COUNT(jobs)));
	scene_close(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(jobs));
}

static void t_stuck_at_the_end(void)
{
	struct scene s;
	struct job stuck, more[5];

	scene_open(&s, 2, 4);
	submit(&s, &stuck, run_stuck, 1);
	CU_ASSERT_TRUE(reaches(&s.running, 1));
	for (size_t i = 0; i < COUNT(more); i++)
		submit(&s, &more[i], run, 2);
	CU_ASSERT_FALSE(iopool_stop(s.pool, NOT_LONG_MS));
	CU_ASSERT_EQUAL(atomic_load(&s.ran), COUNT(more)); /* what can be done is */
	open_gate(&s, 1);
	scene_close(&s);
	CU_ASSERT_EQUAL(s.done, COUNT(more) + 1);
}

UNIT_SUITE(iopool, { "iopool: every job is done on its worker's loop, also at the end", t_done },
	{ "iopool: a dead disk takes no more than its part of the threads", t_dead_disk },
	{ "iopool: slow titles leave threads to the others of their disk", t_slow_titles },
	{ "iopool: a title that keeps a thread is slow until it is quick again", t_called_slow },
	{ "iopool: what a job worked on may go as soon as it is handed on", t_handed_on },
	{ "iopool: devices take turns, jobs of one keep their order", t_turns },
	{ "iopool: a job that is handed on is done once; one without done() may go", t_parked },
	{ "iopool: at the end nobody waits for a disk that does not answer", t_stuck_at_the_end });
