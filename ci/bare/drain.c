/* SPDX-License-Identifier: MIT */
#include "ci/bare/drain.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ci/bare/pin.h"
#include "loadgen/ctl_native.h"
#include "loadgen/meter.h"
#include "loadgen/sink.h"
#include "loadgen/usage.h"
#include "server/base/os.h"

/* Ticks for which it goes on reading when it shall stop: what was sent last is there by then. */
enum { LAST_TICKS = 100, LOOP_EVENTS = 512 };
#define BLUR_AFTER  (2 * TICK_MS)
#define STALL_AFTER (200 * TICK_MS)

struct ear;
/* One stream's end. */
struct ear_stream {
	struct meter meter; /* first: fetched ahead (SINK_HOT) */
	struct sink_stream sink;
	struct ear *ear;
};

/* The process. */
struct ear {
	const struct drain_config *config;
	struct drain_shared *shared;
	struct loop loop, tick_loop;
	struct task tick;
	tick_t tick_at;
	uint32_t last_ticks, n_connected;
	struct sink sink;
	struct tally tally;
	struct stamp_clock stamps;
	struct meter_rules rules;
	struct usage usage;
	struct ctl_shared ctl;
	struct ear_stream *streams; /* session * n_tracks + track */
	struct ctl *ctls;           /* TCP: per session */
};

/* ---- what comes in ---- */

/* What was read of a packet, n bytes long in all. */
static void hear(
	struct ear *e, struct ear_stream *st, struct bytes head, size_t n, tick_t at, bool is_sharp)
{
	struct rtp_view v;

	if (rtp_read_head(head, &v) == 0)
		meter_packet(&st->meter, &v, n, at, is_sharp, &e->tally);
	else
		e->tally.sum.malformed++;
}

static void on_rtp(void *owner, const struct batch_item *x)
{
	struct ear_stream *st = owner;

	hear(st->ear, st, x->bytes, x->n, x->at, true);
}

static void on_rtcp(void *owner, const struct batch_item *x)
{
	(void)owner; /* nobody sends any */
	(void)x;
}
static const struct sink_events sink_events = { on_rtp, on_rtcp };

/* A connection's owner is its first stream. */
static struct ctl *ctl_of(struct ear_stream *st)
{
	struct ear *e = st->ear;

	return &e->ctls[(uint32_t)(st - e->streams) / e->config->clip->n_tracks];
}

static void on_connected(void *owner, tick_t at)
{
	struct ear_stream *st = owner;
	struct ctl *c = ctl_of(st);

	(void)at;
	c->ops->carry_media(c);
	if (++st->ear->n_connected == st->ear->config->sessions)
		st->ear->shared->is_ready = true;
}

static void on_frame(void *owner, uint8_t channel, struct bytes payload, tick_t at)
{
	struct ear_stream *st = owner;

	if (channel / 2 < st->ear->config->clip->n_tracks)
		hear(st->ear, st + channel / 2, payload, payload.n, at, st->ear->ctl.is_sharp);
}

static void on_reply(void *owner, const struct rtsp_msg *m, tick_t at)
{
	(void)owner; /* nobody was asked */
	(void)m;
	(void)at;
}

static void on_closed(void *owner, int err, tick_t at)
{
	struct ear_stream *st = owner;

	(void)at;
	if (!st->ear->shared->stop && !st->ear->shared->err)
		st->ear->shared->err = err;
}
static const struct ctl_events ctl_events = { on_connected, on_reply, on_frame, on_closed };

/* ---- the tick: as the load generator's ---- */

static void drain_all(struct ear *e)
{
	uint64_t before;

	stamp_refresh(&e->stamps);
	do {
		before = e->tick_loop.runs;
		loop_turn(&e->tick_loop);
	} while (e->tick_loop.runs - before >= LOOP_EVENTS);
	if (!e->config->is_tcp)
		sink_drain(&e->sink, os_now());
}

static tick_t run_tick(struct task *t, uint32_t events, tick_t now)
{
	struct ear *e = container_of(t, struct ear, tick);

	(void)events;
	if (now < e->tick_at)
		return e->tick_at - now;
	e->ctl.is_late = now - e->tick_at >= BLUR_AFTER;
	drain_all(e);
	if (e->shared->stop && ++e->last_ticks == LAST_TICKS)
		loop_stop(&e->loop);
	e->tick_at += TICK_MS * ((now - e->tick_at) / TICK_MS + 1);
	return e->tick_at - now;
}

static void free_tick(struct task *t)
{
	(void)t; /* embedded */
}
static const struct task_ops tick_ops = { "tick", false, run_tick, free_tick };

static tick_t tick_clock(void *arg)
{
	(void)arg;
	return os_now();
}

/* ---- its life ---- */

static int open_udp(struct ear *e)
{
	const struct drain_config *c = e->config;
	uint32_t tracks = c->clip->n_tracks;
	struct sink_config sc = { .mode = SOCKETS_WIDE,
		.heads = true,
		.sessions = c->sessions,
		.seed = 1,
		.tick_loop = &e->tick_loop,
		.tally = &e->tally,
		.stamps = &e->stamps,
		.events = &sink_events };
	int err = sink_open(&e->sink, &sc);

	for (uint32_t i = 0; i < c->sessions && !err; i++) {
		struct addr local;
		uint32_t slot;
		err = sink_slot_take(&e->sink, &slot, &local);
		for (uint32_t k = 0; k < tracks && !err; k++) {
			struct ear_stream *st = &e->streams[i * tracks + k];
			sink_stream_init(&st->sink, &e->sink, st);
			err = sink_stream_open(&st->sink, slot, k, &local);
			addr_set_port(&local, st->sink.port);
			e->shared->to[i * tracks + k] = local.v4;
		}
	}
	e->shared->is_ready = !err;
	return err;
}

static int open_tcp(struct ear *e)
{
	const struct drain_config *c = e->config;
	int err = 0;

	e->ctl = (struct ctl_shared){ .loop = &e->loop,
		.tick_loop = &e->tick_loop,
		.stamps = &e->stamps,
		.events = &ctl_events,
		.scratch = xmalloc(CTL_SCRATCH),
		.replies_bad = &e->tally.sum.replies_bad,
		.server_requests = &e->tally.sum.server_requests,
		.user_agent = "bare" };
	e->ctls = xcalloc(c->sessions, sizeof *e->ctls);
	for (uint32_t i = 0; i < c->sessions && !err; i++) {
		ctl_native_init(&e->ctls[i], &e->ctl, &e->streams[i * c->clip->n_tracks]);
		err = e->ctls[i].ops->open(&e->ctls[i], &c->connect, NULL);
	}
	return err;
}

static void init_streams(struct ear *e)
{
	const struct clip *c = e->config->clip;

	e->streams = xcalloc((size_t)e->config->sessions * c->n_tracks, sizeof *e->streams);
	for (uint32_t i = 0; i < e->config->sessions * c->n_tracks; i++) {
		e->streams[i].ear = e;
		meter_init(&e->streams[i].meter, &e->rules, c->clock_hz[i % c->n_tracks]);
	}
}

static void tell(struct ear *e)
{
	struct drain_shared *s = e->shared;
	const struct snapshot *sum = &e->tally.sum;
	tick_t now = os_now();

	if (!e->config->is_tcp)
		sink_count_drops(&e->sink);
	s->received = sum->packets_received;
	s->duplicate = sum->packets_duplicate;
	s->own_drops = sum->own_drops;
	s->malformed = sum->malformed;
	s->lateness_p50 = hist_quantile(&sum->lateness, 0.5);
	s->lateness_p99 = hist_quantile(&sum->lateness, 0.99);
	s->cpu = usage_cpu_mean(&e->usage, now);
	s->run_delay = usage_delay_mean(&e->usage, now);
}

static int listen_on(struct ear *e)
{
	int err = loop_init(&e->loop);

	if (!err)
		err = loop_init_virtual(&e->tick_loop, tick_clock, NULL);
	if (err)
		return err;
	tally_init(&e->tally);
	init_streams(e);
	err = e->config->is_tcp ? open_tcp(e) : open_udp(e);
	if (err)
		return err;
	err = usage_open(&e->usage, 0, os_now());
	if (err)
		return err;
	stamp_refresh(&e->stamps);
	task_init(&e->tick, &tick_ops, &e->loop);
	e->tick_at = os_now();
	task_signal(&e->tick, EV_START);
	loop_run(&e->loop);
	tell(e);
	return e->shared->err;
}

/* In the child, which ends without giving back what the kernel takes anyway. */
static void be_drain(const struct drain_config *c, struct drain_shared *shared, pid_t parent)
{
	struct ear *e = xcalloc(1, sizeof *e);

	e->config = c;
	e->shared = shared;
	e->rules.stall_after = STALL_AFTER;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(1);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	shared->err = pin_to(c->cpu);
	if (!shared->err)
		shared->err = listen_on(e);
	_exit(shared->err ? 1 : 0);
}

int drain_start(struct drain *d, const struct drain_config *config)
{
	pid_t self = getpid();

	*d = (struct drain){ .config = *config,
		.shared_n = sizeof *d->shared + (size_t)config->sessions * config->clip->n_tracks *
							sizeof d->shared->to[0] };
	d->shared =
		mmap(NULL, d->shared_n, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (d->shared == MAP_FAILED) {
		d->shared = NULL;
		return -errno;
	}
	d->pid = fork();
	if (d->pid < 0)
		return -errno;
	if (d->pid == 0)
		be_drain(&d->config, d->shared, self);
	return 0;
}

/* Has it ended? */
static bool has_gone(struct drain *d, int options)
{
	if (d->pid > 0 && waitpid(d->pid, NULL, options) == d->pid)
		d->pid = 0;
	return d->pid <= 0;
}

int drain_ready(struct drain *d)
{
	if (has_gone(d, WNOHANG))
		return d->shared->err ? d->shared->err : -ECHILD;
	return d->shared->is_ready;
}

int drain_stop(struct drain *d)
{
	d->shared->stop = true;
	while (!has_gone(d, 0) && errno == EINTR)
		;
	return d->shared->err;
}

void drain_clear(struct drain *d)
{
	if (d->pid > 0) {
		(void)kill(d->pid, SIGKILL);
		(void)has_gone(d, 0);
	}
	if (d->shared)
		(void)munmap(d->shared, d->shared_n);
	*d = (struct drain){ 0 };
}
