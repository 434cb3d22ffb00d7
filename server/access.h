/* SPDX-License-Identifier: MIT */
#ifndef SERVER_ACCESS_H
#define SERVER_ACCESS_H

#include <stdbool.h>

/* What beagle-server does for who gives out access, instead of serving: lines of the users file, signed URLs. */

/* Is argv[i] the flag `name`, alone or with "=value"? */
bool access_is_flag(const char *arg, const char *name);
/* --hash-password USER[:REALM], and nothing else: reads the password from the terminal, unseen and twice, or
 * one line of standard input; prints the line. The exit code. */
int access_hash_password(int argc, char **argv);
/* --sign-url URL --expires SECONDS|@UNIX [--client ADDRESS] --auth-sign-key FILE: prints the URL. The exit
 * code. */
int access_sign_url(int argc, char **argv);

#endif
