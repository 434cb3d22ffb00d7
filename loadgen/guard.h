/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_GUARD_H
#define LOADGEN_GUARD_H

#include <stdbool.h>

#include "server/net/sock.h"
#include "server/wire/url.h"

enum { GUARD_WHY = 200 };

/*
 * May this URL be loaded, and where is it? Reads the URL (views in *u borrow from url), resolves its
 * host and, unless any_host, refuses what is not loopback. 0 with *to; or ERR_SYNTAX, ERR_UNSUPPORTED,
 * ERR_NOT_FOUND (no such host), ERR_STATE (not loopback), with one line for people in why. The
 * line holds no password.
 */
MUST_USE int guard_check(
	const char *url, bool any_host, struct url *u, struct addr *to, char why[GUARD_WHY]);

#endif
