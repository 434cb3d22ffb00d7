/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_TLS_OWN_H
#define SERVER_NET_TLS_OWN_H

/* the library has a type of that name, and we an error (base/err.h) */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include "server/base/buf.h"
#include "server/net/tls.h"

/* What tls.c, tls_context.c and tls_gate.c share, and nobody else uses. */

struct tls_context {
	_Atomic uint32_t refs;
	BIO_METHOD *method;
	size_t n; /* contexts: one for each certificate; a client has one */
	SSL_CTX *of[TLS_CERTIFICATES_MAX];
};

struct tls {
	SSL *ssl;
	struct tls_context *context;
	struct pipe *pipe; /* where it lives now */
	struct tls_gate *gate;
	struct link link; /* in a queue of the gate */
	tick_t due;       /* a stalled handshake begins; 0: it is none */
	int fd;
	int error; /* of the socket; 0 = none */
	bool is_client;
	bool is_let_in; /* by the gate, for one step */
	bool is_begun;  /* the handshake: a client has spoken, a server has seen TLS */
	bool has_fin;   /* the socket's end was read */
	bool has_failed;
	bool has_said_goodbye;
	struct buf held;
};

/* How the library reads and writes our descriptors; its data is a struct tls. */
BIO_METHOD *tls_method_new(void);
/* May it make a step of its handshake now? If not it stands in the queue, and its task is signalled EV_READ
 * when its turn comes. */
bool tls_gate_ask(struct tls_gate *g, struct tls *t);

#endif
