/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/fuzz/holds.h"
#include "server/wire/frame.h"
#include "server/wire/rtsp.h"

/*
 * A connection's bytes through frame and rtsp as the server does it. Holds: no step outside the
 * input, progress with every frame, a shorter part of a message never gives another message, and
 * what was read can be written and read again.
 */

static void same(const struct rtsp_msg *a, const struct rtsp_msg *b)
{
	HOLDS(a->method == b->method && a->status == b->status && a->n_headers == b->n_headers);
	HOLDS(a->has_cseq == b->has_cseq && a->cseq == b->cseq);
	for (size_t i = 0; i < a->n_headers; i++)
		HOLDS(bytes_is_eq(a->header[i].value, b->header[i].value));
}

/* One read of a shorter part, at a place that the input itself chooses, and from there on to the end. */
static void check_split(struct bytes in, size_t at, const struct rtsp_msg *whole, int n)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct rtsp_scan scan = { 0 };
	struct arena a = { 0 };
	struct rtsp_msg m;
	struct fault f;
	int got = rtsp_read_on(&scan, bytes_sub(in, 0, at), &l, &a, &m, &f);

	HOLDS(got == ERR_MORE || got == n || (n > 0 && got > 0));
	if (got > 0)
		same(&m, whole);
	if (got == ERR_MORE) {
		HOLDS(rtsp_read_on(&scan, in, &l, &a, &m, &f) == n);
		same(&m, whole);
	}
	arena_clear(&a);
}

static void check_rewrite(const struct rtsp_msg *m)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct arena a = { 0 };
	struct rtsp_writer w;
	struct rtsp_msg again;
	struct fault f;
	struct buf out;

	buf_init(&out, 1 << 20);
	rtsp_request_begin(&w, &out, m->method_name, m->uri, 1);
	for (size_t i = 0; i < m->n_headers; i++) {
		if (m->header[i].id != RTSP_H_CSEQ && m->header[i].id != RTSP_H_CONTENT_LENGTH)
			rtsp_put_named(&w, m->header[i].name, m->header[i].value);
	}
	HOLDS(rtsp_end(&w, m->body) == 0);
	int n = rtsp_read(buf_bytes(&out), &l, &a, &again, &f);
	/* One header more (CSeq) can be one too many. */
	HOLDS(n == (int)out.n || n == ERR_LIMIT);
	HOLDS(n < 0 || (bytes_is_eq(again.uri, m->uri) && bytes_is_eq(again.body, m->body)));
	arena_clear(&a);
	buf_clear(&out);
}

/* Bytes used up, 0 to stop. */
static size_t on_message(struct bytes in)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct arena a = { 0 };
	struct rtsp_msg m;
	struct fault f;
	struct rtsp_list it = { 0 };
	struct bytes v;
	int n = rtsp_read(in, &l, &a, &m, &f);
	size_t used = n > 0 ? (size_t)n : m.skip;

	HOLDS(n != 0 && used <= in.n);
	HOLDS(n > 0 || n == ERR_MORE || (f.why && m.refusal >= 400));
	HOLDS(n != ERR_MORE || m.skip == 0);
	while (rtsp_list_next(&m, RTSP_H_REQUIRE, &it, &v))
		HOLDS(v.n > 0);
	if (used)
		check_split(in, in.p[used / 2] % used, &m, n);
	if (n > 0 && !m.is_response)
		check_rewrite(&m);
	arena_clear(&a);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct frame fr;

	while (in.n) {
		int n = frame_read(in, &fr);
		if (n == ERR_MORE)
			break;
		size_t used = n ? (size_t)n : on_message(in);
		HOLDS(used <= in.n);
		if (used == 0)
			break;
		in = bytes_sub(in, used, in.n);
	}
	return 0;
}
