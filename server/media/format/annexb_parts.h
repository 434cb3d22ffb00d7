/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_ANNEXB_PARTS_H
#define SERVER_MEDIA_FORMAT_ANNEXB_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/bytes.h"
#include "server/media/pack/sps.h"

/* How bare H.264 and H.265 streams are divided into access units, and in which order these are shown. */
enum {
	ANNEXB_HEAD_MAX = 2048, /* octets of a NAL unit that are looked at */
	ANNEXB_SPS_MAX = 32,
	ANNEXB_PPS_MAX = 256
};

/* What a NAL unit is to its surroundings. */
struct annexb_nal {
	bool is_set;         /* SPS, PPS, VPS */
	bool begins_unit;    /* no slice, and an access unit that has slices ends before it */
	bool is_slice;       /* of a primary picture … */
	bool begins_picture; /* … and its first */
	bool recovers;       /* H.264: says that decoding can begin here */
	/* of the picture */
	bool is_sync, resets; /* resets: orders of what follows don't compare with those before */
	bool is_field;
	int32_t order; /* in which it is shown */
};

struct annexb_pps {
	bool is_known;
	uint8_t sps;
	bool has_output_flag; /* H.265 */
	uint8_t extra_bits;   /* H.265: num_extra_slice_header_bits */
};

/* The beginning of a slice header, as far as it tells pictures apart (H.264 7.4.1.2.4). */
struct annexb_slice {
	uint32_t pps, frame_num, idr_id, lsb;
	bool is_idr, is_reference, is_field, is_bottom;
};

struct annexb {
	struct sps sps[ANNEXB_SPS_MAX];
	struct annexb_pps pps[ANNEXB_PPS_MAX];
	struct annexb_slice last;
	bool has_last;
	int32_t msb;     /* of the last reference picture's order */
	uint32_t lsb;    /* and the rest of it */
	int32_t counter; /* of pictures, where nothing else tells their order */
	bool is_guessed; /* pic_order_cnt_type 1 was met */
	bool has_sps;
	struct sps first; /* the first one */
};

/* Takes in the beginning of a NAL unit (header included, at most ANNEXB_HEAD_MAX octets). False: it's of
 * no consequence, or broken. */
typedef bool annexb_read_fn(struct annexb *a, struct bytes head, struct annexb_nal *out);
bool annexb_read_h264(struct annexb *a, struct bytes head, struct annexb_nal *out);
bool annexb_read_h265(struct annexb *a, struct bytes head, struct annexb_nal *out);

/* Keeps an SPS. False: its number is none. */
bool annexb_put_sps(struct annexb *a, const struct sps *s);

/* The order of a picture whose lsb has so many bits (H.264 8.2.1.1, H.265 8.3.1). */
int32_t annexb_order(const struct annexb *a, uint32_t lsb, unsigned bits, int32_t *msb);

#endif
