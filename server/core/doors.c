/* SPDX-License-Identifier: MIT */
#include "server/core/doors.h"

#include <string.h>

#include "server/base/os.h"
#include "server/core/server.h"

static bool take_prefix(struct bytes *v, struct bytes prefix)
{
	if (!bytes_is_ieq(bytes_sub(*v, 0, prefix.n), prefix))
		return false;
	*v = bytes_sub(*v, prefix.n, SIZE_MAX);
	return true;
}

/* Splits the port off; false: what stands there is none. */
static bool take_port(struct bytes *host, uint16_t *port)
{
	size_t colon = host->n, colons = 0;
	uint64_t n;

	for (size_t i = 0; i < host->n; i++) {
		if (host->p[i] == ':') {
			colon = i;
			colons++;
		} else if (host->p[i] == ']') {
			colon = host->n; /* those before it are the address's */
			colons = 0;
		}
	}
	if (colon == host->n || colons > 1) /* none, or a bare IPv6 address */
		return true;
	if (!bytes_to_u64(bytes_sub(*host, colon + 1, SIZE_MAX), UINT16_MAX, &n))
		return false;
	*port = (uint16_t)n;
	*host = bytes_sub(*host, 0, colon);
	return true;
}

int door_spec_read(struct door_spec *d, struct bytes text, uint16_t port, uint16_t tls_port)
{
	char host[ADDR_TEXT];

	*d = (struct door_spec){ .is_tls = take_prefix(&text, B("rtsps://")) };
	if (!d->is_tls)
		(void)take_prefix(&text, B("rtsp://")); /* it may be left out */
	else
		port = tls_port;
	if (text.n && text.p[text.n - 1] == '/')
		text.n--;
	if (!take_port(&text, &port) || !bytes_to_str(text, host, sizeof host))
		return ERR_SYNTAX;
	return addr_read_scoped(&d->at, host, port);
}

/* The kernel would not let both have the port. */
static void share_ports(struct door_spec *d, int n)
{
	for (int i = 0; i < n; i++) {
		uint16_t port = addr_port(&d[i].at);
		if (d[i].at.sa.sa_family != AF_INET6)
			continue;
		for (int k = 0; k < n && port; k++)
			d[i].is_v6_only |=
				d[k].at.sa.sa_family == AF_INET && addr_port(&d[k].at) == port;
	}
}

int door_specs_read(struct door_spec d[DOORS_MAX], const struct prefs *p, char *why)
{
	struct bytes rest = bytes_str(*p->listen ? p->listen : p->bind_ip_addr), one;
	const char *pref = *p->listen ? "listen" : "bind_ip_addr";
	int n = 0;

	while (bytes_cut(&rest, '\n', &one)) {
		if (n == DOORS_MAX) {
			(void)snprintf(why, PREFS_WHY, "listen: at most %d addresses", DOORS_MAX);
			return ERR_LIMIT;
		}
		int err = door_spec_read(
			&d[n++], one, (uint16_t)p->rtsp_port, (uint16_t)p->rtsps_port);
		if (err) {
			(void)snprintf(why, PREFS_WHY, "%s: '%.*s' is no IP address", pref,
				(int)(one.n < 100 ? one.n : 100), (const char *)one.p);
			return err;
		}
	}
	if (n == 0) {
		(void)snprintf(why, PREFS_WHY, "%s: '' is no IP address", pref);
		return ERR_SYNTAX;
	}
	share_ports(d, n);
	return n;
}

static int open_door(struct door *d, const struct door_spec *spec, struct listener_store *given,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now))
{
	struct loop *loop = &d->server->workers[0].loop;
	int fd = listener_store_take(given, &spec->at);

	if (fd >= 0)
		return listener_adopt(&d->listener, loop, fd, accepted);
	return listener_open(&d->listener, loop, &spec->at, spec->is_v6_only, accepted);
}

int doors_open(struct server *s, struct listener_store *given,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now),
	char *why)
{
	struct door_spec spec[DOORS_MAX];
	int n = door_specs_read(spec, s->prefs, why);

	if (n < 0)
		return n;
	s->doors = xcalloc(DOORS_MAX, sizeof *s->doors);
	for (int i = 0; i < n; i++) {
		struct door *d = &s->doors[i];
		char text[ADDR_TEXT];
		d->server = s;
		d->is_tls = spec[i].is_tls;
		int err = open_door(d, &spec[i], given, accepted);
		if (err) {
			(void)snprintf(why, PREFS_WHY, "cannot listen on %s port %u: %s",
				addr_host_text(&spec[i].at, text), addr_port(&spec[i].at),
				err_text(err));
			return err;
		}
		doorman_watch(d);
		s->n_doors++;
	}
	return 0;
}

void doors_close(struct server *s)
{
	for (size_t i = 0; i < s->n_doors; i++)
		listener_close(&s->doors[i].listener);
}

const char *door_url(const struct door *d, char *dst)
{
	char text[ADDR_TEXT];

	/* DOOR_URL has room for the longest */
	(void)snprintf(dst, DOOR_URL, "rtsp%s://%s/", d->is_tls ? "s" : "",
		addr_text(&d->listener.local, text));
	return dst;
}
