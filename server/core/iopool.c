/* SPDX-License-Identifier: MIT */
#include "server/core/iopool.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "server/base/os.h"

struct iopool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct media_job *first, **last;
	bool stopping;
	unsigned n;
	pthread_t *threads;
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

static void run_job(struct media_job *j)
{
	struct io_worker *w = container_of(j->io, struct io_worker, io);
	struct done_mail *d = xcalloc(1, sizeof *d);

	d->job = j;
	d->mail.fn = on_done;
	j->run(j);
	loop_post(w->loop, &d->mail);
}

static void *pool_thread(void *arg)
{
	struct iopool *p = arg;

	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->first && !p->stopping)
			pthread_cond_wait(&p->work, &p->lock);
		struct media_job *j = p->first;
		if (!j)
			break;
		p->first = j->next;
		if (!p->first)
			p->last = &p->first;
		pthread_mutex_unlock(&p->lock);
		run_job(j);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct iopool *iopool_new(unsigned threads)
{
	struct iopool *p = xcalloc(1, sizeof *p);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	p->last = &p->first;
	p->threads = xcalloc(threads, sizeof *p->threads);
	for (p->n = 0; p->n < threads; p->n++) {
		if (pthread_create(&p->threads[p->n], NULL, pool_thread, p) != 0)
			die("cannot start an I/O thread");
	}
	return p;
}

void iopool_stop(struct iopool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->n; i++)
		pthread_join(p->threads[i], NULL);
	p->n = 0;
}

void iopool_free(struct iopool *p)
{
	if (!p)
		return;
	iopool_stop(p);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p->threads);
	free(p);
}

static void submit(struct media_io *io, struct media_job *j)
{
	struct iopool *p = container_of(io, struct io_worker, io)->pool;

	if (!p) {
		/* tests: the done() still comes by mail, never inside submit */
		run_job(j);
		return;
	}
	pthread_mutex_lock(&p->lock);
	j->next = NULL;
	*p->last = j;
	p->last = &j->next;
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void io_worker_init(struct io_worker *w, struct iopool *p, struct loop *l)
{
	*w = (struct io_worker){ .io.submit = submit, .pool = p, .loop = l };
}
