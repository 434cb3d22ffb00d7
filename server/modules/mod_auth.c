/* SPDX-License-Identifier: MIT */
#include "server/modules/mod_auth.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/modules/auth_login.h"

struct auth {
	_Atomic(struct auth_data *) data; /* NULL: everyone may everything */
	struct auth_logins logins;
};

/* ---- signatures ---- */

/* A request for a session of another worker must not look at its connection. */
static bool is_home(const struct rtsp_txn *t)
{
	return t->worker == t->home;
}

static int64_t unix_now(const struct rtsp_txn *t)
{
	return worker_wall(t->worker, t->worker->loop.now) / TICK_S;
}

static enum auth_signature check_signature(
	const struct auth_data *d, const struct rtsp_txn *t, int64_t *expires)
{
	if (!d->key.n || t->url.scheme == URL_STAR)
		return SIGN_NONE;
	return auth_sign_check(&d->key, t->url.query, t->path, &t->peer, unix_now(t), expires);
}

/*
 * The URL is signed, or the DESCRIBE over this connection was: players that go by Content-Base lose the query
 * on the way to SETUP.
 */
struct grant {
	char *path;
	int64_t until; /* seconds since 1970 */
};

static bool is_signed(struct module *self, const struct auth_data *d, struct rtsp_txn *t)
{
	struct grant *g = d->key.n && is_home(t) ? module_connection_slot(self, t->conn) : NULL;
	int64_t expires;

	if (check_signature(d, t, &expires) == SIGN_GOOD) {
		if (t->req.method == RTSP_DESCRIBE && g) {
			free(g->path);
			*g = (struct grant){ xstrdup(t->path), expires };
		}
		return true;
	}
	return g && g->path && url_path_is_within(t->path, g->path) && unix_now(t) < g->until;
}

static void clear_grant(struct module *self, void *slot)
{
	(void)self;
	free(((struct grant *)slot)->path);
}

/* ---- roles ---- */

static enum verdict authenticate(struct module *self, struct rtsp_txn *t)
{
	struct auth *a = self->state;
	const struct auth_data *d = atomic_load(&a->data);
	const struct rtsp_header *h = rtsp_header(&t->req, RTSP_H_AUTHORIZATION);

	if (!d)
		return MOD_PASS;
	t->by_signature = is_signed(self, d, t);
	if (!h || !d->users.by_name)
		return MOD_PASS;
	return auth_logins_try(&a->logins, d, t, module_request_slot(self, t), h->value);
}

/* A session's own path counts as well as the one that is asked for. */
static enum auth_answer ask(const struct auth_data *d, const struct rtsp_txn *t)
{
	const struct rtp_session *s = t->session;
	bool is_star = t->url.scheme == URL_STAR;
	bool with_session =
		s && s->by_signature && (is_star || url_path_is_within(t->path, s->path));
	struct auth_ask q = { .action = t->action,
		.user = bytes_str(t->user),
		.by_signature = t->by_signature || with_session,
		.peer = &t->peer };
	enum auth_answer answer = AUTH_GRANTED;

	if (s) {
		q.path = s->path;
		answer = auth_rules_ask(d->rules, &q);
	}
	if (answer == AUTH_GRANTED && (!is_star || t->req.method == RTSP_OPTIONS)) {
		q.path = is_star ? "/" : t->path;
		answer = auth_rules_ask(d->rules, &q);
	}
	return answer;
}

static enum verdict authorize(struct module *self, struct rtsp_txn *t)
{
	struct auth *a = self->state;
	const struct auth_data *d = atomic_load(&a->data);
	struct stats *s = &t->worker->stats;
	int64_t expires;

	if (!d || (t->req.method == RTSP_OPTIONS && !t->worker->prefs->auth_options))
		return MOD_PASS;
	switch (ask(d, t)) {
	case AUTH_GRANTED: return MOD_PASS;
	case AUTH_REFUSED: return auth_refuse(t, RTSP_FORBIDDEN, &s->auth_forbidden);
	case AUTH_LOGIN: break;
	}
	/* who brings a URL that was good once needs no password, but a new one */
	if (check_signature(d, t, &expires) != SIGN_NONE)
		return auth_refuse(t, RTSP_FORBIDDEN, &s->auth_signatures_bad);
	return auth_logins_challenge(&a->logins, d, t, false, &s->auth_challenged);
}

/* Its session ended while it waited: nobody has asked us again. */
static void clear_held(struct module *self, void *slot)
{
	struct auth *a = self->state;
	struct auth_held *h = slot;

	if (h->until)
		auth_logins_leave(&a->logins, h);
}

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct auth *a = xcalloc(1, sizeof *a);
	struct auth_data *d;

	self->state = a;
	auth_logins_init(&a->logins, p);
	int err = auth_data_new(&d, p, self->server->files, why);
	atomic_store(&a->data, d);
	return err;
}

static int prefs_changed(struct module *self, const struct prefs *p, char *why)
{
	struct auth *a = self->state;
	struct auth_data *d;
	int err = auth_data_new(&d, p, self->server->files, why);

	if (err)
		return err;
	d = atomic_exchange(&a->data, d);
	server_sync(self->server);
	auth_data_free(d);
	return 0;
}

static void shutdown_module(struct module *self)
{
	struct auth *a = self->state;

	if (!a)
		return;
	auth_data_free(atomic_load(&a->data));
	auth_logins_clear(&a->logins);
	free(a);
	self->state = NULL;
}

const struct module mod_auth = { .api_version = MODULE_API,
	.name = "auth",
	.init = init,
	.authenticate = authenticate,
	.authorize = authorize,
	.connection_slot = { sizeof(struct grant), clear_grant },
	.request_slot = { sizeof(struct auth_held), clear_held },
	.prefs_changed = prefs_changed,
	.shutdown = shutdown_module };
