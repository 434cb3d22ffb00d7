/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/core/module.h"
#include "server/core/rtsp_methods.h"
#include "server/core/server.h"

enum { SDP_MAX = 256 * 1024, Q_ONE = 1000 };

/* ---- Accept ---- */

/* The q of an element's parameters (2616 3.9) in thousandths; one that is no number counts as 1. */
static int read_q(struct bytes params)
{
	struct bytes p, name;
	uint64_t whole, part = 0;

	while (bytes_cut(&params, ';', &p)) {
		struct bytes v = p;
		if (!bytes_cut(&v, '=', &name) || !bytes_is_ieq(bytes_trim(name), B("q")))
			continue;
		v = bytes_trim(v);
		struct bytes digits;
		if (!bytes_cut(&v, '.', &digits) || !bytes_to_u64(digits, 1, &whole) || v.n > 3 ||
			(v.n && !bytes_to_u64(v, 999, &part)))
			return Q_ONE;
		for (size_t i = v.n; i < 3; i++)
			part *= 10;
		return whole ? Q_ONE : (int)part;
	}
	return Q_ONE;
}

/* Does the client take SDP? The most specific of the ranges that name it decides (2616 14.1). */
static bool accepts_sdp(const struct rtsp_txn *t)
{
	static const struct bytes ranges[] = { { (const uint8_t *)"*/*", 3 },
		{ (const uint8_t *)"application/*", 13 },
		{ (const uint8_t *)"application/sdp", 15 } };
	struct rtsp_list it = { 0 };
	struct bytes v, type;
	int q = 0, best = -1;

	if (!rtsp_header(&t->req, RTSP_H_ACCEPT))
		return true;
	while (rtsp_list_next(&t->req, RTSP_H_ACCEPT, &it, &v)) {
		if (!bytes_cut(&v, ';', &type))
			continue;
		type = bytes_trim(type);
		for (int i = 0; i < (int)COUNT(ranges); i++) {
			if (i >= best && bytes_is_ieq(type, ranges[i])) {
				q = read_q(v);
				best = i;
			}
		}
	}
	return q > 0;
}

/* ---- which version of the description (12.22, C.1.8) ---- */

static uint64_t hash(uint64_t h, struct bytes v)
{
	for (size_t i = 0; i < v.n; i++)
		h = (h ^ v.p[i]) * 0x100000001b3u; /* FNV-1a */
	return h;
}

/* Over all of it but the address at the end of o=, which is the one that the client came to. */
static uint64_t etag_of(struct bytes sdp)
{
	uint64_t h = 0xcbf29ce484222325u;
	struct bytes line;

	while (bytes_cut(&sdp, '\n', &line)) {
		if (bytes_has_prefix(line, B("o="))) {
			while (line.n && line.p[line.n - 1] != ' ')
				line.n--;
		}
		h = hash(h, line);
	}
	return h;
}

int rtsp_put_etag(struct buf *sdp)
{
	struct bytes all = buf_bytes(sdp);
	size_t at = bytes_find(all, B("\r\nm=")) + 2;
	struct buf tail;

	if (at > all.n)
		return 0; /* no medium */
	uint64_t etag = etag_of(all);
	buf_init(&tail, SDP_MAX);
	int err = buf_put(&tail, bytes_sub(all, at, all.n));
	if (!err) {
		buf_cut(sdp, at);
		err = buf_printf(sdp, "a=etag:%016llx\r\n", (unsigned long long)etag);
	}
	if (!err)
		err = buf_put(sdp, buf_bytes(&tail));
	buf_clear(&tail);
	return err;
}

static int describe(struct rtsp_txn *t, struct source *source, struct buf *sdp)
{
	char host[ADDR_TEXT];
	struct source_place place = { .host = bytes_str(addr_host_text(&t->local, host)),
		.is_ip6 = strchr(host, ':') != NULL };

	return source_describe(source, &place, sdp);
}

bool rtsp_is_current(struct rtsp_txn *t, struct source *source)
{
	struct rtsp_list it = { 0 };
	struct bytes v;
	struct buf sdp;
	uint64_t etag, asked;
	bool found = false;

	if (!rtsp_header(&t->req, RTSP_H_IF_MATCH))
		return true;
	buf_init(&sdp, SDP_MAX);
	bool can = describe(t, source, &sdp) == 0;
	etag = etag_of(buf_bytes(&sdp));
	buf_clear(&sdp);
	while (rtsp_list_next(&t->req, RTSP_H_IF_MATCH, &it, &v)) {
		if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
			v = bytes_sub(v, 1, v.n - 2);
		found = found || bytes_is_eq(v, B("*")) ||
			(can && v.n == 16 && bytes_hex_to_u64(v, UINT64_MAX, &asked) &&
				asked == etag);
	}
	return found;
}

/* ---- DESCRIBE ---- */

/* Is what the client has still good? A date later than now is invalid and ignored (H14.24). */
static bool is_unmodified(const struct rtsp_txn *t, tick_t now)
{
	int64_t since = date_read(rtsp_value(&t->req, RTSP_H_IF_MODIFIED_SINCE));

	return since >= 0 && t->last_modified > 0 && t->last_modified <= since &&
	       since <= worker_wall(t->worker, now) / TICK_S;
}

/* The request URL without credentials, query and fragment, and with a slash at its end, so that both
 * ways of joining a control to it mean the same. */
static void put_content_base(struct rtsp_txn *t)
{
	static const char *const schemes[] = { "rtsp", "rtspu", "rtsps", "" };
	const struct url *u = &t->url;
	struct bytes path = u->path;
	char port[8] = "";

	if (u->has_port)
		(void)snprintf(port, sizeof port, ":%u", (unsigned)u->port);
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	rtsp_putf(&t->writer, RTSP_H_CONTENT_BASE, "%s://%s%.*s%s%s%.*s/", schemes[u->scheme],
		u->is_ip6 ? "[" : "", BYTES_FMT(u->host), u->is_ip6 ? "]" : "", port,
		BYTES_FMT(path));
}

static void put_last_modified(struct rtsp_txn *t)
{
	char text[DATE_TEXT];
	if (t->last_modified > 0)
		rtsp_put(&t->writer, RTSP_H_LAST_MODIFIED,
			bytes_str(date_text(t->last_modified, text)));
}

static void answer_sdp(struct rtsp_txn *t, tick_t now)
{
	struct buf sdp;

	buf_init(&sdp, SDP_MAX);
	int err = describe(t, t->source, &sdp);
	if (!err)
		err = rtsp_put_etag(&sdp);
	if (err) {
		rtsp_txn_answer(t, rtsp_open_status(err), now);
	} else {
		rtsp_txn_begin(t, RTSP_OK, now);
		put_content_base(t);
		put_last_modified(t);
		rtsp_put(&t->writer, RTSP_H_CACHE_CONTROL, B("must-revalidate"));
		rtsp_put(&t->writer, RTSP_H_CONTENT_TYPE, B("application/sdp"));
		rtsp_txn_end(t, buf_bytes(&sdp), now);
	}
	buf_clear(&sdp);
}

static void answer_unmodified(struct rtsp_txn *t, tick_t now)
{
	rtsp_txn_begin(t, RTSP_NOT_MODIFIED, now);
	put_last_modified(t);
	rtsp_txn_end(t, (struct bytes){ 0 }, now);
}

bool rtsp_do_describe(struct rtsp_txn *t, tick_t now)
{
	if (!accepts_sdp(t)) {
		rtsp_txn_answer(t, RTSP_NOT_ACCEPTABLE, now);
		return true;
	}
	int err = rtsp_open(t, t->path);
	if (err == ERR_AGAIN)
		return false;
	if (err)
		rtsp_txn_answer(t, rtsp_open_status(err), now);
	else if (!rtsp_is_current(t, t->source))
		rtsp_txn_answer(t, RTSP_PRECONDITION_FAILED, now);
	else if (is_unmodified(t, now))
		answer_unmodified(t, now);
	else
		answer_sdp(t, now);
	source_free(t->source);
	t->source = NULL;
	return true;
}
