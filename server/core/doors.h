/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_DOORS_H
#define SERVER_CORE_DOORS_H

#include "server/core/prefs.h"
#include "server/net/listener.h"

/*
 * The addresses that the server listens on: those of the preference `listen`, or, when it says nothing,
 * bind_ip_addr with rtsp_port. All of them accept on worker 0.
 */
struct server;

enum { DOORS_MAX = 16, DOOR_URL = ADDR_TEXT + 16, DOOR_BUSY = 128 };

struct door {
	struct listener listener;
	struct server *server;
	bool is_tls;
	char busy[DOOR_BUSY]; /* what the listener says when it has no descriptors */
};

/* What the preferences ask for. */
struct door_spec {
	struct addr at;
	bool is_tls;
	bool is_v6_only; /* an IPv6 wildcard whose port some IPv4 address has for itself */
};

/* Reads "[rtsp://|rtsps://]ADDRESS[:PORT][/]"; IPv6 addresses with a port stand in brackets, and link-local
 * ones may have a scope (%eth0). Without a port: `port`, or `tls_port`. 0 or ERR_SYNTAX. */
MUST_USE int door_spec_read(
	struct door_spec *d, struct bytes text, uint16_t port, uint16_t tls_port);
/* All of them, in order: how many, or an error with its reason in `why` (PREFS_WHY bytes). */
MUST_USE int door_specs_read(struct door_spec d[DOORS_MAX], const struct prefs *p, char *why);
/* Opens all on worker 0's loop, those that are in *given from there. 0, or an error with a reason that names the address. */
MUST_USE int doors_open(struct server *s, struct listener_store *given,
	void (*accepted)(struct listener *l, int fd, const struct addr *peer, tick_t now),
	char *why);
/* On worker 0's thread, or when there is none. Their memory stays until server_clear. */
void doors_close(struct server *s);
/* "rtsps://[::1]:8322/"; dst holds DOOR_URL; answers dst. */
const char *door_url(const struct door *d, char *dst);

#endif
