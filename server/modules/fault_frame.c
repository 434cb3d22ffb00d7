/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/modules/fault.h"

enum { OTHER_CHANNEL = 250, LESS = 4 };

/*
 * '$' frames on their way into the socket: the first piece of one holds its header, and its length is that
 * of this piece or of this and the next. What is left of a frame of which some has been written, or one
 * that was spoiled before, does not look so.
 */
static uint8_t *frame_of(const struct iovec *iov, int i, int n)
{
	uint8_t *p = iov[i].iov_base;
	size_t whole, next = i + 1 < n ? iov[i + 1].iov_len : 0;

	if (iov[i].iov_len < FRAME_HEADER || p[0] != '$' || p[1] == OTHER_CHANNEL)
		return NULL;
	whole = FRAME_HEADER + be16(p + 2);
	return whole == iov[i].iov_len || whole == iov[i].iov_len + next ? p : NULL;
}

/* The answer to the GET of a tunnel stays as long as it was. */
static void spoil_type(const struct iovec *iov, int n)
{
	struct bytes type = B("application/x-rtsp-tunnelled");

	for (int i = 0; i < n; i++) {
		struct bytes b = bytes_of(iov[i].iov_base, iov[i].iov_len);
		size_t at = bytes_has_prefix(b, B("HTTP/1.")) ? bytes_find(b, type) : b.n;
		if (at < b.n)
			memset((uint8_t *)iov[i].iov_base + at, 'x', type.n);
	}
}

/* A refusal becomes the answer that begins a tunnel, as long as it was. */
static void open_door(const struct iovec *iov, int n)
{
	struct bytes opened =
		B("HTTP/1.0 200 OK\r\nContent-Type: application/x-rtsp-tunnelled\r\nX: ");

	for (int i = 0; i < n; i++) {
		struct bytes b = bytes_of(iov[i].iov_base, iov[i].iov_len), end = B("\r\n\r\n");
		uint8_t *p = iov[i].iov_base;
		if (!bytes_has_prefix(b, B("HTTP/1.")) || bytes_find(b, B(" 200 ")) < b.n ||
			b.n < opened.n + end.n)
			continue;
		memset(p, 'x', b.n);
		memcpy(p, opened.p, opened.n);
		memcpy(p + b.n - end.n, end.p, end.n);
	}
}

void fault_frame_spoil(const struct faults *f, const struct iovec *iov, int n)
{
	if (f->on[FAULT_TUNNEL_TYPE])
		spoil_type(iov, n);
	if (f->on[FAULT_TUNNEL_LOOSE])
		open_door(iov, n);
	int64_t channel = f->on[FAULT_FRAME_CHANNEL], length = f->on[FAULT_FRAME_LENGTH];

	for (int i = 0; i < n; i++) {
		uint8_t *p = frame_of(iov, i, n);
		if (!p)
			continue;
		uint64_t at = fault_flow_frame(f->flow);
		if (channel && at % (uint64_t)channel == 0)
			p[1] = OTHER_CHANNEL;
		if (length && at % (uint64_t)length == 0 && be16(p + 2) > LESS)
			put_be16(p + 2, (uint16_t)(be16(p + 2) - LESS));
	}
}
