/* SPDX-License-Identifier: MIT */
#include "server/core/prefs.h"

#include <ini.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum pref_kind { PREF_KIND_NUM, PREF_KIND_STR, PREF_KIND_NETS };
enum { INI_MAX = 1 << 20 };

struct pref_row {
	const char *name;
	enum pref_kind kind;
	size_t offset;
	int64_t def, min, max;
	const char *def_text, *unit, *text;
};

static const struct pref_row rows[] = {
#define PREF_NUM(name, def, min, max, unit, text) \
	{ #name, PREF_KIND_NUM, offsetof(struct prefs, name), def, min, max, #def, unit, text },
#define PREF_STR(name, def, text) \
	{ #name, PREF_KIND_STR, offsetof(struct prefs, name), 0, 0, 0, def, "text", text },
#define PREF_NETS(name, def, text) \
	{ #name, PREF_KIND_NETS, offsetof(struct prefs, name), 0, 0, 0, def, "addresses", text },
#include "server/prefs.def"
#undef PREF_NUM
#undef PREF_STR
#undef PREF_NETS
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

static void *field(struct prefs *p, const struct pref_row *r)
{
	return (char *)p + r->offset;
}

static void set_default(struct prefs *p, const struct pref_row *r)
{
	switch (r->kind) {
	case PREF_KIND_NUM: *(int64_t *)field(p, r) = r->def; return;
	case PREF_KIND_STR: *(char **)field(p, r) = xstrdup(r->def_text); return;
	case PREF_KIND_NETS:
		if (prefixes_read(field(p, r), bytes_str(r->def_text)) != 0)
			die("default of %s", r->name);
	}
}

void prefs_init(struct prefs *p)
{
	*p = (struct prefs){ .seed = 1, .profile = profiles[0].profile };
	p->faults = xcalloc(PREFS_FAULTS_MAX, sizeof *p->faults);
	for (size_t i = 0; i < COUNT(rows); i++)
		set_default(p, &rows[i]);
}

void prefs_clear(struct prefs *p)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].kind == PREF_KIND_STR)
			free(*(char **)field(p, &rows[i]));
	}
	for (size_t i = 0; i < p->n_faults; i++)
		free(p->faults[i]);
	free(p->faults);
	free(p->stats_file);
	free(p->access_log);
	*p = (struct prefs){ 0 };
}

/* "rtp-timeout" is "rtp_timeout". */
static bool is_name(const char *asked, const char *name)
{
	for (; *asked && *name; asked++, name++) {
		if (*asked != *name && !(*asked == '-' && *name == '_'))
			return false;
	}
	return *asked == *name;
}

static int set_num(struct prefs *p, const struct pref_row *r, const char *value, char *why)
{
	uint64_t v = 0;
	bool is_number = bytes_to_u64(bytes_str(value), INT64_MAX, &v);

	if (!is_number || (int64_t)v < r->min || (int64_t)v > r->max) {
		(void)snprintf(why, PREFS_WHY, "%s must be %lld to %lld (%s), not '%.60s'", r->name,
			(long long)r->min, (long long)r->max, r->unit, value);
		return is_number ? ERR_RANGE : ERR_SYNTAX;
	}
	*(int64_t *)field(p, r) = (int64_t)v;
	return 0;
}

static void set_str(struct prefs *p, const struct pref_row *r, const char *value)
{
	char **s = field(p, r);
	free(*s);
	*s = xstrdup(value);
}

static int set_nets(struct prefs *p, const struct pref_row *r, const char *value, char *why)
{
	struct prefixes nets;
	int err = prefixes_read(&nets, bytes_str(value));

	if (err)
		(void)snprintf(why, PREFS_WHY,
			"%s must be at most %d addresses or blocks like 10.0.0.0/8, not '%.60s'",
			r->name, PREFIXES_MAX, value);
	else
		*(struct prefixes *)field(p, r) = nets;
	return err;
}

static int set_row(struct prefs *p, const struct pref_row *r, const char *value, char *why)
{
	switch (r->kind) {
	case PREF_KIND_NUM: return set_num(p, r, value, why);
	case PREF_KIND_STR: set_str(p, r, value); return 0;
	case PREF_KIND_NETS: return set_nets(p, r, value, why);
	}
	return ERR_NOT_FOUND;
}

int prefs_set(struct prefs *p, const char *name, const char *value, char *why)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (is_name(name, rows[i].name))
			return set_row(p, &rows[i], value, why);
	}
	(void)snprintf(why, PREFS_WHY, "there is no preference '%.60s'", name);
	return ERR_NOT_FOUND;
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
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct pref_row *r = &rows[i];
		char flag[64];
		int n = snprintf(flag, sizeof flag, "--%s", r->name);
		for (int k = 2; k < n; k++) {
			if (flag[k] == '_')
				flag[k] = '-';
		}
		if (r->kind == PREF_KIND_NUM)
			fprintf(f, "  %-34s %s (%s, %lld to %lld; default %lld)\n", flag, r->text,
				r->unit, (long long)r->min, (long long)r->max, (long long)r->def);
		else
			fprintf(f, "  %-34s %s (default '%s')\n", flag, r->text, r->def_text);
	}
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
