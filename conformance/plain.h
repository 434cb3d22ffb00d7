/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_PLAIN_H
#define CONFORMANCE_PLAIN_H

#include <stddef.h>

#include "server/base/bytes.h"

/* What a peer sent, for people's eyes: bytes that are no printable ASCII become \xNN, so that no
 * peer drives a terminal. Ends with NUL; cut, never within an escape, when dst is too small. */
void plain_put(char *dst, size_t cap, struct bytes b);

#endif
