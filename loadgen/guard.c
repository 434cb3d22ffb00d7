/* SPDX-License-Identifier: MIT */
#include "loadgen/guard.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

static int say(int err, char why[GUARD_WHY], const char *fmt, struct bytes what)
{
	(void)snprintf(why, GUARD_WHY, fmt, (int)(what.n < 80 ? what.n : 80), (const char *)what.p);
	return err;
}

static int check_form(const struct url *u, char why[GUARD_WHY])
{
	if (u->scheme != URL_RTSP)
		return say(ERR_UNSUPPORTED, why, "only rtsp:// URLs can be loaded, not %.*s",
			bytes_sub(u->text, 0, bytes_index(u->text, ':')));
	if (u->userinfo.n)
		return say(ERR_UNSUPPORTED, why,
			"no credentials are sent: leave name:password@ out of the URL%.*s", B(""));
	return 0;
}

/* The first address of a host that has a name. */
static int look_up(struct bytes host, uint16_t port, struct addr *to)
{
	struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *found;
	char name[256];

	if (!bytes_to_str(host, name, sizeof name))
		return ERR_NOT_FOUND;
	if (addr_read(to, name, port) == 0)
		return 0;
	if (getaddrinfo(name, NULL, &want, &found) != 0)
		return ERR_NOT_FOUND;
	int err = found->ai_addrlen <= sizeof(struct sockaddr_in6) ? 0 : ERR_NOT_FOUND;
	if (!err) {
		*to = (struct addr){ .n = found->ai_addrlen };
		memcpy(&to->sa, found->ai_addr, found->ai_addrlen);
		addr_set_port(to, port);
	}
	freeaddrinfo(found);
	return err;
}

int guard_check(const char *url, bool any_host, struct url *u, struct addr *to, char why[GUARD_WHY])
{
	struct fault f = { 0 };

	int err = url_read(bytes_str(url), u, &f);
	if (err && !strstr(url, "@"))
		return say(err, why, "'%.*s' is not an RTSP URL (rtsp://HOST[:PORT]/PATH)",
			bytes_str(url));
	if (err)
		return say(
			err, why, "this is not an RTSP URL (rtsp://HOST[:PORT]/PATH)%.*s", B(""));
	err = check_form(u, why);
	if (err)
		return err;
	err = look_up(u->host, u->port, to);
	if (err)
		return say(err, why, "no such host: %.*s", u->host);
	if (!any_host && !addr_is_loopback(to))
		return say(ERR_STATE, why,
			"%.*s is not this machine: say --i-may-load-this-host if you may", u->host);
	return 0;
}
