/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_FINDING_H
#define CONFORMANCE_ORACLE_OX_FINDING_H

#include <stdbool.h>

#include "conformance/oracle/ox_clauses.h"
#include "server/base/bytes.h"
#include "server/base/tick.h"

/*
 * What the oracle found: one broken clause at one place. Strings are printable ASCII (other octets
 * stand as \xNN), cut at their size with "..." at the end; user names and passwords in URLs are
 * replaced by ***.
 */
struct ox_finding {
	enum ox_rule rule;
	const char *clause; /* "RTSP-12.17-01": a row of requirements.tsv; never freed */
	enum ox_level level;
	enum ox_weight weight; /* how to judge it: fail, warn, note */
	size_t at;             /* byte offset in the message, packet or body that was given */
	const char *why;       /* a literal */
	char expected[80];     /* may be empty */
	char got[112];         /* may be empty */
	/* copied from the list's context when it was found */
	tick_t time;
	bool by_client; /* the client broke it (default: the server) */
	char where[64]; /* "response 200 to SETUP, CSeq 3"; empty when the caller gave none */
};

/*
 * Findings in the order in which they were made. All zero is a valid empty list; ox_findings_clear
 * frees. Bounded: per rule only the first OX_PER_RULE are kept and OX_MAX_FINDINGS in all; the rest
 * is counted.
 */
enum { OX_PER_RULE = 8, OX_MAX_FINDINGS = 512 };
struct ox_findings {
	struct ox_finding *v;
	size_t n, cap;
	uint64_t suppressed;           /* made, but not kept */
	uint32_t per_rule[OX_N_RULES]; /* made, kept or not */
	/* context that new findings copy; the caller sets it */
	tick_t time;
	bool by_client;
	char where[64];
};

void ox_findings_clear(struct ox_findings *fs);
/* Sets the context's `where`. */
void ox_findings_at(struct ox_findings *fs, const char *fmt, ...) PRINTF(2, 3);
/* Appends every finding of `from` (and its counts), the context kept as it was made. */
void ox_findings_add(struct ox_findings *to, const struct ox_findings *from);
/* First kept finding of a rule, or NULL. */
const struct ox_finding *ox_findings_first(const struct ox_findings *fs, enum ox_rule rule);
/* The worst weight in the list; OX_NOTE when it is empty. */
enum ox_weight ox_findings_worst(const struct ox_findings *fs);

/*
 * Adds a finding with the rule's own weight. `why` is a literal. fs may be NULL (facts only wanted).
 * Answers the finding, for the calls below, or NULL when it is not kept; they bear NULL.
 */
struct ox_finding *ox_find(struct ox_findings *fs, enum ox_rule rule, size_t at, const char *why);
/* The same with another weight: a tolerated form of a broken rule, say. */
struct ox_finding *ox_find_as(struct ox_findings *fs, enum ox_rule rule, enum ox_weight weight,
	size_t at, const char *why);
void ox_expected(struct ox_finding *f, const char *fmt, ...) PRINTF(2, 3);
void ox_got(struct ox_finding *f, struct bytes got);
void ox_gotf(struct ox_finding *f, const char *fmt, ...) PRINTF(2, 3);

#endif
