/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_VERDICT_H
#define CONFORMANCE_VERDICT_H

#include "conformance/case.h"
#include "conformance/oracle/ox_finding.h"
#include "reports/result.h"

/*
 * What a case came to. Findings are collected while it runs; the verdict is the worst of them:
 * fail, then inconclusive, then warn, then pass. Behaviour (the answers and the media) and aftermath
 * (message boundary, still serving) are kept apart, the case's verdict is the worse of the two.
 */
struct verdict_finding {
	enum result_verdict verdict; /* FAIL, WARN, INCONCLUSIVE, or PASS for a note */
	bool is_aftermath, is_passive;
	char clauses[96]; /* "RTSP-12.17-02", several with blanks; may be empty */
	char where[96];   /* "12.17-cseq.yaml:14", or place in the traffic */
	char expected[256], got[256];
	unsigned times; /* how often the same was found */
};
enum { VERDICT_FINDINGS = 64 };
struct verdict {
	enum level strictness; /* what is at least so binding fails; weaker ones warn */
	struct verdict_finding v[VERDICT_FINDINGS];
	size_t n;
	uint64_t more;  /* findings that did not fit */
	char skip[160]; /* not empty: skipped, and why */
};

/* Adds a finding of a step. kind FAIL stands for "the expectation of a rule of this level broke":
 * it becomes fail, warn or note by level and strictness. expected, got: for people. */
struct verdict_finding *verdict_add(struct verdict *v, enum result_verdict kind, enum level level,
	const char *const *clauses, size_t n_clauses, const char *where, const char *expected,
	const char *got);
/* Adds what the passive analyser found about the server, from finding `from` on, without the clauses
 * that the case allows to be broken. */
void verdict_add_passive(
	struct verdict *v, const struct case_def *c, const struct ox_findings *fs, size_t from);

enum result_verdict verdict_of(const struct verdict *v);
enum result_verdict verdict_behaviour(const struct verdict *v);
enum result_verdict verdict_aftermath(const struct verdict *v);
/* The finding that decided, or NULL (a pass). */
const struct verdict_finding *verdict_worst(const struct verdict *v);
/* "FILE:line: expected … got …" into out. The one printer of this. */
void verdict_print(const struct verdict_finding *f, struct buf *out);
/* Clauses that findings of at least this weight name: distinct ones, views into v. */
size_t verdict_clauses(
	const struct verdict *v, enum result_verdict kind, struct bytes *out, size_t max);

#endif
