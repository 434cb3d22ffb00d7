/* SPDX-License-Identifier: MIT */
#include "server/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/notify.h"
#include "server/status.h"

#define WALL_POLL  TICK_S          /* how often the wall clock is looked at */
#define WALL_STEP  (100 * TICK_MS) /* less may be our own slowness, and adds up */
#define WALL_SURE  TICK_MS         /* two clocks that were read within it are of one moment */
#define EMPTY_POLL (50 * TICK_MS)  /* how often a server that drains looks whether it may go */

enum life { LIFE_SERVING, LIFE_DRAINING, LIFE_HANDED_OVER, LIFE_OVER };
static const char *const life_names[] = { "serving", "draining", "handed over", "ending" };

struct service {
	struct server *server;
	struct takeover *takeover;
	struct service_hooks hooks;
	struct watchdog watchdog;
	enum life life;
	tick_t end_at;  /* of draining */
	tick_t wall_at; /* next look at the wall clock */
	int64_t wall_offset;
	int signals;
};

static const int signals_handled[] = { SIGTERM, SIGINT, SIGUSR1, SIGHUP };

static sigset_t handled(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT(signals_handled); i++)
		sigaddset(&set, signals_handled[i]);
	return set;
}

void service_block_signals(void)
{
	sigset_t set = handled();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

/* ---- files ---- */

static int check_file(const char *path, const char *what, char *why)
{
	struct outfile *o = path ? outfile_open(path) : NULL;

	if (!o && path) {
		int err = -errno;
		(void)snprintf(why, PREFS_WHY, "%s %.150s: %s", what, path, err_text(err));
		return err;
	}
	if (o)
		outfile_abort(o);
	return 0;
}

int service_check_files(const struct prefs *p, char *why)
{
	int err = check_file(p->stats_file, "statistics", why);
	return err ? err : check_file(*p->status_file ? p->status_file : NULL, "status", why);
}

/* Who has handed over leaves the name to its successor: FILE.PID. The caller frees it. */
static char *own_path(const struct service *v, const char *path)
{
	return v->takeover->is_gone ? xasprintf("%s.%d", path, (int)getpid()) : xstrdup(path);
}

static void write_stats(struct service *v)
{
	if (!v->server->prefs->stats_file)
		return;
	char *path = own_path(v, v->server->prefs->stats_file);
	int err = server_write_stats(v->server, path, os_now());
	if (err)
		log_write(LOG_E, "server", "%s: %s", path, err_text(err));
	free(path);
}

static void write_status(struct service *v)
{
	const char *name = v->server->prefs->status_file;
	char *path = *name ? own_path(v, name) : NULL;
	int err = status_write(v->server, life_names[v->life], path);
	if (err)
		log_write(LOG_E, "server", "%s: %s", path ? path : "status", err_text(err));
	free(path);
}

/* ---- signals ---- */

/* From now on the next such signal is the kernel's business: it must work even if we hang. */
static void let_signals_kill(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_end(struct service *v, int sig, tick_t now)
{
	const struct prefs *p = v->server->prefs;

	log_write(LOG_I, "server", "ending: signal %d", sig);
	if (v->life != LIFE_HANDED_OVER) /* else the service goes on, without us */
		notify_stopping("ending");
	if (v->life != LIFE_SERVING || p->shutdown_time == 0) {
		v->life = LIFE_OVER;
		return;
	}
	v->life = LIFE_DRAINING;
	v->end_at = now + p->shutdown_time * TICK_S;
	server_refuse_new(v->server);
}

static void on_reload(struct service *v)
{
	if (!v->hooks.reload)
		return;
	notify_reloading();
	v->hooks.reload(v->server, v->hooks.arg);
	notify_ready(v->server);
}

static void on_signal(struct service *v, int sig, tick_t now)
{
	switch (sig) {
	case SIGUSR1:
		write_stats(v);
		write_status(v);
		break;
	case SIGHUP: on_reload(v); break;
	default: on_end(v, sig, now); break;
	}
}

static void read_signals(struct service *v, tick_t now)
{
	struct signalfd_siginfo si;

	while (v->life != LIFE_OVER && read(v->signals, &si, sizeof si) == (ssize_t)sizeof si)
		on_signal(v, (int)si.ssi_signo, now);
}

/* ---- the wall clock ---- */

/* ns since 1970 - tick. False: we were interrupted between the two, and don't know. */
static bool read_wall_offset(int64_t *offset)
{
	tick_t before = os_now();
	int64_t wall = os_realtime();

	*offset = wall - before;
	return os_now() - before < WALL_SURE;
}

/* Dates follow when somebody sets the clock. (It is slewed together with ours.) */
static tick_t follow_wall(struct service *v, tick_t now)
{
	int64_t offset;

	if (now < v->wall_at)
		return v->wall_at;
	v->wall_at = now + WALL_POLL;
	if (!read_wall_offset(&offset))
		return v->wall_at;
	int64_t step = offset - v->wall_offset;
	if (step > -WALL_STEP && step < WALL_STEP)
		return v->wall_at;
	v->wall_offset = offset;
	server_set_wall(v->server, offset);
	log_write(LOG_W, "server", "the wall clock was set by %+.3f s: dates follow",
		tick_seconds(step));
	return v->wall_at;
}

/* ---- the loop ---- */

static tick_t earlier(tick_t a, tick_t b)
{
	return a < b ? a : b;
}

/* Does what is due; when to look again. */
static tick_t run_timers(struct service *v, tick_t now)
{
	tick_t next = earlier(watchdog_run(&v->watchdog, now), follow_wall(v, now));

	if (v->life == LIFE_SERVING)
		return next;
	if (now >= v->end_at || server_is_empty(v->server))
		v->life = LIFE_OVER;
	return earlier(next, now + EMPTY_POLL);
}

static int wait_ms(tick_t next, tick_t now)
{
	if (next == TICK_NEVER)
		return -1;
	tick_t ms = next > now ? (next - now + TICK_MS - 1) / TICK_MS : 0;
	return ms > 60000 ? 60000 : (int)ms;
}

static void on_handed_over(struct service *v, int pid, tick_t now)
{
	notify_main_pid(pid);
	v->watchdog.next = TICK_NEVER; /* it is the new one's now */
	tick_t end = now + v->server->prefs->takeover_time * TICK_S;
	/* who was told to end before still ends in that time */
	v->end_at = v->life == LIFE_DRAINING && v->end_at < end ? v->end_at : end;
	v->life = LIFE_HANDED_OVER;
}

/* One turn: what is due, what came. */
static void turn(struct service *v, tick_t next, tick_t now)
{
	struct pollfd fds[1 + TAKEOVER_FDS] = { { .fd = v->signals, .events = POLLIN } };
	size_t n = takeover_fds(v->takeover, fds + 1);

	if (poll(fds, 1 + n, wait_ms(next, now)) < 0)
		return; /* EINTR: nothing has come */
	now = os_now();
	if (fds[0].revents)
		read_signals(v, now);
	int pid = takeover_run(v->takeover, fds + 1, n, now);
	if (pid && v->life != LIFE_OVER)
		on_handed_over(v, pid, now);
}

static void serve(struct service *v)
{
	while (v->life != LIFE_OVER) {
		tick_t now = os_now(), next = run_timers(v, now);
		tick_t patience = takeover_next(v->takeover);
		if (v->life != LIFE_OVER)
			turn(v, earlier(next, patience), now);
	}
}

bool service_run(struct server *s, struct takeover *t, const struct service_hooks *hooks)
{
	struct service v = {
		.server = s, .takeover = t, .wall_offset = atomic_load(&s->workers[0].wall_offset)
	};
	sigset_t set = handled();

	if (hooks)
		v.hooks = *hooks;
	v.signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (v.signals < 0)
		die("signalfd: %s", err_text(-errno));
	watchdog_init(&v.watchdog, s, os_now());
	notify_ready(s);
	serve(&v);
	let_signals_kill();
	bool clean = server_stop(s);
	write_stats(&v);
	if (clean)
		watchdog_clear(&v.watchdog);
	(void)close(v.signals); /* nothing to lose */
	return clean;
}
