/* SPDX-License-Identifier: MIT */
#include "loadgen/client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/wire/rtpinfo.h"
#include "server/wire/url.h"

/*
 * The dialog: one row per step. A step's on_ok gets a 2xx reply and goes on to the next step, or ends
 * the session.
 */
struct step_row {
	const char *name;
	enum rtsp_method method;
	size_t intended, sent; /* histograms in struct snapshot */
	enum death refused;    /* why the session dies when the answer is not 2xx */
	void (*on_ok)(struct client *c, const struct rtsp_msg *m, tick_t at);
};

enum { URL_MAX = 8192 };
/* What TEARDOWN or PAUSE meets on the way, and what a busy server sends before it reads them. */
static const tick_t late_grace = 250 * TICK_MS;

static void die_syntax(struct client *c, enum death why, const char *kind)
{
	client_die(c, why, client_step_name(c->step), kind, NULL);
}

/* The next step: asked for now, unless it was already (ask_ahead). */
static void go_on(struct client *c, enum client_step step, tick_t at)
{
	if (c->due_cseq == c->cseq) {
		client_ask(c, step, at);
		return;
	}
	c->due_cseq++;
	c->step = step;
	c->is_waiting = true;
}

/* ---- OPTIONS ---- */

static void on_options(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	if (rtsp_list_has(m, RTSP_H_PUBLIC, B("GET_PARAMETER")))
		c->keepalive = RTSP_GET_PARAMETER;
	client_ask(c, STEP_DESCRIBE, at);
}

/* ---- DESCRIBE ---- */

/* URL of a control attribute, heap; NULL when it is too long. */
static char *control_url(struct bytes base, struct bytes control)
{
	struct buf b;
	char *url = NULL;

	buf_init(&b, URL_MAX);
	if (url_control(base, control, &b) == 0) {
		url = xmalloc(b.n + 1);
		if (!bytes_to_str(buf_bytes(&b), url, b.n + 1)) {
			free(url);
			url = NULL;
		}
	}
	buf_clear(&b);
	return url;
}

static struct bytes base_of(const struct client *c, const struct rtsp_msg *m)
{
	struct bytes base = rtsp_value(m, RTSP_H_CONTENT_BASE);

	if (!base.n)
		base = rtsp_value(m, RTSP_H_CONTENT_LOCATION);
	return base.n ? base : bytes_str(client_url(c));
}

static struct track *track_at(struct client *c, uint32_t i)
{
	if (!c->tracks[i]) {
		c->tracks[i] = xmalloc(sizeof *c->tracks[i]);
		track_init(c->tracks[i], &c->env->track, &c->env->sink, c);
	}
	return c->tracks[i];
}

static void on_describe(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	struct bytes base = base_of(c, m);
	struct fault f;
	struct sdp sdp;

	if (sdp_read(m->body, &sdp, &f) != 0) {
		client_die(c, BAD_SDP, "describe", "unreadable SDP", f.why);
		return;
	}
	c->aggregate = control_url(base, sdp.control);
	for (size_t i = 0; i < sdp.n_media && c->n_tracks < SINK_TRACKS; i++) {
		char *url = control_url(base, sdp.media[i].control);
		if (!url || !bytes_has_iprefix(sdp.media[i].proto, B("RTP/"))) {
			free(url);
			continue;
		}
		track_begin(track_at(c, c->n_tracks), &sdp.media[i], url,
			(uint32_t)plan_draw(&c->random));
		c->n_tracks++;
	}
	if (!c->aggregate || c->n_tracks == 0) {
		client_die(c, BAD_SDP, "describe", "no RTP media in the SDP", NULL);
		return;
	}
	client_ask(c, STEP_SETUP, at);
}

/* ---- SETUP ---- */

/* Puts the Transport header of track i together. Negative: we have no port left. */
static int ask_transport(struct client *c, struct track *tr, char *dst, size_t cap)
{
	if (c->env->options->transport == MEDIA_TCP) {
		tr->channel[0] = (uint8_t)(2 * c->next_setup);
		tr->channel[1] = (uint8_t)(2 * c->next_setup + 1);
		(void)snprintf(dst, cap, "RTP/AVP/TCP;unicast;interleaved=%u-%u", tr->channel[0],
			tr->channel[1]);
		return 0;
	}
	int err = sink_stream_open(&tr->sink, c->slot, c->next_setup, &c->local);
	if (err)
		return err;
	(void)snprintf(
		dst, cap, "RTP/AVP;unicast;client_port=%u-%u", tr->sink.port, tr->sink.port + 1u);
	return 0;
}

static void note_udp_server(struct client *c, struct track *tr, const struct transport *t)
{
	char host[ADDR_TEXT];

	tr->server = c->env->target;
	if (t->source.n && bytes_to_str(t->source, host, sizeof host)) {
		struct addr source;
		if (addr_read(&source, host, 0) == 0)
			tr->server = source;
	}
	tr->server_rtcp = tr->server;
	addr_set_port(&tr->server, t->server_port.n ? t->server_port.lo : 0);
	addr_set_port(&tr->server_rtcp, t->server_port.n ? t->server_port.hi : 0);
}

/* What the server granted. False: not what was asked for. */
static bool take_transport(struct client *c, struct track *tr, const struct rtsp_msg *m)
{
	struct transport_list list = { 0 };
	struct fault f;
	bool is_tcp = c->env->options->transport == MEDIA_TCP;

	if (transport_read(rtsp_value(m, RTSP_H_TRANSPORT), &list, &f) != 0)
		return false;
	const struct transport *t = &list.v[0];
	if (t->err || t->lower != (is_tcp ? TRANSPORT_TCP : TRANSPORT_UDP))
		return false;
	if (!is_tcp) {
		note_udp_server(c, tr, t);
	} else if (t->interleaved.n) {
		tr->channel[0] = (uint8_t)t->interleaved.lo;
		tr->channel[1] = (uint8_t)t->interleaved.hi;
	}
	return true;
}

static bool take_session(struct client *c, const struct rtsp_msg *m)
{
	struct bytes value = rtsp_value(m, RTSP_H_SESSION), id;

	if (!value.n || rtsp_session_read(value, &id, &c->timeout_s) != 0)
		return c->session[0] != 0;
	return bytes_to_str(id, c->session, sizeof c->session) && c->session[0];
}

static void ask_ahead(struct client *c, tick_t intended);

static void on_setup(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	struct track *tr = c->tracks[c->next_setup];

	if (!take_session(c, m)) {
		die_syntax(c, REQUEST_FAILED, "no Session in the reply");
		return;
	}
	if (!take_transport(c, tr, m)) {
		die_syntax(c, REQUEST_FAILED, "no usable Transport in the reply");
		return;
	}
	if (++c->next_setup == 1 && c->env->options->is_pipelined)
		ask_ahead(c, at);
	if (c->state != CLIENT_IDLE)
		go_on(c, c->next_setup < c->n_tracks ? STEP_SETUP : STEP_PLAY, at);
}

/* ---- PLAY ---- */

static bool is_url_of(const struct track *tr, struct bytes base, struct bytes url)
{
	char *whole = control_url(base, url);
	bool same = whole && strcmp(whole, tr->control) == 0;

	free(whole);
	return same;
}

/* First sequence numbers, so that packets lost before the first received one count. */
static void take_rtp_info(struct client *c, const struct rtsp_msg *m)
{
	struct bytes rest = rtsp_value(m, RTSP_H_RTP_INFO);
	struct rtpinfo e;

	while (rtpinfo_next(&rest, &e) == 1)
		for (uint32_t i = 0; i < c->n_tracks; i++)
			if (e.has_seq && is_url_of(c->tracks[i], bytes_str(c->aggregate), e.url))
				meter_expect_first(&c->tracks[i]->meter, e.seq);
}

static void on_play(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	const struct options *o = c->env->options;
	struct snapshot *sum = &c->env->tally->sum;

	take_rtp_info(c, m);
	c->state = CLIENT_PLAYING;
	c->play_sent_at = c->sent_at;
	c->play_at = at;
	c->end_at = at + o->plan.play;
	if (o->pause_after >= 0 && o->pause_after < o->plan.play)
		c->pause_at = at + o->pause_after;
	tick_t every = (c->timeout_s ? c->timeout_s : 1) * TICK_S / 2;
	if (every < o->plan.play)
		c->keepalive_at = at + every;
	sum->sessions_played++;
	hist_record(&sum->ready, at - c->start_at);
	if (o->is_cycle) {
		c->state = CLIENT_LEAVING;
		go_on(c, STEP_TEARDOWN, at);
		return;
	}
	for (uint32_t i = 0; i < c->n_tracks; i++)
		track_play(c->tracks[i], at, (uint32_t)plan_draw(&c->random));
	if (o->transport == MEDIA_TCP)
		c->ctl.ops->carry_media(&c->ctl);
	client_arm(c);
}

/* ---- and on ---- */

static void on_pause(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	(void)m;
	(void)at;
	client_arm(c);
}

static void on_keepalive(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	(void)m;
	c->keepalive_at = at + (c->timeout_s ? c->timeout_s : 1) * TICK_S / 2;
	client_arm(c);
}

static void on_teardown(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	(void)m;
	client_linger(c, at);
}

#define HISTS(field) offsetof(struct snapshot, field), offsetof(struct snapshot, field##_sent)
static const struct step_row steps[N_STEPS] = {
	[STEP_OPTIONS] = { "options", RTSP_OPTIONS, HISTS(options), REQUEST_FAILED, on_options },
	[STEP_DESCRIBE] = { "describe", RTSP_DESCRIBE, HISTS(describe), REQUEST_FAILED,
		on_describe },
	[STEP_SETUP] = { "setup", RTSP_SETUP, HISTS(setup), REQUEST_FAILED, on_setup },
	[STEP_PLAY] = { "play", RTSP_PLAY, HISTS(play), REQUEST_FAILED, on_play },
	[STEP_PAUSE] = { "pause", RTSP_PAUSE, HISTS(pause), REQUEST_FAILED, on_pause },
	[STEP_KEEPALIVE] = { "keepalive", RTSP_GET_PARAMETER, HISTS(keepalive), REQUEST_FAILED,
		on_keepalive },
	[STEP_TEARDOWN] = { "teardown", RTSP_TEARDOWN, HISTS(teardown), TEARDOWN_FAILED,
		on_teardown },
};

const char *client_step_name(enum client_step step)
{
	return steps[step].name;
}

/* ---- requests ---- */

/* Where this session starts: as evenly spread as the seed allows, in milliseconds. */
static struct bytes ask_range(struct client *c, char *dst, size_t cap)
{
	const struct options *o = c->env->options;
	uint64_t span = o->seek_to < 0 ? 0 : (uint64_t)((o->seek_to - o->seek_from) / TICK_MS);
	uint64_t at = (uint64_t)(o->seek_from / TICK_MS) + plan_draw(&c->random) % (span + 1);

	if (o->seek_to < 0)
		return B("npt=0-");
	(void)snprintf(dst, cap, "npt=%" PRIu64 ".%03" PRIu64 "-", at / 1000, at % 1000);
	return bytes_str(dst);
}

/* Fills in what differs by step; text: room for a value. False: the session has ended instead. */
static bool fill_request(struct client *c, struct ctl_request *r, char *text, size_t cap)
{
	int err;

	switch (c->step) {
	case STEP_OPTIONS:
	case STEP_DESCRIBE: r->url = bytes_str(client_url(c)); return true;
	case STEP_SETUP:
		r->url = bytes_str(c->tracks[c->next_setup]->control);
		err = ask_transport(c, c->tracks[c->next_setup], text, cap);
		r->transport = bytes_str(text);
		if (err)
			client_die(c, GENERATOR_LIMIT, "setup", err_name(err), err_text(err));
		return !err;
	case STEP_PLAY: r->range = ask_range(c, text, cap); return true;
	case STEP_KEEPALIVE: r->method = c->keepalive; return true;
	case STEP_PAUSE:
	case STEP_TEARDOWN:
	case N_STEPS: return true;
	}
	return true;
}

/* No media are owed from now on. A server that is behind and answers late must not make up for it
 * meanwhile. */
static void stop_meters(struct client *c)
{
	for (uint32_t i = 0; i < c->n_tracks; i++)
		meter_stop(&c->tracks[i]->meter, c->sent_at + late_grace);
}

/* Writes the request of a step; more: with the next one. False: the session has ended instead. */
static bool send_request(struct client *c, enum client_step step, bool more)
{
	struct snapshot *sum = &c->env->tally->sum;
	char text[CLIENT_TEXT_MAX] = "";

	c->step = step;
	struct ctl_request r = { .method = steps[step].method,
		.url = bytes_str(c->aggregate ? c->aggregate : client_url(c)),
		.session = bytes_str(c->session),
		.cseq = ++c->cseq,
		.more = more };
	if (!fill_request(c, &r, text, sizeof text))
		return false;
	int err = c->ctl.ops->request(&c->ctl, &r, &c->sent_at);
	if (step == STEP_TEARDOWN)
		c->left_at = c->sent_at;
	if (step == STEP_PAUSE)
		c->paused_at = c->sent_at;
	if (step == STEP_TEARDOWN || step == STEP_PAUSE)
		stop_meters(c);
	if (err) {
		client_die(c, c->play_at ? DIED_WHILE_PLAYING : CONNECTION_FAILED, steps[step].name,
			err_name(err), err_text(err));
		return false;
	}
	sum->requests++;
	sum->keepalives += step == STEP_KEEPALIVE;
	return true;
}

void client_ask(struct client *c, enum client_step step, tick_t intended)
{
	c->intended_at = intended;
	if (!send_request(c, step, false))
		return;
	c->due_cseq = c->cseq;
	c->is_waiting = true;
	c->give_up_at = c->sent_at + c->env->options->timeout;
	client_arm(c);
}

/* All that is left of a cycle once the session has its id: one write, replies in the same order. */
static void ask_ahead(struct client *c, tick_t intended)
{
	uint32_t first = c->next_setup;
	bool lives = true;

	c->intended_at = intended;
	for (; lives && c->next_setup < c->n_tracks; c->next_setup++)
		lives = send_request(c, STEP_SETUP, true);
	lives = lives && send_request(c, STEP_PLAY, true) && send_request(c, STEP_TEARDOWN, false);
	if (!lives)
		return;
	c->next_setup = first;
	c->give_up_at = c->sent_at + c->env->options->timeout;
	client_arm(c);
}

/* ---- replies ---- */

static void note_latency(struct client *c, tick_t at)
{
	const struct step_row *row = &steps[c->step];
	char *sum = (char *)&c->env->tally->sum;

	hist_record((struct hist *)(void *)(sum + row->intended), at - c->intended_at);
	hist_record((struct hist *)(void *)(sum + row->sent), at - c->sent_at);
	if (c->step == STEP_SETUP)
		hist_record(&c->env->tally->setup, at - c->intended_at);
}

/* Keeps the name of the server, once per run. */
static void note_banner(struct client_env *env, const struct rtsp_msg *m)
{
	struct bytes name = rtsp_value(m, RTSP_H_SERVER);
	char text[128];

	if (!env->server_banner && name.n && bytes_to_str(name, text, sizeof text))
		env->server_banner = xstrdup(text);
}

/* Is it the answer to the request under way? Without a CSeq we cannot tell, and believe it. */
static bool is_expected(const struct client *c, const struct rtsp_msg *m)
{
	return c->is_waiting && (!m->has_cseq || m->cseq == c->due_cseq);
}

static void on_refusal(struct client *c, const struct rtsp_msg *m, tick_t at)
{
	char kind[32], reason[80];

	if (c->step == STEP_OPTIONS) { /* it may know no OPTIONS, and serve well */
		client_ask(c, STEP_DESCRIBE, at);
		return;
	}
	if (c->step == STEP_KEEPALIVE && m->status != RTSP_SESSION_NOT_FOUND) {
		c->keepalive = RTSP_OPTIONS;
		on_keepalive(c, m, at);
		return;
	}
	(void)snprintf(kind, sizeof kind, "status %d", m->status);
	(void)snprintf(reason, sizeof reason, "%.*s", (int)(m->reason.n < 70 ? m->reason.n : 70),
		(const char *)m->reason.p);
	client_die(c, steps[c->step].refused, steps[c->step].name, kind, reason);
}

void client_on_reply(void *owner, const struct rtsp_msg *m, tick_t at)
{
	struct client *c = owner;
	struct snapshot *sum = &c->env->tally->sum;

	if (!is_expected(c, m)) {
		sum->replies_bad++;
		return;
	}
	if (m->status < 200)
		return; /* 100 Continue: the answer is still to come */
	sum->replies++;
	sum->statuses[m->status < STATUS_MAX ? m->status : 0]++;
	note_banner(c->env, m);
	c->is_waiting = false;
	if (m->status >= 300) {
		on_refusal(c, m, at);
		return;
	}
	note_latency(c, at);
	steps[c->step].on_ok(c, m, at);
}
