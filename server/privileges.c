/* SPDX-License-Identifier: MIT */
#include "server/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "server/base/os.h"

static int refuse(char *why, const char *pref, const char *name, const char *reason)
{
	(void)snprintf(why, PREFS_WHY, "%s '%.60s': %s", pref, name, reason);
	return ERR_SYNTAX;
}

static int read_user(struct privileges *v, const char *name, char *why)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return refuse(why, "run_user_name", name, "there is no such user");
	v->uid = pw->pw_uid;
	v->gid = pw->pw_gid;
	v->user = xstrdup(name);
	return 0;
}

static int read_group(struct privileges *v, const char *name, char *why)
{
	const struct group *g = getgrnam(name);

	if (!g)
		return refuse(why, "run_group_name", name, "there is no such group");
	v->gid = g->gr_gid;
	return 0;
}

int privileges_read(struct privileges *v, const struct prefs *p, char *why)
{
	const char *user = p->run_user_name, *group = p->run_group_name;

	*v = (struct privileges){
		.is_wanted = *user || *group, .uid = geteuid(), .gid = getegid()
	};
	if (!v->is_wanted)
		return 0;
	int err = *user ? read_user(v, user, why) : 0;
	if (!err && *group)
		err = read_group(v, group, why);
	if (err)
		return err;
	/* who is that user already has nothing to give up, nor the means to change anything */
	if (geteuid() != 0 && (v->uid != geteuid() || v->gid != getegid()))
		return refuse(why, *user ? "run_user_name" : "run_group_name", *user ? user : group,
			"only root can become someone else");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return refuse(why, "run_user_name", user, "the kernel knows no no_new_privs");
	return 0;
}

static int set_groups(const struct privileges *v)
{
	gid_t gid = (gid_t)v->gid;
	return v->user ? initgroups(v->user, gid) : setgroups(1, &gid);
}

/* Is there a way back? Asked of the kernel, not of what we believe. */
static bool is_for_good(const struct privileges *v)
{
	uid_t u[3];
	gid_t g[3];

	if (getresuid(&u[0], &u[1], &u[2]) != 0 || getresgid(&g[0], &g[1], &g[2]) != 0)
		return false;
	for (int i = 0; i < 3; i++) {
		if (u[i] != v->uid || g[i] != v->gid)
			return false;
	}
	return v->uid == 0 || (setuid(0) != 0 && seteuid(0) != 0 && setresuid(0, 0, 0) != 0);
}

int privileges_drop(const struct privileges *v, char *why)
{
	if (!v->is_wanted)
		return 0;
	if (geteuid() == 0 && (set_groups(v) != 0 || setresgid(v->gid, v->gid, v->gid) != 0 ||
				      setresuid(v->uid, v->uid, v->uid) != 0)) {
		int err = -errno;
		(void)snprintf(why, PREFS_WHY, "run_user_name: cannot become user %u, group %u: %s",
			v->uid, v->gid, err_text(err));
		return err;
	}
	if (is_for_good(v))
		return 0;
	(void)snprintf(
		why, PREFS_WHY, "run_user_name: user %u, group %u can be undone", v->uid, v->gid);
	return ERR_SYNTAX;
}

void privileges_clear(struct privileges *v)
{
	free(v->user);
	v->user = NULL;
}
