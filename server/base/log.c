/* SPDX-License-Identifier: MIT */
#include "server/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"

static tick_t zero;
static _Atomic enum log_level loudest = LOG_W;
static void (*sink_fn)(void *arg, const char *line, size_t n);
static void *sink_arg;
static void (*watch_fn)(void *arg, const char *line, size_t n);
static void *watch_arg;
static _Thread_local bool is_watching;

void log_start(tick_t now, enum log_level upto)
{
	zero = now;
	log_set_level(upto);
}

void log_set_level(enum log_level upto)
{
	atomic_store_explicit(&loudest, upto, memory_order_relaxed);
}

bool log_level_read(const char *s, enum log_level *l)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(s, names[i]) == 0 || (s[0] == names[i][0] && s[1] == 0)) {
			*l = (enum log_level)i;
			return true;
		}
	}
	return false;
}

bool log_is_on(enum log_level l)
{
	return l <= atomic_load_explicit(&loudest, memory_order_relaxed);
}

void log_sink(void (*sink)(void *arg, const char *line, size_t n), void *arg)
{
	sink_fn = sink;
	sink_arg = arg;
}

void log_watch(void (*watch)(void *arg, const char *line, size_t n), void *arg)
{
	watch_fn = watch;
	watch_arg = arg;
}

static void tell_watch(const char *line, size_t n)
{
	if (!watch_fn || is_watching)
		return;
	is_watching = true;
	watch_fn(watch_arg, line, n);
	is_watching = false;
}

void log_write(enum log_level l, const char *subsystem, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	size_t n, cap = sizeof line - 1;

	if (!log_is_on(l))
		return;
	n = (size_t)snprintf(
		line, cap, "%.6f %c %s ", tick_seconds(os_now() - zero), "EWID"[l], subsystem);
	if (n > cap)
		n = cap;
	va_start(ap, fmt);
	int more = vsnprintf(line + n, cap - n, fmt, ap);
	va_end(ap);
	n += more < 0 ? 0 : (size_t)more < cap - n ? (size_t)more : cap - n - 1;
	for (size_t i = 0; i < n; i++) { /* a peer's bytes must not forge lines */
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	}
	line[n++] = '\n';
	tell_watch(line, n);
	if (sink_fn)
		sink_fn(sink_arg, line, n);
	else if (write(STDERR_FILENO, line, n) < 0)
		return; /* nowhere left to say it */
}

/* True: write it now; *suppressed = how many were swallowed since the last one. */
static bool limit_pass(struct log_limit *l, tick_t now, uint32_t *suppressed)
{
	int64_t next = l->next;

	if (now < next || !atomic_compare_exchange_strong(&l->next, &next, now + TICK_S)) {
		l->suppressed++;
		return false;
	}
	*suppressed = atomic_exchange(&l->suppressed, 0);
	return true;
}

void log_limited(struct log_limit *limit, tick_t now, enum log_level l, const char *subsystem,
	const char *fmt, ...)
{
	char text[512];
	uint32_t suppressed;
	va_list ap;

	if (!log_is_on(l) || !limit_pass(limit, now, &suppressed))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap); /* what is longer is cut */
	va_end(ap);
	if (suppressed)
		log_write(l, subsystem, "%s suppressed=%u", text, suppressed);
	else
		log_write(l, subsystem, "%s", text);
}
