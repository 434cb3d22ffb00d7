/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/base/base64.h"
#include "server/wire/auth.h"

/* The writers of auth.h. */

static bool is_clean(struct bytes v)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < ' ' || v.p[i] == 0x7f)
			return false;
	}
	return true;
}

/* Errors stick: each call is for the next piece of one value. */
struct out {
	struct buf *to;
	int err;
};

static void put(struct out *o, struct bytes v)
{
	if (!o->err)
		o->err = buf_put(o->to, v);
}

static void put_quoted(struct out *o, const char *name, struct bytes v)
{
	put(o, bytes_str(name));
	put(o, B("=\""));
	if (!is_clean(v))
		o->err = ERR_SYNTAX;
	for (size_t i = 0; i < v.n && !o->err; i++) {
		if (v.p[i] == '"' || v.p[i] == '\\')
			put(o, B("\\"));
		put(o, bytes_sub(v, i, 1));
	}
	put(o, B("\""));
}

static int end(struct out *o, size_t start)
{
	if (o->err)
		buf_cut(o->to, start);
	return o->err;
}

int auth_challenge_write(const struct auth_challenge *c, struct buf *to)
{
	struct out o = { .to = to };
	size_t start = to->n;

	if (c->scheme == AUTH_OTHER)
		return ERR_UNSUPPORTED;
	put(&o, c->scheme == AUTH_BASIC ? B("Basic ") : B("Digest "));
	put_quoted(&o, "realm", c->realm);
	if (c->scheme == AUTH_BASIC)
		return end(&o, start);
	if (c->has_qop)
		put(&o, B(", qop=\"auth\""));
	put(&o, B(", algorithm="));
	put(&o, bytes_str(auth_hash_name(c->hash)));
	put(&o, c->is_sess ? B("-sess, ") : B(", "));
	put_quoted(&o, "nonce", c->nonce);
	if (c->opaque.n) {
		put(&o, B(", "));
		put_quoted(&o, "opaque", c->opaque);
	}
	if (c->is_stale)
		put(&o, B(", stale=true"));
	return end(&o, start);
}

static int rank(const struct auth_challenge *c)
{
	return c->scheme == AUTH_DIGEST ? 2 + (int)c->hash : c->scheme == AUTH_BASIC ? 1 : 0;
}

bool auth_challenge_is_better(const struct auth_challenge *a, const struct auth_challenge *b)
{
	return rank(b) > rank(a);
}

static void put_basic(struct out *o, const struct auth_login *l)
{
	struct buf both;

	if (bytes_index(l->user, ':') < l->user.n || !is_clean(l->user) || !is_clean(l->password))
		o->err = ERR_SYNTAX;
	buf_init(&both, l->user.n + l->password.n + 1);
	struct out plain = { .to = &both };
	put(&plain, l->user);
	put(&plain, B(":"));
	put(&plain, l->password);
	put(o, B("Basic "));
	if (!o->err)
		o->err = base64_write(o->to, buf_bytes(&both));
	buf_clear(&both);
}

static void put_digest(struct out *o, const struct auth_challenge *c, const struct auth_login *l,
	struct bytes method, struct bytes uri)
{
	uint8_t ha1[AUTH_OCTETS];
	char response[AUTH_HEX], nc[9] = "00000000";
	struct auth_digest d = { .hash = c->hash,
		.is_sess = c->is_sess,
		.has_qop = c->has_qop,
		.ha1 = ha1,
		.method = method,
		.uri = uri,
		.nonce = c->nonce,
		.nc = bytes_of(nc, 8),
		.cnonce = l->cnonce };

	(void)snprintf(nc, sizeof nc, "%08x", (unsigned)l->count);
	auth_ha1(c->hash, l->user, c->realm, l->password, ha1);
	auth_response(&d, response);
	put_quoted(o, "Digest username", l->user);
	put_quoted(o, ", realm", c->realm);
	put_quoted(o, ", nonce", c->nonce);
	put_quoted(o, ", uri", uri);
	put_quoted(o, ", response", bytes_str(response));
	put(o, B(", algorithm="));
	put(o, bytes_str(auth_hash_name(c->hash)));
	put(o, c->is_sess ? B("-sess") : B(""));
	if (c->has_qop || c->is_sess)
		put_quoted(o, ", cnonce", l->cnonce);
	if (c->has_qop) {
		put(o, B(", qop=auth, nc="));
		put(o, bytes_str(nc));
	}
	if (c->opaque.n)
		put_quoted(o, ", opaque", c->opaque);
}

int auth_answer_write(const struct auth_challenge *c, const struct auth_login *l,
	struct bytes method, struct bytes uri, struct buf *to)
{
	struct out o = { .to = to };
	size_t start = to->n;

	switch (c->scheme) {
	case AUTH_OTHER: return ERR_UNSUPPORTED;
	case AUTH_BASIC: put_basic(&o, l); break;
	case AUTH_DIGEST: put_digest(&o, c, l, method, uri); break;
	}
	return end(&o, start);
}
