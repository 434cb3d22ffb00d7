/* SPDX-License-Identifier: MIT */
#include "loadgen/options.h"

#include <stdint.h>
#include <string.h>

#include "server/base/bytes.h"
#include "server/base/err.h"

static const char *const transport_names[] = { [MEDIA_UDP] = "udp", [MEDIA_TCP] = "tcp" };
static const char *const mode_names[] = {
	[SOCKETS_AUTO] = "auto",
	[SOCKETS_PAIRS] = "pairs",
	[SOCKETS_WIDE] = "wide",
};

const char *media_transport_name(enum media_transport t)
{
	return transport_names[t];
}

/* ---- values ---- */

/* Digits with at most one point: units of 1 / scale, cut. */
static bool read_decimal(struct bytes s, uint64_t scale, uint64_t max, uint64_t *v)
{
	struct bytes whole, rest = s;
	uint64_t n = 0, fraction = 0;
	bool has_point = bytes_index(s, '.') < s.n;

	if (!bytes_cut(&rest, '.', &whole) || !bytes_to_u64(whole, max / scale, &n))
		return false;
	if (has_point && rest.n == 0)
		return false;
	n *= scale;
	for (size_t i = 0; i < rest.n; i++) {
		if (rest.p[i] < '0' || rest.p[i] > '9')
			return false;
		scale /= 10;
		fraction += (uint64_t)(rest.p[i] - '0') * scale;
	}
	*v = n + fraction;
	return *v <= max;
}

bool options_duration(const char *s, tick_t min, tick_t max, tick_t *v)
{
	static const struct {
		struct bytes suffix;
		tick_t unit;
	} units[] = {
		{ { (const uint8_t *)"ms", 2 }, TICK_MS },
		{ { (const uint8_t *)"s", 1 }, TICK_S },
		{ { (const uint8_t *)"m", 1 }, 60 * TICK_S },
		{ { (const uint8_t *)"h", 1 }, 3600 * TICK_S },
		{ { NULL, 0 }, TICK_S },
	};
	struct bytes b = bytes_str(s);
	uint64_t n;

	for (size_t i = 0; i < COUNT(units); i++) {
		struct bytes u = units[i].suffix;
		if (b.n < u.n || !bytes_is_eq(bytes_sub(b, b.n - u.n, u.n), u))
			continue;
		if (!read_decimal(
			    bytes_sub(b, 0, b.n - u.n), (uint64_t)units[i].unit, (uint64_t)max, &n))
			return false;
		*v = (tick_t)n;
		return *v >= min;
	}
	return false;
}

static bool read_number(const char *s, double min, double max, double *v)
{
	uint64_t n;
	if (!read_decimal(bytes_str(s), 1000000, (uint64_t)(max * 1e6), &n))
		return false;
	*v = (double)n / 1e6;
	return *v >= min;
}

static bool read_word(const char *s, const char *const *names, size_t n, unsigned *v)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(s, names[i]) == 0) {
			*v = (unsigned)i;
			return true;
		}
	return false;
}

/* ---- flags ---- */

#define PLAY_MAX (7 * 24 * 3600 * TICK_S)

static bool set_sessions(struct options *o, const char *v)
{
	return bytes_to_u64(bytes_str(v), PLAN_SESSIONS_MAX, &o->plan.sessions) &&
	       o->plan.sessions > 0;
}
static bool set_duration(struct options *o, const char *v)
{
	return options_duration(v, 100 * TICK_MS, PLAY_MAX, &o->plan.play);
}
static bool set_rate(struct options *o, const char *v)
{
	return read_number(v, 0.001, PLAN_RATE_MAX, &o->plan.rate);
}
static bool set_transport(struct options *o, const char *v)
{
	unsigned i;
	if (!read_word(v, transport_names, COUNT(transport_names), &i))
		return false;
	o->transport = (enum media_transport)i;
	return true;
}
static bool set_sockets(struct options *o, const char *v)
{
	unsigned i;
	if (!read_word(v, mode_names, COUNT(mode_names), &i))
		return false;
	o->sockets = (enum socket_mode)i;
	return true;
}
static bool set_out(struct options *o, const char *v)
{
	o->out = v;
	return *v != 0;
}
static bool set_seed(struct options *o, const char *v)
{
	return bytes_to_u64(bytes_str(v), UINT64_MAX, &o->plan.seed);
}
static bool set_timeout(struct options *o, const char *v)
{
	return options_duration(v, 10 * TICK_MS, 600 * TICK_S, &o->timeout);
}
static bool set_stall(struct options *o, const char *v)
{
	return options_duration(v, TICK_MS, 60 * TICK_S, &o->stall_after);
}
static bool set_max_lag(struct options *o, const char *v)
{
	return options_duration(v, TICK_MS / 10, 60 * TICK_S, &o->max_lag);
}
static bool set_max_loss(struct options *o, const char *v)
{
	return read_number(v, 0, 100, &o->max_loss);
}
static bool set_min_delivered(struct options *o, const char *v)
{
	return read_number(v, 0, 100, &o->min_delivered);
}
static bool set_server_pid(struct options *o, const char *v)
{
	uint64_t n;
	if (!bytes_to_u64(bytes_str(v), INT32_MAX, &n) || n == 0)
		return false;
	o->server_pid = (int)n;
	return true;
}
static bool set_cycle(struct options *o, const char *v)
{
	(void)v;
	return o->is_cycle = true;
}
static bool set_pipeline(struct options *o, const char *v)
{
	(void)v;
	return o->is_pipelined = true;
}
static bool set_pause_after(struct options *o, const char *v)
{
	return options_duration(v, 0, PLAY_MAX, &o->pause_after);
}
/* "0-45s": two times and a dash. */
static bool set_seek(struct options *o, const char *v)
{
	struct bytes rest = bytes_str(v), from;
	char text[32];

	return bytes_cut(&rest, '-', &from) && bytes_to_str(from, text, sizeof text) &&
	       options_duration(text, 0, PLAY_MAX, &o->seek_from) &&
	       options_duration((const char *)rest.p, o->seek_from, PLAY_MAX, &o->seek_to);
}
static bool set_titles(struct options *o, const char *v)
{
	return bytes_to_u64(bytes_str(v), PLAN_SESSIONS_MAX, &o->titles) && o->titles > 0;
}
static bool set_payloads(struct options *o, const char *v)
{
	static const char *const words[] = { "check", "skip" };
	unsigned i;
	if (!read_word(v, words, COUNT(words), &i))
		return false;
	o->skip_payloads = i == 1;
	return true;
}
static bool set_quiet(struct options *o, const char *v)
{
	(void)v;
	return o->quiet = true;
}
static bool set_any_host(struct options *o, const char *v)
{
	(void)v;
	return o->may_load_any_host = true;
}
static bool set_help(struct options *o, const char *v)
{
	(void)v;
	return o->help = true;
}
static bool set_version(struct options *o, const char *v)
{
	(void)v;
	return o->version = true;
}

static const struct flag {
	const char *name, *brief; /* brief: "-n", or NULL */
	const char *value;        /* NULL: takes none */
	bool (*set)(struct options *o, const char *v);
	const char *want; /* what a good value is */
	const char *text;
} flags[] = {
	{ "--sessions", "-n", "N", set_sessions, "a number from 1 to 1000000",
		"sessions in all (1)" },
	{ "--duration", "-d", "TIME", set_duration, "a time from 100ms to 7 days (30s, 2m)",
		"how long each session plays (10s)" },
	{ "--transport", "-t", "udp|tcp", set_transport, "udp or tcp",
		"media over UDP, or interleaved in the connection (udp)" },
	{ "--rate", NULL, "R", set_rate, "a number above 0",
		"arrivals per second (all within 2 s, at least 50)" },
	{ "--sockets", NULL, "pairs|wide|auto", set_sockets, "pairs, wide or auto",
		"UDP: a port pair per track; or shared sockets and a 127.x address per session;\n"
		"auto: pairs while the descriptors last (auto)" },
	{ "--seek", NULL, "FROM-TO", set_seek, "two times, as in 0-45s",
		"each session plays from a place of its own in between (from the start)" },
	{ "--pause-after", NULL, "TIME", set_pause_after, "a time up to 7 days",
		"PAUSE this long after PLAY; the session stays paused until its duration is over" },
	{ "--cycle", NULL, NULL, set_cycle, "",
		"DESCRIBE, SETUP, PLAY, TEARDOWN, one after the other; media are not judged" },
	{ "--pipeline", NULL, NULL, set_pipeline, "",
		"with --cycle: the other SETUPs, PLAY and TEARDOWN are sent together once the session\n"
		"has its id (2326 9.1)" },
	{ "--titles", NULL, "N", set_titles, "a number from 1 to 1000000",
		"{n} in the URL is 1 to N, session by session" },
	{ "--payloads", NULL, "check|skip", set_payloads, "check or skip",
		"check: every byte of /pattern/ media; skip: nothing behind the RTP header, which\n"
		"with shared sockets costs less (check)" },
	{ "--output", "-o", "FILE", set_out, "a file name", "result file (JSON)" },
	{ "--seed", NULL, "N", set_seed, "a number", "of all that is random (1)" },
	{ "--max-loss", NULL, "PERCENT", set_max_loss, "0 to 100",
		"gate: packets lost of those due; exit 1 above it" },
	{ "--min-delivered", NULL, "PERCENT", set_min_delivered, "0 to 100",
		"gate: received of those due, in the worst session; exit 1 below it" },
	{ "--stall", NULL, "TIME", set_stall, "a time from 1ms to 60s",
		"silence beyond the media's own that counts as a stall (200ms)" },
	{ "--timeout", NULL, "TIME", set_timeout, "a time from 10ms to 10m",
		"for a connection and for each reply (10s)" },
	{ "--max-lag", NULL, "TIME", set_max_lag, "a time from 0.1ms to 60s",
		"self-check: 99th percentile of our own timer's lateness (1ms)" },
	{ "--server-pid", NULL, "PID", set_server_pid, "a process id",
		"sample this process's CPU and memory into the series" },
	{ "--quiet", "-q", NULL, set_quiet, "", "no progress on stderr" },
	{ "--i-may-load-this-host", NULL, NULL, set_any_host, "",
		"without it only loopback targets are loaded" },
	{ "--help", "-h", NULL, set_help, "", "this text" },
	{ "--version", NULL, NULL, set_version, "", "the version" },
};

static const struct flag *find_flag(struct bytes name)
{
	for (size_t i = 0; i < COUNT(flags); i++)
		if (bytes_is_eq(name, bytes_str(flags[i].name)) ||
			(flags[i].brief && bytes_is_eq(name, bytes_str(flags[i].brief))))
			return &flags[i];
	return NULL;
}

/* One argument that starts with '-'; *at moves on past a value of its own. */
static int read_flag(
	struct options *o, int argc, char *const argv[], int *at, char why[OPTIONS_WHY])
{
	struct bytes rest = bytes_str(argv[*at]), name;
	bool has_value = bytes_has_prefix(rest, B("--")) && bytes_index(rest, '=') < rest.n;
	const char *value = NULL;

	if (!bytes_cut(&rest, has_value ? '=' : '\0', &name))
		name = rest;
	const struct flag *f = find_flag(name);
	if (!f) {
		(void)snprintf(why, OPTIONS_WHY, "unknown option %.60s (see --help)", argv[*at]);
		return ERR_SYNTAX;
	}
	if (has_value)
		value = argv[*at] + name.n + 1;
	else if (f->value && *at + 1 < argc)
		value = argv[++*at];
	if (!f->value != !value) {
		(void)snprintf(
			why, OPTIONS_WHY, "%s takes %s", f->name, f->value ? f->want : "no value");
		return ERR_MISSING;
	}
	if (f->set(o, value))
		return 0;
	(void)snprintf(why, OPTIONS_WHY, "%s: '%.60s' is not %s", f->name, value, f->want);
	return ERR_RANGE;
}

int options_read(struct options *o, int argc, char *const argv[], char why[OPTIONS_WHY])
{
	*o = (struct options){
		.plan = { .sessions = 1, .play = 10 * TICK_S, .seed = 1 },
		.timeout = 10 * TICK_S,
		.stall_after = 200 * TICK_MS,
		.max_lag = TICK_MS,
		.pause_after = -1,
		.seek_to = -1,
		.max_loss = -1,
		.min_delivered = -1,
	};
	for (int i = 1; i < argc; i++) {
		int err = 0;
		if (argv[i][0] == '-' && argv[i][1])
			err = read_flag(o, argc, argv, &i, why);
		else if (!o->url)
			o->url = argv[i];
		else {
			(void)snprintf(why, OPTIONS_WHY, "one URL only, not also '%.60s'", argv[i]);
			err = ERR_SYNTAX;
		}
		if (err || o->help || o->version)
			return err;
	}
	if (!o->url) {
		(void)snprintf(why, OPTIONS_WHY, "which URL? (see --help)");
		return ERR_MISSING;
	}
	if (o->is_pipelined && !o->is_cycle) {
		(void)snprintf(why, OPTIONS_WHY, "--pipeline needs --cycle");
		return ERR_MISSING;
	}
	if (o->plan.rate == 0)
		o->plan.rate = plan_default_rate(o->plan.sessions);
	return 0;
}

void options_help(FILE *f)
{
	fputs("usage: beagle-loadgen URL [options]\n"
	      "Plays rtsp://HOST[:PORT]/PATH in many sessions at once and measures what each of them gets.\n"
	      "Sessions start at fixed times, however slow the server is (open model).\n\n",
		f);
	for (size_t i = 0; i < COUNT(flags); i++) {
		char left[64];
		const char *line = flags[i].text;
		(void)snprintf(left, sizeof left, "%s%s%s%s%s",
			flags[i].brief ? flags[i].brief : "", flags[i].brief ? ", " : "",
			flags[i].name, flags[i].value ? " " : "",
			flags[i].value ? flags[i].value : "");
		fprintf(f, "  %-28s ", left);
		for (const char *end; (end = strchr(line, '\n')); line = end + 1)
			fprintf(f, "%.*s\n%-31s", (int)(end - line), line, "");
		fprintf(f, "%s\n", line);
	}
	fputs("\nexit: 0 ok; 1 a session failed or brought no packet, a payload was wrong or a\n"
	      "gate was missed; 2 usage;\n"
	      "3 the generator was the limit (INVALID); 4 target unreachable or died; 130 interrupted\n",
		f);
}
