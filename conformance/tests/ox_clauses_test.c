/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/tests/ox_test.h"
#include "server/base/os.h"

/* The level word of a row, as the oracle classes it. */
static enum ox_level level_of(struct bytes word)
{
	static const struct {
		const char *word;
		enum ox_level level;
	} words[] = {
		{ "MUST", OX_MUST },
		{ "SHALL", OX_MUST },
		{ "REQUIRED", OX_MUST },
		{ "SHOULD", OX_SHOULD },
		{ "RECOMMENDED", OX_SHOULD },
		{ "MAY", OX_MAY },
	};
	for (size_t i = 0; i < COUNT(words); i++) {
		if (bytes_has_iprefix(word, bytes_str(words[i].word)))
			return words[i].level;
	}
	return OX_IMPLIED;
}

/* One row of requirements.tsv; counts the rules it proves. */
static void check_row(struct bytes row, bool *found)
{
	struct bytes f[8] = { { 0 } };
	char id[40], cover[256];
	size_t n = 0;

	while (n < 8 && bytes_cut(&row, '\t', &f[n]))
		n++;
	CU_ASSERT_FATAL(n == 8 && row.n == 0);
	CU_ASSERT_FATAL(bytes_to_str(f[0], id, sizeof(id)));
	CU_ASSERT_FATAL(bytes_to_str(f[7], cover, sizeof(cover)));
	enum ox_rule rule = ox_rule_by_id(id);
	if (rule < OX_N_RULES) {
		CU_ASSERT(ox_clause_of(rule)->level == level_of(f[3]));
		found[rule] = true;
	}
	if (strncmp(cover, "passive:", 8) == 0)
		CU_ASSERT(ox_rule_by_id(cover + 8) < OX_N_RULES);
}

static void t_rows(void)
{
	char *text;
	size_t n;
	bool found[OX_N_RULES] = { false }, is_first = true;

	if (os_read_file("conformance/requirements.tsv", 1 << 20, &text, &n) != 0) {
		unit_skip("conformance/requirements.tsv is not here: run from the top of the tree");
		return;
	}
	struct bytes rest = bytes_of(text, n), row;
	while (bytes_cut(&rest, '\n', &row)) {
		if (!is_first)
			check_row(row, found);
		is_first = false;
	}
	for (unsigned i = 0; i < OX_N_RULES; i++)
		CU_ASSERT(found[i]);
	free(text);
}

static void t_names(void)
{
	CU_ASSERT(ox_rule_by_id("RTSP-12.17-01") == OX_RTSP_12_17_01);
	CU_ASSERT(ox_rule_by_id("none") == OX_N_RULES);
	CU_ASSERT_STRING_EQUAL(ox_level_name(OX_MUST), "must");
	CU_ASSERT_STRING_EQUAL(ox_weight_name(OX_WARN), "warn");
	CU_ASSERT(ox_clause_of(OX_RTSP_12_17_01)->weight == OX_FAIL);
}

UNIT_SUITE(ox_clauses, { "each rule is a row of requirements.tsv, with its level", t_rows },
	{ "rules have names", t_names });
