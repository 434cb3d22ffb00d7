/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/root.h"
#include "server/media/title_parts.h"

struct title_cache *title_cache_new(const struct title_limits *limits)
{
	struct title_cache *c = xcalloc(1, sizeof *c);

	c->limits = *limits;
	c->hungry_tail = &c->hungry;
	link_init(&c->lru);
	link_init(&c->idle);
	if (pthread_mutex_init(&c->lock, NULL))
		die("pthread_mutex_init");
	return c;
}

void title_cache_free(struct title_cache *c)
{
	struct victims v;

	if (!c)
		return;
	victims_init(&v);
	while (list_first(&c->lru))
		cache_drop_title(c, container_of(list_first(&c->lru), struct title, lru), &v);
	victims_free(&v);
	(void)pthread_mutex_destroy(&c->lock); /* nobody can hold it */
	free(c);
}

void title_cache_gauges(struct title_cache *c, struct title_gauges *g)
{
	pthread_mutex_lock(&c->lock);
	*g = c->gauges;
	g->titles = c->n_titles;
	pthread_mutex_unlock(&c->lock);
}

/* ---- files that are written to ---- */

static bool run_check(struct media_job *j)
{
	struct title *t = container_of(j, struct title, checking);
	struct title_cache *c = t->cache;

	if (media_file_check(&t->movie.file) == ERR_CHANGED)
		atomic_store(&t->changed, true);
	pthread_mutex_lock(&c->lock);
	t->is_checked = false;
	pthread_mutex_unlock(&c->lock);
	title_unref(t);
	return true;
}

void title_cache_check(struct title_cache *c, struct media_io *io)
{
	struct media_job *jobs = NULL, *starved, *j;

	pthread_mutex_lock(&c->lock);
	c->checks++;
	starved = cache_take_starved(c);
	LIST_EACH(l, &c->lru)
	{
		struct title *t = container_of(l, struct title, lru);
		if (t->is_checked || atomic_load(&t->refs) == 1)
			continue;
		t->is_checked = true;
		t->checking = (struct media_job){
			.run = run_check, .share = t->movie.file.device, .next = jobs
		};
		jobs = &title_ref(t)->checking;
	}
	pthread_mutex_unlock(&c->lock);
	while ((j = jobs)) {
		jobs = j->next;
		media_submit(io, j);
	}
	while ((j = starved)) {
		starved = j->next;
		media_submit(j->io, j);
	}
}

/* ---- which device a path lies on, before it is opened ---- */

static uint64_t hash_folder(const char *path)
{
	uint64_t hash = 14695981039346656037u, folder = hash; /* FNV-1a */

	for (; *path; path++) {
		if (*path == '/')
			folder = hash;
		hash = (hash ^ (uint8_t)*path) * 1099511628211u;
	}
	return folder;
}

static void learn_device(struct title_cache *c, const char *path, uint64_t device)
{
	uint64_t hash = hash_folder(path);
	size_t i = hash % TITLE_DIRS_MAX;

	pthread_mutex_lock(&c->lock);
	c->dirs[i].hash = hash;
	c->dirs[i].device = device;
	pthread_mutex_unlock(&c->lock);
}

/* Under the lock: the job's share, as far as it is known. */
static void put_share(struct title_cache *c, struct media_job *j, const char *path)
{
	uint64_t hash = hash_folder(path);
	size_t i = hash % TITLE_DIRS_MAX;

	j->share = c->dirs[i].hash == hash ? c->dirs[i].device : 0;
	j->is_slow = &c->dirs[i].is_slow;
}

/* ---- finding and opening ---- */

static struct title_key key_of(const struct media_file *f)
{
	return (struct title_key){ f->device, f->inode, f->size, f->mtime };
}

static struct title *find_file(struct title_cache *c, const struct title_key *key)
{
	struct title *t;

	HASH_FIND(hh, c->titles, key, TITLE_FILE_KEY, t);
	return t;
}

/* Gives up the title that was not used for longest, for its descriptor. */
static bool give_one_up(struct title_cache *c)
{
	struct victims v;

	victims_init(&v);
	pthread_mutex_lock(&c->lock);
	struct title *t = cache_idle_title(c, c->n_titles);
	if (t)
		cache_drop_title(c, t, &v);
	pthread_mutex_unlock(&c->lock);
	victims_free(&v);
	return t != NULL;
}

static int open_path(struct title_cache *c, int root_fd, struct bytes path)
{
	int fd = root_open(root_fd, path);

	if ((fd == -EMFILE || fd == -ENFILE) && give_one_up(c))
		fd = root_open(root_fd, path);
	return fd;
}

/* An older state of the same file: its sessions end, and nobody will ask for it again. */
static void drop_stale(struct title_cache *c, const struct title_key *now, struct victims *v)
{
	struct title *t = find_file(c, now);

	if (t) {
		atomic_store(&t->changed, true);
		cache_drop_title(c, t, v);
	}
}

/* Room for a title in number and in bytes. 0, -EMFILE, -ENOMEM. */
static int make_place(struct title_cache *c, const struct title *t, struct victims *v)
{
	while (c->n_titles >= c->limits.titles) {
		struct title *idle = cache_idle_title(c, c->n_titles);
		if (!idle)
			return -EMFILE;
		cache_drop_title(c, idle, v);
	}
	return cache_make_room(c, t->cost, v) ? 0 : -ENOMEM;
}

/* Puts a title that was just read into the cache, which takes a reference. 0 or as make_place. */
static int keep(struct title_cache *c, struct title *t)
{
	struct title_gauges *g = &c->gauges;
	struct victims v;

	t->key = key_of(&t->movie.file);
	victims_init(&v);
	pthread_mutex_lock(&c->lock);
	drop_stale(c, &t->key, &v);
	int err = make_place(c, t, &v);
	if (!err) {
		t->number = t->used = ++c->uses;
		t->is_counted = true;
		g->tables += t->cost;
		g->most = g->tables + g->blocks > g->most ? g->tables + g->blocks : g->most;
		HASH_ADD(hh, c->titles, key, TITLE_FILE_KEY, t);
		g->read++;
		list_push_back(&c->lru, &title_ref(t)->lru);
		c->n_titles++;
	}
	pthread_mutex_unlock(&c->lock);
	victims_free(&v);
	return err;
}

/* Who asks for a file: it is there (r is settled), it is being read (r waits), or r's thread reads it. */
enum claim { CLAIM_FOUND, CLAIM_WAITS, CLAIM_READS };

static enum claim claim(struct title_cache *c, const struct title_key *key, struct opening *o,
	struct title_request *r)
{
	enum claim answer = CLAIM_READS;
	struct opening *other;

	pthread_mutex_lock(&c->lock);
	struct title *t = find_file(c, key);
	HASH_FIND(hh, c->openings, key, sizeof *key, other);
	if (t && memcmp(&t->key, key, sizeof *key) == 0 && !atomic_load(&t->changed)) {
		answer = CLAIM_FOUND;
		r->title = title_ref(t);
		r->is_settled = true;
	} else if (other) {
		answer = CLAIM_WAITS;
		r->next = other->waiting;
		other->waiting = r;
	} else {
		*o = (struct opening){ .key = *key };
		HASH_ADD(hh, c->openings, key, sizeof o->key, o);
	}
	pthread_mutex_unlock(&c->lock);
	return answer;
}

/* Everyone in the list gets what r got. */
static void hand_over(const struct title_request *r, struct title_request *list)
{
	struct title_request *w, *next;

	for (w = list; w; w = next) {
		next = w->next;
		w->err = r->err;
		w->title = r->title ? title_ref(r->title) : NULL;
		w->is_settled = true;
		media_submit(w->job.io, &w->job);
	}
}

/* r has read the file, or failed. */
static void settle(struct title_cache *c, struct opening *o, const struct title_request *r)
{
	pthread_mutex_lock(&c->lock);
	HASH_DEL(c->openings, o);
	pthread_mutex_unlock(&c->lock);
	hand_over(r, o->waiting);
}

/* fd is closed, or the title's. */
static void read_title(struct title_request *r, int fd)
{
	int err = title_read_fd(r->cache, fd, bytes_str(r->path), &r->title);

	if (err)
		(void)close(fd); /* read side: nothing to lose */
	else
		err = keep(r->cache, r->title);
	r->err = err;
	if (err && r->title) {
		title_unref(r->title);
		r->title = NULL;
	}
}

/* False: r waits, and is no longer ours. */
static bool find_or_read(struct title_request *r)
{
	int fd = open_path(r->cache, r->root_fd, bytes_str(r->path));
	struct media_file file;
	struct title_key key;
	struct opening o;

	r->title = NULL;
	r->err = fd < 0 ? fd : media_file_open(&file, fd);
	if (r->err) {
		if (fd >= 0)
			(void)close(fd); /* read side: nothing to lose */
		return true;
	}
	learn_device(r->cache, r->path, file.device);
	key = key_of(&file);
	switch (claim(r->cache, &key, &o, r)) {
	case CLAIM_READS:
		read_title(r, fd);
		settle(r->cache, &o, r);
		return true;
	case CLAIM_FOUND:
		(void)close(fd); /* the title has its own */
		return true;
	case CLAIM_WAITS: (void)close(fd); return false;
	}
	return true;
}

/* Is there room for what one cursor more holds? An eighth is left to those who play: they hold more at a
 * change of block, and seek. */
static bool has_seat(struct title_cache *c, const struct title *t)
{
	uint64_t limit = c->limits.bytes - c->limits.bytes / 8;
	const struct title_gauges *g = &c->gauges;
	struct victims v;
	bool has;

	victims_init(&v);
	pthread_mutex_lock(&c->lock);
	while (!(has = g->tables + g->pinned + c->expected + t->need <= limit)) {
		struct title *idle = cache_idle_title(c, c->n_titles);
		if (!idle)
			break;
		cache_drop_title(c, idle, &v);
	}
	pthread_mutex_unlock(&c->lock);
	victims_free(&v);
	return has;
}

/* The turn of a path goes to who waited for it, all at once: one of them opens it, and sees what it is by
 * now. */
static void pass_turn(struct title_request *r)
{
	struct title_cache *c = r->cache;
	struct title_request *first, *followers = r->followers;
	struct turn *turn = r->turn;

	r->followers = NULL;
	r->turn = NULL;
	pthread_mutex_lock(&c->lock);
	first = turn->waiting;
	turn->waiting = NULL;
	if (first) {
		first->turn = turn;
		first->followers = first->next;
	} else {
		HASH_DEL(c->turns, turn);
	}
	pthread_mutex_unlock(&c->lock);
	if (first)
		media_submit(first->job.io, &first->job);
	else
		free(turn);
	hand_over(r, followers);
}

static bool run_request(struct media_job *j)
{
	struct title_request *r = container_of(j, struct title_request, job);

	if (!r->is_settled && !find_or_read(r))
		return false;
	r->is_settled = true;
	if (r->turn)
		pass_turn(r);
	if (!r->err && r->for_session && !has_seat(r->cache, r->title)) {
		title_unref(r->title);
		r->title = NULL;
		r->err = -ENOBUFS;
	}
	return true;
}

static void done_request(struct media_job *j)
{
	struct title_request *r = container_of(j, struct title_request, job);

	r->on_done(r);
}

/* False: r waits for its turn. */
static bool take_turn(struct title_request *r)
{
	struct title_cache *c = r->cache;
	size_t n = strlen(r->path);
	struct turn *turn;

	pthread_mutex_lock(&c->lock);
	put_share(c, &r->job, r->path);
	HASH_FIND(hh, c->turns, r->path, n, turn);
	if (turn) {
		r->next = turn->waiting;
		turn->waiting = r;
	} else {
		r->turn = xcalloc(1, sizeof *turn + n + 1);
		memcpy(r->turn->path, r->path, n + 1);
		HASH_ADD(hh, c->turns, path[0], n, r->turn);
	}
	pthread_mutex_unlock(&c->lock);
	return !turn;
}

void title_request_start(struct title_request *r, struct media_io *io)
{
	r->is_settled = false;
	r->title = NULL;
	r->turn = NULL;
	r->followers = NULL;
	r->err = 0;
	r->job.run = run_request;
	r->job.done = done_request;
	r->job.io = io; /* whoever passes the turn on submits it there */
	if (take_turn(r))
		media_submit(io, &r->job);
}
