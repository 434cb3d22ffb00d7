/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_HASH_H
#define CONFORMANCE_HASH_H

#include <stdbool.h>
#include <stddef.h>

/* The digests of HTTP authentication (the crypto library's headers know our error names, so it stands apart). */
enum { HASH_HEX = 65 };
/* Do we have this algorithm ("MD5", "SHA-256", "SHA-512-256", any case)? */
bool hash_is_known(const char *algorithm);
/* Hex of the hash over the n parts with colons between. False: no such algorithm. */
bool hash_hex(const char *algorithm, const char *const *parts, size_t n, char hex[HASH_HEX]);

#endif
