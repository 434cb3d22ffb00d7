/* SPDX-License-Identifier: MIT */
#ifndef REPORTS_REDACT_H
#define REPORTS_REDACT_H

/* Secrets out of command lines (result_redact_url in result.h does URLs). */

/* One argument of a command line; `previous` is the one before it (NULL: none), so that the value of
 * `--password x` is known for what it is. Heap; the caller frees. */
char *redact_argument(const char *previous, const char *arg);

#endif
