/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_PLAYED_H
#define SERVER_TESTS_PLAYED_H

#include "server/base/buf.h"
#include "server/media/title.h"
#include "server/tests/unit.h"

/* A made-up file as a title, and the packets that come out of it. Failures are CUnit's, fatal where the
 * test could not go on. */
struct played_packet {
	tick_t due;
	uint32_t rtp_time;
	bool sync, marker;
	size_t at, n; /* in the payload */
};

struct played {
	struct title *title;
	struct source *source;
	struct played_packet *packets;
	size_t n, cap;
	struct buf payload; /* of all packets, one behind the other */
	struct buf sdp;     /* NUL-terminated */
};

/* name: the file's. */
void played_open(struct played *f, struct bytes file, const char *name);
/* What opening it answers, and in *notes (NULL: nobody asks) the first of its notes, cut to 200 octets. */
int played_refuses(struct bytes file, const char *name, char notes[200]);
void played_close(struct played *f);
/* Plays one track from npt (< 0: from where a new source stands) to its end, in place of what was played
 * before. Answers the NPT at which it really begins. */
tick_t played_play(struct played *f, uint32_t track, tick_t npt);
const char *played_sdp(struct played *f);
struct bytes played_payload(const struct played *f, size_t i);

#endif
