/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_TLS_H
#define SERVER_NET_TLS_H

#include <stdatomic.h>

#include "server/base/bytes.h"
#include "server/net/pipe.h"

/*
 * TLS 1.2 and 1.3 (OpenSSL) as a pipe. What the library has sealed and the socket doesn't take is held
 * here, so that no write has to be repeated: what writev took is on its way. At most TLS_HELD_MAX
 * octets: a record, or what a handshake says at once.
 */
enum { TLS_HELD_MAX = 128 * 1024, TLS_NAME_MAX = 255, TLS_CERTIFICATES_MAX = 64, TLS_WHY = 256 };

/* ---- contexts ---- */

/* Certificates, versions and ciphers: immutable, counted, shared by threads. */
struct tls_context;

/* PEM texts: a certificate with its chain behind it, all of which must be good, and its key, which may stand in
 * the same text. */
struct tls_pair {
	const char *name; /* for messages: the file */
	struct bytes certificate, key;
};

/* Which certificate a client gets follows from the name it asks for (SNI): one that has it, then one with a
 * wildcard of one level, then the first. NULL with a reason in `why` (TLS_WHY bytes). */
struct tls_context *tls_context_new(const struct tls_pair *pairs, size_t n, char *why);
/* For clients: trusts the authorities of a PEM text; an empty one: those of the system. `insecure`: trusts
 * anybody. */
struct tls_context *tls_context_new_client(struct bytes authorities, bool insecure, char *why);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c); /* NULL is fine */

/* ---- one loop's share ---- */

/* Handshakes that failed, by reason: id, text. */
#define TLS_FAILURE_TABLE(X)                                                 \
	X(TLS_FAILED_NOT_TLS, "what came was no TLS")                        \
	X(TLS_FAILED_VERSION, "no version in common")                        \
	X(TLS_FAILED_CIPHER, "no cipher in common")                          \
	X(TLS_FAILED_ALERT, "the peer refused: our certificate, most often") \
	X(TLS_FAILED_CLOSED, "the peer went")                                \
	X(TLS_FAILED_TIMEOUT, "it took too long")                            \
	X(TLS_FAILED_OTHER, "any other error")
#define TLS_FAILURE_ENUM(id, text) id,
enum tls_failure { TLS_FAILURE_TABLE(TLS_FAILURE_ENUM) TLS_FAILURE_COUNT };
#undef TLS_FAILURE_ENUM

/*
 * A handshake costs up to a millisecond: a gate lets so many steps of them through in a turn; the others
 * wait in order, and media do not. Clients pass at once. Its counters are those of all TLS pipes of the loop.
 */
struct tls_gate {
	struct task task;
	struct link queue; /* of struct tls */
	/* for tests: a server begins a handshake so long after its client has; 0: at once. Those that wait for
	 * it are in stalled, in order */
	tick_t stall;
	struct link stalled;
	uint32_t per_turn, used;
	uint64_t turn; /* that `used` is of */
	uint64_t handshakes, resumed, waited, truncated, broken;
	uint64_t failed[TLS_FAILURE_COUNT];
};
/* Becomes the gate of the loop; embedded in its owner, who outlives the loop's connections. */
void tls_gate_init(struct tls_gate *g, struct loop *l, uint32_t per_turn);

/* ---- pipes ---- */

/* Makes a plain pipe, of which nothing was read yet, one that speaks TLS; it holds the context. */
void tls_accept(struct pipe *p, struct tls_context *c);
/* `name`: who is expected there (SNI, and checked against the certificate); a numeric address or "" is not
 * sent. 0, or ERR_SYNTAX. */
MUST_USE int tls_connect(struct pipe *p, struct tls_context *c, const char *name);
/* Counts a handshake that its owner gave up. */
void tls_give_up(struct pipe *p);
/* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; "" before the handshake is over. Valid as long as the pipe. */
const char *tls_version(const struct pipe *p);
const char *tls_cipher(const struct pipe *p);

/* What a server may say in place of a handshake that it has no means for: a fatal internal_error, which goes in
 * the clear (8446 6.2, 5246 7.2). */
extern const struct bytes tls_refusal;

#endif
