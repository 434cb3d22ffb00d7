/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "captures/build.h"
#include "captures/grow.h"
#include "captures/guess.h"
#include "captures/repeats.h"
#include "captures/tracks.h"
#include "conformance/oracle/ox_rtcp.h"
#include "server/base/os.h"

enum { PORTS = 65536, STREAM_BUCKETS = 4096, PUNCH_MAX = 64 };

/* A stream with its key: where it runs (a UDP flow or a TCP connection, one direction), channel, SSRC. */
struct stream {
	struct dialog_stream s; /* first: the dialog holds a pointer to it */
	uint64_t place;
	uint64_t first_frame;
	uint32_t made; /* number in the order of making */
	struct stream *next;
};
/* A track by one of its ports. */
struct port_entry {
	uint32_t connection, track;
	uint32_t next; /* 1-based */
};
struct media_table {
	struct stream *chain[STREAM_BUCKETS];
	struct stream **made;
	size_t n_made, made_cap;
	uint32_t port_head[PORTS]; /* 1-based */
	struct port_entry *ports;
	size_t n_ports, ports_cap;
};

/* ---- streams ---- */

/* NULL: too many. */
static struct stream *stream_of(struct dialog *d, uint64_t place, int channel, uint32_t ssrc)
{
	struct media_table *m = d->store->media;
	struct {
		uint64_t place;
		int64_t channel;
		uint64_t ssrc;
	} key = { place, channel, ssrc };
	struct stream **head = &m->chain[repeats_hash(&key, sizeof key) % STREAM_BUCKETS];

	for (struct stream *s = *head; s; s = s->next)
		if (s->place == place && s->s.channel == channel && s->s.ssrc == ssrc)
			return s;
	if (m->n_made == d->store->limits.rtp_streams) {
		d->store->flows->beyond_limits++;
		return NULL;
	}
	struct stream *s = xcalloc(1, sizeof *s);
	s->place = place;
	s->s.channel = channel;
	s->s.ssrc = ssrc;
	s->s.connection = s->s.track = DIALOG_NONE;
	s->made = (uint32_t)m->n_made;
	s->next = *head;
	m->made = grown(m->made, m->n_made, &m->made_cap, sizeof(struct stream *));
	return *head = m->made[m->n_made++] = s;
}

/* ---- one payload ---- */

static void count_rtcp(struct dialog_rtcp *n, const struct ox_rtcp *c, bool is_bad)
{
	n->compounds += c->n > 0;
	n->bad += is_bad;
	for (size_t i = 0; i < c->n; i++)
		n->by_type[c->v[i].type]++;
}

static enum dialog_payload take_rtcp(struct dialog *d, struct bytes b, bool is_repeat)
{
	struct ox_rtcp c = { .n = 0 };
	bool is_bad = ox_rtcp_read(b, &c, NULL) != 0;

	if (c.n == 0)
		return DIALOG_OTHER;
	count_rtcp(&d->rtcp_recorded, &c, is_bad);
	if (!is_repeat)
		count_rtcp(&d->rtcp_clean, &c, is_bad);
	return DIALOG_RTCP;
}

struct payload {
	uint64_t place;
	int channel;
	struct host_port src, dst;
	uint32_t connection, track;
	bool from_client, is_repeat;
	int64_t at;
	uint64_t frame_no;
	struct bytes b;
};

/* Counts an RTP packet in its stream; *made becomes the stream's number. DIALOG_OTHER when it is no
 * RTP. */
static enum dialog_payload take_rtp(
	struct dialog *d, const struct payload *p, bool is_punch, uint32_t *made)
{
	struct ox_rtp rtp;
	struct stream *s;
	int err = ox_rtp_read(p->b, &rtp, NULL);

	if (err != 0 && err != ERR_CORRUPT) /* corrupt: the fixed header holds */
		return DIALOG_OTHER;
	if (!(s = stream_of(d, p->place, p->channel, rtp.ssrc)))
		return DIALOG_RTP;
	if (s->s.recorded.packets == 0) {
		s->s.is_tcp = p->channel >= 0;
		s->s.src = p->src;
		s->s.dst = p->dst;
		s->s.connection = p->connection;
		s->s.track = p->track;
		s->s.from_client = p->from_client;
		s->s.is_punch = is_punch;
		s->first_frame = p->frame_no;
	}
	ox_rtp_stream_add(&s->s.recorded, &rtp, p->at);
	if (p->is_repeat)
		s->s.repeats++;
	else
		ox_rtp_stream_add(&s->s.clean, &rtp, p->at);
	*made = s->made;
	return DIALOG_RTP;
}

/* ---- interleaved frames ---- */

/* The track whose channels hold this one: the last that was agreed on before, else any. */
static uint32_t track_of_channel(const struct dialog_connection *c, uint8_t channel, int64_t at)
{
	uint32_t found = DIALOG_NONE;

	for (uint32_t i = 0; i < c->n_tracks; i++) {
		const struct dialog_track *t = &c->tracks[i];
		if (!t->is_tcp || !t->has_channels ||
			(t->channel[0] != channel && t->channel[1] != channel))
			continue;
		if (found == DIALOG_NONE || c->messages[t->reply].at <= at)
			found = i;
	}
	return found;
}

static void take_frame(struct dialog *d, uint32_t connection, struct dialog_event *e)
{
	struct dialog_connection *c = &d->connections[connection];
	const struct dialog_track *t;
	bool is_rtcp;
	struct payload p = {
		.place = (uint64_t)1 << 40 | (uint64_t)c->tcp_stream << 1 | e->from_client,
		.channel = e->channel,
		.src = e->from_client ? c->client : c->server,
		.dst = e->from_client ? c->server : c->client,
		.connection = connection,
		.from_client = e->from_client,
		.at = e->at,
		.frame_no = e->frame_no,
		.b = e->b,
	};

	e->track = p.track = track_of_channel(c, e->channel, e->at);
	t = e->track == DIALOG_NONE ? NULL : &c->tracks[e->track];
	/* nothing said: even is RTP, as in the RFC's examples */
	is_rtcp = t ? t->channel[0] != e->channel : e->channel % 2 == 1;
	if (e->is_truncated)
		return;
	if (is_rtcp || (ox_rtcp_is_plausible(e->b) && !ox_rtp_is_plausible(e->b)))
		e->payload = take_rtcp(d, e->b, false);
	else
		e->payload = take_rtp(d, &p, false, &e->stream);
}

/* ---- datagrams ---- */

static void add_port(struct media_table *m, uint16_t port, uint32_t connection, uint32_t track)
{
	if (port == 0)
		return;
	m->ports = grown(m->ports, m->n_ports, &m->ports_cap, sizeof *m->ports);
	m->ports[m->n_ports++] = (struct port_entry){
		.connection = connection, .track = track, .next = m->port_head[port]
	};
	m->port_head[port] = (uint32_t)m->n_ports;
}

static void index_ports(struct dialog *d)
{
	for (uint32_t i = 0; i < d->n_connections; i++) {
		const struct dialog_connection *c = &d->connections[i];
		for (uint32_t k = 0; k < c->n_tracks; k++) {
			const struct dialog_track *t = &c->tracks[k];
			for (int n = 0; !t->is_tcp && n < 2; n++) {
				/* one of the two is enough to find it: the client's when there is one */
				uint16_t port =
					t->client_port[n] ? t->client_port[n] : t->server_port[n];
				add_port(d->store->media, port, i, k);
			}
		}
	}
}

struct match {
	uint32_t connection, track;
	struct track_role role;
};

/* Looks for the track of a datagram among those with this port: the one agreed on last before it,
 * else the first one after. */
static void match_port(const struct dialog *d, const struct udp_datagram *g, uint16_t port,
	struct match *best, int64_t *best_at)
{
	enum { LOOK_AT = 1024 };
	const struct media_table *m = d->store->media;
	const struct host_port *src = &g->flow->node[g->from], *dst = &g->flow->node[!g->from];
	unsigned looked = 0;

	for (uint32_t i = m->port_head[port]; i && looked < LOOK_AT; i = m->ports[i - 1].next) {
		const struct port_entry *e = &m->ports[i - 1];
		const struct dialog_connection *c = &d->connections[e->connection];
		const struct dialog_track *t = &c->tracks[e->track];
		struct track_role role = track_role_of(c, t, src, dst);
		int64_t at = c->messages[t->reply].at;

		looked++;
		if (role.payload == DIALOG_OTHER)
			continue;
		bool is_better = best->role.payload == DIALOG_OTHER ||
				 (at <= g->at ? *best_at > g->at || at > *best_at
					      : *best_at > g->at && at < *best_at);
		if (is_better) {
			*best = (struct match){ e->connection, e->track, role };
			*best_at = at;
		}
	}
}

static struct match match_datagram(const struct dialog *d, const struct udp_datagram *g)
{
	struct match best = { .role = { .payload = DIALOG_OTHER } };
	int64_t best_at = 0;

	match_port(d, g, g->flow->node[!g->from].port, &best, &best_at);
	match_port(d, g, g->flow->node[g->from].port, &best, &best_at);
	return best;
}

static struct payload payload_of(const struct udp_datagram *g)
{
	return (struct payload){
		.place = (uint64_t)g->flow->no << 1 | g->from,
		.channel = -1,
		.src = g->flow->node[g->from],
		.dst = g->flow->node[!g->from],
		.connection = DIALOG_NONE,
		.track = DIALOG_NONE,
		.is_repeat = g->repeat == REPEAT_YES,
		.at = g->at,
		.frame_no = g->frame_no,
		.b = g->b,
	};
}

static struct dialog_event event_of(const struct payload *p)
{
	return (struct dialog_event){
		.kind = OX_EVENT_DATAGRAM,
		.from_client = p->from_client,
		.src_port = p->src.port,
		.dst_port = p->dst.port,
		.began = p->at,
		.at = p->at,
		.frame_no = p->frame_no,
		.message = DIALOG_NONE,
		.stream = DIALOG_NONE,
		.track = p->track,
		.b = p->b,
	};
}

/* What goes towards the side that receives media is a stream; the other way, on the media port, small
 * packets only open the way (FFmpeg: an empty RTP packet, LIVE555 and VLC: four octets). */
static void take_signalled(
	struct dialog *d, const struct match *m, const struct payload *p, struct dialog_event *e)
{
	const struct dialog_track *t = &d->connections[m->connection].tracks[m->track];
	bool is_upstream = p->from_client != t->from_client;

	if (m->role.payload == DIALOG_RTCP ||
		(ox_rtcp_is_plausible(p->b) && !ox_rtp_is_plausible(p->b))) {
		e->payload = take_rtcp(d, p->b, p->is_repeat);
		if (e->payload == DIALOG_OTHER && is_upstream && p->b.n <= PUNCH_MAX)
			e->payload = DIALOG_PUNCH;
		return;
	}
	bool is_punch = is_upstream && p->b.n <= PUNCH_MAX;
	e->payload = take_rtp(d, p, is_punch, &e->stream);
	if (is_punch)
		e->payload = DIALOG_PUNCH;
}

/* caps: room in the events of each connection. False: nobody announced it. */
static bool take_datagram(struct dialog *d, const struct udp_datagram *g, size_t *caps)
{
	struct match m = match_datagram(d, g);
	struct payload p = payload_of(g);
	struct dialog_connection *c;
	struct dialog_event e;

	if (m.role.payload == DIALOG_OTHER)
		return false;
	p.connection = m.connection;
	p.track = m.track;
	p.from_client = m.role.from_client;
	e = event_of(&p);
	e.is_truncated = g->is_cut;
	take_signalled(d, &m, &p, &e);
	if (p.is_repeat)
		return true;
	c = &d->connections[m.connection];
	c->events = grown(c->events, c->n_events, &caps[m.connection], sizeof *c->events);
	c->events[c->n_events++] = e;
	return true;
}

static void take_loose(
	struct dialog *d, const struct udp_datagram *g, enum dialog_payload kind, size_t *cap)
{
	struct payload p = payload_of(g);
	struct dialog_event e = event_of(&p);

	e.is_truncated = g->is_cut;
	e.payload = kind == DIALOG_RTCP ? take_rtcp(d, p.b, p.is_repeat)
					: take_rtp(d, &p, false, &e.stream);
	if (p.is_repeat || e.payload == DIALOG_OTHER)
		return;
	d->loose = grown(d->loose, d->n_loose, cap, sizeof *d->loose);
	d->loose[d->n_loose++] = e;
}

static void read_signalled(struct dialog *d)
{
	const struct flows *f = d->store->flows;
	size_t *caps = xcalloc(d->n_connections, sizeof *caps), loose_cap = 0;

	for (uint32_t i = 0; i < d->n_connections; i++) {
		struct dialog_connection *c = &d->connections[i];
		caps[i] = c->n_events; /* grows at the first datagram */
		for (size_t k = 0; k < c->n_events; k++)
			if (c->events[k].kind == OX_EVENT_FRAME)
				take_frame(d, i, &c->events[k]);
	}
	index_ports(d);
	for (size_t i = 0; i < f->n_datagrams; i++)
		if (!take_datagram(d, &f->datagrams[i], caps) && guess_is_report(f->datagrams[i].b))
			take_loose(d, &f->datagrams[i], DIALOG_RTCP, &loose_cap);
	for (uint32_t i = 0; i < d->n_connections; i++)
		talk_sort(d->connections[i].events, d->connections[i].n_events);
	free(caps);
}

static void read_loose(struct dialog *d)
{
	const struct flows *f = d->store->flows;
	struct guess *guess = guess_new(f);
	size_t cap = 0;

	for (size_t i = 0; i < f->n_datagrams; i++) {
		enum dialog_payload kind = guess_payload(guess, &f->datagrams[i]);
		if (kind != DIALOG_OTHER)
			take_loose(d, &f->datagrams[i], kind, &cap);
	}
	guess_free(guess);
	d->has_sip = f->has_sip;
	d->is_guessed = !f->has_sip && d->n_loose > 0;
}

/* ---- the whole ---- */

static int compare_streams(const void *va, const void *vb)
{
	const struct stream *a = *(struct stream *const *)va, *b = *(struct stream *const *)vb;

	if (a->first_frame != b->first_frame)
		return a->first_frame < b->first_frame ? -1 : 1;
	return a->made < b->made ? -1 : a->made > b->made;
}

static void renumber(struct dialog_event *v, size_t n, const uint32_t *place)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].stream != DIALOG_NONE)
			v[i].stream = place[v[i].stream];
}

static void publish_streams(struct dialog *d)
{
	struct media_table *m = d->store->media;
	uint32_t *place = xcalloc(m->n_made, sizeof *place);

	if (m->n_made)
		qsort(m->made, m->n_made, sizeof(struct stream *), compare_streams);
	d->streams = xcalloc(m->n_made, sizeof(struct dialog_stream *));
	d->n_streams = (uint32_t)m->n_made;
	for (uint32_t i = 0; i < d->n_streams; i++) {
		d->streams[i] = &m->made[i]->s;
		place[m->made[i]->made] = i;
	}
	for (uint32_t i = 0; i < d->n_connections; i++)
		renumber(d->connections[i].events, d->connections[i].n_events, place);
	renumber(d->loose, d->n_loose, place);
	free(place);
}

void media_read(struct dialog *d)
{
	d->store->media = xcalloc(1, sizeof *d->store->media);
	if (d->n_connections)
		read_signalled(d);
	else
		read_loose(d);
	talk_sort(d->loose, d->n_loose);
	publish_streams(d);
}

void media_free(struct dialog *d)
{
	struct media_table *m = d->store->media;

	free(d->streams);
	free(d->loose);
	if (!m)
		return;
	for (size_t i = 0; i < m->n_made; i++)
		free(m->made[i]);
	free(m->made);
	free(m->ports);
	free(m);
}
