/* SPDX-License-Identifier: MIT */
#define ERR_STATE OPENSSL_ERR_STATE /* a type of theirs, an error of ours */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "server/modules/auth_sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/rtsp_txn.h"
#include "server/modules/auth_users.h"
#include "server/wire/auth.h"
#include "server/wire/url.h"

enum { TEXT_MAX = TXN_PATH + ADDR_TEXT + 32, SIG_HEX = 64 + 1 };

int auth_key_read(struct auth_key *k, const struct file_reader *r, const char *path, char *why)
{
	char *text;
	size_t n;
	int err = file_reader_read(r, path, AUTH_KEY_MAX, &text, &n);

	if (err) {
		(void)snprintf(why, AUTH_WHY, "auth_sign_key %.150s: %s", path, err_text(err));
		return err;
	}
	*k = (struct auth_key){ (uint8_t *)text, n };
	while (k->n && (text[k->n - 1] == '\n' || text[k->n - 1] == '\r'))
		k->n--;
	if (k->n >= AUTH_KEY_MIN)
		return 0;
	(void)snprintf(
		why, AUTH_WHY, "auth_sign_key %.150s: shorter than %d octets", path, AUTH_KEY_MIN);
	auth_key_clear(k);
	return ERR_RANGE;
}

void auth_key_clear(struct auth_key *k)
{
	if (k->p)
		OPENSSL_cleanse(k->p, k->n);
	free(k->p);
	*k = (struct auth_key){ 0 };
}

/* client: as text, "" for any. */
static void sign(
	const struct auth_key *k, const char *path, int64_t expires, const char *client, char *hex)
{
	char text[TEXT_MAX];
	uint8_t mac[EVP_MAX_MD_SIZE];
	int n = snprintf(text, sizeof text, "%s\n%" PRId64 "\n%s", path, expires, client);

	if (n < 0 || (size_t)n >= sizeof text ||
		!HMAC(EVP_sha256(), k->p, (int)k->n, (const uint8_t *)text, (size_t)n, mac, NULL))
		die("HMAC is not to be had from libcrypto");
	auth_hex(mac, auth_hash_size(AUTH_SHA256), hex);
}

/* ---- checking ---- */

/* What we look for in a query. */
struct signature {
	struct bytes expires, client, sig;
	bool is_double;
};

static void find_signature(struct bytes query, struct signature *s)
{
	struct bytes item;

	*s = (struct signature){ 0 };
	while (bytes_cut(&query, '&', &item)) {
		struct bytes name = { 0 }; /* "&&" has none */
		(void)bytes_cut(&item, '=', &name);
		struct bytes *v = bytes_is_eq(name, B("expires"))  ? &s->expires
				  : bytes_is_eq(name, B("client")) ? &s->client
				  : bytes_is_eq(name, B("sig"))    ? &s->sig
								   : NULL;
		if (!v)
			continue;
		s->is_double = s->is_double || v->p;
		/* some clients join the control behind the query */
		*v = bytes_sub(item, 0, bytes_index(item, '/'));
		if (!v->p)
			v->p = (const uint8_t *)"";
	}
}

static bool is_signed(const struct auth_key *k, const struct signature *s, const char *path,
	int64_t expires, const char *client)
{
	uint8_t want[AUTH_OCTETS], got[AUTH_OCTETS];
	char hex[SIG_HEX];

	sign(k, path, expires, client, hex);
	return auth_unhex(bytes_str(hex), want, sizeof want) &&
	       auth_unhex(s->sig, got, sizeof got) &&
	       auth_is_equal(bytes_of(want, sizeof want), bytes_of(got, sizeof got));
}

/* The path itself, or what it is a control of. */
static bool is_path_signed(const struct auth_key *k, const struct signature *s, const char *path,
	int64_t expires, const char *client)
{
	struct bytes aggregate = url_path_aggregate(path);
	char text[TXN_PATH];

	if (is_signed(k, s, path, expires, client))
		return true;
	/* the root is no medium that has controls */
	return aggregate.n > 1 && bytes_to_str(aggregate, text, sizeof text) &&
	       is_signed(k, s, text, expires, client);
}

enum auth_signature auth_sign_check(const struct auth_key *k, struct bytes query, const char *path,
	const struct addr *peer, int64_t now, int64_t *expires)
{
	struct signature s;
	char client[ADDR_TEXT];
	struct addr a;
	uint64_t until;

	find_signature(query, &s);
	if (!s.sig.p)
		return SIGN_NONE;
	if (s.is_double || !bytes_to_u64(s.expires, INT64_MAX, &until) ||
		!bytes_to_str(s.client, client, sizeof client))
		return SIGN_WRONG;
	if (client[0] && (addr_read(&a, client, 0) != 0 || !addr_is_same_host(&a, peer)))
		return SIGN_WRONG;
	if (!is_path_signed(k, &s, path, (int64_t)until, client))
		return SIGN_WRONG;
	*expires = (int64_t)until;
	return now < (int64_t)until ? SIGN_GOOD : SIGN_EXPIRED;
}

/* ---- signing ---- */

int auth_sign_url(const struct auth_key *k, struct bytes url, int64_t expires,
	const struct addr *client, struct buf *out)
{
	char path[TXN_PATH], host[ADDR_TEXT] = "", hex[SIG_HEX];
	struct signature s;
	struct fault f;
	struct url u;

	if (url_read(url, &u, &f) != 0 || u.scheme == URL_STAR || bytes_index(url, '#') < url.n ||
		url_path_decode(u.path, path, sizeof path) != 0)
		return ERR_SYNTAX;
	find_signature(u.query, &s);
	if (s.sig.p || s.expires.p || s.client.p)
		return ERR_SYNTAX;
	if (u.query.n == 0 && url.p[url.n - 1] == '?') /* it says nothing */
		url.n--;
	if (client)
		(void)addr_host_text(client, host);
	sign(k, path, expires, host, hex);
	return buf_printf(out, "%.*s%s%sexpires=%" PRId64 "%s%s&sig=%s", BYTES_FMT(url),
		u.path.n ? "" : "/", u.query.n ? "&" : "?", expires, client ? "&client=" : "", host,
		hex);
}

int auth_sign_put_public(struct bytes query, struct buf *out)
{
	struct bytes item;
	bool is_first = true;
	int err = 0;

	while (!err && bytes_cut(&query, '&', &item)) {
		bool is_secret = bytes_has_prefix(item, B("sig="));
		err = is_first ? 0 : buf_put(out, B("&"));
		if (!err)
			err = buf_put(out, is_secret ? B("sig=-") : item);
		is_first = false;
	}
	return err;
}
