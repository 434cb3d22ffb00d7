/* SPDX-License-Identifier: MIT */
#include "conformance/tests/ox_test.h"

#include <stdio.h>

static void print_findings(const struct ox_findings *fs)
{
	for (size_t i = 0; i < fs->n; i++)
		printf("     %s %s at %zu: %s [expected %s, got %s] %s\n", fs->v[i].clause,
			ox_weight_name(fs->v[i].weight), fs->v[i].at, fs->v[i].why,
			fs->v[i].expected, fs->v[i].got, fs->v[i].where);
}

void ox_want(const struct ox_findings *fs, enum ox_rule rule, bool broken)
{
	bool is = fs->per_rule[rule] > 0;

	if (is != broken) {
		printf("     %s should %sbe broken; findings:\n", ox_clause_of(rule)->id,
			broken ? "" : "not ");
		print_findings(fs);
	}
	CU_ASSERT(is == broken);
}

void ox_want_clean(const struct ox_findings *fs)
{
	bool clean = ox_findings_worst(fs) != OX_FAIL;

	if (!clean)
		print_findings(fs);
	CU_ASSERT(clean);
}

struct bytes ox_hex(const char *hex, uint8_t *buf, size_t cap)
{
	size_t n = 0, half = 0;

	for (; *hex && n < cap; hex++) {
		uint64_t digit;
		if (!bytes_hex_to_u64(bytes_of(hex, 1), 15, &digit))
			continue;
		buf[n] = (uint8_t)(half ? (unsigned)buf[n] << 4 | digit : digit);
		n += half;
		half = !half;
	}
	return bytes_of(buf, n);
}
