/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_REPLAY_H
#define CONFORMANCE_REPLAY_H

#include <signal.h>
#include <stdbool.h>

#include "server/base/attr.h"

/*
 * Re-drives the client side of a captured session, message by message, against a live server. URLs,
 * CSeq, Session, client ports and channels are rewritten; credentials are dropped; a request leaves
 * when the answer to the one before has come and its captured time has passed (gaps capped, sped up).
 * Answers and media are compared with the capture, and differences listed.
 *
 * A difference breaks when the status is of another class, no answer comes, or media that flowed in
 * the capture does not; others (a header more or less, another SDP, other counts) are notes.
 */
struct replay_opts {
	const char *file, *url;
	const char *json; /* result file, or NULL */
	double max_gap_s; /* longest wait between two requests */
	double speed;     /* 2: twice as fast */
	bool quiet;
	const volatile sig_atomic_t *stop;
	int argc; /* of main(), for the result */
	char *const *argv;
};
/* Exit code: 0 nothing breaks, 1 something does, 2 no such capture or URL, 3 nothing in it that can
 * be replayed (with the reason), 4 target unreachable, 130 interrupted. */
MUST_USE int replay(const struct replay_opts *o);

#endif
