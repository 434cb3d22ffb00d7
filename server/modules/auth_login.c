/* SPDX-License-Identifier: MIT */
#include "server/modules/auth_login.h"

#include <string.h>

#include "server/base/os.h"
#include "server/core/peers.h"
#include "server/core/server.h"

void auth_logins_init(struct auth_logins *a, const struct prefs *p)
{
	uint8_t secret[AUTH_SECRET];

	*a = (struct auth_logins){ 0 };
	pthread_mutex_init(&a->lock, NULL);
	os_random(secret, sizeof secret);
	os_random(a->nobody, sizeof a->nobody);
	a->nonces = auth_nonces_new((uint32_t)p->auth_nonces, secret);
}

void auth_logins_clear(struct auth_logins *a)
{
	auth_nonces_free(a->nonces);
	pthread_mutex_destroy(&a->lock);
}

/* ---- challenges ---- */

/* Basic shows the password to who listens; SHA-256 must be known of everyone, since the client chooses before
 * it says who it is. */
static bool may_offer(
	const struct auth_data *d, const struct rtsp_txn *t, const struct auth_scheme_row *s)
{
	if (!d->users.by_name)
		return false;
	if (s->scheme == AUTH_BASIC)
		return t->secure || t->worker->prefs->auth_basic_plain;
	return d->users.all_have[s->hash];
}

static bool is_offered(
	const struct auth_data *d, const struct rtsp_txn *t, const struct auth_credentials *c)
{
	for (size_t i = 0; i < d->n_schemes; i++) {
		const struct auth_scheme_row *s = d->schemes[i];
		if (s->scheme == c->scheme && may_offer(d, t, s) &&
			(s->scheme == AUTH_BASIC || (s->hash == c->hash && !c->is_sess)))
			return true;
	}
	return false;
}

enum verdict auth_refuse(struct rtsp_txn *t, int status, uint64_t *counter)
{
	++*counter;
	rtsp_txn_answer(t, status, t->worker->loop.now);
	return MOD_DONE;
}

enum verdict auth_logins_challenge(struct auth_logins *a, const struct auth_data *d,
	struct rtsp_txn *t, bool is_stale, uint64_t *counter)
{
	tick_t now = t->worker->loop.now;
	char nonce[AUTH_NONCE];
	struct buf text;
	size_t n = 0;

	auth_nonce_make(a->nonces, &t->peer, worker_steady(t->worker, now),
		worker_random(t->worker), nonce);
	rtsp_txn_begin(t, RTSP_UNAUTHORIZED, now);
	buf_init(&text, 4096);
	for (size_t i = 0; i < d->n_schemes; i++) {
		const struct auth_challenge c = { .scheme = d->schemes[i]->scheme,
			.realm = bytes_str(d->realm),
			.nonce = bytes_str(nonce),
			.hash = d->schemes[i]->hash,
			.has_qop = true,
			.is_stale = is_stale };
		buf_cut(&text, 0);
		if (!may_offer(d, t, d->schemes[i]) || auth_challenge_write(&c, &text) != 0)
			continue;
		rtsp_put(&t->writer, RTSP_H_WWW_AUTHENTICATE, buf_bytes(&text));
		n++;
	}
	buf_clear(&text);
	if (n == 0)
		return auth_refuse(t, RTSP_FORBIDDEN, &t->worker->stats.auth_forbidden);
	++*counter;
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return MOD_DONE;
}

/* ---- logins that have to wait ---- */

static bool enter(struct auth_logins *a, const struct addr *host, const struct prefs *p)
{
	size_t same = 0;

	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n_waiting; i++)
		same += addr_is_same_host(&a->waiting[i], host);
	bool has_room = a->n_waiting < (size_t)p->auth_waiting_max &&
			same < (size_t)p->auth_waiting_per_address;
	if (has_room)
		a->waiting[a->n_waiting++] = *host;
	pthread_mutex_unlock(&a->lock);
	return has_room;
}

void auth_logins_leave(struct auth_logins *a, struct auth_held *h)
{
	h->until = 0;
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n_waiting; i++) {
		if (addr_is_same_host(&a->waiting[i], &h->host)) {
			a->waiting[i] = a->waiting[--a->n_waiting];
			break;
		}
	}
	pthread_mutex_unlock(&a->lock);
}

/*
 * From an address with wrong logins behind it, right and wrong ones wait alike: who gave up early would learn
 * otherwise. Not who has logged in with this nonce before. MOD_PASS: look at it now.
 */
static enum verdict hold_back(struct auth_logins *a, struct rtsp_txn *t,
	const struct auth_credentials *c, struct auth_held *h)
{
	struct worker *w = t->worker;
	tick_t now = w->loop.now, most = w->prefs->auth_wait_max * TICK_S;
	tick_t wait = peers_login_wait(w->server->peers, &t->peer, now);

	if (wait <= 0 || most == 0 ||
		(c->scheme == AUTH_DIGEST && auth_nonce_is_of(a->nonces, c->nonce, c->user)))
		return MOD_PASS;
	if (!enter(a, &t->peer, w->prefs)) {
		t->close = true;
		wait = wait < most ? wait : most; /* what the next login from there costs */
		t->retry_after_s = (wait + TICK_S - 1) / TICK_S;
		return auth_refuse(t, RTSP_UNAVAILABLE, &w->stats.auth_crowded);
	}
	w->stats.auth_waits++;
	h->host = t->peer;
	h->until = t->wake_at = now + (wait < most ? wait : most);
	return MOD_WAIT;
}

/* ---- credentials ---- */

/*
 * The same URL as text, or the same resource: as a path alone, with other escapes, with or without a query or
 * a slash behind, or the medium whose control the request names (live555 says the base URL throughout).
 */
bool auth_is_same_resource(const struct rtsp_txn *t, struct bytes uri)
{
	char path[TXN_PATH];
	struct fault f;
	struct url u;

	if (bytes_is_eq(uri, t->req.uri))
		return true;
	if (t->url.scheme == URL_STAR)
		return false;
	if (uri.n && uri.p[0] == '/') {
		u.path = bytes_sub(uri, 0, bytes_index(uri, '?'));
	} else if (url_read(uri, &u, &f) != 0 || u.scheme == URL_STAR ||
		   !bytes_is_ieq(u.host, t->url.host)) {
		return false;
	}
	if (url_path_decode(u.path, path, sizeof path) != 0)
		return false;
	return strcmp(path, t->path) == 0 ||
	       bytes_is_eq(bytes_str(path), url_path_aggregate(t->path));
}

/* Basic names no hash: one that the user has; of who is none, the one that all others have, so that the answer
 * takes as long. */
static enum auth_hash basic_hash(const struct auth_data *d, const struct auth_user *u)
{
	bool has_md5 = u ? u->has[AUTH_MD5] : d->users.all_have[AUTH_MD5];
	return has_md5 ? AUTH_MD5 : AUTH_SHA256;
}

/* One way through for those that are there and those that are not. */
static bool is_right(struct auth_logins *a, const struct auth_data *d, const struct rtsp_txn *t,
	const struct auth_credentials *c, const struct auth_user *u)
{
	bool is_basic = c->scheme == AUTH_BASIC;
	enum auth_hash hash = is_basic ? basic_hash(d, u) : c->hash;
	const uint8_t *ha1 = u && u->has[hash] ? u->ha1[hash] : a->nobody;
	uint8_t given[AUTH_OCTETS], want_octets[AUTH_OCTETS];
	char want[AUTH_HEX];
	size_t n = auth_hash_size(hash);

	if (is_basic) {
		auth_ha1(hash, c->user, bytes_str(d->realm), c->password, given);
		return auth_is_equal(bytes_of(given, n), bytes_of(ha1, n)) && u;
	}
	struct auth_digest digest = { hash, false, c->has_qop, ha1, t->req.method_name, c->uri,
		c->nonce, c->nc, c->cnonce };
	auth_response(&digest, want);
	return bytes_is_eq(c->realm, bytes_str(d->realm)) &&
	       auth_unhex(bytes_str(want), want_octets, n) && auth_unhex(c->response, given, n) &&
	       auth_is_equal(bytes_of(given, n), bytes_of(want_octets, n)) && u;
}

static enum verdict wrong(struct auth_logins *a, const struct auth_data *d, struct rtsp_txn *t)
{
	struct worker *w = t->worker;
	char host[ADDR_TEXT];

	peers_login_failed(w->server->peers, &t->peer, w->loop.now);
	log_limited(&a->warned, w->loop.now, LOG_W, "auth", "wrong login from %s",
		addr_host_text(&t->peer, host));
	return auth_logins_challenge(a, d, t, false, &w->stats.auth_failed);
}

/* The response is right; is its nonce? */
static enum verdict use_nonce(struct auth_logins *a, const struct auth_data *d, struct rtsp_txn *t,
	const struct auth_credentials *c, const struct auth_user *u)
{
	struct worker *w = t->worker;

	switch (auth_nonce_use(a->nonces, c->nonce, &t->peer, worker_steady(w, w->loop.now),
		w->prefs->auth_nonce_lifetime * TICK_S, u->name,
		c->has_qop ? (int64_t)c->count : -1)) {
	case NONCE_GOOD: return MOD_PASS;
	case NONCE_STALE: return auth_logins_challenge(a, d, t, true, &w->stats.auth_stale);
	case NONCE_REPLAYED: break;
	}
	return auth_logins_challenge(a, d, t, true, &w->stats.auth_replayed);
}

static enum verdict verify(struct auth_logins *a, const struct auth_data *d, struct rtsp_txn *t,
	const struct auth_credentials *c)
{
	const struct auth_user *u = auth_users_find(&d->users, c->user);

	if (!is_right(a, d, t, c, u))
		return wrong(a, d, t);
	if (c->scheme == AUTH_DIGEST && use_nonce(a, d, t, c, u) != MOD_PASS)
		return MOD_DONE;
	memcpy(t->user, u->name, sizeof u->name);
	t->worker->stats.auth_logins++;
	return MOD_PASS;
}

enum verdict auth_logins_try(struct auth_logins *a, const struct auth_data *d, struct rtsp_txn *t,
	struct auth_held *h, struct bytes value)
{
	struct stats *s = &t->worker->stats;
	struct auth_credentials c;
	bool has_waited = h->until != 0;

	if (has_waited && t->worker->loop.now < h->until && !t->worker->draining) {
		t->wake_at = h->until;
		return MOD_WAIT;
	}
	if (has_waited)
		auth_logins_leave(a, h);
	int err = auth_read(value, &t->arena, &c);
	if (err == ERR_UNSUPPORTED)
		return auth_logins_challenge(a, d, t, false, &s->auth_challenged);
	if (err)
		return auth_refuse(t, RTSP_BAD_REQUEST, &s->auth_bad);
	if (c.scheme == AUTH_OTHER)
		return MOD_PASS; /* of no use, but nothing wrong */
	if (!is_offered(d, t, &c))
		return auth_logins_challenge(a, d, t, false, &s->auth_challenged);
	if (c.scheme == AUTH_DIGEST && !auth_is_same_resource(t, c.uri))
		return auth_refuse(t, RTSP_BAD_REQUEST, &s->auth_bad);
	enum verdict v = has_waited ? MOD_PASS : hold_back(a, t, &c, h);
	return v == MOD_PASS ? verify(a, d, t, &c) : v;
}
