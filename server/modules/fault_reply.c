/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

/* Replaces n bytes at `at` of the whole reply. What would pass the buffer's cap is left as it is. */
static void splice(struct buf *reply, size_t at, size_t n, struct bytes by)
{
	struct bytes all = buf_bytes(reply);
	struct buf made;

	buf_init(&made, reply->max);
	if (buf_put(&made, bytes_sub(all, 0, at)) == 0 && buf_put(&made, by) == 0 &&
		buf_put(&made, bytes_sub(all, at + n, all.n)) == 0) {
		buf_drop(reply, all.n);
		if (buf_put(reply, buf_bytes(&made)) != 0)
			die("a reply of %zu bytes does not fit its own buffer", made.n);
	}
	buf_clear(&made);
}

/* The line of a header field, its CRLF included. False: it has none. */
static bool find_line(struct buf *reply, struct bytes name, size_t *at, size_t *n)
{
	struct bytes all = buf_bytes(reply), rest = all, line;

	while (bytes_cut(&rest, '\n', &line) && bytes_trim(line).n) {
		if (line.n > name.n && line.p[name.n] == ':' && bytes_has_iprefix(line, name)) {
			*at = (size_t)(line.p - all.p);
			*n = line.n + 1;
			return true;
		}
	}
	return false;
}

static void drop_line(struct buf *reply, struct bytes name)
{
	size_t at, n;
	if (find_line(reply, name, &at, &n))
		splice(reply, at, n, (struct bytes){ 0 });
}

/* Adds `by` to every number that follows `key` in the line of a header, modulo `mask` + 1. */
static void shift_numbers(
	struct buf *reply, struct bytes name, struct bytes key, int64_t by, uint64_t mask)
{
	size_t at, n, from = 0;

	while (find_line(reply, name, &at, &n)) {
		struct bytes line = bytes_sub(buf_bytes(reply), at, n);
		size_t k = from + bytes_find(bytes_sub(line, from, line.n), key) + key.n;
		size_t end = k;
		uint64_t v;
		char text[24];

		while (end < line.n && line.p[end] >= '0' && line.p[end] <= '9')
			end++;
		if (k >= line.n || !bytes_to_u64(bytes_sub(line, k, end - k), INT64_MAX, &v))
			return;
		int len = snprintf(text, sizeof text, "%" PRIu64, (v + (uint64_t)by) & mask);
		splice(reply, at + k, end - k, bytes_of(text, (size_t)len));
		from = k + (size_t)len;
	}
}

/* A line of a type that nobody knows; the framing stays right. */
static void spoil_sdp(struct buf *reply)
{
	struct bytes line = B("y=0\r\n");
	size_t at = bytes_find(buf_bytes(reply), B("\r\nt="));

	if (at >= reply->n)
		return;
	splice(reply, at + 2, 0, line);
	shift_numbers(reply, B("Content-Length"), B(": "), (int64_t)line.n, INT64_MAX);
}

static void change_status(struct buf *reply, struct bytes from, struct bytes to)
{
	struct bytes all = buf_bytes(reply);
	size_t line = bytes_index(all, '\r'), at = bytes_index(all, ' ') + 1;

	if (at < line && bytes_has_prefix(bytes_sub(all, at, line - at), from))
		splice(reply, at, line - at, to);
}

void fault_reply_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply)
{
	const int64_t *on = f->on;

	if (on[FAULT_CSEQ_DROP])
		drop_line(reply, B("CSeq"));
	if (on[FAULT_CSEQ_SHIFT])
		shift_numbers(reply, B("CSeq"), B(": "), 1, INT64_MAX);
	if (on[FAULT_STATUS_461_400])
		change_status(reply, B("461"), B("400 Bad Request"));
	if (on[FAULT_STATUS_454_200])
		change_status(reply, B("454"), B("200 OK"));
	if (on[FAULT_PUBLIC_DROP])
		drop_line(reply, B("Public"));
	if (on[FAULT_CONTENT_LENGTH_OFF])
		shift_numbers(reply, B("Content-Length"), B(": "), -2, INT64_MAX);
	if (on[FAULT_TIMESTAMP_DROP])
		drop_line(reply, B("Timestamp"));
	if (on[FAULT_SESSION_DROP] && t->req.method == RTSP_SETUP)
		drop_line(reply, B("Session"));
	if (on[FAULT_RTPINFO_SEQ])
		shift_numbers(reply, B("RTP-Info"), B("seq="), 1, UINT16_MAX);
	if (on[FAULT_RTPINFO_RTPTIME])
		shift_numbers(reply, B("RTP-Info"), B("rtptime="), 90000, UINT32_MAX);
	/* other units have a dash in their names */
	if (on[FAULT_RANGE_END] && t->req.method == RTSP_PLAY &&
		bytes_find(buf_bytes(reply), B("Range: npt=")) < reply->n)
		shift_numbers(reply, B("Range"), B("-"), 9999, UINT32_MAX);
	if (on[FAULT_SDP_GRAMMAR] && t->req.method == RTSP_DESCRIBE)
		spoil_sdp(reply);
}
