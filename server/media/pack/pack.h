/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_PACK_H
#define SERVER_MEDIA_PACK_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/media/pack/block_build.h"
#include "server/media/pack/codec.h"
#include "server/wire/sdp.h"

/*
 * Packetisers: RTP payloads (one file per payload format) of access units, and the SDP lines that go
 * with them. A packer is made once per stream from its codec, is immutable afterwards, and may be used by
 * any thread; what it needs between packets it keeps on its stack, since it always gets a whole run.
 */
enum {
	/* RTP payload octets: 1500 of Ethernet less IPv6, UDP, RTP and a little for tunnels */
	PACK_PAYLOAD_MAX = 1400,
	PACK_PT_FIRST = 96, /* dynamic payload types are 96 + the stream's index in its title */
	PACK_PT_NONE = 0xff
};

/* A coded picture or audio frame (PCM: any number of whole sample frames), as stored. */
struct access_unit {
	struct bytes data; /* borrowed for the call */
	tick_t due;        /* ns from NPT 0: when it should leave (its decode time) */
	int64_t rtp;       /* ticks of the packer's clock from NPT 0: its presentation */
	uint32_t rtp_n;    /* ticks that it lasts; 0: unknown */
	bool sync;
};

struct packer;
struct packer_ops {
	enum codec_id codec;
	const char *rfc; /* "RFC 6184" */
	/*
	 * Judges c (config included; borrowed: copy what is needed) and fills p. ERR_UNSUPPORTED: cannot
	 * be sent so, ERR_CORRUPT: config is nonsense; *why is then a literal that says it.
	 */
	int (*init)(struct packer *p, const struct codec *c, const char **why);
	/*
	 * Appends the packets of a run of consecutive units (n ≥ 1, in decode order) to b. Units are never
	 * aggregated over the ends of a run. A unit that is broken is sent as far as it can be, or left
	 * out whole: a bad frame must not end a film. An error is b->err (ERR_LIMIT), nothing else.
	 */
	void (*pack)(const struct packer *p, const struct access_unit *u, size_t n,
		struct block_build *b);
	/* a=rtpmap, a=fmtp, a=framesize … of p->payload_type, after m= and a=control were written. */
	void (*describe)(const struct packer *p, struct sdp_writer *w);
	void (*clear)(struct packer *p); /* frees state; may be NULL */
};

struct packer {
	const struct packer_ops *ops;
	const char *encoding; /* as in a=rtpmap: "H264" */
	/* RFC 3551's static one when the stream fits it (PCMU, 8000 Hz, mono: 0), else PACK_PT_NONE,
	 * which the stream then replaces by a dynamic one */
	uint8_t payload_type;
	uint32_t clock_hz;    /* RTP clock */
	bool is_video;        /* m=video (MPEG-TS too), else m=audio */
	uint32_t payload_max; /* longest payload it makes */
	/* PCM and other units of fixed tiny size: how many samples of the container make one access unit
	 * (20 ms); 1: samples are units */
	uint32_t unit_samples;
	void *state; /* of the packetiser; freed by clear */
};

/*
 * Makes the packer for c. ERR_UNSUPPORTED: there is none, or it refuses; ERR_CORRUPT. *why is a literal.
 * Clear it in any case.
 */
MUST_USE int packer_init(struct packer *p, const struct codec *c, const char **why);
void packer_clear(struct packer *p);
/* Whether there is a packetiser for the codec at all. */
bool packer_has(enum codec_id id);

/* The row that u's packets begin with: times, payload type, sync, importance HIGH for sync units (and
 * all audio) and NORMAL for others; no marker. Set IMPORTANCE_LOW when nothing refers to the unit. */
struct row packer_row(const struct packer *p, const struct access_unit *u);

#endif
