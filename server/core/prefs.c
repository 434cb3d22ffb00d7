/* SPDX-License-Identifier: MIT */
#include "server/core/prefs.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { INI_MAX = 1 << 20 };

static const struct pref_row rows[] = {
#define ROW_NUM(name, def, min, max, unit, text, fixed)                                        \
	{ #name, PREF_KIND_NUM, offsetof(struct prefs, name), def, min, max, #def, unit, text, \
		NULL, fixed },
#define ROW_STR(name, def, text, fixed)                                                         \
	{ #name, PREF_KIND_STR, offsetof(struct prefs, name), 0, 0, 0, def, "text", text, NULL, \
		fixed },
#define PREF_NUM(name, def, min, max, unit, text) ROW_NUM(name, def, min, max, unit, text, false)
#define PREF_NUM_FIXED(name, def, min, max, unit, text) \
	ROW_NUM(name, def, min, max, unit, text, true)
#define PREF_STR(name, def, text)       ROW_STR(name, def, text, false)
#define PREF_STR_FIXED(name, def, text) ROW_STR(name, def, text, true)
#define PREF_WORD(name, def, words, text)                                                         \
	{ #name, PREF_KIND_WORD, offsetof(struct prefs, name), 0, 0, 0, def, "word", text, words, \
		false },
#define PREF_NETS(name, def, text)                                                              \
	{ #name, PREF_KIND_NETS, offsetof(struct prefs, name), 0, 0, 0, def, "addresses", text, \
		NULL, false },
#include "server/prefs.def"
#undef PREF_NETS
#undef PREF_NUM
#undef PREF_STR
#undef ROW_NUM
#undef ROW_STR
};

/*
 * Groups of preferences. bench: what leaves, and when, follows from the medium alone, so that two runs
 * and two servers compare; nothing is given up silently.
 */
static const struct profile_row {
	const char *profile, *pref, *value;
} profiles[] = {
	{ "default", "overbuffer_tcp", "1" },
	{ "default", "overbuffer_udp", "0" },
	{ "default", "disable_thinning", "0" },
	{ "bench", "overbuffer_tcp", "0" },
	{ "bench", "overbuffer_udp", "0" },
	{ "bench", "disable_thinning", "1" },
};

static const struct pref_table table = { "", rows, COUNT(rows) };

void prefs_init(struct prefs *p)
{
	*p = (struct prefs){ .seed = 1, .profile = profiles[0].profile };
	p->faults = xcalloc(PREFS_FAULTS_MAX, sizeof *p->faults);
	pref_table_init(&table, p);
}

void prefs_clear(struct prefs *p)
{
	pref_table_clear(&table, p);
	for (size_t i = 0; i < p->n_faults; i++)
		free(p->faults[i]);
	free(p->faults);
	free(p->stats_file);
	free(p->access_log);
	*p = (struct prefs){ 0 };
}

struct prefs *prefs_new(void)
{
	struct prefs *p = xmalloc(sizeof *p);

	prefs_init(p);
	return p;
}

void prefs_free(struct prefs *p)
{
	if (p)
		prefs_clear(p);
	free(p);
}

int prefs_set(struct prefs *p, const char *name, const char *value, char *why)
{
	int err = pref_table_set(&table, p, name, value, why);
	if (err == ERR_NOT_FOUND)
		(void)snprintf(why, PREFS_WHY, "there is no preference '%.60s'", name);
	return err;
}

void prefs_keep_fixed(struct prefs *next, const struct prefs *now,
	void (*told)(void *arg, const char *prefix, const char *name), void *arg)
{
	pref_table_keep_fixed(&table, next, now, told, arg);
}

int prefs_set_profile(struct prefs *p, const char *name, char *why)
{
	int err = ERR_NOT_FOUND;

	for (size_t i = 0; i < COUNT(profiles); i++) {
		if (strcmp(name, profiles[i].profile) != 0)
			continue;
		p->profile = profiles[i].profile;
		err = prefs_set(p, profiles[i].pref, profiles[i].value, why);
		if (err)
			return err;
	}
	if (err)
		(void)snprintf(
			why, PREFS_WHY, "there is no profile '%.60s': default or bench", name);
	return err;
}

struct ini_state {
	struct prefs *p;
	char why[PREFS_WHY];
	int err;
};

/* inih's handler: 1 = go on, 0 = the line is bad. */
static int on_ini(void *user, const char *section, const char *name, const char *value)
{
	struct ini_state *s = user;
	(void)section;
	int err = prefs_set(s->p, name, value ? value : "", s->why);
	if (err && !s->err) {
		s->err = err;
		return 0;
	}
	return err == 0;
}

int prefs_read_file(struct prefs *p, const char *path, char *why)
{
	struct ini_state s = { .p = p };
	char *text;
	size_t n;
	/* whole and capped first: a folder reads as empty, a device never ends */
	int err = os_read_file(path, INI_MAX, &text, &n);

	if (!err && strlen(text) != n) {
		free(text);
		err = ERR_SYNTAX;
	}
	if (err) {
		(void)snprintf(why, PREFS_WHY, "%.120s: %s", path, err_text(err));
		return err;
	}
	int line = ini_parse_string(text, on_ini, &s);
	free(text);
	if (line == 0)
		return 0;
	(void)snprintf(why, PREFS_WHY, "%.80s:%d: %.150s", path, line > 0 ? line : 0,
		s.err ? s.why : "this is no 'name = value'");
	return s.err ? s.err : ERR_SYNTAX;
}

int prefs_add_fault(struct prefs *p, const char *fault)
{
	if (p->n_faults == PREFS_FAULTS_MAX)
		return ERR_LIMIT;
	p->faults[p->n_faults++] = xstrdup(fault);
	return 0;
}

void prefs_help(FILE *f)
{
	pref_table_help(&table, "--", f);
}

void prefs_help_profiles(FILE *f)
{
	const char *at = "";

	for (size_t i = 0; i < COUNT(profiles); i++) {
		if (strcmp(at, profiles[i].profile) != 0)
			fprintf(f, "%s  %-8s", *at ? "\n" : "", profiles[i].profile);
		at = profiles[i].profile;
		fprintf(f, " %s=%s", profiles[i].pref, profiles[i].value);
	}
	fprintf(f, "\n");
}
