/* SPDX-License-Identifier: MIT */
#include "loadgen/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

static const tick_t linger = 100 * TICK_MS;
/* Darwin's load tool: a stream without a packet for this long is dead. */
static const tick_t silence_max = 8 * TICK_S;

/* ---- time ---- */

static tick_t sooner(tick_t a, tick_t b)
{
	return a < b ? a : b;
}

static tick_t last_heard(const struct client *c)
{
	tick_t at = c->play_at;
	for (uint32_t i = 0; i < c->n_tracks; i++)
		if (c->tracks[i]->meter.last_at > at)
			at = c->tracks[i]->meter.last_at;
	return at;
}

static tick_t next_of_playing(const struct client *c)
{
	tick_t t = c->paused_at ? TICK_NEVER : last_heard(c) + silence_max;

	for (uint32_t i = 0; i < c->n_tracks; i++)
		t = sooner(t, track_next(c->tracks[i]));
	if (c->is_waiting)
		return t;
	t = sooner(t, sooner(c->keepalive_at, c->end_at));
	return c->paused_at ? t : sooner(t, c->pause_at);
}

static tick_t next_of(const struct client *c)
{
	tick_t t = c->is_waiting || c->state == CLIENT_CONNECTING ? c->give_up_at : TICK_NEVER;

	if (c->state == CLIENT_PLAYING)
		t = sooner(t, next_of_playing(c));
	if (c->state == CLIENT_LINGERING)
		t = sooner(t, c->over_at);
	return t;
}

void client_arm(struct client *c)
{
	tick_t t = next_of(c);
	if (t != TICK_NEVER)
		task_run_at(&c->task, t);
}

/* ---- the end of a session ---- */

static void note_times(struct client *c)
{
	struct snapshot *sum = &c->env->tally->sum;
	tick_t first = TICK_NEVER;

	for (uint32_t i = 0; i < c->n_tracks; i++) {
		tick_t at = c->tracks[i]->meter.first_at;
		if (at == 0 || c->play_sent_at == 0)
			continue;
		first = sooner(first, at);
		hist_record(&sum->first_packet, at - c->play_sent_at);
		if (c->play_at)
			hist_record(&sum->first_packet_reply, at - c->play_at);
	}
	if (first != TICK_NEVER)
		hist_record(&sum->startup, first - c->start_at);
}

/* A packet more than was due makes up for nothing. */
static void note_share(struct snapshot *sum, int64_t got, int64_t due)
{
	double share = due && got < due ? (double)got / (double)due : 1;

	if (share < sum->worst_share)
		sum->worst_share = share;
	sum->sessions_below_99 += share < 0.99;
	hist_record(&sum->shortfall, (int64_t)((1 - share) * HIST_SHARE));
}

/* Judges what was received, all tracks together; answers how many packets that were. */
static uint64_t judge(struct client *c)
{
	struct snapshot *sum = &c->env->tally->sum;
	tick_t left = c->left_at ? c->left_at : os_now(), end = c->paused_at ? c->paused_at : left;
	int64_t due, all_due = 0;
	uint64_t got = 0;

	for (uint32_t i = 0; i < c->n_tracks; i++) {
		got += track_end(c->tracks[i], end - c->play_at, end, &due);
		all_due = due < 0 || all_due < 0 ? -1 : all_due + due;
	}
	if (all_due < 0)
		return got;
	sum->sessions_judged++;
	sum->packets_due += all_due;
	note_share(sum, (int64_t)got, all_due);
	return got;
}

/* Was there time to bring a packet? */
static bool is_media_owed(const struct client *c)
{
	const struct options *o = c->env->options;
	return c->play_at && !o->is_cycle && (o->pause_after < 0 || o->pause_after >= TICK_S);
}

static void finish(
	struct client *c, enum death why, const char *where, const char *kind, const char *example)
{
	struct snapshot *sum = &c->env->tally->sum;

	for (uint32_t i = 0; i < c->n_tracks; i++)
		sink_stream_close(&c->tracks[i]->sink, c->env->loop->now);
	uint64_t got = c->play_at && !c->env->options->is_cycle ? judge(c) : 0;
	note_times(c);
	c->ctl.ops->close(&c->ctl);
	if (c->has_slot)
		sink_slot_give(&c->env->sink, c->slot);
	c->has_slot = false;
	c->state = CLIENT_IDLE;
	c->n_tracks = 0;
	if (c->is_interrupted && !where)
		why = INTERRUPTED;
	sum->deaths[why]++;
	/* all was said, nothing was shown */
	if (why == DIED_NORMALLY && !got && is_media_owed(c))
		sum->sessions_silent++;
	if (why == DIED_NORMALLY)
		sum->sessions_completed++;
	else if (why != INTERRUPTED)
		sum->sessions_failed++;
	c->env->on_over(c->env->run, c, why, where, kind, example);
}

void client_die(
	struct client *c, enum death why, const char *where, const char *kind, const char *example)
{
	struct ctl_request bye = { .method = RTSP_TEARDOWN,
		.url = bytes_str(c->aggregate ? c->aggregate : client_url(c)),
		.session = bytes_str(c->session) };
	tick_t sent;

	if (c->session[0] && !c->left_at && c->ctl.fd >= 0) {
		bye.cseq = ++c->cseq;
		/* nobody waits for the answer, but the server should not keep a session for us */
		if (c->ctl.ops->request(&c->ctl, &bye, &sent) == 0)
			c->left_at = sent;
	}
	finish(c, why, where, kind, example);
}

void client_linger(struct client *c, tick_t now)
{
	if (c->env->options->is_cycle) {
		finish(c, DIED_NORMALLY, NULL, NULL, NULL);
		return;
	}
	c->state = CLIENT_LINGERING;
	c->over_at = now + linger;
	client_arm(c);
}

/* ---- events of the connection ---- */

static void on_connected(void *owner, tick_t at)
{
	struct client *c = owner;
	struct snapshot *sum = &c->env->tally->sum;

	sum->sessions_connected++;
	hist_record(&sum->connect, at - c->intended_at);
	hist_record(&sum->connect_sent, at - c->sent_at);
	c->state = CLIENT_ASKING;
	c->local = ctl_native_local(&c->ctl);
	client_ask(c, c->env->options->is_cycle ? STEP_DESCRIBE : STEP_OPTIONS, at);
}

static void on_frame(void *owner, uint8_t channel, struct bytes payload, tick_t at)
{
	struct client *c = owner;

	for (uint32_t i = 0; i < c->n_tracks; i++) {
		if (c->tracks[i]->channel[0] == channel) {
			track_rtp(c->tracks[i], payload, at, c->env->ctl.is_sharp);
			return;
		}
		if (c->tracks[i]->channel[1] == channel) {
			track_rtcp(c->tracks[i], payload, at);
			return;
		}
	}
	c->env->tally->sum.strays++;
}

static void on_closed(void *owner, int err, tick_t at)
{
	struct client *c = owner;
	bool is_media = c->state == CLIENT_PLAYING || c->state == CLIENT_LEAVING;

	(void)at;
	if (c->state == CLIENT_IDLE)
		return;
	if (c->state == CLIENT_LINGERING) /* TEARDOWN was answered: the server may hang up */
		finish(c, DIED_NORMALLY, NULL, NULL, NULL);
	else if (c->state == CLIENT_LEAVING)
		finish(c, TEARDOWN_FAILED, "teardown", err_name(err), err_text(err));
	else if (c->state == CLIENT_CONNECTING)
		finish(c, CONNECTION_FAILED, "connect", err_name(err), err_text(err));
	else
		finish(c, is_media ? DIED_WHILE_PLAYING : CONNECTION_FAILED,
			is_media ? "playing" : client_step_name(c->step), err_name(err),
			err_text(err));
}

const struct ctl_events client_ctl_events = { on_connected, client_on_reply, on_frame, on_closed };

void client_on_track(void *owner)
{
	struct client *c = owner;
	task_signal(&c->task, EV_UPDATE);
}

/* ---- the timer ---- */

static void send_reports(struct client *c, tick_t now)
{
	struct snapshot *sum = &c->env->tally->sum;
	bool is_udp = c->env->options->transport == MEDIA_UDP;

	for (uint32_t i = 0; i < c->n_tracks; i++) {
		struct track *tr = c->tracks[i];
		if (now < track_next(tr))
			continue;
		if (is_udp)
			sink_stream_poll(&tr->sink, now); /* the newest SR, for LSR */
		struct bytes report =
			track_report(tr, bytes_str(c->cname), now, (uint32_t)plan_draw(&c->random));
		if (!report.n || (is_udp && !addr_port(&tr->server_rtcp)))
			continue;
		int err = is_udp ? sink_stream_send(&tr->sink, &tr->server_rtcp, &c->local, report)
				 : c->ctl.ops->frame(&c->ctl, tr->channel[1], report);
		if (err)
			sum->send_failed++;
		else
			sum->rtcp_sent++;
	}
}

static bool is_over(const struct client *c)
{
	for (uint32_t i = 0; i < c->n_tracks; i++)
		if (!c->tracks[i]->is_over)
			return false;
	return true;
}

static void run_playing(struct client *c, tick_t now)
{
	send_reports(c, now);
	if (!c->is_waiting && (now >= c->end_at || is_over(c))) {
		c->state = CLIENT_LEAVING;
		client_ask(c, STEP_TEARDOWN, now < c->end_at ? now : c->end_at);
		return;
	}
	if (!is_over(c) && !c->paused_at && now >= last_heard(c) + silence_max) {
		client_die(c, SESSION_TIMEDOUT, "playing", "no packet for 8 s", NULL);
		return;
	}
	if (!c->is_waiting && !c->paused_at && now >= c->pause_at)
		client_ask(c, STEP_PAUSE, c->pause_at);
	else if (!c->is_waiting && now >= c->keepalive_at)
		client_ask(c, STEP_KEEPALIVE, c->keepalive_at);
}

static void give_up(struct client *c)
{
	const char *where = c->state == CLIENT_CONNECTING ? "connect" : client_step_name(c->step);

	if (c->state == CLIENT_CONNECTING)
		client_die(c, CONNECTION_FAILED, where, "no answer in time", NULL);
	else if (c->state == CLIENT_LEAVING)
		client_die(c, TEARDOWN_FAILED, where, "no reply in time", NULL);
	else
		client_die(c, SESSION_TIMEDOUT, where, "no reply in time", NULL);
}

static tick_t run_client(struct task *t, uint32_t events, tick_t now)
{
	struct client *c = container_of(t, struct client, task);

	(void)events;
	if ((c->is_waiting || c->state == CLIENT_CONNECTING) && now >= c->give_up_at)
		give_up(c);
	else if (c->state == CLIENT_PLAYING)
		run_playing(c, now);
	else if (c->state == CLIENT_LINGERING && now >= c->over_at)
		finish(c, DIED_NORMALLY, NULL, NULL, NULL);
	tick_t next = c->state == CLIENT_IDLE ? TICK_NEVER : next_of(c);
	return next == TICK_NEVER ? TASK_IDLE : next > now ? next - now : 0;
}

static void free_client(struct task *t)
{
	(void)t; /* the run frees it, after the loops */
}

static const struct task_ops client_ops = { "client", false, run_client, free_client };

/* ---- life ---- */

void client_init(struct client *c, struct client_env *env)
{
	*c = (struct client){ .env = env };
	link_init(&c->link);
	task_init(&c->task, &client_ops, env->loop);
	ctl_native_init(&c->ctl, &env->ctl, c);
}

void client_clear(struct client *c)
{
	ctl_native_clear(&c->ctl);
	free(c->url);
	free(c->aggregate);
	c->url = c->aggregate = NULL;
	for (size_t i = 0; i < COUNT(c->tracks); i++) {
		if (!c->tracks[i])
			continue;
		track_clear(c->tracks[i]);
		free(c->tracks[i]);
		c->tracks[i] = NULL;
	}
}

/* "{n}" in the run's URL is the number of a title. NULL: the URL as it is. Heap. */
static char *title_url(const struct client_env *env, uint64_t number)
{
	static const char place[] = "{n}";
	const char *at = env->options->titles ? strstr(env->url, place) : NULL;

	if (!at)
		return NULL;
	return xasprintf("%.*s%" PRIu64 "%s", (int)(at - env->url), env->url,
		number % env->options->titles + 1, at + strlen(place));
}

const char *client_url(const struct client *c)
{
	return c->url ? c->url : c->env->url;
}

static void reset(struct client *c, uint64_t number, tick_t intended)
{
	free(c->url);
	free(c->aggregate);
	c->aggregate = NULL;
	c->number = number;
	c->url = title_url(c->env, number);
	c->random = plan_random(&c->env->options->plan, number);
	c->is_waiting = c->is_interrupted = false;
	c->cseq = (uint32_t)(plan_draw(&c->random) % 1000);
	c->session[0] = 0;
	c->timeout_s = 60; /* 2326 12.37 */
	c->keepalive = RTSP_OPTIONS;
	c->n_tracks = c->next_setup = 0;
	c->start_at = c->intended_at = intended;
	c->play_sent_at = c->play_at = c->paused_at = c->left_at = 0;
	c->end_at = c->pause_at = c->keepalive_at = TICK_NEVER;
	(void)snprintf(c->cname, sizeof c->cname, "beagle-%" PRIx64 "@load", plan_draw(&c->random));
}

void client_start(struct client *c, uint64_t number, tick_t intended, tick_t now)
{
	struct client_env *env = c->env;
	struct snapshot *sum = &env->tally->sum;

	reset(c, number, intended);
	c->state = CLIENT_CONNECTING;
	c->give_up_at = now + env->options->timeout;
	c->sent_at = os_now();
	sum->sessions_started++;
	hist_record(&sum->start_lag, c->sent_at - intended);
	int err = sink_slot_take(&env->sink, &c->slot, &c->local);
	c->has_slot = !err;
	if (!err)
		err = c->ctl.ops->open(&c->ctl, &env->target, c->local.n ? &c->local : NULL);
	if (err == -EMFILE || err == -ENFILE || err == -EADDRNOTAVAIL || err == -ENOBUFS ||
		err == ERR_LIMIT) {
		sum->arrivals_dropped++;
		finish(c, GENERATOR_LIMIT, "connect", err_name(err), err_text(err));
	} else if (err) {
		finish(c, CONNECTION_FAILED, "connect", err_name(err), err_text(err));
	} else {
		client_arm(c);
	}
}

void client_interrupt(struct client *c, tick_t now)
{
	if (c->state == CLIENT_IDLE || c->is_interrupted)
		return;
	if (c->state == CLIENT_LINGERING || c->state == CLIENT_LEAVING)
		return; /* it had its time */
	c->is_interrupted = true;
	if (c->state != CLIENT_PLAYING) {
		client_die(c, INTERRUPTED, NULL, NULL, NULL);
		return;
	}
	c->end_at = now;
	client_arm(c);
}
