/* SPDX-License-Identifier: MIT */
#ifndef SERVER_ARGS_H
#define SERVER_ARGS_H

#include "server/core/prefs.h"

/* The command line: preferences, flags beside them, and what prints something and ends. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* -1: go on with *p; else the exit code: what was to be said was said. */
int args_read(struct prefs *p, int argc, char **argv);
/* The same arguments, and the files they name, once more: 0, or an error with one line in `why`
 * (PREFS_WHY bytes). */
MUST_USE int args_reread(struct prefs *p, int argc, char **argv, char *why);
/* One line on stderr; EXIT_USAGE. */
int args_complain(const char *why);

#endif
