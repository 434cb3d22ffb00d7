/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_H26X_H
#define SERVER_MEDIA_PACK_H26X_H

#include "server/media/pack/fmtp.h"
#include "server/media/pack/nal.h"
#include "server/media/pack/nal_pack.h"

/* What the packers of H.264 and H.265 keep, and do alike. Immutable after init. */
struct h26x {
	struct video_lines lines;
	struct bytes config;  /* a copy of its own */
	struct nal_sets sets; /* in config; of H.265 SEI messages too */
	uint8_t length_bytes;
	uint8_t temporal_max; /* H.265: highest TemporalId */
};

/* Allocates p->state of c; sets p's clock. Freed by h26x_clear. */
struct h26x *h26x_new(struct packer *p, const struct codec *c);
void h26x_clear(struct packer *p);
void h26x_describe(const struct packer *p, struct sdp_writer *w);

/* The NAL units of an access unit: as the codec says, or by start codes where they stand in spite of
 * it (some writers put Annex B into avc1). */
void h26x_iter(const struct h26x *h, struct bytes unit, struct nal_iter *it);

/*
 * Appends name= and, comma-separated in base64, the parameter sets of whose first octet the bits of
 * mask are `value`; mask 0 takes all. Nothing when there are none, or when they are too long for FMTP_MAX.
 */
void h26x_put_sets(struct h26x *h, const char *name, uint8_t mask, uint8_t value);

/* Puts all the parameter sets before an access unit, unless they are longer than sane ones (4096). */
void h26x_add_sets(const struct h26x *h, struct nal_pack *k);

#endif
