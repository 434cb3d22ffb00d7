/* SPDX-License-Identifier: MIT */
#include "conformance/plain.h"

#include <stdio.h>

void plain_put(char *dst, size_t cap, struct bytes b)
{
	size_t at = 0;
	for (size_t i = 0; i < b.n; i++) {
		bool is_plain = b.p[i] >= ' ' && b.p[i] <= '~';
		if (at + (is_plain ? 1 : 4) >= cap)
			break;
		if (is_plain)
			dst[at++] = (char)b.p[i];
		else
			at += (size_t)snprintf(dst + at, cap - at, "\\x%02x", b.p[i]);
	}
	dst[at] = '\0';
}
