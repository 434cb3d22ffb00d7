/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/builtin.h"
#include "server/media/root.h"
#include "server/media/title_parts.h"
#include "server/tests/unit.h"

enum { ROOMY = 64 << 20, MANY = 40, CLIP_PACKETS = 259 + 23 };

/* A folder of clips and a cache over it. */
struct shelf {
	char dir[32];
	int root;
	struct title_cache *c;
};

static void shelf_open(struct shelf *s, size_t bytes, uint32_t titles)
{
	memcpy(s->dir, "/tmp/beagle-cache-XXXXXX", 25);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
	s->root = root_dir_open(s->dir);
	CU_ASSERT_TRUE_FATAL(s->root >= 0);
	s->c = title_cache_new(&(struct title_limits){ .bytes = bytes, .titles = titles });
}

/* Everything must have been given back. */
static void shelf_close(struct shelf *s)
{
	struct title_gauges g;

	title_cache_gauges(s->c, &g);
	CU_ASSERT_EQUAL(g.pinned, 0);
	CU_ASSERT_EQUAL(s->c->expected, 0);
	title_cache_free(s->c);
	(void)close(s->root);
	(void)rmdir(s->dir);
}

static void put_file(struct shelf *s, const char *name, struct bytes what)
{
	int fd = openat(s->root, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, what.p, what.n), (ssize_t)what.n);
	CU_ASSERT_EQUAL(close(fd), 0);
}

static void remove_file(struct shelf *s, const char *name)
{
	CU_ASSERT_EQUAL(unlinkat(s->root, name, 0), 0);
}

static void nothing(struct title_request *r)
{
	(void)r;
}

static int request(struct shelf *s, const char *path, bool for_session, struct title **t)
{
	struct title_request r = { .cache = s->c,
		.root_fd = s->root,
		.path = path,
		.for_session = for_session,
		.on_done = nothing };

	title_request_start(&r, media_io_sync());
	*t = r.title;
	return r.err;
}

static struct title *open_file(struct shelf *s, const char *path)
{
	struct title *t;

	CU_ASSERT_EQUAL_FATAL(request(s, path, false, &t), 0);
	return t;
}

static int next_of(struct source *s, struct packet *p)
{
	return source_next(s, source_all(s), TICK_NEVER, 1, p);
}

/* Plays to the end: packets, or the error. */
static int play_out(struct source *s)
{
	struct packet p;
	int n = 0, err;

	for (tick_t now = 1; !(err = source_next(s, source_all(s), TICK_NEVER, now, &p)); now++)
		n++;
	return err == ERR_END ? n : err;
}

/* ---- recognising ---- */

static void t_same(void)
{
	struct shelf s;
	struct title *a, *b, *c;

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "clip.mp4", builtin_clip());
	put_file(&s, "copy.mp4", builtin_clip());
	CU_ASSERT_EQUAL(linkat(s.root, "clip.mp4", s.root, "hard.mp4", 0), 0);
	CU_ASSERT_EQUAL(symlinkat("clip.mp4", s.root, "soft.mp4"), 0);
	a = open_file(&s, "/clip.mp4");
	b = open_file(&s, "hard.mp4");
	CU_ASSERT_PTR_EQUAL(a, b);
	title_unref(b);
	b = open_file(&s, "soft.mp4");
	CU_ASSERT_PTR_EQUAL(a, b);
	c = open_file(&s, "copy.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, c);
	CU_ASSERT_TRUE(title_mtime_ns(a) > 0);
	title_unref(a);
	title_unref(b);
	title_unref(c);
	remove_file(&s, "clip.mp4");
	remove_file(&s, "copy.mp4");
	remove_file(&s, "hard.mp4");
	remove_file(&s, "soft.mp4");
	shelf_close(&s);
}

static void t_renamed(void)
{
	struct shelf s;
	struct title *a, *b;
	struct source *old, *new;
	struct packet p;

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "clip.mp4", builtin_clip());
	a = open_file(&s, "clip.mp4");
	old = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(next_of(old, &p), 0);
	put_file(&s, "new.mp4", builtin_clip());
	CU_ASSERT_EQUAL(renameat(s.root, "new.mp4", s.root, "clip.mp4"), 0);
	title_cache_check(s.c, media_io_sync());
	b = open_file(&s, "clip.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, b);
	new = title_source(b, media_io_sync());
	title_unref(a);
	title_unref(b);
	CU_ASSERT_EQUAL(play_out(old), CLIP_PACKETS - 1);
	CU_ASSERT_EQUAL(play_out(new), CLIP_PACKETS);
	source_free(old);
	source_free(new);
	remove_file(&s, "clip.mp4");
	shelf_close(&s);
}

/* Written to, though to the same octets: whoever opens it anew gets it, whoever plays it is told. */
static void change(struct shelf *s, const char *name)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1000000000 } };

	put_file(s, name, builtin_clip());
	CU_ASSERT_EQUAL(utimensat(s->root, name, times, 0), 0);
}

static void t_changed(void)
{
	struct shelf s;
	struct title *a, *b;
	struct source *one, *two;
	struct packet p;

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "clip.mp4", builtin_clip());
	a = open_file(&s, "clip.mp4");
	one = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(play_out(one), CLIP_PACKETS); /* every block is kept now */
	two = title_source(a, media_io_sync());
	CU_ASSERT_EQUAL(next_of(two, &p), 0);
	change(&s, "clip.mp4");
	b = open_file(&s, "clip.mp4");
	CU_ASSERT_PTR_NOT_EQUAL(a, b);
	CU_ASSERT_EQUAL(play_out(two), ERR_CHANGED);
	source_free(one);
	one = title_source(b, media_io_sync());
	CU_ASSERT_EQUAL(play_out(one), CLIP_PACKETS);
	source_free(one);
	source_free(two);
	title_unref(a);
	title_unref(b);
	remove_file(&s, "clip.mp4");
	shelf_close(&s);
}

static void t_checked(void)
{
	struct shelf s;
	struct title *t;
	struct source *x;
	struct packet p;

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "clip.mp4", builtin_clip());
	t = open_file(&s, "clip.mp4");
	x = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(play_out(x), CLIP_PACKETS);
	source_free(x);
	x = title_source(t, media_io_sync());
	CU_ASSERT_EQUAL(next_of(x, &p), 0);
	title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(next_of(x, &p), 0);
	change(&s, "clip.mp4"); /* and nobody opens it */
	title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(play_out(x), ERR_CHANGED);
	source_free(x);
	title_unref(t);
	remove_file(&s, "clip.mp4");
	shelf_close(&s);
}

static void t_refused(void)
{
	struct shelf s;
	struct title *t;

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "empty.mp4", (struct bytes){ 0 });
	put_file(&s, "cut.mp4", bytes_sub(builtin_clip(), 0, 1000));
	put_file(&s, "text.mp4", B("no movie at all, but longer than a box header"));
	put_file(&s, "closed.mp4", builtin_clip());
	CU_ASSERT_EQUAL(mkfifoat(s.root, "fifo.mp4", 0600), 0);
	CU_ASSERT_EQUAL(mkdirat(s.root, "dir.mp4", 0700), 0);
	CU_ASSERT_EQUAL(fchmodat(s.root, "closed.mp4", 0, 0), 0);
	CU_ASSERT_EQUAL(request(&s, "empty.mp4", true, &t), -ENODATA);
	CU_ASSERT_EQUAL(request(&s, "cut.mp4", true, &t), ERR_TRUNCATED);
	CU_ASSERT_EQUAL(request(&s, "text.mp4", true, &t), ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(request(&s, "fifo.mp4", true, &t), -ENXIO);
	CU_ASSERT_EQUAL(request(&s, "dir.mp4", true, &t), -EISDIR);
	CU_ASSERT_EQUAL(request(&s, "none.mp4", true, &t), -ENOENT);
	if (geteuid() != 0) /* root may read anything */
		CU_ASSERT_EQUAL(request(&s, "closed.mp4", true, &t), -EACCES);
	remove_file(&s, "empty.mp4");
	remove_file(&s, "cut.mp4");
	remove_file(&s, "text.mp4");
	remove_file(&s, "closed.mp4");
	remove_file(&s, "fifo.mp4");
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

	shelf_open(&s, ROOMY, 10);
	put_file(&s, "bad.mp4", bytes_sub(builtin_clip(), 0, 1000));
	for (int round = 1; round <= 20; round++) {
		put_file(&s, "clip.mp4", builtin_clip());
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
		remove_file(&s, "clip.mp4");
	}
	remove_file(&s, "bad.mp4");
	shelf_close(&s);
}

/* ---- how much is kept ---- */

static void name_of(char *name, int i)
{
	(void)snprintf(name, 16, "%d.mp4", i);
}

static void put_many(struct shelf *s, int n)
{
	char name[16];

	for (int i = 0; i < n; i++) {
		name_of(name, i);
		put_file(s, name, builtin_clip());
	}
}

static void remove_many(struct shelf *s, int n)
{
	char name[16];

	for (int i = 0; i < n; i++) {
		name_of(name, i);
		remove_file(s, name);
	}
}

/* Bytes that one clip takes when all of it is kept, and its tables of that. */
static struct title_gauges clip_size(void)
{
	struct shelf s;
	struct title_gauges g;

	shelf_open(&s, ROOMY, 10);
	put_many(&s, 1);
	struct title *t = open_file(&s, "0.mp4");
	struct source *x = title_source(t, media_io_sync());
	title_unref(t);
	CU_ASSERT_EQUAL(play_out(x), CLIP_PACKETS);
	source_free(x);
	title_cache_gauges(s.c, &g);
	remove_many(&s, 1);
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
	put_many(&s, MANY);
	for (int i = 0; i < 2 * MANY; i++) {
		name_of(name, i % MANY);
		struct title *t = open_file(&s, name);
		struct source *x = title_source(t, media_io_sync());
		title_unref(t);
		CU_ASSERT_EQUAL(play_out(x), CLIP_PACKETS);
		source_free(x);
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_TRUE(g.most > cap / 2);
	CU_ASSERT_TRUE(g.titles < MANY);
	CU_ASSERT_TRUE(g.evicted > 0);
	remove_many(&s, MANY);
	shelf_close(&s);
}

/* The last used is what is kept. */
static void t_order_of_use(void)
{
	struct title_gauges one = clip_size(), before, after;
	struct shelf s;
	char name[16];

	shelf_open(&s, (one.tables + one.blocks) * 4, MANY);
	put_many(&s, MANY);
	for (int i = 0; i < MANY; i++) {
		name_of(name, i);
		for (int again = 0; again < 2; again++) {
			const char *which = again ? "0.mp4" : name;
			struct title *t = open_file(&s, which);
			struct source *x = title_source(t, media_io_sync());
			title_unref(t);
			title_cache_gauges(s.c, &before);
			CU_ASSERT_EQUAL(play_out(x), CLIP_PACKETS);
			title_cache_gauges(s.c, &after);
			if (again)
				CU_ASSERT_EQUAL(before.filled, after.filled);
			source_free(x);
		}
	}
	remove_many(&s, MANY);
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
	put_many(&s, MANY);
	for (int i = 0; i < MANY && !err; i++) {
		name_of(name, i);
		err = request(&s, name, true, &t);
		if (err)
			break;
		x[in++] = title_source(t, media_io_sync());
		title_unref(t);
		CU_ASSERT_EQUAL(next_of(x[in - 1], &p), 0);
	}
	CU_ASSERT_EQUAL(err, -ENOBUFS);
	CU_ASSERT_TRUE(in >= 4 && in < MANY);
	CU_ASSERT_EQUAL(request(&s, name, false, &t), 0); /* to look at it is another thing */
	title_unref(t);
	for (int i = 0; i < in; i++) {
		CU_ASSERT_EQUAL(play_out(x[i]), CLIP_PACKETS - 1);
		source_free(x[i]);
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_EQUAL(request(&s, name, true, &t), 0);
	title_unref(t);
	remove_many(&s, MANY);
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
	put_many(&s, 1);
	while (in < MANY && request(&s, "0.mp4", true, &t) == 0) {
		x[in++] = title_source(t, media_io_sync());
		title_unref(t);
	}
	CU_ASSERT_TRUE(in > 1 && in < MANY);
	while (in)
		source_free(x[--in]);
	CU_ASSERT_EQUAL(request(&s, "0.mp4", true, &t), 0);
	title_unref(t);
	remove_many(&s, 1);
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
	put_many(&s, 1);
	struct title *t = open_file(&s, "0.mp4");
	struct source *x = title_source(t, media_io_sync());
	title_unref(t);
	for (int i = 0; i < 20 && (err = play_out(x)) == ERR_AGAIN; i++)
		title_cache_check(s.c, media_io_sync());
	CU_ASSERT_EQUAL(err, -ENOBUFS);
	source_free(x);
	title_cache_gauges(s.c, &g);
	CU_ASSERT_TRUE(g.most <= cap);
	CU_ASSERT_EQUAL(request(&s, "0.mp4", true, &t), -ENOBUFS);
	remove_many(&s, 1);
	shelf_close(&s);
	shelf_open(&s, one.tables / 2, 10);
	put_many(&s, 1);
	CU_ASSERT_EQUAL(request(&s, "0.mp4", false, &t), -ENOMEM);
	remove_many(&s, 1);
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
		shelf_open(&s, tight ? one.tables + one.blocks / 3 : ROOMY, 10);
		put_many(&s, 1);
		struct title *t = open_file(&s, "0.mp4");
		struct source *x = title_source(t, media_io_sync());
		title_unref(t);
		pinned[tight] = 0;
		for (tick_t now = 1; !source_next(x, source_all(x), TICK_NEVER, now, &p); now++) {
			title_cache_gauges(s.c, &g);
			pinned[tight] = g.pinned > pinned[tight] ? g.pinned : pinned[tight];
		}
		source_free(x);
		remove_many(&s, 1);
		shelf_close(&s);
	}
	CU_ASSERT_TRUE(pinned[1] < pinned[0]);
}

/* ---- descriptors ---- */

static void t_titles_max(void)
{
	struct shelf s;
	struct title *t[4];
	struct title_gauges g;
	char name[16];

	shelf_open(&s, ROOMY, 3);
	put_many(&s, 8);
	for (int i = 0; i < 8; i++) { /* nobody keeps them */
		name_of(name, i);
		title_unref(open_file(&s, name));
	}
	title_cache_gauges(s.c, &g);
	CU_ASSERT_EQUAL(g.titles, 3);
	for (int i = 0; i < 3; i++) {
		name_of(name, i);
		t[i] = open_file(&s, name);
	}
	CU_ASSERT_EQUAL(request(&s, "3.mp4", false, &t[3]), -EMFILE);
	CU_ASSERT_EQUAL(request(&s, "2.mp4", false, &t[3]), 0);
	title_unref(t[3]);
	title_unref(t[1]);
	CU_ASSERT_EQUAL(request(&s, "3.mp4", false, &t[1]), 0);
	for (int i = 0; i < 3; i++)
		title_unref(t[i]);
	remove_many(&s, 8);
	shelf_close(&s);
}

/* No descriptor is left but those that idle titles hold: the oldest of them gives its own. */
static void t_no_descriptor(void)
{
	struct rlimit old, few;
	struct shelf s;
	struct title *t = NULL, *held;
	int next, err;

	shelf_open(&s, ROOMY, 10);
	put_many(&s, 3);
	title_unref(open_file(&s, "0.mp4"));
	held = open_file(&s, "1.mp4");
	next = dup(s.root);
	CU_ASSERT_TRUE_FATAL(next >= 0);
	(void)close(next);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &old), 0);
	few = (struct rlimit){ (rlim_t)next, old.rlim_max };
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	err = request(&s, "2.mp4", false, &t);
	CU_ASSERT_EQUAL(err, 0);
	struct title *none = NULL;
	CU_ASSERT_EQUAL(request(&s, "0.mp4", false, &none), -EMFILE);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &old), 0);
	title_unref(t);
	title_unref(held);
	remove_many(&s, 3);
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

	shelf_open(&s, ROOMY, 10);
	put_many(&s, 1);
	struct title *t = open_file(&s, "0.mp4");
	struct source *x = title_source(t, &q.io);
	CU_ASSERT_EQUAL(next_of(x, &p), ERR_AGAIN);
	title_unref(t);
	source_free(x);
	title_cache_gauges(s.c, &g);
	while (q.n)
		run_first(&q);
	title_cache_gauges(s.c, &g);
	CU_ASSERT_EQUAL(g.filled, 0);
	remove_many(&s, 1);
	shelf_close(&s);

	t = NULL;
	CU_ASSERT_EQUAL_FATAL(title_open_memory(builtin_clip(), B("clip.mp4"), &t), 0);
	title_release(t, &q.io);
	CU_ASSERT_EQUAL(q.n, 1);
	run_first(&q);
}

UNIT_SUITE(media_cache, { "titles: one file is one title, by whatever name", t_same },
	{ "titles: one replaced by rename is played on from the old file", t_renamed },
	{ "titles: one changed in place ends its sessions, though its blocks are kept", t_changed },
	{ "titles: a change is seen though nobody opens the file again", t_checked },
	{ "titles: what cannot be opened says why", t_refused },
	{ "titles: of many who ask for a file at a time, one reads it", t_one_reads },
	{ "cache: tables and blocks of all titles stay within one bound", t_bounded },
	{ "cache: what was used last is kept", t_order_of_use },
	{ "cache: a session too many is refused, those who play go on", t_full },
	{ "cache: sessions that have not begun are counted by what they will need", t_expected },
	{ "cache: too small for anyone, it refuses and stays within its bound", t_too_small },
	{ "cache: under pressure nothing is read ahead", t_tight },
	{ "titles: idle ones give way in number, those in use do not", t_titles_max },
	{ "titles: without a descriptor left an idle title gives its own", t_no_descriptor },
	{ "titles: what nobody waits for any more is not read", t_unwanted });
