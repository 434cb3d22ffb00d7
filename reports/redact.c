/* SPDX-License-Identifier: MIT */
#include "reports/redact.h"

#include <stdlib.h>
#include <string.h>

#include "reports/result.h"
#include "server/base/buf.h"
#include "server/base/os.h"

#define REDACTED "REDACTED"

/* Parts of names that say that the value is a secret. */
static const char *const secret_words[] = { "token", "key", "auth", "pass", "pwd", "sig", "secret",
	"credential" };

static bool is_secret_name(struct bytes name)
{
	for (size_t k = 0; k < COUNT(secret_words); k++) {
		struct bytes word = bytes_str(secret_words[k]);
		for (size_t at = 0; at + word.n <= name.n; at++) {
			if (bytes_is_ieq(bytes_sub(name, at, word.n), word))
				return true;
		}
	}
	return false;
}

static void put(struct buf *b, struct bytes v)
{
	if (buf_put(b, v) != 0)
		die("redact: longer than its own cap");
}

static void put_query(struct buf *out, struct bytes query)
{
	struct bytes pair;

	while (query.n) {
		size_t end = 0;
		while (end < query.n && query.p[end] != '&' && query.p[end] != ';')
			end++;
		pair = bytes_sub(query, 0, end);
		size_t eq = bytes_index(pair, '=');
		if (eq < pair.n && is_secret_name(bytes_sub(pair, 0, eq))) {
			put(out, bytes_sub(pair, 0, eq + 1));
			put(out, B(REDACTED));
		} else {
			put(out, pair);
		}
		if (end < query.n)
			put(out, bytes_sub(query, end, 1));
		query = bytes_sub(query, end + 1, query.n);
	}
}

char *result_redact_url(const char *url)
{
	struct bytes u = bytes_str(url);
	size_t scheme = bytes_find(u, B("://")), start = scheme < u.n ? scheme + 3 : 0;
	struct bytes rest = bytes_sub(u, start, u.n);
	size_t host_end = 0, at = 0, query;
	struct buf out;
	char *s;

	buf_init(&out, u.n * 9 + 64);
	put(&out, bytes_sub(u, 0, start));
	while (host_end < rest.n && !memchr("/?#", rest.p[host_end], 3))
		host_end++;
	/* the last @ of the authority ends the user's part: a password may hold one */
	for (size_t i = 0; i < host_end; i++) {
		if (rest.p[i] == '@')
			at = i + 1;
	}
	if (at) {
		put(&out, B(REDACTED "@"));
		rest = bytes_sub(rest, at, rest.n);
	}
	query = bytes_index(rest, '?');
	put(&out, bytes_sub(rest, 0, query + (query < rest.n)));
	put_query(&out, bytes_sub(rest, query + (query < rest.n), rest.n));
	s = xasprintf("%.*s", BYTES_FMT(buf_bytes(&out)));
	buf_clear(&out);
	return s;
}

/* --password=x and --password x; the name of a file that holds secrets is none. */
static bool is_secret_flag(struct bytes arg)
{
	struct bytes name = bytes_sub(arg, 0, bytes_index(arg, '='));
	return bytes_has_prefix(arg, B("--")) && is_secret_name(name) &&
	       bytes_find(name, B("file")) == name.n;
}

char *redact_argument(const char *previous, const char *arg)
{
	struct bytes a = bytes_str(arg), before = bytes_str(previous);
	size_t eq = bytes_index(a, '=');

	if (before.n && is_secret_flag(before) && bytes_index(before, '=') == before.n)
		return xstrdup(REDACTED);
	if (is_secret_flag(a) && eq < a.n)
		return xasprintf("%.*s=" REDACTED, BYTES_FMT(bytes_sub(a, 0, eq)));
	if (bytes_find(a, B("://")) < a.n)
		return result_redact_url(arg);
	return xstrdup(arg);
}
