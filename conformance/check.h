/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_CHECK_H
#define CONFORMANCE_CHECK_H

#include "conformance/require.h"

struct check_opts {
	const char *file;
	enum level strictness;
	bool notes; /* print notes too */
};
/* The oracle over a capture: every clause that either side broke, with the place in the file. Exit
 * code: 0 none broken, 1 some, 2 no capture, 3 no RTSP in it. */
MUST_USE int check(const struct check_opts *o);

#endif
