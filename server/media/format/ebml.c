/* SPDX-License-Identifier: MIT */
#include "server/media/format/ebml.h"

#include <string.h>

enum { ID_MAX = 4, NUMBER_MAX = 8 };

/* Octets of the number that begins with this one; 9: none does. */
static unsigned length_of(uint8_t first)
{
	unsigned n = 1;

	while (n <= NUMBER_MAX && !(first & 0x100 >> n))
		n++;
	return n;
}

bool ebml_take_number(struct bytes *b, uint64_t *v, unsigned *n)
{
	*n = b->n ? length_of(b->p[0]) : NUMBER_MAX + 1;
	if (*n > NUMBER_MAX || *n > b->n)
		return false;
	*v = b->p[0] & (0xffu >> *n);
	for (unsigned i = 1; i < *n; i++)
		*v = *v << 8 | b->p[i];
	*b = bytes_sub(*b, *n, b->n);
	return true;
}

int ebml_read(struct bytes b, struct ebml *e)
{
	unsigned id_n, n;
	uint64_t size;

	if (!b.n)
		return ERR_MORE;
	id_n = length_of(b.p[0]);
	if (id_n > ID_MAX)
		return ERR_SYNTAX;
	if (b.n <= id_n)
		return ERR_MORE;
	e->id = 0;
	for (unsigned i = 0; i < id_n; i++)
		e->id = e->id << 8 | b.p[i];
	b = bytes_sub(b, id_n, b.n);
	if (!ebml_take_number(&b, &size, &n))
		return n > NUMBER_MAX ? ERR_SYNTAX : ERR_MORE;
	e->head_n = id_n + n;
	/* all ones */
	e->n = size == (UINT64_C(1) << 7 * n) - 1 ? EBML_UNKNOWN : size;
	return 0;
}

bool ebml_next(struct bytes *rest, uint32_t *id, struct bytes *body)
{
	struct ebml e;

	if (ebml_read(*rest, &e) || e.n > rest->n - e.head_n)
		return false;
	*id = e.id;
	*body = bytes_sub(*rest, e.head_n, (size_t)e.n);
	*rest = bytes_sub(*rest, e.head_n + (size_t)e.n, rest->n);
	return true;
}

uint64_t ebml_uint(struct bytes body)
{
	uint64_t v = 0;

	if (body.n > 8)
		return 0;
	for (size_t i = 0; i < body.n; i++)
		v = v << 8 | body.p[i];
	return v;
}

int64_t ebml_int(struct bytes body)
{
	uint64_t v = ebml_uint(body);

	if (!body.n || body.n >= 8 || !(body.p[0] & 0x80))
		return (int64_t)v;
	return (int64_t)(v | UINT64_MAX << 8 * body.n);
}

double ebml_float(struct bytes body)
{
	union {
		uint64_t u;
		double d;
	} wide;
	union {
		uint32_t u;
		float f;
	} narrow;

	if (body.n == 8) {
		wide.u = be64(body.p);
		return wide.d;
	}
	if (body.n != 4)
		return 0;
	narrow.u = be32(body.p);
	return (double)narrow.f;
}
