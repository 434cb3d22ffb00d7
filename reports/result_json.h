/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_RESULT_JSON_H
#define REPORTS_RESULT_JSON_H

#include <jansson.h>

#include "reports/result.h"

/* What the files of this folder share about a result's document; nobody else needs it. */
struct result {
	enum result_kind kind;
	json_t *root; /* always of the shape in shape.c */
};

/* Builders' helpers. What is given is owned by what it was added to; none can fail but by memory,
 * which ends the process. */
void json_add(json_t *object, const char *name, json_t *v);
void json_append(json_t *array, json_t *v);
/* A cleaned copy; s NULL adds nothing. */
void json_add_text(json_t *object, const char *name, const char *s);
json_t *json_strings(const char *const *v, size_t n);
/* Is the member this text, once cleaned? NULL is equal to an absent one. */
bool json_text_is(const json_t *object, const char *name, const char *s);
/* The top-level array of that name, made when there is none; owned by r. */
json_t *result_list(struct result *r, const char *name);

/* New numbers: counts above 2^63 - 1 are clamped, NAN becomes null. */
json_t *result_json_count(uint64_t v);
json_t *result_json_number(double v);

/* The histogram object of that name (origin NULL = the first); NULL = none. Owned by r. */
json_t *result_json_find_hist(const struct result *r, const char *name, const char *origin);
/* Decodes one into *h, which the caller clears. False: its numbers contradict each other, nothing to
 * clear. */
MUST_USE bool result_json_hist(const json_t *o, struct hist *h);

/* Upper edge of heat bin `bin` in ns. */
double result_heat_edge(size_t bin);

#endif
