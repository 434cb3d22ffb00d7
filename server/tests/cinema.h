/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_CINEMA_H
#define SERVER_TESTS_CINEMA_H

#include "server/tests/film.h"
#include "server/tests/sim.h"

/* A client that watches the film (film.h) over TCP, in virtual time, with the fast start of the defaults. */

struct cinema {
	struct sim s;
	struct sim_client c;
	struct film_viewer v;
};

void cinema_open(struct cinema *x);
/* SETUP of both tracks. */
void cinema_setup(struct cinema *x);
void cinema_close(struct cinema *x);
/* Packets that came, of both tracks. */
uint32_t cinema_came(const struct cinema *x);
/* The one that there is. */
struct rtp_session *cinema_session(struct cinema *x);
/* No number is missing, nothing came twice, no frame is torn, none came in vain. */
void cinema_check(const struct cinema *x);
/* npt of the Range in the last reply */
double cinema_range(struct cinema *x);

#endif
