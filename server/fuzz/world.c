/* SPDX-License-Identifier: MIT */
#include "server/fuzz/world.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/fuzz/holds.h"
#include "server/modules/mod_auth.h"
#include "server/modules/modules.h"

enum { TURNS_MAX = 200000 };          /* without coming to rest: it spins */
#define WALL    (1767225600 * TICK_S) /* 2026-01-01 */
#define FOREVER (1000000000 * TICK_S) /* 31 years */

struct world world;

/* ---- what all inputs share ---- */

static tick_t world_clock(void *arg)
{
	(void)arg;
	return world.clock;
}

/* Answers late. */
static enum verdict slow_filter(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (!(world.flags & FLAG_SLOW) || world.clock >= t->received + 100 * TICK_MS)
		return MOD_PASS;
	t->wake_at = t->received + 100 * TICK_MS;
	return MOD_WAIT;
}

static const struct module slow = {
	.api_version = MODULE_API, .name = "slow", .filter = slow_filter
};

/* A user u with password p, in a file of htdigest. */
static void init_user(void)
{
	static const char line[] =
		"u:Beagle:6e6f267a211ba0f4cf4fdfbf1d00fb28"
		":902c5edaa843956e5a1be5d6469e63dc4926a9929ad5e94af6ab6e44179c930e\n";
	char path[] = "/tmp/fuzz_conn.XXXXXX", why[PREFS_WHY];
	int fd = mkstemp(path);

	HOLDS(fd >= 0 && write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1);
	(void)close(fd); /* for one reader */
	HOLDS(prefs_set(&world.plain, "auth_users", path, why) == 0);
	HOLDS(prefs_set(&world.plain, "auth_basic_plain", "1", why) == 0);
	HOLDS(prefs_set(&world.plain, "auth_wait_max", "1", why) == 0);
}

static void init_prefs(void)
{
	prefs_init(&world.plain);
	prefs_init(&world.tight);
	world.tight.request_line_bytes = 256;
	world.tight.request_header_bytes = 1024;
	world.tight.request_body_bytes = 64;
	world.tight.request_url_bytes = 64;
	world.tight.request_headers = 8;
	world.tight.maximum_sessions_per_connection = 2;
	world.tight.maximum_bandwidth = 3000;
	world.tight.max_tcp_buffer_size = 16384;
	world.tight.rtp_timeout = 3;
	world.tight.real_rtsp_timeout = 4;
	world.tight.request_timeout = 2;
	world.tight.disable_thinning = 1;
}

/* What all inputs share: modules with the clip, and the clients' sockets for media. */
void world_init(void)
{
	static const struct module *const list[] = { &slow, &mod_auth, &mod_pattern, &mod_file };
	char why[PREFS_WHY];
	struct addr third;

	log_start(0, LOG_E);
	init_prefs();
	init_user();
	world.server = (struct server){ .prefs = &world.plain };
	for (size_t i = 0; i < COUNT(list); i++)
		HOLDS(prefs_add_module(&world.plain, list[i]->name, list[i]->prefs,
			      list[i]->n_prefs, list[i]->prefs_size, why) == 0);
	HOLDS(server_init_modules(&world.server, list, COUNT(list), why) == 0);
	(void)unlink(world.plain.auth_users); /* it was read */
	world.clock = TICK_S;
	HOLDS(addr_read(&world.host, "127.77.0.2", 0) == 0 &&
		addr_read(&world.peer, "127.77.0.1", 0) == 0);
	HOLDS(addr_read(&third, "127.77.0.3", 0) == 0);
	HOLDS(sock_udp_pair(&world.peer, 0, 0, world.udp) == 0);
	struct addr mine = sock_local(world.udp[0]);
	world.udp_port = addr_port(&mine);
	world.third = sock_udp(&third, 0, 0);
	HOLDS(world.third >= 0);
}

/* The module for logins is asked, or not. */
static void set_login(bool on)
{
	struct module *m = world.server.modules[1];

	m->authenticate = on ? mod_auth.authenticate : NULL;
	m->authorize = on ? mod_auth.authorize : NULL;
}

/* Each input begins long after the one before: what that left in nonces and penalties is forgotten. */
void world_open(void)
{
	world.clock = world.clock < FOREVER ? world.clock + 600 * TICK_S : TICK_S;
	world.began = world.clock;
	world.replies = 0;
	world.session[0] = '\0';
	set_login(world.flags & FLAG_LOGIN);
	world.plain.play_queue = world.flags & FLAG_QUEUE ? 1 : 0;
	world.server.prefs = world.flags & FLAG_TIGHT ? &world.tight : &world.plain;
	world.server.workers = world.workers;
	world.server.n_workers = world.flags & FLAG_TWO_WORKERS ? 2 : 1;
	memset(world.workers, 0, sizeof world.workers);
	for (unsigned i = 0; i < world.server.n_workers; i++) {
		HOLDS(loop_init_virtual(&world.workers[i].loop, world_clock, NULL) == 0);
		HOLDS(worker_init(&world.workers[i], &world.server, i, WALL, 42 + i) == 0);
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		world.clients[i] = (struct client){ .fd = -1 };
		buf_init(&world.clients[i].out, BYTES_MAX);
		buf_init(&world.clients[i].in, BYTES_MAX);
	}
	world.at = &world.clients[0];
}

static bool is_quiet(void)
{
	for (unsigned i = 0; i < world.server.n_workers; i++) {
		struct loop *l = &world.workers[i].loop;
		if (!loop_is_quiet(l) || loop_next_due(l) <= world.clock)
			return false;
	}
	return true;
}

static void check_caps(void)
{
	for (unsigned i = 0; i < world.server.n_workers; i++) {
		LIST_EACH(x, &world.workers[i].connections)
		{
			const struct rtsp_session *c = container_of(x, struct rtsp_session, all);
			HOLDS(c->conn.io.in.n <= c->conn.limits.in_max);
			HOLDS(c->conn.io.waiting <= c->conn.limits.out_max + CONN_FRAMES * 65540);
			HOLDS(c->conn.io.out.cap <=
				4 * (c->conn.limits.out_max + CONN_FRAMES * 65536));
		}
	}
}

void world_settle(void)
{
	int turns = 0;

	do {
		for (unsigned i = 0; i < world.server.n_workers; i++)
			loop_turn(&world.workers[i].loop);
		HOLDS(++turns < TURNS_MAX);
	} while (!is_quiet());
	check_caps();
}

static uint64_t packets_sent(void)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < world.server.n_workers; i++)
		n += world.workers[i].stats.packets_sent;
	return n;
}

void world_run(tick_t span, uint64_t packets)
{
	tick_t end = world.clock + span;

	world_settle();
	while (world.clock < end && packets_sent() < packets) {
		tick_t due = end;
		for (unsigned i = 0; i < world.server.n_workers; i++) {
			tick_t at = loop_next_due(&world.workers[i].loop);
			due = at < due ? at : due;
		}
		world.clock = due;
		world_settle();
	}
}

/* ---- the end ---- */

static void check_counters(void)
{
	uint64_t asked = 0, answered = 0;

	for (unsigned i = 0; i < world.server.n_workers; i++) {
		const struct stats *s = &world.workers[i].stats;
		uint64_t closed = 0, ended = 0;
		for (size_t k = 0; k < END_COUNT; k++)
			closed += s->closed[k];
		for (size_t k = 0; k < CLOSE_COUNT; k++)
			ended += s->ended[k];
		HOLDS(s->connections_closed == closed);
		HOLDS(s->sessions == s->sessions_ended && s->sessions == ended);
		/* 408 and 503 answer no request; at most one of them on each connection */
		asked += s->requests + s->connections_accepted;
		answered +=
			s->responses_2xx + s->responses_3xx + s->responses_4xx + s->responses_5xx;
	}
	HOLDS(answered <= asked && world.replies <= answered);
	HOLDS(atomic_load(&world.server.bandwidth_bps) == 0);
	HOLDS(atomic_load(&world.server.sessions) == 0 &&
		atomic_load(&world.server.connections) == 0);
}

void world_close(void)
{
	uint8_t room[2048];

	for (size_t i = 0; i < CLIENTS; i++) {
		world.clients[i].is_deaf = false;
		client_flush(&world.clients[i]);
	}
	world_run(TICK_S / 2, UINT64_MAX);
	clients_listen();
	for (unsigned i = 0; i < world.server.n_workers; i++)
		worker_drain(&world.workers[i], world.clock);
	world_settle();
	clients_listen();
	world_run(3 * TICK_S, UINT64_MAX);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &world.clients[i];
		client_listen(c);
		if (c->fd >= 0)
			(void)close(c->fd); /* the server has closed its side */
		buf_clear(&c->in);
		buf_clear(&c->out);
	}
	world_settle();
	for (unsigned i = 0; i < world.server.n_workers; i++)
		HOLDS(worker_is_empty(&world.workers[i]));
	check_counters();
	for (unsigned i = 0; i < world.server.n_workers; i++)
		worker_clear(&world.workers[i]);
	for (size_t i = 0; i < 2; i++) {
		while (recv(world.udp[i], room, sizeof room, MSG_DONTWAIT) >= 0)
			;
	}
}
