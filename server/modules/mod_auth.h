/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_MOD_AUTH_H
#define SERVER_MODULES_MOD_AUTH_H

#include "server/core/module.h"

/*
 * Who asks (authenticate), and may he (authorize): Digest and Basic against a file of users, rules by path,
 * signed URLs. Does nothing while none of auth_users, auth_rules, auth_sign_key is set. Every request is
 * looked at, not only the first; OPTIONS without credentials is free
 * unless auth_options is set.
 */
extern const struct module mod_auth;

#endif
