/* SPDX-License-Identifier: MIT */
#ifndef SERVER_DESCRIBE_H
#define SERVER_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

#include "server/base/attr.h"

/*
 * beagle-server --describe: what would be streamed of a file, and how, without serving it. Tracks with their
 * packets as they would be sent, what was left out and why, the session description.
 */
struct describe_options {
	const char *path;
	bool as_json;
	/* Packets are not counted: only the tables are read. Else every block is made once, which reads the
	 * whole file, one block in memory at a time. */
	bool is_quick;
};

/* Packets of a track are counted up to so many blocks of about a second: twelve days. */
enum { DESCRIBE_BLOCKS_MAX = 1 << 20 };

/*
 * Writes the description to `out`. 0; 1 when the file cannot be streamed: one line on `errors` says which
 * codec, and why.
 */
MUST_USE int describe(const struct describe_options *o, FILE *out, FILE *errors);

#endif
