/* SPDX-License-Identifier: MIT */
#include "server/wire/http.h"

#include <string.h>

static const struct {
	int status;
	const char *text;
} statuses[] = {
#define HTTP_STATUS_ROW(id, code, text) { code, text },
	HTTP_STATUS_TABLE(HTTP_STATUS_ROW)
#undef HTTP_STATUS_ROW
};

const char *http_status_text(int status)
{
	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (statuses[i].status == status)
			return statuses[i].text;
	}
	return "Unknown";
}

static const struct bytes tunnel_type = { (const uint8_t *)"application/x-rtsp-tunnelled", 28 };

/* RFC 7231 4.1, RFC 5789: what is no tunnel and still a method of HTTP. */
static bool is_method(struct bytes name)
{
	static const char *const others[] = { "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE",
		"PATCH", "POST" };

	for (size_t i = 0; i < COUNT(others); i++) {
		if (bytes_is_eq(name, bytes_str(others[i])))
			return true;
	}
	return false;
}

static int refuse_other(const struct rtsp_msg *m)
{
	if (bytes_is_eq(m->method_name, B("GET")) || bytes_is_eq(m->method_name, B("HEAD")))
		return HTTP_NOT_FOUND;
	return is_method(m->method_name) ? HTTP_METHOD_NOT_ALLOWED : HTTP_NOT_IMPLEMENTED;
}

/* Without its parameters. */
static bool is_tunnel_type(struct bytes v)
{
	struct bytes type = { 0 };

	(void)bytes_cut(&v, ';', &type);
	return bytes_is_ieq(bytes_trim(type), tunnel_type);
}

static bool accepts_tunnel(const struct rtsp_msg *m)
{
	struct rtsp_list it = { 0 };
	struct bytes v;

	while (rtsp_list_next(m, RTSP_H_ACCEPT, &it, &v)) {
		if (is_tunnel_type(v))
			return true;
	}
	return false;
}

static bool read_cookie(const struct rtsp_msg *m, struct http_half *h)
{
	struct bytes v = rtsp_value(m, RTSP_H_X_SESSIONCOOKIE);

	if (rtsp_header_count(m, RTSP_H_X_SESSIONCOOKIE) != 1 || v.n == 0 || v.n > HTTP_COOKIE_MAX)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] <= ' ' || v.p[i] >= 0x7f)
			return false;
	}
	memcpy(h->cookie, v.p, v.n);
	h->cookie_n = (uint8_t)v.n;
	return true;
}

/* How its body will come: as it is, perhaps after our leave. */
static int check_post(const struct rtsp_msg *m, struct http_half *h)
{
	const struct rtsp_header *expect = rtsp_header_named(m, B("Expect"));

	if (rtsp_header_named(m, B("Transfer-Encoding")))
		return HTTP_NOT_IMPLEMENTED;
	if (expect && !bytes_is_ieq(expect->value, B("100-continue")))
		return HTTP_EXPECTATION_FAILED;
	h->wants_continue = expect && m->version_minor > 0;
	return 0;
}

int http_half_read(const struct rtsp_msg *m, int read, struct http_half *h)
{
	bool is_get = bytes_is_eq(m->method_name, B("GET"));
	bool has_cookie = rtsp_header(m, RTSP_H_X_SESSIONCOOKIE) != NULL;

	*h = (struct http_half){ .is_post = bytes_is_eq(m->method_name, B("POST")) };
	if (read < 0)
		return m->refusal;
	if (!is_get && !h->is_post)
		return refuse_other(m);
	if (!has_cookie &&
		!(is_get ? accepts_tunnel(m) : is_tunnel_type(rtsp_value(m, RTSP_H_CONTENT_TYPE))))
		return refuse_other(m);
	if (!read_cookie(m, h))
		return HTTP_BAD_REQUEST;
	return h->is_post ? check_post(m, h) : 0;
}

/* ---- writing ---- */

static int put_head(struct buf *to, int status, struct bytes server, struct bytes date)
{
	return buf_printf(to,
		"HTTP/1.0 %d %s\r\nServer: %.*s\r\nConnection: close\r\nDate: %.*s\r\n"
		"Cache-Control: no-store\r\nPragma: no-cache\r\n",
		status, http_status_text(status), BYTES_FMT(server), BYTES_FMT(date));
}

int http_refusal_write(
	struct buf *to, int status, int64_t retry_after_s, struct bytes server, struct bytes date)
{
	size_t before = to->n;
	int err = put_head(to, status, server, date);

	/* RFC 7231 6.5.5, 7.1.3 */
	if (!err && status == HTTP_METHOD_NOT_ALLOWED)
		err = buf_put(to, B("Allow: GET, POST\r\n"));
	if (!err && status == HTTP_UNAVAILABLE)
		err = buf_printf(to, "Retry-After: %lld\r\n", (long long)retry_after_s);
	if (!err)
		err = buf_put(to, B("Content-Length: 0\r\n\r\n"));
	if (err)
		buf_cut(to, before);
	return err;
}

int http_tunnel_write(struct buf *to, struct bytes server, struct bytes date)
{
	size_t before = to->n;
	int err = put_head(to, HTTP_OK, server, date);

	if (!err)
		err = buf_printf(to, "Content-Type: %.*s\r\n\r\n", BYTES_FMT(tunnel_type));
	if (err)
		buf_cut(to, before);
	return err;
}
