/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_BUNDLE_H
#define SERVER_MEDIA_PACK_BUNDLE_H

#include <stddef.h>
#include <stdint.h>

#include "server/media/pack/pack.h"

/*
 * Several audio frames in one packet, the part that AAC, MPEG audio, AMR and AC-3 have in common.
 *
 * How many: a packet costs the same whatever it holds, so one frame each would triple the cost of a
 * typical AAC track; but a lost packet is heard as long as it lasts, and a viewer who seeks can only
 * begin at a packet. BUNDLE_MS is the compromise. It adds no delay: a packet leaves when its first
 * frame is due, the others are early. Frames share a packet only when each begins where the one
 * before it ends (within an eighth of a frame: containers round their times), since a receiver
 * reckons the times of the later ones from the first.
 */
enum { BUNDLE_MS = 100, BUNDLE_FRAMES_MAX = 32 };

struct audio_frame {
	struct bytes data; /* borrowed */
	tick_t due;
	int64_t rtp;
	uint32_t ticks; /* that it lasts */
};

struct bundle;
struct bundle_rules {
	uint16_t fixed_n;    /* octets of a payload that no frame pays for */
	uint16_t each_n;     /* octets that each frame costs besides its own */
	uint8_t frames_max;  /* of a packet; 0: as many as fit */
	bool is_first_alone; /* the first frame of a run has a packet of its own */
	/* Makes the packet of k->frame[0 … k->n), whole frames, which fit. */
	void (*whole)(struct bundle *k);
	/* Makes the packets of a frame that is too long for one; NULL: it is left out. */
	void (*parts)(struct bundle *k, const struct audio_frame *f);
};

struct bundle {
	const struct packer *p;
	const struct bundle_rules *rules;
	struct block_build *b;
	bool is_begun; /* a frame of the run was there */
	size_t n, payload_n;
	uint64_t ticks;
	struct audio_frame frame[BUNDLE_FRAMES_MAX];
};

void bundle_init(struct bundle *k, const struct packer *p, const struct bundle_rules *r,
	struct block_build *b);
/* Frames in order; empty ones are left out. */
void bundle_add(struct bundle *k, const struct audio_frame *f);
/* Makes the packet of what is waiting, if anything. */
void bundle_flush(struct bundle *k);

/* Frame i of unit u, when it holds several that each last `ticks`; data is left to the caller. */
struct audio_frame bundle_frame(
	const struct packer *p, const struct access_unit *u, size_t i, uint32_t ticks);
/* The row of a packet that begins with f. */
struct row bundle_row(const struct packer *p, const struct audio_frame *f);

#endif
