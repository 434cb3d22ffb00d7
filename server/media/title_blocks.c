/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/title_parts.h"

enum {
	LOOK_AT_TITLES = 8, /* when room is sought, for one that nobody holds */
	HUNGRY_CHECKS = 10  /* so many a fill waits for room */
};

/* ---- under the lock ---- */

void victims_init(struct victims *v)
{
	link_init(&v->blocks);
	link_init(&v->titles);
}

void victims_free(struct victims *v)
{
	struct link *l;

	while ((l = list_pop(&v->blocks))) {
		struct kept *k = container_of(l, struct kept, of_title);
		block_unref(k->block);
		free(k);
	}
	while ((l = list_pop(&v->titles)))
		title_unref(container_of(l, struct title, lru));
}

static struct kept *find(
	struct title_cache *c, const struct title *t, uint32_t stream, uint32_t first)
{
	struct kept_key key = { t->number, stream, first };
	struct kept *k;

	HASH_FIND(hh, c->kept, &key, sizeof key, k);
	return k;
}

/* What cursors hold, and what is on its way to them. */
static void count_held(struct title_cache *c, uint64_t pinned, uint64_t expected)
{
	bool is_tight = c->gauges.tables + 2 * (pinned + expected) > c->limits.bytes;

	c->gauges.pinned = pinned;
	c->expected = expected;
	atomic_store_explicit(&c->tight, is_tight, memory_order_relaxed);
}

static void use_title(struct title_cache *c, struct title *t)
{
	t->used = ++c->uses;
	if (!link_is_alone(&t->lru)) {
		link_remove(&t->lru);
		list_push_back(&c->lru, &t->lru);
	}
}

static struct block *pin(struct title_cache *c, struct title *t, struct kept *k)
{
	if (!k->pins++) {
		link_remove(&k->idle);
		count_held(c, c->gauges.pinned + block_cost(k->block), c->expected);
	}
	use_title(c, t);
	return block_ref(k->block);
}

static void drop_kept(struct title_cache *c, struct kept *k, struct victims *v)
{
	HASH_DEL(c->kept, k);
	link_remove(&k->idle);
	link_remove(&k->of_title);
	list_push_back(&v->blocks, &k->of_title);
	c->gauges.blocks -= block_cost(k->block);
}

void cache_drop_blocks(struct title_cache *c, struct title *t, struct victims *v)
{
	LIST_EACH(l, &t->kept)
	{
		struct kept *k = container_of(l, struct kept, of_title);
		if (!k->pins)
			drop_kept(c, k, v);
	}
}

void cache_drop_title(struct title_cache *c, struct title *t, struct victims *v)
{
	HASH_DEL(c->titles, t);
	c->n_titles--;
	link_remove(&t->lru);
	cache_drop_blocks(c, t, v);
	if (atomic_load(&t->refs) == 1) { /* the cache's own: it ends with the victims */
		c->gauges.tables -= t->cost;
		t->is_counted = false;
	}
	list_push_back(&v->titles, &t->lru);
}

struct title *cache_idle_title(struct title_cache *c, uint32_t steps)
{
	while (steps-- && list_first(&c->lru)) {
		struct title *t = container_of(list_first(&c->lru), struct title, lru);
		/* nobody can take a reference meanwhile: that goes by this lock, or by a reference */
		if (atomic_load(&t->refs) == 1)
			return t;
		use_title(c, t);
	}
	return NULL;
}

bool cache_make_room(struct title_cache *c, size_t n, struct victims *v)
{
	struct title_gauges *g = &c->gauges;

	while (g->tables + g->blocks + n > c->limits.bytes) {
		struct link *l = list_first(&c->idle);
		struct kept *k = l ? container_of(l, struct kept, idle) : NULL;
		struct title *t = cache_idle_title(c, k ? LOOK_AT_TITLES : c->n_titles);
		if (t && (!k || t->used < k->used)) {
			cache_drop_title(c, t, v);
		} else if (k) {
			drop_kept(c, k, v);
			g->evicted++;
		} else {
			return false;
		}
	}
	return true;
}

/* ---- for cursors ---- */

struct block *title_find_block(struct title *t, uint32_t stream, uint32_t first)
{
	struct title_cache *c = t->cache;
	struct block *b = NULL;

	if (atomic_load_explicit(&t->changed, memory_order_relaxed))
		return NULL;
	pthread_mutex_lock(&c->lock);
	struct kept *k = find(c, t, stream, first);
	if (k)
		b = pin(c, t, k);
	pthread_mutex_unlock(&c->lock);
	return b;
}

/* ---- fills without room ---- */

/* The next one that waits for room: all, when nobody is left to make more. */
static struct media_job *take_hungry(struct title_cache *c)
{
	struct media_job *j = c->hungry;

	if (!j)
		return NULL;
	if (!c->gauges.pinned) {
		c->hungry = NULL;
	} else {
		c->hungry = j->next;
		j->next = NULL;
	}
	if (!c->hungry)
		c->hungry_tail = &c->hungry;
	return j;
}

struct media_job *cache_take_starved(struct title_cache *c)
{
	struct media_job *taken = NULL, **at = &c->hungry;

	while (*at) {
		struct media_job *x = *at;
		struct block_job *j = container_of(x, struct block_job, job);
		if (c->checks - j->hungry_since <= HUNGRY_CHECKS && !atomic_load(&j->unwanted)) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->next = taken;
		taken = x;
	}
	c->hungry_tail = at;
	return taken;
}

static void submit_all(struct media_job *list)
{
	while (list) {
		struct media_job *j = list;
		list = j->next;
		media_submit(j->io, j);
	}
}

enum hunger { HUNGER_WAITS, HUNGER_TRIES, HUNGER_ENDS };

/* A fill found no room: it waits for a block to be dropped, if one is held and it has not waited long. */
static enum hunger be_hungry(struct title_cache *c, struct block_job *j)
{
	enum hunger what = HUNGER_WAITS;

	pthread_mutex_lock(&c->lock);
	if (!j->is_hungry)
		j->hungry_since = c->checks;
	j->is_hungry = true;
	if (c->checks - j->hungry_since > HUNGRY_CHECKS)
		what = HUNGER_ENDS;
	else if (list_first(&c->idle))
		what = HUNGER_TRIES; /* dropped meanwhile */
	else if (!c->gauges.pinned)
		what = HUNGER_ENDS;
	if (what == HUNGER_WAITS) {
		j->job.next = NULL;
		*c->hungry_tail = &j->job;
		c->hungry_tail = &j->job.next;
	}
	pthread_mutex_unlock(&c->lock);
	return what;
}

void title_drop_block(struct title *t, struct block *b)
{
	struct title_cache *c = t->cache;
	struct media_job *hungry = NULL;

	if (!b)
		return;
	pthread_mutex_lock(&c->lock);
	struct kept *k = find(c, t, b->track, b->first);
	if (!k || k->block != b || !k->pins)
		UNREACHABLE("a block that no cursor holds");
	if (!--k->pins) {
		k->used = ++c->uses;
		list_push_back(&c->idle, &k->idle);
		count_held(c, c->gauges.pinned - block_cost(b), c->expected);
		hungry = take_hungry(c);
	}
	pthread_mutex_unlock(&c->lock);
	block_unref(b); /* the cache has its own */
	submit_all(hungry);
}

bool title_is_tight(const struct title *t)
{
	return atomic_load_explicit(&t->cache->tight, memory_order_relaxed);
}

void title_expect(struct title *t)
{
	struct title_cache *c = t->cache;

	pthread_mutex_lock(&c->lock);
	count_held(c, c->gauges.pinned, c->expected + t->need);
	pthread_mutex_unlock(&c->lock);
}

void title_arrived(struct title *t)
{
	struct title_cache *c = t->cache;

	pthread_mutex_lock(&c->lock);
	count_held(c, c->gauges.pinned, c->expected - t->need);
	pthread_mutex_unlock(&c->lock);
}

/* b is kept, and pinned for the cursor that asked (whose the caller's reference is then). 0 or -ENOBUFS. */
static int keep(struct title *t, struct block *b)
{
	struct title_cache *c = t->cache;
	struct title_gauges *g = &c->gauges;
	struct victims v;

	victims_init(&v);
	pthread_mutex_lock(&c->lock);
	bool fits = cache_make_room(c, block_cost(b), &v);
	if (fits) {
		struct kept *k = xcalloc(1, sizeof *k);
		k->key = (struct kept_key){ t->number, b->track, b->first };
		k->block = block_ref(b);
		k->pins = 1;
		link_init(&k->idle);
		list_push_back(&t->kept, &k->of_title);
		HASH_ADD(hh, c->kept, key, sizeof k->key, k);
		use_title(c, t);
		g->filled++;
		g->blocks += block_cost(b);
		g->most = g->tables + g->blocks > g->most ? g->tables + g->blocks : g->most;
		count_held(c, g->pinned + block_cost(b), c->expected);
	}
	pthread_mutex_unlock(&c->lock);
	victims_free(&v);
	return fits ? 0 : -ENOBUFS;
}

/* ---- filling ---- */

/* The next request that waits for this title, or none is under way any more. */
static struct media_job *next_job(struct title *t)
{
	struct media_job *j;

	pthread_mutex_lock(&t->lock);
	j = t->waiting;
	if (j) {
		t->waiting = j->next;
		if (!t->waiting)
			t->tail = &t->waiting;
	} else {
		t->filling = false;
	}
	pthread_mutex_unlock(&t->lock);
	if (!j)
		title_arrived(t);
	return j;
}

static int fill(struct title *t, struct block_job *j)
{
	const struct stream *s = t->movie.streams[j->stream];
	struct block *b = NULL;
	int err = s->ops->fill(s, &t->movie.file, j->stream, j->first, &b), changed;

	/* a file written to meanwhile explains every other fault, and spoils a block that looks good */
	changed = media_file_check(&t->movie.file);
	if (changed == ERR_CHANGED)
		atomic_store(&t->changed, true);
	if (!err && !changed) {
		err = keep(t, b);
		if (!err)
			j->block = b;
	}
	if (b && !j->block)
		block_unref(b);
	return changed ? changed : err;
}

/* False: j waits for room, and is no longer ours. */
static bool fill_or_wait(struct title *t, struct block_job *j)
{
	for (;;) {
		j->err = fill(t, j);
		if (j->err != -ENOBUFS)
			return true;
		switch (be_hungry(t->cache, j)) {
		case HUNGER_WAITS: return false;
		case HUNGER_ENDS: return true;
		case HUNGER_TRIES: break;
		}
	}
}

static bool run_fill(struct media_job *job)
{
	struct block_job *j = container_of(job, struct block_job, job);
	struct title *t = j->title;
	struct media_job *next;

	j->err = 0;
	j->block = NULL;
	if (atomic_load(&j->unwanted))
		j->err = ERR_CLOSED;
	else if (atomic_load(&t->changed))
		j->err = ERR_CHANGED;
	else if (!(j->block = title_find_block(t, j->stream, j->first)) && !fill_or_wait(t, j))
		return false;
	next = next_job(t);
	if (next)
		media_submit(next->io, next);
	return true;
}

void title_request_block(struct block_job *j, struct media_io *io)
{
	struct title *t = j->title;
	bool now;

	j->job.run = run_fill;
	j->job.share = t->movie.file.device;
	j->job.is_slow = &t->is_slow;
	j->job.io = io;
	j->job.next = NULL;
	j->is_hungry = false;
	atomic_store(&j->unwanted, false);
	pthread_mutex_lock(&t->lock);
	now = !t->filling;
	if (now) {
		t->filling = true;
	} else {
		*t->tail = &j->job;
		t->tail = &j->job.next;
	}
	pthread_mutex_unlock(&t->lock);
	if (now) {
		title_expect(t); /* who waits for a block holds none, and will */
		media_submit(io, &j->job);
	}
}
