/* SPDX-License-Identifier: MIT */
#include "server/modules/mod_accesslog.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/modules/auth_sign.h"
#include "server/modules/log_writer.h"

/* A peer chooses three values of a line: path, query and User-Agent. At their longest, all escaped, they
 * fit, or a line could be made to vanish. */
enum { VALUE_MAX = 1024, LINE_MAX_BYTES = 3 * 3 * VALUE_MAX + 4096 };

/*
 * The fields in DSS's order: id, name. What a server without QuickTime's client statistics cannot
 * know is "-". c-quality is the share of the medium's packets, in percent, that were not given up for
 * the client's slowness. Ours come last: packets that left late, that thinning left out, and that were
 * given up because the connection took no more.
 */
#define FIELD_TABLE(X)                          \
	X(C_IP, "c-ip")                         \
	X(DATE, "date")                         \
	X(TIME, "time")                         \
	X(C_DNS, "c-dns")                       \
	X(URI_STEM, "cs-uri-stem")              \
	X(C_STARTTIME, "c-starttime")           \
	X(X_DURATION, "x-duration")             \
	X(C_RATE, "c-rate")                     \
	X(C_STATUS, "c-status")                 \
	X(PLAYERID, "c-playerid")               \
	X(PLAYERVERSION, "c-playerversion")     \
	X(PLAYERLANGUAGE, "c-playerlanguage")   \
	X(USER_AGENT, "cs(User-Agent)")         \
	X(OS, "c-os")                           \
	X(OSVERSION, "c-osversion")             \
	X(CPU, "c-cpu")                         \
	X(FILELENGTH, "filelength")             \
	X(FILESIZE, "filesize")                 \
	X(AVGBANDWIDTH, "avgbandwidth")         \
	X(PROTOCOL, "protocol")                 \
	X(TRANSPORT, "transport")               \
	X(AUDIOCODEC, "audiocodec")             \
	X(VIDEOCODEC, "videocodec")             \
	X(SC_BYTES, "sc-bytes")                 \
	X(CS_BYTES, "cs-bytes")                 \
	X(C_BYTES, "c-bytes")                   \
	X(PKTS_SENT, "s-pkts-sent")             \
	X(PKTS_RECEIVED, "c-pkts-received")     \
	X(PKTS_LOST, "c-pkts-lost-client")      \
	X(BUFFERCOUNT, "c-buffercount")         \
	X(TOTALBUFFERTIME, "c-totalbuffertime") \
	X(QUALITY, "c-quality")                 \
	X(S_IP, "s-ip")                         \
	X(S_DNS, "s-dns")                       \
	X(TOTALCLIENTS, "s-totalclients")       \
	X(CPU_UTIL, "s-cpu-util")               \
	X(URI_QUERY, "cs-uri-query")            \
	X(USERNAME, "c-username")               \
	X(REALM, "sc(Realm)")                   \
	X(LATE, "x-pkts-late")                  \
	X(THINNED, "x-pkts-thinned")            \
	X(DROPPED, "x-pkts-dropped")

#define FIELD_ENUM(id, name) FIELD_##id,
enum field { FIELD_TABLE(FIELD_ENUM) FIELD_COUNT };
#undef FIELD_ENUM
_Static_assert(FIELD_LATE == 39, "the Darwin Streaming Server writes 39 fields");

struct accesslog {
	struct log_writer out;
	struct log_limit warned;
	atomic_bool is_on;
};

struct accesslog_prefs {
	char *file;
};
static const struct pref_row prefs[] = {
	MODULE_STR(accesslog_prefs, file, "", "as --access-log"),
};

/* The values of one line; empty ones are written as "-". */
struct record {
	struct arena arena;
	struct bytes v[FIELD_COUNT];
};

static void set(struct record *r, enum field f, const char *text)
{
	r->v[f] = bytes_dup(&r->arena, bytes_str(text));
}

static void set_number(struct record *r, enum field f, uint64_t n)
{
	r->v[f] = bytes_str(arena_printf(&r->arena, "%" PRIu64, n));
}

int accesslog_put(struct buf *line, struct bytes value)
{
	if (value.n == 0)
		return buf_put(line, B("-"));
	for (size_t i = 0; i < value.n && i < VALUE_MAX; i++) {
		uint8_t c = value.p[i];
		int err = c <= ' ' || c >= 0x7f || c == '%' ? buf_printf(line, "%%%02X", c)
							    : buf_put(line, bytes_of(&c, 1));
		if (err)
			return err;
	}
	return 0;
}

static void count_lost(struct accesslog *log, struct worker *w, tick_t now)
{
	uint64_t lost = log_writer_take_lost(&log->out);
	int err = atomic_load(&log->out.err);

	w->stats.access_log_lost += lost;
	if (lost)
		log_limited(&log->warned, now, LOG_W, "accesslog", "%" PRIu64 " lines lost: %s",
			lost, err ? err_text(err) : "the disk is slow");
}

static void put_line(struct accesslog *log, struct record *r, struct worker *w)
{
	struct buf line;
	int err = 0;

	buf_init(&line, LINE_MAX_BYTES);
	for (int i = 0; i < FIELD_COUNT && !err; i++) {
		if (i)
			err = buf_put(&line, B(" "));
		if (!err)
			err = accesslog_put(&line, r->v[i]);
	}
	if (!err && buf_put(&line, B("\n")) == 0)
		log_writer_put(&log->out, &w->io.io, buf_bytes(&line));
	buf_clear(&line);
	arena_clear(&r->arena);
}

static void put_header(int fd)
{
	static const char fields[] =
#define FIELD_NAME(id, name) " " name
		FIELD_TABLE(FIELD_NAME);
#undef FIELD_NAME
	char date[32] = "";
	struct tm tm;
	time_t now = (time_t)(os_realtime() / TICK_S);

	if (gmtime_r(&now, &tm))
		(void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm);
	dprintf(fd,
		"#Software: Beagle/" BEAGLE_VERSION "\n#Version: 1.0\n#Date: %s\n"
		"#Remark: all times are UTC\n#Fields:%s\n",
		date, fields);
}

static int prefs_changed(struct module *self, const struct prefs *p, char *why)
{
	struct accesslog *log = self->state;
	const char *file = ((const struct accesslog_prefs *)module_prefs(self, p))->file;
	struct stat st;

	if (!file[0]) {
		atomic_store(&log->is_on, false);
		return 0;
	}
	int fd = log_file_open(file, p);
	if (fd < 0) {
		(void)snprintf(why, PREFS_WHY, "access log %.150s: %s", file, err_text(fd));
		return fd;
	}
	if (fstat(fd, &st) == 0 && st.st_size == 0)
		put_header(fd);
	log_writer_reopen(&log->out, fd);
	atomic_store(&log->is_on, true);
	return 0;
}

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct accesslog *log = self->state = xcalloc(1, sizeof *log);

	log_writer_open(&log->out, -1);
	return prefs_changed(self, p, why);
}

static bool is_on(const struct module *self)
{
	const struct accesslog *log = self->state;
	return atomic_load(&log->is_on);
}

static void set_times(struct record *r, int64_t began, int64_t wall)
{
	char text[32];
	struct tm tm;
	time_t t = (time_t)(wall / TICK_S), start = (time_t)(began / TICK_S);

	if (gmtime_r(&t, &tm)) {
		(void)strftime(text, sizeof text, "%Y-%m-%d", &tm);
		set(r, FIELD_DATE, text);
		(void)strftime(text, sizeof text, "%H:%M:%S", &tm);
		set(r, FIELD_TIME, text);
	}
	if (gmtime_r(&start, &tm)) {
		(void)strftime(text, sizeof text, "%d/%b/%Y:%H:%M:%S", &tm);
		set(r, FIELD_C_STARTTIME, text);
	}
}

static void set_hosts(
	struct record *r, const struct addr *peer, const struct addr *local, const struct worker *w)
{
	char text[ADDR_TEXT];

	set(r, FIELD_C_IP, addr_host_text(peer, text));
	set(r, FIELD_S_IP, addr_host_text(local, text));
	set_number(r, FIELD_TOTALCLIENTS, atomic_load(&w->server->connections));
}

/* Without signatures: whoever has one may play. */
static void set_query(struct record *r, struct bytes query)
{
	struct buf text;

	buf_init(&text, LINE_MAX_BYTES);
	if (auth_sign_put_public(query, &text) == 0)
		r->v[FIELD_URI_QUERY] = bytes_dup(&r->arena, buf_bytes(&text));
	buf_clear(&text);
}

static void set_user(struct record *r, const char *user, const struct prefs *p)
{
	if (!user || !*user)
		return;
	set(r, FIELD_USERNAME, user);
	set(r, FIELD_REALM, p->auth_realm);
}

/* A request that failed. */
static void postprocess(struct module *self, struct rtsp_txn *t)
{
	struct record r = { 0 };
	struct worker *w = t->worker;
	int64_t wall = worker_wall(w, w->loop.now);

	if (!is_on(self) || t->status < 400)
		return;
	set_hosts(&r, &t->peer, &t->local, w);
	set_times(&r, worker_wall(w, t->received), wall);
	r.v[FIELD_URI_STEM] = bytes_str(t->path);
	set_query(&r, t->url.query);
	set_number(&r, FIELD_X_DURATION, 0);
	set_number(&r, FIELD_C_STATUS, (uint64_t)t->status);
	r.v[FIELD_USER_AGENT] = rtsp_value(&t->req, RTSP_H_USER_AGENT);
	set_user(&r, t->user, w->prefs);
	set(&r, FIELD_PROTOCOL, "RTSP");
	set(&r, FIELD_TRANSPORT, "TCP");
	put_line(self->state, &r, w);
}

struct sums {
	uint64_t packets, octets, lost, late, thinned, dropped;
	bool tcp, reported;
};

static struct sums sum_streams(const struct rtp_session *s)
{
	struct sums sum = { 0 };

	for (uint32_t i = 0; i < s->n_streams; i++) {
		const struct rtp_stream *st = &s->streams[i];
		sum.packets += st->packets;
		sum.octets += st->octets + st->packets * RTP_HEADER;
		sum.late += st->late;
		sum.thinned += st->thinned + st->too_late;
		sum.dropped += st->dropped;
		sum.tcp |= st->is_tcp;
		sum.reported |= st->report.n > 0;
		if (st->report.lost > 0)
			sum.lost += (uint64_t)st->report.lost;
	}
	return sum;
}

static void session_closing(struct module *self, struct rtp_session *s, enum close_reason why)
{
	struct record r = { 0 };
	tick_t now = s->w->loop.now;
	struct sums sum = sum_streams(s);

	if (!is_on(self))
		return;
	set_hosts(&r, &s->peer, &s->local, s->w);
	set_times(&r, s->began_wall, worker_wall(s->w, now));
	r.v[FIELD_URI_STEM] = bytes_str(s->path);
	set_query(&r, bytes_str(s->query));
	r.v[FIELD_USER_AGENT] = bytes_str(s->user_agent);
	set_number(&r, FIELD_X_DURATION, (uint64_t)((now - s->began) / TICK_S));
	set_number(&r, FIELD_C_RATE, 1);
	set_number(&r, FIELD_C_STATUS, why == CLOSE_TEARDOWN || why == CLOSE_SHUTDOWN ? 200 : 408);
	if (s->source->duration != TICK_NEVER)
		set_number(&r, FIELD_FILELENGTH, (uint64_t)(s->source->duration / TICK_S));
	if (s->played > 0)
		set_number(&r, FIELD_AVGBANDWIDTH,
			(uint64_t)((double)sum.octets * 8 / tick_seconds(s->played)));
	set_user(&r, s->user, s->w->prefs);
	set(&r, FIELD_PROTOCOL, "RTP");
	set(&r, FIELD_TRANSPORT, sum.tcp ? "TCP" : "UDP");
	set_number(&r, FIELD_SC_BYTES, s->rtsp_out + sum.octets);
	set_number(&r, FIELD_CS_BYTES, s->rtsp_in);
	set_number(&r, FIELD_PKTS_SENT, sum.packets);
	set_number(&r, FIELD_LATE, sum.late);
	set_number(&r, FIELD_THINNED, sum.thinned);
	set_number(&r, FIELD_DROPPED, sum.dropped);
	uint64_t all = sum.packets + sum.thinned + sum.dropped;
	if (all)
		set_number(&r, FIELD_QUALITY, 100 * sum.packets / all);
	if (sum.reported) {
		uint64_t lost = sum.lost < sum.packets ? sum.lost : sum.packets;
		set_number(&r, FIELD_PKTS_LOST, lost);
		set_number(&r, FIELD_PKTS_RECEIVED, sum.packets - lost);
	}
	put_line(self->state, &r, s->w);
}

static void interval(struct module *self, struct worker *w, tick_t now)
{
	count_lost(self->state, w, now);
}

static void shutdown_module(struct module *self)
{
	struct accesslog *log = self->state;

	log_writer_close(&log->out);
	free(log);
	self->state = NULL;
}

const struct module mod_accesslog = { MODULE_HEAD("accesslog"),
	MODULE_PREFS(accesslog_prefs, prefs), .init = init, .prefs_changed = prefs_changed,
	.postprocess = postprocess, .session_closing = session_closing, .interval = interval,
	.shutdown = shutdown_module };
