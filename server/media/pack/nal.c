/* SPDX-License-Identifier: MIT */
#include "server/media/pack/nal.h"

#include <string.h>

#include "server/media/pack/start_code.h"

static const uint8_t start_code[] = { 0, 0, 1 };

void nal_iter_init(struct nal_iter *it, struct bytes unit, uint8_t length_bytes)
{
	*it = (struct nal_iter){ unit, length_bytes };
	if (length_bytes == 0)
		it->rest = bytes_sub(unit, start_code_find(unit, 0), unit.n);
}

bool nal_has_start_code(struct bytes b)
{
	if (b.n >= 4 && !(b.p[0] | b.p[1] | b.p[2]))
		b = bytes_sub(b, 1, 3);
	return b.n >= 3 && memcmp(b.p, start_code, 3) == 0;
}

static bool next_by_start(struct nal_iter *it, struct bytes *nal)
{
	while (it->rest.n > sizeof start_code) {
		struct bytes from = bytes_sub(it->rest, sizeof start_code, it->rest.n);
		size_t n = start_code_find(from, 0);

		it->rest = bytes_sub(from, n, from.n);
		/* Annex B: trailing_zero_8bits, and the zero_byte of a start code of four */
		while (n && from.p[n - 1] == 0)
			n--;
		*nal = bytes_sub(from, 0, n);
		if (n)
			return true;
	}
	return false;
}

static bool next_by_length(struct nal_iter *it, struct bytes *nal)
{
	while (it->rest.n > it->length_bytes) {
		struct cur c = { it->rest };
		size_t n = 0;

		for (uint8_t i = 0; i < it->length_bytes; i++)
			n = n << 8 | it->rest.p[i];
		if (!cur_skip(&c, it->length_bytes) || !cur_take(&c, n, nal))
			break;
		it->rest = c.b;
		if (n)
			return true;
	}
	it->rest = (struct bytes){ 0 };
	return false;
}

bool nal_next(struct nal_iter *it, struct bytes *nal)
{
	return it->length_bytes ? next_by_length(it, nal) : next_by_start(it, nal);
}

size_t nal_unescape(struct bytes nal, uint8_t *dst, size_t cap)
{
	size_t n = 0, zeros = 0;

	for (size_t i = 0; i < nal.n && n < cap; i++) {
		if (zeros >= 2 && nal.p[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = nal.p[i] ? 0 : zeros + 1;
		dst[n++] = nal.p[i];
	}
	return n;
}

void nal_sets_add(struct nal_sets *s, struct bytes nal)
{
	if (s->n == NAL_SETS_MAX || nal.n > UINT16_MAX)
		return;
	s->set[s->n++] = nal;
	s->bytes += nal.n;
}
