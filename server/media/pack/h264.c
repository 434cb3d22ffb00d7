/* SPDX-License-Identifier: MIT */
#include "server/media/pack/h264.h"

#include "server/media/pack/h26x.h"
#include "server/media/pack/sps.h"

/*
 * H.264, packetization mode 1 (RFC 6184 6.3): single NAL units, STAP-A, FU-A.
 *
 * All NAL units of an access unit go out in their order but for access unit delimiters and filler
 * data, which say nothing that the marker does not, and for types that mean something else in RTP
 * (0, 24 to 31). The parameter sets of the container are in the SDP, and before each sync sample that
 * has none of its own too: some players ignore the SDP's, and a recording that starts in the middle
 * has no SDP.
 */
enum {
	SLICE_FIRST = 1,
	SLICE_LAST = 5,
	SPS = 7,
	PPS = 8,
	DELIMITER = 9,
	FILLER = 12,
	SPS_EXTENSION = 13,
	STAP_A = 24,
	FU_A = 28,
	TYPE_MASK = 0x1f,
	NRI_MASK = 0x60,
	F_BIT = 0x80
};

static unsigned type_of(const uint8_t *nal)
{
	return nal[0] & TYPE_MASK;
}

static bool is_set(unsigned type)
{
	return type == SPS || type == PPS || type == SPS_EXTENSION;
}

/* ---- headers of packets ---- */

/* 6184 5.7: F of any, NRI of the highest */
static void merge(uint8_t *to, const uint8_t *nal)
{
	uint8_t nri = nal[0] & NRI_MASK;

	if ((to[0] & NRI_MASK) < nri)
		to[0] = (uint8_t)((to[0] & ~NRI_MASK) | nri);
	to[0] |= nal[0] & F_BIT;
}

static void aggregate(uint8_t *to, const uint8_t *nal)
{
	to[0] = (uint8_t)((nal[0] & (F_BIT | NRI_MASK)) | STAP_A);
}

/* 6184 5.8 */
static void fragment(uint8_t *to, const uint8_t *nal, bool first, bool last)
{
	to[0] = (uint8_t)((nal[0] & (F_BIT | NRI_MASK)) | FU_A);
	to[1] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | type_of(nal));
}

/* ---- set-up ---- */

/* AVCDecoderConfigurationRecord, 14496-15 5.3.3.1: the parameter sets in it. */
static int record_read(struct bytes in, struct nal_sets *sets)
{
	struct cur c = { in };
	uint8_t version, count;
	struct bytes nal;

	if (!cur_u8(&c, &version) || version != 1 || !cur_skip(&c, 4))
		return ERR_CORRUPT;
	for (int list = 0; list < 2; list++) {
		if (!cur_u8(&c, &count))
			return ERR_CORRUPT;
		/* of the count of SPS the upper three bits are reserved */
		for (unsigned n = list ? count : count & 31; n; n--) {
			uint16_t length;

			if (!cur_be16(&c, &length) || !cur_take(&c, length, &nal))
				return ERR_CORRUPT;
			if (nal.n && is_set(type_of(nal.p)))
				nal_sets_add(sets, nal);
		}
	}
	return 0;
}

static int sets_read(struct bytes in, struct nal_sets *sets)
{
	struct nal_iter it;
	struct bytes nal;

	if (!nal_has_start_code(in))
		return record_read(in, sets);
	nal_iter_init(&it, in, 0);
	while (nal_next(&it, &nal)) {
		if (is_set(type_of(nal.p)))
			nal_sets_add(sets, nal);
	}
	return 0;
}

/* 6184 8.1: profile_idc, profile-iop and level_idc, as the first SPS has them */
static void put_profile(struct buf *to, const struct h26x *h)
{
	const uint8_t *from = NULL;

	for (size_t i = 0; i < h->sets.n && !from; i++) {
		if (type_of(h->sets.set[i].p) == SPS && h->sets.set[i].n >= 4)
			from = h->sets.set[i].p + 1;
	}
	if (!from && h->config.n >= 4 && !nal_has_start_code(h->config))
		from = h->config.p + 1;
	if (from)
		fmtp_put(to, ";profile-level-id=%02X%02X%02X", from[0], from[1], from[2]);
}

/* What the container doesn't say, as of bare streams. */
static void set_size(struct h26x *h)
{
	struct sps sps = { 0 };

	if (h->lines.width && h->lines.height)
		return;
	for (size_t i = 0; i < h->sets.n && !sps.width; i++) {
		if (sps_read_h264(h->sets.set[i], &sps))
			continue;
		h->lines.width = sps.width;
		h->lines.height = sps.height;
	}
}

static int h264_init(struct packer *p, const struct codec *c, const char **why)
{
	struct h26x *h = h26x_new(p, c);
	struct buf *to = &h->lines.fmtp;

	p->encoding = "H264";
	if (h->config.n && sets_read(h->config, &h->sets)) {
		*why = "the avcC record is broken";
		return ERR_CORRUPT;
	}
	fmtp_put(to, "packetization-mode=1");
	put_profile(to, h);
	set_size(h);
	h26x_put_sets(h, "sprop-parameter-sets=", 0, 0);
	return 0;
}

/* ---- packets ---- */

static bool judge(const struct h26x *h, struct bytes nal, struct h26x_head *head)
{
	unsigned type = type_of(nal.p);
	(void)h;

	head->has_sets |= is_set(type);
	if (type < SLICE_FIRST || type > SLICE_LAST)
		return true;
	head->is_disposable = (nal.p[0] & NRI_MASK) == 0;
	return false;
}

static bool is_sent(struct bytes nal)
{
	unsigned type = type_of(nal.p);

	return type != 0 && type != DELIMITER && type != FILLER && type < STAP_A;
}

static const struct h26x_rules rules = {
	.form = { .header_n = 1, .aggregate = aggregate, .merge = merge, .fragment = fragment },
	.judge = judge,
	.is_sent = is_sent
};

static void h264_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		h26x_pack_unit(p, &rules, &u[i], b);
}

const struct packer_ops h264_packer = {
	.codec = CODEC_H264,
	.rfc = "RFC 6184",
	.init = h264_init,
	.pack = h264_pack,
	.describe = h26x_describe,
	.clear = h26x_clear,
};
