/* SPDX-License-Identifier: MIT */
#include "server/modules/auth_users.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

struct auth_member {
	UT_hash_handle hh;
	char key[];
};

/* ---- files ---- */

int auth_file_read(
	const struct file_reader *r, const char *what, const char *path, char **text, char *why)
{
	size_t n;
	int err = file_reader_read(r, path, AUTH_FILE_MAX, text, &n);

	if (!err && strlen(*text) != n) {
		free(*text);
		err = ERR_SYNTAX;
	}
	if (err)
		(void)snprintf(why, AUTH_WHY, "%s %.150s: %s", what, path, err_text(err));
	return err;
}

bool auth_next_line(struct bytes *text, struct bytes *line, unsigned *n)
{
	while (bytes_cut(text, '\n', line)) {
		++*n;
		*line = bytes_trim(*line);
		if (line->n && line->p[0] != '#')
			return true;
	}
	return false;
}

static int bad_line(char *why, const char *path, unsigned n, const char *what, int err)
{
	(void)snprintf(why, AUTH_WHY, "%.150s:%u: %s", path, n, what);
	return err;
}

/* A name that can stand in a file, in a header and in a log. */
static bool is_name(struct bytes v, size_t max)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < ' ' || v.p[i] == 0x7f || v.p[i] == ':')
			return false;
	}
	return v.n > 0 && v.n <= max;
}

/* ---- users ---- */

/* Hex of one hash, or nothing. */
static bool read_hash(struct auth_user *u, enum auth_hash h, struct bytes hex)
{
	if (hex.n == 0)
		return true;
	u->has[h] = auth_unhex(hex, u->ha1[h], auth_hash_size(h));
	return u->has[h];
}

/* NULL, or what is wrong with the line. */
static const char *read_user(struct bytes line, struct auth_user *u, struct bytes *realm)
{
	struct bytes name = { 0 }, md5 = { 0 }, sha256 = { 0 };

	*realm = (struct bytes){ 0 };
	(void)bytes_cut(&line, ':', &name);
	(void)bytes_cut(&line, ':', realm);
	(void)bytes_cut(&line, ':', &md5);
	(void)bytes_cut(&line, ':', &sha256);
	if (!is_name(name, AUTH_NAME_MAX) || realm->n == 0 || line.n)
		return "not 'user:realm:HA1' or 'user:realm:HA1:SHA-256 HA1'";
	if (!read_hash(u, AUTH_MD5, md5))
		return "HA1 is not 32 hex digits";
	if (!read_hash(u, AUTH_SHA256, sha256))
		return "the SHA-256 HA1 is not 64 hex digits";
	if (!u->has[AUTH_MD5] && !u->has[AUTH_SHA256])
		return "a user without a hash";
	return bytes_to_str(name, u->name, sizeof u->name) ? NULL : "a user without a name";
}

int auth_users_parse(
	struct auth_users *u, struct bytes text, const char *path, struct bytes realm, char *why)
{
	struct bytes line, of;
	unsigned n = 0;

	*u = (struct auth_users){ .all_have = { true, true } };
	while (auth_next_line(&text, &line, &n)) {
		struct auth_user *x = xcalloc(1, sizeof *x);
		const char *wrong = read_user(line, x, &of);
		if (!wrong && bytes_is_eq(of, realm) && auth_users_find(u, bytes_str(x->name)))
			wrong = "this user was there before";
		if (wrong || !bytes_is_eq(of, realm)) {
			free(x);
			if (wrong)
				return bad_line(why, path, n, wrong, ERR_SYNTAX);
			continue;
		}
		for (int h = 0; h < AUTH_HASH_COUNT; h++)
			u->all_have[h] = u->all_have[h] && x->has[h];
		HASH_ADD_STR(u->by_name, name, x);
	}
	if (u->by_name)
		return 0;
	(void)snprintf(why, AUTH_WHY, "%.120s: no user of realm '%.*s'", path,
		(int)(realm.n < 60 ? realm.n : 60), (const char *)realm.p);
	return ERR_MISSING;
}

int auth_users_read(struct auth_users *u, const struct file_reader *r, const char *path,
	struct bytes realm, char *why)
{
	char *text;

	*u = (struct auth_users){ 0 };
	int err = auth_file_read(r, "auth_users", path, &text, why);
	if (err)
		return err;
	err = auth_users_parse(u, bytes_str(text), path, realm, why);
	free(text);
	return err;
}

void auth_users_clear(struct auth_users *u)
{
	struct auth_user *x, *next;

	HASH_ITER(hh, u->by_name, x, next)
	{
		HASH_DEL(u->by_name, x);
		free(x);
	}
}

const struct auth_user *auth_users_find(const struct auth_users *u, struct bytes name)
{
	struct auth_user *x = NULL;

	if (name.n && name.n <= AUTH_NAME_MAX)
		HASH_FIND(hh, u->by_name, name.p, name.n, x);
	return x;
}

int auth_user_line(struct bytes name, struct bytes realm, struct bytes password, struct buf *out)
{
	uint8_t ha1[AUTH_OCTETS];
	char hex[AUTH_HASH_COUNT][AUTH_HEX];

	if (!is_name(name, AUTH_NAME_MAX) || !is_name(realm, SIZE_MAX) || name.p[0] == '#' ||
		bytes_trim(name).n != name.n || bytes_trim(realm).n != realm.n)
		return ERR_SYNTAX;
	for (enum auth_hash h = AUTH_MD5; h < AUTH_HASH_COUNT; h++) {
		auth_ha1(h, name, realm, password, ha1);
		auth_hex(ha1, auth_hash_size(h), hex[h]);
	}
	return buf_printf(out, "%.*s:%.*s:%s:%s\n", BYTES_FMT(name), BYTES_FMT(realm),
		hex[AUTH_MD5], hex[AUTH_SHA256]);
}

/* ---- groups ---- */

static bool has_key(struct auth_member *set, struct bytes key)
{
	struct auth_member *x = NULL;

	if (key.n)
		HASH_FIND(hh, set, key.p, key.n, x);
	return x != NULL;
}

static void add_key(struct auth_member **set, struct bytes key)
{
	if (has_key(*set, key))
		return;
	struct auth_member *x = xcalloc(1, sizeof *x + key.n + 1);
	memcpy(x->key, key.p, key.n);
	HASH_ADD_KEYPTR(hh, *set, x->key, key.n, x);
}

static void add_member(struct auth_groups *g, struct bytes group, struct bytes user)
{
	char *key = xasprintf("%.*s:%.*s", BYTES_FMT(group), BYTES_FMT(user));
	add_key(&g->members, bytes_str(key));
	free(key);
}

int auth_groups_parse(struct auth_groups *g, struct bytes text, const char *path, char *why)
{
	struct bytes line, group, user;
	unsigned n = 0;

	*g = (struct auth_groups){ 0 };
	while (auth_next_line(&text, &line, &n)) {
		bool has_colon = bytes_index(line, ':') < line.n;
		(void)bytes_cut(&line, ':', &group);
		group = bytes_trim(group);
		if (!has_colon || !is_name(group, AUTH_NAME_MAX))
			return bad_line(why, path, n, "not 'group: user user ...'", ERR_SYNTAX);
		add_key(&g->names, group);
		while (bytes_cut(&line, ' ', &user)) {
			user = bytes_trim(user);
			if (user.n && !is_name(user, AUTH_NAME_MAX))
				return bad_line(why, path, n, "no name of a user", ERR_SYNTAX);
			if (user.n)
				add_member(g, group, user);
		}
	}
	return 0;
}

int auth_groups_read(
	struct auth_groups *g, const struct file_reader *r, const char *path, char *why)
{
	char *text;

	*g = (struct auth_groups){ 0 };
	int err = auth_file_read(r, "auth_groups", path, &text, why);
	if (err)
		return err;
	err = auth_groups_parse(g, bytes_str(text), path, why);
	free(text);
	return err;
}

static void clear_set(struct auth_member **set)
{
	struct auth_member *x, *next;

	HASH_ITER(hh, *set, x, next)
	{
		HASH_DEL(*set, x);
		free(x);
	}
}

void auth_groups_clear(struct auth_groups *g)
{
	clear_set(&g->members);
	clear_set(&g->names);
}

bool auth_groups_know(const struct auth_groups *g, struct bytes group)
{
	return has_key(g->names, group);
}

bool auth_groups_have(const struct auth_groups *g, struct bytes group, struct bytes user)
{
	char key[2 * AUTH_NAME_MAX + 2];
	int n = snprintf(key, sizeof key, "%.*s:%.*s", BYTES_FMT(group), BYTES_FMT(user));

	return n > 0 && (size_t)n < sizeof key && has_key(g->members, bytes_of(key, (size_t)n));
}
