/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_SHAPE_H
#define REPORTS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct json_t;

/*
 * The shape of a result file as a table: the reader holds every file to it, so that the writers of
 * pages may rely on types, and a test holds result.schema.json to it.
 */
enum shape_type {
	SHAPE_STRING,
	SHAPE_INTEGER,  /* >= 0 */
	SHAPE_SIGNED,   /* an integer */
	SHAPE_NUMBER,   /* finite */
	SHAPE_NULLABLE, /* a number or null */
	SHAPE_BOOLEAN,
	SHAPE_WORD,    /* one of `words`, separated by blanks */
	SHAPE_SCALAR,  /* a string or a number */
	SHAPE_OBJECT,  /* with `fields` */
	SHAPE_OBJECTS, /* an array of such */
	SHAPE_MAP,     /* an object with any names, each value an object with `fields` */
	SHAPE_STRINGS, /* an array of strings */
	SHAPE_FACTS,   /* an object with any names and strings as values */
	SHAPE_ROWS,    /* an array of arrays of numbers or nulls */
	SHAPE_PAIRS,   /* an array of arrays of two integers >= 0 */
	SHAPE_NUMBERS, /* an array of finite numbers */
};
struct shape {
	const char *name; /* NULL ends a table */
	enum shape_type type;
	bool required;
	const struct shape *fields;
	const char *words;
};
extern const struct shape shape_result[];

/* Holds `object` to the table. False: path says where ("histograms[2].counts"), *why what is
 * expected there (a literal). Names that the table doesn't know are allowed. */
bool shape_check(const struct json_t *object, const struct shape *fields, char *path,
	size_t path_cap, const char **why);

#endif
