/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_SIGN_H
#define SERVER_MODULES_AUTH_SIGN_H

#include "server/base/buf.h"
#include "server/core/file_reader.h"
#include "server/net/sock.h"

/*
 * Signed URLs: rtsp://host/path?expires=UNIX[&client=ADDRESS]&sig=HEX. sig is the HMAC-SHA-256, by a key that
 * only the server and who signs have, of the decoded path, the time and the address: whoever has the URL may
 * read this path until then. Other parts of the query are not covered, and mean nothing.
 */
struct auth_key {
	uint8_t *p;
	size_t n; /* 0: there is no key */
};
enum { AUTH_KEY_MIN = 16, AUTH_KEY_MAX = 4096 };

/* The file's octets, without line ends behind them. 0, or an error with one line in `why` (AUTH_WHY). */
MUST_USE int auth_key_read(
	struct auth_key *k, const struct file_reader *r, const char *path, char *why);
void auth_key_clear(struct auth_key *k);

enum auth_signature { SIGN_NONE, SIGN_GOOD, SIGN_EXPIRED, SIGN_WRONG };
/*
 * Does the query sign this path, or the path less its last segment if that is a control ("trackID=1", which
 * clients put before the query or behind it)? now: seconds since 1970. With SIGN_GOOD *expires is told.
 */
enum auth_signature auth_sign_check(const struct auth_key *k, struct bytes query, const char *path,
	const struct addr *peer, int64_t now, int64_t *expires);
/* Appends the URL, signed. client NULL: for any. ERR_SYNTAX: it is no RTSP URL, or signed already. */
MUST_USE int auth_sign_url(const struct auth_key *k, struct bytes url, int64_t expires,
	const struct addr *client, struct buf *out);
/* Appends a query for logs: what is behind sig= is left out. ERR_LIMIT. */
MUST_USE int auth_sign_put_public(struct bytes query, struct buf *out);

#endif
