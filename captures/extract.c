/* SPDX-License-Identifier: MIT */
#include "captures/extract.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "captures/pcapout.h"
#include "captures/redact.h"
#include "captures/show.h"
#include "conformance/oracle/ox_rtsp.h"
#include "server/base/buf.h"
#include "server/base/err.h"
#include "server/base/os.h"

#define PCAP_MAX ((uint64_t)4 << 30)

struct job {
	const struct dialog *d;
	const struct extract_opts *opts;
	unsigned n_files;
};

/* ---- script ---- */

static json_t *text_json(struct bytes b)
{
	json_t *v = json_stringn((const char *)b.p, b.n);
	return v ? v : json_null(); /* no UTF-8: left out, its length is told */
}

static json_t *headers_json(const struct ox_message *ox)
{
	json_t *list = json_array();

	for (size_t i = 0; i < ox->n_headers; i++)
		json_array_append_new(list, json_pack("[oo]", text_json(ox->headers[i].name),
						    text_json(ox->headers[i].value)));
	return list;
}

static json_t *script_message(
	const struct dialog_connection *c, uint32_t i, struct bytes shown, struct ox_message *ox)
{
	const struct dialog_message *m = &c->messages[i];
	json_t *o = json_object();

	json_object_set_new(o, "n", json_integer(i));
	json_object_set_new(o, "t", json_real((double)((m->at - c->first) / 1000) / 1e6));
	json_object_set_new(o, "from", json_string(m->from_client ? "client" : "server"));
	if (ox_message_read(shown, ox, NULL) != 0)
		return o;
	if (m->is_response) {
		json_object_set_new(o, "status", json_integer(m->status));
		json_object_set_new(o, "reason", text_json(ox->reason));
	} else {
		json_object_set_new(o, "method", text_json(ox->method));
		json_object_set_new(o, "url", text_json(ox->uri));
	}
	json_object_set_new(
		o, "pair", m->pair == DIALOG_NONE ? json_null() : json_integer(m->pair));
	json_object_set_new(o, "headers", headers_json(ox));
	if (m->body.n) {
		json_object_set_new(o, "body", text_json(ox->body));
		json_object_set_new(o, "body_bytes", json_integer((json_int_t)m->body.n));
	}
	return o;
}

static void put_line(FILE *f, json_t *o)
{
	if (json_dumpf(o, f, JSON_COMPACT) == 0)
		fputc('\n', f);
	json_decref(o);
}

static json_t *script_head(const struct dialog *d, const struct dialog_connection *c)
{
	char a[HOST_PORT_STR], b[HOST_PORT_STR];
	json_t *o = json_object();

	json_object_set_new(o, "format", json_string("beagle-session-script"));
	json_object_set_new(o, "version", json_integer(1));
	json_object_set_new(o, "file", text_json(bytes_str(d->file.name)));
	json_object_set_new(o, "sha256", json_string(d->file.sha256));
	json_object_set_new(o, "session", json_integer(c->tcp_stream));
	json_object_set_new(o, "client", json_string(host_port_str(&c->client, a)));
	json_object_set_new(o, "server", json_string(host_port_str(&c->server, b)));
	return o;
}

/* The message as it may be shown; owned by *out when it was changed. */
static struct bytes shown(const struct job *job, struct bytes whole, struct buf *out)
{
	if (job->opts->secrets)
		return whole;
	buf_clear(out);
	buf_init(out, whole.n * 2 + 4096);
	if (redact_message(whole, out) != 0)
		buf_cut(out, 0); /* rather nothing than a secret */
	return buf_bytes(out);
}

static void put_script(FILE *f, const struct job *job, const struct dialog_connection *c)
{
	struct ox_message *ox = xmalloc(sizeof *ox);
	struct buf out;

	buf_init(&out, 0);
	put_line(f, script_head(job->d, c));
	for (uint32_t i = 0; i < c->n_messages; i++)
		put_line(f, script_message(c, i, shown(job, c->messages[i].whole, &out), ox));
	buf_clear(&out);
	free(ox);
}

static void put_transcript(FILE *f, const struct job *job, const struct dialog_connection *c)
{
	show_transcript(f, job->d, c, job->opts->secrets);
}

/* ---- packets ---- */

/* Where a datagram of a connection went; its addresses are those of its track. */
static void ends_of(const struct dialog_connection *c, const struct dialog_event *e,
	struct host_port *src, struct host_port *dst)
{
	const struct dialog_track *t = e->track == DIALOG_NONE ? NULL : &c->tracks[e->track];
	struct host_port client = t ? t->client : c->client, server = t ? t->server : c->server;

	*src = e->from_client ? client : server;
	*dst = e->from_client ? server : client;
	src->port = e->src_port;
	dst->port = e->dst_port;
}

static void put_frame(struct pcapout_tcp *tcp, const struct dialog_event *e)
{
	uint8_t head[4] = { '$', e->channel };
	struct buf b;

	put_be16(head + 2, (uint16_t)e->b.n);
	buf_init(&b, sizeof head + e->b.n);
	if (buf_put(&b, bytes_of(head, sizeof head)) == 0 && buf_put(&b, e->b) == 0)
		pcapout_tcp_send(tcp, e->at, e->from_client, buf_bytes(&b));
	buf_clear(&b);
}

static void put_session_packets(
	struct pcapout *o, const struct job *job, const struct dialog_connection *c)
{
	struct pcapout_tcp *tcp = pcapout_tcp_open(o, c->first, &c->client, &c->server);
	struct buf out;

	buf_init(&out, 0);
	for (size_t i = 0; i < c->n_events; i++) {
		const struct dialog_event *e = &c->events[i];
		struct host_port src, dst;
		switch (e->kind) {
		case OX_EVENT_DATAGRAM:
			ends_of(c, e, &src, &dst);
			pcapout_udp(o, e->at, &src, &dst, e->b);
			break;
		case OX_EVENT_FRAME: put_frame(tcp, e); break;
		case OX_EVENT_MESSAGE:
			pcapout_tcp_send(tcp, e->at, e->from_client, shown(job, e->b, &out));
			break;
		case OX_EVENT_BLANK:
		case OX_EVENT_GARBAGE: pcapout_tcp_send(tcp, e->at, e->from_client, e->b); break;
		case OX_EVENT_CLOSE: pcapout_tcp_close(tcp, e->at, e->from_client); break;
		}
	}
	buf_clear(&out);
}

static void put_stream_packets(struct pcapout *o, uint32_t stream, const struct dialog_stream *s,
	const struct dialog_event *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].stream == stream)
			pcapout_udp(o, v[i].at, &s->src, &s->dst, v[i].b);
}

/* ---- files ---- */

static int fail(int err, const char *path, char **why)
{
	*why = xasprintf("%s: %s", path, err < 0 && err > -4096 ? strerror(-err) : err_text(err));
	return err;
}

static int write_text(struct job *job, const struct dialog_connection *c, const char *suffix,
	void (*put)(FILE *, const struct job *, const struct dialog_connection *), char **why)
{
	char *path = xasprintf("%s/session-%u.%s", job->opts->folder, c->tcp_stream, suffix);
	struct outfile *out = outfile_open(path);
	int err = 0;

	if (!out) {
		err = fail(-errno, path, why);
	} else {
		put(out->f, job, c);
		if ((err = outfile_commit(out)) != 0)
			(void)fail(err, path, why);
	}
	job->n_files += !err;
	free(path);
	return err;
}

static struct pcapout *open_pcap(const char *path, int *err, char **why)
{
	struct pcapout *o = pcapout_open(path, PCAPOUT_ETHERNET, PCAP_MAX);
	if (!o)
		*err = fail(-errno, path, why);
	return o;
}

static int write_session_pcap(struct job *job, const struct dialog_connection *c, char **why)
{
	char *path = xasprintf("%s/session-%u.pcap", job->opts->folder, c->tcp_stream);
	int err = 0;
	struct pcapout *o = open_pcap(path, &err, why);

	if (o) {
		put_session_packets(o, job, c);
		if ((err = pcapout_commit(o)) != 0)
			(void)fail(err, path, why);
	}
	job->n_files += !err;
	free(path);
	return err;
}

static int write_stream_pcap(struct job *job, uint32_t i, char **why)
{
	const struct dialog_stream *s = job->d->streams[i];
	char *path = xasprintf("%s/rtp-%u.pcap", job->opts->folder, i);
	int err = 0;
	struct pcapout *o = open_pcap(path, &err, why);

	if (o) {
		if (s->connection == DIALOG_NONE) {
			put_stream_packets(o, i, s, job->d->loose, job->d->n_loose);
		} else {
			const struct dialog_connection *c = &job->d->connections[s->connection];
			put_stream_packets(o, i, s, c->events, c->n_events);
		}
		if ((err = pcapout_commit(o)) != 0)
			(void)fail(err, path, why);
	}
	job->n_files += !err;
	free(path);
	return err;
}

static bool is_wanted(const struct job *job, uint32_t connection)
{
	if (job->opts->session < 0)
		return true;
	return connection != DIALOG_NONE &&
	       job->d->connections[connection].tcp_stream == job->opts->session;
}

static int extract_session(struct job *job, const struct dialog_connection *c, char **why)
{
	int err = write_text(job, c, "txt", put_transcript, why);

	if (!err)
		err = write_text(job, c, "jsonl", put_script, why);
	return err ? err : write_session_pcap(job, c, why);
}

int extract_all(
	const struct dialog *d, const struct extract_opts *opts, unsigned *n_files, char **why)
{
	struct job job = { .d = d, .opts = opts };
	bool is_found = opts->session < 0;
	int err;

	*why = NULL;
	*n_files = 0;
	for (uint32_t i = 0; i < d->n_connections; i++)
		is_found = is_found || is_wanted(&job, i);
	if (!is_found) {
		*why = xasprintf("%s: no RTSP connection #%lld; `list` shows which there are",
			d->file.name, (long long)opts->session);
		return ERR_NOT_FOUND;
	}
	if ((err = os_mkdirs(opts->folder)) != 0)
		return fail(err, opts->folder, why);
	for (uint32_t i = 0; i < d->n_connections && !err; i++)
		if (is_wanted(&job, i))
			err = extract_session(&job, &d->connections[i], why);
	for (uint32_t i = 0; i < d->n_streams && !err; i++)
		if (!d->streams[i]->is_punch && is_wanted(&job, d->streams[i]->connection))
			err = write_stream_pcap(&job, i, why);
	*n_files = job.n_files;
	return err;
}
