/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_TESTS_FIXTURE_H
#define REPORTS_TESTS_FIXTURE_H

#include "reports/result.h"

/* Results made by code, the same ones every time: plausible ones, and hostile ones. The caller
 * frees them. */

/* A load of `sessions` sessions for 10 s; lossy: with loss, a failed gate and errors. */
struct result *fixture_load(const char *transport, unsigned sessions, bool lossy);
struct result *fixture_conformance(void);
struct result *fixture_replay(void);
/* Nothing but what result_new fills in. */
struct result *fixture_empty(enum result_kind kind);
/* Every text that can come from a peer is an attack on the page. */
struct result *fixture_hostile(enum result_kind kind);
/* A generator that was itself the limit. */
struct result *fixture_invalid(void);

#endif
