/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_URL_H
#define SERVER_WIRE_URL_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/* RTSP URLs (RFC 2326 3.2; generic syntax RFC 3986). */
enum url_scheme {
	URL_RTSP,  /* port 554, TCP */
	URL_RTSPU, /* port 554, UDP */
	URL_RTSPS, /* port 322, TLS */
	URL_STAR,  /* "*": the server itself; all other fields are empty */
};

struct url {
	enum url_scheme scheme;
	struct bytes text;     /* all of it */
	struct bytes userinfo; /* "name:password", raw; a secret */
	struct bytes host;     /* IPv6 literal without its brackets */
	bool is_ip6;           /* was in brackets */
	bool has_port;
	uint16_t port;         /* the scheme's own when none was given; never 0 but for "*" */
	struct bytes path;     /* raw; empty, or starts with '/'; without query and fragment */
	struct bytes query;    /* raw, without '?' */
	struct bytes fragment; /* raw, without '#'; 2326 gives it no meaning */
};

/*
 * Views in *u borrow from v. Octets above 126 pass behind the host (clients send raw UTF-8).
 * ERR_SYNTAX: not absolute, no host, a blank or control, port not digits; ERR_RANGE: port 0 or
 * above 65535; ERR_UNSUPPORTED: another scheme.
 */
MUST_USE int url_read(struct bytes v, struct url *u, struct fault *f);

/*
 * A raw path as the name of a resource, NUL-terminated: percent-decoded, then without empty and "."
 * segments, ".." resolved, no slash at the end; starts with '/', "/" for the empty path. Safe to
 * append to a root folder. ERR_SYNTAX: bad '%', NUL or another control, a backslash; ERR_RANGE:
 * ".." climbs above the root; ERR_LIMIT: longer than cap.
 */
MUST_USE int url_path_decode(struct bytes path, char *dst, size_t cap);

/* Of paths that url_path_decode made: is `path` the same as `top`, or does it lie beneath it? Whole segments
 * count: "/a/b" lies beneath "/a", "/ab" does not. All lie beneath "/". */
bool url_path_is_within(const char *path, const char *top);
/* A path less its last segment, if that has a '=' and is therefore most likely the control of one medium
 * ("/film.mp4" of "/film.mp4/trackID=1"; "/" of "/trackID=1"); else nothing. A view. */
struct bytes url_path_aggregate(const char *path);

/* Reference resolution by RFC 3986 5.2 (as RFC 1808 in 2326 C.1.1), appended to out. Base must have
 * a scheme. ERR_SYNTAX, ERR_LIMIT (out's cap; out unchanged). */
MUST_USE int url_join(struct bytes base, struct bytes ref, struct buf *out);

/*
 * The URL of a stream as deployed clients build it: an absolute control is itself, "*" or nothing
 * is the base, one that starts with '/' is joined by the RFC, anything else is put after the base
 * with one slash between (also where RFC 1808 would drop the base's last segment). Appended to
 * out. ERR_SYNTAX, ERR_LIMIT (out unchanged).
 */
MUST_USE int url_control(struct bytes base, struct bytes control, struct buf *out);

/* The URL with "name:password@" left out, appended to out: for request lines and for people. Text
 * that is no URL is copied. ERR_LIMIT (out unchanged). */
MUST_USE int url_put_public(struct bytes v, struct buf *out);

#endif
