/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_PREF_ROW_H
#define SERVER_CORE_PREF_ROW_H

#include <stddef.h>
#include <stdio.h>

#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * Preferences as rows of a table: what a name means, and where its value lies in a struct. The server has
 * one table (prefs.def), each module may have its own (module.h).
 */
enum pref_kind {
	PREF_KIND_NUM,  /* int64_t */
	PREF_KIND_STR,  /* char *, never NULL */
	PREF_KIND_WORD, /* the same, one of `words` */
	PREF_KIND_NETS, /* struct prefixes (net/prefix.h) */
	PREF_KIND_LIST, /* char *, never NULL: may be said again and again; '\n' between two */
};

struct pref_row {
	const char *name;
	enum pref_kind kind;
	size_t offset; /* of the field in the struct */
	int64_t def, min, max;
	const char *def_text, *unit, *text;
	const char *words; /* of PREF_KIND_WORD, with a blank between two */
	bool is_fixed;     /* cannot change while the server runs */
};

enum { PREFS_WHY = 256 };

/* A struct and the rows that describe it. `prefix` stands before names where the user sees them. */
struct pref_table {
	const char *prefix;
	const struct pref_row *rows;
	size_t n;
};

/* All defaults. `values` is the struct. The caller clears. */
void pref_table_init(const struct pref_table *t, void *values);
/* Frees the strings. */
void pref_table_clear(const struct pref_table *t, void *values);
/* '-' in `name` is '_'. 0; ERR_NOT_FOUND with `why` as it was; ERR_SYNTAX, ERR_RANGE with a reason in `why`
 * (PREFS_WHY bytes), which names the row and what it may be. */
MUST_USE int pref_table_set(
	const struct pref_table *t, void *values, const char *name, const char *value, char *why);
/* Fixed rows that differ from *now are set back to its value in *next; told is called with each name. */
void pref_table_keep_fixed(const struct pref_table *t, void *next, const void *now,
	void (*told)(void *arg, const char *prefix, const char *name), void *arg);
/* One line per row; `before` stands before prefix and name. */
void pref_table_help(const struct pref_table *t, const char *before, FILE *f);

#endif
