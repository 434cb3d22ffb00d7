/* SPDX-License-Identifier: MIT */
#include "loadgen/run.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loadgen/progress.h"
#include "server/base/os.h"
#include "server/wire/url.h"

/* The media tick. Missed ones each count as one more late tick, up to this many. */
#define TICK_EVERY TICK_MS
/* From this lateness on a connection may hold packets of more than one turn of the server. */
#define BLUR_AFTER (2 * TICK_MS)
enum {
	PLACES_MAX = 1 << 16, /* far more than descriptors */
	LATE_TICKS_MAX = 60000,
	LOOP_EVENTS = 512,
	PROBE_MS = 1000
};

/* ---- sessions ---- */

static struct client *take_client(struct run *r)
{
	struct link *l = list_pop(&r->free);

	if (l)
		return container_of(l, struct client, link);
	if (r->n_clients == r->cap_clients) {
		r->cap_clients = r->cap_clients ? 2 * r->cap_clients : 64;
		r->clients = xrealloc(r->clients, r->cap_clients * sizeof(struct client *));
	}
	struct client *c = xmalloc(sizeof *c);
	client_init(c, &r->env);
	r->clients[r->n_clients++] = c;
	return c;
}

static bool is_all_started(const struct run *r)
{
	return r->was_interrupted || r->is_unreachable || r->n_started == r->options->plan.sessions;
}

static void check_end(struct run *r)
{
	if (is_all_started(r) && r->n_living == 0)
		loop_stop(&r->loop);
}

static void on_over(void *arg, struct client *c, enum death why, const char *where,
	const char *kind, const char *example)
{
	struct run *r = arg;

	link_remove(&c->link);
	list_push_back(&r->free, &c->link);
	r->n_living--;
	if (where)
		result_error(r->result, where, kind, 1, example);
	/* the very first connections fail: there is nobody, and no use in trying on */
	if (why == CONNECTION_FAILED && r->tally.sum.sessions_connected == 0)
		r->is_unreachable = true;
	check_end(r);
}

static tick_t run_arrivals(struct task *t, uint32_t events, tick_t now)
{
	struct run *r = container_of(t, struct run, arrivals);
	const struct plan *p = &r->options->plan;

	(void)events;
	while (!is_all_started(r)) {
		tick_t due = r->began_at + plan_start(p, r->n_started);
		if (due > now)
			return due - now;
		struct client *c = take_client(r);
		list_push_back(&r->living, &c->link);
		if (++r->n_living > r->most_living)
			r->most_living = r->n_living;
		client_start(c, r->n_started++, due, now);
	}
	check_end(r);
	return TASK_IDLE;
}

static void interrupt(struct run *r, tick_t now)
{
	r->was_interrupted = true;
	LIST_EACH(l, &r->living)
	{
		client_interrupt(container_of(l, struct client, link), now);
	}
	check_end(r);
}

/* ---- a second ---- */

static const struct result_column columns[] = {
	{ "sessions", "count", RESULT_SUM },
	{ "arrivals", "count", RESULT_SUM },
	{ "completed", "count", RESULT_SUM },
	{ "failed", "count", RESULT_SUM },
	{ "packets", "count", RESULT_SUM },
	{ "bytes", "bytes", RESULT_SUM },
	{ "lost", "count", RESULT_SUM },
	{ "reordered", "count", RESULT_SUM },
	{ "lateness_p50", "ns", RESULT_MAX },
	{ "lateness_p99", "ns", RESULT_MAX },
	{ "setup_p99", "ns", RESULT_MAX },
	{ "lag_p99", "ns", RESULT_MAX },
	{ "cpu_generator", "cores", RESULT_SUM },
	{ "cpu_server", "cores", RESULT_MAX },
	{ "rss_generator", "bytes", RESULT_SUM },
	{ "rss_server", "bytes", RESULT_MAX },
	{ "fds", "count", RESULT_MAX },
	{ "udp_drops", "count", RESULT_SUM },
	{ "run_delay", "cores", RESULT_MAX },
	{ "steal", "share", RESULT_MAX },
};

static double quantile_or_nan(const struct hist *h, double q)
{
	return h->n ? (double)hist_quantile(h, q) : NAN;
}

static uint64_t count_playing(struct run *r)
{
	uint64_t n = 0;
	LIST_EACH(l, &r->living)
	{
		n += client_is_playing(container_of(l, struct client, link));
	}
	return n;
}

static void show_second(struct run *r, double span, const struct usage_sample *u)
{
	const struct snapshot *a = r->last, *b = &r->tally.sum;
	struct progress_second p = {
		.at = tick_seconds(r->second_at - r->began_at) + span,
		.planned = r->options->plan.sessions,
		.started = r->n_started,
		.playing = count_playing(r),
		.failed = (uint64_t)b->sessions_failed,
		.packets_per_s = (double)(b->packets_received - a->packets_received) / span,
		.bits_per_s = 8 * (double)(b->bytes_received - a->bytes_received) / span,
		.lost = b->packets_lost,
		.corrupt = b->packets_corrupt,
		.late_p99_ms = (double)hist_quantile(&r->tally.lateness, 0.99) / 1e6,
		.cpu = u->cpu_generator,
	};
	progress_show(stderr, r->is_tty, &p);
}

/* Keeps the counters of this moment, not the histograms: they would be copied by pointer. */
static void keep_counters(struct run *r)
{
	*r->last = r->tally.sum;
}

static void end_second(struct run *r, tick_t now)
{
	const struct snapshot *a = r->last, *b = &r->tally.sum;
	double t = tick_seconds(r->second_at - r->began_at),
	       span = tick_seconds(now - r->second_at);
	struct usage_sample u;

	sink_count_drops(&r->env.sink);
	usage_take(&r->usage, now, &u);
	double row[COUNT(columns)] = {
		(double)r->n_living,
		(double)(b->sessions_started - a->sessions_started),
		(double)(b->sessions_completed - a->sessions_completed),
		(double)(b->sessions_failed - a->sessions_failed),
		(double)(b->packets_received - a->packets_received),
		(double)(b->bytes_received - a->bytes_received),
		(double)(b->packets_lost - a->packets_lost),
		(double)(b->packets_reordered - a->packets_reordered),
		quantile_or_nan(&r->tally.lateness, 0.5),
		quantile_or_nan(&r->tally.lateness, 0.99),
		quantile_or_nan(&r->tally.setup, 0.99),
		quantile_or_nan(&r->tally.lag, 0.99),
		u.cpu_generator,
		u.cpu_server,
		u.rss_generator,
		u.rss_server,
		u.fds,
		(double)(b->own_drops - a->own_drops),
		u.run_delay,
		u.steal,
	};
	result_series_row(r->result, t, row);
	result_heat_row(r->result, "lateness", t, &r->tally.lateness);
	if (!r->options->quiet)
		show_second(r, span, &u);
	tally_next_second(&r->tally);
	keep_counters(r);
	r->second_at = now;
}

/* ---- the tick ---- */

/*
 * How late the tick is, and how much of that is our own doing: no more than the CPU time that we have used
 * since the last one. The rest we were ready and something else had the CPU (run_delay, steal). A
 * tick that was missed altogether was late, too.
 */
static void note_lag(struct run *r, tick_t now)
{
	tick_t cpu = os_cpu_time(), busy = cpu - r->cpu_seen;
	tick_t lag = now > r->tick_at ? now - r->tick_at : 0;
	tick_t own = lag < busy ? lag : busy;

	r->cpu_seen = cpu;
	r->env.ctl.is_late = lag >= BLUR_AFTER;
	for (int i = 0; i < LATE_TICKS_MAX && lag >= 0; i++) {
		hist_record(&r->tally.sum.timer_lag, lag);
		hist_record(&r->tally.sum.generator_lag, own);
		hist_record(&r->tally.lag, own);
		lag -= TICK_EVERY;
		own = own > TICK_EVERY ? own - TICK_EVERY : 0;
	}
}

static void drain(struct run *r)
{
	uint64_t before;

	stamp_refresh(&r->stamps);
	do {
		before = r->tick_loop.runs;
		loop_turn(&r->tick_loop);
	} while (r->tick_loop.runs - before >= LOOP_EVENTS);
	sink_drain(&r->env.sink, os_now());
}

static tick_t run_tick(struct task *t, uint32_t events, tick_t now)
{
	struct run *r = container_of(t, struct run, tick);

	(void)events;
	if (now < r->tick_at)
		return r->tick_at - now;
	note_lag(r, now);
	drain(r);
	r->ticks++;
	if (r->interrupted && *r->interrupted && !r->was_interrupted)
		interrupt(r, now);
	if (now - r->second_at >= TICK_S)
		end_second(r, now);
	r->tick_at += TICK_EVERY * ((now - r->tick_at) / TICK_EVERY + 1);
	return r->tick_at - now;
}

static void free_task(struct task *t)
{
	(void)t; /* embedded in the run */
}

static const struct task_ops arrivals_ops = { "arrivals", false, run_arrivals, free_task };
static const struct task_ops tick_ops = { "tick", false, run_tick, free_task };

/* ---- life ---- */

static tick_t tick_clock(void *arg)
{
	(void)arg;
	return os_now();
}

static void find_pattern(struct run *r, struct bytes path)
{
	char text[1024];
	uint32_t track;

	r->is_pattern = !r->options->skip_payloads &&
			url_path_decode(path, text, sizeof text) == 0 &&
			pattern_read(bytes_str(text), &r->pattern, &track) == 0;
	if (r->is_pattern)
		pattern_body_init(&r->body);
}

static void set_rules(struct run *r, const struct addr *target)
{
	r->env.plain = (struct meter_rules){ .stall_after = r->options->stall_after };
	r->env.rules = r->env.plain;
	if (!r->is_pattern)
		return;
	r->env.rules.same_clock = addr_is_loopback(target);
	r->env.rules.pattern = &r->pattern;
	r->env.rules.body = &r->body;
}

static void open_env(struct run *r, const struct run_target *t)
{
	struct client_env *e = &r->env;

	*e = (struct client_env){ .options = r->options,
		.loop = &r->loop,
		.target = t->addr,
		.url = t->url,
		.tally = &r->tally,
		.on_over = on_over,
		.run = r };
	set_rules(r, &t->addr);
	e->ctl.loop = &r->loop;
	e->ctl.tick_loop = &r->tick_loop;
	e->ctl.stamps = &r->stamps;
	e->ctl.events = &client_ctl_events;
	e->ctl.scratch = xmalloc(CTL_SCRATCH);
	e->ctl.replies_bad = &r->tally.sum.replies_bad;
	e->ctl.server_requests = &r->tally.sum.server_requests;
	e->ctl.user_agent = "beagle-loadgen";
	e->track = (struct track_shared){ &r->tally, &e->rules, &e->plain, client_on_track };
}

static int open_sink(struct run *r, const struct addr *target, char why[RUN_WHY])
{
	const struct options *o = r->options;
	uint64_t peak = plan_peak(&o->plan);
	enum socket_mode best = o->transport == MEDIA_TCP
					? SOCKETS_PAIRS
					: sink_choose(peak, r->is_pattern ? r->pattern.tracks : 2,
						  usage_fd_limit(), target);
	struct sink_config c = { .heads = !r->is_pattern,
		.mode = o->sockets == SOCKETS_AUTO ? best : o->sockets,
		/* sessions that the server is slow to let go take places, too; and an address
		 * whose last connection is still in TIME_WAIT had better rest */
		.sessions =
			(uint32_t)(o->plan.sessions < PLACES_MAX ? o->plan.sessions : PLACES_MAX),
		.seed = o->plan.seed + (uint64_t)getpid(),
		.tick_loop = &r->tick_loop,
		.tally = &r->tally,
		.stamps = &r->stamps,
		.events = &track_sink_events };

	if (o->transport == MEDIA_TCP)
		c.mode = SOCKETS_PAIRS;
	if (c.mode == SOCKETS_WIDE &&
		(target->sa.sa_family != AF_INET || !addr_is_loopback(target))) {
		(void)snprintf(why, RUN_WHY,
			"--sockets wide needs a target at 127.0.0.1: sessions are told apart by local address");
		return ERR_UNSUPPORTED;
	}
	int err = sink_open(&r->env.sink, &c);
	if (err)
		(void)snprintf(why, RUN_WHY, "sockets: %s", err_text(err));
	return err;
}

static int open_loops(struct run *r, char why[RUN_WHY])
{
	int err = loop_init(&r->loop);

	if (!err) {
		err = loop_init_virtual(&r->tick_loop, tick_clock, NULL);
		if (err)
			loop_clear(&r->loop);
	}
	if (err)
		(void)snprintf(why, RUN_WHY, "event loop: %s", err_text(err));
	return err;
}

int run_open(struct run *r, const struct options *o, const struct run_target *t,
	struct result *result, char why[RUN_WHY])
{
	*r = (struct run){ .options = o, .result = result, .is_tty = isatty(STDERR_FILENO) };
	link_init(&r->living);
	link_init(&r->free);
	int err = open_loops(r, why);
	if (err)
		return err;
	tally_init(&r->tally);
	r->last = xcalloc(1, sizeof *r->last);
	find_pattern(r, t->path);
	open_env(r, t);
	err = open_sink(r, &t->addr, why);
	if (!err) {
		err = usage_open(&r->usage, o->server_pid, os_now());
		if (err)
			(void)snprintf(why, RUN_WHY, "--server-pid: there is no process %d",
				o->server_pid);
	}
	if (err)
		run_close(r);
	return err;
}

void run_go(struct run *r)
{
	tick_t now = os_now();

	result_series_columns(r->result, columns, COUNT(columns));
	task_init(&r->arrivals, &arrivals_ops, &r->loop);
	task_init(&r->tick, &tick_ops, &r->loop);
	/* a moment to get going: the first session must not start late */
	r->began_at = r->second_at = now + 10 * TICK_MS;
	r->tick_at = r->began_at;
	r->cpu_seen = os_cpu_time();
	stamp_refresh(&r->stamps);
	keep_counters(r);
	task_signal(&r->arrivals, EV_START);
	task_signal(&r->tick, EV_START);
	loop_run(&r->loop);
	r->ended_at = os_now();
	if (r->ended_at - r->second_at > TICK_S / 20 || r->second_at == r->began_at)
		end_second(r, r->ended_at);
	else
		sink_count_drops(&r->env.sink);
	if (!r->options->quiet)
		progress_end(stderr, r->is_tty);
}

void run_close(struct run *r)
{
	/* every session is over; the heaps still point to timers that never fired */
	loop_clear(&r->tick_loop);
	loop_clear(&r->loop);
	for (size_t i = 0; i < r->n_clients; i++) {
		client_clear(r->clients[i]);
		free(r->clients[i]);
	}
	free(r->clients);
	sink_close(&r->env.sink);
	usage_close(&r->usage);
	arena_clear(&r->env.ctl.arena);
	free(r->env.ctl.scratch);
	free(r->env.server_banner);
	free(r->last);
	tally_clear(&r->tally);
}

const char *run_payloads(const struct run *r)
{
	bool heads = r->options->transport == MEDIA_UDP && r->env.sink.rtp->heads;

	return r->is_pattern ? "checked" : heads ? "not read" : "not checked";
}

const char *run_receive_mode(const struct run *r)
{
	if (r->options->transport == MEDIA_TCP)
		return "tcp";
	return r->env.sink.mode == SOCKETS_WIDE ? "udp-wide" : "udp-pairs";
}

bool run_is_target_gone(const struct run *r)
{
	int fd = sock_connect(&r->env.target, NULL);

	if (fd < 0)
		return fd == -ECONNREFUSED;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = poll(&p, 1, PROBE_MS);
	bool gone = n == 0 || sock_error(fd) == -ECONNREFUSED;
	(void)close(fd); /* it was only knocked at */
	return gone;
}
