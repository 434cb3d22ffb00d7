/* SPDX-License-Identifier: MIT */
#ifndef SERVER_PRIVILEGES_H
#define SERVER_PRIVILEGES_H

#include "server/core/prefs.h"

/*
 * Giving up root for run_user_name and run_group_name (those of the Darwin server), for good. Listeners,
 * logs and certificates are opened before, media and statistics after.
 */
struct privileges {
	bool is_wanted;
	unsigned uid, gid;
	char *user; /* NULL: the supplementary groups are dropped, not looked up */
};

/* Before any thread: looks the names up; no exec from here on gives more than we have. 0, or an error with its
 * reason in `why` (PREFS_WHY bytes): no such name, not root. The caller clears, whatever it answers. */
MUST_USE int privileges_read(struct privileges *v, const struct prefs *p, char *why);
/* Changes groups and user of all threads and proves that there is no way back. */
MUST_USE int privileges_drop(const struct privileges *v, char *why);
void privileges_clear(struct privileges *v);

#endif
