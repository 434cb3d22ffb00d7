/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_AUTH_H
#define SERVER_WIRE_AUTH_H

#include "server/base/arena.h"
#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * HTTP authentication as RTSP uses it (2326 D.2.2): Basic (RFC 7617) and Digest (RFC 2617, 7616), both
 * sides. The reader takes what clients really send: values quoted or not, any order, blanks and empty
 * elements anywhere between them.
 */

enum auth_scheme { AUTH_OTHER, AUTH_BASIC, AUTH_DIGEST };

/* Weakest first. */
#define AUTH_HASH_TABLE(X)     \
	X(AUTH_MD5, "MD5", 16) \
	X(AUTH_SHA256, "SHA-256", 32)
#define AUTH_HASH_ENUM(id, name, size) id,
enum auth_hash { AUTH_HASH_TABLE(AUTH_HASH_ENUM) AUTH_HASH_COUNT };
#undef AUTH_HASH_ENUM
enum { AUTH_OCTETS = 32, AUTH_HEX = 2 * AUTH_OCTETS + 1, AUTH_PARAMS_MAX = 32 };

/* "SHA-256" */
const char *auth_hash_name(enum auth_hash h);
/* Octets of a digest. */
size_t auth_hash_size(enum auth_hash h);

/* ---- the algorithm ---- */

/* H(user:realm:password), AUTH_OCTETS of room in dst (7616 3.4.2). */
void auth_ha1(enum auth_hash h, struct bytes user, struct bytes realm, struct bytes password,
	uint8_t *dst);

/* What goes into a response. */
struct auth_digest {
	enum auth_hash hash;
	bool is_sess;       /* "-sess": HA1 is hashed again with nonce and cnonce */
	bool has_qop;       /* false: the form of RFC 2069; true: qop=auth */
	const uint8_t *ha1; /* auth_hash_size octets */
	struct bytes method, uri, nonce;
	struct bytes nc, cnonce; /* with has_qop; cnonce also with is_sess */
};
/* The response as hex, NUL-terminated; dst holds AUTH_HEX (7616 3.4.1). */
void auth_response(const struct auth_digest *d, char *dst);

/* Octets as lower-case hex with a NUL: 2 n + 1 octets of room. */
void auth_hex(const uint8_t *p, size_t n, char *dst);
/* Hex of either case as exactly n octets. */
MUST_USE bool auth_unhex(struct bytes hex, uint8_t *dst, size_t n);
/* Same length and octets; how long it takes tells nothing of where they differ. */
bool auth_is_equal(struct bytes a, struct bytes b);

/* ---- Authorization ---- */

/* Values are views into the header or, if something had to be unescaped, into the arena. */
struct auth_credentials {
	enum auth_scheme scheme;
	struct bytes user;
	struct bytes password; /* Basic */
	/* Digest */
	struct bytes realm, nonce, uri, response, opaque, nc, cnonce;
	enum auth_hash hash; /* MD5 when none is named (2617 3.2.2) */
	bool is_sess, has_qop;
	uint32_t count; /* nc, with has_qop */
};
/*
 * Reads one Authorization value. 0, scheme AUTH_OTHER for a scheme that is none of ours. ERR_SYNTAX: broken
 * grammar, bad base64 or hex, a directive twice, no directive that Digest requires (2617 3.2.2);
 * ERR_LIMIT: more than AUTH_PARAMS_MAX directives; ERR_UNSUPPORTED: an algorithm or qop that we have not.
 */
MUST_USE int auth_read(struct bytes value, struct arena *a, struct auth_credentials *c);

/* ---- WWW-Authenticate ---- */

struct auth_challenge {
	enum auth_scheme scheme;
	struct bytes realm, nonce, opaque;
	enum auth_hash hash;
	bool is_sess;
	bool has_qop; /* qop=auth is offered */
	bool is_stale;
};
/* Appends the value of one header. ERR_LIMIT (`out` as before). */
MUST_USE int auth_challenge_write(const struct auth_challenge *c, struct buf *out);
/*
 * Takes the next challenge off the front of a value, which may hold several (7235 4.1): 1, 0 at the end,
 * ERR_SYNTAX, ERR_LIMIT. One that we cannot answer has scheme AUTH_OTHER.
 */
MUST_USE int auth_challenge_next(struct bytes *value, struct arena *a, struct auth_challenge *c);
/* Is b to be preferred to a? SHA-256 before MD5 before Basic before none. */
bool auth_challenge_is_better(const struct auth_challenge *a, const struct auth_challenge *b);

/* ---- the client's answer ---- */

struct auth_login {
	struct bytes user, password;
	struct bytes cnonce; /* of chance, a new one now and then */
	uint32_t count;      /* how often this nonce was used, this time included */
};
/* Appends the Authorization value that answers the challenge for one request. ERR_SYNTAX: control characters
 * or, for Basic, a colon in the name; ERR_UNSUPPORTED: AUTH_OTHER; ERR_LIMIT. After an error `out` is as
 * before. */
MUST_USE int auth_answer_write(const struct auth_challenge *c, const struct auth_login *l,
	struct bytes method, struct bytes uri, struct buf *out);

#endif
