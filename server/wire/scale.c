/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdlib.h>

#include "server/wire/range.h"

/* Scale and Speed (RFC 2326 12.34, 12.35): plain decimals, so nan, inf and exponents are no
 * numbers. */
enum { SCALE_MAX = 1000 };

int speed_read(struct bytes v, int64_t *millionths)
{
	struct bytes whole, part;
	uint64_t n, fraction = 0;
	size_t dot;

	v = bytes_trim(v);
	dot = bytes_index(v, '.');
	whole = bytes_sub(v, 0, dot);
	part = bytes_sub(v, dot + 1, v.n);
	if (whole.n == 0)
		return ERR_SYNTAX;
	for (size_t i = 0; i < v.n; i++) {
		if (i != dot && (v.p[i] < '0' || v.p[i] > '9'))
			return ERR_SYNTAX;
	}
	if (!bytes_to_u64(whole, SCALE_MAX, &n))
		return ERR_RANGE;
	for (size_t i = 0; i < 6; i++)
		fraction = fraction * 10 + (i < part.n ? (uint64_t)(part.p[i] - '0') : 0);
	n = n * SCALE_ONE + fraction;
	if (n == 0 || n > (uint64_t)SCALE_MAX * SCALE_ONE)
		return ERR_RANGE;
	*millionths = (int64_t)n;
	return 0;
}

int scale_read(struct bytes v, int64_t *millionths)
{
	bool negative;
	int err;

	v = bytes_trim(v);
	negative = v.n && v.p[0] == '-';
	err = speed_read(negative ? bytes_sub(v, 1, v.n) : v, millionths);
	if (!err && negative)
		*millionths = -*millionths;
	return err;
}

int scale_write(int64_t millionths, struct buf *out)
{
	int64_t n = llabs(millionths), part = n % SCALE_ONE;
	int digits = 6;

	while (digits > 1 && part % 10 == 0) {
		part /= 10;
		digits--;
	}
	return buf_printf(out, "%s%" PRId64 ".%0*" PRId64, millionths < 0 ? "-" : "", n / SCALE_ONE,
		digits, part);
}
