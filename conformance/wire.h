/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_WIRE_H
#define CONFORMANCE_WIRE_H

#include <sys/socket.h>
#include <sys/types.h>

#include "server/base/bytes.h"
#include "server/base/os.h"

/*
 * One stream of bytes to the target: TCP, or TLS on it. Never blocks but in wire_open, which is told how
 * long. Certificates are not judged: targets under test have their own.
 */
struct ssl_ctx_st;
struct ssl_st;
struct wire {
	int fd; /* -1: closed */
	struct ssl_st *ssl;
	uint16_t local_port;
	bool torn; /* the peer ended TCP without ending TLS (8446 6.1) */
};
#define WIRE_CLOSED ((struct wire){ .fd = -1 })

/* What all TLS streams of a case share; NULL when the library refuses. */
struct ssl_ctx_st *wire_tls_new(void);
void wire_tls_free(struct ssl_ctx_st *tls);

/* Connects, and shakes hands when tls is given (host: for SNI; an address is none). 0 or -errno:
 * ETIMEDOUT, EPROTO when no TLS came back. */
MUST_USE int wire_open(struct wire *w, const struct sockaddr_storage *to, socklen_t to_n,
	struct ssl_ctx_st *tls, const char *host, tick_t wait);
/* Bytes read; 0: the peer has ended its side; -EAGAIN: nothing now; -errno. */
ssize_t wire_read(struct wire *w, void *p, size_t n);
/* Bytes written (> 0), -EAGAIN, or -errno. */
ssize_t wire_write(struct wire *w, struct bytes b);
/* Ends our side: close_notify and FIN. 0 or -errno. */
int wire_half_close(struct wire *w);
/* Closes; hard: with a reset. */
void wire_close(struct wire *w, bool hard);
/* "TLSv1.3", or "". */
const char *wire_version(const struct wire *w);

#endif
