/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_clauses.h"

#include <assert.h>
#include <string.h>

static const struct ox_clause clauses[OX_N_RULES] = {
#define RULE(name, id, level, weight, text) { id, OX_##level, OX_##weight, text },
#include "conformance/oracle/ox_clauses.def"
#undef RULE
};

const struct ox_clause *ox_clause_of(enum ox_rule rule)
{
	assert((unsigned)rule < OX_N_RULES);
	return &clauses[rule];
}

enum ox_rule ox_rule_by_id(const char *id)
{
	unsigned i = 0;

	while (i < OX_N_RULES && strcmp(clauses[i].id, id) != 0)
		i++;
	return (enum ox_rule)i;
}

const char *ox_level_name(enum ox_level level)
{
	static const char *const names[] = { [OX_MUST] = "must",
		[OX_SHOULD] = "should",
		[OX_MAY] = "may",
		[OX_IMPLIED] = "implied" };
	return names[level];
}

const char *ox_weight_name(enum ox_weight weight)
{
	static const char *const names[] = {
		[OX_NOTE] = "note", [OX_WARN] = "warn", [OX_FAIL] = "fail"
	};
	return names[weight];
}
