/* SPDX-License-Identifier: MIT */
#include "conformance/require.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

static const char *const level_names[] = { "may", "should", "must" };

const char *level_name(enum level l)
{
	return level_names[l];
}

bool level_read(const char *s, enum level *l)
{
	for (size_t i = 0; i < COUNT(level_names); i++) {
		if (strcmp(s, level_names[i]) == 0) {
			*l = (enum level)i;
			return true;
		}
	}
	return false;
}

static bool row_read(struct arena *a, struct bytes line, struct requirement *q)
{
	const char **column[REQUIREMENT_COLUMNS] = { &q->id, &q->rfc, &q->section, &q->word,
		&q->subject, &q->plane, &q->text, &q->cover };
	struct bytes v;
	size_t n = 0;
	while (n < COUNT(column) && bytes_cut(&line, '\t', &v))
		*column[n++] = (const char *)bytes_dup(a, v).p;
	return n == COUNT(column) && line.n == 0 && *q->id && *q->cover;
}

int requirements_read(struct requirements *r, struct arena *a, const char *path, char **why)
{
	char *text;
	size_t n, cap = 0, at = 0;
	int rc = os_read_file(path, REQUIREMENTS_FILE_MAX, &text, &n);
	*r = (struct requirements){ 0 };
	if (rc < 0) {
		*why = xasprintf("%s: %s", path, err_text(rc));
		return rc;
	}
	for (size_t i = 0; i < n; i++)
		cap += text[i] == '\n';
	r->v = arena_alloc(a, (cap + 1) * sizeof(*r->v));
	struct bytes rest = bytes_of(text, n), line;
	while (rc == 0 && bytes_cut(&rest, '\n', &line)) {
		at++;
		if (at == 1 || line.n == 0) /* the header line */
			continue;
		if (!row_read(a, line, &r->v[r->n])) {
			*why = xasprintf(
				"%s:%zu: a row has %d columns", path, at, REQUIREMENT_COLUMNS);
			rc = ERR_SYNTAX;
		} else if (requirement_find(r, r->v[r->n].id)) {
			*why = xasprintf("%s:%zu: %s was there before", path, at, r->v[r->n].id);
			rc = ERR_SYNTAX;
		} else {
			r->n++;
		}
	}
	free(text);
	return rc;
}

const struct requirement *requirement_find(const struct requirements *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++) {
		if (strcmp(r->v[i].id, id) == 0)
			return &r->v[i];
	}
	return NULL;
}
