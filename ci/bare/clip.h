/* SPDX-License-Identifier: MIT */
#ifndef CI_BARE_CLIP_H
#define CI_BARE_CLIP_H

#include "server/base/attr.h"
#include "server/base/buf.h"
#include "server/media/source.h"

/*
 * All packets of a title, as the server's own source yields them (order, sizes, due times, trains), with
 * their payloads in one piece of memory: so whoever sends these sends what the server would.
 */
struct clip_packet {
	tick_t due;        /* ns from NPT 0 */
	uint32_t rtp_time; /* ticks from NPT 0 */
	uint32_t at;       /* payload's offset in clip->payload */
	uint16_t n;        /* its length */
	uint16_t train;    /* struct packet: this and the next train-1 of the track */
	uint8_t track, payload_type;
	bool marker;
};

struct clip {
	struct clip_packet *packets; /* in the order in which they are due */
	uint32_t n, cap;
	uint8_t *payload;
	size_t payload_n, payload_cap;
	uint32_t n_tracks, clock_hz[SOURCE_TRACKS_MAX];
	tick_t period; /* after which it begins again; whole milliseconds */
};

/* 0, or what title_open_path and source_next answer; what was left out stands in *notes. */
MUST_USE int clip_read(struct clip *c, const char *path, struct buf *notes);
/* A synthetic stream: 100 packets of n bytes (RTP header included) a second, `train` at a time. */
void clip_make(struct clip *c, uint16_t n, uint16_t train);
void clip_clear(struct clip *c); /* frees */

#endif
