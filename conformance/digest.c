/* SPDX-License-Identifier: MIT */
#include "conformance/digest.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "conformance/hash.h"
#include "conformance/tunnel.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum { TEXT_MAX = 1 << 18 };

/* ---- challenges ---- */

static bool is_token(uint8_t c)
{
	return c > ' ' && c < 127 && !strchr("()<>@,;:\\\"/[]?={}", c);
}

static struct bytes take_token(struct bytes *b)
{
	size_t n = 0;
	while (n < b->n && is_token(b->p[n]))
		n++;
	struct bytes t = bytes_sub(*b, 0, n);
	*b = bytes_sub(*b, n, b->n);
	return t;
}

static void skip(struct bytes *b, const char *what)
{
	size_t n = 0;
	while (n < b->n && b->p[n] && strchr(what, b->p[n]))
		n++;
	*b = bytes_sub(*b, n, b->n);
}

/* A token or a quoted string, its quotes and backslashes taken off. */
static void take_value(struct bytes *b, char *out, size_t cap)
{
	size_t i = 1, n = 0;
	if (b->n == 0 || b->p[0] != '"') {
		struct bytes t = take_token(b);
		(void)snprintf(out, cap, "%.*s", BYTES_FMT(t));
		return;
	}
	for (; i < b->n && b->p[i] != '"'; i++) {
		if (b->p[i] == '\\' && i + 1 < b->n)
			i++;
		if (n + 1 < cap)
			out[n++] = (char)b->p[i];
	}
	out[n] = '\0';
	*b = bytes_sub(*b, i + 1, b->n);
}

static void set_parameter(struct challenge *c, struct bytes name, const char *value)
{
	const struct {
		const char *name;
		char *to;
		size_t cap;
	} rows[] = {
		{ "realm", c->realm, sizeof(c->realm) },
		{ "nonce", c->nonce, sizeof(c->nonce) },
		{ "opaque", c->opaque, sizeof(c->opaque) },
		{ "algorithm", c->algorithm, sizeof(c->algorithm) },
		{ "qop", c->qop, sizeof(c->qop) },
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (bytes_is_ieq(name, bytes_str(rows[i].name)))
			(void)snprintf(rows[i].to, rows[i].cap, "%s", value);
	}
	if (bytes_is_ieq(name, B("stale")))
		c->is_stale = strcasecmp(value, "true") == 0;
}

/* One header: `Scheme name=value, name="value", Scheme …`. */
static size_t read_header(struct bytes v, struct challenge *out, size_t n)
{
	char value[512];
	size_t first = n;
	for (;;) {
		skip(&v, " \t,");
		struct bytes name = take_token(&v);
		if (name.n == 0)
			return n;
		skip(&v, " \t");
		if (v.n && v.p[0] == '=') {
			v = bytes_sub(v, 1, v.n);
			skip(&v, " \t");
			take_value(&v, value, sizeof(value));
			if (n > first)
				set_parameter(&out[n - 1], name, value);
		} else if (n < CHALLENGES) {
			out[n] = (struct challenge){ 0 };
			(void)snprintf(
				out[n].scheme, sizeof(out[n].scheme), "%.*s", BYTES_FMT(name));
			n++;
		} else {
			return n;
		}
	}
}

size_t challenges_read(const struct ox_message *m, struct challenge v[CHALLENGES])
{
	size_t n = 0;
	for (size_t i = 0; i < m->n_headers; i++) {
		if (bytes_is_ieq(m->headers[i].name, B("WWW-Authenticate")))
			n = read_header(m->headers[i].value, v, n);
	}
	return n;
}

const struct challenge *challenge_find(
	const struct challenge *v, size_t n, const char *scheme, const char *algorithm)
{
	for (size_t i = 0; i < n; i++) {
		const char *has = *v[i].algorithm ? v[i].algorithm : "MD5";
		if (strcasecmp(v[i].scheme, scheme) != 0)
			continue;
		if (strcasecmp(scheme, "Digest") != 0 ||
			(hash_is_known(has) && (!algorithm || strcasecmp(algorithm, has) == 0)))
			return &v[i];
	}
	return NULL;
}

/* ---- answers ---- */

static const char *const field_names[] = {
#define DIGEST_NAME(id, name) #name,
	DIGEST_FIELDS(DIGEST_NAME)
#undef DIGEST_NAME
};

const char *digest_field_name(enum digest_field f)
{
	return field_names[f];
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

int digest_response(const struct digest_answer *a, char hex[65])
{
	const char *const *f = a->field;
	const char *md = f[DIGEST_ALGORITHM] && *f[DIGEST_ALGORITHM] ? f[DIGEST_ALGORITHM] : "MD5";
	const char *one[] = { or_empty(f[DIGEST_USERNAME]), or_empty(f[DIGEST_REALM]),
		a->password };
	const char *two[] = { a->method, or_empty(f[DIGEST_URI]) };
	char a1[HASH_HEX], a2[HASH_HEX];

	if (!hash_hex(md, one, COUNT(one), a1) || !hash_hex(md, two, COUNT(two), a2))
		return ERR_UNSUPPORTED;
	const char *plain[] = { a1, or_empty(f[DIGEST_NONCE]), a2 };
	const char *counted[] = { a1, or_empty(f[DIGEST_NONCE]), or_empty(f[DIGEST_NC]),
		or_empty(f[DIGEST_CNONCE]), f[DIGEST_QOP], a2 };
	bool ok = f[DIGEST_QOP] ? hash_hex(md, counted, COUNT(counted), hex)
				: hash_hex(md, plain, COUNT(plain), hex);
	return ok ? 0 : ERR_UNSUPPORTED;
}

static int put_field(const struct digest_answer *a, enum digest_field f, const char *value,
	bool first, struct buf *out)
{
	bool is_token_field = f == DIGEST_ALGORITHM || f == DIGEST_QOP || f == DIGEST_NC;
	const char *quote = is_token_field ? "" : "\"";

	if (a->shuffled)
		return buf_printf(out, "%s%s = %s%s%s", first ? "   " : "  ,  ", field_names[f],
			quote, value, quote);
	return buf_printf(
		out, "%s%s=%s%s%s", first ? " " : ", ", field_names[f], quote, value, quote);
}

int digest_write(const struct digest_answer *a, struct buf *out)
{
	char hex[65];
	bool first = true;
	int rc = buf_put(out, B("Digest"));

	if (rc >= 0 && !a->field[DIGEST_RESPONSE])
		rc = digest_response(a, hex);
	for (int i = 0; i < DIGEST_FIELD_COUNT && rc >= 0; i++) {
		int f = a->shuffled ? DIGEST_FIELD_COUNT - 1 - i : i;
		const char *value = a->field[f];
		if (f == DIGEST_RESPONSE && !value)
			value = a->no_response ? NULL : hex;
		if (!value)
			continue;
		rc = put_field(a, (enum digest_field)f, value, first, out);
		first = false;
	}
	return rc;
}

int basic_write(const char *user, const char *password, struct buf *out)
{
	struct buf plain;
	int rc = buf_put(out, B("Basic "));

	buf_init(&plain, TEXT_MAX);
	if (rc >= 0)
		rc = buf_printf(&plain, "%s:%s", user, password);
	if (rc >= 0)
		rc = tunnel_encode(out, buf_bytes(&plain));
	buf_clear(&plain);
	return rc;
}
