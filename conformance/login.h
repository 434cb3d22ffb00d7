/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_LOGIN_H
#define CONFORMANCE_LOGIN_H

#include "conformance/link.h"

/*
 * Credentials for whatever is asked of a target that lets nobody in without: cases that are about something
 * else are carried out as if it were open. Before the first request of a connection a DESCRIBE without
 * credentials hears the challenge, so that nobody's answer is one of 401 and pipelined requests stay such; a
 * nonce that has become old is asked for anew when nothing is under way.
 */
struct login {
	const char *user, *password; /* borrowed */
	const char *url;             /* what is asked for the challenge */
	bool may_basic;              /* also where others could listen (the loopback) */
};

/*
 * Appends b, what is about to be sent over the connection, to *out, each request in it with an
 * Authorization behind its first line. Left as they are: requests that have one, frames, answers, bytes that
 * are no request, and everything when the links have no login or the target did not ask for one. What
 * can't be appended is left out: *out has room for twice as much.
 */
void login_dress(struct links *l, int conn, struct bytes b, struct buf *out);
/* Has the target asked for credentials over this connection, and have we what it takes? */
bool login_is_asked(const struct links *l, int conn);

#endif
