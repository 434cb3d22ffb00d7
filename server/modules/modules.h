/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_MODULES_H
#define SERVER_MODULES_MODULES_H

#include "server/core/module.h"

/* The modules that are compiled in, in the order in which they are asked. */
const struct module *const *modules_list(size_t *n);

extern const struct module mod_pattern;  /* /pattern/… */
extern const struct module mod_file;     /* files beneath movie_folder, or the built-in clip */
extern const struct module mod_errorlog; /* the log, in a file */
extern const struct module mod_sample;   /* in the list only where it was built so */

#endif
