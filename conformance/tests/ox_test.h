/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TESTS_OX_TEST_H
#define CONFORMANCE_TESTS_OX_TEST_H

#include "conformance/oracle/ox_finding.h"
#include "conformance/oracle/ox_session.h"
#include "server/tests/unit.h"

/*
 * Rules of the oracle by pairs of inputs: the good one must not break the rule (nor, unless `only`,
 * any other that fails), the bad one must.
 *
 *   #define PAIRS(X) X(cseq_missing, OX_RTSP_12_17_01, "RTSP-12.17-01: ...", good, bad)
 *   OX_PAIRS(PAIRS, check)    defines t_cseq_missing(), which calls check(rule, good, bad)
 *   OX_ENTRIES(PAIRS)         the entries of UNIT_SUITE
 */
#define OX_PAIR_FN(name, rule, text, ...)    \
	static void t_##name(void)           \
	{                                    \
		OX_CHECK(rule, __VA_ARGS__); \
	}
#define OX_PAIR_ENTRY(name, rule, text, ...) { text, t_##name },

/* Was the rule broken? Prints the findings when that is not as wanted. */
void ox_want(const struct ox_findings *fs, enum ox_rule rule, bool broken);
/* No finding of weight fail. */
void ox_want_clean(const struct ox_findings *fs);
/* "80 60 0001" → bytes in buf; blanks are skipped. */
struct bytes ox_hex(const char *hex, uint8_t *buf, size_t cap);
/* Bytes of a literal that may hold NULs: from "..." with sizeof. */
#define LIT(s) bytes_of(s, sizeof(s) - 1)

#endif
