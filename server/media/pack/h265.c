/* SPDX-License-Identifier: MIT */
#include "server/media/pack/h265.h"

#include "server/media/pack/h26x.h"
#include "server/media/pack/sps.h"

/*
 * H.265 (RFC 7798), sprop-max-don-diff = 0: single NAL units, aggregation packets, fragmentation
 * units. Everything goes out in its order but for access unit delimiters, filler data and the types
 * that mean something else in RTP (48 and up); parameter sets as in h264.c. SEI messages of the record
 * hold for the whole stream (colours of the mastering display, say): they go where the sets do.
 */
enum {
	VCL_LAST = 31,
	SUB_LAYER_LAST = 14, /* of the types with _N and _R: the even ones are never referred to */
	VPS = 32,
	SPS = 33,
	PPS = 34,
	DELIMITER = 35,
	FILLER = 38,
	PREFIX_SEI = 39,
	USER_DATA = 4, /* of SEI messages, H.264 D.1 */
	USER_DATA_UUID = 5,
	AGGREGATE = 48,
	FRAGMENT = 49,
	HEADER_BYTES = 2,
	TYPE_MASK = 0x7e, /* in the first octet */
	F_BIT = 0x80,
	RECORD_FIXED = 23,   /* octets of the hvcC record before its arrays */
	SEI_BYTES_MAX = 3072 /* parameter sets and SEI messages of the record, to send the latter */
};

static unsigned type_of(const uint8_t *nal)
{
	return nal[0] >> 1 & 63;
}

/* nuh_layer_id and nuh_temporal_id_plus1 */
static unsigned layer_of(const uint8_t *nal)
{
	return (nal[0] & 1U) << 5 | nal[1] >> 3;
}

static unsigned temporal_of(const uint8_t *nal)
{
	return nal[1] & 7;
}

static bool is_set(unsigned type)
{
	return type >= VPS && type <= PPS;
}

/* ---- headers of packets ---- */

static void put_header(uint8_t *to, unsigned f, unsigned type, unsigned layer, unsigned temporal)
{
	to[0] = (uint8_t)(f | type << 1 | layer >> 5);
	to[1] = (uint8_t)((layer & 31) << 3 | temporal);
}

/* 7798 4.4.2: F of any, LayerId and TID of the lowest */
static void merge(uint8_t *to, const uint8_t *nal)
{
	unsigned layer = layer_of(to), temporal = temporal_of(to);

	if (layer_of(nal) < layer)
		layer = layer_of(nal);
	if (temporal_of(nal) < temporal)
		temporal = temporal_of(nal);
	put_header(to, (to[0] | nal[0]) & F_BIT, AGGREGATE, layer, temporal);
}

static void aggregate(uint8_t *to, const uint8_t *nal)
{
	put_header(to, nal[0] & F_BIT, AGGREGATE, layer_of(nal), temporal_of(nal));
}

/* 7798 4.4.3 */
static void fragment(uint8_t *to, const uint8_t *nal, bool first, bool last)
{
	put_header(to, nal[0] & F_BIT, FRAGMENT, layer_of(nal), temporal_of(nal));
	to[2] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | type_of(nal));
}

/* ---- set-up ---- */

static void add_set(struct nal_sets *sets, struct bytes nal)
{
	if (nal.n > HEADER_BYTES && is_set(type_of(nal.p)))
		nal_sets_add(sets, nal);
}

/* User data (an encoder's banner, as a rule) tells decoders nothing, and may be long. */
static void add_sei(struct nal_sets *sets, struct bytes nal)
{
	if (nal.n > HEADER_BYTES && type_of(nal.p) == PREFIX_SEI &&
		nal.p[HEADER_BYTES] != USER_DATA && nal.p[HEADER_BYTES] != USER_DATA_UUID &&
		sets->bytes + nal.n <= SEI_BYTES_MAX)
		nal_sets_add(sets, nal);
}

/* HEVCDecoderConfigurationRecord, 14496-15 8.3.3.1 */
static int record_read(struct bytes in, struct nal_sets *sets)
{
	struct cur c = { in };
	uint8_t version, arrays, type;
	struct bytes nal;
	uint16_t n, length;

	/* 0 was written before the standard was done */
	if (!cur_u8(&c, &version) || version > 1 || !cur_skip(&c, RECORD_FIXED - 2) ||
		!cur_u8(&c, &arrays))
		return ERR_CORRUPT;
	for (; arrays; arrays--) {
		if (!cur_u8(&c, &type) || !cur_be16(&c, &n))
			return ERR_CORRUPT;
		for (; n; n--) {
			if (!cur_be16(&c, &length) || !cur_take(&c, length, &nal))
				return ERR_CORRUPT;
			add_set(sets, nal);
			add_sei(sets, nal);
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
	while (nal_next(&it, &nal))
		add_set(sets, nal);
	return 0;
}

/* 7798 7.1: profile and level, from the record or the first SPS. */
static void put_profile(struct h26x *h)
{
	struct buf *to = &h->lines.fmtp;
	struct sps sps = { 0 };
	const uint8_t *from = sps.profile_bytes;
	int err = ERR_MISSING;

	for (size_t i = 0; i < h->sets.n && err == ERR_MISSING; i++) {
		if (type_of(h->sets.set[i].p) == SPS)
			err = sps_read_h265(h->sets.set[i], &sps);
	}
	h->temporal_max = sps.temporal_max;
	if (!nal_has_start_code(h->config) && h->config.n >= RECORD_FIXED)
		from = h->config.p + 1;
	else if (err)
		return;
	if (!h->lines.width || !h->lines.height) {
		h->lines.width = sps.width;
		h->lines.height = sps.height;
	}
	fmtp_put(to, "profile-space=%u;profile-id=%u;tier-flag=%u;level-id=%u", from[0] >> 6,
		from[0] & 31, from[0] >> 5 & 1, from[11]);
	fmtp_put(to, ";interop-constraints=%04X%08X", be16(from + 5), be32(from + 7));
	fmtp_put(to, ";profile-compatibility-indicator=%08X", be32(from + 1));
}

static int h265_init(struct packer *p, const struct codec *c, const char **why)
{
	struct h26x *h = h26x_new(p, c);

	p->encoding = "H265";
	if (h->config.n && sets_read(h->config, &h->sets)) {
		*why = "the hvcC record is broken";
		return ERR_CORRUPT;
	}
	put_profile(h);
	h26x_put_sets(h, "sprop-vps=", TYPE_MASK, VPS << 1);
	h26x_put_sets(h, "sprop-sps=", TYPE_MASK, SPS << 1);
	h26x_put_sets(h, "sprop-pps=", TYPE_MASK, PPS << 1);
	return 0;
}

/* ---- packets ---- */

static bool judge(const struct h26x *h, struct bytes nal, struct h26x_head *head)
{
	unsigned type = type_of(nal.p);

	head->has_sets |= is_set(type);
	if (nal.n < HEADER_BYTES || type > VCL_LAST)
		return true;
	/* table 7-1: no picture of its sub-layer refers to it, and there is none above */
	head->is_disposable =
		type <= SUB_LAYER_LAST && type % 2 == 0 && temporal_of(nal.p) > h->temporal_max;
	return false;
}

static bool is_sent(struct bytes nal)
{
	unsigned type = type_of(nal.p);

	return nal.n >= HEADER_BYTES && type != DELIMITER && type != FILLER && type < AGGREGATE;
}

static const struct h26x_rules rules = { .form = { .header_n = HEADER_BYTES,
						 .aggregate = aggregate,
						 .merge = merge,
						 .fragment = fragment },
	.judge = judge,
	.is_sent = is_sent };

static void h265_pack(
	const struct packer *p, const struct access_unit *u, size_t n, struct block_build *b)
{
	for (size_t i = 0; i < n && !b->err; i++)
		h26x_pack_unit(p, &rules, &u[i], b);
}

const struct packer_ops h265_packer = {
	.codec = CODEC_H265,
	.rfc = "RFC 7798",
	.init = h265_init,
	.pack = h265_pack,
	.describe = h26x_describe,
	.clear = h26x_clear,
};
