/* SPDX-License-Identifier: MIT */
#include "server/wire/url.h"

#include <string.h>

static const struct scheme_row {
	struct bytes prefix;
	enum url_scheme scheme;
	uint16_t port;
} schemes[] = {
	{ { (const uint8_t *)"rtsp://", 7 }, URL_RTSP, 554 },
	{ { (const uint8_t *)"rtspu://", 8 }, URL_RTSPU, 554 },
	{ { (const uint8_t *)"rtsps://", 8 }, URL_RTSPS, 322 },
};

static int fail(struct fault *f, size_t at, const char *why, int err)
{
	*f = (struct fault){ .at = at, .why = why };
	return err;
}

/* Offset of the first octet that is in `set`, or v.n. */
static size_t find_any(struct bytes v, const char *set)
{
	size_t i = 0;

	while (i < v.n && !(v.p[i] && strchr(set, v.p[i])))
		i++;
	return i;
}

static bool is_alpha(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Length of "scheme" before its colon, 0 when v is a relative reference. */
static size_t scheme_length(struct bytes v)
{
	size_t i = 0;

	if (v.n == 0 || !is_alpha(v.p[0]))
		return 0;
	while (i < v.n && (is_alpha(v.p[i]) || (v.p[i] >= '0' && v.p[i] <= '9') || v.p[i] == '+' ||
				  v.p[i] == '-' || v.p[i] == '.'))
		i++;
	return i < v.n && v.p[i] == ':' ? i : 0;
}

static int read_scheme(struct bytes v, struct url *u, size_t *at, struct fault *f)
{
	for (size_t i = 0; i < COUNT(schemes); i++) {
		if (bytes_has_iprefix(v, schemes[i].prefix)) {
			u->scheme = schemes[i].scheme;
			u->port = schemes[i].port;
			*at = schemes[i].prefix.n;
			return 0;
		}
	}
	return scheme_length(v) ? fail(f, 0, "the scheme is not rtsp", ERR_UNSUPPORTED)
				: fail(f, 0, "not an absolute URL", ERR_SYNTAX);
}

static int read_port(struct bytes v, struct url *u, size_t at, struct fault *f)
{
	uint64_t n;

	if (v.n == 0) /* "host:" is the default port, 3986 3.2.3 */
		return 0;
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] < '0' || v.p[i] > '9')
			return fail(f, at, "the port is no number", ERR_SYNTAX);
	}
	if (!bytes_to_u64(v, UINT16_MAX, &n) || n == 0)
		return fail(f, at, "the port is not in 1 - 65535", ERR_RANGE);
	u->has_port = true;
	u->port = (uint16_t)n;
	return 0;
}

static int read_ip6(struct bytes host, size_t *end)
{
	size_t close = bytes_index(host, ']');

	for (size_t i = 1; i < close; i++) {
		/* A zone (%eth0) may follow the address, RFC 6874. */
		if (!strchr("0123456789abcdefABCDEF:.", host.p[i]) || !host.p[i]) {
			if (host.p[i] == '%' && i > 1)
				break;
			return ERR_SYNTAX;
		}
	}
	if (close == host.n || close < 3)
		return ERR_SYNTAX;
	*end = close + 1;
	return 0;
}

static int read_authority(struct bytes v, struct url *u, size_t at, struct fault *f)
{
	size_t end;

	for (size_t i = v.n; i > 0; i--) {
		if (v.p[i - 1] == '@') {
			u->userinfo = bytes_sub(v, 0, i - 1);
			v = bytes_sub(v, i, v.n);
			at += i;
			break;
		}
	}
	if (v.n && v.p[0] == '[') {
		if (read_ip6(v, &end))
			return fail(f, at, "no IPv6 address between the brackets", ERR_SYNTAX);
		u->is_ip6 = true;
		u->host = bytes_sub(v, 1, end - 2);
	} else {
		end = bytes_index(v, ':');
		u->host = bytes_sub(v, 0, end);
		if (find_any(u->host, "[]\\\"<>^`{|}@") < u->host.n)
			return fail(f, at, "an octet that no host name has", ERR_SYNTAX);
		for (size_t i = 0; i < u->host.n; i++) {
			if (u->host.p[i] > 126)
				return fail(f, at, "an octet that no host name has", ERR_SYNTAX);
		}
	}
	if (u->host.n == 0)
		return fail(f, at, "no host", ERR_SYNTAX);
	if (end == v.n)
		return 0;
	if (v.p[end] != ':')
		return fail(f, at + end, "neither port nor path after the host", ERR_SYNTAX);
	return read_port(bytes_sub(v, end + 1, v.n), u, at + end + 1, f);
}

/* path [ "?" query ] [ "#" fragment ] */
static void read_tail(
	struct bytes v, struct bytes *path, struct bytes *query, struct bytes *fragment)
{
	size_t hash = bytes_index(v, '#'), mark;

	*fragment = bytes_sub(v, hash + 1, v.n);
	v = bytes_sub(v, 0, hash);
	mark = bytes_index(v, '?');
	*query = bytes_sub(v, mark + 1, v.n);
	*path = bytes_sub(v, 0, mark);
}

int url_read(struct bytes v, struct url *u, struct fault *f)
{
	size_t at, end;
	int err;

	*u = (struct url){ .text = v };
	*f = (struct fault){ 0 };
	if (bytes_is_eq(v, B("*"))) {
		u->scheme = URL_STAR;
		return 0;
	}
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] <= ' ' || v.p[i] == 0x7f)
			return fail(f, i, "a blank or control in the URL", ERR_SYNTAX);
	}
	if ((err = read_scheme(v, u, &at, f)))
		return err;
	end = at + find_any(bytes_sub(v, at, v.n), "/?#");
	if ((err = read_authority(bytes_sub(v, at, end - at), u, at, f)))
		return err;
	read_tail(bytes_sub(v, end, v.n), &u->path, &u->query, &u->fragment);
	return 0;
}

/* ---- paths ---- */

static int percent_decode(struct bytes v, size_t *at, uint8_t *c)
{
	uint64_t x;

	*c = v.p[(*at)++];
	if (*c == '%') {
		if (v.n - *at < 2 || !bytes_hex_to_u64(bytes_sub(v, *at, 2), 255, &x))
			return ERR_SYNTAX;
		*c = (uint8_t)x;
		*at += 2;
	}
	return *c < ' ' || *c == 0x7f || *c == '\\' ? ERR_SYNTAX : 0;
}

/* Normalises the decoded segments in s[0 … n) in place; s[0] is '/'. New length or ERR_RANGE. */
static int resolve_dots(char *s, size_t n)
{
	size_t out = 0;

	for (size_t at = 0; at < n;) {
		size_t end = ++at; /* behind the slash */
		while (end < n && s[end] != '/')
			end++;
		struct bytes segment = bytes_of(s + at, end - at);
		if (bytes_is_eq(segment, B(".."))) {
			if (out == 0)
				return ERR_RANGE;
			while (s[--out] != '/') {}
		} else if (segment.n && !bytes_is_eq(segment, B("."))) {
			s[out++] = '/';
			memmove(s + out, segment.p, segment.n);
			out += segment.n;
		}
		at = end;
	}
	if (out == 0)
		s[out++] = '/';
	return (int)out;
}

int url_path_decode(struct bytes path, char *dst, size_t cap)
{
	size_t n = 0;
	int len;
	uint8_t c;

	if (path.n && path.p[0] != '/')
		return ERR_SYNTAX;
	if (cap < 2)
		return ERR_LIMIT;
	dst[n++] = '/';
	for (size_t at = 0; at < path.n;) {
		if (percent_decode(path, &at, &c))
			return ERR_SYNTAX;
		if (n + 1 >= cap)
			return ERR_LIMIT;
		dst[n++] = (char)c;
	}
	len = resolve_dots(dst, n);
	if (len < 0)
		return len;
	dst[len] = '\0';
	return 0;
}

bool url_path_is_within(const char *path, const char *top)
{
	size_t n = strcmp(top, "/") == 0 ? 0 : strlen(top);

	return strncmp(path, top, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

struct bytes url_path_aggregate(const char *path)
{
	const char *tail = strrchr(path, '/');

	if (!tail || !strchr(tail, '='))
		return (struct bytes){ 0 };
	return bytes_of(path, tail == path ? 1 : (size_t)(tail - path));
}

/* ---- references ---- */

/* Any URI reference in its five parts; has_… tell an empty part from none. */
struct parts {
	struct bytes scheme, authority, path, query, fragment;
	bool has_authority, has_query, has_fragment;
};

static void split(struct bytes v, struct parts *p)
{
	size_t n = scheme_length(v);

	*p = (struct parts){ 0 };
	if (n) {
		p->scheme = bytes_sub(v, 0, n);
		v = bytes_sub(v, n + 1, v.n);
	}
	if (bytes_has_prefix(v, B("//"))) {
		p->has_authority = true;
		v = bytes_sub(v, 2, v.n);
		n = find_any(v, "/?#");
		p->authority = bytes_sub(v, 0, n);
		v = bytes_sub(v, n, v.n);
	}
	read_tail(v, &p->path, &p->query, &p->fragment);
	p->has_fragment = bytes_index(v, '#') < v.n;
	p->has_query = bytes_index(bytes_sub(v, 0, bytes_index(v, '#')), '?') < v.n &&
		       p->path.n < bytes_index(v, '#');
}

/* 3986 5.2.4 on the bytes of out from `at` on, in place. */
static void remove_dots(struct buf *out, size_t at)
{
	uint8_t *s = out->p + out->at + at;
	size_t n = out->n - at, to = 0, i = 0;

	while (i < n) {
		size_t end = i + (s[i] == '/');
		while (end < n && s[end] != '/')
			end++;
		struct bytes seg = bytes_of(s + i, end - i);
		bool is_last = end == n;
		bool is_dot = bytes_is_eq(seg, B("/.")), is_up = bytes_is_eq(seg, B("/.."));
		if (is_up) {
			while (to && s[to - 1] != '/')
				to--;
			to -= to > 0;
		}
		if (is_dot || is_up) {
			if (is_last)
				s[to++] = '/';
		} else if (i || !(bytes_is_eq(seg, B(".")) || bytes_is_eq(seg, B("..")))) {
			memmove(s + to, seg.p, seg.n);
			to += seg.n;
		}
		i = end;
	}
	buf_cut(out, at + to);
}

/* base NULL: the path stands alone. */
static int put_path(struct buf *out, const struct parts *base, struct bytes path)
{
	size_t at = out->n, keep = base ? base->path.n : 0;
	int err = 0;

	if (base && (path.n == 0 || path.p[0] != '/')) { /* merge, 5.2.3 */
		while (keep && base->path.p[keep - 1] != '/')
			keep--;
		if (base->path.n == 0 && base->has_authority)
			err = buf_put(out, B("/"));
		else
			err = buf_put(out, bytes_sub(base->path, 0, keep));
	}
	if (!err)
		err = buf_put(out, path);
	if (!err && out->n > at)
		remove_dots(out, at);
	return err;
}

static int put_part(struct buf *out, bool has, const char *mark, struct bytes v)
{
	int err = has ? buf_put(out, bytes_str(mark)) : 0;
	return err || !has ? err : buf_put(out, v);
}

static int join(const struct parts *b, const struct parts *r, struct buf *out)
{
	const struct parts *authority = r->scheme.n || r->has_authority ? r : b;
	bool own_path = authority == r || r->path.n;
	const struct parts *query = own_path || r->has_query ? r : b;
	int err = buf_put(out, r->scheme.n ? r->scheme : b->scheme);

	if (!err)
		err = buf_put(out, B(":"));
	if (!err)
		err = put_part(out, authority->has_authority, "//", authority->authority);
	if (!err && own_path)
		err = put_path(out, authority == r ? NULL : b, r->path);
	else if (!err)
		err = buf_put(out, b->path);
	if (!err)
		err = put_part(out, query->has_query, "?", query->query);
	if (!err)
		err = put_part(out, r->has_fragment, "#", r->fragment);
	return err;
}

int url_join(struct bytes base, struct bytes ref, struct buf *out)
{
	struct parts b, r;
	size_t start = out->n;
	int err;

	split(base, &b);
	split(ref, &r);
	if (b.scheme.n == 0)
		return ERR_SYNTAX;
	err = join(&b, &r, out);
	if (err)
		buf_cut(out, start);
	return err;
}

int url_control(struct bytes base, struct bytes control, struct buf *out)
{
	size_t start = out->n;
	int err;

	if (scheme_length(control) && bytes_find(control, B("://")) < control.n)
		return buf_put(out, control);
	if (control.n && control.p[0] == '/')
		return url_join(base, control, out);
	err = buf_put(out, base);
	if (control.n && !bytes_is_eq(control, B("*"))) {
		if (!err && base.n && base.p[base.n - 1] != '/')
			err = buf_put(out, B("/"));
		if (!err)
			err = buf_put(out, control);
	}
	if (err)
		buf_cut(out, start);
	return err;
}

int url_put_public(struct bytes v, struct buf *out)
{
	size_t start = out->n, at = bytes_find(v, B("://")), end;
	struct bytes authority;
	int err;

	if (at == v.n)
		return buf_put(out, v);
	at += 3;
	end = at + find_any(bytes_sub(v, at, v.n), "/?#");
	authority = bytes_sub(v, at, end - at);
	err = buf_put(out, bytes_sub(v, 0, at));
	for (size_t i = authority.n; i > 0; i--) {
		if (authority.p[i - 1] == '@') {
			authority = bytes_sub(authority, i, authority.n);
			break;
		}
	}
	if (!err)
		err = buf_put(out, authority);
	if (!err)
		err = buf_put(out, bytes_sub(v, end, v.n));
	if (err)
		buf_cut(out, start);
	return err;
}
