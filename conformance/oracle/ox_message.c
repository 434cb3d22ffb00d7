/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_text.h"

/* A line with what ended it. */
struct line {
	struct bytes text;
	size_t end_n; /* 0 (cut off), 1 (bare CR or LF), 2 (CRLF) */
	size_t at;
	bool is_cr; /* a bare CR ended it */
};

static bool next_line(struct bytes head, size_t *at, struct line *l)
{
	size_t n = 0;
	struct bytes rest = bytes_sub(head, *at, head.n);

	if (rest.n == 0)
		return false;
	while (n < rest.n && rest.p[n] != '\r' && rest.p[n] != '\n')
		n++;
	*l = (struct line){ .text = bytes_sub(rest, 0, n), .at = *at };
	if (n < rest.n) {
		bool is_crlf = rest.p[n] == '\r' && n + 1 < rest.n && rest.p[n + 1] == '\n';
		l->end_n = is_crlf ? 2 : 1;
		l->is_cr = rest.p[n] == '\r' && !is_crlf;
	}
	*at += n + l->end_n;
	return true;
}

/* RTSP/<major>.<minor>; ours is RTSP/1.0, spelt exactly so. */
static void check_version(const struct ox_message *m, struct ox_findings *fs)
{
	if (!bytes_is_eq(m->version, B("RTSP/1.0"))) {
		struct ox_finding *f = ox_find(fs, OX_RTSP_3_1_01,
			ox_offset(m->start_line, m->version), "the version is not RTSP/1.0");
		ox_expected(f, "RTSP/1.0");
		ox_got(f, m->version);
	}
}

static void read_status_line(struct ox_message *m, struct ox_findings *fs)
{
	struct bytes line = m->start_line, rest = line, code;
	uint64_t status;

	m->is_response = true;
	if (!bytes_cut(&rest, ' ', &m->version))
		m->version = line;
	code = bytes_sub(rest, 0, bytes_index(rest, ' '));
	m->reason = bytes_sub(rest, code.n + 1, rest.n);
	/* exactly: version SP 3 digits SP reason, reason without blanks at its ends */
	if (code.n != 3 || !ox_is_digits(code) || code.n == rest.n)
		ox_got(ox_find(fs, OX_RTSP_7_1_01, 0,
			       "the status line is not version, blank, 3 digits, blank, reason"),
			line);
	if (bytes_to_u64(bytes_trim(code), 999999, &status))
		m->status = (unsigned)status;
	if (code.n == 3 && ox_is_digits(code) && (m->status < 100 || m->status > 599))
		ox_got(ox_find(fs, OX_RTSP_7_1_1_01, ox_offset(line, code),
			       "the status is not within 100 and 599"),
			code);
	check_version(m, fs);
}

static int read_request_line(struct ox_message *m, struct ox_findings *fs)
{
	struct bytes line = m->start_line;
	size_t first = bytes_index(line, ' '), last = line.n;

	while (last > first && line.p[last - 1] != ' ')
		last--;
	if (first == line.n || last <= first + 1)
		return ERR_SYNTAX;
	m->method = bytes_sub(line, 0, first);
	m->uri = bytes_trim(bytes_sub(line, first + 1, last - first - 2));
	m->version = bytes_sub(line, last, line.n);
	if (!ox_is_token(m->method) || m->uri.n == 0)
		return ERR_SYNTAX;
	check_version(m, fs);
	return 0;
}

static int read_start_line(struct ox_message *m, struct ox_findings *fs)
{
	if (bytes_has_iprefix(m->start_line, B("RTSP/")) ||
		bytes_has_prefix(m->start_line, B("HTTP/"))) {
		read_status_line(m, fs);
		return 0;
	}
	return read_request_line(m, fs);
}

/* A line that begins with a blank continues the value before it (2068 4.2). */
static void fold(struct ox_message *m, struct line l)
{
	struct ox_header *h = &m->headers[m->n_headers - 1];
	size_t from = ox_offset(m->whole, h->raw);

	h->raw = bytes_sub(m->whole, from, l.at + l.text.n - from);
	h->value = bytes_trim(h->raw);
}

static void read_header(struct ox_message *m, struct line l, struct ox_findings *fs)
{
	struct bytes name, raw = l.text;

	if (l.text.p[0] == ' ' || l.text.p[0] == '\t') {
		if (m->n_headers > 0 && m->n_headers_dropped == 0)
			fold(m, l);
		return;
	}
	if (bytes_index(l.text, ':') == l.text.n || !bytes_cut(&raw, ':', &name)) {
		ox_got(ox_find(fs, OX_RTSP_15_1_01, l.at, "a header line without a colon"), l.text);
		return;
	}
	if (!ox_is_token(name))
		ox_got(ox_find(fs, OX_RTSP_15_1_01, l.at, "the header's name is no token"), name);
	if (m->n_headers == OX_MAX_HEADERS) {
		m->n_headers_dropped++;
		return;
	}
	m->headers[m->n_headers++] = (struct ox_header){ .name = bytes_trim(name),
		.raw = raw,
		.value = bytes_trim(raw),
		.at = l.at + name.n + 1 };
}

/* Start line and headers; the line ends on the way. */
static int read_head(struct ox_message *m, struct ox_findings *fs)
{
	struct line l;
	size_t at = 0, n = 0;
	int err = 0;
	bool told = false;

	while (next_line(m->whole, &at, &l)) {
		if (n == 0 && l.is_cr)
			ox_find(fs, OX_RTSP_7_1_02, l.text.n, "a bare CR in the first line");
		if (l.end_n < 2 && !told) {
			ox_gotf(ox_find(fs, OX_RTSP_4_02, l.at + l.text.n,
					"a line doesn't end with CRLF"),
				"%s",
				l.end_n == 0 ? "end of data"
				: l.is_cr    ? "CR"
					     : "LF");
			told = true;
		}
		if (n == 0) {
			m->start_line = l.text;
			err = read_start_line(m, fs);
		} else if (l.text.n == 0) {
			break;
		} else {
			read_header(m, l, fs);
		}
		n++;
	}
	m->head = bytes_sub(m->whole, 0, at);
	m->body = bytes_sub(m->whole, at, m->whole.n);
	return n ? err : ERR_SYNTAX;
}

static void check_content_length(struct ox_message *m, struct ox_findings *fs)
{
	const struct ox_header *h = ox_header_find(m, "Content-Length"), *more;

	if (!h) {
		if (m->body.n > 0)
			ox_gotf(ox_find(fs, OX_RTSP_4_4_04, m->head.n,
					"a body without Content-Length"),
				"%zu bytes", m->body.n);
		return;
	}
	m->has_content_length = bytes_to_u64(h->value, UINT64_MAX, &m->content_length);
	if (!m->has_content_length)
		ox_got(ox_find(fs, OX_RTSP_4_4_02, h->at, "Content-Length is no plain number"),
			h->value);
	more = ox_header_next(m, h, "Content-Length");
	if (more && !bytes_is_eq(more->value, h->value))
		ox_got(ox_find(fs, OX_RTSP_4_4_02, more->at, "a second, different Content-Length"),
			more->value);
	if (m->has_content_length && m->content_length != m->body.n) {
		struct ox_finding *f = ox_find(fs, OX_RTSP_4_4_02, m->head.n,
			"the body is not as long as Content-Length says");
		ox_expected(f, "%llu bytes", (unsigned long long)m->content_length);
		ox_gotf(f, "%zu bytes", m->body.n);
	}
}

int ox_message_read(struct bytes whole, struct ox_message *m, struct ox_findings *fs)
{
	const struct ox_header *cseq;
	size_t odd;
	int err;

	*m = (struct ox_message){ .whole = whole };
	err = read_head(m, fs);
	odd = ox_utf8_bad_at(m->head);
	if (odd < m->head.n)
		ox_gotf(ox_find(fs, OX_RTSP_4_01, odd, "the head is not UTF-8"), "octet 0x%02x",
			m->head.p[odd]);
	if ((cseq = ox_header_find(m, "CSeq")) != NULL) {
		m->has_cseq = true;
		m->cseq = cseq->value;
	}
	check_content_length(m, fs);
	return err;
}

const struct ox_header *ox_header_next(
	const struct ox_message *m, const struct ox_header *after, const char *name)
{
	struct bytes wanted = bytes_str(name);

	for (size_t i = after ? (size_t)(after - m->headers) + 1 : 0; i < m->n_headers; i++) {
		if (bytes_is_ieq(m->headers[i].name, wanted))
			return &m->headers[i];
	}
	return NULL;
}

const struct ox_header *ox_header_find(const struct ox_message *m, const char *name)
{
	return ox_header_next(m, NULL, name);
}

size_t ox_header_count(const struct ox_message *m, const char *name)
{
	size_t n = 0;

	for (const struct ox_header *h = NULL; (h = ox_header_next(m, h, name)) != NULL;)
		n++;
	return n;
}

struct bytes ox_header_value(const struct ox_message *m, const char *name)
{
	const struct ox_header *h = ox_header_find(m, name);

	return h ? h->value : (struct bytes){ 0 };
}

bool ox_list_has(struct bytes list, const char *token)
{
	struct bytes part;

	while (bytes_cut_quoted(&list, ',', &part)) {
		if (bytes_is_ieq(bytes_trim(part), bytes_str(token)))
			return true;
	}
	return false;
}

struct bytes ox_message_base(const struct ox_message *m, struct bytes request_url)
{
	struct bytes base = ox_header_value(m, "Content-Base");

	if (base.n == 0)
		base = ox_header_value(m, "Content-Location");
	return base.n ? base : request_url;
}

bool ox_method_is_known(struct bytes method)
{
	static const char *const names[] = { "OPTIONS", "DESCRIBE", "ANNOUNCE", "SETUP", "PLAY",
		"PAUSE", "RECORD", "TEARDOWN", "REDIRECT", "GET_PARAMETER", "SET_PARAMETER" };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (bytes_is_eq(method, bytes_str(names[i])))
			return true;
	}
	return false;
}
