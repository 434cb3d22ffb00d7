/* SPDX-License-Identifier: MIT */
#include "server/modules/auth_data.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/base/os.h"

static const struct auth_scheme_row scheme_rows[] = {
	{ "sha-256", AUTH_DIGEST, AUTH_SHA256 },
	{ "md5", AUTH_DIGEST, AUTH_MD5 },
	{ "basic", AUTH_BASIC, AUTH_MD5 },
};
_Static_assert(COUNT(scheme_rows) == AUTH_SCHEMES_MAX, "each may be offered");

void auth_data_free(struct auth_data *d)
{
	if (!d)
		return;
	auth_rules_free(d->rules);
	auth_users_clear(&d->users);
	auth_groups_clear(&d->groups);
	auth_key_clear(&d->key);
	free(d->realm);
	free(d);
}

static int read_schemes(struct auth_data *d, const char *text, char *why)
{
	struct bytes rest = bytes_str(text), name;

	while (bytes_cut(&rest, ' ', &name)) {
		const struct auth_scheme_row *row = NULL;
		for (size_t i = 0; i < COUNT(scheme_rows); i++) {
			if (bytes_is_ieq(name, bytes_str(scheme_rows[i].name)))
				row = &scheme_rows[i];
		}
		if (name.n == 0)
			continue;
		for (size_t i = 0; i < d->n_schemes; i++)
			row = d->schemes[i] == row ? NULL : row; /* twice */
		if (!row) {
			(void)snprintf(why, PREFS_WHY,
				"auth_schemes: sha-256, md5 and basic, each once, not '%.60s'",
				text);
			return ERR_SYNTAX;
		}
		d->schemes[d->n_schemes++] = row;
	}
	return 0;
}

_Static_assert((int)AUTH_WHY <= (int)PREFS_WHY, "reasons fit");

static int data_read(
	struct auth_data *d, const struct prefs *p, const struct file_reader *r, char *why)
{
	int err = read_schemes(d, p->auth_schemes, why);

	d->realm = xstrdup(p->auth_realm);
	if (!err && *p->auth_users)
		err = auth_users_read(&d->users, r, p->auth_users, bytes_str(d->realm), why);
	if (!err && *p->auth_groups)
		err = auth_groups_read(&d->groups, r, p->auth_groups, why);
	if (!err && *p->auth_sign_key)
		err = auth_key_read(&d->key, r, p->auth_sign_key, why);
	if (err)
		return err;
	d->rules = auth_rules_new(r, p->auth_rules, &d->groups, why);
	return d->rules ? 0 : ERR_SYNTAX;
}

int auth_data_new(
	struct auth_data **out, const struct prefs *p, const struct file_reader *r, char *why)
{
	*out = NULL;
	if (!*p->auth_users && !*p->auth_rules && !*p->auth_sign_key)
		return 0;
	struct auth_data *d = xcalloc(1, sizeof *d);
	int err = data_read(d, p, r, why);
	if (err)
		auth_data_free(d);
	else
		*out = d;
	return err;
}
