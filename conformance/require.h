/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_REQUIRE_H
#define CONFORMANCE_REQUIRE_H

#include "server/base/arena.h"

/* Strictness, and how binding a clause or a case is. Ordered. */
enum level { LEVEL_MAY, LEVEL_SHOULD, LEVEL_MUST };
/* "may", "should", "must". */
const char *level_name(enum level l);
MUST_USE bool level_read(const char *s, enum level *l);

/* One row of requirements.tsv: a clause of an RFC, and how it is covered. */
struct requirement {
	const char *id, *rfc, *section, *word, *subject, *plane, *text, *cover;
};
/* The table, in the file's order. Owned by the arena it was read into. */
struct requirements {
	struct requirement *v;
	size_t n;
};

enum { REQUIREMENTS_FILE_MAX = 1 << 20, REQUIREMENT_COLUMNS = 8 };

/* 0, or an error with *why = "FILE:LINE: what" (heap, the caller frees). */
MUST_USE int requirements_read(
	struct requirements *r, struct arena *a, const char *path, char **why);
/* The row of that id, or NULL. */
const struct requirement *requirement_find(const struct requirements *r, const char *id);

#endif
