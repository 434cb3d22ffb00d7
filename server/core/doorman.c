/* SPDX-License-Identifier: MIT */
#include "server/core/doorman.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/server.h"

enum {
	REFUSED_MAX = 256,     /* that linger */
	BURSTS_A_SECOND = 10,  /* the bucket holds a tenth of a second's worth */
	OWN_DESCRIPTORS = 64,  /* logs, listeners, folders, and */
	WORKER_DESCRIPTORS = 8 /* of each */
};

/* Files must be opened, too, for those that play already. */
static int64_t descriptors_for_connections(const struct server *s)
{
	struct rlimit l;

	if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur > INT32_MAX)
		return INT32_MAX;
	int64_t all = (int64_t)l.rlim_cur, files = s->prefs->media_titles_max;
	int64_t left = all - (files ? files : all / 4) - OWN_DESCRIPTORS -
		       (int64_t)s->n_workers * WORKER_DESCRIPTORS;
	return left > all / 2 ? left : all / 2;
}

/* The listener says it, where no connection can be made to. */
static void say_busy(struct door *d)
{
	if (d->is_tls) {
		d->listener.busy = tls_refusal;
		return;
	}
	(void)snprintf(d->busy, sizeof d->busy, /* DOOR_BUSY has room for any number */
		"RTSP/1.0 503 Service Unavailable\r\nRetry-After: %lld\r\nConnection: close\r\n\r\n",
		(long long)d->server->workers[0].prefs->retry_after);
	d->listener.busy = bytes_str(d->busy);
}

void doorman_prefs_changed(struct server *s)
{
	s->doorman.descriptors_most = descriptors_for_connections(s);
	for (size_t i = 0; i < s->n_doors; i++)
		say_busy(&s->doors[i]);
}

void doorman_init(struct server *s, tick_t now)
{
	s->doorman = (struct doorman){ .descriptors_most = descriptors_for_connections(s),
		.credit = TICK_S / BURSTS_A_SECOND,
		.filled = now };
}

/* ---- how fast ---- */

static int64_t rate_of(const struct server *s)
{
	return s->workers[0].prefs->maximum_connections_per_second;
}

/* Until there is credit for one more. */
static tick_t wait(struct listener *l, tick_t now)
{
	struct server *s = container_of(l, struct door, listener)->server;
	struct doorman *d = &s->doorman;
	int64_t rate = rate_of(s);

	if (!rate)
		return 0;
	tick_t cost = TICK_S / rate, most = TICK_S / BURSTS_A_SECOND;
	most = most > cost ? most : cost;
	d->credit += now - d->filled;
	d->credit = d->credit < most ? d->credit : most;
	d->filled = now;
	return d->credit >= cost ? 0 : cost - d->credit;
}

static void pay(struct server *s)
{
	int64_t rate = rate_of(s);
	if (rate)
		s->doorman.credit -= TICK_S / rate;
}

void doorman_watch(struct door *d)
{
	d->listener.wait = wait;
	say_busy(d);
}

/* ---- who ---- */

/* Those that linger until they have read that there is no room take none: a flood of them would keep the
 * rooms taken that others leave. A descriptor each does have. */
static bool has_room(const struct server *s)
{
	int64_t all = atomic_load(&s->connections), served = all - s->doorman.refused;

	return !atomic_load(&s->refusing) && served < s->workers[0].prefs->maximum_connections &&
	       all < s->doorman.descriptors_most;
}

static bool admit_peer(struct server *s, const struct addr *peer, tick_t now, struct admittance *a)
{
	struct stats *stats = &s->workers[0].stats;
	const struct prefs *p = s->workers[0].prefs;
	bool is_free = prefixes_has(&p->unlimited_addresses, peer);
	struct peers_limits l = {
		.connections = is_free ? 0 : (uint32_t)p->maximum_connections_per_address,
		.connections_per_s =
			is_free ? 0 : (uint32_t)p->maximum_connections_per_second_per_address,
	};

	switch (peers_connect(s->peers, peer, &l, now, &a->tag)) {
	case PEERS_OK: return true;
	case PEERS_RATE:
		stats->connections_refused_rate++;
		a->retry_after_s = 1; /* the bucket of an address is full again after a second */
		return false;
	case PEERS_CONNECTIONS:
	case PEERS_SESSIONS:
	case PEERS_UNPLAYED: stats->connections_refused_address++; return false;
	}
	return false;
}

bool doorman_admit(struct server *s, const struct addr *peer, tick_t now, struct admittance *a)
{
	bool room = has_room(s);

	*a = (struct admittance){ .retry_after_s = s->workers[0].prefs->retry_after };
	server_note_room(s, room);
	if (room && admit_peer(s, peer, now, a))
		return true;
	s->workers[0].stats.connections_refused++;
	return false;
}

void doorman_gone(struct server *s, uint32_t tag, tick_t now)
{
	if (tag != PEERS_NOBODY)
		peers_disconnect(s->peers, tag, now);
}

void doorman_refused_gone(struct server *s)
{
	s->doorman.refused--;
}

void doorman_stats(const struct server *s, struct stats *sum)
{
	for (size_t i = 0; i < s->n_doors; i++) {
		const struct listener *l = &s->doors[i].listener;
		sum->listener_pauses += l->n_paused;
		sum->listener_waits += l->n_waits;
		/* the listener itself has refused and closed these */
		sum->connections_refused_descriptors += l->n_busy;
		sum->connections_refused += l->n_busy;
		sum->connections_closed += l->n_busy;
		sum->closed[END_REFUSED] += l->n_busy;
	}
}

/* ---- to whom ---- */

struct adopt_mail {
	struct mail mail;
	struct worker *to;
	bool is_tls;
	struct conn_parts parts;
};

/* A new connection's parts, on the thread of the worker that is to have it. */
static void greet(struct worker *w, struct conn_parts *parts, bool is_tls)
{
	if (is_tls)
		tls_accept(&parts->pipe, w->tls);
}

static void on_adopt(struct mail *m, struct loop *l, tick_t now)
{
	struct adopt_mail *a = container_of(m, struct adopt_mail, mail);
	(void)l;
	greet(a->to, &a->parts, a->is_tls);
	worker_adopt(a->to, &a->parts, now);
	free(a);
}

static struct worker *least_loaded(struct server *s)
{
	struct worker *best = &s->workers[0];

	for (unsigned i = 1; i < s->n_workers; i++) {
		if (atomic_load(&s->workers[i].n_connections) < atomic_load(&best->n_connections))
			best = &s->workers[i];
	}
	return best;
}

/* The client hears why, and no more; the connection lingers so that the answer survives. */
static void refuse(struct server *s, int fd, bool is_tls, int64_t retry_after_s, tick_t now)
{
	struct worker *w = &s->workers[0];
	struct conn_parts parts;

	if (s->doorman.refused >= REFUSED_MAX) {
		(void)close(fd); /* a flood: not even that */
		w->stats.connections_closed++;
		w->stats.closed[END_REFUSED]++;
		return;
	}
	s->doorman.refused++;
	atomic_fetch_add(&s->connections, 1);
	atomic_fetch_add(&w->n_connections, 1);
	conn_parts_init(&parts, fd);
	greet(w, &parts, is_tls);
	worker_refuse(w, &parts, retry_after_s, now);
}

void doorman_accept(struct listener *l, int fd, const struct addr *peer, tick_t now)
{
	const struct door *d = container_of(l, struct door, listener);
	struct server *s = d->server;
	struct admittance in;

	pay(s);
	if (!doorman_admit(s, peer, now, &in)) {
		refuse(s, fd, d->is_tls, in.retry_after_s, now);
		return;
	}
	struct worker *w = least_loaded(s);
	atomic_fetch_add(&s->connections, 1);
	atomic_fetch_add(&w->n_connections, 1);
	if (w == &s->workers[0]) {
		struct conn_parts parts;
		conn_parts_init(&parts, fd);
		parts.tag = in.tag;
		greet(w, &parts, d->is_tls);
		worker_adopt(w, &parts, now);
		return;
	}
	struct adopt_mail *a = xcalloc(1, sizeof *a);
	*a = (struct adopt_mail){ .mail.fn = on_adopt, .to = w, .is_tls = d->is_tls };
	conn_parts_init(&a->parts, fd);
	a->parts.tag = in.tag;
	loop_post(&w->loop, &a->mail);
}
