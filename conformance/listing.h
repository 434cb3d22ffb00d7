/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_LISTING_H
#define CONFORMANCE_LISTING_H

#include "conformance/case.h"

/* The catalogue for people and programs. All print on stdout. */
void listing_all(const struct catalogue *cat, bool json);
/* One case with its clauses, stimulus, expected sets and rationale. False: there is none. */
MUST_USE bool listing_case(const struct catalogue *cat, const char *id);
/* Faults of the case files; their number. */
size_t listing_lint(const struct catalogue *cat);
/* The rules and features that cases may name. */
void listing_language(void);

#endif
