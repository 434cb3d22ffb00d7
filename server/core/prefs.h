/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_PREFS_H
#define SERVER_CORE_PREFS_H

#include <stdio.h>

#include "server/core/pref_row.h"
#include "server/net/prefix.h"

/*
 * The server's preferences. One table (server/prefs.def) makes the struct, the keys of the INI file,
 * the flags and the help. A set is filled by main() and immutable from then on: at SIGHUP every worker
 * gets another one (server_reload). So who runs on a worker reads worker->prefs at the time of use, and
 * keeps neither the pointer nor a string of it across turns.
 */
struct prefs {
#define PREF_NUM(name, def, min, max, unit, text) int64_t name;
#define PREF_STR(name, def, text)                 char *name;
#define PREF_NETS(name, def, text)                struct prefixes name;
#include "server/prefs.def"
#undef PREF_NUM
#undef PREF_STR
#undef PREF_NETS
	/* of modules: values by module, and what was said of their sections so far */
	struct module_values {
		struct pref_table table;
		char *prefix;
		void *values; /* NULL: it has none */
	} * modules;
	size_t n_modules;
	struct pref_setting {
		char *module, *name, *value, *where; /* where: "file:line", or the flag */
	} * settings;
	size_t n_settings;
	/* beside the table: files and faults, which only make sense on the command line */
	char *stats_file;
	bool list_modules;   /* and end */
	const char *profile; /* the last one that was set, or "default" */
	char **faults;       /* "NAME" or "NAME=V" */
	size_t n_faults;
	uint64_t seed; /* of the fault module's randomness */
};

enum { PREFS_FAULTS_MAX = 32, PREFS_SETTINGS_MAX = 1024 };

/* All defaults. The caller clears. */
void prefs_init(struct prefs *p);
void prefs_clear(struct prefs *p);
/* The same on the heap. */
struct prefs *prefs_new(void);
void prefs_free(struct prefs *p);
/* "rtp-timeout" or "rtp_timeout". 0; ERR_NOT_FOUND; ERR_SYNTAX, ERR_RANGE with a reason in `why`
 * (PREFS_WHY bytes), which names the pref and what it may be. */
MUST_USE int prefs_set(struct prefs *p, const char *name, const char *value, char *why);
/* Sets a group of preferences that belong together; what is set after it holds. 0; ERR_NOT_FOUND with the
 * names there are in `why`. */
MUST_USE int prefs_set_profile(struct prefs *p, const char *name, char *why);
/* Reads "name = value" lines of an INI file. Those of a [section] other than [server] are a module's. The
 * reason has file and line. */
MUST_USE int prefs_read_file(struct prefs *p, const char *path, char *why);
/* 0, or ERR_LIMIT. */
MUST_USE int prefs_add_fault(struct prefs *p, const char *fault);
/* "module.name=value", for later, as a line of a file is. `where`: who says so. 0; ERR_SYNTAX, ERR_LIMIT with
 * a reason in `why`. */
MUST_USE int prefs_set_module(struct prefs *p, const char *text, const char *where, char *why);
/* The next module: its defaults, then what was said of its section. Rows stay the caller's, longer than *p;
 * `size` is that of the struct they fill. 0, or what prefs_set may answer, with a reason in `why`. */
MUST_USE int prefs_add_module(struct prefs *p, const char *name, const struct pref_row *rows,
	size_t n, size_t size, char *why);
/* Calls told for each section (where it was first) that no module has taken. */
void prefs_unclaimed(const struct prefs *p,
	void (*told)(void *arg, const char *where, const char *module), void *arg);
/* What cannot change while the server runs, and differs from *now, is set back to its value in *next; told
 * is called with each name. */
void prefs_keep_fixed(struct prefs *next, const struct prefs *now,
	void (*told)(void *arg, const char *prefix, const char *name), void *arg);
/* One line per preference, as flags. */
void prefs_help(FILE *f);
/* One line per profile: what it sets. */
void prefs_help_profiles(FILE *f);

#endif
