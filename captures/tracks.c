/* SPDX-License-Identifier: MIT */
#include "captures/tracks.h"

#include <stdlib.h>

#include "captures/grow.h"

enum { TRACKS_MAX = 4096 }; /* of one connection */

/* Transport of a message; false when it has none that can be read. */
static bool transport_of(const struct dialog_message *m, struct bytes *value,
	struct ox_transport *t, struct ox_message *ox)
{
	if (ox_message_read(m->whole, ox, NULL) != 0 || !ox_header_find(ox, "Transport"))
		return false;
	*value = ox_header_value(ox, "Transport");
	return ox_transport_read(*value, 0, t, 1, NULL) > 0;
}

static bool host_of(struct bytes name, struct host_port *hp)
{
	char text[64];

	if (name.n > 2 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		name = bytes_sub(name, 1, name.n - 2);
	return name.n && bytes_to_str(name, text, sizeof text) && host_port_read(text, 0, hp) == 0;
}

static bool is_udp_by_name(struct bytes protocol)
{
	return protocol.n >= 4 && bytes_is_ieq(bytes_sub(protocol, protocol.n - 4, 4), B("/UDP"));
}

static void take_ports(struct dialog_track *track, const struct ox_transport *t)
{
	if (t->multicast && t->has_port) {
		track->client_port[0] = t->port[0];
		track->client_port[1] = t->port[1];
	}
	if (t->has_client_port) {
		track->client_port[0] = t->client_port[0];
		track->client_port[1] = t->client_port[1];
	}
	if (t->has_server_port) {
		track->server_port[0] = t->server_port[0];
		track->server_port[1] = t->server_port[1];
		track->is_server_pair = !t->is_single_server_port;
	}
	if (t->has_interleaved) {
		track->has_channels = true;
		track->channel[0] = t->interleaved[0];
		track->channel[1] = t->interleaved[1];
	}
	if (t->has_ssrc) {
		track->has_ssrc = true;
		track->ssrc = t->ssrc;
	}
	if (bytes_is_ieq(t->mode, B("record")) || bytes_is_ieq(t->mode, B("receive")))
		track->from_client = true;
}

/* What the request offered stands until the reply says otherwise. */
static bool read_track(struct dialog_connection *c, uint32_t reply, struct dialog_track *track,
	struct ox_message *ox)
{
	const struct dialog_message *r = &c->messages[reply];
	struct ox_transport t;
	struct bytes value;

	*track = (struct dialog_track){ .setup = r->pair, .reply = reply, .session = r->session };
	track->client = c->client;
	track->server = c->server;
	track->client.port = track->server.port = 0;
	if (r->pair != DIALOG_NONE) {
		const struct dialog_message *q = &c->messages[r->pair];
		track->url = q->uri;
		if (transport_of(q, &value, &t, ox) && !t.is_tcp)
			take_ports(track, &t);
		track->has_channels = track->has_ssrc = false;
	}
	if (!transport_of(r, &value, &t, ox))
		return false;
	track->transport = value;
	take_ports(track, &t);
	track->is_tcp = t.is_tcp || (t.has_interleaved && !t.has_client_port &&
					    !t.has_server_port && !is_udp_by_name(t.protocol));
	(void)host_of(t.source, &track->server);      /* a name stays the connection's address */
	(void)host_of(t.destination, &track->client); /* likewise */
	return true;
}

void tracks_read(struct dialog_connection *c)
{
	struct ox_message *ox = xmalloc(sizeof *ox);
	size_t cap = 0;

	for (uint32_t i = 0; i < c->n_messages && c->n_tracks < TRACKS_MAX; i++) {
		const struct dialog_message *m = &c->messages[i];
		if (!m->is_response || m->status / 100 != 2)
			continue;
		if (m->pair != DIALOG_NONE && !bytes_is_eq(c->messages[m->pair].method, B("SETUP")))
			continue;
		c->tracks = grown(c->tracks, c->n_tracks, &cap, sizeof *c->tracks);
		if (read_track(c, i, &c->tracks[c->n_tracks], ox))
			c->n_tracks++;
	}
	free(ox);
}

/* ---- datagrams ---- */

static bool is_server_host(
	const struct dialog_connection *c, const struct dialog_track *t, const struct host_port *hp)
{
	return host_port_is_host(hp, &t->server) || host_port_is_host(hp, &c->server);
}

static bool is_client_host(
	const struct dialog_connection *c, const struct dialog_track *t, const struct host_port *hp)
{
	return host_port_is_host(hp, &t->client) || host_port_is_host(hp, &c->client);
}

/* Port k (0 RTP, 1 RTCP) of the server; 0: not named. */
static uint16_t server_port(const struct dialog_track *t, int k)
{
	return k == 0 || t->is_server_pair ? t->server_port[k] : 0;
}

/*
 * The client's port names a stream alone: servers behind NAT, or careless ones, send from another port
 * than they said. Without a client's port, the server's must name it.
 */
static bool is_to_client(const struct dialog_track *t, int k, uint16_t src, uint16_t dst)
{
	if (t->client_port[k])
		return dst == t->client_port[k];
	return server_port(t, k) && src == server_port(t, k);
}

static bool is_to_server(const struct dialog_track *t, int k, uint16_t src, uint16_t dst)
{
	if (t->client_port[k] && src != t->client_port[k])
		return false;
	if (server_port(t, k))
		return dst == server_port(t, k);
	return t->client_port[k] != 0;
}

struct track_role track_role_of(const struct dialog_connection *c, const struct dialog_track *t,
	const struct host_port *src, const struct host_port *dst)
{
	static const enum dialog_payload payloads[] = { DIALOG_RTP, DIALOG_RTCP };
	/* on loopback both are the same host: ports that are named on both sides decide first */
	bool down = is_server_host(c, t, src) && is_client_host(c, t, dst);
	bool up = is_client_host(c, t, src) && is_server_host(c, t, dst);

	for (int k = 0; !t->is_tcp && k < 2; k++) {
		if (down && is_to_client(t, k, src->port, dst->port))
			return (struct track_role){ .payload = payloads[k], .from_client = false };
		if (up && is_to_server(t, k, src->port, dst->port))
			return (struct track_role){ .payload = payloads[k], .from_client = true };
	}
	return (struct track_role){ .payload = DIALOG_OTHER };
}
