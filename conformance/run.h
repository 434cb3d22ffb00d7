/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_RUN_H
#define CONFORMANCE_RUN_H

#include "conformance/evidence.h"

/* A run of cases against one target. */
enum { RUN_GLOBS = 256 };
struct run_opts {
	struct target_opts target;
	const char *only[RUN_GLOBS], *exclude[RUN_GLOBS]; /* over ids; NULL ends */
	const char *clauses[RUN_GLOBS];                   /* globs over clause ids; NULL ends */
	const char *tags[RUN_GLOBS];                      /* globs over tags; NULL ends */
	enum level strictness;
	enum profile profile;
	unsigned jobs; /* cases at a time */
	bool slow, destructive, quiet, may_load_host;
	uint64_t seed;
	const char *junit, *json; /* files, or NULL */
	const char *evidence;     /* folder, or NULL */
	enum evidence_keep keep;
	const volatile sig_atomic_t *stop;
	int argc; /* of main(), for the result */
	char *const *argv;
};

/* Runs and reports. The program's exit code: 0 no failure, 1 a case failed, 2 nothing selected or a
 * bad case file, 3 inconclusive, 4 target unreachable or died, 130 interrupted. */
MUST_USE int run(const struct catalogue *cat, const struct run_opts *o);

/* Does one of the globs match, or is there none? */
bool run_globs_match(const char *const *globs, const char *s, bool if_none);

#endif
