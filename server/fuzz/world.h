/* SPDX-License-Identifier: MIT */
#ifndef SERVER_FUZZ_WORLD_H
#define SERVER_FUZZ_WORLD_H

#include "server/core/server.h"

/*
 * A whole server and its clients in virtual time, for fuzz_conn. The clients' sockets for media and the modules
 * are made once; all else is made for each input, and nothing of it is left at its end.
 */
enum {
	CLIENTS = 4,
	WORKERS = 2,
	BYTES_MAX = 1 << 20,
	/* flags of an input */
	FLAG_TWO_WORKERS = 1, /* clients are dealt out */
	FLAG_SLOW = 2,        /* every request waits */
	FLAG_TIGHT = 4,       /* small limits */
	FLAG_QUEUE = 8,       /* PLAY queues */
	FLAG_LOGIN = 16,      /* user u, password p */
};

struct client {
	int fd; /* -1: not connected */
	bool is_deaf;
	struct buf out, in; /* what waits to be said; what was heard */
	char session[64];
	uint32_t ssrc;
	uint16_t ports[2]; /* of the server, for this client */
	char challenge[512];
	uint32_t logins;
};

extern struct world {
	tick_t clock, began;
	struct prefs plain, tight;
	struct server server;
	struct worker workers[WORKERS];
	unsigned flags;
	struct client clients[CLIENTS], *at;
	struct addr host, peer; /* the server's and the clients' */
	int udp[2], third;
	uint16_t udp_port;
	uint64_t replies;
	char session[64]; /* the last of any client: a tunnel hears of it on its other half */
} world;

/* ---- the server ---- */

/* Once, before the first input. */
void world_init(void);
/* A new server, as world.flags say. */
void world_open(void);
/* Drains it; then what fuzz_conn.c says holds. */
void world_close(void);
/* Turns all loops until nothing is left to do now. */
void world_settle(void);
/* Lets time pass; stops when so many packets were sent. */
void world_run(tick_t span, uint64_t packets);

/* ---- clients: what they say waits in `out` until it is flushed ---- */

void client_put(struct client *c, struct bytes b);
/* What waits, n times. */
void client_repeat(struct client *c, unsigned n);
/* What waits, in base64: as a tunnel's POST carries it. */
void client_encode(struct client *c);
/* Authorization for the request that waits. */
void client_log_in(struct client *c);
/* What waits, as one segment, connecting first; a server that does not read keeps the rest from us. */
void client_flush(struct client *c);
/* What waits, as a datagram from fd to the server's RTP (0) or RTCP (1) port. */
void client_datagram(struct client *c, int fd, unsigned port);
/* Closes without a word, after what waits. */
void client_hang_up(struct client *c);
/* Takes what has come, which has to be frames and replies. */
void client_listen(struct client *c);
/* All that are not deaf. */
void clients_listen(void);

#endif
