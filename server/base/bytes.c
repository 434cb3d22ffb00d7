/* SPDX-License-Identifier: MIT */
#include "server/base/bytes.h"

#include <string.h>

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

struct bytes bytes_str(const char *s)
{
	return s ? bytes_of(s, strlen(s)) : (struct bytes){ 0 };
}

struct bytes bytes_of(const void *p, size_t n)
{
	return (struct bytes){ p, n };
}

struct bytes bytes_sub(struct bytes b, size_t at, size_t n)
{
	if (at > b.n)
		at = b.n;
	if (n > b.n - at)
		n = b.n - at;
	return (struct bytes){ b.p ? b.p + at : NULL, n };
}

bool bytes_is_eq(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool bytes_is_ieq(struct bytes a, struct bytes b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (lower(a.p[i]) != lower(b.p[i]))
			return false;
	}
	return true;
}

bool bytes_has_prefix(struct bytes b, struct bytes prefix)
{
	return b.n >= prefix.n && bytes_is_eq(bytes_sub(b, 0, prefix.n), prefix);
}

bool bytes_has_iprefix(struct bytes b, struct bytes prefix)
{
	return b.n >= prefix.n && bytes_is_ieq(bytes_sub(b, 0, prefix.n), prefix);
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct bytes bytes_trim(struct bytes b)
{
	while (b.n && is_blank(b.p[0])) {
		b.p++;
		b.n--;
	}
	while (b.n && is_blank(b.p[b.n - 1]))
		b.n--;
	return b;
}

size_t bytes_index(struct bytes b, uint8_t c)
{
	const uint8_t *at = b.n ? memchr(b.p, c, b.n) : NULL;
	return at ? (size_t)(at - b.p) : b.n;
}

size_t bytes_find(struct bytes b, struct bytes needle)
{
	const uint8_t *at = b.n && needle.n ? memmem(b.p, b.n, needle.p, needle.n) : NULL;
	if (needle.n == 0)
		return 0;
	return at ? (size_t)(at - b.p) : b.n;
}

static bool cut_at(struct bytes *b, size_t at, struct bytes *head)
{
	*head = bytes_sub(*b, 0, at);
	*b = bytes_sub(*b, at + 1, b->n);
	return true;
}

bool bytes_cut(struct bytes *b, uint8_t sep, struct bytes *head)
{
	return b->n && cut_at(b, bytes_index(*b, sep), head);
}

bool bytes_cut_quoted(struct bytes *b, uint8_t sep, struct bytes *head)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < b->n; i++) {
		if (quoted && b->p[i] == '\\' && i + 1 < b->n)
			i++;
		else if (b->p[i] == '"')
			quoted = !quoted;
		else if (!quoted && b->p[i] == sep)
			break;
	}
	return b->n && cut_at(b, i, head);
}

static bool to_u64(struct bytes b, unsigned base, uint64_t max, uint64_t *v)
{
	uint64_t sum = 0;

	if (b.n == 0)
		return false;
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = lower(b.p[i]);
		unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
			     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
						    : 16;
		if (d >= base || sum > (UINT64_MAX - d) / base)
			return false;
		sum = sum * base + d;
	}
	if (sum > max)
		return false;
	*v = sum;
	return true;
}

bool bytes_to_u64(struct bytes b, uint64_t max, uint64_t *v)
{
	return to_u64(b, 10, max, v);
}

bool bytes_hex_to_u64(struct bytes b, uint64_t max, uint64_t *v)
{
	return to_u64(b, 16, max, v);
}

bool bytes_to_str(struct bytes b, char *dst, size_t cap)
{
	bool fits = b.n < cap && (b.n == 0 || !memchr(b.p, 0, b.n));

	if (fits && b.n)
		memcpy(dst, b.p, b.n);
	if (cap)
		dst[fits ? b.n : 0] = 0;
	return fits;
}

bool cur_take(struct cur *c, size_t n, struct bytes *out)
{
	if (n > c->b.n)
		return false;
	*out = bytes_sub(c->b, 0, n);
	c->b = bytes_sub(c->b, n, c->b.n);
	return true;
}

bool cur_skip(struct cur *c, size_t n)
{
	struct bytes gone;
	return cur_take(c, n, &gone);
}

bool cur_u8(struct cur *c, uint8_t *v)
{
	struct bytes b;
	if (!cur_take(c, 1, &b))
		return false;
	*v = b.p[0];
	return true;
}

bool cur_be16(struct cur *c, uint16_t *v)
{
	struct bytes b;
	if (!cur_take(c, 2, &b))
		return false;
	*v = be16(b.p);
	return true;
}

bool cur_be32(struct cur *c, uint32_t *v)
{
	struct bytes b;
	if (!cur_take(c, 4, &b))
		return false;
	*v = be32(b.p);
	return true;
}

bool cur_be64(struct cur *c, uint64_t *v)
{
	struct bytes b;
	if (!cur_take(c, 8, &b))
		return false;
	*v = be64(b.p);
	return true;
}
