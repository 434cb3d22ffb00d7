/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_url.h"

#include <stdio.h>
#include <string.h>

#include "conformance/oracle/ox_text.h"
#include "server/base/err.h"

static int bad(struct ox_findings *fs, struct bytes text, size_t at, const char *why)
{
	ox_got(ox_find(fs, OX_RTSP_3_2_01, at, why), text);
	return ERR_SYNTAX;
}

/* scheme "://" at the front: its length, or 0. */
static size_t scheme_length(struct bytes text)
{
	size_t n = bytes_find(text, B("://"));

	if (n == text.n || n == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = text.p[i] | 0x20;
		if (!(c >= 'a' && c <= 'z') && !(i > 0 && text.p[i] >= '0' && text.p[i] <= '9'))
			return 0;
	}
	return n;
}

/* Octets that a URL cannot hold, and % without two hexadecimal digits. */
static size_t bad_octet_at(struct bytes b)
{
	uint64_t v;

	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] <= ' ' || b.p[i] >= 0x7f || strchr("<>\"\\^`{|}", b.p[i]))
			return i;
		if (b.p[i] == '%' &&
			(i + 2 >= b.n || !bytes_hex_to_u64(bytes_sub(b, i + 1, 2), 255, &v)))
			return i;
	}
	return b.n;
}

/* Host and port out of the authority; 0 or ERR_SYNTAX. */
static int read_authority(struct bytes text, struct bytes authority, size_t at, struct ox_url *u,
	struct ox_findings *fs)
{
	size_t user = bytes_index(authority, '@'), colon;
	struct bytes host = authority;
	uint64_t port = u->port;

	if (user < authority.n) {
		u->user = bytes_sub(authority, 0, user);
		host = bytes_sub(authority, user + 1, authority.n);
	}
	bool is_bracketed = host.n > 0 && host.p[0] == '[';
	size_t close = is_bracketed ? bytes_index(host, ']') : 0;
	if (is_bracketed && close == host.n)
		return bad(fs, text, at, "the bracket of an IPv6 address is not closed");
	struct bytes tail = is_bracketed ? bytes_sub(host, close + 1, host.n) : host;
	colon = bytes_index(tail, ':');
	u->host = is_bracketed ? bytes_sub(host, 1, close - 1) : bytes_sub(host, 0, colon);
	u->is_ip_literal = is_bracketed || ox_is_ip4(u->host);
	if (is_bracketed ? !ox_is_ip6(u->host) || (colon != 0 && tail.n > 0) : !ox_is_host(u->host))
		return bad(fs, text, at, "the host is no host name and no address");
	if (colon < tail.n) {
		struct bytes digits = bytes_sub(tail, colon + 1, tail.n);
		u->has_port = true;
		/* the grammar of 2068 lets the port be empty */
		if (digits.n > 0 && !bytes_to_u64(digits, 65535, &port))
			return bad(fs, text, at, "the port is no number up to 65535");
	}
	u->port = (unsigned)port;
	return 0;
}

int ox_url_read(struct bytes text, size_t at, struct ox_url *u, struct ox_findings *fs)
{
	size_t scheme = scheme_length(text), slash, odd = bad_octet_at(text);
	struct bytes rest = bytes_sub(text, scheme + 3, text.n);

	*u = (struct ox_url){ .port = 554 };
	if (scheme == 0)
		return bad(fs, text, at, "no scheme and \"://\" at the front");
	u->scheme = bytes_sub(text, 0, scheme);
	if (!bytes_is_ieq(u->scheme, B("rtsp")) && !bytes_is_ieq(u->scheme, B("rtspu")) &&
		!bytes_is_ieq(u->scheme, B("rtsps")))
		return bad(fs, text, at, "the scheme is none of rtsp, rtspu, rtsps");
	if (bytes_is_ieq(u->scheme, B("rtsps")))
		u->port = 322;
	if (odd < text.n)
		return bad(fs, text, at + odd, "an octet that must be escaped, or a bad escape");
	for (slash = 0; slash < rest.n && rest.p[slash] != '/' && rest.p[slash] != '?'; slash++)
		;
	u->path = bytes_sub(rest, slash, rest.n);
	return read_authority(text, bytes_sub(rest, 0, slash), at + scheme + 3, u, fs);
}

/* Appends; false when full. Keeps the NUL. */
static bool put(char *out, size_t cap, size_t *n, struct bytes b)
{
	if (b.n >= cap - *n)
		return false;
	if (b.n)
		memcpy(out + *n, b.p, b.n);
	*n += b.n;
	out[*n] = '\0';
	return true;
}

/* Takes the last segment off out[from..n): "/a/b" → "/a". */
static void drop_segment(const char *out, size_t from, size_t *n)
{
	while (*n > from && out[*n - 1] != '/')
		(*n)--;
	if (*n > from)
		(*n)--;
}

/* Appends a path without its "." and ".." segments (3986 5.2.4). */
static bool put_path(char *out, size_t cap, size_t *n, struct bytes path)
{
	size_t from = *n, query = bytes_index(path, '?');
	struct bytes tail = bytes_sub(path, query, path.n), part;
	struct bytes rest = bytes_sub(path, 0, query);
	bool ends_open = false;

	if (rest.n > 0 && rest.p[0] == '/')
		rest = bytes_sub(rest, 1, rest.n);
	if (path.n > 0 && query == 0)
		return put(out, cap, n, tail);
	for (bool more = path.n > 0; more;) {
		size_t slash = bytes_index(rest, '/');
		part = bytes_sub(rest, 0, slash);
		more = slash < rest.n;
		rest = bytes_sub(rest, slash + 1, rest.n);
		ends_open = false;
		if (bytes_is_eq(part, B(".."))) {
			drop_segment(out, from, n);
			ends_open = true;
		} else if (bytes_is_eq(part, B("."))) {
			ends_open = true;
		} else if (!put(out, cap, n, B("/")) || !put(out, cap, n, part)) {
			return false;
		}
		out[*n] = '\0';
	}
	return (!ends_open || put(out, cap, n, B("/"))) && put(out, cap, n, tail);
}

int ox_url_join(struct bytes base, struct bytes ref, char *out, size_t cap)
{
	size_t n = 0, scheme = scheme_length(base), start, query, slash;
	struct bytes path;

	if (cap == 0)
		return ERR_LIMIT;
	out[0] = '\0';
	if (scheme_length(ref) > 0)
		return put(out, cap, &n, ref) ? 0 : ERR_LIMIT;
	if (ref.n == 0 || bytes_is_eq(ref, B("*")) || scheme == 0)
		return put(out, cap, &n, scheme == 0 && ref.n ? ref : base) ? 0 : ERR_LIMIT;
	for (start = scheme + 3; start < base.n && base.p[start] != '/' && base.p[start] != '?';)
		start++;
	if (!put(out, cap, &n, bytes_sub(base, 0, start)))
		return ERR_LIMIT;
	path = bytes_sub(base, start, base.n);
	query = bytes_index(path, '?');
	if (ref.p[0] == '?') {
		bool fits = put(out, cap, &n, bytes_sub(path, 0, query)) && put(out, cap, &n, ref);
		return fits ? 0 : ERR_LIMIT;
	}
	if (ref.p[0] == '/')
		return put_path(out, cap, &n, ref) ? 0 : ERR_LIMIT;
	for (slash = query; slash > 0 && path.p[slash - 1] != '/';)
		slash--;
	char merged[4096];
	size_t m = 0;
	merged[0] = '\0';
	if (!put(merged, sizeof(merged), &m, slash ? bytes_sub(path, 0, slash) : B("/")) ||
		!put(merged, sizeof(merged), &m, ref))
		return ERR_LIMIT;
	return put_path(out, cap, &n, bytes_of(merged, m)) ? 0 : ERR_LIMIT;
}

int ox_url_concat(struct bytes base, struct bytes ref, char *out, size_t cap)
{
	size_t n = 0;
	bool has_slash = base.n > 0 && base.p[base.n - 1] == '/';

	if (cap == 0)
		return ERR_LIMIT;
	out[0] = '\0';
	if (scheme_length(ref) > 0)
		return put(out, cap, &n, ref) ? 0 : ERR_LIMIT;
	if (!put(out, cap, &n, base))
		return ERR_LIMIT;
	if (ref.n == 0 || bytes_is_eq(ref, B("*")))
		return 0;
	if (!has_slash && ref.p[0] != '/' && !put(out, cap, &n, B("/")))
		return ERR_LIMIT;
	if (has_slash && ref.p[0] == '/')
		ref = bytes_sub(ref, 1, ref.n);
	return put(out, cap, &n, ref) ? 0 : ERR_LIMIT;
}

static struct bytes without_slash(struct bytes path)
{
	return path.n > 0 && path.p[path.n - 1] == '/' ? bytes_sub(path, 0, path.n - 1) : path;
}

bool ox_url_is_same(struct bytes a, struct bytes b, bool loosely)
{
	struct ox_url x, y;

	if (ox_url_read(a, 0, &x, NULL) != 0 || ox_url_read(b, 0, &y, NULL) != 0)
		return bytes_is_eq(a, b);
	if (!bytes_is_ieq(x.scheme, y.scheme) || !bytes_is_ieq(x.host, y.host) || x.port != y.port)
		return false;
	if (loosely)
		return bytes_is_eq(without_slash(x.path), without_slash(y.path));
	return bytes_is_eq(x.path, y.path);
}
