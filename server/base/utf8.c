/* SPDX-License-Identifier: MIT */
#include "server/base/utf8.h"

/* By the first octet: how long, and what the second must be within (RFC 3629 section 4). C2 80 to C2 9F
 * are the C1 controls. */
static const struct lead {
	uint8_t from, to, n, second_from, second_to;
} leads[] = {
	{ 0x20, 0x7e, 1, 0, 0 },
	{ 0xc2, 0xc2, 2, 0xa0, 0xbf },
	{ 0xc3, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

static const struct lead *lead_of(uint8_t first)
{
	for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
		if (first >= leads[i].from && first <= leads[i].to)
			return &leads[i];
	}
	return NULL;
}

size_t utf8_length(struct bytes b)
{
	const struct lead *l = b.n ? lead_of(b.p[0]) : NULL;

	if (!l || b.n < l->n)
		return 0;
	if (l->n > 1 && (b.p[1] < l->second_from || b.p[1] > l->second_to))
		return 0;
	for (size_t i = 2; i < l->n; i++) {
		if (b.p[i] < 0x80 || b.p[i] > 0xbf)
			return 0;
	}
	return l->n;
}
