/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mpeg4v.h"

#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/pack/bits.h"
#include "server/media/pack/fmtp.h"
#include "server/media/pack/start_code.h"

/*
 * MPEG-4 part 2 (RFC 6416, MP4V-ES): the stream as it is, each VOP beginning a packet with the headers
 * before it, cut at video packets where the stream has them (6416 5.2), else anywhere.
 */
enum {
	CLOCK_HZ = 90000,
	VOL_FIRST = 0x20,
	VOL_LAST = 0x2f,
	VISUAL_SEQUENCE = 0xb0,
	VOP = 0xb6,
	CODING_B = 2,
	EXTENDED_PAR = 15,
	RECTANGULAR = 0,
	CONFIG_MAX = 4096 /* in the SDP twice as long */
};

struct mpeg4v {
	struct video_lines lines;
	bool has_resync;
};

/* ---- set-up ---- */

static void skip_matrix(struct bits *b)
{
	/* 6.3.3: up to 64 values; a 0 ends the list early */
	for (unsigned i = 0; bits_u(b, 8) && i < 63; i++)
		;
}

/* 6.2.3, from after the start code to resync_marker_disable. False: not of the kind that can be read
 * so far without more knowledge (sprites, shapes, complexity estimation). */
static bool read_vol(struct bits *b, struct mpeg4v *m)
{
	uint32_t verid = 1, width, height, resolution;
	unsigned n = 0;

	bits_skip(b, 9);
	if (bits_flag(b)) {
		verid = bits_u(b, 4);
		bits_skip(b, 3);
	}
	if (bits_u(b, 4) == EXTENDED_PAR)
		bits_skip(b, 16);
	if (bits_flag(b)) {
		bits_skip(b, 3);
		bits_skip(b, bits_flag(b) ? 79 : 0); /* vbv parameters */
	}
	if (bits_u(b, 2) != RECTANGULAR)
		return false;
	bits_skip(b, 1);
	resolution = bits_u(b, 16);
	bits_skip(b, 1);
	while (n < 16 && resolution > UINT32_C(1) << n)
		n++;
	bits_skip(b, bits_flag(b) ? (n ? n : 1) : 0); /* fixed_vop_time_increment */
	bits_skip(b, 1);
	width = bits_u(b, 13);
	bits_skip(b, 1);
	height = bits_u(b, 13);
	bits_skip(b, 3); /* marker, interlaced, obmc_disable */
	if (!b->over && (!m->lines.width || !m->lines.height)) {
		m->lines.width = width;
		m->lines.height = height;
	}
	if (bits_u(b, verid == 1 ? 1 : 2)) /* sprite_enable */
		return false;
	bits_skip(b, bits_flag(b) ? 8 : 0);
	if (bits_flag(b)) { /* quant_type: matrices */
		if (bits_flag(b))
			skip_matrix(b);
		if (bits_flag(b))
			skip_matrix(b);
	}
	bits_skip(b, verid != 1); /* quarter_sample */
	return bits_flag(b);
}

static void read_config(struct bytes config, struct mpeg4v *m)
{
	bool has_profile = false;

	for (size_t at = start_code_find(config, 0); at + 4 < config.n;
		at = start_code_find(config, at + 3)) {
		const uint8_t *p = config.p + at + 3;
		struct bits b;

		if (*p == VISUAL_SEQUENCE && !has_profile) {
			fmtp_put(&m->lines.fmtp, "profile-level-id=%u", p[1]);
			has_profile = true;
		}
		if (*p < VOL_FIRST || *p > VOL_LAST)
			continue;
		bits_init(&b, bytes_sub(config, at + 4, config.n));
		m->has_resync = read_vol(&b, m) && !bits_flag(&b) && !b.over;
	}
}

static int mpeg4v_init(struct packer *p, const struct codec *c, const char **why)
{
	struct mpeg4v *m = xcalloc(1, sizeof *m);
	struct buf *to = &m->lines.fmtp;

	(void)why;
	p->encoding = "MP4V-ES";
	p->clock_hz = CLOCK_HZ;
	p->state = m;
	video_lines_init(&m->lines, c);
	read_config(c->config, m);
	if (c->config.n && c->config.n <= CONFIG_MAX) {
		fmtp_put(to, "%sconfig=", to->n ? ";" : "");
		if (fmtp_hex(to, c->config))
			UNREACHABLE("CONFIG_MAX fits");
	}
	return 0;
}

static void mpeg4v_clear(struct packer *p)
{
	struct mpeg4v *m = p->state;

	if (m)
		video_lines_clear(&m->lines);
	free(m);
	p->state = NULL;
}

static void mpeg4v_describe(const struct packer *p, struct sdp_writer *w)
{
	const struct mpeg4v *m = p->state;

	video_lines_write(&m->lines, p, w);
}

/* ---- packets ---- */

/* Offset of the first VOP at or after `from`, or n. */
static size_t find_vop(struct bytes b, size_t from)
{
	size_t at = start_code_find(b, from);

	while (at < b.n && (at + 4 > b.n || b.p[at + 3] != VOP))
		at = start_code_find(b, at + 3);
	return at;
}

/* One VOP with the headers before it. */
static void pack_part(
	const struct packer *p, const struct row *row, struct bytes part, struct block_build *b)
{
	const struct mpeg4v *m = p->state;

	while (part.n && !b->err) {
		size_t n = part.n < p->payload_max ? part.n : p->payload_max;

		/* a video packet starts with a resync marker: 16 to 22 zeros, then a one. After
		 * two zero octets stands 02 at least, since 01 makes a start code */
		if (n < part.n && m->has_resync)
			n = start_code_cut(part, n, 0xfe);
		block_begin(b, row);
		(void)block_put(b, bytes_sub(part, 0, n)); /* the builder remembers errors */
		(void)block_end(b);
		part = bytes_sub(part, n, part.n);
	}
}

static void pack_unit(const struct packer *p, const struct access_unit *u, struct block_build *b)
{
	struct row row = packer_row(p, u);
	size_t vop = find_vop(u->data, 0), from = 0;

	if (u->data.n == 0)
		return;
	if (vop + 4 < u->data.n && u->data.p[vop + 4] >> 6 == CODING_B && !u->sync)
		row.importance = IMPORTANCE_LOW;
	/* some files keep a B-VOP behind the P-VOP that it needs, in one sample */
	while (from < u->data.n && !b->err) {
		size_t next = find_vop(u->data, vop < u->data.n ? vop + 3 : vop);

		pack_part(p, &row, bytes_sub(u->data, from, next - from), b);
		from = vop = next;
	}
	if (!b->err)
		block_last(b)->marker = true;
}

static void mpeg4v_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		pack_unit(p, &u[i], b);
}

const struct packer_ops mpeg4v_packer = {
	.codec = CODEC_MPEG4V,
	.rfc = "RFC 6416",
	.init = mpeg4v_init,
	.pack = mpeg4v_pack,
	.describe = mpeg4v_describe,
	.clear = mpeg4v_clear,
};
