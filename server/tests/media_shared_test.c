/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/builtin.h"
#include "server/tests/shelf.h"
#include "server/tests/unit.h"

/* One title for all who play a file: when it is the same, when it has changed, and whose descriptor it is. */

/* ---- recognising ---- */

static void t_same(void)
{
	struct shelf s;
	struct title *a, *b, *c;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "clip.mp4", builtin_clip());
	shelf_put(&s, "copy.mp4", builtin_clip());
	CU_ASSERT_EQUAL(linkat(s.root, "clip.mp4", s.root, "hard.mp4", 0), 0);
	CU_ASSERT_EQUAL(symlinkat("clip.mp4", s.root, "soft.mp4"), 0);
	a = shelf_open_title(&s, "/clip.mp4");
	b = shelf_open_title(&s, "hard.mp4");
	CU_ASSERT_PTR_EQUAL(a, b);
	title_unref(b);
	b = shelf_open_title(&s, "soft.mp4");
	CU_ASSERT_PTR_EQUAL(a, b);
	c = shelf_open_title(&s, "copy.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, c);
	CU_ASSERT_TRUE(title_mtime_ns(a) > 0);
	title_unref(a);
	title_unref(b);
	title_unref(c);
	shelf_remove(&s, "clip.mp4");
	shelf_remove(&s, "copy.mp4");
	shelf_remove(&s, "hard.mp4");
	shelf_remove(&s, "soft.mp4");
	shelf_close(&s);
}

static void t_renamed(void)
{
	struct shelf s;
	struct title *a, *b;
	struct source *old, *new;
	struct packet p;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "clip.mp4", builtin_clip());
	a = shelf_open_title(&s, "clip.mp4");
	old = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(shelf_next(old, &p), 0);
	shelf_put(&s, "new.mp4", builtin_clip());
	CU_ASSERT_EQUAL(renameat(s.root, "new.mp4", s.root, "clip.mp4"), 0);
	title_cache_check(s.c, media_io_sync());
	b = shelf_open_title(&s, "clip.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, b);
	new = title_source(b, media_io_sync());
	title_unref(a);
	title_unref(b);
	CU_ASSERT_EQUAL(shelf_play_out(old), SHELF_CLIP_PACKETS - 1);
	CU_ASSERT_EQUAL(shelf_play_out(new), SHELF_CLIP_PACKETS);
	source_free(old);
	source_free(new);
	shelf_remove(&s, "clip.mp4");
	shelf_close(&s);
}

/* Written to, though to the same octets: whoever opens it anew gets it, whoever plays it is told. */
static void change(struct shelf *s, const char *name)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1000000000 } };

	shelf_put(s, name, builtin_clip());
	CU_ASSERT_EQUAL(utimensat(s->root, name, times, 0), 0);
}

static void t_changed(void)
{
	struct shelf s;
	struct title *a, *b;
	struct source *one, *two;
	struct packet p;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "clip.mp4", builtin_clip());
	a = shelf_open_title(&s, "clip.mp4");
	one = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(shelf_play_out(one), SHELF_CLIP_PACKETS); /* every block is kept now */
	two = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(shelf_next(two, &p), 0);
	change(&s, "clip.mp4");
	b = shelf_open_title(&s, "clip.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, b);
	CU_ASSERT_EQUAL(shelf_play_out(two), ERR_CHANGED);
	source_free(one);
	one = title_source(b, media_io_sync());
	CU_ASSERT_EQUAL(shelf_play_out(one), SHELF_CLIP_PACKETS);
	source_free(one);
	source_free(two);
	title_unref(a);
	title_unref(b);
	shelf_remove(&s, "clip.mp4");
	shelf_close(&s);
}

static void t_checked(void)
{
	struct shelf s;
	struct title *t;
	struct source *x;
	struct packet p;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "clip.mp4", builtin_clip());
	t = shelf_open_title(&s, "clip.mp4");
	x = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(shelf_play_out(x), SHELF_CLIP_PACKETS);
	source_free(x);
	x = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(shelf_next(x, &p), 0);
	title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(shelf_next(x, &p), 0);
	change(&s, "clip.mp4"); /* and nobody opens it */
	title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(shelf_play_out(x), ERR_CHANGED);
	source_free(x);
	title_unref(t);
	shelf_remove(&s, "clip.mp4");
	shelf_close(&s);
}

static void t_refused(void)
{
	struct shelf s;
	struct title *t;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "empty.mp4", (struct bytes){ 0 });
	shelf_put(&s, "cut.mp4", bytes_sub(builtin_clip(), 0, 1000));
	shelf_put(&s, "text.mp4", B("no movie at all, but longer than a box header"));
	shelf_put(&s, "closed.mp4", builtin_clip());
	CU_ASSERT_EQUAL(mkfifoat(s.root, "fifo.mp4", 0600), 0);
	CU_ASSERT_EQUAL(mkdirat(s.root, "dir.mp4", 0700), 0);
	CU_ASSERT_EQUAL(fchmodat(s.root, "closed.mp4", 0, 0), 0);
	CU_ASSERT_EQUAL(shelf_request(&s, "empty.mp4", true, &t), -ENODATA);
	CU_ASSERT_EQUAL(shelf_request(&s, "cut.mp4", true, &t), ERR_TRUNCATED);
	CU_ASSERT_EQUAL(shelf_request(&s, "text.mp4", true, &t), ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(shelf_request(&s, "fifo.mp4", true, &t), -ENXIO);
	CU_ASSERT_EQUAL(shelf_request(&s, "dir.mp4", true, &t), -EISDIR);
	CU_ASSERT_EQUAL(shelf_request(&s, "none.mp4", true, &t), -ENOENT);
	if (geteuid() != 0) /* root may read anything */
		CU_ASSERT_EQUAL(shelf_request(&s, "closed.mp4", true, &t), -EACCES);
	shelf_remove(&s, "empty.mp4");
	shelf_remove(&s, "cut.mp4");
	shelf_remove(&s, "text.mp4");
	shelf_remove(&s, "closed.mp4");
	shelf_remove(&s, "fifo.mp4");
	CU_ASSERT_EQUAL(unlinkat(s.root, "dir.mp4", AT_REMOVEDIR), 0);
	shelf_close(&s);
}

/* ---- many at a time ---- */

struct asker {
	struct title_request request;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
	struct media_io io;
};

/* Another thread goes on with the job: the asker's wait ends when it is through. */
static void submit_here(struct media_io *io, struct media_job *j)
{
	(void)io;
	if (j->run(j))
		j->done(j);
}

static void on_asked(struct title_request *r)
{
	struct asker *a = container_of(r, struct asker, request);

	pthread_mutex_lock(&a->lock);
	a->is_done = true;
	pthread_cond_signal(&a->done);
	pthread_mutex_unlock(&a->lock);
}

static void *ask(void *arg)
{
	struct asker *a = arg;

	a->io.submit = submit_here;
	title_request_start(&a->request, &a->io);
	pthread_mutex_lock(&a->lock);
	while (!a->is_done)
		pthread_cond_wait(&a->done, &a->lock);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static void ask_all(struct shelf *s, struct asker *a, size_t n, const char *path)
{
	for (size_t i = 0; i < n; i++) {
		a[i] = (struct asker){ .request = { .cache = s->c,
					       .root_fd = s->root,
					       .path = path,
					       .on_done = on_asked } };
		(void)pthread_mutex_init(&a[i].lock, NULL);
		(void)pthread_cond_init(&a[i].done, NULL);
		CU_ASSERT_EQUAL_FATAL(pthread_create(&a[i].thread, NULL, ask, &a[i]), 0);
	}
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(pthread_join(a[i].thread, NULL), 0);
		(void)pthread_mutex_destroy(&a[i].lock);
		(void)pthread_cond_destroy(&a[i].done);
	}
}

static void t_one_reads(void)
{
	struct shelf s;
	struct asker a[16];
	struct title_gauges g;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put(&s, "bad.mp4", bytes_sub(builtin_clip(), 0, 1000));
	for (int round = 1; round <= 20; round++) {
		shelf_put(&s, "clip.mp4", builtin_clip());
		ask_all(&s, a, COUNT(a), "clip.mp4");
		for (size_t i = 0; i < COUNT(a); i++) {
			CU_ASSERT_EQUAL(a[i].request.err, 0);
			CU_ASSERT_PTR_EQUAL(a[i].request.title, a[0].request.title);
			title_unref(a[i].request.title);
		}
		title_cache_gauges(s.c, &g);
		CU_ASSERT_EQUAL(g.read, (uint64_t)round);
		ask_all(&s, a, COUNT(a), "bad.mp4");
		for (size_t i = 0; i < COUNT(a); i++)
			CU_ASSERT_EQUAL(a[i].request.err, ERR_TRUNCATED);
		shelf_remove(&s, "clip.mp4");
	}
	shelf_remove(&s, "bad.mp4");
	shelf_close(&s);
}

/* ---- descriptors ---- */

static void t_titles_max(void)
{
	struct shelf s;
	struct title *t[4];
	struct title_gauges g;
	char name[16];

	shelf_open(&s, SHELF_ROOMY, 3);
	shelf_put_many(&s, 8);
	for (int i = 0; i < 8; i++) { /* nobody keeps them */
		shelf_name(name, i);
		title_unref(shelf_open_title(&s, name));
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_EQUAL(g.titles, 3);
	for (int i = 0; i < 3; i++) {
		shelf_name(name, i);
		t[i] = shelf_open_title(&s, name);
	}
	CU_ASSERT_EQUAL(shelf_request(&s, "3.mp4", false, &t[3]), -EMFILE);
	CU_ASSERT_EQUAL(shelf_request(&s, "2.mp4", false, &t[3]), 0);
	title_unref(t[3]);
	title_unref(t[1]);
	CU_ASSERT_EQUAL(shelf_request(&s, "3.mp4", false, &t[1]), 0);
	for (int i = 0; i < 3; i++)
		title_unref(t[i]);
	shelf_remove_many(&s, 8);
	shelf_close(&s);
}

/* No descriptor is left but those that idle titles hold: the oldest of them gives its own. */
static void t_no_descriptor(void)
{
	struct rlimit old, few;
	struct shelf s;
	struct title *t = NULL, *held;
	int next, err;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put_many(&s, 3);
	title_unref(shelf_open_title(&s, "0.mp4"));
	held = shelf_open_title(&s, "1.mp4");
	next = dup(s.root);
	CU_ASSERT_TRUE_FATAL(next >= 0);
	(void)close(next);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ (rlim_t)next, old.rlim_max };
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = shelf_request(&s, "2.mp4", false, &t);
	CU_ASSERT_EQUAL(err, 0);
	struct title *none = NULL;
	CU_ASSERT_EQUAL(shelf_request(&s, "0.mp4", false, &none), -EMFILE);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &old), 0);
	title_unref(t);
	title_unref(held);
	shelf_remove_many(&s, 3);
	shelf_close(&s);
}

/* ---- given up ---- */

struct queue_io {
	struct media_io io;
	struct media_job *first, **last;
	unsigned n;
};

static void put_last(struct media_io *io, struct media_job *j)
{
	struct queue_io *q = container_of(io, struct queue_io, io);

	j->next = NULL;
	*q->last = j;
	q->last = &j->next;
	q->n++;
}

static void run_first(struct queue_io *q)
{
	struct media_job *j = q->first;
	void (*done)(struct media_job * j) = j->done;

	q->first = j->next;
	if (!q->first)
		q->last = &q->first;
	q->n--;
	if (j->run(j) && done)
		done(j);
}

/* Who has gone leaves no reading behind; closing the file is a job, too. */
static void t_unwanted(void)
{
	struct queue_io q = { .io = { put_last }, .last = &q.first };
	struct title_gauges g;
	struct packet p;
	struct shelf s;

	shelf_open(&s, SHELF_ROOMY, 10);
	shelf_put_many(&s, 1);
	struct title *t = shelf_open_title(&s, "0.mp4");
	struct source *x = title_source(t, &q.io);
	CU_ASSERT_EQUAL(shelf_next(x, &p), ERR_AGAIN);
	title_unref(t);
	source_free(x);
	title_cache_gauges(s.c, &g);
	while (q.n)
		run_first(&q);
	title_cache_gauges(s.c, &g);
	CU_ASSERT_EQUAL(g.filled, 0);
	shelf_remove_many(&s, 1);
	shelf_close(&s);

	t = NULL;
	CU_ASSERT_EQUAL_FATAL(title_open_memory(builtin_clip(), B("clip.mp4"), &t), 0);
	title_release(t, &q.io);
	CU_ASSERT_EQUAL(q.n, 1);
	run_first(&q);
}

UNIT_SUITE(media_shared, { "titles: one file is one title, by whatever name", t_same },
	{ "titles: one replaced by rename is played on from the old file", t_renamed },
	{ "titles: one changed in place ends its sessions, though its blocks are kept", t_changed },
	{ "titles: a change is seen though nobody opens the file again", t_checked },
	{ "titles: what cannot be opened says why", t_refused },
	{ "titles: of many who ask for a file at a time, one reads it", t_one_reads },
	{ "titles: idle ones give way in number, those in use do not", t_titles_max },
	{ "titles: without a descriptor left an idle title gives its own", t_no_descriptor },
	{ "titles: what nobody waits for any more is not read", t_unwanted });
