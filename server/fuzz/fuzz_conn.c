/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/base64.h"
#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/core/server.h"
#include "server/modules/mod_auth.h"
#include "server/modules/modules.h"
#include "server/wire/auth.h"
#include "server/wire/frame.h"

/*
 * A whole server in virtual time: bytes of several clients, in pieces, with time between them, and datagrams
 * to its media ports. Holds: no assert, no leak, no loop that spins, buffers within their caps, whatever
 * comes back is a reply or a frame, no more replies than requests, counters that add up, nothing left at
 * the end.
 *
 * Input: one octet of flags, then text for the client at hand. ESC and a letter is a command (on_command).
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	ESC = 0xf5,
	CLIENTS = 4,
	WORKERS = 2,
	BYTES_MAX = 1 << 20,
	TURNS_MAX = 200000,   /* without coming to rest: it spins */
	PACKETS_MAX = 1500,   /* then time stands still: enough was played */
	SECONDS_MAX = 100,    /* of one input */
	FLAG_TWO_WORKERS = 1, /* clients are dealt out */
	FLAG_SLOW = 2,        /* every request waits */
	FLAG_TIGHT = 4,       /* small limits */
	FLAG_QUEUE = 8,       /* PLAY queues */
	FLAG_LOGIN = 16,      /* user u, password p */
};
#define WALL    (1767225600 * TICK_S) /* 2026-01-01 */
#define FOREVER (1000000000 * TICK_S) /* 31 years */

#define HOLDS(x)                                            \
	do {                                                \
		if (!(x))                                   \
			die("line %d: " #x, (int)__LINE__); \
	} while (0)

struct client {
	int fd; /* -1: not connected */
	bool is_deaf;
	struct buf out, in;
	char session[64];
	uint32_t ssrc;
	uint16_t ports[2]; /* of the server, for this client */
	char challenge[512];
	uint32_t logins;
};

static struct world {
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
} w;

/* ---- the server ---- */

static tick_t world_clock(void *arg)
{
	(void)arg;
	return w.clock;
}

/* Answers late. */
static enum verdict slow_filter(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (!(w.flags & FLAG_SLOW) || w.clock >= t->received + 100 * TICK_MS)
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
	HOLDS(prefs_set(&w.plain, "auth_users", path, why) == 0);
	HOLDS(prefs_set(&w.plain, "auth_basic_plain", "1", why) == 0);
	HOLDS(prefs_set(&w.plain, "auth_wait_max", "1", why) == 0);
}

static void init_prefs(void)
{
	prefs_init(&w.plain);
	prefs_init(&w.tight);
	w.tight.request_line_bytes = 256;
	w.tight.request_header_bytes = 1024;
	w.tight.request_body_bytes = 64;
	w.tight.request_url_bytes = 64;
	w.tight.request_headers = 8;
	w.tight.maximum_sessions_per_connection = 2;
	w.tight.maximum_bandwidth = 3000;
	w.tight.max_tcp_buffer_size = 16384;
	w.tight.rtp_timeout = 3;
	w.tight.real_rtsp_timeout = 4;
	w.tight.request_timeout = 2;
	w.tight.disable_thinning = 1;
}

/* What all inputs share: modules with the clip, and the clients' sockets for media. */
static void init_once(void)
{
	static const struct module *const list[] = { &slow, &mod_auth, &mod_pattern, &mod_file };
	char why[PREFS_WHY];
	struct addr third;

	log_start(0, LOG_E);
	init_prefs();
	init_user();
	w.server = (struct server){ .prefs = &w.plain };
	for (size_t i = 0; i < COUNT(list); i++)
		HOLDS(prefs_add_module(&w.plain, list[i]->name, list[i]->prefs, list[i]->n_prefs,
			      list[i]->prefs_size, why) == 0);
	HOLDS(server_init_modules(&w.server, list, COUNT(list), why) == 0);
	(void)unlink(w.plain.auth_users); /* it was read */
	w.clock = TICK_S;
	HOLDS(addr_read(&w.host, "127.77.0.2", 0) == 0 && addr_read(&w.peer, "127.77.0.1", 0) == 0);
	HOLDS(addr_read(&third, "127.77.0.3", 0) == 0);
	HOLDS(sock_udp_pair(&w.peer, 0, 0, w.udp) == 0);
	struct addr mine = sock_local(w.udp[0]);
	w.udp_port = addr_port(&mine);
	w.third = sock_udp(&third, 0, 0);
	HOLDS(w.third >= 0);
}

/* The module for logins is asked, or not. */
static void set_login(bool on)
{
	struct module *m = w.server.modules[1];

	m->authenticate = on ? mod_auth.authenticate : NULL;
	m->authorize = on ? mod_auth.authorize : NULL;
}

/* Each input begins long after the one before: what that left in nonces and penalties is forgotten. */
static void world_open(void)
{
	w.clock = w.clock < FOREVER ? w.clock + 600 * TICK_S : TICK_S;
	w.began = w.clock;
	w.replies = 0;
	w.session[0] = '\0';
	set_login(w.flags & FLAG_LOGIN);
	w.plain.play_queue = w.flags & FLAG_QUEUE ? 1 : 0;
	w.server.prefs = w.flags & FLAG_TIGHT ? &w.tight : &w.plain;
	w.server.workers = w.workers;
	w.server.n_workers = w.flags & FLAG_TWO_WORKERS ? 2 : 1;
	memset(w.workers, 0, sizeof w.workers);
	for (unsigned i = 0; i < w.server.n_workers; i++) {
		HOLDS(loop_init_virtual(&w.workers[i].loop, world_clock, NULL) == 0);
		HOLDS(worker_init(&w.workers[i], &w.server, i, WALL, 42 + i) == 0);
	}
	for (size_t i = 0; i < CLIENTS; i++) {
		w.clients[i] = (struct client){ .fd = -1 };
		buf_init(&w.clients[i].out, BYTES_MAX);
		buf_init(&w.clients[i].in, BYTES_MAX);
	}
	w.at = &w.clients[0];
}

static bool is_quiet(void)
{
	for (unsigned i = 0; i < w.server.n_workers; i++) {
		struct loop *l = &w.workers[i].loop;
		if (!loop_is_quiet(l) || loop_next_due(l) <= w.clock)
			return false;
	}
	return true;
}

static void check_caps(void)
{
	for (unsigned i = 0; i < w.server.n_workers; i++) {
		LIST_EACH(x, &w.workers[i].connections)
		{
			const struct rtsp_session *c = container_of(x, struct rtsp_session, all);
			HOLDS(c->conn.io.in.n <= c->conn.limits.in_max);
			HOLDS(c->conn.io.waiting <= c->conn.limits.out_max + CONN_FRAMES * 65540);
			HOLDS(c->conn.io.out.cap <=
				4 * (c->conn.limits.out_max + CONN_FRAMES * 65536));
		}
	}
}

static void settle(void)
{
	int turns = 0;

	do {
		for (unsigned i = 0; i < w.server.n_workers; i++)
			loop_turn(&w.workers[i].loop);
		HOLDS(++turns < TURNS_MAX);
	} while (!is_quiet());
	check_caps();
}

static uint64_t packets_sent(void)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < w.server.n_workers; i++)
		n += w.workers[i].stats.packets_sent;
	return n;
}

static void run(tick_t span, uint64_t packets)
{
	tick_t end = w.clock + span;

	settle();
	while (w.clock < end && packets_sent() < packets) {
		tick_t due = end;
		for (unsigned i = 0; i < w.server.n_workers; i++) {
			tick_t at = loop_next_due(&w.workers[i].loop);
			due = at < due ? at : due;
		}
		w.clock = due;
		settle();
	}
}

/* ---- clients ---- */

static void connect_client(struct client *c)
{
	int fd[2];
	unsigned i = (unsigned)(c - w.clients) % w.server.n_workers;
	struct worker *to = &w.workers[i];

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	c->fd = fd[0];
	atomic_fetch_add(&to->n_connections, 1);
	atomic_fetch_add(&w.server.connections, 1);
	struct conn_parts parts;
	conn_parts_init(&parts, fd[1]);
	parts.peer = w.peer;
	parts.local = w.host;
	worker_adopt(to, &parts, w.clock);
}

static void note_challenge(struct client *c, const struct rtsp_msg *m)
{
	const struct rtsp_header *h = rtsp_header(m, RTSP_H_WWW_AUTHENTICATE);

	if (h)
		HOLDS(bytes_to_str(h->value, c->challenge, sizeof c->challenge));
}

static void note_session(struct client *c, const struct rtsp_msg *m)
{
	struct bytes id, v = rtsp_value(m, RTSP_H_TRANSPORT), part, name;
	uint64_t n;
	uint32_t timeout;

	if (rtsp_session_read(rtsp_value(m, RTSP_H_SESSION), &id, &timeout) == 0)
		HOLDS(bytes_to_str(id, c->session, sizeof c->session));
	memcpy(w.session, c->session, sizeof w.session);
	while (bytes_cut(&v, ';', &part)) {
		if (!bytes_cut(&part, '=', &name))
			continue;
		if (bytes_is_eq(name, B("ssrc")) && bytes_hex_to_u64(part, UINT32_MAX, &n))
			c->ssrc = (uint32_t)n;
		if (bytes_is_eq(name, B("server_port")) && bytes_cut(&part, '-', &name) &&
			bytes_to_u64(name, UINT16_MAX - 1, &n)) {
			c->ports[0] = (uint16_t)n;
			c->ports[1] = (uint16_t)(n + 1);
		}
	}
}

/* One thing off the input: a frame, a reply, an HTTP answer. False: nothing whole is there. */
static bool take(struct client *c)
{
	static struct rtsp_msg m;
	struct rtsp_limits l = { .line = 65536,
		.headers = 128,
		.header_bytes = 1 << 18,
		.body = BYTES_MAX,
		.http = true };
	struct bytes in = buf_bytes(&c->in);
	struct arena a = { 0 };
	struct frame f;
	struct fault why;
	int n;

	if (in.n && in.p[0] == '$') {
		n = frame_read(in, &f);
		if (n > 0)
			buf_drop(&c->in, (size_t)n);
		return n > 0;
	}
	n = rtsp_read(in, &l, &a, &m, &why);
	HOLDS(n > 0 || n == ERR_MORE);
	if (n > 0) {
		HOLDS(m.is_response && m.status >= 200 && m.status < 600);
		if (!m.is_http) {
			w.replies++;
			note_session(c, &m);
			note_challenge(c, &m);
		}
		buf_drop(&c->in, (size_t)n);
	}
	arena_clear(&a);
	return n > 0;
}

static void listen_to(struct client *c)
{
	for (ssize_t n = 1; c->fd >= 0 && n > 0;) {
		uint8_t *room = buf_room(&c->in, 65536);
		HOLDS(room);
		n = recv(c->fd, room, 65536, 0);
		if (n > 0)
			buf_grew(&c->in, (size_t)n);
		while (take(c))
			;
	}
}

static void listen_all(void)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		if (!w.clients[i].is_deaf)
			listen_to(&w.clients[i]);
	}
}

/* What waits, as one segment; a server that does not read keeps the rest from us. */
static void flush(struct client *c)
{
	if (c->fd < 0 && c->out.n)
		connect_client(c);
	for (int tries = 0; c->out.n && tries < 8; tries++) {
		struct bytes b = buf_bytes(&c->out);
		ssize_t n = send(c->fd, b.p, b.n, MSG_NOSIGNAL);
		if (n > 0)
			buf_drop(&c->out, (size_t)n);
		settle();
		listen_all();
	}
	buf_cut(&c->out, 0);
}

static void hang_up(struct client *c)
{
	flush(c);
	if (c->fd < 0)
		return;
	(void)close(c->fd); /* without a word */
	c->fd = -1;
	buf_cut(&c->in, 0);
	settle();
}

static void datagram(struct client *c, int fd, unsigned port)
{
	struct addr to = w.host;
	struct bytes b = buf_bytes(&c->out);

	addr_set_port(&to, c->ports[port]);
	if (c->ports[port])
		(void)sendto(fd, b.p, b.n, MSG_DONTWAIT, &to.sa, to.n); /* as datagrams go */
	buf_cut(&c->out, 0);
	settle();
}

static void put(struct client *c, struct bytes b)
{
	if (c->out.n + b.n <= BYTES_MAX / 64)
		HOLDS(buf_put(&c->out, b) == 0);
}

/* What waits, n times. */
static void repeat(struct client *c, unsigned n)
{
	struct bytes b = buf_bytes(&c->out);
	uint8_t *copy = xmalloc(b.n + 1);

	memcpy(copy, b.p ? b.p : copy, b.n);
	for (unsigned i = 1; i < n; i++)
		put(c, bytes_of(copy, b.n));
	free(copy);
}

/* What waits, in base64: as a tunnel's POST carries it. */
static void encode(struct client *c)
{
	struct bytes b = buf_bytes(&c->out);
	struct buf coded;

	buf_init(&coded, BYTES_MAX);
	HOLDS(base64_write(&coded, b) == 0);
	buf_cut(&c->out, 0);
	put(c, buf_bytes(&coded));
	buf_clear(&coded);
}

/* Authorization for the request that waits. */
static void log_in(struct client *c)
{
	struct bytes line = buf_bytes(&c->out), method = { 0 }, uri = { 0 };
	struct bytes challenge = bytes_str(c->challenge);
	struct auth_login l = {
		.user = B("u"), .password = B("p"), .cnonce = B("c"), .count = ++c->logins
	};
	struct auth_challenge a;
	struct arena arena = { 0 };
	struct buf text;

	buf_init(&text, BYTES_MAX);
	(void)bytes_cut(&line, ' ', &method);
	(void)bytes_cut(&line, ' ', &uri);
	if (auth_challenge_next(&challenge, &arena, &a) == 1 &&
		auth_answer_write(&a, &l, method, uri, &text) == 0)
		put(c, buf_bytes(&text));
	arena_clear(&arena);
	buf_clear(&text);
}

static void put_text(struct client *c, unsigned what)
{
	char text[64];
	uint8_t ssrc[4];

	put_be32(ssrc, c->ssrc);
	(void)snprintf(text, sizeof text, "%u-%u", w.udp_port, w.udp_port + 1u);
	if (what == 'S')
		put(c, bytes_str(c->session[0] ? c->session : w.session));
	else if (what == 'I')
		put(c, bytes_of(ssrc, sizeof ssrc));
	else
		put(c, bytes_str(text));
}

static void pass(struct client *c, tick_t span)
{
	flush(c);
	if (w.clock - w.began < SECONDS_MAX * TICK_S)
		run(span, PACKETS_MAX);
}

/* Commands; those with an argument take one more octet. */
static void on_command(unsigned what, unsigned arg)
{
	struct client *c = w.at;

	switch (what) {
	case '0' ... '3': w.at = &w.clients[what - '0']; break;
	case 'S':                           /* the session's id */
	case 'I':                           /* the stream's SSRC */
	case 'P': put_text(c, what); break; /* the client's ports */
	case 'A': log_in(c); break;
	case 'B': encode(c); break;
	case '*': repeat(c, arg); break;
	case 'f': flush(c); break;
	case 't': pass(c, arg * 10 * TICK_MS); break;
	case 'T': pass(c, arg * TICK_S); break;
	case 'd': c->is_deaf = !c->is_deaf; break;
	case 'x': hang_up(c); break;
	case 'h':
		flush(c);
		(void)shutdown(c->fd, SHUT_WR);
		settle();
		break; /* also of -1 */
	case 'u': datagram(c, w.udp[0], 0); break;
	case 'v': datagram(c, w.udp[1], 1); break;
	case 'w': datagram(c, w.third, 1); break;
	}
	listen_all();
}

static void play_input(struct bytes in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] != ESC) {
			put(w.at, bytes_sub(in, i, 1));
			continue;
		}
		unsigned what = i + 1 < in.n ? in.p[i + 1] : 0;
		unsigned arg = i + 2 < in.n ? in.p[i + 2] : 0;
		i += what == 't' || what == 'T' || what == '*' ? 2 : 1;
		on_command(what, arg);
	}
}

/* ---- the end ---- */

static void check_counters(void)
{
	uint64_t asked = 0, answered = 0;

	for (unsigned i = 0; i < w.server.n_workers; i++) {
		const struct stats *s = &w.workers[i].stats;
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
	HOLDS(answered <= asked && w.replies <= answered);
	HOLDS(atomic_load(&w.server.bandwidth_bps) == 0);
	HOLDS(atomic_load(&w.server.sessions) == 0 && atomic_load(&w.server.connections) == 0);
}

static void world_close(void)
{
	uint8_t room[2048];

	for (size_t i = 0; i < CLIENTS; i++) {
		w.clients[i].is_deaf = false;
		flush(&w.clients[i]);
	}
	run(TICK_S / 2, UINT64_MAX);
	listen_all();
	for (unsigned i = 0; i < w.server.n_workers; i++)
		worker_drain(&w.workers[i], w.clock);
	settle();
	listen_all();
	run(3 * TICK_S, UINT64_MAX);
	for (size_t i = 0; i < CLIENTS; i++) {
		struct client *c = &w.clients[i];
		listen_to(c);
		if (c->fd >= 0)
			(void)close(c->fd); /* the server has closed its side */
		buf_clear(&c->in);
		buf_clear(&c->out);
	}
	settle();
	for (unsigned i = 0; i < w.server.n_workers; i++)
		HOLDS(worker_is_empty(&w.workers[i]));
	check_counters();
	for (unsigned i = 0; i < w.server.n_workers; i++)
		worker_clear(&w.workers[i]);
	for (size_t i = 0; i < 2; i++) {
		while (recv(w.udp[i], room, sizeof room, MSG_DONTWAIT) >= 0)
			;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!w.udp_port)
		init_once();
	if (size == 0)
		return 0;
	w.flags = data[0];
	world_open();
	play_input(bytes_of(data + 1, size - 1));
	world_close();
	return 0;
}
