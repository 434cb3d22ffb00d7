/* SPDX-License-Identifier: MIT */
#include "server/core/admission.h"

#include "server/core/rtsp_session.h"
#include "server/core/server.h"

/* Replaces `had` by `want` in a sum that must not grow beyond `most`. */
static bool swap(_Atomic uint64_t *sum, uint64_t had, uint64_t want, uint64_t most)
{
	uint64_t is = atomic_load(sum), next;

	do {
		next = is - had + want;
		if (want > had && next > most)
			return false;
	} while (!atomic_compare_exchange_weak(sum, &is, next));
	return true;
}

static bool swap_bps(struct worker *w, uint64_t had, uint64_t want)
{
	return swap(
		&w->server->bandwidth_bps, had, want, (uint64_t)w->prefs->maximum_bandwidth * 1000);
}

/* One more session of the server. */
static bool take_slot(struct worker *w)
{
	_Atomic uint32_t *n = &w->server->sessions;
	uint32_t is = atomic_load(n);

	do {
		if (is >= w->prefs->maximum_sessions)
			return false;
	} while (!atomic_compare_exchange_weak(n, &is, is + 1));
	return true;
}

static void return_slot(struct worker *w)
{
	atomic_fetch_sub(&w->server->sessions, 1);
}

/* One more session of this address. */
static bool take_peer(struct rtsp_txn *t, tick_t now, struct admission *a)
{
	struct worker *w = t->worker;
	const struct prefs *p = w->prefs;
	bool is_free = prefixes_has(&p->unlimited_addresses, &t->peer);
	struct peers_limits l = {
		.sessions = is_free ? 0 : (uint32_t)p->maximum_sessions_per_address,
		.unplayed = is_free ? 0 : (uint32_t)p->maximum_unplayed_per_address,
	};

	switch (peers_session(w->server->peers, &t->peer, &l, now, &a->peer)) {
	case PEERS_OK: return true;
	case PEERS_UNPLAYED: w->stats.sessions_refused_unplayed++; return false;
	case PEERS_SESSIONS:
	case PEERS_CONNECTIONS:
	case PEERS_RATE: w->stats.sessions_refused_address++; return false;
	}
	return false;
}

static int refuse(uint64_t *counter)
{
	++*counter;
	return RTSP_NOT_ENOUGH_BANDWIDTH;
}

int admission_take(struct rtsp_txn *t, uint64_t bps, tick_t now, struct admission *a)
{
	struct worker *w = t->worker;

	*a = (struct admission){ .bps = bps };
	if (t->conn->n_media >= w->prefs->maximum_sessions_per_connection)
		return refuse(&w->stats.sessions_refused_connection);
	if (!take_slot(w))
		return refuse(&w->stats.sessions_refused_total);
	if (!swap_bps(w, 0, bps)) {
		return_slot(w);
		return refuse(&w->stats.sessions_refused_bandwidth);
	}
	if (!take_peer(t, now, a)) {
		(void)swap_bps(w, bps, 0); /* less is always possible */
		return_slot(w);
		return RTSP_NOT_ENOUGH_BANDWIDTH;
	}
	return 0;
}

void admission_drop(struct rtsp_txn *t, const struct admission *a, tick_t now)
{
	peers_session_end(t->worker->server->peers, a->peer, false, now);
	(void)swap_bps(t->worker, a->bps, 0); /* less is always possible */
	return_slot(t->worker);
}

void admission_give(struct rtp_session *s, const struct admission *a)
{
	s->peer_entry = a->peer;
	s->bps = a->bps;
}

int admission_add(struct rtp_session *s, uint64_t bps)
{
	if (!swap_bps(s->w, 0, bps))
		return refuse(&s->w->stats.sessions_refused_bandwidth);
	s->bps += bps;
	return 0;
}

void admission_remove(struct rtp_session *s, uint64_t bps)
{
	(void)swap_bps(s->w, bps, 0); /* less is always possible */
	s->bps -= bps;
}

bool admission_set_speed(struct rtp_session *s, uint64_t bps)
{
	if (!swap_bps(s->w, s->speed_bps, bps))
		return false;
	s->speed_bps = bps;
	return true;
}

void admission_played(struct rtp_session *s)
{
	if (s->has_played)
		return;
	s->has_played = true;
	peers_played(s->w->server->peers, s->peer_entry);
}

void admission_end(struct rtp_session *s, tick_t now)
{
	peers_session_end(s->w->server->peers, s->peer_entry, s->has_played, now);
	(void)swap_bps(s->w, s->bps + s->speed_bps, 0); /* less is always possible */
	return_slot(s->w);
}
