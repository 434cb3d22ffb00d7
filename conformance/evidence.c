/* SPDX-License-Identifier: MIT */
#include "conformance/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "captures/pcapout.h"
#include "conformance/plain.h"
#include "server/base/os.h"

enum { GARBAGE_SHOWN = 512 };

bool evidence_keep_read(const char *s, enum evidence_keep *k)
{
	static const char *const names[] = { "fail", "all", "none" };
	for (size_t i = 0; i < COUNT(names); i++) {
		if (strcmp(s, names[i]) == 0) {
			*k = (enum evidence_keep)i;
			return true;
		}
	}
	return false;
}

/* ---- secrets ---- */

static size_t blot(uint8_t *p, size_t at, size_t n, const char *until)
{
	while (at < n && p[at] > ' ' && !strchr(until, p[at]))
		p[at++] = 'x';
	return at;
}

static bool begins(const uint8_t *p, size_t n, const char *word)
{
	size_t len = strlen(word);
	return n >= len && strncasecmp((const char *)p, word, len) == 0;
}

static void redact_header(uint8_t *p, size_t at, size_t n)
{
	/* all of the line, and those that it is folded into: the scheme's name is kept by nobody's
	 * wish */
	for (; at < n; at++) {
		bool goes_on = at + 1 < n && (p[at + 1] == ' ' || p[at + 1] == '\t');
		if (p[at] == '\n' && !goes_on)
			return;
		if (p[at] > ' ')
			p[at] = 'x';
	}
}

static void redact_userinfo(uint8_t *p, size_t at, size_t n)
{
	size_t end = at;
	while (end < n && p[end] > ' ' && !strchr("/@\"", p[end]))
		end++;
	if (end < n && p[end] == '@')
		(void)blot(p, at, end, "");
}

void evidence_redact(uint8_t *p, size_t n)
{
	static const char *const headers[] = { "authorization:", "proxy-authorization:" };
	static const char *const keys[] = {
		"token=", "key=", "auth=", "pass=", "password=", "sig=", "secret="
	};
	for (size_t i = 0; i < n; i++) {
		bool line = i == 0 || p[i - 1] == '\n';
		for (size_t k = 0; line && k < COUNT(headers); k++) {
			if (begins(p + i, n - i, headers[k]))
				redact_header(p, i + strlen(headers[k]), n);
		}
		if (begins(p + i, n - i, "://"))
			redact_userinfo(p, i + 3, n);
		for (size_t k = 0; (p[i] == '?' || p[i] == '&') && k < COUNT(keys); k++) {
			if (begins(p + i + 1, n - i - 1, keys[k]))
				(void)blot(p, i + 1 + strlen(keys[k]), n, "&#;\"");
		}
	}
}

/* The bytes of one direction of a connection are looked at as a whole: a secret may be split over
 * segments. Every event lies in the trace in order of time. */
static void redact_direction(struct trace *t, int conn, bool from_client, uint8_t *stream)
{
	size_t n = 0, at = 0;
	for (int back = 0; back < 2; back++) {
		for (size_t i = 0; i < t->n; i++) {
			const struct trace_event *e = &t->v[i];
			if (e->kind != TRACE_TCP || e->conn != conn ||
				e->from_client != from_client || !e->n)
				continue;
			if (back)
				memcpy(t->bytes.p + e->off, stream + at, e->n);
			else
				memcpy(stream + n, t->bytes.p + e->off, e->n);
			*(back ? &at : &n) += e->n;
		}
		if (!back)
			evidence_redact(stream, n);
	}
}

void evidence_redact_trace(struct trace *t)
{
	uint8_t *stream = xmalloc(t->bytes.n + 1);
	for (int conn = 0; conn < LINK_CONNS; conn++) {
		redact_direction(t, conn, true, stream);
		redact_direction(t, conn, false, stream);
	}
	free(stream);
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].kind == TRACE_NOTE || t->v[i].kind == TRACE_FAULT)
			evidence_redact(t->bytes.p + t->v[i].off, t->v[i].n);
	}
}

/* ---- transcript ---- */

struct side {
	struct buf b;
	struct ox_splitter split;
};

static void put_escaped(FILE *f, struct bytes b, size_t most)
{
	bool fresh = true;
	for (size_t i = 0; i < b.n && i < most; i++) {
		uint8_t c = b.p[i];
		if (fresh)
			fputs("             | ", f);
		fresh = c == '\n';
		if (c == '\r')
			fputs("\\r", f);
		else if (c == '\n')
			fputs("\\n\n", f);
		else if (c == '\\')
			fputs("\\\\", f);
		else if (c < ' ' || c > '~')
			fprintf(f, "\\x%02x", c);
		else
			fputc(c, f);
	}
	if (!fresh)
		fputc('\n', f);
	if (b.n > most)
		fprintf(f, "             | ... %zu bytes in all\n", b.n);
}

static void put_time(FILE *f, const struct trace_event *e)
{
	fprintf(f, "%12.6f %s ", tick_seconds(e->at), e->from_client ? "C->S" : "S->C");
}

static void put_units(FILE *f, const struct trace_event *e, struct side *s, bool ended)
{
	struct ox_unit u;
	ptrdiff_t n;
	while ((n = ox_split_next(&s->split, buf_bytes(&s->b), ended, &u)) > 0) {
		put_time(f, e);
		if (u.kind == OX_UNIT_FRAME) {
			fprintf(f, "#%d frame channel %u, %zu bytes\n", e->conn, u.channel,
				u.payload.n);
		} else {
			fprintf(f, "#%d %s%s, %zu bytes\n", e->conn,
				u.kind == OX_UNIT_MESSAGE ? "message"
				: u.kind == OX_UNIT_BLANK ? "blank"
							  : "no message",
				u.truncated ? " (cut)" : "", u.b.n);
			put_escaped(f, u.b, u.kind == OX_UNIT_MESSAGE ? 8192 : GARBAGE_SHOWN);
		}
		buf_drop(&s->b, (size_t)n);
	}
}

static void put_event(
	FILE *f, const struct trace *t, const struct trace_event *e, struct side sides[][2])
{
	struct side *s = e->conn >= 0 ? &sides[e->conn][e->from_client] : NULL;
	struct bytes b = trace_bytes(t, e);
	char note[1024]; /* cut when longer */
	switch (e->kind) {
	case TRACE_OPEN:
		put_time(f, e);
		fprintf(f, "#%d connects from port %u\n", e->conn, e->client_port);
		break;
	case TRACE_TCP:
		if (buf_put(&s->b, b) == 0)
			put_units(f, e, s, false);
		break;
	case TRACE_UDP:
		put_time(f, e);
		fprintf(f, "udp %u %s %u, %zu bytes\n", e->client_port,
			e->from_client ? "->" : "<-", e->server_port, e->n);
		break;
	case TRACE_CLOSE:
	case TRACE_RESET:
		put_units(f, e, s, true);
		put_time(f, e);
		fprintf(f, "#%d %s\n", e->conn, e->kind == TRACE_RESET ? "resets" : "closes");
		break;
	case TRACE_NOTE:
	case TRACE_FAULT:
		plain_put(note, sizeof(note), b);
		fprintf(f, "%12.6f %s %s\n", tick_seconds(e->at),
			e->kind == TRACE_FAULT ? ">>>" : "---", note);
		break;
	}
}

static int write_transcript(const char *path, const struct trial *t)
{
	const struct trace *tr = &t->links.trace;
	const struct verdict_finding *worst = verdict_worst(&t->verdict);
	struct outfile *o = outfile_open(path);
	if (!o)
		return -errno;
	struct side(*sides)[2] = xcalloc(LINK_CONNS, sizeof(*sides));
	for (size_t i = 0; i < LINK_CONNS; i++) {
		buf_init(&sides[i][0].b, TRACE_BYTES_MAX);
		buf_init(&sides[i][1].b, TRACE_BYTES_MAX);
	}
	fprintf(o->f, "case     %s: %s\nfile     %s\nverdict  %s\n", t->c->id, t->c->title,
		t->c->file, result_verdict_name(verdict_of(&t->verdict)));
	if (worst) {
		struct buf b;
		buf_init(&b, 1024);
		verdict_print(worst, &b);
		evidence_redact(b.p, b.n);
		struct bytes v = buf_bytes(&b);
		fprintf(o->f, "because  %.*s\n", BYTES_FMT(v));
		buf_clear(&b);
	}
	fprintf(o->f, "times    in seconds from the start of the case\n\n");
	for (size_t i = 0; i < tr->n; i++)
		put_event(o->f, tr, &tr->v[i], sides);
	struct trace_event last = { .at = t->ended - t->links.zero };
	for (int i = 0; i < (int)t->links.n_conns; i++) {
		for (int k = 0; k < 2; k++) {
			last.conn = i;
			last.from_client = k;
			put_units(o->f, &last, &sides[i][k], true);
			buf_clear(&sides[i][k].b);
		}
	}
	free(sides);
	if (tr->dropped)
		fprintf(o->f, "\n%llu more events were not kept\n",
			(unsigned long long)tr->dropped);
	return outfile_commit(o);
}

/* ---- pcap ---- */

static struct host_port at_port(struct host_port host, uint16_t port)
{
	host.port = port;
	return host;
}

static void put_packet(struct pcapout *o, struct pcapout_tcp **tcp, const struct trial *t,
	const struct trace_event *e, struct host_port server, struct host_port client, int64_t at)
{
	struct pcapout_tcp **c = e->conn >= 0 ? &tcp[e->conn] : NULL;
	struct host_port near = at_port(client, e->client_port),
			 far = e->conn >= 0 ? server : at_port(server, e->server_port);
	struct bytes b = trace_bytes(&t->links.trace, e);
	switch (e->kind) {
	case TRACE_OPEN: *c = pcapout_tcp_open(o, at, &near, &far); break;
	case TRACE_TCP: pcapout_tcp_send(*c, at, e->from_client, b); break;
	case TRACE_UDP:
		if (e->from_client)
			pcapout_udp(o, at, &near, &far, b);
		else
			pcapout_udp(o, at, &far, &near, b);
		break;
	case TRACE_CLOSE: pcapout_tcp_close(*c, at, e->from_client); break;
	case TRACE_RESET: pcapout_tcp_reset(*c, at, e->from_client); break;
	case TRACE_NOTE:
	case TRACE_FAULT: break;
	}
}

static int write_pcap(const char *path, const struct trial *t)
{
	struct pcapout_tcp *tcp[LINK_CONNS] = { 0 };
	struct host_port server, client;
	int64_t epoch = os_realtime() - (os_now() - t->links.zero);
	int rc = host_port_of_sockaddr((const struct sockaddr *)&t->links.addr, &server);
	if (rc < 0)
		return rc;
	struct pcapout *o = pcapout_open(path, PCAPOUT_ETHERNET, 0);
	if (!o)
		return -errno;
	/* our own address matters to nobody; on loopback it is the server's */
	client = server;
	for (size_t i = 0; i < t->links.trace.n; i++)
		put_packet(o, tcp, t, &t->links.trace.v[i], server, client,
			epoch + t->links.trace.v[i].at);
	return pcapout_commit(o);
}

int evidence_write(const char *dir, struct trial *t, char **folder)
{
	evidence_redact_trace(&t->links.trace);
	*folder = xasprintf("%s/%s", dir, t->c->id);
	int rc = os_mkdirs(*folder);
	if (rc == 0) {
		char *path = xasprintf("%s/transcript.txt", *folder);
		rc = write_transcript(path, t);
		free(path);
	}
	if (rc == 0) {
		char *path = xasprintf("%s/case.pcap", *folder);
		rc = write_pcap(path, t);
		free(path);
	}
	return rc;
}
