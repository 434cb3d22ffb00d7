/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_UNIT_H
#define SERVER_TESTS_UNIT_H

#include <CUnit/CUnit.h>
#include <stdbool.h>
#include <stddef.h>

#include "server/base/attr.h"

/*
 * CUnit with a writer of our own for JUnit (CUnit 2.1-3's is broken). A test file ends with
 *
 *   UNIT_SUITE(wire_sdp, { "a time line must precede the first media line (4566 5)", t_time_first },
 *                        ...);
 *
 * and needs no entry in any list: suites register themselves through a linker section. A test's name
 * is the rule it holds. A test that cannot run here calls unit_skip(reason) and returns.
 */
struct unit_test {
	const char *rule;
	void (*fn)(void);
};
struct unit_suite {
	const char *name;
	const struct unit_test *tests;
	size_t n;
};

#define UNIT_SUITE(id, ...)                                                                 \
	static const struct unit_test id##_tests[] = { __VA_ARGS__ };                       \
	static const struct unit_suite id##_suite = { #id, id##_tests, COUNT(id##_tests) }; \
	static const struct unit_suite *const id##_entry                                    \
		__attribute__((section("unit_suites"), used)) = &id##_suite

/* Marks the running test as skipped, with the reason that is printed. */
void unit_skip(const char *why);

/* Test data that the repository does not hold: "$BEAGLE_DATA/rel" (default ../shared) when it
 * exists, else NULL after unit_skip. The caller frees. */
char *unit_data(const char *rel);

#endif
