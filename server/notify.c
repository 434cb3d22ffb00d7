/* SPDX-License-Identifier: MIT */
#include "server/notify.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "server/base/os.h"

/* ---- the watchdog ---- */

struct pulse {
	struct mail mail;
	_Atomic bool is_out; /* sent, and not answered */
};

static void on_pulse(struct mail *m, struct loop *l, tick_t now)
{
	(void)l;
	(void)now;
	atomic_store(&container_of(m, struct pulse, mail)->is_out, false);
}

void watchdog_init(struct watchdog *d, struct server *s, tick_t now)
{
	uint64_t usec = 0;

	*d = (struct watchdog){ .server = s, .next = TICK_NEVER };
	if (sd_watchdog_enabled(0, &usec) <= 0 || usec == 0)
		return;
	/* four pulses a period: that an answer came late by one is no death */
	d->every = (tick_t)(usec / 4) * TICK_US;
	d->next = now;
	d->n = s->n_workers;
	d->pulses = xcalloc(d->n, sizeof *d->pulses);
}

static bool have_all_answered(const struct watchdog *d)
{
	for (unsigned i = 0; i < d->n; i++) {
		if (atomic_load(&d->pulses[i].is_out))
			return false;
	}
	return true;
}

tick_t watchdog_run(struct watchdog *d, tick_t now)
{
	if (now < d->next)
		return d->next;
	d->next = now + d->every;
	if (!have_all_answered(d))
		return d->next;
	(void)sd_notify(0, "WATCHDOG=1"); /* best effort */
	for (unsigned i = 0; i < d->n; i++) {
		d->pulses[i].mail.fn = on_pulse;
		atomic_store(&d->pulses[i].is_out, true);
		loop_post(&d->server->workers[i].loop, &d->pulses[i].mail);
	}
	return d->next;
}

void watchdog_clear(struct watchdog *d)
{
	free(d->pulses);
	*d = (struct watchdog){ .next = TICK_NEVER };
}

/* ---- what is given ---- */

int notify_listeners(struct listener_store *out)
{
	int n = sd_listen_fds(1); /* not for a process that we might become */

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;
		const struct addr at = sock_local(fd);
		if (sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) <= 0 ||
			!listener_store_put(out, &at, fd))
			(void)close(fd); /* nothing that we could serve at */
	}
	return n < 0 ? n : 0;
}

/* ---- what is told ---- */

void notify_ready(const struct server *s)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=serving, workers %u", s->n_workers);
}

void notify_reloading(void)
{
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the preferences",
		(long long)(os_now() / TICK_US));
}

void notify_stopping(const char *why)
{
	(void)sd_notifyf(0, "STOPPING=1\nSTATUS=%s", why);
}

void notify_main_pid(int pid)
{
	(void)sd_notifyf(0, "MAINPID=%d\nSTATUS=handed over to process %d", pid, pid);
}
