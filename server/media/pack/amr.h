/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AMR_H
#define SERVER_MEDIA_PACK_AMR_H

#include "server/media/pack/pack.h"

/*
 * AMR and AMR-WB in RFC 4867, octet-aligned, without interleaving, CRC or robust sorting, one channel
 * (what 3GPP files hold, whatever number of channels they claim). A unit holds any number of storage
 * frames (4867 5.3): a header octet and the speech bits.
 */
extern const struct packer_ops amr_packer, amr_wb_packer;

struct amr_kind {
	uint32_t clock_hz;
	uint32_t ticks;     /* of a frame: 20 ms */
	int8_t octets[16];  /* of speech bits by frame type; -1: no such type */
	uint8_t speech_max; /* frame types up to this are speech, the others silence or nothing */
};
/* AMR, and AMR-WB; readers of storage files go by it too. */
extern const struct amr_kind amr_narrow, amr_wide;

/* Octets of the storage frame that begins with `head`, header included; 0: no such type. */
size_t amr_frame_bytes(const struct amr_kind *k, uint8_t head);

#endif
