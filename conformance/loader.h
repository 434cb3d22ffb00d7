/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_LOADER_H
#define CONFORMANCE_LOADER_H

#include "conformance/case.h"

/* Between case.c and step.c: one file that is being read. */
struct loader {
	struct catalogue *cat;
	struct arena *a;
	const char *path, *file;
	const struct node *prologues; /* of prologues.yaml; NULL while that one is missing */
	bool in_prologue;
	struct case_def *c;
	unsigned depth, n_steps;
};

/* Lists a fault of the file; answers false, for `return loader_fault(...)`. */
bool loader_fault(struct loader *l, int line, const char *fmt, ...) PRINTF(3, 4);
/* A scalar, or a list of scalars, into words. */
MUST_USE bool loader_words(
	struct loader *l, const struct node *n, const char **v, size_t max, size_t *count);
/* The key's clause ids into v, each known, and counted among the case's. Absent: none. */
MUST_USE bool loader_clauses(
	struct loader *l, const struct node *map, const char **v, size_t *count);
/* Every key of the map is in the NULL-terminated list. */
MUST_USE bool loader_keys(struct loader *l, const struct node *map, const char *const *allowed);

/* A list of steps into an array in the arena. */
MUST_USE bool steps_read(
	struct loader *l, const struct node *list, const struct step **v, size_t *n);

/* Readers of the steps about doors (step_door.c): connect, post, and `auth` of a send. */
MUST_USE bool step_read_connect(struct loader *l, const struct node *n, struct step *s);
MUST_USE bool step_read_post(struct loader *l, const struct node *n, struct step *s);
MUST_USE bool step_read_auth(struct loader *l, const struct node *n, struct step *s);

#endif
