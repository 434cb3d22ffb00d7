/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TAKEOVER_KIN_H
#define SERVER_TAKEOVER_KIN_H

#include "server/takeover.h"
#include "server/takeover_wire.h"

/*
 * The other processes that are alive, and what is said to them while both serve: requests for each other's
 * sessions, and tunnels whose halves came apart. Each knows all older ones and its heir; who seeks an unknown
 * one asks the heir.
 */

/* k->fd is t's from now on. */
void takeover_kin_add(struct takeover *t, const struct kin *k);
/* Its process has ended: fd is closed. */
void takeover_kin_remove(struct takeover *t, int fd);
/* Is there one of that generation? */
bool takeover_kin_has(const struct takeover *t, uint8_t generation);
/* The candidate is one of them now: the heir. */
void takeover_kin_inherit(struct takeover *t);
/* The ways there, for workers. */
struct relay_route takeover_kin_route(struct takeover *t);
/* What another process said: a request or a tunnel's word is taken, or sent on to whom it is for; of anything else
 * the descriptor is closed. */
void takeover_on_word(struct takeover *t, const struct take_msg *m, int fd);

#endif
