/* SPDX-License-Identifier: MIT */
/* Text of files and clients: which octets are a character (RFC 3629). */
#ifndef SERVER_BASE_UTF8_H
#define SERVER_BASE_UTF8_H

#include <stddef.h>

#include "server/base/bytes.h"

/*
 * Octets of the character that b begins with, which may be shown: 1 to 4. 0: none does (b is empty, the
 * octets are ill-formed, cut short or overlong, or they are a control character, C0 or C1).
 */
size_t utf8_length(struct bytes b);

#endif
