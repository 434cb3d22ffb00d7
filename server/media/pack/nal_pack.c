/* SPDX-License-Identifier: MIT */
#include "server/media/pack/nal_pack.h"

#include <string.h>

enum { LENGTH_BYTES = 2 }; /* before each NAL unit of an aggregate */

static void put_sized(struct nal_pack *k, struct bytes nal)
{
	uint8_t *to = block_room(k->b, LENGTH_BYTES + nal.n);

	if (!to)
		return;
	put_be16(to, (uint16_t)nal.n);
	memcpy(to + LENGTH_BYTES, nal.p, nal.n);
}

/* Ends the aggregate, or sends the NAL unit that waits as a packet of its own. */
static void settle(struct nal_pack *k)
{
	if (k->held.n) {
		block_begin(k->b, &k->row);
		(void)block_put(k->b, k->held); /* the builder remembers errors */
	}
	if (k->held.n || k->open) {
		(void)block_end(k->b);
		k->some = true;
	}
	k->held = (struct bytes){ 0 };
	k->open = false;
}

/* Into one packet with the one that waits or the aggregate that is open. False: no room. */
static bool join(struct nal_pack *k, struct bytes nal)
{
	size_t header_n = k->form->header_n;
	size_t with = LENGTH_BYTES + nal.n;
	uint8_t *to;

	if (k->open) {
		if (block_packet_n(k->b) + with > k->payload_max)
			return false;
		put_sized(k, nal);
		if (!k->b->err)
			k->form->merge(k->b->payload + block_last(k->b)->at, nal.p);
		return true;
	}
	if (!k->held.n || header_n + LENGTH_BYTES + k->held.n + with > k->payload_max)
		return false;
	block_begin(k->b, &k->row);
	to = block_room(k->b, header_n);
	if (to) {
		k->form->aggregate(to, k->held.p);
		k->form->merge(to, nal.p);
	}
	put_sized(k, k->held);
	put_sized(k, nal);
	k->held = (struct bytes){ 0 };
	k->open = true;
	return true;
}

static void fragments(struct nal_pack *k, struct bytes nal)
{
	size_t header_n = k->form->header_n, before = header_n + 1;
	size_t part = k->payload_max - before;

	for (size_t at = header_n; at < nal.n && !k->b->err; at += part) {
		struct bytes body = bytes_sub(nal, at, part);
		uint8_t *to;

		block_begin(k->b, &k->row);
		to = block_room(k->b, before + body.n);
		if (to) {
			k->form->fragment(to, nal.p, at == header_n, at + body.n == nal.n);
			memcpy(to + before, body.p, body.n);
		}
		(void)block_end(k->b);
	}
	k->some = true;
}

void nal_pack_add(struct nal_pack *k, struct bytes nal)
{
	if (k->b->err || join(k, nal))
		return;
	settle(k);
	if (nal.n > k->payload_max)
		fragments(k, nal);
	else
		k->held = nal;
}

void nal_pack_end(struct nal_pack *k)
{
	if (k->b->err)
		return;
	settle(k);
	if (k->some && !k->b->err)
		block_last(k->b)->marker = true;
}
