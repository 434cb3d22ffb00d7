/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_DIGEST_H
#define CAPTURES_DIGEST_H

#include <stdint.h>
#include <stdio.h>

#include "server/base/attr.h"

/* Length and SHA-256 (lower-case hex) of a whole stream, which is rewound. 0 or -errno. Apart from
 * the rest because OpenSSL and server/base/err.h both name something ERR_STATE. */
enum { SHA256_HEX = 65 };
MUST_USE int digest_stream(FILE *f, uint64_t *bytes, char hex[SHA256_HEX]);

#endif
