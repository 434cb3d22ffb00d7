/* SPDX-License-Identifier: MIT */
#include "server/core/peers.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/list.h"
#include "server/base/os.h"

enum {
	LOGIN_FREE = 5,      /* failures that cost nothing */
	LOGIN_DOUBLINGS = 6, /* of one second, until LOGIN_WAIT_MOST */
	LOGIN_FAILURES_MOST = LOGIN_FREE + LOGIN_DOUBLINGS + 4,
	NONE = PEERS_NOBODY, /* end of a chain */
	CHUNK = 8192,        /* entries */
	CHUNKS_MAX = 256,
	ENTRIES_MOST = CHUNK * CHUNKS_MAX - PEERS_OTHERS - 1,
};
#define LOGIN_WAIT_MOST (60 * TICK_S)
#define LOGIN_FORGET    (60 * TICK_S)

struct peer_key {
	uint64_t hi, lo; /* of the /64, and 0; or 0, and an IPv4 address */
};

struct peer {
	struct peer_key key;
	uint32_t index; /* its own */
	uint32_t next;  /* in its bucket */
	uint32_t connections, sessions, unplayed;
	struct link idle; /* while it holds nothing; the longest unused first */
	/* the bucket of new connections: in ns of the rate, as of `filled` */
	tick_t credit, filled;
	uint32_t failures;
	tick_t failed_at;    /* the last one */
	tick_t forgotten_at; /* from when on the next minute of forgetting counts */
};

struct peers {
	pthread_mutex_t lock;
	uint64_t seed;
	uint32_t cap, used; /* entries; those from `used` on have never been touched */
	uint32_t buckets;   /* a power of two */
	uint32_t *bucket;
	struct link idle;
	_Atomic uint32_t failing; /* entries with failures: while there is none, no login waits */
	struct peer *chunk[CHUNKS_MAX]; /* an entry never moves */
};

static struct peer *entry(struct peers *p, uint32_t i)
{
	return &p->chunk[i / CHUNK][i % CHUNK];
}

/* Room for so many, and no chains yet. */
static void make_room(struct peers *p, uint32_t entries)
{
	p->cap = (entries < ENTRIES_MOST ? entries : ENTRIES_MOST) + PEERS_OTHERS + 1;
	for (uint32_t i = 0; i * CHUNK < p->cap; i++) {
		if (!p->chunk[i]) /* pages that no address needs are never touched */
			p->chunk[i] = xcalloc(CHUNK, sizeof *p->chunk[i]);
	}
	for (p->buckets = 16; p->buckets < p->cap; p->buckets *= 2)
		;
	p->bucket = xcalloc(p->buckets, sizeof *p->bucket);
}

struct peers *peers_new(uint32_t entries, uint64_t seed)
{
	struct peers *p = xcalloc(1, sizeof *p);

	p->seed = seed;
	make_room(p, entries);
	p->used = PEERS_OTHERS + 1;
	link_init(&p->idle);
	entry(p, PEERS_OTHERS)->index = PEERS_OTHERS;
	link_init(&entry(p, PEERS_OTHERS)->idle);
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	free(p->bucket);
	for (uint32_t i = 0; i < CHUNKS_MAX; i++)
		free(p->chunk[i]);
	free(p);
}

/* ---- finding ---- */

static struct peer_key key_of(const struct addr *a)
{
	struct peer_key k = { 0 };

	if (a->sa.sa_family == AF_INET) {
		k.lo = a->v4.sin_addr.s_addr | 1ull << 63;
	} else if (a->sa.sa_family == AF_INET6) {
		uint32_t v4;
		memcpy(&v4, a->v6.sin6_addr.s6_addr + 12, sizeof v4);
		if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr))
			k.lo = v4 | 1ull << 63;
		else
			memcpy(&k.hi, &a->v6.sin6_addr, sizeof k.hi);
	}
	return k;
}

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static uint32_t bucket_of(const struct peers *p, const struct peer_key *k)
{
	return (uint32_t)mix(mix(k->hi ^ p->seed) ^ k->lo ^ p->seed << 1) & (p->buckets - 1);
}

static struct peer *find(struct peers *p, const struct peer_key *k)
{
	for (uint32_t i = p->bucket[bucket_of(p, k)]; i != NONE; i = entry(p, i)->next) {
		struct peer *e = entry(p, i);
		if (e->key.hi == k->hi && e->key.lo == k->lo)
			return e;
	}
	return NULL;
}

static void chain(struct peers *p, struct peer *e)
{
	uint32_t *head = &p->bucket[bucket_of(p, &e->key)];

	e->next = *head;
	*head = e->index;
}

void peers_grow(struct peers *p, uint32_t entries)
{
	pthread_mutex_lock(&p->lock);
	if (entries + PEERS_OTHERS + 1 > p->cap) {
		free(p->bucket);
		make_room(p, entries);
		for (uint32_t i = PEERS_OTHERS + 1; i < p->used; i++)
			chain(p, entry(p, i));
	}
	pthread_mutex_unlock(&p->lock);
}

static void forget(struct peers *p, struct peer *e)
{
	uint32_t *at = &p->bucket[bucket_of(p, &e->key)];

	while (*at != e->index) {
		assert(*at != NONE);
		at = &entry(p, *at)->next;
	}
	*at = e->next;
	if (e->failures)
		atomic_fetch_sub(&p->failing, 1);
}

/* The entry of an address: known, new, that of the longest unused one, or the shared one. */
static struct peer *take(struct peers *p, const struct addr *a)
{
	struct peer_key k = key_of(a);
	struct peer *e = find(p, &k);

	if (e)
		return e;
	if (p->used < p->cap) {
		e = entry(p, p->used);
		e->index = p->used++;
	} else {
		struct link *x = list_pop(&p->idle);
		if (!x)
			return entry(p, PEERS_OTHERS);
		e = container_of(x, struct peer, idle);
		forget(p, e);
	}
	*e = (struct peer){ .key = k, .index = e->index, .filled = TICK_NEVER };
	link_init(&e->idle);
	chain(p, e);
	return e;
}

/* Whoever has changed what an entry holds says so: it may be given up, or may not. */
static void touched(struct peers *p, struct peer *e)
{
	if (e->index == PEERS_OTHERS)
		return;
	link_remove(&e->idle);
	if (e->connections == 0 && e->sessions == 0)
		list_push_back(&p->idle, &e->idle);
}

/* ---- connections ---- */

/* Takes one connection's worth out of the bucket. */
static bool has_credit(struct peer *e, uint32_t per_s, tick_t now)
{
	tick_t cost = TICK_S / per_s;

	if (e->filled == TICK_NEVER || now - e->filled >= TICK_S)
		e->credit = TICK_S;
	else
		e->credit += now - e->filled;
	if (e->credit > TICK_S)
		e->credit = TICK_S;
	e->filled = now;
	if (e->credit < cost)
		return false;
	e->credit -= cost;
	return true;
}

enum peers_answer peers_connect(struct peers *p, const struct addr *a, const struct peers_limits *l,
	tick_t now, uint32_t *at)
{
	enum peers_answer r = PEERS_OK;

	pthread_mutex_lock(&p->lock);
	struct peer *e = take(p, a);
	if (l->connections && e->connections >= l->connections)
		r = PEERS_CONNECTIONS;
	else if (l->connections_per_s && !has_credit(e, l->connections_per_s, now))
		r = PEERS_RATE;
	else
		e->connections++;
	*at = e->index;
	touched(p, e);
	pthread_mutex_unlock(&p->lock);
	return r;
}

void peers_disconnect(struct peers *p, uint32_t at, tick_t now)
{
	(void)now;

	pthread_mutex_lock(&p->lock);
	struct peer *e = entry(p, at);
	assert(e->connections > 0);
	e->connections--;
	touched(p, e);
	pthread_mutex_unlock(&p->lock);
}

/* ---- sessions ---- */

enum peers_answer peers_session(struct peers *p, const struct addr *a, const struct peers_limits *l,
	tick_t now, uint32_t *at)
{
	enum peers_answer r = PEERS_OK;
	(void)now;

	pthread_mutex_lock(&p->lock);
	struct peer *e = take(p, a);
	if (l->sessions && e->sessions >= l->sessions) {
		r = PEERS_SESSIONS;
	} else if (l->unplayed && e->unplayed >= l->unplayed) {
		r = PEERS_UNPLAYED;
	} else {
		e->sessions++;
		e->unplayed++;
	}
	*at = e->index;
	touched(p, e);
	pthread_mutex_unlock(&p->lock);
	return r;
}

void peers_played(struct peers *p, uint32_t at)
{
	pthread_mutex_lock(&p->lock);
	assert(entry(p, at)->unplayed > 0);
	entry(p, at)->unplayed--;
	pthread_mutex_unlock(&p->lock);
}

void peers_session_end(struct peers *p, uint32_t at, bool has_played, tick_t now)
{
	(void)now;

	pthread_mutex_lock(&p->lock);
	struct peer *e = entry(p, at);
	assert(e->sessions > 0 && (has_played || e->unplayed > 0));
	e->sessions--;
	if (!has_played)
		e->unplayed--;
	touched(p, e);
	pthread_mutex_unlock(&p->lock);
}

/* ---- logins ---- */

static void forget_failures(struct peers *p, struct peer *e, tick_t now)
{
	uint32_t before = e->failures;

	while (e->failures && now - e->forgotten_at >= LOGIN_FORGET) {
		e->failures--;
		e->forgotten_at += LOGIN_FORGET;
	}
	if (before && !e->failures)
		atomic_fetch_sub(&p->failing, 1);
}

void peers_login_failed(struct peers *p, const struct addr *a, tick_t now)
{
	pthread_mutex_lock(&p->lock);
	struct peer *e = take(p, a);
	forget_failures(p, e, now);
	if (!e->failures) {
		atomic_fetch_add(&p->failing, 1);
		e->forgotten_at = now;
	}
	if (e->failures < LOGIN_FAILURES_MOST)
		e->failures++;
	e->failed_at = now;
	touched(p, e);
	pthread_mutex_unlock(&p->lock);
}

static tick_t wait_after(uint32_t failures)
{
	if (failures <= LOGIN_FREE)
		return 0;
	uint32_t doublings = failures - LOGIN_FREE - 1;
	return doublings < LOGIN_DOUBLINGS ? TICK_S << doublings : LOGIN_WAIT_MOST;
}

tick_t peers_login_wait(struct peers *p, const struct addr *a, tick_t now)
{
	struct peer_key k = key_of(a);
	tick_t wait = 0;

	if (!atomic_load(&p->failing))
		return 0;
	pthread_mutex_lock(&p->lock);
	struct peer *e = find(p, &k);
	if (!e && p->used == p->cap)
		e = entry(p, PEERS_OTHERS);
	if (e) {
		forget_failures(p, e, now);
		wait = wait_after(e->failures) - (now - e->failed_at);
	}
	pthread_mutex_unlock(&p->lock);
	return wait > 0 ? wait : 0;
}

/* ---- looking ---- */

struct peers_count peers_count(struct peers *p, const struct addr *a, tick_t now)
{
	struct peer_key k = key_of(a);
	struct peers_count n = { 0 };

	pthread_mutex_lock(&p->lock);
	struct peer *e = find(p, &k);
	if (e) {
		forget_failures(p, e, now);
		n = (struct peers_count){ e->connections, e->sessions, e->unplayed, e->failures };
	}
	pthread_mutex_unlock(&p->lock);
	return n;
}

uint32_t peers_known(struct peers *p)
{
	pthread_mutex_lock(&p->lock);
	uint32_t n = p->used - PEERS_OTHERS - 1;
	pthread_mutex_unlock(&p->lock);
	return n;
}
