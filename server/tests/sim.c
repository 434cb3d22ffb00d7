/* SPDX-License-Identifier: MIT */
#include "server/tests/sim.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/base64.h"
#include "server/base/os.h"
#include "server/modules/modules.h"
#include "server/tests/unit.h"

/* 2026-01-01, so that dates and NTP times are the same in every run. */
#define SIM_WALL (1767225600 * TICK_S)

static tick_t sim_clock(void *arg)
{
	return ((struct sim *)arg)->clock;
}

void sim_open(struct sim *s, unsigned workers)
{
	sim_open_with(s, workers, NULL);
}

void sim_open_with(struct sim *s, unsigned workers, const struct module *more)
{
	sim_open_modules(s, workers, &more, more ? 1 : 0, NULL);
}

void sim_open_modules(struct sim *s, unsigned workers, const struct module *const *more, size_t n,
	const char *setting)
{
	char why[PREFS_WHY];
	const struct module *list[2 + SIM_MODULES_MAX] = { &mod_pattern, &mod_file };

	CU_ASSERT_FATAL(n <= SIM_MODULES_MAX);
	for (size_t i = 0; i < n; i++)
		list[2 + i] = more[i];
	*s = (struct sim){ .clock = TICK_S };
	prefs_init(&s->prefs);
	if (setting)
		CU_ASSERT_EQUAL_FATAL(prefs_set_module(&s->prefs, setting, "test", why), 0);
	s->server = (struct server){ .prefs = &s->prefs, .n_workers = workers };
	s->server.workers = s->workers;
	for (size_t i = 0; i < n + 2; i++)
		CU_ASSERT_EQUAL_FATAL(prefs_add_module(&s->prefs, list[i]->name, list[i]->prefs,
					      list[i]->n_prefs, list[i]->prefs_size, why),
			0);
	CU_ASSERT_EQUAL_FATAL(server_init_modules(&s->server, list, n + 2, why), 0);
	for (unsigned i = 0; i < workers; i++) {
		struct worker *w = &s->workers[i];
		CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&w->loop, sim_clock, s), 0);
		CU_ASSERT_EQUAL_FATAL(worker_init(w, &s->server, i, SIM_WALL, 42 + i), 0);
	}
}

static bool is_quiet(struct sim *s)
{
	for (unsigned i = 0; i < s->server.n_workers; i++) {
		struct loop *l = &s->workers[i].loop;
		if (!loop_is_quiet(l) || loop_next_due(l) <= s->clock)
			return false;
	}
	return true;
}

void sim_settle(struct sim *s)
{
	do {
		for (unsigned i = 0; i < s->server.n_workers; i++)
			loop_turn(&s->workers[i].loop);
	} while (!is_quiet(s));
}

static tick_t next_due(struct sim *s)
{
	tick_t due = TICK_NEVER;
	for (unsigned i = 0; i < s->server.n_workers; i++) {
		tick_t at = loop_next_due(&s->workers[i].loop);
		due = at < due ? at : due;
	}
	return due;
}

void sim_run(struct sim *s, tick_t span)
{
	tick_t end = s->clock + span;

	sim_settle(s);
	while (s->clock < end) {
		tick_t due = next_due(s);
		s->clock = due < end ? due : end;
		sim_settle(s);
	}
}

/* What began has ended, for a reason. */
static void check_ends(const struct stats *s)
{
	uint64_t closed = 0, ended = 0;

	for (size_t i = 0; i < END_COUNT; i++)
		closed += s->closed[i];
	for (size_t i = 0; i < CLOSE_COUNT; i++)
		ended += s->ended[i];
	CU_ASSERT_EQUAL(s->connections_closed, closed);
	CU_ASSERT_EQUAL(s->sessions, s->sessions_ended);
	CU_ASSERT_EQUAL(s->sessions_ended, ended);
}

void sim_close(struct sim *s)
{
	for (unsigned i = 0; i < s->server.n_workers; i++)
		worker_drain(&s->workers[i], s->clock);
	sim_run(s, 3 * TICK_S);
	for (unsigned i = 0; i < s->server.n_workers; i++) {
		CU_ASSERT_TRUE(worker_is_empty(&s->workers[i]));
		check_ends(&s->workers[i].stats);
		worker_clear(&s->workers[i]);
	}
	/* what was taken of the server as a whole was given back */
	CU_ASSERT_EQUAL(atomic_load(&s->server.bandwidth_bps), 0);
	CU_ASSERT_EQUAL(atomic_load(&s->server.sessions), 0);
	CU_ASSERT_EQUAL(atomic_load(&s->server.connections), 0);
	CU_ASSERT_EQUAL(atomic_load(&s->server.tunnel_halves), 0);
	s->server.workers = NULL; /* embedded here */
	s->server.n_workers = 0;
	server_clear(&s->server);
	prefs_clear(&s->prefs);
}

/* ---- clients ---- */

void sim_connect(struct sim_client *c, struct sim *s, unsigned worker)
{
	sim_connect_from(c, s, worker, "127.0.0.1");
}

void sim_connect_from(struct sim_client *c, struct sim *s, unsigned worker, const char *host)
{
	sim_connect_to(c, s, worker, host, "127.0.0.1");
}

void sim_connect_to(
	struct sim_client *c, struct sim *s, unsigned worker, const char *host, const char *local)
{
	struct addr at, from;
	struct worker *w = &s->workers[worker];

	*c = (struct sim_client){ .sim = s };
	buf_init(&c->in, SIM_BYTES);
	buf_init(&c->raw, SIM_BYTES);
	CU_ASSERT_EQUAL_FATAL(addr_read(&at, local, 0), 0);
	int listener = sock_listen(&at, false, 4);
	CU_ASSERT_FATAL(listener >= 0);
	at = sock_local(listener);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(addr_read(&from, host, 0), 0);
	CU_ASSERT_EQUAL_FATAL(bind(c->fd, &from.sa, from.n), 0);
	CU_ASSERT_EQUAL_FATAL(connect(c->fd, &at.sa, at.n), 0);
	int on = 1;
	CU_ASSERT_EQUAL(setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on), 0);
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	CU_ASSERT_FATAL(fd >= 0);
	(void)close(listener); /* it served one connection */
	atomic_fetch_add(&w->n_connections, 1);
	atomic_fetch_add(&s->server.connections, 1);
	struct conn_parts parts;
	conn_parts_init(&parts, fd);
	worker_adopt(w, &parts, s->clock);
	sim_settle(s);
}

void sim_hang_up(struct sim_client *c)
{
	(void)close(c->fd); /* the client goes without a word */
	buf_clear(&c->in);
	buf_clear(&c->raw);
	arena_clear(&c->arena);
}

void sim_take(struct sim_client *c)
{
	for (;;) {
		uint8_t *room = buf_room(&c->in, 65536);
		ssize_t n = room ? recv(c->fd, room, 65536, MSG_DONTWAIT) : -1;
		if (n <= 0)
			return;
		buf_grew(&c->in, (size_t)n);
	}
}

void sim_send(struct sim_client *c, const char *text)
{
	sim_send_bytes(c, bytes_str(text));
}

void sim_send_bytes(struct sim_client *c, struct bytes v)
{
	struct buf coded;

	buf_init(&coded, SIM_BYTES);
	if (c->post > 0) {
		CU_ASSERT_EQUAL(base64_write(&coded, v), 0);
		v = buf_bytes(&coded);
	}
	CU_ASSERT_EQUAL(send(c->post > 0 ? c->post : c->fd, v.p, v.n, MSG_NOSIGNAL), (ssize_t)v.n);
	buf_clear(&coded);
	sim_settle(c->sim);
}

void sim_frames(struct sim_client *c)
{
	struct frame f;

	sim_take(c);
	while (c->in.n && buf_bytes(&c->in).p[0] == '$') {
		int n = frame_read(buf_bytes(&c->in), &f);
		if (n <= 0)
			return;
		if (c->on_frame)
			c->on_frame(c->arg, f.channel, f.payload);
		buf_drop(&c->in, (size_t)n);
	}
}

int sim_reply(struct sim_client *c)
{
	struct rtsp_limits l = RTSP_LIMITS_DEFAULT;
	struct fault f;

	sim_frames(c);
	arena_reset(&c->arena);
	int n = rtsp_read(buf_bytes(&c->in), &l, &c->arena, &c->reply, &f);
	if (n <= 0)
		return 0;
	/* a copy that stays until the next reply */
	buf_cut(&c->raw, 0);
	CU_ASSERT_EQUAL(buf_put(&c->raw, bytes_sub(buf_bytes(&c->in), 0, (size_t)n)), 0);
	buf_drop(&c->in, (size_t)n);
	arena_reset(&c->arena);
	CU_ASSERT_EQUAL(rtsp_read(buf_bytes(&c->raw), &l, &c->arena, &c->reply, &f), n);
	CU_ASSERT_TRUE(c->reply.is_response);
	return c->reply.status;
}

int sim_ask(struct sim_client *c, const char *method, const char *path, const char *headers)
{
	char *text = xasprintf("%s rtsp://127.0.0.1%s RTSP/1.0\r\nCSeq: %u\r\n%s%s%s%s\r\n", method,
		path, ++c->cseq, c->session[0] ? "Session: " : "", c->session,
		c->session[0] ? "\r\n" : "", headers);

	sim_send(c, text);
	free(text);
	int status = sim_reply(c);
	CU_ASSERT_EQUAL(c->reply.cseq, c->cseq);
	return status;
}

int sim_setup(struct sim_client *c, const char *path, const char *transport)
{
	char *header = xasprintf("Transport: %s\r\n", transport);
	struct bytes id;
	uint32_t timeout;
	int status = sim_ask(c, "SETUP", path, header);

	free(header);
	if (status == 200 &&
		rtsp_session_read(rtsp_value(&c->reply, RTSP_H_SESSION), &id, &timeout) == 0)
		CU_ASSERT_TRUE(bytes_to_str(id, c->session, sizeof c->session));
	return status;
}

const char *sim_header(struct sim_client *c, enum rtsp_header_id id, char *dst, size_t cap)
{
	if (!bytes_to_str(rtsp_value(&c->reply, id), dst, cap))
		dst[0] = '\0';
	return dst;
}

/* ---- UDP ---- */

void sim_ports_open(struct sim_ports *p)
{
	struct addr at;

	CU_ASSERT_EQUAL_FATAL(addr_read(&at, "127.0.0.1", 0), 0);
	CU_ASSERT_EQUAL_FATAL(sock_udp_pair(&at, 0, 0, p->fd), 0);
	at = sock_local(p->fd[0]);
	p->port = addr_port(&at);
}

void sim_ports_close(struct sim_ports *p)
{
	(void)close(p->fd[0]); /* datagrams */
	(void)close(p->fd[1]);
}

int sim_setup_udp(struct sim_client *c, const struct sim_ports *p, const char *path)
{
	char *transport = xasprintf("RTP/AVP;unicast;client_port=%u-%u", p->port, p->port + 1u);
	int status = sim_setup(c, path, transport);

	free(transport);
	return status;
}

int sim_ports_read(struct sim_ports *p, int which, uint8_t *dst, size_t cap)
{
	return (int)recv(p->fd[which], dst, cap, MSG_DONTWAIT);
}
