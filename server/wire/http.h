/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_HTTP_H
#define SERVER_WIRE_HTTP_H

#include "server/wire/rtsp.h"

/*
 * The HTTP of an RTSP port: the GET and the POST whose connections together are a tunnel (QuickTime's
 * "RTSP over HTTP"), and the answers to them and to every other HTTP request. rtsp_read with
 * limits.http reads the heads.
 */
#define HTTP_STATUS_TABLE(X)                                      \
	X(HTTP_CONTINUE, 100, "Continue")                         \
	X(HTTP_OK, 200, "OK")                                     \
	X(HTTP_BAD_REQUEST, 400, "Bad Request")                   \
	X(HTTP_FORBIDDEN, 403, "Forbidden")                       \
	X(HTTP_NOT_FOUND, 404, "Not Found")                       \
	X(HTTP_METHOD_NOT_ALLOWED, 405, "Method Not Allowed")     \
	X(HTTP_REQUEST_TIMEOUT, 408, "Request Timeout")           \
	X(HTTP_CONFLICT, 409, "Conflict")                         \
	X(HTTP_ENTITY_TOO_LARGE, 413, "Request Entity Too Large") \
	X(HTTP_URI_TOO_LONG, 414, "Request-URI Too Long")         \
	X(HTTP_EXPECTATION_FAILED, 417, "Expectation Failed")     \
	X(HTTP_NOT_IMPLEMENTED, 501, "Not Implemented")           \
	X(HTTP_UNAVAILABLE, 503, "Service Unavailable")           \
	X(HTTP_VERSION_NOT_SUPPORTED, 505, "HTTP Version Not Supported")

#define HTTP_STATUS_ENUM(id, code, text) id = code,
enum http_status { HTTP_STATUS_TABLE(HTTP_STATUS_ENUM) };
#undef HTTP_STATUS_ENUM

/* The reason phrase; for a code without a row "Unknown". */
const char *http_status_text(int status);

enum { HTTP_COOKIE_MAX = 128 };

struct http_half {
	bool is_post;
	bool wants_continue; /* its sender waits for 100 before the body (RFC 7231 5.1.1) */
	uint8_t cookie_n;    /* 1 … HTTP_COOKIE_MAX octets, visible ASCII */
	char cookie[HTTP_COOKIE_MAX];
};

/*
 * What an HTTP request is, of which rtsp_read answered `read`. 0: *h is half of a tunnel. Else the status
 * that refuses it: that of rtsp_read's error; 400 for a half without a cookie, with several, or with one
 * that is too long or holds other octets; 404 for any other GET or HEAD; 501 for a method that HTTP
 * does not know, and for a POST in chunks; 417 for an unknown Expect; 405 for the rest. A POST is a half
 * by its cookie or its Content-Type, a GET by its cookie or its Accept; its URL and its
 * Content-Length mean nothing.
 */
MUST_USE int http_half_read(const struct rtsp_msg *m, int read, struct http_half *h);

/* Appends the answer that ends the connection: HTTP/1.0, an empty body; 503 with Retry-After. ERR_LIMIT. */
MUST_USE int http_refusal_write(
	struct buf *to, int status, int64_t retry_after_s, struct bytes server, struct bytes date);
/* Appends the head that begins the GET's endless body. ERR_LIMIT. */
MUST_USE int http_tunnel_write(struct buf *to, struct bytes server, struct bytes date);

#endif
