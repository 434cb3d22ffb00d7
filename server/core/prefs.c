/* SPDX-License-Identifier: MIT */
#include "server/core/prefs.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { INI_MAX = 1 << 20 };

static const struct pref_row server_rows[] = {
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
#define ROW_WORD(name, def, words, text, fixed)                                                   \
	{ #name, PREF_KIND_WORD, offsetof(struct prefs, name), 0, 0, 0, def, "word", text, words, \
		fixed },
#define PREF_WORD(name, def, words, text)       ROW_WORD(name, def, words, text, false)
#define PREF_WORD_FIXED(name, def, words, text) ROW_WORD(name, def, words, text, true)
#define PREF_NETS(name, def, text)                                                              \
	{ #name, PREF_KIND_NETS, offsetof(struct prefs, name), 0, 0, 0, def, "addresses", text, \
		NULL, false },
#define PREF_LIST_FIXED(name, def, text)                                                         \
	{ #name, PREF_KIND_LIST, offsetof(struct prefs, name), 0, 0, 0, def, "list", text, NULL, \
		true },
#define PREF_LIST(name, def, text)                                                               \
	{ #name, PREF_KIND_LIST, offsetof(struct prefs, name), 0, 0, 0, def, "list", text, NULL, \
		false },
#include "server/prefs.def"
#undef PREF_NETS
#undef PREF_NUM
#undef PREF_STR
#undef ROW_NUM
#undef ROW_STR
#undef ROW_WORD
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

static const struct pref_table table = { "", server_rows, COUNT(server_rows) };

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
	for (size_t i = 0; i < p->n_settings; i++) {
		struct pref_setting *s = &p->settings[i];
		free(s->module);
		free(s->name);
		free(s->value);
		free(s->where);
	}
	free(p->settings);
	for (size_t i = 0; i < p->n_modules; i++) {
		struct module_values *m = &p->modules[i];
		pref_table_clear(&m->table, m->values);
		free(m->prefix);
		free(m->values);
	}
	free(p->modules);
	free(p->stats_file);
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
	for (size_t i = 0; i < next->n_modules && i < now->n_modules; i++) {
		struct module_values *m = &next->modules[i];
		pref_table_keep_fixed(&m->table, m->values, now->modules[i].values, told, arg);
	}
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

/* ---- of modules ---- */

static int add_setting(struct prefs *p, struct bytes module, struct bytes name, const char *value,
	const char *where, char *why)
{
	if (p->n_settings == PREFS_SETTINGS_MAX) {
		(void)snprintf(
			why, PREFS_WHY, "at most %d preferences of modules", PREFS_SETTINGS_MAX);
		return ERR_LIMIT;
	}
	if (!p->settings)
		p->settings = xcalloc(PREFS_SETTINGS_MAX, sizeof *p->settings);
	p->settings[p->n_settings++] =
		(struct pref_setting){ .module = xasprintf("%.*s", BYTES_FMT(module)),
			.name = xasprintf("%.*s", BYTES_FMT(name)),
			.value = xstrdup(value),
			.where = xstrdup(where) };
	return 0;
}

int prefs_set_module(struct prefs *p, const char *text, const char *where, char *why)
{
	struct bytes value = bytes_str(text), name = { 0 }, module;

	bytes_cut(&value, '=', &name);
	bytes_cut(&name, '.', &module);
	if (!strchr(text, '=') || !module.n || !name.n) {
		(void)snprintf(why, PREFS_WHY, "%s: 'module.name=value' is wanted, not '%.60s'",
			where, text);
		return ERR_SYNTAX;
	}
	return add_setting(p, module, name, strchr(text, '=') + 1, where, why);
}

/* What was said of one row of a module that is there now. */
static int take_setting(struct module_values *m, const struct pref_setting *s, char *why)
{
	char reason[PREFS_WHY];
	int err = m->table.n ? pref_table_set(&m->table, m->values, s->name, s->value, reason)
			     : ERR_NOT_FOUND;

	if (err == ERR_NOT_FOUND)
		(void)snprintf(reason, sizeof reason, "module %.60s has no preference '%.60s'",
			s->module, s->name);
	if (err)
		(void)snprintf(why, PREFS_WHY, "%.80s: %.150s", s->where, reason);
	return err;
}

int prefs_add_module(struct prefs *p, const char *name, const struct pref_row *rows, size_t n,
	size_t size, char *why)
{
	p->modules = xrealloc(p->modules, (p->n_modules + 1) * sizeof *p->modules);
	struct module_values *m = &p->modules[p->n_modules++];
	int err = 0;

	*m = (struct module_values){ .prefix = xasprintf("%s.", name) };
	m->table = (struct pref_table){ m->prefix, rows, n };
	if (n)
		m->values = xcalloc(1, size);
	pref_table_init(&m->table, m->values);
	for (size_t i = 0; i < p->n_settings && !err; i++) {
		if (strcmp(p->settings[i].module, name) == 0)
			err = take_setting(m, &p->settings[i], why);
	}
	return err;
}

static bool is_claimed(const struct prefs *p, const char *module)
{
	size_t n = strlen(module);

	for (size_t i = 0; i < p->n_modules; i++) {
		if (strncmp(p->modules[i].prefix, module, n) == 0 && p->modules[i].prefix[n] == '.')
			return true;
	}
	return false;
}

void prefs_unclaimed(const struct prefs *p,
	void (*told)(void *arg, const char *where, const char *module), void *arg)
{
	for (size_t i = 0; i < p->n_settings; i++) {
		const struct pref_setting *s = &p->settings[i];
		bool is_first = true;
		for (size_t k = 0; k < i && is_first; k++)
			is_first = strcmp(p->settings[k].module, s->module) != 0;
		if (is_first && !is_claimed(p, s->module))
			told(arg, s->where, s->module);
	}
}

/* ---- files ---- */

struct ini_state {
	struct prefs *p;
	const char *path, *at;
	int line; /* that was read last */
	char why[PREFS_WHY];
	int err;
};

/* inih's reader: as fgets does, and counts. */
static char *read_line(char *dst, int cap, void *stream)
{
	struct ini_state *s = stream;
	size_t n = strcspn(s->at, "\n");
	bool is_whole = s->at[n] == '\n';

	if (!*s->at || cap < 2)
		return NULL;
	n += is_whole;
	if (n > (size_t)cap - 1) {
		n = (size_t)cap - 1;
		is_whole = false;
	}
	memcpy(dst, s->at, n);
	dst[n] = '\0';
	s->at += n;
	s->line += is_whole || !*s->at;
	return dst;
}

/* inih's handler: 1 = go on, 0 = the line is bad. */
static int on_ini(void *user, const char *section, const char *name, const char *value)
{
	struct ini_state *s = user;
	int err;

	if (s->err)
		return 0;
	if (!*section || strcmp(section, "server") == 0) {
		err = prefs_set(s->p, name, value ? value : "", s->why);
	} else {
		char *where = xasprintf("%s:%d", s->path, s->line);
		err = add_setting(s->p, bytes_str(section), bytes_str(name), value ? value : "",
			where, s->why);
		free(where);
	}
	s->err = err;
	return err == 0;
}

int prefs_read_file(struct prefs *p, const char *path, char *why)
{
	struct ini_state s = { .p = p, .path = path };
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
	s.at = text;
	int line = ini_parse_stream(read_line, &s, on_ini, &s);
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
