/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/base/base64.h"
#include "server/wire/auth.h"

/* The readers of auth.h. */

/* ---- grammar (7235 2.1, C) ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct bytes skip_blanks(struct bytes v)
{
	while (v.n && is_blank(v.p[0]))
		v = bytes_sub(v, 1, v.n);
	return v;
}

/* Blanks and empty elements: 2616 2.1 lets lists have them. */
static struct bytes skip_commas(struct bytes v)
{
	while (v.n && (is_blank(v.p[0]) || v.p[0] == ','))
		v = bytes_sub(v, 1, v.n);
	return v;
}

/* What stands before a blank, a comma, a quote or '='. */
static struct bytes take_name(struct bytes *v)
{
	size_t n = 0;

	while (n < v->n && !is_blank(v->p[n]) && !strchr(",=\"", v->p[n]) && v->p[n])
		n++;
	struct bytes name = bytes_sub(*v, 0, n);
	*v = bytes_sub(*v, n, v->n);
	return name;
}

/* A quoted string, the quote at v->p[0]. Its end must be there. */
static int take_quoted(struct bytes *v, struct arena *a, struct bytes *out)
{
	size_t end = 1, escapes = 0;

	for (; end < v->n && v->p[end] != '"'; end++) {
		if (v->p[end] != '\\')
			continue;
		if (++end == v->n)
			return ERR_SYNTAX;
		escapes++;
	}
	if (end >= v->n)
		return ERR_SYNTAX;
	struct bytes raw = bytes_sub(*v, 1, end - 1);
	*v = bytes_sub(*v, end + 1, v->n);
	*out = raw;
	if (!escapes)
		return 0;
	uint8_t *to = arena_alloc(a, raw.n);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		to[n++] = raw.p[i];
	}
	*out = bytes_of(to, n);
	return 0;
}

/* Without quotes, all up to the next comma or blank: an unquoted uri has '=' and more. */
static int take_value(struct bytes *v, struct arena *a, struct bytes *out)
{
	size_t n = 0;

	if (v->n && v->p[0] == '"')
		return take_quoted(v, a, out);
	while (n < v->n && !is_blank(v->p[n]) && v->p[n] != ',') {
		if (v->p[n] == '"')
			return ERR_SYNTAX;
		n++;
	}
	*out = bytes_sub(*v, 0, n);
	*v = bytes_sub(*v, n, v->n);
	return 0;
}

/* Does "name =" follow? A name alone begins another challenge. */
static bool is_param(struct bytes v)
{
	struct bytes name = take_name(&v);
	v = skip_blanks(v);
	return name.n && v.n && v.p[0] == '=';
}

/* ---- directives ---- */

enum param {
	P_USERNAME,
	P_REALM,
	P_NONCE,
	P_URI,
	P_RESPONSE,
	P_OPAQUE,
	P_NC,
	P_CNONCE,
	P_QOP,
	P_ALGORITHM,
	P_STALE,
	P_COUNT
};
static const char *const param_names[] = { [P_USERNAME] = "username",
	[P_REALM] = "realm",
	[P_NONCE] = "nonce",
	[P_URI] = "uri",
	[P_RESPONSE] = "response",
	[P_OPAQUE] = "opaque",
	[P_NC] = "nc",
	[P_CNONCE] = "cnonce",
	[P_QOP] = "qop",
	[P_ALGORITHM] = "algorithm",
	[P_STALE] = "stale" };

struct params {
	bool has[P_COUNT];
	struct bytes v[P_COUNT];
};

/* Directives up to the end or the next challenge. Unknown ones are passed over (2617 3.2.1). */
static int take_params(struct bytes *v, struct arena *a, struct params *p)
{
	*p = (struct params){ 0 };
	*v = skip_commas(*v);
	for (unsigned n = 0; v->n; n++, *v = skip_commas(*v)) {
		struct bytes at = *v, value;
		if (!is_param(at))
			return 0; /* another challenge, or rubbish: the caller sees */
		if (n == AUTH_PARAMS_MAX)
			return ERR_LIMIT;
		struct bytes name = take_name(&at);
		at = skip_blanks(bytes_sub(skip_blanks(at), 1, at.n)); /* behind the '=' */
		if (take_value(&at, a, &value) != 0)
			return ERR_SYNTAX;
		*v = at;
		for (int i = 0; i < P_COUNT; i++) {
			if (!bytes_is_ieq(name, bytes_str(param_names[i])))
				continue;
			if (p->has[i])
				return ERR_SYNTAX; /* which one is meant? */
			p->has[i] = true;
			p->v[i] = value;
		}
	}
	return 0;
}

static int read_algorithm(const struct params *p, enum auth_hash *hash, bool *is_sess)
{
	static const char sess[] = "-sess";
	struct bytes v = p->v[P_ALGORITHM];

	*hash = AUTH_MD5;
	*is_sess = false;
	if (!p->has[P_ALGORITHM])
		return 0;
	size_t n = v.n > strlen(sess) ? v.n - strlen(sess) : 0;
	if (n && bytes_is_ieq(bytes_sub(v, n, v.n), bytes_str(sess))) {
		*is_sess = true;
		v = bytes_sub(v, 0, n);
	}
	for (enum auth_hash i = AUTH_MD5; i < AUTH_HASH_COUNT; i++) {
		if (bytes_is_ieq(v, bytes_str(auth_hash_name(i)))) {
			*hash = i;
			return 0;
		}
	}
	return ERR_UNSUPPORTED;
}

static enum auth_scheme scheme_of(struct bytes name)
{
	return bytes_is_ieq(name, B("Basic"))    ? AUTH_BASIC
	       : bytes_is_ieq(name, B("Digest")) ? AUTH_DIGEST
						 : AUTH_OTHER;
}

/* ---- Authorization ---- */

static int read_basic(struct bytes v, struct arena *a, struct auth_credentials *c)
{
	size_t n;
	v = bytes_trim(v);
	uint8_t *text = arena_alloc(a, v.n + 1);

	if (v.n == 0 || base64_read(v, text, &n) != 0 || memchr(text, 0, n))
		return ERR_SYNTAX;
	struct bytes both = bytes_of(text, n);
	size_t colon = bytes_index(both, ':');
	if (colon == both.n)
		return ERR_SYNTAX;
	c->user = bytes_sub(both, 0, colon);
	c->password = bytes_sub(both, colon + 1, both.n);
	return 0;
}

/* qop=auth with nc and cnonce; without qop neither means anything. */
static int read_qop(const struct params *p, struct auth_credentials *c)
{
	uint8_t octets[4];

	c->cnonce = p->v[P_CNONCE];
	if (!p->has[P_QOP])
		return c->is_sess && !p->has[P_CNONCE] ? ERR_SYNTAX : 0;
	if (!bytes_is_ieq(p->v[P_QOP], B("auth")))
		return ERR_UNSUPPORTED;
	if (!p->has[P_NC] || !p->has[P_CNONCE] || !auth_unhex(p->v[P_NC], octets, sizeof octets))
		return ERR_SYNTAX;
	c->has_qop = true;
	c->nc = p->v[P_NC];
	c->count = be32(octets);
	return 0;
}

static int read_digest(struct bytes v, struct arena *a, struct auth_credentials *c)
{
	static const enum param required[] = { P_USERNAME, P_REALM, P_NONCE, P_URI, P_RESPONSE };
	uint8_t octets[AUTH_OCTETS];
	struct params p;
	int err = take_params(&v, a, &p);

	if (err)
		return err;
	if (v.n)
		return ERR_SYNTAX; /* these are one set of credentials */
	for (size_t i = 0; i < COUNT(required); i++) {
		if (!p.has[required[i]])
			return ERR_SYNTAX;
	}
	c->user = p.v[P_USERNAME];
	c->realm = p.v[P_REALM];
	c->nonce = p.v[P_NONCE];
	c->uri = p.v[P_URI];
	c->response = p.v[P_RESPONSE];
	c->opaque = p.v[P_OPAQUE];
	err = read_algorithm(&p, &c->hash, &c->is_sess);
	if (err)
		return err;
	if (!auth_unhex(c->response, octets, auth_hash_size(c->hash)))
		return ERR_SYNTAX;
	return read_qop(&p, c);
}

int auth_read(struct bytes value, struct arena *a, struct auth_credentials *c)
{
	*c = (struct auth_credentials){ 0 };
	value = bytes_trim(value);
	struct bytes scheme = take_name(&value);
	if (scheme.n == 0 || (value.n && !is_blank(value.p[0])))
		return ERR_SYNTAX;
	c->scheme = scheme_of(scheme);
	switch (c->scheme) {
	case AUTH_OTHER: return 0;
	case AUTH_BASIC: return read_basic(value, a, c);
	case AUTH_DIGEST: return read_digest(value, a, c);
	}
	return 0;
}

/* ---- WWW-Authenticate ---- */

/* The offered qop values are a list; "auth" is the one that we can do. */
static bool offers_auth(struct bytes list)
{
	struct bytes v;

	while (bytes_cut(&list, ',', &v)) {
		if (bytes_is_ieq(bytes_trim(v), B("auth")))
			return true;
	}
	return false;
}

int auth_challenge_next(struct bytes *value, struct arena *a, struct auth_challenge *c)
{
	struct params p;

	*c = (struct auth_challenge){ 0 };
	*value = skip_commas(*value);
	if (value->n == 0)
		return 0;
	struct bytes scheme = take_name(value);
	if (scheme.n == 0 || (value->n && !is_blank(value->p[0]) && value->p[0] != ','))
		return ERR_SYNTAX;
	int err = take_params(value, a, &p);
	if (err)
		return err;
	c->scheme = scheme_of(scheme);
	c->realm = p.v[P_REALM];
	c->nonce = p.v[P_NONCE];
	c->opaque = p.v[P_OPAQUE];
	c->is_stale = bytes_is_ieq(p.v[P_STALE], B("true"));
	c->has_qop = offers_auth(p.v[P_QOP]);
	bool is_answerable = p.has[P_REALM];
	if (c->scheme == AUTH_DIGEST) /* of qop values that we have not, none would be right */
		is_answerable = p.has[P_REALM] && p.has[P_NONCE] && (!p.has[P_QOP] || c->has_qop) &&
				read_algorithm(&p, &c->hash, &c->is_sess) == 0;
	if (!is_answerable)
		c->scheme = AUTH_OTHER;
	return 1;
}
