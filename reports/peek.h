/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_PEEK_H
#define REPORTS_PEEK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "reports/result.h"

/* Looking into a validated result. Nothing here is owned by the caller unless it says so. */

/* Member as text, number, truth; what is absent is "", NAN, false. */
const char *peek_text(const json_t *o, const char *name);
double peek_number(const json_t *o, const char *name);
bool peek_true(const json_t *o, const char *name);

/* The top-level member of a result; NULL when there is none. */
const json_t *peek_top(const struct result *r, const char *name);
/* Value of a counter or figure by name; NAN when there is none. */
double peek_counter(const struct result *r, const char *name);
/* Text of a setting with its unit ("1000", "500 kbit/s"), "" when there is none. */
void peek_config(const struct result *r, const char *name, char out[128]);
/* Row cell: NAN for null. */
double peek_cell(const json_t *row, size_t column);
/* Column of the series by name: 1 …; 0 = none. */
size_t peek_column(const json_t *series, const char *name);
/* Seconds that row i of rows stands for: to the next row, for the last as the one before it (1 s
 * when it is alone). */
double peek_interval(const json_t *rows, size_t i);

/* How many cases have that verdict. */
size_t peek_cases(const struct result *r, enum result_verdict v);
enum result_verdict peek_verdict(const json_t *c);
/* How many steps have that verdict ("same", "differs", …). */
size_t peek_steps(const struct result *r, const char *verdict);
/* How many of the gates (or checks) passed. */
size_t peek_passed(const json_t *gates);

/* A short name for a result among others: "load udp", "conformance", "replay". */
void peek_name(const struct result *r, char out[64]);

#endif
