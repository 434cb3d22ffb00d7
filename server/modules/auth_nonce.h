/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_NONCE_H
#define SERVER_MODULES_AUTH_NONCE_H

#include "server/base/bytes.h"
#include "server/net/sock.h"
#include "server/wire/auth.h"

/*
 * Nonces (2617 3.2.1, 7616 3.3). One says itself when and to whom it was given, under a MAC with a secret of
 * this process: nothing is kept of nonces that nobody answers. Of those with which someone has logged in, a
 * table of fixed size knows who, and which counts were used; when it is full, the oldest goes, and is stale
 * from then on. Good on all workers. Thread-safe.
 */
struct auth_nonces;

enum { AUTH_NONCE = 64 + 1, AUTH_SECRET = 32, AUTH_COUNT_WINDOW = 64 };

struct auth_nonces *auth_nonces_new(uint32_t entries, const uint8_t *secret);
void auth_nonces_free(struct auth_nonces *n);

/* A new one for this host; dst holds AUTH_NONCE. at: ns, by a clock that
 * never steps. */
void auth_nonce_make(
	const struct auth_nonces *n, const struct addr *to, int64_t at, uint64_t random, char *dst);

enum auth_nonce_answer {
	NONCE_GOOD,
	NONCE_STALE,    /* too old, given up, another host's, or none of ours */
	NONCE_REPLAYED, /* its count was there before, or is too far behind */
};
/* After the response has proved right: notes who, and the count (-1: without qop, there is none). */
enum auth_nonce_answer auth_nonce_use(struct auth_nonces *n, struct bytes nonce,
	const struct addr *from, int64_t at, int64_t lifetime, const char *user, int64_t count);
/* Has this user logged in with it before? */
bool auth_nonce_is_of(struct auth_nonces *n, struct bytes nonce, struct bytes user);

#endif
