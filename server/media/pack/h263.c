/* SPDX-License-Identifier: MIT */
#include "server/media/pack/h263.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/pack/fmtp.h"
#include "server/media/pack/start_code.h"

/*
 * H.263 (RFC 4629): a picture's packets begin at group or slice starts where there are any; the two
 * zeros that such a start begins with are not sent but said by the P bit (4629 5.1).
 */
enum {
	CLOCK_HZ = 90000,
	HEADER_BYTES = 2,
	P_BIT = 0x04,       /* in the first octet */
	START_BIT = 0x80,   /* 16 zeros and a one: what every aligned start code begins with */
	PICTURE_MASK = 0xfc /* PSC: five more zeros */
};

/* 4629 8.1: names of the picture sizes */
static const struct {
	uint16_t width, height;
	const char *name;
} sizes[] = {
	{ 128, 96, "SQCIF" },
	{ 176, 144, "QCIF" },
	{ 352, 288, "CIF" },
	{ 704, 576, "CIF4" },
	{ 1408, 1152, "CIF16" },
};

static int h263_init(struct packer *p, const struct codec *c, const char **why)
{
	struct video_lines *v = xcalloc(1, sizeof *v);

	(void)why;
	p->encoding = "H263-1998";
	p->clock_hz = CLOCK_HZ;
	p->state = v;
	video_lines_init(v, c);
	/* MPI 1: up to 29.97 pictures a second */
	for (size_t i = 0; i < COUNT(sizes); i++) {
		if (sizes[i].width == c->width && sizes[i].height == c->height)
			fmtp_put(&v->fmtp, "%s=1", sizes[i].name);
	}
	return 0;
}

static void h263_clear(struct packer *p)
{
	if (p->state)
		video_lines_clear(p->state);
	free(p->state);
	p->state = NULL;
}

static void h263_describe(const struct packer *p, struct sdp_writer *w)
{
	video_lines_write(p->state, p, w);
}

static bool is_start(struct bytes b)
{
	return b.n >= 3 && b.p[0] == 0 && b.p[1] == 0 && (b.p[2] & START_BIT);
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	struct row row = packer_row(p, u);
	struct bytes rest = u->data;

	/* without a picture start code nobody could decode it */
	if (!is_start(rest) || (rest.p[2] & PICTURE_MASK) != START_BIT)
		return;
	while (rest.n && !b->err) {
		uint8_t header[HEADER_BYTES] = { 0 };
		size_t gone = 0, n;

		if (is_start(rest)) {
			header[0] = P_BIT;
			gone = 2;
		}
		n = p->payload_max - HEADER_BYTES + gone;
		n = rest.n <= n ? rest.n : start_code_cut(rest, n, START_BIT);
		block_begin(b, &row);
		(void)block_put(
			b, bytes_of(header, sizeof header)); /* the builder remembers errors */
		(void)block_put(b, bytes_sub(rest, gone, n - gone));
		(void)block_end(b);
		rest = bytes_sub(rest, n, rest.n);
	}
	if (!b->err)
		block_last(b)->marker = true;
}

static void h263_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}

const struct packer_ops h263_packer = {
	.codec = CODEC_H263,
	.rfc = "RFC 4629",
	.init = h263_init,
	.pack = h263_pack,
	.describe = h263_describe,
	.clear = h263_clear,
};
