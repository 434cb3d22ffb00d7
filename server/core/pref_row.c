/* SPDX-License-Identifier: MIT */
#include "server/core/pref_row.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/net/prefix.h"

static void *field(void *values, const struct pref_row *r)
{
	return (char *)values + r->offset;
}

static const void *field_of(const void *values, const struct pref_row *r)
{
	return (const char *)values + r->offset;
}

static bool is_str(const struct pref_row *r)
{
	return r->kind == PREF_KIND_STR || r->kind == PREF_KIND_WORD || r->kind == PREF_KIND_LIST;
}

static void set_str(char **s, struct bytes value)
{
	char *copy = xasprintf("%.*s", BYTES_FMT(value));
	free(*s);
	*s = copy;
}

static void set_default(const struct pref_row *r, void *dst)
{
	switch (r->kind) {
	case PREF_KIND_NUM: *(int64_t *)dst = r->def; return;
	case PREF_KIND_STR:
	case PREF_KIND_LIST:
	case PREF_KIND_WORD: *(char **)dst = xstrdup(r->def_text); return;
	case PREF_KIND_NETS:
		if (prefixes_read(dst, bytes_str(r->def_text)) != 0)
			die("default of %s", r->name);
	}
}

void pref_table_init(const struct pref_table *t, void *values)
{
	for (size_t i = 0; i < t->n; i++)
		set_default(&t->rows[i], field(values, &t->rows[i]));
}

void pref_table_clear(const struct pref_table *t, void *values)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct pref_row *r = &t->rows[i];
		if (!is_str(r))
			continue;
		free(*(char **)field(values, r));
		*(char **)field(values, r) = NULL;
	}
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

static int set_num(const struct pref_table *t, const struct pref_row *r, int64_t *dst,
	const char *value, char *why)
{
	uint64_t v = 0;
	bool is_number = bytes_to_u64(bytes_str(value), INT64_MAX, &v);

	if (!is_number || (int64_t)v < r->min || (int64_t)v > r->max) {
		(void)snprintf(why, PREFS_WHY, "%s%s must be %lld to %lld (%s), not '%.60s'",
			t->prefix, r->name, (long long)r->min, (long long)r->max, r->unit, value);
		return is_number ? ERR_RANGE : ERR_SYNTAX;
	}
	*dst = (int64_t)v;
	return 0;
}

static int set_word(const struct pref_table *t, const struct pref_row *r, char **dst,
	const char *value, char *why)
{
	struct bytes words = bytes_str(r->words), asked = bytes_str(value), word;

	while (bytes_cut(&words, ' ', &word)) {
		if (bytes_is_eq(word, asked) || (asked.n == 1 && asked.p[0] == word.p[0])) {
			set_str(dst, word);
			return 0;
		}
	}
	(void)snprintf(why, PREFS_WHY, "%s%s must be one of: %s; not '%.60s'", t->prefix, r->name,
		r->words, value);
	return ERR_SYNTAX;
}

static int set_nets(const struct pref_table *t, const struct pref_row *r, struct prefixes *dst,
	const char *value, char *why)
{
	struct prefixes nets;
	int err = prefixes_read(&nets, bytes_str(value));

	if (err)
		(void)snprintf(why, PREFS_WHY,
			"%s%s must be at most %d addresses or blocks like 10.0.0.0/8, not '%.60s'",
			t->prefix, r->name, PREFIXES_MAX, value);
	else
		*dst = nets;
	return err;
}

/* An empty value empties the list. */
static int add_to_list(const struct pref_table *t, const struct pref_row *r, char **dst,
	const char *value, char *why)
{
	if (strchr(value, '\n')) {
		(void)snprintf(why, PREFS_WHY, "%s%s must be one line", t->prefix, r->name);
		return ERR_SYNTAX;
	}
	char *all = *value && **dst ? xasprintf("%s\n%s", *dst, value) : xstrdup(value);
	free(*dst);
	*dst = all;
	return 0;
}

int pref_table_set(
	const struct pref_table *t, void *values, const char *name, const char *value, char *why)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct pref_row *r = &t->rows[i];
		if (!is_name(name, r->name))
			continue;
		switch (r->kind) {
		case PREF_KIND_NUM: return set_num(t, r, field(values, r), value, why);
		case PREF_KIND_WORD: return set_word(t, r, field(values, r), value, why);
		case PREF_KIND_NETS: return set_nets(t, r, field(values, r), value, why);
		case PREF_KIND_LIST: return add_to_list(t, r, field(values, r), value, why);
		case PREF_KIND_STR: set_str(field(values, r), bytes_str(value)); return 0;
		}
	}
	return ERR_NOT_FOUND;
}

static bool is_same(const void *a, const void *b, const struct pref_row *r)
{
	switch (r->kind) {
	case PREF_KIND_NUM: return *(const int64_t *)a == *(const int64_t *)b;
	case PREF_KIND_STR:
	case PREF_KIND_LIST:
	case PREF_KIND_WORD: return strcmp(*(char *const *)a, *(char *const *)b) == 0;
	case PREF_KIND_NETS: return memcmp(a, b, sizeof(struct prefixes)) == 0;
	}
	return false;
}

static void copy(const struct pref_row *r, void *dst, const void *src)
{
	switch (r->kind) {
	case PREF_KIND_NUM: *(int64_t *)dst = *(const int64_t *)src; return;
	case PREF_KIND_STR:
	case PREF_KIND_LIST:
	case PREF_KIND_WORD: set_str(dst, bytes_str(*(char *const *)src)); return;
	case PREF_KIND_NETS: *(struct prefixes *)dst = *(const struct prefixes *)src;
	}
}

void pref_table_keep_fixed(const struct pref_table *t, void *next, const void *now,
	void (*told)(void *arg, const char *prefix, const char *name), void *arg)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct pref_row *r = &t->rows[i];
		const void *from = field_of(now, r);
		if (!r->is_fixed || is_same(field(next, r), from, r))
			continue;
		copy(r, field(next, r), from);
		told(arg, t->prefix, r->name);
	}
}

void pref_table_help(const struct pref_table *t, const char *before, FILE *f)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct pref_row *r = &t->rows[i];
		const char *fixed = r->is_fixed ? "; fixed while it runs" : "";
		char flag[96];
		int n = snprintf(flag, sizeof flag, "%s%s%s", before, t->prefix, r->name);
		for (int k = 2; k < n && (size_t)k < sizeof flag; k++) {
			if (flag[k] == '_')
				flag[k] = '-';
		}
		if (r->kind == PREF_KIND_NUM)
			fprintf(f, "  %-34s %s (%s, %lld to %lld; default %lld%s)\n", flag, r->text,
				r->unit, (long long)r->min, (long long)r->max, (long long)r->def,
				fixed);
		else
			fprintf(f, "  %-34s %s (default '%s'%s)\n", flag, r->text, r->def_text,
				fixed);
	}
}
