/* SPDX-License-Identifier: MIT */
#include "server/media/pack/sps.h"

#include <string.h>

#include "server/media/pack/bits.h"

enum {
	SIDE_MAX = 16384,
	SPS_BYTES_MAX = 2048, /* of a set are looked at */
	EXTENDED_SAR = 255,
	PROFILE_BYTES = 12 /* H.265 7.3.3: general_profile_space … general_level_idc */
};

static int set_size(struct sps *s, const struct bits *b, uint64_t width, uint64_t height,
	uint64_t cut_x, uint64_t cut_y)
{
	if (b->over)
		return ERR_TRUNCATED;
	if (width > SIDE_MAX || height > SIDE_MAX || cut_x >= width || cut_y >= height)
		return ERR_RANGE;
	s->width = (uint32_t)(width - cut_x);
	s->height = (uint32_t)(height - cut_y);
	return 0;
}

/* ---- VUI (H.264 E.1.1, H.265 E.2.1: alike up to the chroma location) ---- */

static void skip_vui_head(struct bits *b)
{
	if (bits_flag(b) && bits_u(b, 8) == EXTENDED_SAR) /* aspect_ratio_info */
		bits_skip(b, 32);
	if (bits_flag(b)) /* overscan_info */
		bits_skip(b, 1);
	if (bits_flag(b)) { /* video_signal_type */
		bits_skip(b, 4);
		if (bits_flag(b)) /* colour_description */
			bits_skip(b, 24);
	}
	if (bits_flag(b)) { /* chroma_loc_info */
		(void)bits_ue(b);
		(void)bits_ue(b);
	}
}

static void set_rate(struct sps *s, struct bits *b, uint32_t fields)
{
	uint32_t units = bits_u(b, 32), scale = bits_u(b, 32);

	if (b->over || units == 0 || scale == 0 || units > UINT32_MAX / fields)
		return;
	s->rate_num = scale;
	s->rate_den = units * fields;
}

/* ---- H.264 ---- */

static bool h264_has_chroma_format(uint32_t profile)
{
	static const uint8_t with[] = { 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134,
		135 };

	return memchr(with, (int)profile, sizeof with) != NULL;
}

static void h264_skip_scaling_list(struct bits *b, unsigned n)
{
	int32_t last = 8, next = 8;

	for (unsigned i = 0; i < n && !b->over; i++) {
		if (next)
			next = (int32_t)(((int64_t)last + bits_se(b)) & 0xff);
		last = next ? next : last;
	}
}

/* Fields that only the high profiles have. Answers chroma_format_idc, 3 with separate planes as 0. */
static uint32_t h264_chroma(struct bits *b, struct sps *s)
{
	uint32_t format = bits_ue(b);

	s->has_planes = format == 3 && bits_flag(b);

	(void)bits_ue(b); /* bit_depth_luma_minus8 */
	(void)bits_ue(b);
	bits_skip(b, 1); /* qpprime_y_zero_transform_bypass_flag */
	if (bits_flag(b)) {
		for (unsigned i = 0; i < (format == 3 ? 12U : 8U); i++) {
			if (bits_flag(b))
				h264_skip_scaling_list(b, i < 6 ? 16 : 64);
		}
	}
	return s->has_planes ? 0 : format;
}

static void h264_order(struct bits *b, struct sps *s)
{
	uint32_t frame_num = bits_ue(b), type = bits_ue(b), order = 0;

	if (type == 0)
		order = bits_ue(b);
	if (frame_num > 12 || type > 2 || order > 12) /* 7.4.2.1.1 */
		b->over = true;
	s->frame_num_bits = (uint8_t)(frame_num + 4);
	s->order_type = (uint8_t)type;
	s->order_bits = (uint8_t)(order + 4);
	if (type == 1) {
		bits_skip(b, 1);
		(void)bits_se(b);
		(void)bits_se(b);
		for (uint32_t n = bits_ue(b); n && !b->over; n--)
			(void)bits_se(b);
	}
}

int sps_read_h264(struct bytes nal, struct sps *s)
{
	uint8_t raw[SPS_BYTES_MAX];
	struct bits b;
	uint32_t chroma = 1, fields;
	uint64_t width, height, left = 0, right = 0, top = 0, bottom = 0;
	int err;

	*s = (struct sps){ 0 };
	if (nal.n == 0 || (nal.p[0] & 31) != 7)
		return ERR_SYNTAX;
	bits_init(&b, (struct bytes){ raw, nal_unescape(nal, raw, sizeof raw) });
	bits_skip(&b, 8);
	uint32_t profile = bits_u(&b, 8);
	bits_skip(&b, 16);
	s->id = bits_ue(&b);
	if (h264_has_chroma_format(profile))
		chroma = h264_chroma(&b, s);
	h264_order(&b, s);
	(void)bits_ue(&b); /* max_num_ref_frames */
	bits_skip(&b, 1);
	width = ((uint64_t)bits_ue(&b) + 1) * 16;
	height = ((uint64_t)bits_ue(&b) + 1) * 16;
	fields = bits_flag(&b) ? 1 : 2;
	s->has_fields = fields == 2;
	if (s->has_fields)
		bits_skip(&b, 1);
	bits_skip(&b, 1);
	if (bits_flag(&b)) {
		left = bits_ue(&b);
		right = bits_ue(&b);
		top = bits_ue(&b);
		bottom = bits_ue(&b);
	}
	/* table 6-1: 4:2:0 halves both, 4:2:2 the width */
	err = set_size(s, &b, width, height * fields,
		(left + right) * (chroma == 1 || chroma == 2 ? 2 : 1),
		(top + bottom) * (chroma == 1 ? 2 : 1) * fields);
	if (!err && bits_flag(&b)) {
		skip_vui_head(&b);
		if (bits_flag(&b))
			set_rate(s, &b, 2);
	}
	return err;
}

/* ---- H.265 ---- */

static void h265_skip_layers(struct bits *b, unsigned sub_layers)
{
	uint32_t flags = 0;

	for (unsigned i = 0; i < sub_layers; i++)
		flags = flags << 2 | bits_u(b, 2);
	if (sub_layers)
		bits_skip(b, 2 * (8 - sub_layers));
	for (unsigned i = sub_layers; i-- > 0;) {
		bits_skip(b, (flags >> (2 * i) & 2) ? 88 : 0); /* profile */
		bits_skip(b, (flags >> (2 * i) & 1) ? 8 : 0);  /* level */
	}
}

static void h265_skip_scaling_lists(struct bits *b)
{
	for (unsigned size = 0; size < 4; size++) {
		for (unsigned matrix = 0; matrix < 6 && !b->over; matrix += size == 3 ? 3 : 1) {
			if (!bits_flag(b)) {
				(void)bits_ue(b);
				continue;
			}
			if (size > 1)
				(void)bits_se(b);
			for (unsigned i = 0; i < (size == 0 ? 16U : 64U); i++)
				(void)bits_se(b);
		}
	}
}

/* 7.3.7; *pictures is NumDeltaPocs of this set, which the next one may be made from. */
static void h265_skip_reference_set(struct bits *b, bool is_first, uint32_t *pictures)
{
	if (!is_first && bits_flag(b)) {
		uint32_t kept = 0;

		bits_skip(b, 1);
		(void)bits_ue(b);
		for (uint32_t i = 0; i <= *pictures && !b->over; i++) {
			bool is_used = bits_flag(b);
			kept += is_used || bits_flag(b);
		}
		*pictures = kept;
		return;
	}
	uint64_t n = (uint64_t)bits_ue(b) + bits_ue(b);
	if (n > 64)
		b->over = true;
	for (uint64_t i = 0; i < n && !b->over; i++) {
		(void)bits_ue(b);
		bits_skip(b, 1);
	}
	*pictures = (uint32_t)n;
}

/* From log2_max_pic_order_cnt_lsb to the VUI. False: there is none. */
static bool h265_find_vui(struct bits *b, struct sps *s, unsigned sub_layers)
{
	uint32_t order_bits, n, pictures = 0;

	order_bits = bits_ue(b) + 4;
	s->order_bits = (uint8_t)(order_bits <= 16 ? order_bits : 16);
	for (unsigned i = bits_flag(b) ? 0 : sub_layers; i <= sub_layers; i++) {
		(void)bits_ue(b);
		(void)bits_ue(b);
		(void)bits_ue(b);
	}
	for (unsigned i = 0; i < 6; i++) /* sizes and depths of blocks */
		(void)bits_ue(b);
	if (bits_flag(b) && bits_flag(b))
		h265_skip_scaling_lists(b);
	bits_skip(b, 2);
	if (bits_flag(b)) { /* pcm */
		bits_skip(b, 8);
		(void)bits_ue(b);
		(void)bits_ue(b);
		bits_skip(b, 1);
	}
	n = bits_ue(b);
	for (uint32_t i = 0; i < n && n <= 64 && !b->over; i++)
		h265_skip_reference_set(b, i == 0, &pictures);
	if (n > 64 || order_bits > 16)
		b->over = true;
	if (bits_flag(b)) { /* long-term reference pictures */
		n = bits_ue(b);
		bits_skip(b, n > 32 ? UINT32_MAX : (uint64_t)n * (order_bits + 1));
	}
	bits_skip(b, 2);
	return bits_flag(b);
}

static void h265_vui(struct bits *b, struct sps *s)
{
	skip_vui_head(b);
	bits_skip(b, 3);
	if (bits_flag(b)) { /* default display window */
		for (unsigned i = 0; i < 4; i++)
			(void)bits_ue(b);
	}
	if (bits_flag(b))
		set_rate(s, b, 1);
}

int sps_read_h265(struct bytes nal, struct sps *s)
{
	uint8_t raw[SPS_BYTES_MAX];
	struct bits b;
	uint64_t width, height, cut[4] = { 0 };
	int err;

	*s = (struct sps){ 0 };
	if (nal.n < 2 || (nal.p[0] >> 1 & 63) != 33)
		return ERR_SYNTAX;
	bits_init(&b, (struct bytes){ raw, nal_unescape(nal, raw, sizeof raw) });
	bits_skip(&b, 16 + 4);
	unsigned sub_layers = bits_u(&b, 3); /* less one */
	bits_skip(&b, 1);
	for (unsigned i = 0; i < PROFILE_BYTES; i++)
		s->profile_bytes[i] = (uint8_t)bits_u(&b, 8);
	s->temporal_max = (uint8_t)sub_layers;
	h265_skip_layers(&b, sub_layers);
	s->id = bits_ue(&b);
	uint32_t chroma = bits_ue(&b);
	s->has_planes = chroma == 3 && bits_flag(&b);
	if (s->has_planes)
		chroma = 0;
	width = bits_ue(&b);
	height = bits_ue(&b);
	if (bits_flag(&b)) {
		for (unsigned i = 0; i < 4; i++)
			cut[i] = bits_ue(&b);
	}
	(void)bits_ue(&b); /* bit depths */
	(void)bits_ue(&b);
	err = set_size(s, &b, width, height,
		(cut[0] + cut[1]) * (chroma == 1 || chroma == 2 ? 2 : 1),
		(cut[2] + cut[3]) * (chroma == 1 ? 2 : 1));
	if (!err && h265_find_vui(&b, s, sub_layers))
		h265_vui(&b, s);
	return err;
}
