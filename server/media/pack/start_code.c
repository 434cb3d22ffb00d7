/* SPDX-License-Identifier: MIT */
#include "server/media/pack/start_code.h"

#include <string.h>

size_t start_code_find(struct bytes b, size_t from)
{
	static const uint8_t code[] = { 0, 0, 1 };
	const uint8_t *at = from < b.n ? memmem(b.p + from, b.n - from, code, sizeof code) : NULL;

	return at ? (size_t)(at - b.p) : b.n;
}

size_t start_code_cut(struct bytes b, size_t limit, uint8_t mask)
{
	/* the octet after two zeros is looked for as the second zero's follower */
	for (size_t end = limit + 1 < b.n ? limit + 2 : b.n; end > 1;) {
		const uint8_t *zero = memrchr(b.p + 1, 0, end - 1);
		size_t at;

		if (!zero)
			break;
		at = (size_t)(zero - b.p); /* of the second zero */
		if (at >= 2 && at - 1 <= limit && b.p[at - 1] == 0 && at + 1 < b.n &&
			(b.p[at + 1] & mask))
			return at - 1;
		end = at;
	}
	return limit;
}
