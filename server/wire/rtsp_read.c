/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <string.h>

#include "server/wire/rtsp.h"

/* The reader of rtsp.h: find the end of the headers, then read them, then take the body. */
struct reader {
	struct bytes in;
	const struct rtsp_limits *l;
	struct arena *a;
	struct rtsp_msg *m;
	struct fault *f;
	int err;          /* the first one wins */
	bool is_unframed; /* no telling where the message ends */
	size_t n_cseq, n_length;
	uint64_t length;
};

static void refuse(struct reader *r, int err, int status, size_t at, const char *why)
{
	if (r->err)
		return;
	r->err = err;
	r->m->refusal = status;
	*r->f = (struct fault){ .at = at, .why = why };
}

static bool is_token(struct bytes v)
{
	/* RFC 2616 2.2 */
	static const bool is_separator[128] = { ['('] = 1,
		[')'] = 1,
		['<'] = 1,
		['>'] = 1,
		['@'] = 1,
		[','] = 1,
		[';'] = 1,
		[':'] = 1,
		['\\'] = 1,
		['"'] = 1,
		['/'] = 1,
		['['] = 1,
		[']'] = 1,
		['?'] = 1,
		['='] = 1,
		['{'] = 1,
		['}'] = 1 };

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f || is_separator[v.p[i]])
			return false;
	}
	return v.n > 0;
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Offset of the first control (blanks and tabs are none), or v.n. */
static size_t find_control(struct bytes v)
{
	size_t i = 0;

	while (i < v.n && (v.p[i] >= ' ' || v.p[i] == '\t') && v.p[i] != 0x7f)
		i++;
	return i;
}

/*
 * A line and where the next one starts. CRLF, LF and CR end lines (RFC 2326 4). A CR that is the
 * last byte so far may be half a CRLF, so it only counts when the line before ended with a lone CR,
 * too: then a message of lone CRs ends with its last byte, and an LF that comes late is an empty
 * line before the next message.
 */
struct line {
	size_t at, n, next;
	bool is_cr;
};

/* Looks for the line's end from `from` on; what is before it has been looked at. */
static bool line_find_from(struct bytes in, size_t at, size_t from, bool after_cr, struct line *l)
{
	size_t end = from;

	while (end < in.n && in.p[end] != '\r' && in.p[end] != '\n')
		end++;
	*l = (struct line){ .at = at, .n = end - at, .next = end + 1 };
	if (end == in.n)
		return false;
	if (in.p[end] == '\n')
		return true;
	if (end + 1 == in.n) {
		l->is_cr = true;
		return after_cr;
	}
	if (in.p[end + 1] == '\n')
		l->next++;
	else
		l->is_cr = true;
	return true;
}

static bool line_find(struct bytes in, size_t at, bool after_cr, struct line *l)
{
	return line_find_from(in, at, at, after_cr, l);
}

/* Goes on to where the headers end (behind the empty line): s->end, 0 while that has not come.
 * s->line = behind the last whole line. */
static void find_end(struct rtsp_scan *s, struct bytes in)
{
	struct line l;

	while (!s->end) {
		bool is_whole = line_find_from(in, s->line, s->seen, s->after_cr, &l);
		/* a CR that is the last byte ends the message, or waits for its LF */
		if (is_whole && l.n && l.is_cr && l.next == in.n)
			is_whole = false;
		s->looked += (is_whole ? l.next : l.at + l.n) - s->seen;
		if (!is_whole) {
			s->seen = l.at + l.n;
			return;
		}
		s->line = s->seen = l.next;
		s->after_cr = l.is_cr;
		if (l.n == 0)
			s->end = l.next;
	}
}

/* ---- start line ---- */

static bool version_number(struct bytes v, int *n)
{
	uint64_t x;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return false;
	}
	*n = bytes_to_u64(v, 999, &x) ? (int)x : 999;
	return v.n > 0;
}

static void read_version(struct reader *r, struct bytes v, size_t at)
{
	struct rtsp_msg *m = r->m;
	struct bytes name, major;

	if (!bytes_cut(&v, '/', &name) || !bytes_cut(&v, '.', &major) ||
		!version_number(major, &m->version_major) ||
		!version_number(v, &m->version_minor)) {
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "no version RTSP/N.N");
		return;
	}
	if (r->l->http && bytes_is_eq(name, B("HTTP"))) {
		m->is_http = true;
		if (m->version_major != 1)
			refuse(r, ERR_VERSION, RTSP_VERSION_NOT_SUPPORTED, at, "not HTTP/1");
		return;
	}
	if (!bytes_is_eq(name, B("RTSP")))
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "the protocol is not RTSP");
	else if (m->version_major != 1 || m->version_minor != 0)
		refuse(r, ERR_VERSION, RTSP_VERSION_NOT_SUPPORTED, at, "the version is not 1.0");
}

static void read_status_line(struct reader *r, struct bytes line, size_t at)
{
	struct rtsp_msg *m = r->m;
	struct bytes version, code;
	uint64_t n;

	m->is_response = true;
	(void)bytes_cut(&line, ' ', &version);
	read_version(r, version, at);
	line = bytes_trim(line);
	if (!bytes_cut(&line, ' ', &code) || code.n != 3 || !bytes_to_u64(code, 999, &n) ||
		n < 100) {
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "no status code of three digits");
		return;
	}
	m->status = (int)n;
	m->reason = bytes_trim(line);
}

static void read_request_line(struct reader *r, struct bytes line, size_t at)
{
	struct rtsp_msg *m = r->m;
	size_t n = 0;

	while (n < line.n && !is_blank(line.p[n]))
		n++;
	m->method_name = bytes_sub(line, 0, n);
	m->method = rtsp_method_of(m->method_name);
	if (!is_token(m->method_name))
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "the method is no token");

	line = bytes_trim(bytes_sub(line, n, line.n));
	n = line.n;
	while (n && !is_blank(line.p[n - 1]))
		n--;
	read_version(r, bytes_sub(line, n, line.n), at);
	m->uri = bytes_trim(bytes_sub(line, 0, n));
	if (m->uri.n == 0)
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "no URI in the request line");
	for (size_t i = 0; i < m->uri.n; i++) {
		if (is_blank(m->uri.p[i]))
			refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "a blank in the URI");
	}
}

static void read_start_line(struct reader *r, const struct line *l)
{
	struct bytes line = bytes_sub(r->in, l->at, l->n);

	if (l->n > r->l->line)
		refuse(r, ERR_LIMIT, RTSP_URI_TOO_LARGE, l->at, "the start line is too long");
	else if (bytes_has_prefix(line, B("RTSP/")) ||
		 (r->l->http && bytes_has_prefix(line, B("HTTP/"))))
		read_status_line(r, line, l->at);
	else
		read_request_line(r, line, l->at);
}

/* ---- headers ---- */

static void note_cseq(struct reader *r, struct bytes value, size_t at)
{
	struct rtsp_msg *m = r->m;

	if (r->n_cseq++) {
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, "CSeq stands twice");
		return;
	}
	m->has_cseq = bytes_to_u64(value, UINT64_MAX, &m->cseq);
	if (m->has_cseq)
		m->cseq_text = value;
}

/* A length that cannot be believed leaves no way to find the next message: guessing one would let a
 * peer hide a request inside another's body. */
static void note_length(struct reader *r, struct bytes value, size_t at)
{
	const char *why = NULL;

	if (r->n_length++)
		why = "Content-Length stands twice";
	else if (!bytes_to_u64(value, UINT64_MAX, &r->length))
		why = "Content-Length is no number";
	if (why) {
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, at, why);
		r->is_unframed = true;
	} else if (r->length > r->l->body && !r->m->is_http) {
		refuse(r, ERR_LIMIT, RTSP_ENTITY_TOO_LARGE, at, "the body is too long");
		r->is_unframed = true;
	}
}

static void add_header(struct reader *r, struct bytes name, struct bytes value, size_t at)
{
	struct rtsp_msg *m = r->m;
	enum rtsp_header_id id = rtsp_header_of(name);

	if (id == RTSP_H_CSEQ)
		note_cseq(r, value, at);
	else if (id == RTSP_H_CONTENT_LENGTH)
		note_length(r, value, at);
	else if (!m->repeated && !rtsp_header_is_list(id) && rtsp_header(m, id))
		m->repeated = id;
	if (m->n_headers >= r->l->headers || m->n_headers >= RTSP_HEADERS_MAX) {
		refuse(r, ERR_LIMIT, RTSP_BAD_REQUEST, at, "too many headers");
		return;
	}
	m->header[m->n_headers++] = (struct rtsp_header){ .id = id, .name = name, .value = value };
}

/* Value plus continuation lines (RFC 2616 2.2: a fold means one blank), in the arena. `all` runs
 * from the value to the last line's end. */
static struct bytes unfold(struct arena *a, struct bytes all)
{
	uint8_t *to = arena_alloc(a, all.n);
	size_t n = 0, i = 0;

	while (i < all.n) {
		size_t end = i;
		while (end < all.n && all.p[end] != '\r' && all.p[end] != '\n')
			end++;
		struct bytes piece = bytes_trim(bytes_sub(all, i, end - i));
		if (piece.n) {
			if (n)
				to[n++] = ' ';
			memcpy(to + n, piece.p, piece.n);
			n += piece.n;
		}
		for (i = end; i < all.n && (all.p[i] == '\r' || all.p[i] == '\n');)
			i++;
	}
	return bytes_of(to, n);
}

/* One header: the line l and its continuation lines up to `end`. */
static void read_header(struct reader *r, const struct line *l, bool is_folded, size_t end)
{
	struct bytes line = bytes_sub(r->in, l->at, l->n), value;
	size_t colon = bytes_index(line, ':');
	struct bytes name = bytes_trim(bytes_sub(line, 0, colon));

	if (end - l->at > r->l->line) {
		refuse(r, ERR_LIMIT, RTSP_BAD_REQUEST, l->at, "a header line is too long");
	} else if (colon == line.n || is_blank(line.p[0]) || !is_token(name)) {
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, l->at, "a header line without `name:`");
	} else {
		struct bytes all = bytes_sub(r->in, l->at + colon + 1, end - l->at - colon - 1);
		value = is_folded ? unfold(r->a, all) : bytes_trim(all);
		if (find_control(value) == value.n) {
			add_header(r, name, value, l->at);
			return;
		}
		refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, l->at, "a control octet in a header");
	}
	/* Whatever is wrong with it, a length is not passed over. */
	if (rtsp_header_of(name) == RTSP_H_CONTENT_LENGTH)
		r->is_unframed = true;
}

/* All whole lines from `at` to `end`, the empty line left out. */
static void read_headers(struct reader *r, size_t at, size_t end, bool after_cr)
{
	struct bytes in = bytes_sub(r->in, 0, end);
	struct line l, more;

	while (line_find(in, at, after_cr, &l) && l.n) {
		size_t last = l.at + l.n;
		bool is_folded = false;

		at = l.next;
		after_cr = l.is_cr;
		while (line_find(in, at, after_cr, &more) && more.n && is_blank(in.p[more.at])) {
			is_folded = true;
			last = more.at + more.n;
			at = more.next;
			after_cr = more.is_cr;
		}
		read_header(r, &l, is_folded, last);
	}
}

/* ---- the whole ---- */

/* Start line and headers as far as they are there: [at, end). */
static void read_head(struct reader *r, size_t at, size_t end)
{
	struct line l;

	if (!line_find(bytes_sub(r->in, 0, end), at, false, &l))
		return;
	read_start_line(r, &l);
	read_headers(r, l.next, end, l.is_cr);
}

/* The headers' end has not come: is that still fine? */
static int read_partial(struct reader *r, size_t start, size_t complete)
{
	if (r->in.n - start <= r->l->header_bytes)
		return ERR_MORE;
	if (complete == start) {
		refuse(r, ERR_LIMIT, RTSP_URI_TOO_LARGE, start, "the start line is too long");
	} else {
		/* The cap itself is the reason, whatever else is wrong; but the CSeq is wanted. */
		refuse(r, ERR_LIMIT, RTSP_BAD_REQUEST, start, "the headers are too long");
		read_head(r, start, complete);
	}
	return r->err;
}

/* Binary junk or TLS on a plain port: no use to wait for an empty line. */
static bool start_is_junk(struct reader *r, struct rtsp_scan *s)
{
	struct bytes in = r->in;

	for (; !s->start_is_whole && s->checked < in.n; s->checked++) {
		uint8_t c = in.p[s->checked];
		if (c == '\r' || c == '\n') {
			s->start_is_whole = true;
		} else if (find_control(bytes_sub(in, s->checked, 1)) == 0) {
			refuse(r, ERR_SYNTAX, RTSP_BAD_REQUEST, s->checked,
				"a control octet in the start line");
			return true;
		}
		s->looked++;
	}
	return false;
}

static int read_body(struct reader *r, size_t end)
{
	struct rtsp_msg *m = r->m;

	if (m->is_http)
		r->length = 0;
	if (r->is_unframed && !m->is_http)
		return r->err;
	if (r->length > r->in.n - end)
		return ERR_MORE;
	m->body = bytes_sub(r->in, end, (size_t)r->length);
	end += (size_t)r->length;
	assert(end <= INT32_MAX);
	if (r->err) {
		m->skip = end;
		return r->err;
	}
	return (int)end;
}

/* Empty lines before a message (H4.1). False: nothing else has come. */
static bool find_start(struct rtsp_scan *s, struct bytes in)
{
	while (s->start < in.n && (in.p[s->start] == '\r' || in.p[s->start] == '\n'))
		s->start++;
	s->line = s->seen = s->checked = s->start;
	return s->has_start = s->start < in.n;
}

int rtsp_read_on(struct rtsp_scan *s, struct bytes in, const struct rtsp_limits *l, struct arena *a,
	struct rtsp_msg *m, struct fault *f)
{
	struct reader r = { .in = in, .l = l, .a = a, .m = m, .f = f };

	memset(m, 0, offsetof(struct rtsp_msg, header)); /* the rest is told by n_headers */
	*f = (struct fault){ 0 };
	if (in.n < s->need || (!s->has_start && !find_start(s, in)))
		return ERR_MORE;
	if (start_is_junk(&r, s))
		return r.err;
	find_end(s, in);
	if (!s->end)
		return read_partial(&r, s->start, s->line);
	s->looked += s->end - s->start;
	if (s->end - s->start > l->header_bytes)
		refuse(&r, ERR_LIMIT, RTSP_BAD_REQUEST, s->start, "the headers are too long");
	read_head(&r, s->start, s->end);
	int n = read_body(&r, s->end);
	if (n == ERR_MORE)
		s->need = s->end + (size_t)r.length;
	return n;
}

int rtsp_read(struct bytes in, const struct rtsp_limits *l, struct arena *a, struct rtsp_msg *m,
	struct fault *f)
{
	struct rtsp_scan s = { 0 };
	return rtsp_read_on(&s, in, l, a, m, f);
}
