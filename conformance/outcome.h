/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_OUTCOME_H
#define CONFORMANCE_OUTCOME_H

#include "server/base/buf.h"

/*
 * What may come back after a stimulus: a status code, a class of them ("4xx"), the end of the
 * connection without an answer ("close"), nothing at all ("silent"), or "any".
 */
enum outcome_kind { OUTCOME_STATUS, OUTCOME_CLASS, OUTCOME_CLOSE, OUTCOME_SILENT, OUTCOME_ANY };
struct outcome {
	enum outcome_kind kind;
	unsigned status; /* 200; for a class its first digit */
};

enum { OUTCOMES_MAX = 12 };
struct outcomes {
	struct outcome v[OUTCOMES_MAX];
	size_t n;
};

/* Reads one word. False: it is none. */
MUST_USE bool outcome_read(const char *word, struct outcome *o);
/* Is what happened (a status, close or silence) in the set? */
bool outcomes_has(const struct outcomes *set, struct outcome seen);
/* Does the set hold this kind by name ("any" counts as every kind)? */
bool outcomes_has_kind(const struct outcomes *set, enum outcome_kind kind);
/* "200 | 454 | close", for people. */
void outcomes_print(const struct outcomes *set, struct buf *out);
void outcome_print(struct outcome o, struct buf *out);

#endif
