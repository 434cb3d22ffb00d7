/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_NAL_PACK_H
#define SERVER_MEDIA_PACK_NAL_PACK_H

#include "server/media/pack/block_build.h"

/*
 * What the payload formats of H.264 (RFC 6184) and H.265 (RFC 7798) have in common: a NAL unit that
 * fits is a packet; small ones that follow each other share one; a long one is cut into fragments of
 * equal length but for the last. The headers differ, and are the format's:
 */
struct nal_form {
	uint8_t header_n; /* octets of a NAL unit's header; NAL units must have them */
	/* Header of an aggregation packet whose only NAL unit is (one with) `nal`; header_n octets. */
	void (*aggregate)(uint8_t *to, const uint8_t *nal);
	/* Another NAL unit is added to it. */
	void (*merge)(uint8_t *to, const uint8_t *nal);
	/* What stands before a fragment, header_n + 1 octets: payload header and FU header. */
	void (*fragment)(uint8_t *to, const uint8_t *nal, bool first, bool last);
};

/* The packets of one access unit, under construction; on the packetiser's stack. */
struct nal_pack {
	const struct nal_form *form;
	struct block_build *b;
	struct row row;     /* of every packet; no marker */
	size_t payload_max; /* ≥ 16 */
	struct bytes held;  /* waits for company; n = 0: none */
	bool open;          /* the last packet is an aggregate that may still grow */
	bool some;          /* there is a packet */
};

/* Appends a NAL unit (≥ header_n octets; borrowed until nal_pack_end). */
void nal_pack_add(struct nal_pack *k, struct bytes nal);
/* The access unit is complete: its last packet gets the marker (6184 5.1, 7798 4.1). */
void nal_pack_end(struct nal_pack *k);

#endif
