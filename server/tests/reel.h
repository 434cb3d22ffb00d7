/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_REEL_H
#define SERVER_TESTS_REEL_H

#include "server/base/buf.h"
#include "server/base/tick.h"
#include "server/wire/rtp.h"

/*
 * A film in a file, for tests of playing: MP4, REEL_S seconds of H.264 at 25 frames/s (track 1; a sync
 * sample at the start of each group, then P and B in turn, each P before the B that is shown before it)
 * and of PCMU (track 2). Every frame and every packet of sound tells its place. And a viewer, who
 * knows when all that must be shown.
 */
enum {
	REEL_S = 20,
	REEL_FPS = 25,
	REEL_FRAMES = REEL_S * REEL_FPS,
	REEL_VIDEO_HZ = 90000,
	REEL_AUDIO_HZ = 8000,
	REEL_GROUP = 25,      /* frames of a group, normally */
	REEL_CREATED = 86400, /* when, s since 1970 */
};

/* Appends the file; `group`: frames of one, odd. */
void reel_write(struct buf *out, uint32_t group);
/* The place in order of showing of the frame with this place in decoding order. */
uint32_t reel_shown(uint32_t frame, uint32_t group);

struct reel_track {
	uint16_t first_seq, seq; /* of this play, and the last one */
	uint32_t ts, ts_low, ts_high;
	uint32_t n;          /* packets of this play */
	uint32_t frames;     /* frames or pieces of sound that began in it */
	tick_t npt;          /* of the last one */
	tick_t low, high;    /* NPT of all */
	tick_t at, first_at; /* when it came */
	uint32_t sync;       /* frames that are sync samples */
	/* what PLAY has said */
	bool has_seq, has_time;
	uint16_t info_seq;
	uint32_t info_time;
	/* from one play to the next */
	bool any;
	uint32_t ever_high; /* highest timestamp before this play */
};

struct reel_viewer {
	const tick_t *clock;
	uint32_t group;
	double scale;
	tick_t start; /* of the Range in the reply */
	bool jumps;
	tick_t leap;                /* the medium began again: places count from here, in NPT */
	struct reel_track track[2]; /* video, sound */
	uint8_t shown[REEL_FRAMES]; /* how often */
	uint32_t byes;
	/* what must not be */
	uint32_t gaps;  /* in sequence numbers */
	uint32_t wrong; /* not where RTP-Info says */
	uint32_t early; /* timestamps not above all those of the play before */
	uint32_t wrong_seq;
};
/* An interleaved frame: channels 0 and 1 are the video's, 2 and 3 the sound's. For sim_client's on_frame. */
void reel_view(void *arg, uint8_t channel, struct bytes payload);
/* A PLAY was answered: what RTP-Info, Range and Scale say. `jumps`: it does not go on where the last play
 * has stopped, where frames that are shown before others come after them. ERR_SYNTAX: no RTP-Info. */
int reel_play(struct reel_viewer *v, struct bytes rtp_info, tick_t start, double scale, bool jumps);

#endif
