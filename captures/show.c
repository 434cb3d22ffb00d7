/* SPDX-License-Identifier: MIT */
#include "captures/show.h"

#include <string.h>

#include "captures/pcapfile.h"
#include "captures/redact.h"
#include "server/base/buf.h"

static double seconds(const struct dialog *d, int64_t at)
{
	return (double)(at - d->file.first) / 1e9;
}

/* A peer's text on one line: other octets as \xNN, at most `max` of them. */
static void put_text(FILE *f, struct bytes b, size_t max)
{
	for (size_t i = 0; i < b.n && i < max; i++) {
		if (b.p[i] >= ' ' && b.p[i] < 0x7f)
			fputc(b.p[i], f);
		else
			fprintf(f, "\\x%02x", b.p[i]);
	}
	if (b.n > max)
		fputs("...", f);
}

static void put_url(FILE *f, struct bytes url)
{
	struct buf out;

	buf_init(&out, url.n * 2 + 16);
	if (redact_text(url, &out) == 0)
		put_text(f, buf_bytes(&out), 300);
	buf_clear(&out);
}

/* ---- one line each ---- */

static void put_file(FILE *f, const struct dialog_file *file)
{
	fprintf(f, "%s: %llu packets, %.3f s, %s", file->name, (unsigned long long)file->packets,
		(double)(file->last - file->first) / 1e9, file->format);
	for (unsigned i = 0; i < file->n_links; i++)
		fprintf(f, ", %s", pcapfile_link_name(file->links[i]));
	if (file->times_recorded >= 1.5)
		fprintf(f, "; every packet recorded about %.1f times", file->times_recorded);
	else if (file->repeats)
		fprintf(f, "; %llu packets are repeats of the recording",
			(unsigned long long)file->repeats);
	fputc('\n', f);
	if (file->end != DIALOG_COMPLETE)
		fprintf(f, "  note: the file was read up to packet %llu only: %s\n",
			(unsigned long long)file->packets, file->end_why);
	if (file->beyond_limits)
		fprintf(f,
			"  note: %llu packets or messages lie beyond the limits and are left out\n",
			(unsigned long long)file->beyond_limits);
}

/* "OPTIONS*2 DESCRIBE SETUP*2": methods in order of first use, the first few of them. */
static void put_methods(FILE *f, const struct dialog_connection *c)
{
	enum { METHODS = 24 };
	struct {
		struct bytes name;
		uint32_t n;
	} methods[METHODS];
	size_t n = 0, k;

	for (uint32_t i = 0; i < c->n_messages; i++) {
		const struct dialog_message *m = &c->messages[i];
		if (m->is_response)
			continue;
		for (k = 0; k < n && !bytes_is_eq(methods[k].name, m->method); k++)
			;
		if (k == METHODS)
			continue;
		if (k == n) {
			methods[n].name = m->method;
			methods[n++].n = 0;
		}
		methods[k].n++;
	}
	for (k = 0; k < n; k++) {
		fputc(' ', f);
		put_text(f, methods[k].name, 24);
		if (methods[k].n > 1)
			fprintf(f, "*%u", methods[k].n);
	}
}

static void put_connection(FILE *f, const struct dialog_connection *c)
{
	char a[HOST_PORT_STR], b[HOST_PORT_STR];
	uint32_t requests = 0, tcp = 0, udp = 0;
	struct bytes session = { .n = 0 };

	for (uint32_t i = 0; i < c->n_messages; i++) {
		requests += !c->messages[i].is_response;
		if (c->messages[i].session.n && c->messages[i].is_response)
			session = c->messages[i].session;
	}
	for (uint32_t i = 0; i < c->n_tracks; i++)
		*(c->tracks[i].is_tcp ? &tcp : &udp) += 1;
	fprintf(f, "  rtsp #%-4u %-21s > %-21s %3u requests %3u responses  ", c->tcp_stream,
		host_port_str(&c->client, a), host_port_str(&c->server, b), requests,
		c->n_messages - requests);
	if (udp)
		fprintf(f, "udp*%u ", udp);
	if (tcp)
		fprintf(f, "tcp*%u ", tcp);
	fputs(session.n ? "session " : "no session", f);
	put_text(f, session, 40);
	fputs(" ", f);
	put_methods(f, c);
	if (!c->has_syn)
		fputs("  [begins before the recording]", f);
	if (c->gaps)
		fprintf(f, "  [%llu gaps, %llu bytes missing]", (unsigned long long)c->gaps,
			(unsigned long long)c->gap_bytes);
	fputc('\n', f);
}

static void put_stream(FILE *f, const struct dialog *d, const struct dialog_stream *s)
{
	char a[HOST_PORT_STR], b[HOST_PORT_STR];
	const struct ox_rtp_stream *r = &s->clean;

	fprintf(f, "  %-5s 0x%08x %-21s > %-21s ", s->is_punch ? "punch" : "rtp", s->ssrc,
		host_port_str(&s->src, a), host_port_str(&s->dst, b));
	if (s->channel >= 0)
		fprintf(f, "tcp ch %d", s->channel);
	else
		fputs("udp", f);
	if (s->connection != DIALOG_NONE)
		fprintf(f, " of #%u", d->connections[s->connection].tcp_stream);
	fputs(", pt", f);
	for (unsigned i = 0; i < COUNT(r->pt_count); i++)
		if (r->pt_count[i])
			fprintf(f, " %u", i);
	fprintf(f, ", %llu packets, %.3f s, lost %lld, duplicates %llu, late %llu",
		(unsigned long long)r->packets, (double)(r->last_time - r->first_time) / 1e9,
		(long long)r->lost, (unsigned long long)r->duplicates,
		(unsigned long long)r->late_or_reordered);
	if (s->repeats)
		fprintf(f, "; %llu more are repeats of the recording",
			(unsigned long long)s->repeats);
	fputc('\n', f);
}

void show_list(FILE *f, const struct dialog *d)
{
	put_file(f, &d->file);
	for (uint32_t i = 0; i < d->n_connections; i++)
		put_connection(f, &d->connections[i]);
	if (d->n_streams && !d->n_connections)
		fprintf(f, "  media %s\n",
			d->has_sip ? "announced by SDP over SIP, not by RTSP"
				   : "without signalling, found by its looks");
	for (uint32_t i = 0; i < d->n_streams; i++)
		put_stream(f, d, d->streams[i]);
	if (d->rtcp_clean.compounds)
		fprintf(f, "  rtcp  %llu compound packets\n",
			(unsigned long long)d->rtcp_clean.compounds);
	if (!d->n_connections && !d->n_streams && !d->rtcp_clean.compounds)
		fputs("  neither RTSP nor RTP\n", f);
}

/* ---- the course of a connection ---- */

static const char *const payload_names[] = { [DIALOG_OTHER] = "unknown payload",
	[DIALOG_RTP] = "RTP",
	[DIALOG_RTCP] = "RTCP",
	[DIALOG_PUNCH] = "hole punch" };

static bool is_media(const struct dialog_event *e)
{
	return e->kind == OX_EVENT_FRAME || e->kind == OX_EVENT_DATAGRAM;
}

static bool is_like(const struct dialog_event *a, const struct dialog_event *b)
{
	return a->kind == b->kind && a->payload == b->payload && a->from_client == b->from_client &&
	       a->channel == b->channel && a->src_port == b->src_port && a->dst_port == b->dst_port;
}

/* One line for media packets between two other events, by kind and place. A run with many places is
 * cut into several lines of the first kinds met. Returns the number of events. */
static size_t put_media_run(
	FILE *f, const struct dialog *d, const struct dialog_connection *c, size_t i)
{
	enum { KINDS = 16 };
	struct {
		const struct dialog_event *first;
		uint64_t n, bytes;
	} kinds[KINDS];
	size_t n = 0, k, at = i;

	for (; at < c->n_events && is_media(&c->events[at]); at++) {
		const struct dialog_event *e = &c->events[at];
		for (k = 0; k < n && !is_like(kinds[k].first, e); k++)
			;
		if (k == KINDS)
			break;
		if (k == n) {
			kinds[n].first = e;
			kinds[n].n = kinds[n].bytes = 0;
			n++;
		}
		kinds[k].n++;
		kinds[k].bytes += e->b.n;
	}
	for (k = 0; k < n; k++) {
		const struct dialog_event *e = kinds[k].first;
		fprintf(f, "%12.6f %s ", seconds(d, e->at), e->from_client ? "C>S" : "S>C");
		if (e->kind == OX_EVENT_FRAME)
			fprintf(f, "channel %u", e->channel);
		else
			fprintf(f, "udp %u > %u", e->src_port, e->dst_port);
		fprintf(f, ": %llu %s, %llu bytes, up to %.6f\n", (unsigned long long)kinds[k].n,
			payload_names[e->payload], (unsigned long long)kinds[k].bytes,
			seconds(d, c->events[at - 1].at));
	}
	return at - i;
}

static void put_other(FILE *f, const struct dialog *d, const struct dialog_event *e)
{
	fprintf(f, "%12.6f %s ", seconds(d, e->at), e->from_client ? "C>S" : "S>C");
	if (e->kind == OX_EVENT_CLOSE) {
		fputs("closes the connection\n", f);
		return;
	}
	fprintf(f, "%zu bytes %s: ", e->b.n,
		e->kind == OX_EVENT_BLANK ? "of blank lines" : "that are no message");
	put_text(f, e->b, 60);
	fputc('\n', f);
}

static void put_message_line(FILE *f, const struct dialog *d, const struct dialog_connection *c,
	const struct dialog_event *e)
{
	const struct dialog_message *m = &c->messages[e->message];

	fprintf(f, "%12.6f %s ", seconds(d, e->at), e->from_client ? "C>S" : "S>C");
	if (m->is_response) {
		fprintf(f, "%u", m->status);
	} else {
		put_text(f, m->method, 24);
		fputc(' ', f);
		put_url(f, m->uri);
	}
	if (m->has_cseq)
		fprintf(f, "  CSeq %llu", (unsigned long long)m->cseq);
	if (m->is_response && m->pair != DIALOG_NONE) {
		fputs("  to ", f);
		put_text(f, c->messages[m->pair].method, 24);
		fprintf(f, " after %.3f ms", (double)(m->at - c->messages[m->pair].at) / 1e6);
	}
	if (m->pair == DIALOG_NONE)
		fputs(m->is_response ? "  [to no request]" : "  [no response]", f);
	if (m->body.n)
		fprintf(f, "  body %zu bytes", m->body.n);
	if (e->is_truncated)
		fputs("  [cut short]", f);
	fputc('\n', f);
}

/* Indented by two blanks, so that a message cannot be taken for our own lines. */
static void put_message_whole(FILE *f, struct bytes whole, bool secrets)
{
	struct buf out;
	struct bytes b, line;

	buf_init(&out, whole.n * 2 + 4096);
	if (!secrets && redact_message(whole, &out) != 0)
		buf_cut(&out, 0); /* rather nothing than a secret */
	b = secrets ? whole : buf_bytes(&out);
	while (bytes_cut(&b, '\n', &line)) {
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		fputs("  | ", f);
		put_text(f, line, 4096);
		fputc('\n', f);
	}
	buf_clear(&out);
}

enum course { COURSE_LINES, COURSE_WHOLE, COURSE_SECRETS };

static void put_course(
	FILE *f, const struct dialog *d, const struct dialog_connection *c, enum course course)
{
	size_t i = 0;

	while (i < c->n_events) {
		const struct dialog_event *e = &c->events[i];
		if (is_media(e)) {
			i += put_media_run(f, d, c, i);
			continue;
		}
		if (e->after_gap)
			fprintf(f, "%12s --- bytes are missing in the recording ---\n", "");
		if (e->kind == OX_EVENT_MESSAGE)
			put_message_line(f, d, c, e);
		else
			put_other(f, d, e);
		if (e->kind == OX_EVENT_MESSAGE && course != COURSE_LINES)
			put_message_whole(f, e->b, course == COURSE_SECRETS);
		i++;
	}
}

void show_details(FILE *f, const struct dialog *d)
{
	const struct dialog_file *file = &d->file;

	show_list(f, d);
	fprintf(f, "  sha256 %s, %llu bytes\n", file->sha256, (unsigned long long)file->bytes);
	fprintf(f, "  %u TCP connections, %u UDP flows, IP%s%s\n", file->tcp_streams,
		file->udp_streams, file->has_ipv4 ? "v4" : "", file->has_ipv6 ? " v6" : "");
	fprintf(f,
		"  packets cut by the snap length %llu, older than the one before %llu, recorded "
		"before %llu, fragments %llu (lost %llu), neither IP nor whole %llu\n",
		(unsigned long long)file->truncated_packets,
		(unsigned long long)file->time_goes_backwards, (unsigned long long)file->repeats,
		(unsigned long long)file->fragments, (unsigned long long)file->fragments_lost,
		(unsigned long long)file->undecoded);
	for (uint32_t i = 0; i < d->n_connections; i++) {
		fprintf(f, "\n#%u\n", d->connections[i].tcp_stream);
		put_course(f, d, &d->connections[i], COURSE_LINES);
	}
}

void show_transcript(
	FILE *f, const struct dialog *d, const struct dialog_connection *c, bool secrets)
{
	char a[HOST_PORT_STR], b[HOST_PORT_STR];

	fprintf(f, "%s #%u: client %s, server %s\n", d->file.name, c->tcp_stream,
		host_port_str(&c->client, a), host_port_str(&c->server, b));
	fputs(secrets ? "secrets are shown\n\n" : "secrets are taken out (***)\n\n", f);
	put_course(f, d, c, secrets ? COURSE_SECRETS : COURSE_WHOLE);
}
