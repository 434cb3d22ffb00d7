/* SPDX-License-Identifier: MIT */
#include "server/modules/auth_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/net/prefix.h"
#include "server/wire/url.h"

enum { RULES_MAX = 4096, NAMES_MAX = 4096 };

enum who_kind { WHO_UNSAID, WHO_NOBODY, WHO_ANYONE, WHO_VALID, WHO_NAMED };
struct who {
	enum who_kind kind;
	char *names; /* WHO_NAMED: with blanks between */
};

struct section {
	char *path;
	struct who who[ACTION_COUNT];
	bool has_allow;
	struct prefixes allow, deny;
};

struct auth_rules {
	const struct auth_groups *groups;
	struct section **v; /* longest path first */
	size_t n;
};

static const char *const action_names[ACTION_COUNT] = {
	[ACTION_READ] = "read", [ACTION_PUBLISH] = "publish", [ACTION_ADMIN] = "admin"
};

/* ---- reading: not by inih, which cuts a section's name at 49 octets ---- */

struct reader {
	struct auth_rules *r;
	struct section *at;
	char *why;
};

static int bad(struct reader *rd, int err, const char *what, struct bytes v)
{
	int n = (int)(v.n < 80 ? v.n : 80);
	(void)snprintf(rd->why, AUTH_WHY, "%s '%.*s'", what, n, (const char *)v.p);
	return err;
}

static int read_section(struct reader *rd, struct bytes name)
{
	char path[TXN_PATH];

	if (name.n == 0 || name.p[0] != '/' || url_path_decode(name, path, sizeof path) != 0)
		return bad(rd, ERR_SYNTAX, "a section must be a path, not", name);
	for (size_t i = 0; i < rd->r->n; i++) {
		if (strcmp(rd->r->v[i]->path, path) == 0)
			return bad(rd, ERR_SYNTAX, "there was a section before for", name);
	}
	if (rd->r->n == RULES_MAX)
		return bad(rd, ERR_LIMIT, "one section too many:", name);
	rd->at = xcalloc(1, sizeof *rd->at);
	rd->at->path = xstrdup(path);
	rd->r->v = xrealloc(rd->r->v, (rd->r->n + 1) * sizeof *rd->r->v);
	rd->r->v[rd->r->n++] = rd->at;
	return 0;
}

/* Blanks and commas separate names; one that is no group, or no name, is refused: it would lock someone out, or
 * let nobody in, without a word. */
static int read_names(struct reader *rd, struct bytes value, struct who *w)
{
	struct bytes name;

	w->kind = WHO_NAMED;
	w->names = xasprintf("%.*s", BYTES_FMT(value));
	for (char *p = w->names; *p; p++)
		*p = *p == ',' || *p == '\t' ? ' ' : *p;
	struct bytes rest = bytes_str(w->names);
	while (bytes_cut(&rest, ' ', &name)) {
		struct bytes group = bytes_sub(name, 1, name.n);
		if (name.n && name.p[0] == '@' && !auth_groups_know(rd->r->groups, group))
			return bad(rd, ERR_NOT_FOUND, "there is no group", group);
		if (bytes_is_eq(name, B("anyone")) || bytes_is_eq(name, B("valid-user")) ||
			bytes_is_eq(name, B("nobody")))
			return bad(rd, ERR_SYNTAX, "this word stands alone:", name);
	}
	return 0;
}

static int read_who(struct reader *rd, struct bytes value, struct who *w)
{
	static const struct {
		const char *word;
		enum who_kind kind;
	} words[] = { { "nobody", WHO_NOBODY }, { "anyone", WHO_ANYONE },
		{ "valid-user", WHO_VALID } };

	if (w->kind != WHO_UNSAID)
		return bad(rd, ERR_SYNTAX, "said twice:", value);
	if (value.n == 0 || value.n > NAMES_MAX)
		return bad(rd, ERR_SYNTAX, "who? nobody is 'nobody', not", value);
	for (size_t i = 0; i < COUNT(words); i++) {
		if (bytes_is_eq(value, bytes_str(words[i].word))) {
			w->kind = words[i].kind;
			return 0;
		}
	}
	return read_names(rd, value, w);
}

static int read_addresses(struct reader *rd, struct bytes value, struct prefixes *p)
{
	if (p->n)
		return bad(rd, ERR_SYNTAX, "said twice:", value);
	int err = prefixes_read(p, value);
	if (err == ERR_LIMIT)
		return bad(rd, err, "more than 32 addresses in", value);
	return err || p->n == 0 ? bad(rd, ERR_SYNTAX, "no list of addresses:", value) : 0;
}

static int read_key(struct reader *rd, struct bytes key, struct bytes value)
{
	if (!rd->at)
		return bad(rd, ERR_SYNTAX, "before the first [/path]:", key);
	for (int i = 0; i < ACTION_COUNT; i++) {
		if (bytes_is_eq(key, bytes_str(action_names[i])))
			return read_who(rd, value, &rd->at->who[i]);
	}
	if (bytes_is_eq(key, B("allow"))) {
		rd->at->has_allow = true;
		return read_addresses(rd, value, &rd->at->allow);
	}
	if (bytes_is_eq(key, B("deny")))
		return read_addresses(rd, value, &rd->at->deny);
	return bad(rd, ERR_NOT_FOUND, "not read, publish, admin, allow or deny:", key);
}

static int read_line(struct reader *rd, struct bytes line)
{
	struct bytes key;

	if (line.p[0] == ';')
		return 0;
	if (line.p[0] == '[') {
		if (line.p[line.n - 1] != ']')
			return bad(rd, ERR_SYNTAX, "no ']' at the end of", line);
		return read_section(rd, bytes_trim(bytes_sub(line, 1, line.n - 2)));
	}
	if (bytes_index(line, '=') == line.n)
		return bad(rd, ERR_SYNTAX, "this is no 'name = value':", line);
	(void)bytes_cut(&line, '=', &key);
	return read_key(rd, bytes_trim(key), bytes_trim(line));
}

static int by_length(const void *a, const void *b)
{
	size_t x = strlen((*(const struct section *const *)a)->path);
	size_t y = strlen((*(const struct section *const *)b)->path);
	return (x < y) - (x > y);
}

struct auth_rules *auth_rules_parse(
	struct bytes text, const char *path, const struct auth_groups *groups, char *why)
{
	char what[AUTH_WHY] = "";
	struct auth_rules *r = xcalloc(1, sizeof *r);
	struct reader rd = { .r = r, .why = what };
	struct bytes line;
	unsigned n = 0;

	r->groups = groups;
	while (auth_next_line(&text, &line, &n)) {
		if (read_line(&rd, line) == 0)
			continue;
		(void)snprintf(why, AUTH_WHY, "%.100s:%u: %.130s", path, n, what);
		auth_rules_free(r);
		return NULL;
	}
	if (r->n)
		qsort(r->v, r->n, sizeof(struct section *), by_length);
	return r;
}

struct auth_rules *auth_rules_new(
	const struct file_reader *r, const char *path, const struct auth_groups *groups, char *why)
{
	char *text = NULL;

	if (*path && auth_file_read(r, "auth_rules", path, &text, why) != 0)
		return NULL;
	struct auth_rules *made = auth_rules_parse(bytes_str(text), path, groups, why);
	free(text);
	return made;
}

void auth_rules_free(struct auth_rules *r)
{
	for (size_t i = 0; r && i < r->n; i++) {
		for (int k = 0; k < ACTION_COUNT; k++)
			free(r->v[i]->who[k].names);
		free(r->v[i]->path);
		free(r->v[i]);
	}
	if (r)
		free(r->v);
	free(r);
}

/* ---- asking ---- */

static bool is_from_allowed(const struct auth_rules *r, const struct auth_ask *a)
{
	bool said = false, is_allowed = true;

	for (size_t i = 0; i < r->n; i++) {
		const struct section *s = r->v[i];
		if (!url_path_is_within(a->path, s->path))
			continue;
		if (prefixes_has(&s->deny, a->peer))
			return false;
		if (s->has_allow && !said) {
			said = true;
			is_allowed = prefixes_has(&s->allow, a->peer);
		}
	}
	return is_allowed;
}

static const struct who *who_of(const struct auth_rules *r, const struct auth_ask *a)
{
	static const struct who unsaid[ACTION_COUNT] = { [ACTION_READ] = { WHO_VALID, NULL },
		[ACTION_PUBLISH] = { WHO_VALID, NULL },
		[ACTION_ADMIN] = { WHO_NOBODY, NULL } };

	for (size_t i = 0; i < r->n; i++) {
		const struct who *w = &r->v[i]->who[a->action];
		if (w->kind != WHO_UNSAID && url_path_is_within(a->path, r->v[i]->path))
			return w;
	}
	return &unsaid[a->action];
}

static bool is_named(const struct auth_rules *r, const struct who *w, struct bytes user)
{
	struct bytes rest = bytes_str(w->names), name;

	while (bytes_cut(&rest, ' ', &name)) {
		if (name.n == 0)
			continue;
		if (name.p[0] == '@' ? auth_groups_have(r->groups, bytes_sub(name, 1, name.n), user)
				     : bytes_is_eq(name, user))
			return true;
	}
	return false;
}

enum auth_answer auth_rules_ask(const struct auth_rules *r, const struct auth_ask *a)
{
	const struct who *w = who_of(r, a);

	if (!is_from_allowed(r, a) || w->kind == WHO_NOBODY)
		return AUTH_REFUSED;
	if (w->kind == WHO_ANYONE || (a->by_signature && a->action == ACTION_READ))
		return AUTH_GRANTED;
	if (a->user.n == 0)
		return AUTH_LOGIN;
	return w->kind == WHO_VALID || is_named(r, w, a->user) ? AUTH_GRANTED : AUTH_REFUSED;
}
