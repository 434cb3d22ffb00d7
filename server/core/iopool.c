/* SPDX-License-Identifier: MIT */
#include "server/core/iopool.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <uthash.h>

#include "server/base/list.h"
#include "server/base/os.h"

enum {
	NAP_MS = 20,      /* how often the keeper looks after the pool while it has reason to */
	IDLE_NAPS = 250,  /* after so many of them, threads that were idle all the time end */
	JOBS_PER_NAP = 2, /* a thread that does fewer of them in a nap is waiting, not working */
	STOP_POLL_MS = 2
};

/* The jobs of one device. */
struct share {
	uint64_t key;
	UT_hash_handle hh;
	struct media_job *first, **last;
	unsigned running;
	struct link ready; /* of those that have jobs and may run one more; else alone */
};

struct pool_thread {
	pthread_t id;
	struct iopool *pool;
	struct link link; /* in pool->threads, then in pool->ended */
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

/* A job without done(), or one that somebody else goes on with, may be gone when run() returns. */
static void run_job(struct media_job *j)
{
	struct loop *loop = container_of(j->io, struct io_worker, io)->loop;
	bool has_done = j->done != NULL;

	if (!j->run(j) || !has_done)
		return;
	struct done_mail *d = xcalloc(1, sizeof *d);
	d->job = j;
	d->mail.fn = on_done;
	loop_post(loop, &d->mail);
}

/* ---- shares, under the lock ---- */

static bool has_room(const struct iopool *p, const struct share *s)
{
	unsigned part = p->most / (s->key ? 2 : 4);

	return s->running < (part ? part : 1);
}

/* Puts the share where it belongs now; frees it when nothing is left of it. */
static void place(struct iopool *p, struct share *s)
{
	if (!s->first && !s->running) {
		link_remove(&s->ready);
		HASH_DEL(p->shares, s);
		free(s);
	} else if (!s->first || !has_room(p, s)) {
		link_remove(&s->ready);
	} else if (link_is_alone(&s->ready)) {
		list_push_back(&p->ready, &s->ready);
	}
}

static struct share *share_of(struct iopool *p, uint64_t key)
{
	struct share *s;

	HASH_FIND(hh, p->shares, &key, sizeof key, s);
	if (!s) {
		s = xcalloc(1, sizeof *s);
		s->key = key;
		s->last = &s->first;
		link_init(&s->ready);
		HASH_ADD(hh, p->shares, key, sizeof s->key, s);
	}
	return s;
}

static void put_job(struct iopool *p, struct media_job *j)
{
	struct share *s = share_of(p, j->share);

	j->next = NULL;
	j->since = p->naps;
	*s->last = j;
	s->last = &j->next;
	p->waiting++;
	place(p, s);
}

/* The next job, whose share is *from; NULL: none may run now. */
static struct media_job *take_job(struct iopool *p, struct share **from)
{
	struct link *l = list_pop(&p->ready);

	if (!l)
		return NULL;
	struct share *s = container_of(l, struct share, ready);
	struct media_job *j = s->first;
	s->first = j->next;
	if (!s->first)
		s->last = &s->first;
	s->running++;
	p->waiting--;
	p->jobs++;
	place(p, s); /* last in turn */
	*from = s;
	return j;
}

/* ---- threads ---- */

/* A job could run, and has no thread. */
static bool is_pressed(const struct iopool *p)
{
	return !link_is_alone(&p->ready) && !p->idle;
}

/* Waits for a job, or for a reason to end: NULL. */
static struct media_job *wait_job(struct iopool *p, struct share **from)
{
	for (;;) {
		struct media_job *j = take_job(p, from);
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
	struct share *s;
	struct media_job *j;

	pthread_mutex_lock(&p->lock);
	while ((j = wait_job(p, &s))) {
		if (is_pressed(p))
			pthread_cond_signal(&p->keep);
		pthread_mutex_unlock(&p->lock);
		run_job(j);
		pthread_mutex_lock(&p->lock);
		s->running--;
		place(p, s);
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

/* All threads have been stuck for a nap while a job waited: twice as many, if there is work for them. */
static void grow(struct iopool *p)
{
	const struct share *s = container_of(p->ready.next, struct share, ready);
	unsigned more = p->n < p->waiting ? p->n : p->waiting;

	if (p->naps - s->first->since < 2 || p->jobs - p->jobs_before >= JOBS_PER_NAP * p->n)
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
	if (is_pressed(p))
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
	if (is_over)
		run_job(j);
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
