/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/admission.h"
#include "server/core/module.h"
#include "server/core/rtsp_methods.h"
#include "server/core/rtsp_channels.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/wire/transport.h"

enum { TRANSPORT_TEXT_MAX = 1024 };

/* The transport that was chosen, and what was taken for it. */
struct choice {
	struct transport spec;
	struct udp_pair *pair;
	struct addr to; /* UDP: where it goes; the ports are the spec's */
	uint8_t rtp_channel, rtcp_channel;
};

static bool refuse(struct rtsp_txn *t, int status, tick_t now)
{
	source_free(t->source);
	t->source = NULL;
	rtsp_txn_answer(t, status, now);
	return true;
}

/* ---- which medium, which track ---- */

static int track_of(const struct source *s, const char *control)
{
	for (uint32_t i = 0; i < s->n_tracks; i++) {
		if (strcmp(control, s->tracks[i].control) == 0)
			return (int)i;
	}
	return MATCH_NONE;
}

/*
 * One way to read the path: as a medium and the control of one of its tracks (split), or as a medium alone.
 * 0 with *track, or an error.
 */
static int open_as(struct rtsp_txn *t, bool split, char *medium, int *track)
{
	char *tail = strrchr(medium, '/');

	if (split) {
		if (tail == medium || !tail[1])
			return ERR_NOT_FOUND;
		*tail = '\0';
	}
	int err = rtsp_open(t, medium);
	if (err)
		return err;
	*track = split                      ? track_of(t->source, tail + 1)
		 : t->source->n_tracks == 1 ? 0
					    : MATCH_AGGREGATE;
	if (*track != MATCH_NONE)
		return 0;
	source_free(t->source);
	t->source = NULL;
	return ERR_NOT_FOUND;
}

/* Opens what the path names; `medium` (TXN_PATH bytes) gets the aggregate's path. A last segment with a
 * '=' is most likely a control, any other a file. */
static int open_medium(struct rtsp_txn *t, char *medium, int *track)
{
	bool split_first = url_path_aggregate(t->path).n > 0;

	for (; t->opening_try < 2; t->opening_try++) {
		memcpy(medium, t->path, sizeof t->path);
		int err = open_as(t, split_first == (t->opening_try == 0), medium, track);
		/* what is there, and cannot be played, is what was meant */
		if (err == 0 || err == ERR_AGAIN || rtsp_open_status(err) != RTSP_NOT_FOUND)
			return err;
	}
	return ERR_NOT_FOUND;
}

/* ---- Transport ---- */

/* The client's own address, or none, may be asked for, and where the preferences say (12.39: denial of
 * service). */
static bool read_destination(struct rtsp_txn *t, const struct transport *spec, struct addr *to)
{
	char text[ADDR_TEXT];
	struct addr a;

	*to = t->peer;
	if (!spec->has_destination || spec->destination.n == 0)
		return true;
	if (bytes_to_str(spec->destination, text, sizeof text) && addr_read(&a, text, 0) == 0) {
		addr_take_scope(&a, &t->peer);
		if (addr_is_same_host(&a, &t->peer))
			return true;
		/* frames go where the connection goes; the socket is of the connection's family */
		bool can = spec->lower == TRANSPORT_UDP && a.sa.sa_family == t->local.sa.sa_family;
		*to = a;
		if (can && prefixes_has(&t->worker->prefs->destination_allowed, &a))
			return true;
	}
	t->worker->stats.destinations_refused++;
	return false;
}

static int take_udp(struct rtsp_txn *t, struct choice *c)
{
	struct worker *w = t->worker;
	const struct transport_pair *port = &c->spec.client_port;

	if (port->lo < w->prefs->media_ports_min || port->hi < w->prefs->media_ports_min) {
		w->stats.ports_refused++;
		return RTSP_UNSUPPORTED_TRANSPORT;
	}
	/* what was asked for in secret is not sent for all to see */
	if (t->secure && !w->prefs->tls_udp_media)
		return RTSP_UNSUPPORTED_TRANSPORT;
	c->pair = worker_pair(w, &t->local);
	if (!c->pair)
		w->stats.pairs_refused++;
	return c->pair ? 0 : RTSP_UNAVAILABLE;
}

/* Interleaved media runs on the connection that made the session, on its worker only. */
static int take_tcp(struct rtsp_txn *t, const struct rtp_stream *again, struct choice *c)
{
	const struct transport_pair *wish = &c->spec.interleaved;
	int lo = wish->n ? wish->lo : -1, hi = wish->n ? wish->hi : -1;

	if (t->worker != t->home || (t->session && t->session->made_by != t->conn))
		return RTSP_UNSUPPORTED_TRANSPORT;
	if (!wish->n && again && again->over) {
		lo = again->channel;
		hi = again->rtcp_channel;
	}
	return rtsp_session_take_channels(t->conn, lo, hi, &c->rtp_channel, &c->rtcp_channel)
		       ? 0
		       : RTSP_UNSUPPORTED_TRANSPORT;
}

/* Can this alternative be served? Takes what it needs when it can. 0, or the status. */
static int try_transport(struct rtsp_txn *t, const struct rtp_stream *again,
	const struct transport *spec, struct choice *c)
{
	const char *why;
	int err = transport_check_request(spec, &why);

	if (err)
		return err == ERR_UNSUPPORTED ? RTSP_UNSUPPORTED_TRANSPORT : RTSP_BAD_REQUEST;
	*c = (struct choice){ .spec = *spec };
	if (spec->cast == TRANSPORT_MULTICAST || !(spec->mode & TRANSPORT_PLAY) ||
		spec->mode & TRANSPORT_RECORD)
		return RTSP_UNSUPPORTED_TRANSPORT;
	if (!read_destination(t, spec, &c->to))
		return RTSP_DESTINATION_UNREACHABLE; /* 11.3.13 */
	return spec->lower == TRANSPORT_TCP ? take_tcp(t, again, c) : take_udp(t, c);
}

/* The first alternative that can be served (12.39: in order of preference). `again`: the stream is set up
 * already; NULL: it isn't. 0, or the status. */
static int choose_first(struct rtsp_txn *t, const struct rtp_stream *again, struct choice *c)
{
	struct transport_list list = { 0 };
	struct fault f;
	int status = RTSP_BAD_REQUEST;
	size_t n = rtsp_header_count(&t->req, RTSP_H_TRANSPORT);

	for (size_t i = 0; i < n; i++) {
		const struct rtsp_header *h = rtsp_header_nth(&t->req, RTSP_H_TRANSPORT, i);
		/* too many, or none: what was understood so far counts */
		if (transport_read(h->value, &list, &f) == ERR_LIMIT)
			status = RTSP_UNSUPPORTED_TRANSPORT;
	}
	for (size_t i = 0; i < list.n; i++) {
		int s = try_transport(t, again, &list.v[i], c);
		if (s == 0)
			return 0;
		/* of several reasons the one that came nearest: 400, 461, 462, 503 (later it could) */
		if (s > status)
			status = s;
	}
	return status;
}

/* The channels that a stream has are free to be asked for again; when nothing can be served, it keeps them. */
static int choose(struct rtsp_txn *t, const struct rtp_stream *again, struct choice *c)
{
	bool has_channels = again && again->over;

	if (has_channels)
		rtsp_session_free_channels(again->over, again->channel, again->rtcp_channel);
	int status = choose_first(t, again, c);
	if (status && has_channels)
		rtsp_session_keep_channels(again->over, again->channel, again->rtcp_channel);
	return status;
}

static void apply_udp(struct rtsp_txn *t, struct rtp_stream *st, const struct choice *c)
{
	udp_pair_use(&st->pair, c->pair);
	st->rtp_to = st->rtcp_to = c->to;
	addr_set_port(&st->rtp_to, c->spec.client_port.lo);
	addr_set_port(&st->rtcp_to, c->spec.client_port.hi);
	demux_name(&t->worker->demux, &st->demux, &st->rtcp_to);
	rtp_stream_use_udp(st);
}

static void apply_tcp(struct rtsp_txn *t, struct rtp_stream *st, const struct choice *c)
{
	udp_pair_use(&st->pair, NULL);
	st->over = t->conn;
	st->channel = c->rtp_channel;
	st->rtcp_channel = c->rtcp_channel;
	rtp_stream_use_tcp(st);
}

static void apply(struct rtsp_txn *t, struct rtp_session *s, int track, const struct choice *c)
{
	struct rtp_stream *st = &s->streams[track];
	struct buf url;

	st->over = NULL; /* its channels were given back by choose() */
	if (c->spec.lower == TRANSPORT_TCP)
		apply_tcp(t, st, c);
	else
		apply_udp(t, st, c);
	rtp_session_rewired(s);
	buf_init(&url, TXN_REPLY_MAX);
	if (url_put_public(t->req.uri, &url) == 0) {
		free(st->url);
		st->url = xasprintf("%.*s", BYTES_FMT(buf_bytes(&url)));
	}
	buf_clear(&url);
	s->must_seek = true; /* the new track stands at 0, wherever the others are */
	s->mask |= 1u << track;
	s->state = RTP_READY;
}

static void put_transport(struct rtsp_txn *t, const struct rtp_stream *st, const struct choice *c)
{
	char host[ADDR_TEXT];
	struct buf text;
	struct transport r = { .is_rtp_avp = true,
		.lower = c->spec.lower,
		.cast = TRANSPORT_UNICAST,
		.has_ssrc = true,
		.ssrc = st->ssrc };

	if (c->spec.lower == TRANSPORT_TCP) {
		r.interleaved = (struct transport_pair){ 2, c->rtp_channel, c->rtcp_channel };
	} else {
		r.client_port = c->spec.client_port;
		r.server_port = (struct transport_pair){ 2, addr_port(&c->pair->rtp.local),
			addr_port(&c->pair->rtcp.local) };
		r.source = bytes_str(addr_host_text(&t->local, host));
		r.has_destination = !addr_is_same_host(&c->to, &t->peer);
		r.destination = c->spec.destination;
	}
	buf_init(&text, TRANSPORT_TEXT_MAX);
	if (transport_write(&r, &text) == 0)
		rtsp_put(&t->writer, RTSP_H_TRANSPORT, buf_bytes(&text));
	buf_clear(&text);
}

static bool answer_setup(
	struct rtsp_txn *t, struct rtp_session *s, int track, const struct choice *c, tick_t now)
{
	memcpy(t->used_session, s->id, sizeof s->id);
	rtsp_txn_begin(t, RTSP_OK, now);
	rtsp_putf(&t->writer, RTSP_H_SESSION, "%s;timeout=%lld", s->id,
		(long long)(s->timeout / TICK_S));
	put_transport(t, &s->streams[track], c);
	rtsp_put(&t->writer, RTSP_H_CACHE_CONTROL, B("must-revalidate"));
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
	return true;
}

static uint64_t track_bps(const struct source *s, int track)
{
	return s->tracks[track].bitrate_bps;
}

/* ---- SETUP ---- */

/* What the access log will want to know of the one who asked. */
static void note_client(struct rtp_session *s, const struct rtsp_txn *t)
{
	s->peer = t->peer;
	s->local = t->local;
	s->user_agent = xasprintf("%.*s", BYTES_FMT(rtsp_value(&t->req, RTSP_H_USER_AGENT)));
	s->query = xasprintf("%.*s", BYTES_FMT(t->url.query));
	s->user = t->user[0] ? xstrdup(t->user) : NULL;
	s->by_signature = t->by_signature;
	s->rtsp_in = t->raw.n;
}

static void attach(struct rtp_session *s, struct rtsp_session *c)
{
	s->made_by = c;
	list_push_back(&c->media, &s->on_conn);
	c->n_media++;
}

static bool setup_new(struct rtsp_txn *t, tick_t now)
{
	char medium[TXN_PATH];
	struct choice c;
	struct admission a;
	int track, status;
	int err = open_medium(t, medium, &track);

	if (err == ERR_AGAIN)
		return false;
	if (err)
		return refuse(t, rtsp_open_status(err), now);
	/* draining: the others have ended, nobody would end this one */
	if (t->worker->draining || atomic_load(&t->worker->server->refusing))
		return refuse(t, RTSP_UNAVAILABLE, now);
	if (track == MATCH_AGGREGATE)
		return refuse(t, RTSP_AGGREGATE_NOT_ALLOWED, now);
	if (!rtsp_is_current(t, t->source))
		return refuse(t, RTSP_PRECONDITION_FAILED, now);
	status = admission_take(t, track_bps(t->source, track), now, &a);
	if (status)
		return refuse(t, status, now);
	status = choose(t, NULL, &c);
	if (status) {
		admission_drop(t, &a, now);
		return refuse(t, status, now);
	}
	struct rtp_session *s = rtp_session_new(t->worker, t->source, medium, now);
	t->source = NULL; /* the session's now */
	note_client(s, t);
	attach(s, t->conn);
	admission_give(s, &a);
	apply(t, s, track, &c);
	t->session = s;
	return answer_setup(t, s, track, &c, now);
}

static bool setup_more(struct rtsp_txn *t, tick_t now)
{
	struct rtp_session *s = t->session;
	struct choice c;
	int track = rtsp_match_path(s, t->path), status;

	if (track == MATCH_AGGREGATE && s->n_streams == 1)
		track = 0;
	/* another presentation cannot join this session (10.4) */
	if (track == MATCH_AGGREGATE)
		return refuse(t, RTSP_AGGREGATE_NOT_ALLOWED, now);
	if (track == MATCH_NONE)
		return refuse(t,
			url_path_is_within(t->path, s->path) ? RTSP_NOT_FOUND
							     : RTSP_AGGREGATE_NOT_ALLOWED,
			now);
	if (s->state == RTP_PLAYING) {
		rtsp_answer_state(t, now);
		return true;
	}
	if (!rtsp_is_current(t, s->source))
		return refuse(t, RTSP_PRECONDITION_FAILED, now);
	bool is_new = !s->streams[track].is_setup;
	uint64_t more = is_new ? track_bps(s->source, track) : 0;
	status = admission_add(s, more);
	if (status)
		return refuse(t, status, now);
	status = choose(t, is_new ? NULL : &s->streams[track], &c);
	if (status) {
		admission_remove(s, more);
		return refuse(t, status, now);
	}
	apply(t, s, track, &c);
	return answer_setup(t, s, track, &c, now);
}

bool rtsp_do_setup(struct rtsp_txn *t, tick_t now)
{
	/* we know of no conference (12.8, 11.3.3) */
	if (rtsp_header(&t->req, RTSP_H_CONFERENCE))
		return refuse(t, RTSP_CONFERENCE_NOT_FOUND, now);
	return t->session_id.n ? setup_more(t, now) : setup_new(t, now);
}
