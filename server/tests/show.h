/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_SHOW_H
#define SERVER_TESTS_SHOW_H

#include "server/tests/reel.h"
#include "server/tests/sim.h"

/* A client that watches a reel in virtual time, over TCP, without a fast start: what PLAY and PAUSE promise
 * is held against what comes. */
#define FRAME (TICK_S / REEL_FPS)

struct show {
	struct sim sim;
	struct sim_client c;
	struct reel_viewer v;
	const char *path;
	char range[128];
	double scale, speed; /* of the last reply; 0: it had none */
};

/* 0: groups of REEL_GROUP frames, 1: of 5. Both tracks are set up. */
struct show *show_open(size_t reel);
/* Checks that nothing was ever lost, out of place, or numbered wrongly. */
void show_close(struct show *x);
/* PLAY with these headers (lines, or ""): the status. What the reply says goes to the viewer. */
int show_play(struct show *x, const char *headers);
/* Time passes, and the client reads. */
void show_run(struct show *x, tick_t span);
/* PAUSE: the NPT that the reply says. */
double show_pause(struct show *x, const char *headers);
/* GET_PARAMETER position */
double show_position(struct show *x);
/* Frames of this range that were not shown once, and frames outside that were. */
uint32_t show_odd_frames(const struct show *x, uint32_t from, uint32_t to);
/* Scale or Speed of the last reply; 0: none. */
double show_rate(struct show *x, enum rtsp_header_id id);
bool is_near(double a, double b, double by);

#endif
