/* SPDX-License-Identifier: MIT */
#include "server/media/pack/video_plain.h"

#include <stdlib.h>

#include "server/base/os.h"

enum { CLOCK_HZ = 90000 };

struct video_plain *video_plain_init(struct packer *p, const struct codec *c, descriptor_fn *fn)
{
	struct video_plain *v = xcalloc(1, sizeof *v);

	v->descriptor = fn;
	video_lines_init(&v->lines, c);
	p->clock_hz = CLOCK_HZ;
	p->state = v;
	return v;
}

void video_plain_clear(struct packer *p)
{
	struct video_plain *v = p->state;

	if (v)
		video_lines_clear(&v->lines);
	free(v);
	p->state = NULL;
}

void video_plain_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct video_plain *v = p->state;

	video_lines_write(&v->lines, p, w);
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	const struct video_plain *v = p->state;
	struct row row = packer_row(p, u);

	for (size_t at = 0; at < u->data.n && !b->err;) {
		uint8_t head[DESCRIPTOR_MAX];
		size_t head_n = v->descriptor(p, u, at, false, head);
		struct bytes body = bytes_sub(u->data, at, p->payload_max - head_n);

		row.marker = at + body.n == u->data.n;
		if (row.marker)
			head_n = v->descriptor(p, u, at, true, head);
		block_begin(b, &row);
		(void)block_put(b, bytes_of(head, head_n)); /* the builder remembers errors */
		(void)block_put(b, body);
		(void)block_end(b);
		at += body.n;
	}
}

void video_plain_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}
