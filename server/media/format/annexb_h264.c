/* SPDX-License-Identifier: MIT */
#include "server/media/format/annexb_parts.h"

#include "server/media/pack/bits.h"

enum {
	SLICE = 1,
	PARTITION_A = 2,
	IDR = 5,
	SEI = 6,
	SPS = 7,
	PPS = 8,
	DELIMITER = 9,
	PREFIX = 14, /* 14 to 18 begin an access unit, too */
	PREFIX_LAST = 18,
	RECOVERY_POINT = 6,
	SLICE_HEAD = 64
};

int32_t annexb_order(const struct annexb *a, uint32_t lsb, unsigned bits, int32_t *msb)
{
	int64_t all = INT64_C(1) << bits, d = (int64_t)lsb - a->lsb, m = a->msb;

	if (d < 0 && -d >= all / 2)
		m += all;
	else if (d > all / 2)
		m -= all;
	if (m > INT32_MAX / 2 || m < INT32_MIN / 2) /* a film without resets for years */
		m = 0;
	*msb = (int32_t)m;
	return (int32_t)(m + lsb);
}

bool annexb_put_sps(struct annexb *a, const struct sps *s)
{
	if (s->id >= ANNEXB_SPS_MAX)
		return false;
	a->sps[s->id] = *s;
	if (!a->has_sps)
		a->first = *s;
	a->has_sps = true;
	return true;
}

static bool read_sps(struct annexb *a, struct bytes nal)
{
	struct sps s;

	return sps_read_h264(nal, &s) == 0 && annexb_put_sps(a, &s);
}

static bool read_pps(struct annexb *a, struct bytes nal)
{
	uint8_t raw[16];
	struct bits b;
	uint32_t pps, sps;

	bits_init(&b, bytes_of(raw, nal_unescape(nal, raw, sizeof raw)));
	bits_skip(&b, 8);
	pps = bits_ue(&b);
	sps = bits_ue(&b);
	if (b.over || pps >= ANNEXB_PPS_MAX || sps >= ANNEXB_SPS_MAX)
		return false;
	a->pps[pps] = (struct annexb_pps){ .is_known = true, .sps = (uint8_t)sps };
	return true;
}

/* 7.3.2.3.1 */
static bool has_recovery_point(struct bytes nal)
{
	uint8_t raw[256];
	struct cur c = { bytes_of(raw, nal_unescape(nal, raw, sizeof raw)) };

	if (!cur_skip(&c, 1))
		return false;
	for (;;) {
		size_t value[2] = { 0 }; /* type, size */

		for (int i = 0; i < 2; i++) {
			uint8_t v = 255;

			for (; v == 255; value[i] += v) {
				if (!cur_u8(&c, &v))
					return false;
			}
		}
		if (value[0] == RECOVERY_POINT)
			return true;
		if (!cur_skip(&c, value[1]))
			return false;
	}
}

/* 7.3.3 up to pic_order_cnt_lsb */
static bool read_slice(
	const struct annexb *a, struct bytes nal, struct annexb_slice *s, uint32_t *first_mb)
{
	uint8_t raw[SLICE_HEAD];
	const struct sps *sps;
	struct bits b;

	bits_init(&b, bytes_of(raw, nal_unescape(nal, raw, sizeof raw)));
	bits_skip(&b, 8);
	*first_mb = bits_ue(&b);
	(void)bits_ue(&b); /* slice_type */
	s->pps = bits_ue(&b);
	if (b.over || s->pps >= ANNEXB_PPS_MAX || !a->pps[s->pps].is_known)
		return false;
	sps = &a->sps[a->pps[s->pps].sps];
	if (!sps->width)
		return false;
	if (sps->has_planes)
		bits_skip(&b, 2);
	s->frame_num = bits_u(&b, sps->frame_num_bits);
	s->is_field = sps->has_fields && bits_flag(&b);
	s->is_bottom = s->is_field && bits_flag(&b);
	s->is_idr = (nal.p[0] & 31) == IDR;
	s->is_reference = nal.p[0] & 0x60;
	if (s->is_idr)
		s->idr_id = bits_ue(&b);
	if (sps->order_type == 0)
		s->lsb = bits_u(&b, sps->order_bits);
	return !b.over;
}

static bool is_same_picture(const struct annexb_slice *a, const struct annexb_slice *b)
{
	return a->pps == b->pps && a->frame_num == b->frame_num && a->idr_id == b->idr_id &&
	       a->lsb == b->lsb && a->is_idr == b->is_idr && a->is_reference == b->is_reference &&
	       a->is_field == b->is_field && a->is_bottom == b->is_bottom;
}

static void begin_picture(struct annexb *a, const struct annexb_slice *s, struct annexb_nal *out)
{
	const struct sps *sps = &a->sps[a->pps[s->pps].sps];
	/* the second field of an IDR picture may be a P field, but never an IDR one of its own */
	bool is_second = s->is_idr && a->has_last && a->last.is_idr && s->is_field &&
			 s->is_bottom != a->last.is_bottom && s->idr_id == a->last.idr_id;
	int32_t msb = 0;

	out->begins_picture = true;
	out->is_sync = out->resets = s->is_idr && !is_second;
	out->is_field = s->is_field;
	if (out->resets) {
		a->msb = 0;
		a->lsb = 0;
	}
	a->counter++;
	if (sps->order_type) {
		a->is_guessed |= sps->order_type == 1;
		out->order = a->counter;
		return;
	}
	out->order = annexb_order(a, s->lsb, sps->order_bits, &msb);
	if (s->is_reference) {
		a->msb = msb;
		a->lsb = s->lsb;
	}
}

static bool on_slice(struct annexb *a, struct bytes nal, struct annexb_nal *out)
{
	struct annexb_slice s = { 0 };
	uint32_t first_mb;

	if (!read_slice(a, nal, &s, &first_mb))
		return false;
	out->is_slice = true;
	if (!a->has_last || !first_mb || !is_same_picture(&a->last, &s))
		begin_picture(a, &s, out);
	a->last = s;
	a->has_last = true;
	return true;
}

bool annexb_read_h264(struct annexb *a, struct bytes head, struct annexb_nal *out)
{
	unsigned type = head.n ? head.p[0] & 31 : 0;

	*out = (struct annexb_nal){ 0 };
	if (!head.n || head.p[0] & 0x80)
		return false;
	switch (type) {
	case SLICE:
	case PARTITION_A:
	case IDR: return on_slice(a, head, out);
	case SPS: out->is_set = read_sps(a, head); break;
	case PPS: out->is_set = read_pps(a, head); break;
	case SEI: out->recovers = has_recovery_point(head); break;
	default: break;
	}
	out->begins_unit =
		(type >= SEI && type <= DELIMITER) || (type >= PREFIX && type <= PREFIX_LAST);
	return out->begins_unit;
}
