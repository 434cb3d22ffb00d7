/* SPDX-License-Identifier: MIT */
#include "server/status.h"

#include <errno.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/rtsp_session.h"

enum { PATH_SHOWN = 120, LINE_MAX_BYTES = 400 };

/* A full picture is cut: it is capped by STATUS_SESSIONS long before. */
static void put(struct buf *out, const char *fmt, ...) PRINTF(2, 3);
static void put(struct buf *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int err = buf_vprintf(out, fmt, ap);
	va_end(ap);
	(void)err;
}

/* A path may hold any octet: those that could end a line or colour a terminal don't get through. */
static void put_path(struct buf *out, const char *path)
{
	for (size_t i = 0; i < PATH_SHOWN && path[i]; i++)
		put(out, "%c", path[i] > ' ' && path[i] < 127 ? path[i] : '?');
}

static const char *state_name(const struct rtp_session *s)
{
	switch (s->state) {
	case RTP_INIT: return "init";
	case RTP_READY: return "ready";
	case RTP_PLAYING: return "playing";
	case RTP_ENDED: return "ended";
	}
	return "";
}

static const char *transport_name(const struct rtp_session *s)
{
	for (uint32_t i = 0; i < s->n_streams; i++) {
		if (s->streams[i].is_setup)
			return s->streams[i].is_tcp ? "tcp" : "udp";
	}
	return "none";
}

static void put_session(struct buf *out, const struct rtp_session *s, tick_t now)
{
	char peer[ADDR_TEXT];
	uint64_t packets = 0, late = 0, dropped = 0;
	tick_t latest = 0;

	for (uint32_t i = 0; i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		packets += st->packets;
		late += st->late;
		dropped += st->dropped;
		latest = st->latest > latest ? st->latest : latest;
	}
	put(out, "session id=%.*s.. path=", SESSION_SHOWN, s->id);
	put_path(out, s->path);
	put(out,
		" client=%s transport=%s state=%s npt=%.3f age=%.1f packets=%llu dropped=%llu late=%llu latest_ms=%.1f heard=%.1f\n",
		addr_host_text(&s->peer, peer), transport_name(s), state_name(s),
		tick_seconds(rtp_session_npt(s, now)), tick_seconds(now - s->began),
		(unsigned long long)packets, (unsigned long long)dropped, (unsigned long long)late,
		(double)latest / TICK_MS, tick_seconds(now - s->alive));
}

static void put_worker(struct worker *w, void *arg, tick_t now)
{
	struct buf *out = arg;
	struct rtp_session *s = NULL, *next = NULL;
	uint32_t n = 0, shown = 0;

	put(out, "worker %u connections=%u sessions=%u turns=%llu timer_lag_ms=%.3f\n", w->index,
		atomic_load(&w->n_connections), atomic_load(&w->n_sessions),
		(unsigned long long)w->loop.turns, (double)w->loop.timer_lag / TICK_MS);
	HASH_ITER(hh, w->sessions, s, next)
	{
		n++;
		if (shown == STATUS_SESSIONS)
			continue;
		put_session(out, s, now);
		shown++;
	}
	if (n > shown)
		put(out, "worker %u and %u sessions more\n", w->index, n - shown);
}

static int write_to(const char *path, struct bytes text)
{
	if (!path) {
		/* to a person's terminal or a journal: who reads too slowly waits for it */
		return write(STDERR_FILENO, text.p, text.n) < 0 ? -errno : 0;
	}
	struct outfile *o = outfile_open(path);
	if (!o)
		return -errno;
	(void)fwrite(text.p, 1, text.n, o->f); /* commit tells of an error */
	return outfile_commit(o);
}

int status_write(struct server *s, const char *state, const char *path)
{
	struct buf out;

	buf_init(&out, (size_t)s->n_workers * (STATUS_SESSIONS + 2) * LINE_MAX_BYTES + 4096);
	put(&out, "beagle-server %s %s pid=%d uptime=%.1f connections=%u sessions=%u kbps=%llu\n",
		BEAGLE_VERSION, state, (int)getpid(), tick_seconds(os_now() - s->started),
		atomic_load(&s->connections), atomic_load(&s->sessions),
		(unsigned long long)(atomic_load(&s->bandwidth_bps) / 1000));
	server_ask(s, put_worker, &out);
	int err = write_to(path, buf_bytes(&out));
	buf_clear(&out);
	return err;
}
