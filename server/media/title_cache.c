/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/root.h"
#include "server/media/title_parts.h"

struct title_cache {
	pthread_mutex_t lock;
	struct title *titles[TITLE_CACHE_TITLES_MAX]; /* one reference each */
	uint32_t n;
	uint64_t uses;
};

struct title_cache *title_cache_new(void)
{
	struct title_cache *c = xcalloc(1, sizeof *c);

	if (pthread_mutex_init(&c->lock, NULL))
		die("pthread_mutex_init");
	return c;
}

void title_cache_free(struct title_cache *c)
{
	if (!c)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		title_unref(c->titles[i]);
	(void)pthread_mutex_destroy(&c->lock); /* nobody can hold it */
	free(c);
}

static bool is_same(const struct media_file *a, const struct media_file *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->mtime == b->mtime;
}

static struct title *find_locked(struct title_cache *c, const struct media_file *key)
{
	for (uint32_t i = 0; i < c->n; i++) {
		if (is_same(&c->titles[i]->movie.file, key)) {
			c->titles[i]->cache_used = ++c->uses;
			return title_ref(c->titles[i]);
		}
	}
	return NULL;
}

static void drop_locked(struct title_cache *c, uint32_t i)
{
	title_unref(c->titles[i]);
	c->titles[i] = c->titles[--c->n];
}

/* Older states of the same file go: nobody will ask for them again. */
static void drop_stale_locked(struct title_cache *c, const struct media_file *key)
{
	for (uint32_t i = c->n; i-- > 0;) {
		const struct media_file *f = &c->titles[i]->movie.file;

		if (f->device == key->device && f->inode == key->inode)
			drop_locked(c, i);
	}
}

static void drop_oldest_locked(struct title_cache *c)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < c->n; i++) {
		if (c->titles[i]->cache_used < c->titles[oldest]->cache_used)
			oldest = i;
	}
	drop_locked(c, oldest);
}

/* Keeps t, or drops it for the one that another thread has put there meanwhile. */
static struct title *keep(struct title_cache *c, struct title *t)
{
	struct title *there;

	pthread_mutex_lock(&c->lock);
	there = find_locked(c, &t->movie.file);
	if (!there) {
		drop_stale_locked(c, &t->movie.file);
		if (c->n == TITLE_CACHE_TITLES_MAX)
			drop_oldest_locked(c);
		t->cache_used = ++c->uses;
		c->titles[c->n++] = title_ref(t);
	}
	pthread_mutex_unlock(&c->lock);
	if (!there)
		return t;
	title_unref(t);
	return there;
}

/* Takes fd over when it answers 0. */
static int open_title(struct title_cache *c, int fd, struct bytes path, struct title **out)
{
	struct media_file key;
	struct title *t;
	int err = media_file_open(&key, fd);

	if (err)
		return err;
	pthread_mutex_lock(&c->lock);
	t = find_locked(c, &key);
	pthread_mutex_unlock(&c->lock);
	if (t) {
		(void)close(fd); /* the title has its own */
	} else {
		err = title_open_fd(fd, path, &t);
		if (err)
			return err;
		t = keep(c, t);
	}
	*out = t;
	return 0;
}

int title_cache_open(struct title_cache *c, int root_fd, struct bytes path, struct title **out)
{
	int fd = root_open(root_fd, path), err;

	if (fd < 0)
		return fd;
	err = open_title(c, fd, path, out);
	if (err)
		(void)close(fd); /* read side: nothing to lose */
	return err;
}

static void run_request(struct media_job *j)
{
	struct title_request *r = container_of(j, struct title_request, job);

	r->title = NULL;
	r->err = title_cache_open(r->cache, r->root_fd, bytes_str(r->path), &r->title);
}

static void done_request(struct media_job *j)
{
	struct title_request *r = container_of(j, struct title_request, job);

	r->on_done(r);
}

void title_request_start(struct title_request *r, struct media_io *io)
{
	r->job.run = run_request;
	r->job.done = done_request;
	media_submit(io, &r->job);
}
