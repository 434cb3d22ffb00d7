/* SPDX-License-Identifier: MIT */
#include "conformance/coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

static const char *const cover_names[COVERS] = { "case", "passive", "untestable", "unproven" };

static bool tested(const struct catalogue *cat, const char *clause)
{
	for (size_t i = 0; i < cat->n; i++) {
		if (case_has_clause(cat->v[i], clause))
			return true;
	}
	return false;
}

enum cover coverage_of(const struct catalogue *cat, const struct requirement *q)
{
	/* `see:` points to a row that may point further */
	for (int hops = 0; q && hops < 4; hops++) {
		if (tested(cat, q->id))
			return COVER_CASE;
		if (strncmp(q->cover, "passive", 7) == 0)
			return COVER_PASSIVE;
		if (strncmp(q->cover, "untestable", 10) == 0)
			return COVER_UNTESTABLE;
		q = strncmp(q->cover, "see:", 4) == 0 ? requirement_find(&cat->req, q->cover + 4)
						      : NULL;
	}
	return COVER_UNPROVEN;
}

/* Sums per section, in the order in which sections first stand in the table. */
struct section {
	const char *rfc, *section;
	unsigned n[COVERS];
};

static size_t sum_up(const struct catalogue *cat, struct section *v)
{
	size_t n = 0;
	for (size_t i = 0; i < cat->req.n; i++) {
		const struct requirement *q = &cat->req.v[i];
		size_t k = 0;
		while (k < n &&
			(strcmp(v[k].rfc, q->rfc) != 0 || strcmp(v[k].section, q->section) != 0))
			k++;
		if (k == n)
			v[n++] = (struct section){ .rfc = q->rfc, .section = q->section };
		v[k].n[coverage_of(cat, q)]++;
	}
	return n;
}

static void print_clauses(const struct catalogue *cat)
{
	for (size_t i = 0; i < cat->req.n; i++) {
		const struct requirement *q = &cat->req.v[i];
		printf("%s\t%s\t", q->id, cover_names[coverage_of(cat, q)]);
		bool any = false;
		for (size_t k = 0; k < cat->n; k++) {
			if (case_has_clause(cat->v[k], q->id)) {
				printf("%s%s", any ? " " : "", cat->v[k]->id);
				any = true;
			}
		}
		printf("%s\n", any ? "" : q->cover);
	}
}

void coverage_print(const struct catalogue *cat, bool by_clause)
{
	if (by_clause) {
		print_clauses(cat);
		return;
	}
	struct section *v = xcalloc(cat->req.n + 1, sizeof(*v));
	unsigned all[COVERS] = { 0 };
	size_t n = sum_up(cat, v);
	printf("%-12s %-9s %5s %7s %10s %8s\n", "RFC", "section", "case", "passive", "untestable",
		"unproven");
	for (size_t i = 0; i < n; i++) {
		printf("%-12s %-9s %5u %7u %10u %8u\n", v[i].rfc, v[i].section, v[i].n[COVER_CASE],
			v[i].n[COVER_PASSIVE], v[i].n[COVER_UNTESTABLE], v[i].n[COVER_UNPROVEN]);
		for (size_t k = 0; k < COVERS; k++)
			all[k] += v[i].n[k];
	}
	printf("\n%zu clauses: %u by cases, %u passive, %u untestable, %u unproven\n", cat->req.n,
		all[COVER_CASE], all[COVER_PASSIVE], all[COVER_UNTESTABLE], all[COVER_UNPROVEN]);
	free(v);
}

void coverage_add(const struct catalogue *cat, struct result *r)
{
	struct section *v = xcalloc(cat->req.n + 1, sizeof(*v));
	size_t n = sum_up(cat, v);
	for (size_t i = 0; i < n; i++) {
		struct result_coverage c = { .rfc = v[i].rfc,
			.section = v[i].section,
			.cases = v[i].n[COVER_CASE],
			.passive = v[i].n[COVER_PASSIVE],
			.untestable = v[i].n[COVER_UNTESTABLE],
			.unproven = v[i].n[COVER_UNPROVEN] };
		c.total = c.cases + c.passive + c.untestable + c.unproven;
		result_coverage(r, &c);
	}
	free(v);
}
