/* SPDX-License-Identifier: MIT */
#ifndef SERVER_SANDBOX_H
#define SERVER_SANDBOX_H

#include "server/core/prefs.h"

/*
 * A seccomp filter over all threads, those to come included: system calls that a server which has started has
 * no need of are not made any more: no exec, no new process, no memory that is both new and executable, no
 * sockets but IPv4, IPv6 and AF_UNIX, no ptrace, mount, kernel keys … Prefs->seccomp:
 *
 *   off     no filter
 *   refuse  EPERM, and a line on stderr that names the call (the first SANDBOX_LINES)
 *   kill    the line, and the process ends by SIGSYS
 *
 * Modules live under it, too, from their first turn on: what they need beyond it they do in init or
 * worker_init, or it stands in seccomp_allow: names of system calls, which are allowed whatever their arguments.
 */
enum { SANDBOX_LINES = 100 };

/* When all threads run. 0, or an error with its reason in `why` (PREFS_WHY bytes). A build with
 * AddressSanitizer, which needs more, has none: that is a warning. */
MUST_USE int sandbox_start(const struct prefs *p, char *why);

#endif
