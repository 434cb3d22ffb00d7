/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_RTSP_H
#define SERVER_WIRE_RTSP_H

#include "server/base/arena.h"
#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * RTSP messages (RFC 2326), both directions: a reader that takes what a peer sent so far and hands
 * out views into it, and a writer that appends to a struct buf. Tolerant where the RFC or practice
 * is (line ends CRLF, LF or CR, folded lines, blanks before the colon, any case of header names,
 * empty lines before a message), strict where tolerance would be a hole (Content-Length, NUL).
 */

/* ---- tables ---- */

/* RFC 2326 10; names are case-sensitive (6.1). */
#define RTSP_METHOD_TABLE(X)                   \
	X(RTSP_OPTIONS, "OPTIONS")             \
	X(RTSP_DESCRIBE, "DESCRIBE")           \
	X(RTSP_ANNOUNCE, "ANNOUNCE")           \
	X(RTSP_SETUP, "SETUP")                 \
	X(RTSP_PLAY, "PLAY")                   \
	X(RTSP_PAUSE, "PAUSE")                 \
	X(RTSP_RECORD, "RECORD")               \
	X(RTSP_TEARDOWN, "TEARDOWN")           \
	X(RTSP_REDIRECT, "REDIRECT")           \
	X(RTSP_GET_PARAMETER, "GET_PARAMETER") \
	X(RTSP_SET_PARAMETER, "SET_PARAMETER")

#define RTSP_METHOD_ENUM(id, text) id,
enum rtsp_method {
	RTSP_METHOD_UNKNOWN, /* a token, but none of these; also GET and POST of a tunnel */
	RTSP_METHOD_TABLE(RTSP_METHOD_ENUM) RTSP_METHOD_COUNT
};
#undef RTSP_METHOD_ENUM

/* RFC 2326 12, and what is met beside it. Third column: may stand more than once, or hold a
 * list. */
#define RTSP_HEADER_TABLE(X)                                    \
	X(RTSP_H_ACCEPT, "Accept", 1)                           \
	X(RTSP_H_ACCEPT_ENCODING, "Accept-Encoding", 1)         \
	X(RTSP_H_ACCEPT_LANGUAGE, "Accept-Language", 1)         \
	X(RTSP_H_ACCEPT_RANGES, "Accept-Ranges", 1)             \
	X(RTSP_H_ALLOW, "Allow", 1)                             \
	X(RTSP_H_AUTHORIZATION, "Authorization", 0)             \
	X(RTSP_H_BANDWIDTH, "Bandwidth", 0)                     \
	X(RTSP_H_BLOCKSIZE, "Blocksize", 0)                     \
	X(RTSP_H_CACHE_CONTROL, "Cache-Control", 1)             \
	X(RTSP_H_CONFERENCE, "Conference", 0)                   \
	X(RTSP_H_CONNECTION, "Connection", 1)                   \
	X(RTSP_H_CONTENT_BASE, "Content-Base", 0)               \
	X(RTSP_H_CONTENT_ENCODING, "Content-Encoding", 1)       \
	X(RTSP_H_CONTENT_LANGUAGE, "Content-Language", 1)       \
	X(RTSP_H_CONTENT_LENGTH, "Content-Length", 0)           \
	X(RTSP_H_CONTENT_LOCATION, "Content-Location", 0)       \
	X(RTSP_H_CONTENT_TYPE, "Content-Type", 0)               \
	X(RTSP_H_CSEQ, "CSeq", 0)                               \
	X(RTSP_H_DATE, "Date", 0)                               \
	X(RTSP_H_EXPIRES, "Expires", 0)                         \
	X(RTSP_H_FROM, "From", 0)                               \
	X(RTSP_H_HOST, "Host", 0)                               \
	X(RTSP_H_IF_MATCH, "If-Match", 1)                       \
	X(RTSP_H_IF_MODIFIED_SINCE, "If-Modified-Since", 0)     \
	X(RTSP_H_LAST_MODIFIED, "Last-Modified", 0)             \
	X(RTSP_H_LOCATION, "Location", 0)                       \
	X(RTSP_H_PRAGMA, "Pragma", 1)                           \
	X(RTSP_H_PROXY_AUTHENTICATE, "Proxy-Authenticate", 1)   \
	X(RTSP_H_PROXY_AUTHORIZATION, "Proxy-Authorization", 0) \
	X(RTSP_H_PROXY_REQUIRE, "Proxy-Require", 1)             \
	X(RTSP_H_PUBLIC, "Public", 1)                           \
	X(RTSP_H_RANGE, "Range", 0)                             \
	X(RTSP_H_REFERER, "Referer", 0)                         \
	X(RTSP_H_REQUIRE, "Require", 1)                         \
	X(RTSP_H_RETRY_AFTER, "Retry-After", 0)                 \
	X(RTSP_H_RTP_INFO, "RTP-Info", 1)                       \
	X(RTSP_H_SCALE, "Scale", 0)                             \
	X(RTSP_H_SERVER, "Server", 0)                           \
	X(RTSP_H_SESSION, "Session", 0)                         \
	X(RTSP_H_SPEED, "Speed", 0)                             \
	X(RTSP_H_TIMESTAMP, "Timestamp", 0)                     \
	X(RTSP_H_TRANSPORT, "Transport", 1)                     \
	X(RTSP_H_UNSUPPORTED, "Unsupported", 1)                 \
	X(RTSP_H_USER_AGENT, "User-Agent", 0)                   \
	X(RTSP_H_VARY, "Vary", 1)                               \
	X(RTSP_H_VIA, "Via", 1)                                 \
	X(RTSP_H_WWW_AUTHENTICATE, "WWW-Authenticate", 1)       \
	X(RTSP_H_X_ACCEPT_RETRANSMIT, "x-Accept-Retransmit", 1) \
	X(RTSP_H_X_DYNAMIC_RATE, "x-Dynamic-Rate", 0)           \
	X(RTSP_H_X_PREBUFFER, "x-Prebuffer", 0)                 \
	X(RTSP_H_X_RETRANSMIT, "x-Retransmit", 0)               \
	X(RTSP_H_X_RTP_META_INFO, "x-RTP-Meta-Info", 0)         \
	X(RTSP_H_X_SESSIONCOOKIE, "x-sessioncookie", 0)         \
	X(RTSP_H_X_TRANSPORT_OPTIONS, "x-Transport-Options", 0)

#define RTSP_HEADER_ENUM(id, text, list) id,
enum rtsp_header_id { RTSP_H_UNKNOWN, RTSP_HEADER_TABLE(RTSP_HEADER_ENUM) RTSP_H_COUNT };
#undef RTSP_HEADER_ENUM

/* RFC 2326 7.1.1 (and 11); 416 stands in 12.7 alone. */
#define RTSP_STATUS_TABLE(X)                                                  \
	X(RTSP_CONTINUE, 100, "Continue")                                     \
	X(RTSP_OK, 200, "OK")                                                 \
	X(RTSP_CREATED, 201, "Created")                                       \
	X(RTSP_LOW_ON_STORAGE, 250, "Low on Storage Space")                   \
	X(RTSP_MULTIPLE_CHOICES, 300, "Multiple Choices")                     \
	X(RTSP_MOVED_PERMANENTLY, 301, "Moved Permanently")                   \
	X(RTSP_MOVED_TEMPORARILY, 302, "Moved Temporarily")                   \
	X(RTSP_SEE_OTHER, 303, "See Other")                                   \
	X(RTSP_NOT_MODIFIED, 304, "Not Modified")                             \
	X(RTSP_USE_PROXY, 305, "Use Proxy")                                   \
	X(RTSP_BAD_REQUEST, 400, "Bad Request")                               \
	X(RTSP_UNAUTHORIZED, 401, "Unauthorized")                             \
	X(RTSP_PAYMENT_REQUIRED, 402, "Payment Required")                     \
	X(RTSP_FORBIDDEN, 403, "Forbidden")                                   \
	X(RTSP_NOT_FOUND, 404, "Not Found")                                   \
	X(RTSP_METHOD_NOT_ALLOWED, 405, "Method Not Allowed")                 \
	X(RTSP_NOT_ACCEPTABLE, 406, "Not Acceptable")                         \
	X(RTSP_PROXY_AUTH_REQUIRED, 407, "Proxy Authentication Required")     \
	X(RTSP_REQUEST_TIMEOUT, 408, "Request Time-out")                      \
	X(RTSP_GONE, 410, "Gone")                                             \
	X(RTSP_LENGTH_REQUIRED, 411, "Length Required")                       \
	X(RTSP_PRECONDITION_FAILED, 412, "Precondition Failed")               \
	X(RTSP_ENTITY_TOO_LARGE, 413, "Request Entity Too Large")             \
	X(RTSP_URI_TOO_LARGE, 414, "Request-URI Too Large")                   \
	X(RTSP_UNSUPPORTED_MEDIA, 415, "Unsupported Media Type")              \
	X(RTSP_INVALID_BLOCKSIZE, 416, "Invalid Blocksize")                   \
	X(RTSP_PARAMETER_NOT_UNDERSTOOD, 451, "Parameter Not Understood")     \
	X(RTSP_CONFERENCE_NOT_FOUND, 452, "Conference Not Found")             \
	X(RTSP_NOT_ENOUGH_BANDWIDTH, 453, "Not Enough Bandwidth")             \
	X(RTSP_SESSION_NOT_FOUND, 454, "Session Not Found")                   \
	X(RTSP_NOT_VALID_IN_STATE, 455, "Method Not Valid in This State")     \
	X(RTSP_HEADER_NOT_VALID, 456, "Header Field Not Valid for Resource")  \
	X(RTSP_INVALID_RANGE, 457, "Invalid Range")                           \
	X(RTSP_PARAMETER_READ_ONLY, 458, "Parameter Is Read-Only")            \
	X(RTSP_AGGREGATE_NOT_ALLOWED, 459, "Aggregate Operation Not Allowed") \
	X(RTSP_ONLY_AGGREGATE, 460, "Only Aggregate Operation Allowed")       \
	X(RTSP_UNSUPPORTED_TRANSPORT, 461, "Unsupported Transport")           \
	X(RTSP_DESTINATION_UNREACHABLE, 462, "Destination Unreachable")       \
	X(RTSP_INTERNAL_ERROR, 500, "Internal Server Error")                  \
	X(RTSP_NOT_IMPLEMENTED, 501, "Not Implemented")                       \
	X(RTSP_BAD_GATEWAY, 502, "Bad Gateway")                               \
	X(RTSP_UNAVAILABLE, 503, "Service Unavailable")                       \
	X(RTSP_GATEWAY_TIMEOUT, 504, "Gateway Time-out")                      \
	X(RTSP_VERSION_NOT_SUPPORTED, 505, "RTSP Version Not Supported")      \
	X(RTSP_OPTION_NOT_SUPPORTED, 551, "Option not supported")

#define RTSP_STATUS_ENUM(id, code, text) id = code,
enum rtsp_status { RTSP_STATUS_TABLE(RTSP_STATUS_ENUM) };
#undef RTSP_STATUS_ENUM

/* "SETUP"; "" for RTSP_METHOD_UNKNOWN. */
const char *rtsp_method_name(enum rtsp_method m);
enum rtsp_method rtsp_method_of(struct bytes name);
/* "CSeq"; "" for RTSP_H_UNKNOWN. */
const char *rtsp_header_name(enum rtsp_header_id h);
/* Any case. RTSP_H_UNKNOWN when there is no row. */
enum rtsp_header_id rtsp_header_of(struct bytes name);
/* May this header repeat, or hold a comma-separated list? Unknown ones may. */
bool rtsp_header_is_list(enum rtsp_header_id h);
/* The reason phrase; for a code without a row "Unknown". */
const char *rtsp_status_text(int status);

/* ---- reading ---- */

enum { RTSP_HEADERS_MAX = 128 };

struct rtsp_limits {
	size_t line;         /* bytes of one line without its end; a folded header counts as one */
	size_t headers;      /* number of headers, at most RTSP_HEADERS_MAX */
	size_t header_bytes; /* start line and all headers */
	size_t body;         /* Content-Length */
	bool http;           /* HTTP/1.x messages pass, too (tunnel); m->is_http tells */
};
/* 8 KiB, 64, 32 KiB, 256 KiB, no HTTP. */
#define RTSP_LIMITS_DEFAULT \
	((struct rtsp_limits){ .line = 8192, .headers = 64, .header_bytes = 32768, .body = 262144 })

struct rtsp_header {
	enum rtsp_header_id id;
	struct bytes name, value; /* value: trimmed, folds joined by one blank; may be empty */
};

/*
 * One message. All views borrow from the reader's input, folded values from its arena; they die
 * with either. About 5 KB: one per connection's turn, not one per session.
 */
struct rtsp_msg {
	bool is_response, is_http;
	enum rtsp_method method;  /* request */
	struct bytes method_name; /* request; as sent, also of an unknown method */
	struct bytes uri;    /* request; as sent, not checked beyond "no blanks, no controls" */
	int status;          /* response; 100 … 999 */
	struct bytes reason; /* response; may be empty */
	int version_major, version_minor;

	size_t n_headers;  /* of header[] */
	struct bytes body; /* exactly Content-Length bytes */

	bool has_cseq; /* one CSeq header of digits only, <= 2^64 - 1 */
	uint64_t cseq;
	struct bytes cseq_text; /* its digits, to be echoed as they came; empty without has_cseq */

	/* First header that stands twice though it is single-valued; RTSP_H_UNKNOWN when none.
	 * (CSeq and Content-Length twice are errors already.) */
	enum rtsp_header_id repeated;

	/* After an error only: the status that answers it; and how many bytes to drop before the
	 * connection can go on, 0 when it cannot (answer, then close). */
	int refusal;
	size_t skip;

	struct rtsp_header header[RTSP_HEADERS_MAX];
};

/*
 * Reads one message from the front of `in`, empty lines before it included. Answers the number of
 * bytes consumed (> 0), or
 *   ERR_MORE     nothing is wrong yet, the message is not whole;
 *   ERR_SYNTAX   400. m->skip > 0: only the start line or a header was bad, the message's end is
 *                known: answer and go on. 0: no telling where the next message starts
 *                (Content-Length unreadable or double, controls in the start line): answer and
 *                close;
 *   ERR_VERSION  505, not RTSP/1.0;
 *   ERR_LIMIT    a cap of `l`: 414 start line, 413 body, 400 the rest; m->skip as above.
 * After an error m->has_cseq, cseq and cseq_text tell the CSeq if it could be read, n_headers is
 * what was understood, and f says where (offset in `in`) and why. `a` only holds folded values.
 * Nothing is kept between calls: after ERR_MORE call again with the same bytes and more. With
 * l->http an HTTP message ends after its empty line however long its Content-Length is: what follows
 * is the tunnel's.
 */
MUST_USE int rtsp_read(struct bytes in, const struct rtsp_limits *l, struct arena *a,
	struct rtsp_msg *m, struct fault *f);

/*
 * How far a message that comes in pieces has been looked at, so that a peer who sends it byte by byte
 * costs no more than one who sends it at once. Zeroed by its owner at a message's start, and whenever
 * bytes are taken off the front of the input.
 */
struct rtsp_scan {
	size_t start;   /* empty lines end here */
	size_t checked; /* the start line is free of controls up to here */
	size_t line;    /* whole lines end here */
	size_t seen;    /* no line end from `line` to here */
	size_t end;     /* the headers' end; 0 = not seen */
	size_t need;    /* bytes of the whole message; 0 = not known */
	bool has_start, start_is_whole, after_cr;
	uint64_t looked; /* octets looked at so far, for tests */
};
/* As rtsp_read, for the same bytes as before and more. The head is read when it is whole and again with
 * the body, what comes between costs its own length. */
MUST_USE int rtsp_read_on(struct rtsp_scan *s, struct bytes in, const struct rtsp_limits *l,
	struct arena *a, struct rtsp_msg *m, struct fault *f);

/* First header with this id / name (any case); NULL when absent. */
const struct rtsp_header *rtsp_header(const struct rtsp_msg *m, enum rtsp_header_id id);
const struct rtsp_header *rtsp_header_named(const struct rtsp_msg *m, struct bytes name);
/* The nth (from 0) header with this id; NULL when there are fewer. */
const struct rtsp_header *rtsp_header_nth(
	const struct rtsp_msg *m, enum rtsp_header_id id, size_t n);
/* Value of the first one, or the empty view (also of an empty header: ask rtsp_header to tell). */
struct bytes rtsp_value(const struct rtsp_msg *m, enum rtsp_header_id id);
size_t rtsp_header_count(const struct rtsp_msg *m, enum rtsp_header_id id);

/*
 * Walks the comma-separated elements of all headers with this id as one list (RFC 2616 4.2), quotes
 * respected, trimmed, empty elements left out.
 *   struct rtsp_list it = { 0 };  while (rtsp_list_next(m, RTSP_H_REQUIRE, &it, &v)) …
 */
struct rtsp_list {
	size_t next;
	struct bytes rest;
};
bool rtsp_list_next(
	const struct rtsp_msg *m, enum rtsp_header_id id, struct rtsp_list *it, struct bytes *v);
/* Is `token` one of the list's elements (any case)? */
bool rtsp_list_has(const struct rtsp_msg *m, enum rtsp_header_id id, struct bytes token);

/*
 * Session header (12.37): `id [;timeout=N]`. *timeout_s is left alone when there is no timeout.
 * ERR_SYNTAX when the id is empty or has blanks or controls; a bad timeout is ignored.
 */
MUST_USE int rtsp_session_read(struct bytes value, struct bytes *id, uint32_t *timeout_s);

/* ---- writing ---- */

/*
 * Appends one message to `out`. Errors stick until rtsp_end, which then takes back everything that
 * this message had appended. A name or value with CR, LF, NUL or another control (TAB passes) is
 * ERR_SYNTAX, so nobody can inject a header. Between begin and end nobody else writes to `out`.
 */
struct rtsp_writer {
	struct buf *out;
	size_t start;
	int err;
};

/* Status line and CSeq; cseq empty: no CSeq line (the request had no readable one). */
void rtsp_reply_begin(struct rtsp_writer *w, struct buf *out, int status, struct bytes cseq);
/* Request line and CSeq. The URI must not have blanks or controls (ERR_SYNTAX). */
void rtsp_request_begin(struct rtsp_writer *w, struct buf *out, struct bytes method,
	struct bytes uri, uint32_t cseq);

void rtsp_put(struct rtsp_writer *w, enum rtsp_header_id id, struct bytes value);
void rtsp_put_named(struct rtsp_writer *w, struct bytes name, struct bytes value);
void rtsp_putf(struct rtsp_writer *w, enum rtsp_header_id id, const char *fmt, ...) PRINTF(3, 4);

/* Content-Length (when the body is not empty), the empty line, the body. 0, ERR_LIMIT (out's cap),
 * ERR_SYNTAX; after an error `out` is as before begin. */
MUST_USE int rtsp_end(struct rtsp_writer *w, struct bytes body);

#endif
