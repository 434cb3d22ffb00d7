/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/modules/fault.h"

#define NO_METHOD RTSP_METHOD_COUNT /* replies to a method that has no name */

/* What a reply says: each fault is a row that names the edit and what it is about. */
struct edit {
	enum fault_id fault;
	enum rtsp_method only; /* replies to this method; RTSP_METHOD_UNKNOWN: to all; NO_METHOD */
	void (*apply)(struct buf *reply, const struct edit *e);
	const char *name, *key, *text;
	int64_t by;
	uint64_t mask;
};

/* ---- edits ---- */

/* The header goes. */
static void drop(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	if (fault_find_line(reply, bytes_str(e->name), &at, &n))
		fault_splice(reply, at, n, (struct bytes){ 0 });
}

/* All lines of the header go. */
static void drop_all(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	while (fault_find_line(reply, bytes_str(e->name), &at, &n))
		fault_splice(reply, at, n, (struct bytes){ 0 });
}

/* The header stands twice. */
static void twice(struct buf *reply, const struct edit *e)
{
	char line[256];
	size_t at, n;

	if (!fault_find_line(reply, bytes_str(e->name), &at, &n) || n > sizeof line)
		return;
	memcpy(line, buf_bytes(reply).p + at, n);
	fault_splice(reply, at, 0, bytes_of(line, n));
}

static void shift(struct buf *reply, const struct edit *e)
{
	fault_shift_numbers(reply, bytes_str(e->name), bytes_str(e->key), e->by, e->mask);
}

/* The header has the value `text`, there or not before. */
static void set(struct buf *reply, const struct edit *e)
{
	char line[256];
	size_t at, n;
	int len = snprintf(line, sizeof line, "%s: %s\r\n", e->name, e->text);

	if (!fault_find_line(reply, bytes_str(e->name), &at, &n)) {
		at = bytes_find(buf_bytes(reply), B("\r\n")) + 2;
		n = 0;
	}
	fault_splice(reply, at, n, bytes_of(line, (size_t)len));
}

/* Where the value of parameter `key` ("ssrc=") lies in the header's line. False: it has none. */
static bool find_parameter(const struct buf *reply, const struct edit *e, size_t *at, size_t *n)
{
	size_t line_at, line_n;

	if (!fault_find_line(reply, bytes_str(e->name), &line_at, &line_n))
		return false;
	struct bytes line = bytes_sub(buf_bytes(reply), line_at, line_n);
	size_t k = bytes_find(line, bytes_str(e->key)), end = k + strlen(e->key);
	if (k >= line.n)
		return false;
	*at = line_at + end;
	while (end < line.n && !memchr(";,\r\n", line.p[end], 4))
		end++;
	*n = line_at + end - *at;
	return true;
}

static void set_parameter(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	if (find_parameter(reply, e, &at, &n))
		fault_splice(reply, at, n, bytes_str(e->text));
}

/* The parameter goes, with what separates it from the one before. */
static void drop_parameter(struct buf *reply, const struct edit *e)
{
	size_t at, n;

	if (!find_parameter(reply, e, &at, &n))
		return;
	size_t from = at - strlen(e->key);
	while (from > 0 && memchr(" ;,", buf_bytes(reply).p[from - 1], 3))
		from--;
	fault_splice(reply, from, at + n - from, (struct bytes){ 0 });
}

/* Both numbers of "key=A-B". */
static void shift_pair(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	uint64_t a, b;
	char text[48];
	struct bytes first, rest;

	if (!find_parameter(reply, e, &at, &n))
		return;
	rest = bytes_sub(buf_bytes(reply), at, n);
	if (!bytes_cut(&rest, '-', &first) || !bytes_to_u64(first, UINT16_MAX, &a) ||
		!bytes_to_u64(rest, UINT16_MAX, &b))
		return;
	int len = snprintf(text, sizeof text, "%" PRIu64 "-%" PRIu64,
		(a + (uint64_t)e->by) & e->mask, (b + (uint64_t)e->by) & e->mask);
	fault_splice(reply, at, n, bytes_of(text, (size_t)len));
}

/* `text` after the header's value. */
static void append(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	if (fault_find_line(reply, bytes_str(e->name), &at, &n))
		fault_splice(reply, at + n - 2, 0, bytes_str(e->text));
}

/* The last octet of the value goes. */
static void drop_last_octet(struct buf *reply, const struct edit *e)
{
	size_t at, n;
	if (fault_find_line(reply, bytes_str(e->name), &at, &n))
		fault_splice(reply, at + n - 3, 1, (struct bytes){ 0 });
}

/* A date on a day of the week that it does not fall on. */
static void other_weekday(struct buf *reply, const struct edit *e)
{
	size_t at, n, name = strlen(e->name) + 2;
	if (!fault_find_line(reply, bytes_str(e->name), &at, &n))
		return;
	bool is_monday = bytes_is_eq(bytes_sub(buf_bytes(reply), at + name, 3), B("Mon"));
	fault_splice(reply, at + name, 3, is_monday ? B("Tue") : B("Mon"));
}

/* A line of a type that nobody knows; the framing stays right. */
static void spoil_sdp(struct buf *reply, const struct edit *e)
{
	size_t at = bytes_find(buf_bytes(reply), B("\r\nt="));

	if (at >= reply->n)
		return;
	fault_splice(reply, at + 2, 0, bytes_str(e->text));
	fault_shift_numbers(
		reply, B("Content-Length"), B(": "), (int64_t)strlen(e->text), INT64_MAX);
}

/* PLAY's npt range: the other units have a dash in their names. */
static void shift_range(struct buf *reply, const struct edit *e)
{
	if (bytes_find(buf_bytes(reply), B("Range: npt=")) < reply->n)
		shift(reply, e);
}

/* `name` is the status that is right, `text` the one that is told. */
static void change_status(struct buf *reply, const struct edit *e)
{
	struct bytes all = buf_bytes(reply);
	size_t line = bytes_index(all, '\r'), at = bytes_index(all, ' ') + 1;

	if (at < line && bytes_has_prefix(bytes_sub(all, at, line - at), bytes_str(e->name)))
		fault_set_status(reply, bytes_str(e->text));
}

/* ---- the rows ---- */

#define STATUS_ROW(id, from, ...)                                                              \
	{                                                                                      \
		.fault = FAULT_##id, .apply = change_status, .name = from, .text = __VA_ARGS__ \
	}
#define HEADER_ROW(id, fn, header, ...)                                       \
	{                                                                     \
		.fault = FAULT_##id, .apply = fn, .name = header, __VA_ARGS__ \
	}

static const struct edit edits[] = {
	STATUS_ROW(STATUS_461_400, "461", "400 Bad Request"),
	STATUS_ROW(STATUS_454_200, "454", "200 OK"),
	STATUS_ROW(STATUS_400_200, "400", "200 OK", .only = NO_METHOD),
	STATUS_ROW(STATUS_404_200, "404", "200 OK"),
	STATUS_ROW(STATUS_403_200, "403", "200 OK"),
	STATUS_ROW(STATUS_406_200, "406", "200 OK"),
	STATUS_ROW(STATUS_412_400, "412", "400 Bad Request"),
	STATUS_ROW(STATUS_413_200, "413", "200 OK"),
	STATUS_ROW(STATUS_414_200, "414", "200 OK"),
	STATUS_ROW(STATUS_415_200, "415", "200 OK"),
	STATUS_ROW(STATUS_416_200, "416", "200 OK"),
	STATUS_ROW(STATUS_451_200, "451", "200 OK"),
	STATUS_ROW(STATUS_452_200, "452", "200 OK"),
	STATUS_ROW(STATUS_456_400, "456", "400 Bad Request"),
	STATUS_ROW(STATUS_457_200, "457", "200 OK"),
	STATUS_ROW(STATUS_458_200, "458", "200 OK"),
	STATUS_ROW(STATUS_459_200, "459", "200 OK"),
	STATUS_ROW(STATUS_460_403, "460", "403 Forbidden"),
	STATUS_ROW(STATUS_462_200, "462", "200 OK"),
	STATUS_ROW(STATUS_501_405, "501", "405 Method Not Allowed"),
	STATUS_ROW(STATUS_501_200, "501", "200 OK", .only = RTSP_PLAY),
	STATUS_ROW(STATUS_505_200, "505", "200 OK"),
	STATUS_ROW(STATUS_551_200, "551", "200 OK"),
	HEADER_ROW(CSEQ_DROP, drop, "CSeq"),
	HEADER_ROW(CSEQ_SHIFT, shift, "CSeq", .key = ": ", .by = 1, .mask = INT64_MAX),
	HEADER_ROW(CSEQ_TWICE, twice, "CSeq"),
	HEADER_ROW(DATE_FORM, set, "Date", .text = "Thu Jan  1 00:00:00 1970"),
	HEADER_ROW(DATE_WEEKDAY, other_weekday, "Date"),
	HEADER_ROW(SERVER_DROP, drop, "Server"),
	HEADER_ROW(PUBLIC_DROP, drop, "Public"),
	HEADER_ROW(PUBLIC_SHORT, set, "Public", .only = RTSP_OPTIONS, .text = "OPTIONS"),
	HEADER_ROW(PUBLIC_BLANKS, set, "Public", .only = RTSP_OPTIONS,
		.text = "OPTIONS DESCRIBE SETUP TEARDOWN PLAY PAUSE"),
	HEADER_ROW(ALLOW_DROP, drop, "Allow"),
	HEADER_ROW(UNSUPPORTED_DROP, drop, "Unsupported"),
	HEADER_ROW(CONTENT_LENGTH_OFF, shift, "Content-Length", .key = ": ", .by = -2,
		.mask = INT64_MAX),
	HEADER_ROW(CONTENT_TYPE, set, "Content-Type", .only = RTSP_DESCRIBE, .text = "text/html"),
	HEADER_ROW(CONTENT_BASE_SLASH, drop_last_octet, "Content-Base"),
	HEADER_ROW(LAST_MODIFIED, set, "Last-Modified", .only = RTSP_DESCRIBE,
		.text = "Fri, 01 Jan 2100 00:00:00 GMT"),
	HEADER_ROW(TIMESTAMP_DROP, drop, "Timestamp"),
	HEADER_ROW(TIMESTAMP_OTHER, shift, "Timestamp", .key = ": ", .by = 1, .mask = INT64_MAX),
	HEADER_ROW(SESSION_DROP, drop, "Session", .only = RTSP_SETUP),
	HEADER_ROW(SESSION_TIMEOUT, set_parameter, "Session", .key = "timeout=", .text = "soon"),
	HEADER_ROW(TRANSPORT_TWO, append, "Transport", .text = ",RTP/AVP;unicast"),
	HEADER_ROW(TRANSPORT_PORTS, shift_pair, "Transport", .key = "client_port=", .by = 2,
		.mask = UINT16_MAX),
	HEADER_ROW(TRANSPORT_CHANNELS, shift_pair, "Transport", .key = "interleaved=", .by = 100,
		.mask = UINT8_MAX),
	HEADER_ROW(TRANSPORT_SSRC, set_parameter, "Transport", .key = "ssrc=", .text = "0BADBEEF"),
	HEADER_ROW(SSRC_DROP, drop_parameter, "Transport", .key = "ssrc="),
	STATUS_ROW(STATUS_401_200, "401", "200 OK", .only = RTSP_SETUP),
	HEADER_ROW(CHALLENGE_DROP, drop_all, "WWW-Authenticate", .only = RTSP_SETUP),
	HEADER_ROW(NONCE_DROP, drop_parameter, "WWW-Authenticate", .only = RTSP_SETUP,
		.key = "nonce="),
	HEADER_ROW(STALE_ALWAYS, append, "WWW-Authenticate", .text = ", stale=true"),
	HEADER_ROW(STALE_DROP, drop_parameter, "WWW-Authenticate", .key = "stale="),
	HEADER_ROW(RTPINFO_DROP, drop, "RTP-Info"),
	HEADER_ROW(RTPINFO_SEQ, shift, "RTP-Info", .key = "seq=", .by = 1, .mask = UINT16_MAX),
	HEADER_ROW(RTPINFO_RTPTIME, shift, "RTP-Info", .key = "rtptime=", .by = 90000,
		.mask = UINT32_MAX),
	HEADER_ROW(RANGE_END, shift_range, "Range", .only = RTSP_PLAY, .key = "-", .by = 9999,
		.mask = UINT32_MAX),
	HEADER_ROW(SDP_GRAMMAR, spoil_sdp, NULL, .only = RTSP_DESCRIBE, .text = "y=0\r\n"),
};

static void any_status(const struct faults *f, struct buf *reply)
{
	char from[8], to[80];
	struct edit e = { .name = from, .text = to };
	int code = (int)f->more[FAULT_STATUS];

	(void)snprintf(from, sizeof from, "%d", (int)f->on[FAULT_STATUS]);
	(void)snprintf(to, sizeof to, "%d %s", code, rtsp_status_text(code));
	change_status(reply, &e);
}

/* Does a line of the request's head go on in the next one? */
static bool is_folded(const struct rtsp_txn *t)
{
	return bytes_find(t->raw, B("\r\n ")) < bytes_find(t->raw, B("\r\n\r\n"));
}

/* Does a line of its head end with LF alone? */
static bool has_bare_lf(const struct rtsp_txn *t)
{
	struct bytes rest = t->raw, line;

	while (bytes_cut(&rest, '\n', &line) && bytes_trim(line).n) {
		if (line.p[line.n - 1] != '\r')
			return true;
	}
	return false;
}

/* An If-Modified-Since that is none of the three forms of a date, which all end otherwise. */
static bool has_no_date(const struct rtsp_txn *t)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_IF_MODIFIED_SINCE);
	return v.n && (v.p[v.n - 1] < '0' || v.p[v.n - 1] > '9') && bytes_find(v, B("GMT")) >= v.n;
}

static bool is_star(const struct rtsp_txn *t)
{
	return t->req.method == RTSP_OPTIONS && bytes_find(t->raw, B("OPTIONS * ")) == 0;
}

/* Is its session another connection's? */
static bool is_foreign(const struct rtsp_txn *t)
{
	if (t->status != RTSP_OK || t->req.method != RTSP_PLAY)
		return false;
	for (const struct link *l = t->conn->media.next; l != &t->conn->media; l = l->next) {
		if (bytes_is_eq(bytes_str(container_of(l, struct rtp_session, on_conn)->id),
			    t->session_id))
			return false;
	}
	return true;
}

/* What is not a matter of the reply alone. */
static void by_request(const struct faults *f, const struct rtsp_txn *t, struct buf *reply)
{
	static const struct {
		enum fault_id fault;
		bool (*applies)(const struct rtsp_txn *t);
		const char *status;
	} rows[] = {
		{ FAULT_STAR_500, is_star, "500 Internal Server Error" },
		{ FAULT_FOREIGN_454, is_foreign, "454 Session Not Found" },
		{ FAULT_FOLDED_400, is_folded, "400 Bad Request" },
		{ FAULT_DATE_400, has_no_date, "400 Bad Request" },
		{ FAULT_LF_400, has_bare_lf, "400 Bad Request" },
	};
	static const struct edit fixed = {
		.name = "WWW-Authenticate", .key = "nonce=", .text = "\"c2FtZQ\""
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (f->on[rows[i].fault] && rows[i].applies(t))
			fault_set_status(reply, bytes_str(rows[i].status));
	}
	if (f->on[FAULT_NONCE_FIXED] && t->status == RTSP_UNAUTHORIZED && t->conn->n_requests >= 10)
		set_parameter(reply, &fixed);
}

void fault_reply_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply)
{
	enum rtsp_method method = t->req.method ? t->req.method : NO_METHOD;

	for (size_t i = 0; i < COUNT(edits); i++) {
		const struct edit *e = &edits[i];
		if (f->on[e->fault] && (e->only == RTSP_METHOD_UNKNOWN || e->only == method))
			e->apply(reply, e);
	}
	by_request(f, t, reply);
	fault_auth_edit(f, t, reply);
	if (f->on[FAULT_STATUS])
		any_status(f, reply);
}
