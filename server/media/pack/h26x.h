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

/* How the packers of the two differ once they are made. */
struct h26x_head {
	bool has_sets;      /* parameter sets of its own */
	bool is_disposable; /* nothing refers to it */
};
struct h26x_rules {
	struct nal_form form;
	/* Takes a NAL unit (≥ 1 octet) of an access unit's head into *head. False: it was the first slice,
	 * which speaks for the others. */
	bool (*judge)(const struct h26x *h, struct bytes nal, struct h26x_head *head);
	/* Whether it is sent. */
	bool (*is_sent)(struct bytes nal);
};
/* Appends the packets of one access unit; a sync unit without sets of its own gets the codec's. */
void h26x_pack_unit(const struct packer *p, const struct h26x_rules *r, const struct access_unit *u,
	struct block_build *b);

/* Puts all the parameter sets before an access unit, unless they are longer than sane ones (4096). */
void h26x_add_sets(const struct h26x *h, struct nal_pack *k);

#endif
