/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/base64.h"
#include "server/fuzz/holds.h"
#include "server/wire/http.h"

/*
 * The first octet says in what pieces the rest comes: the head of an HTTP (or RTSP) message, and behind
 * it the base64 of a tunnel. Holds: pieces and the whole give the same message, verdict and octets;
 * a half has a cookie that can be kept; what refuses others is a status of the table; octets that were
 * decoded can be encoded and decoded again.
 */

static void check_half(const struct rtsp_msg *m, int read, struct http_half *h)
{
	int status = http_half_read(m, read, h);

	HOLDS(status == 0 || (status >= 400 && strcmp(http_status_text(status), "Unknown") != 0));
	HOLDS(read >= 0 || status);
	if (status)
		return;
	HOLDS(h->cookie_n >= 1 && h->cookie_n <= HTTP_COOKIE_MAX);
	for (size_t i = 0; i < h->cookie_n; i++)
		HOLDS(h->cookie[i] > ' ' && h->cookie[i] < 0x7f);
}

/* Reads a head that comes in pieces of `step`; *used = octets that it took. Its verdict: rtsp_read's. */
static int read_head(struct bytes in, size_t step, size_t *used, struct http_half *h, bool *is_http)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct arena a = { 0 };
	struct rtsp_scan s = { 0 };
	struct rtsp_msg m;
	struct fault f;
	int r = ERR_MORE;

	l.http = true;
	for (size_t n = 0; n < in.n && r == ERR_MORE;) {
		n = in.n - n > step ? n + step : in.n;
		arena_reset(&a);
		r = rtsp_read_on(&s, bytes_sub(in, 0, n), &l, &a, &m, &f);
		HOLDS(r <= (int)n);
	}
	*is_http = in.n && r != ERR_MORE && m.is_http;
	if (*is_http)
		check_half(&m, r, h);
	*used = r > 0 ? (size_t)r : 0;
	arena_clear(&a);
	return r;
}

/* Decodes in pieces, in place; the whole must agree. */
static void check_base64(struct bytes in, size_t step)
{
	uint8_t *whole = malloc(in.n + 1), *pieces = malloc(in.n + 1);
	struct base64 d = { 0 }, e = { 0 };
	size_t n, total = 0, part = 0;
	int err = base64_decode(&d, in, whole, &n), err2 = 0;
	struct buf again;

	HOLDS(whole && pieces && n <= in.n);
	if (in.n)
		memcpy(pieces, in.p, in.n);
	for (size_t at = 0; at < in.n && !err2; at += step) {
		size_t k = in.n - at < step ? in.n - at : step;
		err2 = base64_decode(&e, bytes_of(pieces + at, k), pieces + at, &part);
		HOLDS(part <= k);
		memmove(pieces + total, pieces + at, part);
		total += part;
	}
	HOLDS(err == err2 && total == n && memcmp(whole, pieces, n) == 0);
	buf_init(&again, 2 * n + 8);
	HOLDS(base64_write(&again, bytes_of(whole, n)) == 0);
	HOLDS(base64_read(buf_bytes(&again), pieces, &total) == 0 && total == n);
	buf_clear(&again);
	free(whole);
	free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_half h = { 0 }, h2 = { 0 };
	bool is_http, is_http2;
	size_t used, used2;

	if (size < 2)
		return 0;
	struct bytes in = bytes_of(data + 1, size - 1);
	int r = read_head(in, in.n, &used, &h, &is_http);
	int r2 = read_head(in, 1u + data[0], &used2, &h2, &is_http2);
	/* of a message of lone CRs the last LF may be left to the next one (line_find) */
	if (r > 0 && r2 == r - 1 && in.p[r2] == '\n')
		used2 = (size_t)(r2 = r);
	/* pieces may be refused early; a whole one then is, too */
	HOLDS(r == r2 || (r < 0 && r2 < 0));
	HOLDS(r < 0 || (used == used2 && is_http == is_http2));
	if (r > 0 && is_http)
		HOLDS(memcmp(&h, &h2, sizeof h) == 0);
	check_base64(bytes_sub(in, used, in.n), 1u + data[0]);
	return 0;
}
