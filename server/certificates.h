/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CERTIFICATES_H
#define SERVER_CERTIFICATES_H

#include "server/core/file_reader.h"
#include "server/core/prefs.h"
#include "server/net/tls.h"

/* The files of tls_certificate and tls_key, which are read at the start and at every SIGHUP. */
enum { CERTIFICATE_FILES_MAX = 2 * TLS_CERTIFICATES_MAX };

struct certificates {
	size_t n_pairs;
	char *path[CERTIFICATE_FILES_MAX]; /* certificate, key, certificate, key … */
};

/* Before r is started: it gets to know the files. 0, or an error with `why` (PREFS_WHY bytes). The caller
 * closes, whatever it answers. */
MUST_USE int certificates_open(
	struct certificates *c, const struct prefs *p, struct file_reader *r, char *why);
/* Reads them all. NULL: there are none (`why` is empty), or one is bad, and why. */
struct tls_context *certificates_load(
	const struct certificates *c, const struct file_reader *r, char *why);
void certificates_close(struct certificates *c);

#endif
