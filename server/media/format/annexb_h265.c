/* SPDX-License-Identifier: MIT */
#include "server/media/format/annexb_parts.h"

#include "server/media/pack/bits.h"

enum {
	RADL_N = 6, /* 6 to 9: leading pictures */
	RASL_R = 9,
	SUB_LAYER_LAST = 14, /* up to here even types are never referred to in their sub-layer */
	IRAP_FIRST = 16,     /* BLA, IDR, CRA */
	IDR_FIRST = 19,
	IDR_LAST = 20,
	IRAP_LAST = 23,
	VCL_LAST = 31,
	VPS = 32,
	SPS = 33,
	PPS = 34,
	DELIMITER = 35,
	END_OF_SEQUENCE = 36,
	PREFIX_SEI = 39,
	SLICE_HEAD = 64
};

static bool read_sps(struct annexb *a, struct bytes nal)
{
	struct sps s;

	return sps_read_h265(nal, &s) == 0 && annexb_put_sps(a, &s);
}

/* 7.3.2.3.1 */
static bool read_pps(struct annexb *a, struct bytes nal)
{
	uint8_t raw[16];
	struct bits b;
	uint32_t pps, sps;
	struct annexb_pps p = { .is_known = true };

	bits_init(&b, bytes_of(raw, nal_unescape(nal, raw, sizeof raw)));
	bits_skip(&b, 16);
	pps = bits_ue(&b);
	sps = bits_ue(&b);
	bits_skip(&b, 1); /* dependent_slice_segments_enabled_flag */
	p.has_output_flag = bits_flag(&b);
	p.extra_bits = (uint8_t)bits_u(&b, 3);
	p.sps = (uint8_t)sps;
	if (b.over || pps >= ANNEXB_PPS_MAX || sps >= ANNEXB_SPS_MAX)
		return false;
	a->pps[pps] = p;
	return true;
}

/* 7.3.6.1 of a picture's first segment, up to slice_pic_order_cnt_lsb */
static bool read_order(const struct annexb *a, struct bytes nal, unsigned type, uint32_t *lsb,
	unsigned *order_bits)
{
	uint8_t raw[SLICE_HEAD];
	const struct annexb_pps *p;
	const struct sps *sps;
	struct bits b;
	uint32_t pps;

	bits_init(&b, bytes_of(raw, nal_unescape(nal, raw, sizeof raw)));
	bits_skip(&b, 17);
	if (type >= IRAP_FIRST && type <= IRAP_LAST)
		bits_skip(&b, 1); /* no_output_of_prior_pics_flag */
	pps = bits_ue(&b);
	if (b.over || pps >= ANNEXB_PPS_MAX || !a->pps[pps].is_known)
		return false;
	p = &a->pps[pps];
	sps = &a->sps[p->sps];
	if (!sps->order_bits)
		return false;
	*order_bits = sps->order_bits;
	*lsb = 0;
	if (type == IDR_FIRST || type == IDR_LAST)
		return true;
	bits_skip(&b, p->extra_bits);
	(void)bits_ue(&b); /* slice_type */
	bits_skip(&b, p->has_output_flag ? 1 : 0);
	bits_skip(&b, sps->has_planes ? 2 : 0);
	*lsb = bits_u(&b, sps->order_bits);
	return !b.over;
}

/* prevTid0Pic (8.3.1): what the orders of later pictures count from */
static bool is_anchor(unsigned type, struct bytes nal)
{
	return (nal.p[1] & 7) == 1 && !(type >= RADL_N && type <= RASL_R) &&
	       !(type <= SUB_LAYER_LAST && type % 2 == 0);
}

static bool on_slice(struct annexb *a, struct bytes nal, unsigned type, struct annexb_nal *out)
{
	bool is_irap = type >= IRAP_FIRST && type <= IRAP_LAST;
	unsigned order_bits;
	uint32_t lsb;
	int32_t msb = 0;

	if (nal.n < 3)
		return false;
	out->is_slice = true;
	if (!(nal.p[2] & 0x80)) /* first_slice_segment_in_pic_flag */
		return true;
	if (!read_order(a, nal, type, &lsb, &order_bits))
		return false;
	out->begins_picture = true;
	out->is_sync = is_irap;
	/* a CRA goes on counting unless it's the first, or behind an end of sequence */
	out->resets = is_irap && (type <= IDR_LAST || !a->has_last);
	if (out->resets) {
		a->msb = 0;
		a->lsb = lsb;
		out->order = (int32_t)lsb;
	} else {
		out->order = annexb_order(a, lsb, order_bits, &msb);
	}
	if (!out->resets && is_anchor(type, nal)) {
		a->msb = msb;
		a->lsb = lsb;
	}
	a->has_last = true;
	return true;
}

bool annexb_read_h265(struct annexb *a, struct bytes head, struct annexb_nal *out)
{
	unsigned type = head.n ? head.p[0] >> 1 & 63 : 0;

	*out = (struct annexb_nal){ 0 };
	/* forbidden bit, and layers above the base */
	if (head.n < 2 || head.p[0] & 0x81 || head.p[1] & 0xf8)
		return false;
	if (type <= VCL_LAST)
		return on_slice(a, head, type, out);
	switch (type) {
	case VPS: out->is_set = true; break;
	case SPS: out->is_set = read_sps(a, head); break;
	case PPS: out->is_set = read_pps(a, head); break;
	case END_OF_SEQUENCE: a->has_last = false; return false;
	default: break;
	}
	out->begins_unit = type <= DELIMITER || type == PREFIX_SEI || (type >= 41 && type <= 44) ||
			   (type >= 48 && type <= 55);
	return out->begins_unit;
}
