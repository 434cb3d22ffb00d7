/* SPDX-License-Identifier: MIT */
#include "captures/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "captures/grow.h"
#include "captures/pcapfile.h"
#include "captures/redact.h"
#include "conformance/oracle/ox_rtsp.h"

/* ---- small helpers ---- */

static void put(json_t *o, const char *key, json_t *v)
{
	if (json_object_set_new(o, key, v) != 0)
		die("JSON: no memory, or a bad key %s", key);
}

/* Text of a peer: what is no UTF-8 becomes U+FFFD, as does NUL. */
static json_t *json_bytes(struct bytes b)
{
	json_t *v = json_stringn((const char *)b.p, b.n);
	char *s;
	size_t n = 0;

	if (v && memchr(b.p ? b.p : (const uint8_t *)"", 0, b.n) == NULL)
		return v;
	json_decref(v);
	s = xmalloc(b.n * 3 + 1);
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] > 0 && b.p[i] < 0x80) {
			s[n++] = (char)b.p[i];
			continue;
		}
		memcpy(s + n, "\xef\xbf\xbd", 3);
		n += 3;
	}
	v = json_stringn(s, n);
	free(s);
	return v;
}

static json_t *json_url(struct bytes b)
{
	struct buf out;
	json_t *v;

	buf_init(&out, b.n * 2 + 16);
	v = json_bytes(redact_text(b, &out) == 0 ? buf_bytes(&out) : B("(too long)"));
	buf_clear(&out);
	return v;
}

static json_t *json_place(const struct host_port *hp)
{
	char s[HOST_PORT_STR];
	return json_string(host_port_str(hp, s));
}

/* Seconds to the microsecond, as expect.sh rounds them. */
static json_t *json_seconds(int64_t ns)
{
	return json_real(round((double)ns / 1e3) / 1e6);
}

static void count(json_t *o, const char *key, json_int_t by)
{
	put(o, key, json_integer(json_integer_value(json_object_get(o, key)) + by));
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of a set in order of their bytes; frees the set. */
static json_t *sorted_keys(json_t *set)
{
	size_t n = json_object_size(set), i = 0;
	const char **keys = xcalloc(n, sizeof *keys), *key;
	json_t *v, *list = json_array();

	json_object_foreach(set, key, v) keys[i++] = key;
	if (n)
		qsort(keys, n, sizeof *keys, compare_keys);
	for (i = 0; i < n; i++)
		json_array_append_new(list, json_string(keys[i]));
	free(keys);
	json_decref(set);
	return list;
}

static void set_add(json_t *set, struct bytes name)
{
	json_t *s = json_bytes(name);
	if (s)
		put(set, json_string_value(s), json_true());
	json_decref(s);
}

/* ---- rtsp ---- */

struct names {
	json_t *agents, *servers, *sessions;
	struct {
		uint64_t frame_no;
		struct bytes value;
	} * transports;
	size_t n, cap;
};

static void note_headers(struct names *names, const struct dialog_message *m, struct ox_message *ox)
{
	static const char session[] = "Session";
	const struct ox_header *h;

	if (ox_message_read(m->whole, ox, NULL) != 0)
		return;
	if ((h = ox_header_find(ox, "User-Agent")) && h->value.n)
		set_add(names->agents, h->value);
	if ((h = ox_header_find(ox, "Server")) && h->value.n)
		set_add(names->servers, h->value);
	for (h = ox_header_find(ox, session); h; h = ox_header_next(ox, h, session)) {
		struct bytes id = bytes_trim(bytes_sub(h->value, 0, bytes_index(h->value, ';')));
		if (h->value.n)
			set_add(names->sessions, id);
	}
	if ((h = ox_header_find(ox, "Transport")) && h->value.n) {
		names->transports =
			grown(names->transports, names->n, &names->cap, sizeof *names->transports);
		names->transports[names->n].frame_no = m->frame_no;
		names->transports[names->n++].value = h->value;
	}
}

static json_t *message_json(const struct dialog *d, const struct dialog_message *m)
{
	json_t *o = json_object();

	put(o, "at_s", json_seconds(m->at - d->file.first));
	put(o, "frame", json_integer((json_int_t)m->frame_no));
	put(o, "from", json_string(m->from_client ? "client" : "server"));
	if (m->is_response) {
		put(o, "status", json_integer(m->status));
	} else {
		put(o, "method", json_bytes(m->method));
		put(o, "url", json_url(m->uri));
	}
	if (m->has_cseq)
		put(o, "cseq", json_integer((json_int_t)m->cseq));
	if (m->session.n)
		put(o, "session", json_bytes(m->session));
	put(o, "body_bytes", json_integer((json_int_t)m->body.n));
	put(o, "pair", m->pair == DIALOG_NONE ? json_null() : json_integer(m->pair));
	if (m->is_truncated)
		put(o, "is_truncated", json_true());
	return o;
}

static json_t *track_json(const struct dialog_track *t)
{
	json_t *o = json_object();

	put(o, "url", json_url(t->url));
	put(o, "session", json_bytes(t->session));
	put(o, "transport", json_bytes(t->transport));
	put(o, "proto", json_string(t->is_tcp ? "tcp" : "udp"));
	put(o, "sender", json_string(t->from_client ? "client" : "server"));
	if (t->is_tcp && t->has_channels)
		put(o, "channels", json_pack("[ii]", t->channel[0], t->channel[1]));
	if (!t->is_tcp) {
		put(o, "client_ports", json_pack("[ii]", t->client_port[0], t->client_port[1]));
		put(o, "server_ports", json_pack("[ii]", t->server_port[0], t->server_port[1]));
	}
	return o;
}

static void put_counts(json_t *o, const struct dialog_connection *c)
{
	json_t *requests = json_object(), *responses = json_object();

	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct dialog_message *m = &c->messages[i];
		char status[16];
		snprintf(status, sizeof status, "%03u", m->status);
		if (m->is_response) {
			count(responses, status, 1);
		} else {
			json_t *name = json_bytes(m->method);
			count(requests, json_string_value(name), 1);
			json_decref(name);
		}
	}
	put(o, "requests", requests);
	put(o, "responses", responses);
}

static json_t *connection_json(const struct dialog *d, const struct dialog_connection *c)
{
	json_t *o = json_object(), *list;

	put(o, "stream", json_integer(c->tcp_stream));
	put(o, "nodes", json_pack("[oo]", json_place(&c->node[0]), json_place(&c->node[1])));
	put_counts(o, c);
	put(o, "bytes", json_pack("[II]", (json_int_t)c->bytes[0], (json_int_t)c->bytes[1]));
	put(o, "client", json_place(&c->client));
	put(o, "server", json_place(&c->server));
	put(o, "has_syn", json_boolean(c->has_syn));
	put(o, "has_fin", json_boolean(c->has_fin));
	put(o, "has_rst", json_boolean(c->has_rst));
	put(o, "gaps", json_integer((json_int_t)c->gaps));
	put(o, "gap_bytes", json_integer((json_int_t)c->gap_bytes));
	put(o, "retransmissions", json_integer((json_int_t)c->retransmissions));
	put(o, "out_of_order", json_integer((json_int_t)c->out_of_order));
	list = json_array();
	for (uint32_t i = 0; i < c->n_tracks; i++)
		json_array_append_new(list, track_json(&c->tracks[i]));
	put(o, "tracks", list);
	list = json_array();
	for (uint32_t i = 0; i < c->n_messages; i++)
		json_array_append_new(list, message_json(d, &c->messages[i]));
	put(o, "messages", list);
	return o;
}

static void add_counts(json_t *sum, json_t *part)
{
	const char *key;
	json_t *v;

	json_object_foreach(part, key, v) count(sum, key, json_integer_value(v));
}

static json_t *frames_json(const struct dialog *d)
{
	json_t *o = json_object();

	for (unsigned channel = 0; channel < 256; channel++) {
		uint64_t n = 0;
		char key[8];
		for (uint32_t i = 0; i < d->n_connections; i++)
			n += d->connections[i].frames_by_channel[channel];
		snprintf(key, sizeof key, "%u", channel);
		if (n)
			put(o, key, json_integer((json_int_t)n));
	}
	return o;
}

static int compare_transports(const void *va, const void *vb)
{
	uint64_t a, b;
	memcpy(&a, va, sizeof a); /* frame_no is first */
	memcpy(&b, vb, sizeof b);
	return a < b ? -1 : a > b;
}

static json_t *transports_json(struct names *names)
{
	json_t *list = json_array(), *set = json_object();

	if (names->n)
		qsort(names->transports, names->n, sizeof *names->transports, compare_transports);
	for (size_t i = 0; i < names->n; i++) {
		json_t *v = json_bytes(names->transports[i].value);
		const char *key = json_string_value(v);
		if (key && !json_object_get(set, key)) {
			put(set, key, json_true());
			json_array_append(list, v);
		}
		json_decref(v);
	}
	free(names->transports);
	json_decref(set);
	return list;
}

static json_t *ports_json(const struct dialog *d)
{
	bool *has = xcalloc(65536, sizeof *has);
	json_t *list = json_array();

	for (uint32_t i = 0; i < d->n_connections; i++)
		has[d->connections[i].server.port] = true;
	for (int i = 0; i < 65536; i++)
		if (has[i])
			json_array_append_new(list, json_integer(i));
	free(has);
	return list;
}

static json_t *rtsp_json(const struct dialog *d)
{
	struct ox_message *ox = xmalloc(sizeof *ox);
	struct names names = {
		.agents = json_object(), .servers = json_object(), .sessions = json_object()
	};
	json_t *o = json_object(), *list = json_array();
	json_t *requests = json_object(), *responses = json_object();

	for (uint32_t i = 0; i < d->n_connections; i++) {
		const struct dialog_connection *c = &d->connections[i];
		json_t *one = connection_json(d, c);
		add_counts(requests, json_object_get(one, "requests"));
		add_counts(responses, json_object_get(one, "responses"));
		json_array_append_new(list, one);
		for (uint32_t k = 0; k < c->n_messages; k++)
			note_headers(&names, &c->messages[k], ox);
	}
	free(ox);
	put(o, "ports", ports_json(d));
	put(o, "interleaved_frames_by_channel", frames_json(d));
	put(o, "stream_requests", requests);
	put(o, "stream_responses", responses);
	put(o, "user_agents", sorted_keys(names.agents));
	put(o, "servers", sorted_keys(names.servers));
	put(o, "session_ids", sorted_keys(names.sessions));
	put(o, "transports", transports_json(&names));
	put(o, "connections", list);
	return o;
}

/* ---- rtp, rtcp ---- */

static json_t *payload_types_json(const struct ox_rtp_stream *s)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < COUNT(s->pt_count); i++) {
		char key[8];
		snprintf(key, sizeof key, "%u", i);
		if (s->pt_count[i])
			put(o, key, json_integer(s->pt_count[i]));
	}
	return o;
}

static void put_sequence(json_t *o, const struct ox_rtp_stream *r)
{
	put(o, "packets", json_integer((json_int_t)r->packets));
	put(o, "markers", json_integer((json_int_t)r->markers));
	put(o, "first_rtptime", json_integer(r->first_rtptime));
	put(o, "last_rtptime", json_integer(r->last_rtptime));
	put(o, "duration_s", json_seconds(r->last_time - r->first_time));
	put(o, "first_seq", json_integer(r->first_seq));
	put(o, "last_seq", json_integer(r->last_seq));
	put(o, "highest_ext", json_integer(r->highest));
	put(o, "expected", json_integer(r->expected));
	put(o, "unique", json_integer(r->unique));
	put(o, "lost", json_integer(r->lost));
	put(o, "duplicates", json_integer((json_int_t)r->duplicates));
	put(o, "late_or_reordered", json_integer((json_int_t)r->late_or_reordered));
	put(o, "gaps", json_integer((json_int_t)r->gaps));
	put(o, "big_jumps", json_integer((json_int_t)r->big_jumps));
}

/* Every packet of the file counts, but a hole punch is no stream that could have duplicates. */
static const struct ox_rtp_stream *shown(const struct dialog_stream *s)
{
	return s->is_punch ? &s->clean : &s->recorded;
}

static json_t *stream_json(const struct dialog *d, const struct dialog_stream *s)
{
	const struct ox_rtp_stream *r = shown(s);
	json_t *o = json_object();
	char ssrc[16];

	snprintf(ssrc, sizeof ssrc, "0x%08x", s->ssrc);
	put(o, "proto", json_string(s->is_tcp ? "tcp" : "udp"));
	put(o, "src", json_place(&s->src));
	put(o, "dst", json_place(&s->dst));
	put(o, "channel", s->channel < 0 ? json_null() : json_integer(s->channel));
	put(o, "ssrc", json_string(ssrc));
	put(o, "payload_types", payload_types_json(r));
	put_sequence(o, r);
	put(o, "repeats", json_integer((json_int_t)s->repeats));
	put(o, "duplicates_without_repeats", json_integer((json_int_t)s->clean.duplicates));
	put(o, "is_punch", json_boolean(s->is_punch));
	if (s->connection == DIALOG_NONE) {
		put(o, "tcp_stream", json_null());
	} else {
		const struct dialog_connection *c = &d->connections[s->connection];
		put(o, "tcp_stream", json_integer(c->tcp_stream));
		put(o, "url",
			s->track == DIALOG_NONE ? json_null() : json_url(c->tracks[s->track].url));
	}
	return o;
}

static json_t *rtp_json(const struct dialog *d)
{
	json_t *o = json_object(), *list = json_array();
	uint64_t packets = 0;

	for (uint32_t i = 0; i < d->n_streams; i++) {
		packets += shown(d->streams[i])->packets;
		json_array_append_new(list, stream_json(d, d->streams[i]));
	}
	put(o, "packets", json_integer((json_int_t)packets));
	put(o, "streams", list);
	put(o, "is_guessed", json_boolean(d->is_guessed));
	put(o, "is_announced_by_sip", json_boolean(d->has_sip));
	return o;
}

static json_t *rtcp_json(const struct dialog_rtcp *r)
{
	static const char *const names[] = { "SR", "RR", "SDES", "BYE", "APP", "RTPFB", "PSFB",
		"XR" };
	json_t *o = json_object(), *types = json_object();

	for (unsigned i = 0; i < COUNT(r->by_type); i++) {
		char key[8];
		if (!r->by_type[i])
			continue;
		snprintf(key, sizeof key, "%u", i);
		put(types, i >= 200 && i - 200 < COUNT(names) ? names[i - 200] : key,
			json_integer((json_int_t)r->by_type[i]));
	}
	put(o, "compounds", json_integer((json_int_t)r->compounds));
	put(o, "malformed", json_integer((json_int_t)r->bad));
	put(o, "packets_by_type", types);
	return o;
}

/* ---- the file ---- */

static json_t *encap_json(const struct dialog_file *f)
{
	json_t *set = json_object();
	char key[16];

	for (unsigned i = 0; i < f->n_links; i++) {
		snprintf(key, sizeof key, "%d", pcapfile_encap_type(f->links[i]));
		put(set, key, json_true());
	}
	return sorted_keys(set);
}

static json_t *recording_json(const struct dialog_file *f)
{
	static const char *const ends[] = { [DIALOG_COMPLETE] = "complete",
		[DIALOG_TRUNCATED] = "truncated",
		[DIALOG_DAMAGED] = "damaged",
		[DIALOG_LIMIT] = "limit" };
	json_t *o = json_object(), *links = json_array();

	for (unsigned i = 0; i < f->n_links; i++)
		json_array_append_new(links, json_string(pcapfile_link_name(f->links[i])));
	put(o, "end", json_string(ends[f->end]));
	put(o, "end_why", f->end_why ? json_string(f->end_why) : json_null());
	put(o, "links", links);
	put(o, "repeats", json_integer((json_int_t)f->repeats));
	put(o, "times_recorded", json_real(round(f->times_recorded * 100) / 100));
	put(o, "fragments", json_integer((json_int_t)f->fragments));
	put(o, "fragments_lost", json_integer((json_int_t)f->fragments_lost));
	put(o, "undecoded", json_integer((json_int_t)f->undecoded));
	put(o, "beyond_limits", json_integer((json_int_t)f->beyond_limits));
	return o;
}

json_t *dialog_json(const struct dialog *d)
{
	const struct dialog_file *f = &d->file;
	json_t *o = json_object(), *versions = json_array();

	if (f->has_ipv4)
		json_array_append_new(versions, json_string("4"));
	if (f->has_ipv6)
		json_array_append_new(versions, json_string("6"));
	put(o, "file", json_bytes(bytes_str(f->name)));
	put(o, "sha256", json_string(f->sha256));
	put(o, "bytes", json_integer((json_int_t)f->bytes));
	put(o, "format", json_string(f->format));
	put(o, "tool", json_string("beagle-captures " BEAGLE_VERSION));
	put(o, "packets", json_integer((json_int_t)f->packets));
	put(o, "duration_s", json_seconds(f->last - f->first));
	put(o, "time_goes_backwards", json_integer((json_int_t)f->time_goes_backwards));
	put(o, "encap_type", encap_json(f));
	put(o, "ip_versions", versions);
	put(o, "truncated_packets", json_integer((json_int_t)f->truncated_packets));
	put(o, "tcp_streams", json_integer(f->tcp_streams));
	put(o, "udp_streams", json_integer(f->udp_streams));
	put(o, "recording", recording_json(f));
	put(o, "rtsp", rtsp_json(d));
	put(o, "rtp", rtp_json(d));
	put(o, "rtcp", rtcp_json(&d->rtcp_recorded));
	return o;
}
