/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_RULES_H
#define SERVER_MODULES_AUTH_RULES_H

#include "server/core/rtsp_txn.h"
#include "server/modules/auth_users.h"

/*
 * Who may do what, where. A file of sections named by path, with any of these keys:
 *
 *   [/films/new]
 *   read = anna @staff           anyone, valid-user, nobody, or names of users and @groups
 *   publish = @studio
 *   admin = nobody
 *   allow = 10.0.0.0/8 ::1       from there only
 *   deny = 10.6.6.6              not from there
 *
 * A section holds for its path and all that lies beneath, whole segments compared; of several the one with
 * the longest path, key by key: what it does not say, the one above says. deny holds from every section on
 * the way, before all else. Without any section read and publish are for valid-user, admin for nobody. Paths
 * are those of requests, decoded and without dots and double slashes: a path has one spelling only.
 */
struct auth_rules;

enum auth_answer {
	AUTH_GRANTED,
	AUTH_LOGIN,   /* who asks has to say who he is */
	AUTH_REFUSED, /* whoever it is, or he is known and not among them */
};

/* Who asks for what. */
struct auth_ask {
	const char *path;
	enum rtsp_action action;
	struct bytes user; /* empty: nobody */
	bool by_signature; /* stands for any login to read */
	const struct addr *peer;
};

/* NULL, with file and line in `why` (AUTH_WHY bytes). path "": no sections. Groups must outlive the rules. */
struct auth_rules *auth_rules_new(
	const struct file_reader *r, const char *path, const struct auth_groups *groups, char *why);
struct auth_rules *auth_rules_parse(
	struct bytes text, const char *path, const struct auth_groups *groups, char *why);
void auth_rules_free(struct auth_rules *r);
enum auth_answer auth_rules_ask(const struct auth_rules *r, const struct auth_ask *a);

#endif
