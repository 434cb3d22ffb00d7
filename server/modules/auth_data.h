/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_DATA_H
#define SERVER_MODULES_AUTH_DATA_H

#include "server/core/prefs.h"
#include "server/modules/auth_rules.h"
#include "server/modules/auth_sign.h"
#include "server/modules/auth_users.h"

/* What the files of mod_auth say: users, groups, rules, key. Never changed, replaced as a whole. */

/* A scheme that can be offered, by its name in pref auth_schemes. */
struct auth_scheme_row {
	const char *name;
	enum auth_scheme scheme;
	enum auth_hash hash;
};
enum { AUTH_SCHEMES_MAX = 3 };

struct auth_data {
	struct auth_users users;
	struct auth_groups groups;
	struct auth_rules *rules;
	struct auth_key key;
	const struct auth_scheme_row *schemes[AUTH_SCHEMES_MAX]; /* in the order of the offer */
	size_t n_schemes;
	char *realm;
};

/* *out: what the prefs name, or NULL when they ask for nothing. An error has one line in `why` (PREFS_WHY
 * bytes). */
MUST_USE int auth_data_new(
	struct auth_data **out, const struct prefs *p, const struct file_reader *r, char *why);
void auth_data_free(struct auth_data *d); /* NULL is fine */

#endif
