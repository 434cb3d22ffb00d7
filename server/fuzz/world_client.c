/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/base64.h"
#include "server/base/os.h"
#include "server/fuzz/holds.h"
#include "server/fuzz/world.h"
#include "server/wire/auth.h"
#include "server/wire/frame.h"

/* The clients of world.h. */

static void client_connect(struct client *c)
{
	int fd[2];
	unsigned i = (unsigned)(c - world.clients) % world.server.n_workers;
	struct worker *to = &world.workers[i];

	HOLDS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd) == 0);
	c->fd = fd[0];
	atomic_fetch_add(&to->n_connections, 1);
	atomic_fetch_add(&world.server.connections, 1);
	struct conn_parts parts;
	conn_parts_init(&parts, fd[1]);
	parts.peer = world.peer;
	parts.local = world.host;
	worker_adopt(to, &parts, world.clock);
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
	memcpy(world.session, c->session, sizeof world.session);
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
			world.replies++;
			note_session(c, &m);
			note_challenge(c, &m);
		}
		buf_drop(&c->in, (size_t)n);
	}
	arena_clear(&a);
	return n > 0;
}

void client_listen(struct client *c)
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

void clients_listen(void)
{
	for (size_t i = 0; i < CLIENTS; i++) {
		if (!world.clients[i].is_deaf)
			client_listen(&world.clients[i]);
	}
}

void client_flush(struct client *c)
{
	if (c->fd < 0 && c->out.n)
		client_connect(c);
	for (int tries = 0; c->out.n && tries < 8; tries++) {
		struct bytes b = buf_bytes(&c->out);
		ssize_t n = send(c->fd, b.p, b.n, MSG_NOSIGNAL);
		if (n > 0)
			buf_drop(&c->out, (size_t)n);
		world_settle();
		clients_listen();
	}
	buf_cut(&c->out, 0);
}

void client_hang_up(struct client *c)
{
	client_flush(c);
	if (c->fd < 0)
		return;
	(void)close(c->fd); /* without a word */
	c->fd = -1;
	buf_cut(&c->in, 0);
	world_settle();
}

void client_datagram(struct client *c, int fd, unsigned port)
{
	struct addr to = world.host;
	struct bytes b = buf_bytes(&c->out);

	addr_set_port(&to, c->ports[port]);
	if (c->ports[port])
		(void)sendto(fd, b.p, b.n, MSG_DONTWAIT, &to.sa, to.n); /* as datagrams go */
	buf_cut(&c->out, 0);
	world_settle();
}

void client_put(struct client *c, struct bytes b)
{
	if (c->out.n + b.n <= BYTES_MAX / 64)
		HOLDS(buf_put(&c->out, b) == 0);
}

void client_repeat(struct client *c, unsigned n)
{
	struct bytes b = buf_bytes(&c->out);
	uint8_t *copy = xmalloc(b.n + 1);

	memcpy(copy, b.p ? b.p : copy, b.n);
	for (unsigned i = 1; i < n; i++)
		client_put(c, bytes_of(copy, b.n));
	free(copy);
}

void client_encode(struct client *c)
{
	struct bytes b = buf_bytes(&c->out);
	struct buf coded;

	buf_init(&coded, BYTES_MAX);
	HOLDS(base64_write(&coded, b) == 0);
	buf_cut(&c->out, 0);
	client_put(c, buf_bytes(&coded));
	buf_clear(&coded);
}

void client_log_in(struct client *c)
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
		client_put(c, buf_bytes(&text));
	arena_clear(&arena);
	buf_clear(&text);
}
