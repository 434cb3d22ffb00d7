/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_MODULE_LOAD_H
#define SERVER_CORE_MODULE_LOAD_H

#include "server/core/module.h"

/*
 * All modules of a server, in the order in which they are asked: those of a folder, by file name, then
 * those that are linked in. What cannot be loaded is left out, with one line in the log.
 */
enum { MODULES_LOADED_MAX = 64 };

struct module_list {
	const struct module **all;
	size_t n;
	size_t n_loaded; /* the first of them */
	struct module *copies[MODULES_LOADED_MAX];
	char *files[MODULES_LOADED_MAX];
	void *handles[MODULES_LOADED_MAX];
};

/* Loads *.so of `folder` ("": none) and adds `own` behind them. 0; an error with a line in `why` (PREFS_WHY
 * bytes) when the folder cannot be read or, if strict, a module cannot be loaded. Cleared in any case. */
MUST_USE int module_list_init(struct module_list *l, const char *folder, bool strict,
	const struct module *const *own, size_t n, char *why);
/* After the server, and after all prefs that its modules have rows in. */
void module_list_clear(struct module_list *l);
/* Reads the preferences of all of them; sections of none are named in the log. 0, or an error with `why`. */
MUST_USE int module_list_prefs(const struct module_list *l, struct prefs *p, char *why);
/* Name, where from, preferences and counters of each. */
void module_list_print(const struct module_list *l, FILE *f);

#endif
