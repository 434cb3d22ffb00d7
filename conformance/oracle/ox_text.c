/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_text.h"

#include <string.h>

bool ox_is_token(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] <= 0x20 || b.p[i] >= 0x7f || strchr("()<>@,;:\\\"/[]?={}", b.p[i]))
			return false;
	}
	return b.n > 0;
}

bool ox_is_digits(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] < '0' || b.p[i] > '9')
			return false;
	}
	return b.n > 0;
}

bool ox_is_decimal(struct bytes b)
{
	size_t dot = bytes_index(b, '.');
	struct bytes fraction = bytes_sub(b, dot + 1, b.n);

	return ox_is_digits(bytes_sub(b, 0, dot)) && (fraction.n == 0 || ox_is_digits(fraction));
}

/* Length of the UTF-8 sequence at the front, 0 when it is none. */
static size_t utf8_length(struct bytes b)
{
	static const struct {
		uint8_t from, to, n, second_from, second_to;
	} leads[] = {
		{ 0x00, 0x7f, 1, 0, 0 },
		{ 0xc2, 0xdf, 2, 0x80, 0xbf },
		{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
		{ 0xe1, 0xec, 3, 0x80, 0xbf },
		{ 0xed, 0xed, 3, 0x80, 0x9f },
		{ 0xee, 0xef, 3, 0x80, 0xbf },
		{ 0xf0, 0xf0, 4, 0x90, 0xbf },
		{ 0xf1, 0xf3, 4, 0x80, 0xbf },
		{ 0xf4, 0xf4, 4, 0x80, 0x8f },
	};
	for (size_t i = 0; i < COUNT(leads); i++) {
		if (b.p[0] < leads[i].from || b.p[0] > leads[i].to)
			continue;
		if (leads[i].n > b.n)
			return 0;
		if (leads[i].n > 1 &&
			(b.p[1] < leads[i].second_from || b.p[1] > leads[i].second_to))
			return 0;
		for (size_t k = 2; k < leads[i].n; k++) {
			if ((b.p[k] & 0xc0) != 0x80)
				return 0;
		}
		return leads[i].n;
	}
	return 0;
}

size_t ox_utf8_bad_at(struct bytes b)
{
	size_t at = 0;

	while (at < b.n) {
		size_t n = utf8_length(bytes_sub(b, at, b.n));
		if (n == 0)
			return at;
		at += n;
	}
	return b.n;
}

size_t ox_offset(struct bytes whole, struct bytes part)
{
	uintptr_t from = (uintptr_t)whole.p, p = (uintptr_t)part.p;

	return p >= from && p <= from + whole.n ? (size_t)(p - from) : 0;
}

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool ox_base64_read(struct bytes b, uint8_t *out, size_t cap, size_t *n)
{
	size_t pad = 0, made = 0;
	uint32_t bits = 0;

	while (pad < 2 && pad < b.n && b.p[b.n - 1 - pad] == '=')
		pad++;
	if (b.n % 4 != 0 || b.n == 0)
		return false;
	for (size_t i = 0; i < b.n; i++) {
		int digit = i < b.n - pad ? base64_digit(b.p[i]) : 0;
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		for (int shift = 16; i % 4 == 3 && shift >= 0; shift -= 8) {
			if (made < cap)
				out[made] = (uint8_t)(bits >> shift);
			made++;
		}
	}
	*n = made - pad;
	return true;
}

struct bytes ox_unquote(struct bytes b, bool *closed)
{
	bool opens = b.n > 0 && b.p[0] == '"';

	*closed = opens && b.n > 1 && b.p[b.n - 1] == '"';
	if (!opens)
		return b;
	return bytes_sub(b, 1, *closed ? b.n - 2 : b.n - 1);
}

bool ox_is_quotes_closed(struct bytes b)
{
	bool in = false;

	for (size_t i = 0; i < b.n; i++) {
		if (in && b.p[i] == '\\')
			i++;
		else if (b.p[i] == '"')
			in = !in;
	}
	return !in;
}

bool ox_is_ip4(struct bytes b)
{
	struct bytes part;
	int n = 0;
	uint64_t v;

	if (b.n == 0 || b.p[b.n - 1] == '.')
		return false;
	while (bytes_cut(&b, '.', &part)) {
		if (part.n > 3 || !bytes_to_u64(part, 255, &v))
			return false;
		n++;
	}
	return n == 4;
}

bool ox_is_ip6(struct bytes b)
{
	size_t gap = bytes_find(b, B("::"));
	bool has_gap = gap < b.n;
	struct bytes part, rest = b;
	unsigned groups = 0;
	uint64_t v;

	if (b.n < 2 || bytes_index(b, ':') == b.n ||
		(has_gap && bytes_find(bytes_sub(b, gap + 1, b.n), B("::")) < b.n - gap - 1))
		return false;
	if ((b.p[0] == ':' && gap != 0) || (b.p[b.n - 1] == ':' && gap != b.n - 2))
		return false;
	while (bytes_cut(&rest, ':', &part)) {
		bool is_last = rest.n == 0;
		if (part.n == 0)
			continue;
		if (is_last && ox_is_ip4(part))
			groups += 2;
		else if (part.n <= 4 && bytes_hex_to_u64(part, 0xffff, &v))
			groups++;
		else
			return false;
	}
	return has_gap ? groups < 8 : groups == 8;
}

bool ox_is_host(struct bytes b)
{
	if (ox_is_ip4(b) || ox_is_ip6(b))
		return true;
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i] | 0x20;
		if (!(c >= 'a' && c <= 'z') && !(b.p[i] >= '0' && b.p[i] <= '9') && b.p[i] != '-' &&
			b.p[i] != '.')
			return false;
	}
	return b.n > 0 && b.p[0] != '-' && b.p[0] != '.';
}
