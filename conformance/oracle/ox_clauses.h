/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_CLAUSES_H
#define CONFORMANCE_ORACLE_OX_CLAUSES_H

#include <stddef.h>

/*
 * The clauses that the oracle can find broken, from ox_clauses.def: a rule's name is its clause id
 * with _ for - and . (RTSP-12.17-01 is OX_RTSP_12_17_01). Each is a row of requirements.tsv.
 */
enum ox_rule {
#define RULE(name, id, level, weight, text) OX_##name,
#include "conformance/oracle/ox_clauses.def"
#undef RULE
	OX_N_RULES
};

/* The RFC's word: MUST, SHOULD (also RECOMMENDED), MAY, or a declarative text that peers rely on. */
enum ox_level { OX_MUST, OX_SHOULD, OX_MAY, OX_IMPLIED };
/* What a broken rule means: a failure, a warning, or only something to tell. */
enum ox_weight { OX_NOTE, OX_WARN, OX_FAIL };

struct ox_clause {
	const char *id;
	enum ox_level level;
	enum ox_weight weight; /* of a finding that doesn't say otherwise */
	const char *text;      /* the requirement in our words */
};

/* Never NULL for a rule of the enum. */
const struct ox_clause *ox_clause_of(enum ox_rule rule);
/* Rule of a clause id, or OX_N_RULES when the oracle has none. */
enum ox_rule ox_rule_by_id(const char *id);
/* "must", "should", "may", "implied". */
const char *ox_level_name(enum ox_level level);
/* "note", "warn", "fail". */
const char *ox_weight_name(enum ox_weight weight);

#endif
