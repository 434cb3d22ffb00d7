/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/wire/rtsp.h"

/* The writer of rtsp.h. */

/* No octet that could end a line or hide from a reader; blanks too when `strict`. */
static bool is_clean(struct bytes v, bool strict)
{
	for (size_t i = 0; i < v.n; i++) {
		uint8_t c = v.p[i];
		if (c == 0x7f || (c < ' ' && c != '\t') || (strict && (c == ' ' || c == '\t')))
			return false;
	}
	return true;
}

static bool is_name(struct bytes v)
{
	return v.n && is_clean(v, true) && bytes_index(v, ':') == v.n;
}

static void add(struct rtsp_writer *w, struct bytes v)
{
	if (!w->err)
		w->err = buf_put(w->out, v);
}

static void begin(struct rtsp_writer *w, struct buf *out)
{
	*w = (struct rtsp_writer){ .out = out, .start = out->n };
}

void rtsp_reply_begin(struct rtsp_writer *w, struct buf *out, int status, struct bytes cseq)
{
	begin(w, out);
	w->err = buf_printf(out, "RTSP/1.0 %d %s\r\n", status, rtsp_status_text(status));
	if (cseq.n)
		rtsp_put(w, RTSP_H_CSEQ, cseq);
}

void rtsp_request_begin(struct rtsp_writer *w, struct buf *out, struct bytes method,
	struct bytes uri, uint32_t cseq)
{
	begin(w, out);
	if (!is_name(method) || uri.n == 0 || !is_clean(uri, true))
		w->err = ERR_SYNTAX;
	add(w, method);
	add(w, B(" "));
	add(w, uri);
	add(w, B(" RTSP/1.0\r\n"));
	rtsp_putf(w, RTSP_H_CSEQ, "%u", cseq);
}

void rtsp_put_named(struct rtsp_writer *w, struct bytes name, struct bytes value)
{
	if (!w->err && (!is_name(name) || !is_clean(value, false)))
		w->err = ERR_SYNTAX;
	add(w, name);
	add(w, B(": "));
	add(w, value);
	add(w, B("\r\n"));
}

void rtsp_put(struct rtsp_writer *w, enum rtsp_header_id id, struct bytes value)
{
	rtsp_put_named(w, bytes_str(rtsp_header_name(id)), value);
}

void rtsp_putf(struct rtsp_writer *w, enum rtsp_header_id id, const char *fmt, ...)
{
	size_t at;
	va_list ap;

	add(w, bytes_str(rtsp_header_name(id)));
	add(w, B(": "));
	if (w->err)
		return;
	at = w->out->n;
	va_start(ap, fmt);
	w->err = buf_vprintf(w->out, fmt, ap);
	va_end(ap);
	if (!w->err && !is_clean(bytes_sub(buf_bytes(w->out), at, w->out->n), false))
		w->err = ERR_SYNTAX;
	add(w, B("\r\n"));
}

int rtsp_end(struct rtsp_writer *w, struct bytes body)
{
	if (body.n)
		rtsp_putf(w, RTSP_H_CONTENT_LENGTH, "%zu", body.n);
	add(w, B("\r\n"));
	add(w, body);
	if (w->err)
		buf_cut(w->out, w->start);
	return w->err;
}
