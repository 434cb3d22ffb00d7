/* SPDX-License-Identifier: MIT */
#include "server/core/iopool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <uthash.h>

#include "server/base/list.h"
#include "server/base/os.h"

enum {
	NAP_MS = 20,      /* how often the keeper looks after the pool while it has reason to */
	IDLE_NAPS = 250,  /* after so many of them, threads that were idle all the time end */
	LONG_NAPS = 5,    /* a job that takes as many of them is slow */
	JOBS_PER_NAP = 2, /* a thread that does fewer of them in a nap is waiting, not working */
	STOP_POLL_MS = 2
};

/* The jobs of one device: those that should be quick, and those of what was slow before. */
enum { LANE_QUICK, LANE_SLOW, LANES };
struct share;
struct lane {
	struct share *share;
	struct media_job *first, **last;
	unsigned running;  /* slow: also those that began as quick */
	struct link ready; /* of those that have jobs and may run one more; else alone */
};
struct share {
	uint64_t key;
	UT_hash_handle hh;
	struct lane lanes[LANES];
};

struct pool_thread {
	pthread_t id;
	struct iopool *pool;
	struct link link;  /* in pool->threads, then in pool->ended */
	struct lane *lane; /* of its job; NULL: it has none */
	uint32_t began;    /* in naps */
	bool is_long;
	_Atomic bool *is_slow; /* the job's; of one that run() has handed on it may be gone */
};

struct iopool {
	pthread_mutex_t lock;
	pthread_cond_t work, keep;
	struct share *shares;
	struct link ready, threads, ended;
	unsigned base, most;
	unsigned n, idle, retire; /* threads; those that wait; those that shall end */
	unsigned waiting;         /* jobs in queues */
	uint64_t jobs, jobs_before;
	uint32_t naps;
	unsigned least_idle, naps_idle;
	unsigned most_threads;
	bool stopping, stopped;
	pthread_t keeper;
};

/* A finished job on its way to the loop that gets its done(). */
struct done_mail {
	struct mail mail;
	struct media_job *job;
};

static void on_done(struct mail *m, struct loop *l, tick_t now)
{
	struct done_mail *d = container_of(m, struct done_mail, mail);
	struct media_job *j = d->job;
	(void)l;
	(void)now;
	free(d);
	j->done(j);
}

static void post_done(struct media_job *j)
{
	struct done_mail *d = xcalloc(1, sizeof *d);

	d->job = j;
	d->mail.fn = on_done;
	loop_post(container_of(j->io, struct io_worker, io)->loop, &d->mail);
}

/* True: done() is to be told. A job without one, or one that somebody else goes on with, may be gone. */
static bool run_job(struct media_job *j)
{
	bool has_done = j->done != NULL;

	return j->run(j) && has_done;
}

/* ---- shares, under the lock ---- */

static bool has_room(const struct iopool *p, const struct lane *l)
{
	const struct share *s = l->share;
	unsigned part = p->most / (s->key ? 2 : 4);

	if (s->lanes[LANE_QUICK].running + s->lanes[LANE_SLOW].running >= (part ? part : 1))
		return false;
	return l == &s->lanes[LANE_QUICK] || !l->running || l->running < part / 2;
}

static void place_lane(struct iopool *p, struct lane *l)
{
	if (!l->first || !has_room(p, l))
		link_remove(&l->ready);
	else if (link_is_alone(&l->ready))
		list_push_back(&p->ready, &l->ready);
}

/* Puts the lanes where they belong now; frees the share when nothing is left of it. */
static void place(struct iopool *p, struct share *s)
{
	bool is_used = false;

	for (int i = 0; i < LANES; i++) {
		place_lane(p, &s->lanes[i]);
		is_used = is_used || s->lanes[i].first || s->lanes[i].running;
	}
	if (!is_used) {
		HASH_DEL(p->shares, s);
		free(s);
	}
}

static struct share *share_of(struct iopool *p, uint64_t key)
{
	struct share *s;

	HASH_FIND(hh, p->shares, &key, sizeof key, s);
	if (!s) {
		s = xcalloc(1, sizeof *s);
		s->key = key;
		for (int i = 0; i < LANES; i++) {
			s->lanes[i].share = s;
			s->lanes[i].last = &s->lanes[i].first;
			link_init(&s->lanes[i].ready);
		}
		HASH_ADD(hh, p->shares, key, sizeof s->key, s);
	}
	return s;
}

/* What the job works on was slow the last time, or keeps a thread for long right now. */
static bool job_is_slow(const struct iopool *p, const struct media_job *j)
{
	if (!j->is_slow)
		return false;
	LIST_EACH(x, &p->threads)
	{
		const struct pool_thread *t = container_of(x, struct pool_thread, link);
		if (t->lane && t->is_long && t->is_slow == j->is_slow)
			return true;
	}
	return atomic_load(j->is_slow);
}

static void put_job(struct iopool *p, struct media_job *j)
{
	struct share *s = share_of(p, j->share);
	struct lane *l = &s->lanes[job_is_slow(p, j) ? LANE_SLOW : LANE_QUICK];

	j->next = NULL;
	j->since = p->naps;
	*l->last = j;
	l->last = &j->next;
	p->waiting++;
	place(p, s);
}

/* The next job, which is t's now; NULL: none may run. */
static struct media_job *take_job(struct iopool *p, struct pool_thread *t)
{
	struct link *x = list_pop(&p->ready);

	if (!x)
		return NULL;
	struct lane *l = container_of(x, struct lane, ready);
	struct media_job *j = l->first;
	l->first = j->next;
	if (!l->first)
		l->last = &l->first;
	l->running++;
	p->waiting--;
	p->jobs++;
	t->lane = l;
	t->began = p->naps;
	t->is_long = false;
	t->is_slow = j->is_slow;
	place(p, l->share); /* last in turn */
	return j;
}

static void leave_lane(struct iopool *p, struct pool_thread *t)
{
	t->lane->running--;
	place(p, t->lane->share);
	t->lane = NULL;
}

/* A job has taken long: it counts among the slow ones, and so will the next of its kind. */
static void call_slow(struct iopool *p, struct pool_thread *t)
{
	struct lane *slow = &t->lane->share->lanes[LANE_SLOW];

	t->is_long = true;
	slow->running++;
	t->lane->running--;
	t->lane = slow;
	place(p, slow->share);
}

/* ---- threads ---- */

/* A job waits: for a thread, or because its share has its part. */
static bool is_pressed(const struct iopool *p)
{
	return p->waiting && (link_is_alone(&p->ready) || !p->idle);
}

/* Waits for a job, or for a reason to end: NULL. */
static struct media_job *wait_job(struct iopool *p, struct pool_thread *t)
{
	for (;;) {
		struct media_job *j = take_job(p, t);
		if (j || p->stopping)
			return j;
		if (p->retire) {
			p->retire--;
			return NULL;
		}
		p->idle++;
		pthread_cond_wait(&p->work, &p->lock);
		p->idle--;
		if (p->idle < p->least_idle)
			p->least_idle = p->idle;
	}
}

static void *pool_thread(void *arg)
{
	struct pool_thread *t = arg;
	struct iopool *p = t->pool;
	struct media_job *j;

	pthread_mutex_lock(&p->lock);
	while ((j = wait_job(p, t))) {
		if (is_pressed(p))
			pthread_cond_signal(&p->keep);
		pthread_mutex_unlock(&p->lock);
		bool is_done = run_job(j);
		pthread_mutex_lock(&p->lock);
		if (is_done && t->is_slow)
			atomic_store(t->is_slow, t->is_long);
		leave_lane(p, t);
		if (is_done) {
			pthread_mutex_unlock(&p->lock);
			post_done(j);
			pthread_mutex_lock(&p->lock);
		}
	}
	p->n--;
	link_remove(&t->link);
	list_push_back(&p->ended, &t->link);
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool start_thread(struct iopool *p)
{
	struct pool_thread *t = xcalloc(1, sizeof *t);

	t->pool = p;
	if (pthread_create(&t->id, NULL, pool_thread, t) != 0) {
		free(t);
		return false;
	}
	list_push_back(&p->threads, &t->link);
	p->n++;
	p->most_threads = p->n > p->most_threads ? p->n : p->most_threads;
	return true;
}

static void join_ended(struct iopool *p)
{
	struct link *l;

	while ((l = list_pop(&p->ended))) {
		struct pool_thread *t = container_of(l, struct pool_thread, link);
		pthread_join(t->id, NULL); /* it has left the lock, or is about to return */
		free(t);
	}
}

/* ---- the keeper ---- */

static void find_slow(struct iopool *p)
{
	LIST_EACH(x, &p->threads)
	{
		struct pool_thread *t = container_of(x, struct pool_thread, link);
		if (t->lane && !t->is_long && p->naps - t->began >= LONG_NAPS)
			call_slow(p, t);
	}
	if (!link_is_alone(&p->ready))
		pthread_cond_signal(&p->work); /* a lane may have got room by it */
}

/* All threads have been stuck for a nap while a job waited: twice as many, if there is work for them. */
static void grow(struct iopool *p)
{
	const struct lane *l = container_of(p->ready.next, struct lane, ready);
	unsigned more = p->n < p->waiting ? p->n : p->waiting;

	if (p->naps - l->first->since < 2 || p->jobs - p->jobs_before >= JOBS_PER_NAP * p->n)
		return;
	if (more > p->most - p->n)
		more = p->most - p->n;
	while (more-- && start_thread(p))
		;
}

static void shrink(struct iopool *p)
{
	unsigned spare = p->n - p->base;

	if (++p->naps_idle < IDLE_NAPS)
		return;
	p->retire = p->least_idle < spare ? p->least_idle : spare;
	p->naps_idle = 0;
	p->least_idle = p->idle;
	if (p->retire)
		pthread_cond_broadcast(&p->work);
}

static void look_after(struct iopool *p)
{
	p->naps++;
	if (p->waiting)
		find_slow(p);
	if (!p->idle && !link_is_alone(&p->ready))
		grow(p);
	if (p->n > p->base)
		shrink(p);
	p->jobs_before = p->jobs;
	join_ended(p);
}

static void nap(int64_t ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static void *keeper_thread(void *arg)
{
	struct iopool *p = arg;

	pthread_mutex_lock(&p->lock);
	while (!p->stopping || p->n) {
		if (!p->stopping && !is_pressed(p) && p->n <= p->base) {
			pthread_cond_wait(&p->keep, &p->lock);
			p->jobs_before = p->jobs;
			continue;
		}
		int64_t ms = p->stopping ? STOP_POLL_MS : NAP_MS;
		pthread_mutex_unlock(&p->lock);
		nap(ms);
		pthread_mutex_lock(&p->lock);
		look_after(p);
	}
	join_ended(p);
	p->stopped = true;
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* ---- life ---- */

struct iopool *iopool_new(unsigned base, unsigned most)
{
	struct iopool *p = xcalloc(1, sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	pthread_cond_init(&p->keep, NULL);
	link_init(&p->ready);
	link_init(&p->threads);
	link_init(&p->ended);
	p->base = base;
	p->most = most > base ? most : base;
	pthread_mutex_lock(&p->lock);
	while (p->n < base) {
		if (!start_thread(p))
			die("cannot start an I/O thread");
	}
	pthread_mutex_unlock(&p->lock);
	if (pthread_create(&p->keeper, NULL, keeper_thread, p) != 0)
		die("cannot start the keeper of the I/O threads");
	return p;
}

static bool is_stopped(struct iopool *p)
{
	pthread_mutex_lock(&p->lock);
	bool stopped = p->stopped;
	pthread_mutex_unlock(&p->lock);
	return stopped;
}

bool iopool_stop(struct iopool *p, int64_t wait_ms)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	pthread_cond_signal(&p->keep);
	pthread_mutex_unlock(&p->lock);
	for (int64_t ms = 0; !is_stopped(p); ms += STOP_POLL_MS) {
		if (ms >= wait_ms)
			return false;
		nap(STOP_POLL_MS);
	}
	return true;
}

void iopool_free(struct iopool *p)
{
	if (!p)
		return;
	if (!p->stopping)
		(void)!iopool_stop(p, INT64_MAX);
	pthread_join(p->keeper, NULL);
	pthread_cond_destroy(&p->work);
	pthread_cond_destroy(&p->keep);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static void submit(struct media_io *io, struct media_job *j)
{
	struct iopool *p = container_of(io, struct io_worker, io)->pool;
	bool is_over = !p; /* tests: the done() still comes by mail, never inside submit */

	if (p) {
		pthread_mutex_lock(&p->lock);
		is_over = p->stopping && !p->n;
		if (!is_over) {
			put_job(p, j);
			pthread_cond_signal(&p->work);
			if (is_pressed(p))
				pthread_cond_signal(&p->keep);
		}
		pthread_mutex_unlock(&p->lock);
	}
	if (is_over && run_job(j))
		post_done(j);
}

void io_worker_init(struct io_worker *w, struct iopool *p, struct loop *l)
{
	*w = (struct io_worker){ .io.submit = submit, .pool = p, .loop = l };
}

void iopool_read_gauges(struct iopool *p, struct iopool_gauges *g)
{
	*g = (struct iopool_gauges){ 0 };
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	*g = (struct iopool_gauges){
		.threads = p->n, .most_threads = p->most_threads, .jobs = p->jobs
	};
	pthread_mutex_unlock(&p->lock);
}
