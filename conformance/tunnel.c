/* SPDX-License-Identifier: MIT */
#include "conformance/tunnel.h"

#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

void tunnel_cookie(char cookie[TUNNEL_COOKIE + 1])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345";
	uint8_t random[TUNNEL_COOKIE];

	os_random(random, sizeof(random));
	for (size_t i = 0; i < TUNNEL_COOKIE; i++)
		cookie[i] = digits[random[i] % (sizeof(digits) - 1)];
	cookie[TUNNEL_COOKIE] = '\0';
}

int tunnel_head(
	struct buf *out, bool is_post, const char *path, const char *host, const char *cookie)
{
	int rc = buf_printf(out, "%s %s HTTP/1.0\r\nHost: %s\r\n", is_post ? "POST" : "GET",
		*path ? path : "/", host);

	if (rc >= 0 && cookie)
		rc = buf_printf(out, "x-sessioncookie: %s\r\n", cookie);
	/* the length is a fiction that lets proxies pass on what comes (Apple's note says 32767) */
	if (rc >= 0 && is_post)
		rc = buf_put(out,
			B("Content-Type: application/x-rtsp-tunnelled\r\nContent-Length: 32767\r\n"));
	if (rc >= 0 && !is_post)
		rc = buf_put(out, B("Accept: application/x-rtsp-tunnelled\r\n"));
	return rc < 0 ? rc : buf_put(out, B("Pragma: no-cache\r\nCache-Control: no-cache\r\n\r\n"));
}

static bool says_tunnel(struct bytes head)
{
	struct bytes line;
	static const char name[] = "content-type:";

	while (bytes_cut(&head, '\n', &line)) {
		if (bytes_has_iprefix(line, bytes_str(name)))
			return bytes_is_ieq(bytes_trim(bytes_sub(line, sizeof(name) - 1, line.n)),
				B("application/x-rtsp-tunnelled"));
	}
	return false;
}

int tunnel_answer(struct bytes in, unsigned *status, bool *is_tunnel)
{
	struct bytes start = B("HTTP/1.");
	size_t end = bytes_find(in, B("\r\n\r\n"));
	uint64_t code;

	if (!bytes_has_prefix(bytes_sub(in, 0, start.n), bytes_sub(start, 0, in.n)))
		return ERR_SYNTAX;
	if (end >= in.n)
		return in.n > TUNNEL_HEAD_MAX ? ERR_SYNTAX : ERR_MORE;
	/* "HTTP/1.0 200 OK" */
	if (!bytes_to_u64(bytes_sub(in, start.n + 2, 3), 999, &code))
		return ERR_SYNTAX;
	*status = (unsigned)code;
	*is_tunnel = says_tunnel(bytes_sub(in, 0, end + 2));
	return (int)end + 4;
}

int tunnel_encode(struct buf *out, struct bytes b)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < b.n; i += 3) {
		uint32_t v = (uint32_t)b.p[i] << 16;
		v |= i + 1 < b.n ? (uint32_t)b.p[i + 1] << 8 : 0;
		v |= i + 2 < b.n ? b.p[i + 2] : 0;
		char four[4] = { digits[v >> 18], digits[v >> 12 & 63],
			i + 1 < b.n ? digits[v >> 6 & 63] : '=',
			i + 2 < b.n ? digits[v & 63] : '=' };
		int rc = buf_put(out, bytes_of(four, 4));
		if (rc < 0)
			return rc;
	}
	return 0;
}
