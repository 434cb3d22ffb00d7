/* SPDX-License-Identifier: MIT */
#include <sys/resource.h>
#include <unistd.h>

#include "server/args.h"
#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/server.h"
#include "server/modules/modules.h"
#include "server/privileges.h"
#include "server/service.h"

/* As many descriptors as we may have: each TCP client takes one. */
static void raise_limits(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l); /* refused: EMFILE pauses the listener */
	}
}

/* What the preferences are made from, again and again. */
struct args {
	int n;
	char **v;
	struct prefs *now;
};

/* SIGHUP: the command line and its files are read again. What is bad in them changes nothing. */
static void reload(struct server *s, void *arg)
{
	struct args *a = arg;
	char why[PREFS_WHY];
	struct prefs *next = prefs_new();

	if (args_reread(next, a->n, a->v, why) != 0) {
		log_write(LOG_E, "prefs", "%s: all stays as it was", why);
		prefs_free(next);
		return;
	}
	server_reload(s, next);
	prefs_free(a->now);
	a->now = next;
	log_write(LOG_I, "prefs", "read again");
}

/* From the first thread to the last; the exit code. */
static int run(struct server *s, struct args *a, const struct privileges *user, char *why)
{
	size_t n;
	char text[ADDR_TEXT];
	const struct module *const *list = modules_list(&n);
	const struct service_hooks hooks = { .reload = reload, .arg = a };

	if (server_init(s, a->now, list, n, true, why) != 0 || privileges_drop(user, why) != 0 ||
		service_check_files(a->now, why) != 0)
		return args_complain(why);
	server_start(s);
	printf("listening rtsp://%s/\n", addr_text(&s->listener.local, text));
	fflush(stdout);
	if (!service_run(s, &hooks)) {
		/* a thread is stuck in the kernel, and what it will touch cannot be freed */
		log_write(LOG_W, "server", "a disk has not answered: ending without it");
		_exit(EXIT_OK);
	}
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct args args = { argc, argv, prefs_new() };
	struct server server;
	struct privileges user = { .is_wanted = false };
	char why[PREFS_WHY] = "";
	enum log_level level = LOG_W;

	log_start(os_now(), level);
	int code = args_read(args.now, argc, argv);
	if (code < 0) {
		if (log_level_read(args.now->log, &level))
			log_set_level(level);
		if (service_check_files(args.now, why) != 0 ||
			privileges_read(&user, args.now, why) != 0) {
			code = args_complain(why);
		} else {
			service_block_signals();
			raise_limits();
			code = run(&server, &args, &user, why);
			server_clear(&server);
		}
	}
	privileges_clear(&user);
	prefs_free(args.now);
	return code;
}
