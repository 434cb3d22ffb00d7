/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/fuzz/holds.h"
#include "server/wire/pattern.h"
#include "server/wire/range.h"
#include "server/wire/rtpinfo.h"
#include "server/wire/transport.h"
#include "server/wire/url.h"

/*
 * The values of headers, and URLs: the first byte chooses which. What was read and can be written
 * must read back the same.
 */

static void on_transport(struct bytes in, struct buf *out)
{
	struct transport_list l = { 0 }, again = { 0 };
	struct fault f;
	const char *why;

	(void)!transport_read(in, &l, &f);
	for (size_t i = 0; i < l.n; i++) {
		int err = transport_check_request(&l.v[i], &why);
		buf_cut(out, 0);
		if (err || transport_write(&l.v[i], out))
			continue;
		again.n = 0;
		HOLDS(transport_read(buf_bytes(out), &again, &f) == 0 && again.n == 1);
		HOLDS(again.v[0].err == 0 && again.v[0].lower == l.v[i].lower);
		HOLDS(memcmp(&again.v[0].client_port, &l.v[i].client_port,
			      sizeof l.v[i].client_port) == 0);
		HOLDS(memcmp(&again.v[0].interleaved, &l.v[i].interleaved,
			      sizeof l.v[i].interleaved) == 0);
		HOLDS(again.v[0].ssrc == l.v[i].ssrc && again.v[0].ttl == l.v[i].ttl);
	}
}

static void on_range(struct bytes in, struct buf *out)
{
	struct range r, again;
	struct fault f;
	int64_t n, m;

	if (range_read(in, &r, &f) == 0 && range_write(&r, out) == 0) {
		HOLDS(range_read(buf_bytes(out), &again, &f) == 0);
		HOLDS(again.start == r.start && again.end == r.end && again.time == r.time);
		HOLDS(again.has_end == r.has_end && again.is_now == r.is_now);
	}
	buf_cut(out, 0);
	if (scale_read(in, &n) == 0) {
		HOLDS(scale_write(n, out) == 0 && scale_read(buf_bytes(out), &m) == 0 && m == n);
	}
}

static void on_rtpinfo(struct bytes in, struct buf *out)
{
	struct rtpinfo e;
	int got;

	while ((got = rtpinfo_next(&in, &e)) != 0)
		HOLDS(got == ERR_SYNTAX ||
			(got == 1 && e.url.n && rtpinfo_write(&e, true, out) != -1));
}

static void on_url(struct bytes in, struct buf *out)
{
	struct url u;
	struct fault f;
	char path[256];

	if (url_path_decode(in, path, sizeof path) == 0) {
		size_t n = strlen(path);
		HOLDS(path[0] == '/' && !strstr(path, "//") && !strstr(path, "/../"));
		HOLDS(n == 1 || path[n - 1] != '/');
		HOLDS(n < 3 || strcmp(path + n - 3, "/..") != 0);
	}
	if (url_read(in, &u, &f) == 0 && u.scheme != URL_STAR) {
		HOLDS(u.host.n && u.port);
		HOLDS(u.path.n == 0 || u.path.p[0] == '/');
		HOLDS(url_put_public(in, out) == 0);
		HOLDS(url_read(buf_bytes(out), &u, &f) == 0 && u.userinfo.n == 0);
	}
	size_t half = in.n / 2;
	(void)!url_join(bytes_sub(in, 0, half), bytes_sub(in, half, in.n), out);
	(void)!url_join(B("rtsp://h/a/b?c#d"), in, out);
	(void)!url_control(bytes_sub(in, 0, half), bytes_sub(in, half, in.n), out);
}

static void on_pattern(struct bytes in, struct buf *out)
{
	struct pattern p;
	uint32_t track;

	if (pattern_spec_read(in, &p, &track))
		return;
	HOLDS(track <= p.tracks);
	for (uint64_t k = 0; k < 64; k++) {
		uint32_t n = pattern_packet_bytes(&p, k * 997);
		HOLDS(n >= PATTERN_PACKET_MIN && n <= PATTERN_PACKET_MAX);
	}
	HOLDS(pattern_sdp(&p, 1, B("127.0.0.1"), false, out) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const targets[])(struct bytes, struct buf *) = {
		on_transport,
		on_range,
		on_rtpinfo,
		on_url,
		on_pattern,
	};
	struct buf out;

	if (size == 0)
		return 0;
	buf_init(&out, 1 << 16);
	targets[data[0] % COUNT(targets)](bytes_of(data + 1, size - 1), &out);
	buf_clear(&out);
	return 0;
}
