/* SPDX-License-Identifier: MIT */
#include "server/media/pack/h26x.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/base64.h"
#include "server/base/os.h"

enum {
	CLOCK_HZ = 90000,
	IN_BAND_MAX = 4096 /* octets of sets before each sync sample; nobody else needs more */
};

struct h26x *h26x_new(struct packer *p, const struct codec *c)
{
	struct h26x *h = xcalloc(1, sizeof *h);
	uint8_t *copy = xmalloc(c->config.n ? c->config.n : 1);

	if (c->config.n)
		memcpy(copy, c->config.p, c->config.n);
	h->config = (struct bytes){ copy, c->config.n };
	h->length_bytes = c->nal_length_bytes > 4 ? 4 : c->nal_length_bytes;
	video_lines_init(&h->lines, c);
	p->clock_hz = CLOCK_HZ;
	p->state = h;
	return h;
}

void h26x_clear(struct packer *p)
{
	struct h26x *h = p->state;

	if (!h)
		return;
	video_lines_clear(&h->lines);
	free((uint8_t *)(uintptr_t)h->config.p); /* ours: see h26x_new */
	free(h);
	p->state = NULL;
}

void h26x_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct h26x *h = p->state;

	video_lines_write(&h->lines, p, w);
}

void h26x_iter(const struct h26x *h, struct bytes unit, struct nal_iter *it)
{
	/* 00 00 00 01 is no length that a first NAL unit has: nothing of one octet stands there */
	bool is_annex_b = h->length_bytes == 4 && unit.n > 4 && be32(unit.p) == 1;

	nal_iter_init(it, unit, is_annex_b ? 0 : h->length_bytes);
}

void h26x_put_sets(struct h26x *h, const char *name, uint8_t mask, uint8_t value)
{
	struct buf *to = &h->lines.fmtp;
	size_t before = to->n, n = 0;
	int err = buf_printf(to, "%s%s", before ? ";" : "", name);

	for (size_t i = 0; i < h->sets.n && !err; i++) {
		if ((h->sets.set[i].p[0] & mask) != value)
			continue;
		if (n++)
			err = buf_put(to, B(","));
		if (!err)
			err = base64_write(to, h->sets.set[i]);
	}
	if (err || n == 0)
		buf_cut(to, before);
}

void h26x_add_sets(const struct h26x *h, struct nal_pack *k)
{
	if (h->sets.bytes > IN_BAND_MAX)
		return;
	for (size_t i = 0; i < h->sets.n; i++)
		nal_pack_add(k, h->sets.set[i]);
}

static struct h26x_head head_of(const struct h26x *h, const struct h26x_rules *r, struct bytes unit)
{
	struct h26x_head head = { 0 };
	struct nal_iter it;
	struct bytes nal;

	h26x_iter(h, unit, &it);
	while (nal_next(&it, &nal) && r->judge(h, nal, &head))
		;
	return head;
}

void h26x_pack_unit(const struct packer *p, const struct h26x_rules *r, const struct access_unit *u,
	struct block_build *b)
{
	const struct h26x *h = p->state;
	struct h26x_head head = head_of(h, r, u->data);
	struct nal_pack k = {
		.form = &r->form, .b = b, .row = packer_row(p, u), .payload_max = p->payload_max
	};
	struct nal_iter it;
	struct bytes nal;

	if (head.is_disposable && !u->sync)
		k.row.importance = IMPORTANCE_LOW;
	if (u->sync && !head.has_sets)
		h26x_add_sets(h, &k);
	h26x_iter(h, u->data, &it);
	while (nal_next(&it, &nal)) {
		if (r->is_sent(nal))
			nal_pack_add(&k, nal);
	}
	nal_pack_end(&k);
}
