/* SPDX-License-Identifier: MIT */
#ifndef SERVER_STATUS_H
#define SERVER_STATUS_H

#include "server/core/server.h"

/*
 * A readable picture of what the server does now, for a person: workers, connections, sessions with the first
 * digits of their ids (who knows a whole one may end the session), paths without queries, where they are,
 * what they have sent, how late. No credentials.
 */
enum { STATUS_SESSIONS = 1000 }; /* of each worker; of the others their number is told */

/* To the file (as a whole or not at all), or to stderr when path is NULL. `state`: a word for the first line.
 * 0 or -errno. */
MUST_USE int status_write(struct server *s, const char *state, const char *path);

#endif
