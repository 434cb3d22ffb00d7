/* SPDX-License-Identifier: MIT */
#include "server/base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 0 to 63; -1: none. */
static int digit_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_blank(uint8_t c)
{
	return c == '\r' || c == '\n' || c == ' ' || c == '\t';
}

/* A '=': the third and fourth of a group, or the fourth alone (RFC 4648 4). */
static bool take_pad(struct base64 *d)
{
	if (d->at < 2)
		return false;
	d->pad = d->at == 2;
	d->at = d->at == 2 ? 3 : 0;
	return true;
}

/* One digit: true with an octet in *out. */
static bool take_digit(struct base64 *d, uint8_t digit, uint8_t *out)
{
	uint8_t at = d->at, carry = d->carry;

	d->at = (uint8_t)((at + 1) % 4);
	switch (at) {
	case 0: d->carry = (uint8_t)(digit << 2); return false;
	case 1: d->carry = (uint8_t)(digit << 4); break;
	case 2: d->carry = (uint8_t)(digit << 6); break;
	}
	*out = (uint8_t)(carry | digit >> (at == 1 ? 4 : at == 2 ? 2 : 0));
	return true;
}

int base64_decode(struct base64 *d, struct bytes in, uint8_t *dst, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];
		int digit = digit_of(c);

		if (digit >= 0 && !d->pad)
			*n += take_digit(d, (uint8_t)digit, &dst[*n]);
		else if (!is_blank(c) && (c != '=' || !take_pad(d)))
			return ERR_SYNTAX;
	}
	return 0;
}

int base64_read(struct bytes in, uint8_t *dst, size_t *n)
{
	struct base64 d = { 0 };

	for (size_t i = 0; i < in.n; i++) {
		bool is_end = i + 2 >= in.n; /* where padding stands */
		if (digit_of(in.p[i]) < 0 && !(is_end && in.p[i] == '=')) {
			*n = 0;
			return ERR_SYNTAX;
		}
	}
	int err = base64_decode(&d, in, dst, n);
	return err ? err : base64_is_whole(&d) ? 0 : ERR_SYNTAX;
}

int base64_write(struct buf *to, struct bytes v)
{
	size_t n = (v.n + 2) / 3 * 4;
	uint8_t *out = buf_room(to, n);

	if (!out)
		return ERR_LIMIT;
	for (size_t i = 0; i < v.n; i += 3, out += 4) {
		size_t left = v.n - i;
		uint32_t three = (uint32_t)v.p[i] << 16 |
				 (left > 1 ? (uint32_t)v.p[i + 1] << 8 : 0) |
				 (left > 2 ? v.p[i + 2] : 0);

		for (unsigned k = 0; k < 4; k++)
			out[k] = (uint8_t)(k > left ? '=' : digits[three >> (18 - 6 * k) & 63]);
	}
	buf_grew(to, n);
	return 0;
}
