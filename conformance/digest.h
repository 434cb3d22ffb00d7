/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_DIGEST_H
#define CONFORMANCE_DIGEST_H

#include "conformance/oracle/ox_rtsp.h"
#include "server/base/buf.h"

/* HTTP authentication as a client does it (7616, 2617, 7617): reading challenges, writing answers, also
 * wrong ones on purpose. */
enum { CHALLENGES = 8 };
struct challenge {
	char scheme[16], realm[256], nonce[512], opaque[256], algorithm[24], qop[64];
	bool is_stale;
};
/* All challenges of the WWW-Authenticate headers, in their order. How many; what does not fit is left out. */
size_t challenges_read(const struct ox_message *m, struct challenge v[CHALLENGES]);
/* The first for `scheme` (any case) and, when not NULL, algorithm; one without an algorithm is MD5. NULL: none
 * that we can answer. */
const struct challenge *challenge_find(
	const struct challenge *v, size_t n, const char *scheme, const char *algorithm);

/* Directives of an answer, in the order in which they are written. */
#define DIGEST_FIELDS(X)               \
	X(DIGEST_USERNAME, username)   \
	X(DIGEST_REALM, realm)         \
	X(DIGEST_NONCE, nonce)         \
	X(DIGEST_URI, uri)             \
	X(DIGEST_RESPONSE, response)   \
	X(DIGEST_ALGORITHM, algorithm) \
	X(DIGEST_OPAQUE, opaque)       \
	X(DIGEST_QOP, qop)             \
	X(DIGEST_NC, nc)               \
	X(DIGEST_CNONCE, cnonce)
#define DIGEST_ENUM(id, name) id,
enum digest_field { DIGEST_FIELDS(DIGEST_ENUM) DIGEST_FIELD_COUNT };
#undef DIGEST_ENUM
const char *digest_field_name(enum digest_field f);

struct digest_answer {
	const char *method, *password;
	const char
		*field[DIGEST_FIELD_COUNT]; /* NULL: is not written; response: computed when NULL */
	bool no_response;
	bool shuffled; /* backwards, with blanks, tokens without quotes */
};
/* "Digest username=…". 0; ERR_UNSUPPORTED: an algorithm that we don't have; ERR_LIMIT. */
MUST_USE int digest_write(const struct digest_answer *a, struct buf *out);
/* The response in hex (at most 64 digits). 0 or ERR_UNSUPPORTED. */
MUST_USE int digest_response(const struct digest_answer *a, char hex[65]);
/* "Basic …". */
MUST_USE int basic_write(const char *user, const char *password, struct buf *out);

#endif
