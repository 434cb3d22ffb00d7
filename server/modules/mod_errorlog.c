/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/server.h"
#include "server/modules/log_writer.h"
#include "server/modules/modules.h"

/*
 * The error log of the Darwin Streaming Server: every line of the log, with date and time, appended to a file.
 * Off unless errorlog.file names one.
 */
struct errorlog_prefs {
	char *file;
};
static const struct pref_row prefs[] = {
	MODULE_STR(errorlog_prefs, file, "", "file for the lines of the log; empty: none"),
};
enum { STAT_LINES, STAT_LOST, STAT_COUNT };
static const struct module_stat stats[STAT_COUNT] = {
	[STAT_LINES] = { "lines", "written, or on their way" },
	[STAT_LOST] = { "lost", "of them: the disk was slow or refused them" },
};

enum { LINE_BYTES = 1280 };

struct errorlog {
	struct log_writer out;
	_Atomic uint64_t lines;
	uint64_t counted; /* worker 0's */
	atomic_bool is_on;
};

/* "2026-11-23 03:15:33: " */
static size_t put_time(char *dst, size_t cap)
{
	time_t now = (time_t)(os_realtime() / TICK_S);
	struct tm tm;

	return gmtime_r(&now, &tm) ? strftime(dst, cap, "%Y-%m-%d %H:%M:%S: ", &tm) : 0;
}

static const char *level_name(uint8_t letter)
{
	switch (letter) {
	case 'E': return "ERROR";
	case 'W': return "WARNING";
	case 'I': return "INFO";
	}
	return "DEBUG";
}

static void put(struct module *self, const char *line, size_t n)
{
	struct errorlog *log = self->state;
	struct server *s = self->server;
	/* before there are workers there is nobody who must not wait */
	bool has_workers = atomic_load(&s->state) != SERVER_IDLE;

	atomic_fetch_add(&log->lines, 1);
	log_writer_put(
		&log->out, has_workers ? &s->workers[0].io.io : media_io_sync(), bytes_of(line, n));
}

/* "12.003417 I rtsp play sid=…" becomes "2026-11-23 03:15:33: INFO: rtsp play sid=…". */
static void error_log(struct module *self, struct bytes line)
{
	struct errorlog *log = self->state;
	struct bytes word, level;
	char text[LINE_BYTES];

	if (!log || !atomic_load(&log->is_on))
		return;
	bytes_cut(&line, ' ', &word);
	bytes_cut(&line, ' ', &level);
	size_t n = put_time(text, sizeof text);
	int more = snprintf(text + n, sizeof text - n, "%s: %.*s",
		level_name(level.n ? level.p[0] : 0), BYTES_FMT(line));
	n += more < 0 ? 0 : (size_t)more;
	if (n > sizeof text - 2)
		n = sizeof text - 2;
	text[n++] = '\n';
	put(self, text, n);
}

static void state_changed(struct module *self, enum server_state state)
{
	struct errorlog *log = self->state;
	char text[64] = "# Streaming ", *end;
	bool is_start = state == SERVER_RUNNING && !atomic_load(&log->lines);

	if (!atomic_load(&log->is_on) || !(is_start || state == SERVER_SHUTTING_DOWN))
		return;
	end = text + strlen(text);
	size_t n = (size_t)(end - text);
	n += (size_t)snprintf(end, sizeof text - n, "%s ", is_start ? "STARTUP" : "SHUTDOWN");
	n += put_time(text + n, sizeof text - n - 1);
	text[n - 2] = '\n'; /* in the place of ": " */
	put(self, text, n - 1);
}

static int prefs_changed(struct module *self, const struct prefs *p, char *why)
{
	struct errorlog *log = self->state;
	const struct errorlog_prefs *mine = module_prefs(self, p);

	if (!mine->file[0]) {
		atomic_store(&log->is_on, false);
		return 0;
	}
	int fd = log_file_open(mine->file, p);
	if (fd < 0) {
		(void)snprintf(why, PREFS_WHY, "error log %.150s: %s", mine->file, err_text(fd));
		return fd;
	}
	log_writer_reopen(&log->out, fd);
	atomic_store(&log->is_on, true);
	return 0;
}

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct errorlog *log = self->state = xcalloc(1, sizeof *log);

	log_writer_open(&log->out, -1);
	return prefs_changed(self, p, why);
}

static void interval(struct module *self, struct worker *w, tick_t now)
{
	struct errorlog *log = self->state;
	uint64_t lines = atomic_load(&log->lines), *mine = module_stats(self, w);
	(void)now;

	if (w->index)
		return;
	mine[STAT_LINES] += lines - log->counted;
	log->counted = lines;
	mine[STAT_LOST] += log_writer_take_lost(&log->out);
}

static void shutdown_module(struct module *self)
{
	struct errorlog *log = self->state;

	log_writer_close(&log->out);
	free(log);
	self->state = NULL;
}

const struct module mod_errorlog = { MODULE_HEAD("errorlog"), MODULE_PREFS(errorlog_prefs, prefs),
	MODULE_STATS(stats), .init = init, .prefs_changed = prefs_changed,
	.state_changed = state_changed, .error_log = error_log, .interval = interval,
	.shutdown = shutdown_module };
