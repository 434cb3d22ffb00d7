/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/args.h"
#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/server.h"
#include "server/modules/modules.h"

/* As many descriptors as we may have: each TCP client takes one. */
static void raise_limits(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &l); /* refused: EMFILE pauses the listener */
	}
}

static void write_stats(struct server *s)
{
	struct stats sum;

	if (!s->prefs->stats_file)
		return;
	server_stats(s, &sum);
	int err = stats_write_file(&sum, s->n_workers, s->prefs->profile,
		tick_seconds(os_now() - s->started), s->prefs->stats_file);
	if (err)
		log_write(LOG_E, "server", "%s: %s", s->prefs->stats_file, err_text(err));
}

/* Can the statistics be written? Found out before serving, not after. */
static int check_stats(const struct prefs *p, char *why)
{
	if (!p->stats_file)
		return 0;
	struct outfile *o = outfile_open(p->stats_file);
	if (!o) {
		int err = -errno;
		(void)snprintf(
			why, PREFS_WHY, "statistics %.150s: %s", p->stats_file, err_text(err));
		return err;
	}
	outfile_abort(o);
	return 0;
}

/* What the preferences are made from, again and again. */
struct args {
	int n;
	char **v;
	struct prefs *now;
};

/* SIGHUP: the command line and its files are read again. What is bad in them changes nothing. */
static void reload(struct server *s, struct args *a)
{
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

/* Signals are handled by this thread alone, one after the other. */
static void serve(struct server *s, const sigset_t *set, struct args *a)
{
	char text[ADDR_TEXT];
	int sig;

	server_start(s);
	printf("listening rtsp://%s/\n", addr_text(&s->listener.local, text));
	fflush(stdout);
	while (sigwait(set, &sig) == 0 && (sig == SIGUSR1 || sig == SIGHUP)) {
		if (sig == SIGHUP)
			reload(s, a);
		else
			write_stats(s);
	}
	log_write(LOG_I, "server", "ending: signal %d", sig);
	bool clean = server_stop(s);
	write_stats(s);
	if (!clean) {
		/* a thread is stuck in the kernel, and what it will touch cannot be freed */
		log_write(LOG_W, "server", "a disk has not answered: ending without it");
		_exit(EXIT_OK);
	}
}

int main(int argc, char **argv)
{
	struct args args = { argc, argv, prefs_new() };
	struct server server;
	char why[PREFS_WHY] = "";
	enum log_level level = LOG_W;
	sigset_t set;
	size_t n;

	log_start(os_now(), level);
	int code = args_read(args.now, argc, argv);
	if (code >= 0) {
		prefs_free(args.now);
		return code;
	}
	if (log_level_read(args.now->log, &level))
		log_set_level(level);
	if (check_stats(args.now, why) != 0) {
		prefs_free(args.now);
		return args_complain(why);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* the threads inherit it */
	(void)signal(SIGPIPE, SIG_IGN);
	raise_limits();
	const struct module *const *list = modules_list(&n);
	code = server_init(&server, args.now, list, n, true, why) ? args_complain(why) : EXIT_OK;
	if (code == EXIT_OK)
		serve(&server, &set, &args);
	server_clear(&server);
	prefs_free(args.now);
	return code;
}
