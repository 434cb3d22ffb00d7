/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_FILM_H
#define SERVER_TESTS_FILM_H

#include "server/core/module.h"

/*
 * A stored medium without a file, for tests of pacing: /film, FILM_S seconds of video at 25 frames/s
 * (a group of a second: I, then P and B in turn, each P before the B that is shown before it) and
 * audio at 50 packets/s, about 0.9 Mbit/s together. And a receiver that knows what a decoder could do with
 * what came.
 */
enum {
	FILM_S = 120,
	FILM_VIDEO_HZ = 90000,
	FILM_AUDIO_HZ = 48000,
	FILM_FPS = 25, /* frames per second and per group */
	FILM_AUDIO_PPS = 50,
	FILM_I = 12, /* packets of a frame */
	FILM_P = 4,
	FILM_B = 2,
	FILM_VIDEO_BODY = 1200,
	FILM_AUDIO_BODY = 200,
};
extern const struct module film_module;

/* Packets of both tracks, and of the video, that are due at or before NPT t. */
uint32_t film_packets(tick_t t);
uint32_t film_video_packets(tick_t t);

struct film_viewer {
	/* RTP */
	bool any[2];
	uint16_t seq[2];
	uint32_t timestamp[2], first_timestamp[2];
	uint32_t lost;       /* gaps in the numbers */
	uint32_t n[2];       /* packets */
	uint32_t next[2];    /* place in the medium (packet of the track) after the last one */
	uint32_t repeated;   /* packets whose place is not behind the last one's */
	uint32_t skipped[2]; /* places left out */
	uint64_t octets[2];
	/* frames */
	uint32_t frame, frame_got, frame_want;
	uint32_t whole, torn; /* frames */
	uint32_t undecodable; /* whole ones that refer to what did not come */
	uint32_t of_kind[3];  /* whole: I, P, B */
	uint32_t last_ref;    /* the frame that the next P refers to came: its number */
	bool has_ref;
	/* the last sender report of each */
	uint32_t sr_packets[2], sr_octets[2], sr_timestamp[2];
	uint32_t n_sr[2];
	uint32_t byes;
};
/* Feeds one interleaved frame: channels 0 and 1 are the video, 2 and 3 the audio. For sim_client's
 * on_frame; arg is the viewer. */
void film_view(void *arg, uint8_t channel, struct bytes payload);

#endif
