/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include "server/core/prefs.h"
#include "server/net/tls.h"

/*
 * The files of tls_certificate and tls_key. They are read at the start and at every SIGHUP. When root is given
 * up in between, a process of its own stays behind that can do nothing but read these very files again and
 * hand them over a socket pair; it ends with us. So a key may belong to root alone.
 */
enum { CERTIFICATE_FILES_MAX = 2 * TLS_CERTIFICATES_MAX };

struct certificates {
	size_t n_pairs;
	char *path[CERTIFICATE_FILES_MAX]; /* certificate, key, certificate, key … */
	int reader;                        /* -1: we read them ourselves */
};

/* Before any thread. `leaves_root`: the reader is needed. 0, or an error with `why` (PREFS_WHY bytes). The
 * caller closes, whatever it answers. */
MUST_USE int certificates_open(
	struct certificates *c, const struct prefs *p, bool leaves_root, char *why);
/* Reads them all. NULL: there are none (`why` is empty), or one is bad, and why. */
struct tls_context *certificates_load(const struct certificates *c, char *why);
void certificates_close(struct certificates *c);

#endif
