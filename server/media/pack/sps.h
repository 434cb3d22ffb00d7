/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_SPS_H
#define SERVER_MEDIA_PACK_SPS_H

#include "server/base/err.h"
#include "server/media/pack/nal.h"

/* What a sequence parameter set says about the pictures: as much as readers of bare streams and the
 * SDP need. */
struct sps {
	uint32_t width, height;      /* of the picture, cropping applied */
	uint32_t rate_num, rate_den; /* frames per second as VUI timing has it; 0, 0: not said */
	uint8_t profile_bytes[12]; /* H.265: general_profile_space … general_level_idc (7.3.3) */
	uint8_t temporal_max;      /* H.265: highest TemporalId */
	/* what the beginning of a slice header is made of */
	uint32_t id;
	uint8_t frame_num_bits; /* H.264 */
	uint8_t order_type;     /* H.264: pic_order_cnt_type */
	uint8_t order_bits;     /* of pic_order_cnt_lsb, with type 0 and in H.265 */
	bool has_planes;        /* separate_colour_plane_flag */
	bool has_fields;        /* H.264: !frame_mbs_only_flag */
};

/*
 * Reads a NAL unit (header included) of type 7 (H.264 7.3.2.1.1) or 33 (H.265 7.3.2.2). ERR_SYNTAX: it
 * is of another type; ERR_TRUNCATED: it ends before the picture's size; ERR_RANGE: sizes that no level
 * has (> 16384). What follows after the size may be broken: it is then as if it weren't there.
 */
MUST_USE int sps_read_h264(struct bytes nal, struct sps *s);
MUST_USE int sps_read_h265(struct bytes nal, struct sps *s);

#endif
