/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "loadgen/guard.h"
#include "loadgen/outcome.h"
#include "loadgen/run.h"
#include "server/base/os.h"

enum { EXIT_USAGE = 2, EXIT_NO_RESULT = 3, EXIT_INTERRUPTED = 130 };

static volatile sig_atomic_t interrupted;

/* The first one ends the run in order; the second one ends the process. */
static void on_interrupt(int number)
{
	(void)number;
	if (interrupted)
		_exit(EXIT_INTERRUPTED);
	interrupted = 1;
}

static void set_signals(void)
{
	struct sigaction stop = { .sa_handler = on_interrupt }, ignore = { .sa_handler = SIG_IGN };

	(void)sigaction(SIGINT, &stop, NULL);
	(void)sigaction(SIGTERM, &stop, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGXFSZ, &ignore, NULL); /* a full quota is an error, not our death */
}

static int refuse(const char *fmt, ...) PRINTF(1, 2);
static int refuse(const char *fmt, ...)
{
	va_list ap;

	fputs("beagle-loadgen: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_USAGE;
}

/* Can the result be written there? Found out before the run, not after. 0 or -errno. */
static int check_output(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	struct outfile *o = outfile_open(path);
	if (!o)
		return -errno;
	outfile_abort(o);
	return 0;
}

static struct result *new_result(const struct options *o, int argc, char *const argv[])
{
	struct result_run about = { .kind = RESULT_LOAD,
		.program = "beagle-loadgen",
		.argc = argc,
		.argv = argv,
		.seed = o->plan.seed,
		.started_ns = os_realtime() };
	return result_new(&about);
}

/* Everything is known to be in order but the sockets. */
static int play(const struct options *o, const struct run_target *target, struct result *result)
{
	struct run *r = xmalloc(sizeof *r);
	char why[RUN_WHY];

	if (run_open(r, o, target, result, why) != 0) {
		free(r);
		return refuse("%s", why);
	}
	r->interrupted = &interrupted;
	outcome_begin(r);
	run_go(r);
	outcome_end(r);
	int code = outcome_exit(r);
	if (r->is_unreachable) {
		char *url = result_redact_url(o->url);
		(void)refuse("nobody answers at %s", url);
		free(url);
	} else {
		outcome_print(r, stdout);
	}
	if (code == 4 && !r->is_unreachable)
		(void)refuse("the target went away while it was loaded");
	run_close(r);
	free(r);
	int err = o->out ? result_write(result, o->out) : 0;
	if (!err)
		return code;
	(void)refuse("cannot write %s: %s", o->out, err_text(err));
	return code == 0 || code == 1 ? EXIT_NO_RESULT : code;
}

int main(int argc, char *argv[])
{
	struct options o;
	struct url url;
	struct run_target target;
	char why[OPTIONS_WHY], no[GUARD_WHY];

	if (options_read(&o, argc, argv, why) != 0)
		return refuse("%s", why);
	if (o.help || o.version) {
		if (o.help)
			options_help(stdout);
		else
			puts("beagle-loadgen " BEAGLE_VERSION);
		return 0;
	}
	if (guard_check(o.url, o.may_load_any_host, &url, &target.addr, no) != 0)
		return refuse("%s", no);
	int err = o.out ? check_output(o.out) : 0;
	if (err)
		return refuse("cannot write %s: %s", o.out, err_text(err));
	target.url = o.url;
	target.path = url.path;
	set_signals();
	struct result *result = new_result(&o, argc, argv);
	int code = play(&o, &target, result);
	result_free(result);
	return code;
}
