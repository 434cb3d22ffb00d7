/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_JUNIT_H
#define CONFORMANCE_JUNIT_H

#include <stdio.h>

#include "conformance/verdict.h"
#include "server/base/os.h"

/* A JUnit file for CI systems: one suite per folder of cases, name = id, class = plane. */
struct junit;
/* NULL with errno set. */
struct junit *junit_open(const char *path);
/* evidence: folder of transcript and pcap, or NULL. */
void junit_case(struct junit *j, const struct case_def *c, const struct verdict *v, double seconds,
	const char *evidence);
/* Writes and frees. 0 or -errno. */
MUST_USE int junit_commit(struct junit *j);

#endif
