/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_USERS_H
#define SERVER_MODULES_AUTH_USERS_H

#include <uthash.h>

#include "server/base/buf.h"
#include "server/core/file_reader.h"
#include "server/wire/auth.h"

/*
 * Who there is: files of users and of groups. Read whole, never changed afterwards.
 *
 * Users, a line each, as htdigest writes them: name:realm:MD5(name:realm:password), and, if there is a fourth
 * field, the same by SHA-256. The third may be empty when the fourth is there. Groups: name: user user …
 * Empty lines, and those that begin with '#', mean nothing.
 */
enum { AUTH_NAME_MAX = 63, AUTH_WHY = 256 };

struct auth_user {
	char name[AUTH_NAME_MAX + 1];
	bool has[AUTH_HASH_COUNT];
	uint8_t ha1[AUTH_HASH_COUNT][AUTH_OCTETS];
	UT_hash_handle hh;
};
struct auth_users {
	struct auth_user *by_name;
	bool all_have[AUTH_HASH_COUNT]; /* every one of them has this hash */
};

/* Users of this realm; those of others are passed over. 0, or an error with file and line in `why`
 * (AUTH_WHY bytes); *u is to be cleared in either case. */
MUST_USE int auth_users_read(struct auth_users *u, const struct file_reader *r, const char *path,
	struct bytes realm, char *why);
/* The same from text, named `path` in `why`. */
MUST_USE int auth_users_parse(
	struct auth_users *u, struct bytes text, const char *path, struct bytes realm, char *why);
void auth_users_clear(struct auth_users *u);
/* NULL: there is none. */
const struct auth_user *auth_users_find(const struct auth_users *u, struct bytes name);
/* Appends the line of a user, with both hashes. ERR_SYNTAX: a colon or a control in name or realm, or a name
 * that is empty or too long. */
MUST_USE int auth_user_line(
	struct bytes name, struct bytes realm, struct bytes password, struct buf *out);

struct auth_groups {
	struct auth_member *members; /* by "group:user" */
	struct auth_member *names;   /* by "group" */
};
MUST_USE int auth_groups_read(
	struct auth_groups *g, const struct file_reader *r, const char *path, char *why);
MUST_USE int auth_groups_parse(
	struct auth_groups *g, struct bytes text, const char *path, char *why);
void auth_groups_clear(struct auth_groups *g);
bool auth_groups_know(const struct auth_groups *g, struct bytes group);
bool auth_groups_have(const struct auth_groups *g, struct bytes group, struct bytes user);

/* A text file of at most AUTH_FILE_MAX bytes, without a NUL in it: the caller frees *text. `what` and the path
 * stand in `why`. */
enum { AUTH_FILE_MAX = 16 << 20 };
MUST_USE int auth_file_read(
	const struct file_reader *r, const char *what, const char *path, char **text, char *why);
/* The next line that says something, trimmed; counts in *n. */
bool auth_next_line(struct bytes *text, struct bytes *line, unsigned *n);

#endif
