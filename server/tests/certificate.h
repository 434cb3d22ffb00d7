/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_CERTIFICATE_H
#define SERVER_TESTS_CERTIFICATE_H

#include "server/net/tls.h"

/* Self-signed certificates for tests, with their key, as PEM. */
enum { CERTIFICATE_TEXT = 8192 };

struct certificate {
	char certificate[CERTIFICATE_TEXT], key[CERTIFICATE_TEXT];
};

/* names: "DNS:a.example,DNS:*.b.example,IP:127.0.0.1". rsa: RSA-2048, else P-256. */
void certificate_make(struct certificate *c, const char *names, bool rsa);
/* Borrows. */
struct tls_pair certificate_pair(const struct certificate *c);

#endif
