/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/module.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* The contract of server/core/module.h, with modules of the test's own. */

#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"

/* What the test's modules do and have seen; one test at a time. */
static struct seen {
	int before, keeper, after, requests_cleared, sessions_cleared, connections_cleared;
	int sessions_made, unaligned, dirty;
	int states[8], n_states;
	int n_lines, n_own;
	int shutdowns, prefs_changed, prefs_refused;
	size_t data_n;
	uint8_t data[64];
	bool passes, is_silent;
	tick_t wake_at;
	struct txn_wait *ticket;
} seen;

static bool is_about(const struct rtsp_txn *t)
{
	return strcmp(t->path, "/wait") == 0;
}

/* ---- a module that passes, one that keeps a request, and one behind it ---- */

static enum verdict before_preprocess(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	seen.before += is_about(t);
	return MOD_PASS;
}

static enum verdict keeper_preprocess(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	if (!is_about(t))
		return MOD_PASS;
	seen.keeper++;
	if (seen.passes)
		return MOD_PASS;
	t->wake_at = seen.wake_at;
	if (!seen.ticket && !seen.is_silent)
		seen.ticket = txn_wait_take(t);
	return MOD_WAIT;
}

static enum verdict after_preprocess(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	seen.after += is_about(t);
	return MOD_PASS;
}

static void count_request(struct module *self, void *slot)
{
	(void)self;
	(void)slot;
	seen.requests_cleared++;
}

static const struct module before = { MODULE_HEAD("before"), .preprocess = before_preprocess };
static const struct module keeper = { MODULE_HEAD("keeper"), .preprocess = keeper_preprocess,
	.request_slot = { 1, count_request } };
static const struct module after = { MODULE_HEAD("after"), .preprocess = after_preprocess };
static const struct module *const three[] = { &before, &keeper, &after };

static void open_three(struct sim *s, struct sim_client *c, unsigned workers)
{
	seen = (struct seen){ .passes = false };
	sim_open_modules(s, workers, three, COUNT(three), NULL);
	sim_connect(c, s, 0);
}

#define WAIT "OPTIONS rtsp://127.0.0.1/wait RTSP/1.0\r\nCSeq: 7\r\n\r\n"

static void t_resume(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	sim_send(&c, WAIT);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(seen.ticket);
	sim_run(&s, 5 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	int asked = seen.keeper;
	seen.passes = true;
	txn_wait_signal(seen.ticket);
	sim_settle(&s);
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(c.reply.cseq, 7);
	CU_ASSERT_EQUAL(seen.before, 1);
	CU_ASSERT_EQUAL(seen.keeper, asked + 1);
	CU_ASSERT_EQUAL(seen.after, 1);
	txn_wait_drop(seen.ticket);
	sim_hang_up(&c);
	sim_close(&s);
}

static void *signal_late(void *arg)
{
	struct txn_wait *k = arg;
	txn_wait_signal(k);
	txn_wait_signal(k);
	txn_wait_drop(k);
	return NULL;
}

/* From another thread. */
static void late(struct txn_wait *k)
{
	pthread_t thread;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, signal_late, k), 0);
	CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
}

static void t_other_thread(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	sim_send(&c, WAIT);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	seen.passes = true;
	late(seen.ticket);
	sim_settle(&s);
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_too_late(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	sim_send(&c, WAIT);
	sim_run(&s, 29 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	CU_ASSERT_EQUAL(seen.requests_cleared, 0);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 503);
	CU_ASSERT_EQUAL(s.workers[0].stats.modules_late, 1);
	CU_ASSERT_EQUAL(seen.requests_cleared, 1);
	CU_ASSERT_EQUAL(seen.after, 0);
	int asked = seen.keeper;
	late(seen.ticket); /* the request is freed: the sanitizer watches */
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.keeper, asked);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

static void t_gone(void)
{
	struct sim s;
	struct sim_client c;
	struct linger hard = { .l_onoff = 1, .l_linger = 0 };

	open_three(&s, &c, 1);
	sim_send(&c, WAIT);
	CU_ASSERT_EQUAL(setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard), 0);
	sim_hang_up(&c);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(seen.requests_cleared, 0);
	CU_ASSERT_EQUAL(seen.after, 0);
	seen.passes = true;
	late(seen.ticket);
	sim_run(&s, TICK_S);
	CU_ASSERT_EQUAL(seen.after, 1);
	CU_ASSERT_EQUAL(seen.requests_cleared, 1);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	sim_close(&s);
}

static void t_silent_and_gone(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	sim_send(&c, WAIT);
	sim_hang_up(&c);
	sim_run(&s, 40 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	CU_ASSERT_EQUAL(seen.requests_cleared, 1);
	late(seen.ticket);
	sim_close(&s);
}

static void t_own_time(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	seen.is_silent = true;
	seen.wake_at = s.clock + 100 * TICK_S; /* longer than module_timeout */
	sim_send(&c, WAIT);
	sim_run(&s, 99 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	seen.passes = true;
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(s.workers[0].stats.modules_late, 0);
	sim_hang_up(&c);
	sim_close(&s);
}

/* The request waits on the worker of its session, which ends meanwhile. */
static void t_session_ends(void)
{
	struct sim s;
	struct sim_client c, other;

	open_three(&s, &c, 2);
	sim_connect(&other, &s, 1);
	CU_ASSERT_EQUAL(sim_setup(&other, "/pattern/trackID=1", TCP), 200);
	char *text = xasprintf("OPTIONS rtsp://127.0.0.1/wait RTSP/1.0\r\nCSeq: 7\r\n"
			       "Session: %s\r\n\r\n",
		other.session);
	sim_send(&c, text);
	free(text);
	CU_ASSERT_EQUAL(sim_reply(&c), 0);
	CU_ASSERT_EQUAL(seen.keeper, 1);
	CU_ASSERT_EQUAL(sim_ask(&other, "TEARDOWN", "/pattern", ""), 200);
	late(seen.ticket);
	sim_settle(&s);
	CU_ASSERT_EQUAL(sim_reply(&c), 454);
	CU_ASSERT_EQUAL(seen.after, 0);
	sim_hang_up(&c);
	sim_hang_up(&other);
	sim_close(&s);
}

/* Threads that signal while requests come and go: nothing is touched after its end. */
enum { STORM_THREADS = 3, STORM_REQUESTS = 300 };

struct storm {
	pthread_mutex_t lock;
	struct txn_wait *tickets[STORM_THREADS];
	atomic_bool stop;
};

static void *storm_thread(void *arg)
{
	struct storm *m = arg;

	while (!atomic_load(&m->stop)) {
		for (int i = 0; i < STORM_THREADS; i++) {
			pthread_mutex_lock(&m->lock);
			struct txn_wait *k = m->tickets[i];
			m->tickets[i] = NULL;
			pthread_mutex_unlock(&m->lock);
			if (!k)
				continue;
			for (int n = 0; n < 20; n++)
				txn_wait_signal(k);
			txn_wait_drop(k);
		}
	}
	return NULL;
}

static enum verdict storm_preprocess(struct module *self, struct rtsp_txn *t)
{
	struct storm *m = self->state;
	bool *has_waited = module_request_slot(self, t);

	if (*has_waited)
		return MOD_PASS;
	*has_waited = true;
	pthread_mutex_lock(&m->lock);
	for (int i = 0; i < STORM_THREADS; i++) {
		if (!m->tickets[i])
			m->tickets[i] = txn_wait_take(t);
	}
	pthread_mutex_unlock(&m->lock);
	t->wake_at = t->received + TICK_MS; /* the signals race with this */
	return MOD_WAIT;
}

static struct storm storm;
static int storm_init(struct module *self, const struct prefs *p, char *why)
{
	(void)p;
	(void)why;
	self->state = &storm;
	return 0;
}

static const struct module storm_module = { MODULE_HEAD("storm"), .init = storm_init,
	.preprocess = storm_preprocess, .request_slot = { sizeof(bool), NULL } };

static void t_storm(void)
{
	struct sim s;
	struct sim_client c;
	pthread_t threads[STORM_THREADS];

	storm = (struct storm){ .stop = false };
	pthread_mutex_init(&storm.lock, NULL);
	sim_open_with(&s, 1, &storm_module);
	for (int i = 0; i < STORM_THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, storm_thread, &storm), 0);
	for (int i = 0; i < STORM_REQUESTS; i++) {
		if (i % 10 == 0)
			sim_connect(&c, &s, 0);
		sim_send(&c, WAIT);
		if (i % 10 == 9) {
			sim_hang_up(&c); /* amid a request */
		} else {
			sim_run(&s, 2 * TICK_MS);
			CU_ASSERT_EQUAL(sim_reply(&c), 200);
		}
		sim_run(&s, 2 * TICK_MS);
	}
	atomic_store(&storm.stop, true);
	for (int i = 0; i < STORM_THREADS; i++) {
		CU_ASSERT_EQUAL(pthread_join(threads[i], NULL), 0);
		txn_wait_drop(storm.tickets[i]);
		storm.tickets[i] = NULL;
	}
	sim_close(&s);
	(void)pthread_mutex_destroy(&storm.lock);
}

/* ---- a module that says it has answered ---- */

static enum verdict liar_filter(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	(void)t;
	return MOD_DONE;
}
static const struct module liar = { MODULE_HEAD("liar"), .filter = liar_filter };

static void t_liar(void)
{
	struct sim s;
	struct sim_client c;

	sim_open_with(&s, 1, &liar);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", "/", ""), 500);
	sim_hang_up(&c);
	sim_close(&s);
}

/* ---- slots ---- */

struct room {
	uint64_t marked;
	max_align_t wide;
	uint8_t odd[7];
};

static void look(void *slot)
{
	struct room *r = slot;
	static const struct room zero;

	seen.unaligned += (uintptr_t)slot % alignof(max_align_t) != 0;
	if (!r->marked)
		seen.dirty += memcmp(r->odd, zero.odd, sizeof r->odd) != 0;
	r->marked++;
	memset(r->odd, 0xee, sizeof r->odd); /* to its last octet */
}

static void rooms_postprocess(struct module *self, struct rtsp_txn *t)
{
	look(module_request_slot(self, t));
	if (t->worker == t->home)
		look(module_connection_slot(self, t->conn));
	if (t->session && t->session->state != RTP_ENDED)
		look(module_session_slot(self, t->session));
}

static void count_session(struct module *self, void *slot)
{
	(void)self;
	seen.sessions_cleared++;
	seen.sessions_made += ((struct room *)slot)->marked > 0;
}

static void count_connection(struct module *self, void *slot)
{
	(void)self;
	(void)slot;
	seen.connections_cleared++;
}

#define ROOMS(its_name)                                                                        \
	{                                                                                      \
		MODULE_HEAD(its_name), .postprocess = rooms_postprocess,                       \
				       .request_slot = { sizeof(struct room), count_request }, \
				       .session_slot = { sizeof(struct room), count_session }, \
				       .connection_slot = {                                    \
					       sizeof(struct room),                            \
					       count_connection                                \
				       }                                                       \
	}
static const struct module rooms_a = ROOMS("rooms_a"), rooms_b = ROOMS("rooms_b");

static void t_slots(void)
{
	const struct module *const both[] = { &rooms_a, &rooms_b };
	struct sim s;
	struct sim_client c[3];

	seen = (struct seen){ .n_states = 0 };
	sim_open_modules(&s, 2, both, 2, NULL);
	for (unsigned i = 0; i < 3; i++) {
		sim_connect(&c[i], &s, i % 2);
		CU_ASSERT_EQUAL(sim_setup(&c[i], "/pattern/2t/trackID=1", TCP), 200);
		CU_ASSERT_EQUAL(sim_ask(&c[i], "PLAY", "/pattern/2t", ""), 200);
	}
	CU_ASSERT_EQUAL(sim_ask(&c[0], "TEARDOWN", "/pattern/2t", ""), 200);
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.sessions_cleared, 2); /* one session, two modules */
	CU_ASSERT_EQUAL(seen.requests_cleared, 2 * 7);
	for (int i = 0; i < 3; i++)
		sim_hang_up(&c[i]);
	sim_close(&s);
	CU_ASSERT_EQUAL(seen.sessions_cleared, 6);
	CU_ASSERT_EQUAL(seen.sessions_made, 6);
	CU_ASSERT_EQUAL(seen.connections_cleared, 6);
	CU_ASSERT_EQUAL(seen.unaligned, 0);
	CU_ASSERT_EQUAL(seen.dirty, 0);
}

/* ---- media from the client ---- */

static void on_data(struct module *self, struct rtp_stream *st, struct bytes data, tick_t now)
{
	(void)self;
	(void)now;
	CU_ASSERT_EQUAL(st->track, 0);
	CU_ASSERT_FATAL(data.n <= sizeof seen.data);
	seen.data_n = data.n;
	memcpy(seen.data, data.p, data.n);
}
static const struct module hears_data = { MODULE_HEAD("hears"), .incoming_data = on_data };

static void t_frame(void)
{
	struct sim s;
	struct sim_client c;

	seen = (struct seen){ .data_n = 0 };
	sim_open_with(&s, 1, &hears_data);
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/trackID=1", TCP), 200);
	CU_ASSERT_EQUAL(send(c.fd, "$\0\0\3abc", 7, MSG_NOSIGNAL), 7);
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.data_n, 3);
	CU_ASSERT_EQUAL(memcmp(seen.data, "abc", 3), 0);
	seen.data_n = 99;
	CU_ASSERT_EQUAL(send(c.fd, "$\6\0\2xy", 6, MSG_NOSIGNAL), 6); /* nobody's */
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.data_n, 99);
	sim_hang_up(&c);
	sim_close(&s);
}

static void send_to(int fd, struct addr at, const char *text)
{
	CU_ASSERT_EQUAL(sendto(fd, text, strlen(text), 0, &at.sa, at.n), (ssize_t)strlen(text));
}

static void t_datagram(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports mine, others;
	struct addr at;
	char transport[80];

	seen = (struct seen){ .data_n = 0 };
	sim_open_with(&s, 1, &hears_data);
	sim_connect(&c, &s, 0);
	sim_ports_open(&mine);
	sim_ports_open(&others);
	(void)snprintf(transport, sizeof transport, "RTP/AVP;unicast;client_port=%u-%u", mine.port,
		mine.port + 1);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/trackID=1", transport), 200);
	at = sock_local(s.workers[0].pairs->rtp.fd);
	send_to(others.fd[0], at, "foreign");
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.data_n, 0);
	send_to(mine.fd[1], at, "from the RTCP port");
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.data_n, 0);
	send_to(mine.fd[0], at, "hello");
	sim_settle(&s);
	CU_ASSERT_EQUAL(seen.data_n, 5);
	CU_ASSERT_EQUAL(s.workers[0].stats.rtp_received, 3);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", ""), 200);
	sim_ports_close(&mine);
	sim_ports_close(&others);
	sim_hang_up(&c);
	sim_close(&s);
}

/* ---- life ---- */

static void on_state(struct module *self, enum server_state state)
{
	(void)self;
	if (seen.n_states < (int)COUNT(seen.states))
		seen.states[seen.n_states++] = (int)state;
}

static void on_line(struct module *self, struct bytes line)
{
	(void)self;
	seen.n_lines += bytes_find(line, B("a line for all")) < line.n;
	seen.n_own += bytes_find(line, B("its own")) < line.n;
	CU_ASSERT_TRUE(line.n > 0 && line.p[line.n - 1] != '\n');
	log_write(LOG_E, "test", "its own line is not told again");
}

struct own_prefs {
	int64_t number;
	char *text, *word;
};
static const struct pref_row own_rows[] = {
	MODULE_NUM(own_prefs, number, 5, 1, 10, "things", "a number"),
	MODULE_STR(own_prefs, text, "abc", "a text"),
	MODULE_WORD(own_prefs, word, "red", "red green", "a colour"),
};
static const struct module_stat own_stats[] = { { "one", "first" }, { "two", "second" } };

static int on_prefs(struct module *self, const struct prefs *p, char *why)
{
	const struct own_prefs *mine = module_prefs(self, p);

	seen.prefs_changed++;
	if (mine->number == 7) {
		(void)snprintf(why, PREFS_WHY, "seven is not for me");
		return ERR_RANGE;
	}
	return 0;
}

static void on_shutdown(struct module *self)
{
	(void)self;
	seen.shutdowns++;
}

static const struct module own = { MODULE_HEAD("own"), MODULE_PREFS(own_prefs, own_rows),
	MODULE_STATS(own_stats), .prefs_changed = on_prefs, .state_changed = on_state,
	.error_log = on_line, .shutdown = on_shutdown };

static int add(struct prefs *p, char *why)
{
	return prefs_add_module(p, own.name, own.prefs, own.n_prefs, own.prefs_size, why);
}

static void drop_line(void *arg, const char *line, size_t n)
{
	(void)n;
	if (strstr(line, "own keeps what it had: seven is not for me"))
		++*(int *)arg;
}

static void t_reread(void)
{
	struct sim s;
	const struct module *const list[] = { &own };
	struct prefs *next = prefs_new();
	char why[PREFS_WHY];

	seen = (struct seen){ .n_states = 0 };
	sim_open_modules(&s, 2, list, 1, "own.number=3");
	const struct module *m = s.server.modules[2];
	CU_ASSERT_EQUAL(((const struct own_prefs *)module_prefs(m, s.workers[1].prefs))->number, 3);
	CU_ASSERT_EQUAL(prefs_set_module(next, "own.number=7", "test", why), 0);
	for (int i = 0; i < 2; i++) /* those that stand before it */
		CU_ASSERT_EQUAL(prefs_add_module(next, i ? "file" : "pattern", NULL, 0, 0, why), 0);
	CU_ASSERT_EQUAL(add(next, why), 0);
	log_sink(drop_line, &seen.prefs_refused);
	server_reload(&s.server, next);
	log_sink(NULL, NULL);
	CU_ASSERT_EQUAL(seen.prefs_changed, 1);
	CU_ASSERT_EQUAL(seen.prefs_refused, 1);
	CU_ASSERT_EQUAL(((const struct own_prefs *)module_prefs(m, s.workers[1].prefs))->number, 7);
	sim_close(&s);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(next);
}

static void swallow(void *arg, const char *line, size_t n)
{
	(void)arg;
	(void)line;
	(void)n;
}

static void t_states_and_lines(void)
{
	static const int want[] = { SERVER_RUNNING, SERVER_REFUSING, SERVER_RUNNING,
		SERVER_SHUTTING_DOWN };
	struct server server;
	struct prefs *p = prefs_new();
	const struct module *const list[] = { &own };
	char why[PREFS_WHY];

	seen = (struct seen){ .n_states = 0 };
	CU_ASSERT_EQUAL_FATAL(prefs_set(p, "run_num_threads", "1", why), 0);
	CU_ASSERT_EQUAL_FATAL(add(p, why), 0);
	log_sink(swallow, NULL);
	CU_ASSERT_EQUAL_FATAL(server_init(&server, p, list, 1, false, why), 0);
	server_start(&server);
	server_set_state(&server, SERVER_REFUSING);
	server_set_state(&server, SERVER_REFUSING);
	server_set_state(&server, SERVER_RUNNING);
	log_write(LOG_E, "test", "a line for all");
	CU_ASSERT_TRUE(server_stop(&server));
	server_set_state(&server, SERVER_RUNNING);
	server_clear(&server);
	log_write(LOG_E, "test", "a line for all, after its end");
	log_sink(NULL, NULL);
	CU_ASSERT_EQUAL_FATAL(seen.n_states, 4);
	for (int i = 0; i < 4; i++)
		CU_ASSERT_EQUAL(seen.states[i], want[i]);
	CU_ASSERT_EQUAL(seen.n_lines, 1);
	CU_ASSERT_EQUAL(seen.n_own, 0);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(p);
}

/* ---- preferences ---- */

/* A file with this text, read: what prefs_read_file answers. */
static int read_ini(struct prefs *p, const char *text, char *why)
{
	char path[] = "/tmp/beagle-module-XXXXXX";
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	(void)close(fd); /* it is written */
	int err = prefs_read_file(p, path, why);
	(void)unlink(path);
	return err;
}

static void unclaimed(void *arg, const char *where, const char *module)
{
	char *text = arg;
	size_t n = strlen(text);
	(void)snprintf(text + n, 256 - n, "%s %s;", strrchr(where, ':'), module);
}

static void t_section(void)
{
	struct prefs p;
	char why[PREFS_WHY], told[256] = "";

	prefs_init(&p);
	CU_ASSERT_EQUAL(read_ini(&p,
				"rtp_timeout = 7\n[own]\nnumber = 9\ntext = x y\n[absent]\n"
				"this = that\nmore = 1\n[server]\nrtsp_port = 1\n",
				why),
		0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.word=g", "--set", why), 0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=10", "--set", why), 0);
	CU_ASSERT_EQUAL(add(&p, why), 0);
	const struct own_prefs *mine = p.modules[0].values;
	CU_ASSERT_EQUAL(mine->number, 10);
	CU_ASSERT_STRING_EQUAL(mine->text, "x y");
	CU_ASSERT_STRING_EQUAL(mine->word, "green");
	CU_ASSERT_EQUAL(p.rtp_timeout, 7);
	CU_ASSERT_EQUAL(p.rtsp_port, 1);
	prefs_unclaimed(&p, unclaimed, told);
	CU_ASSERT_STRING_EQUAL(told, ":6 absent;");
	prefs_clear(&p);
}

static void t_bad_section(void)
{
	static const struct {
		const char *ini, *why;
	} cases[] = {
		{ "\n[own]\n; a remark\nnumber = 11\n",
			":4: own.number must be 1 to 10 (things), not '11'" },
		{ "[own]\nword = blue\n", ":2: own.word must be one of: red green; not 'blue'" },
		{ "[own]\nnumbr = 1\n", ":2: module own has no preference 'numbr'" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct prefs p;
		char why[PREFS_WHY] = "";
		prefs_init(&p);
		CU_ASSERT_EQUAL(read_ini(&p, cases[i].ini, why), 0);
		CU_ASSERT_NOT_EQUAL(add(&p, why), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, cases[i].why));
		prefs_clear(&p);
	}
}

static void t_bad_setting(void)
{
	static const char *const bad[] = { "", "own", "own.number", "=1", ".number=1", "own.=1",
		"number=1" };
	struct prefs p;
	char why[PREFS_WHY];

	prefs_init(&p);
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(prefs_set_module(&p, bad[i], "--set", why), ERR_SYNTAX);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.text=a=b.c", "--set", why), 0);
	for (int i = 1; i < PREFS_SETTINGS_MAX; i++)
		CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=1", "--set", why), 0);
	CU_ASSERT_EQUAL(prefs_set_module(&p, "own.number=1", "--set", why), ERR_LIMIT);
	CU_ASSERT_EQUAL(add(&p, why), 0);
	CU_ASSERT_STRING_EQUAL(((const struct own_prefs *)p.modules[0].values)->text, "a=b.c");
	prefs_clear(&p);
}

/* ---- counters ---- */

static void t_counters(void)
{
	struct sim s;
	const struct module *const list[] = { &own, &rooms_a };
	char path[] = "/tmp/beagle-module-XXXXXX", *text;
	size_t n;
	int fd = mkstemp(path);

	CU_ASSERT_FATAL(fd >= 0);
	(void)close(fd); /* only the name is wanted */
	seen = (struct seen){ .n_states = 0 };
	sim_open_modules(&s, 2, list, 2, NULL);
	module_stats(s.server.modules[2], &s.workers[0])[0] += 3;
	module_stats(s.server.modules[2], &s.workers[1])[0] += 4;
	module_stats(s.server.modules[2], &s.workers[1])[1] += 1;
	CU_ASSERT_EQUAL(server_write_stats(&s.server, path, s.clock), 0);
	CU_ASSERT_EQUAL_FATAL(os_read_file(path, 1 << 20, &text, &n), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(text, "\"modules\": {\n    \"own\": { \"one\": 7, \"two\": 1 }\n  },"));
	free(text);
	(void)unlink(path);
	sim_close(&s);
}

/* ---- modules that cannot be had ---- */

static int refuse(struct module *self, const struct prefs *p, char *why)
{
	(void)self;
	(void)p;
	(void)snprintf(why, PREFS_WHY, "there is no licence");
	return -ENOENT;
}
static const struct module loaded_refuser = { MODULE_HEAD("refuser"), .is_loaded = true,
	.init = refuse, .shutdown = on_shutdown };
static const struct module own_refuser = { MODULE_HEAD("refuser"), .init = refuse,
	.shutdown = on_shutdown };

/* What a server answers that is made of these and mod_pattern, and how many modules it has. */
static int init_with(const struct module *m, bool strict, size_t *n, char *why)
{
	struct server server;
	struct prefs *p = prefs_new();
	const struct module *const list[] = { m, &mod_pattern };

	CU_ASSERT_EQUAL(prefs_set(p, "strict_modules", strict ? "1" : "0", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "run_num_threads", "1", why), 0);
	seen = (struct seen){ .n_states = 0 };
	log_sink(swallow, NULL);
	int err = server_init(&server, p, list, 2, false, why);
	log_sink(NULL, NULL);
	*n = server.n_modules;
	server_clear(&server);
	CU_ASSERT_EQUAL(seen.shutdowns, 1);
	prefs_free(p);
	return err;
}

static void t_refuses(void)
{
	char why[PREFS_WHY];
	size_t n;

	CU_ASSERT_EQUAL(init_with(&loaded_refuser, false, &n, why), 0);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(init_with(&loaded_refuser, true, &n, why), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why, "there is no licence");
	CU_ASSERT_EQUAL(init_with(&own_refuser, false, &n, why), -ENOENT);
	CU_ASSERT_STRING_EQUAL(why, "there is no licence");
}

/* ---- the sample, linked in; server/tests/module.sh asks the same of the loaded one ---- */

static bool has_greeting(struct sim_client *c, const char *want)
{
	const struct rtsp_header *h = rtsp_header_named(&c->reply, B("X-Greeting"));
	return h && bytes_is_eq(h->value, bytes_str(want));
}

static void t_sample(void)
{
	struct sim s;
	struct sim_client c;
	const struct module *const list[] = { &mod_sample };

	sim_open_modules(&s, 1, list, 1, "sample.greeting=hello");
	sim_connect(&c, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&c, "/pattern/trackID=1", TCP), 200);
	CU_ASSERT_TRUE(has_greeting(&c, "hello 1"));
	CU_ASSERT_EQUAL(sim_ask(&c, "GET_PARAMETER", "/pattern", ""), 200);
	CU_ASSERT_TRUE(has_greeting(&c, "hello 2"));
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", ""), 200);
	sim_send(&c, "OPTIONS rtsp://127.0.0.1/whoami RTSP/1.0\r\nCSeq: 9\r\n\r\n");
	int status = sim_reply(&c);
	for (int i = 0; i < 500 && !status; i++) { /* its thread is a real one */
		usleep(10000);
		sim_settle(&s);
		status = sim_reply(&c);
	}
	CU_ASSERT_EQUAL(status, 200);
	CU_ASSERT_TRUE(has_greeting(&c, "hello 0"));
	CU_ASSERT_TRUE(bytes_has_prefix(c.reply.body, B("127.0.0.1 ")));
	const uint64_t *n = module_stats(s.server.modules[2], &s.workers[0]);
	CU_ASSERT_EQUAL(n[0], 1);
	CU_ASSERT_EQUAL(n[2], 2);
	sim_hang_up(&c);
	sim_close(&s);
}

UNIT_SUITE(module,
	{ "a role is resumed at the module that waited, the ones before it are not asked again",
		t_resume },
	{ "a ticket is signalled from another thread", t_other_thread },
	{ "a module that gives no signal: 503 after module_timeout, later signals mean nothing",
		t_too_late },
	{ "a request whose client has gone is asked for to its end", t_gone },
	{ "also when nobody ever answers it", t_silent_and_gone },
	{ "a module that names a time may wait for longer", t_own_time },
	{ "a session that ends while its request waits on its worker: 454, nobody is asked",
		t_session_ends },
	{ "threads signal while requests come and go", t_storm },
	{ "an answer without a reply is 500", t_liar },
	{ "slots are zero, aligned and cleared once, of two modules in three kinds of objects",
		t_slots },
	{ "incoming_data has the '$' frames of a stream", t_frame },
	{ "incoming_data has the datagrams from the RTP address of SETUP only", t_datagram },
	{ "prefs_changed may refuse, and is logged", t_reread },
	{ "states come in order and once; the log is heard until the end", t_states_and_lines },
	{ "a section fills the module's struct, what is said last holds", t_section },
	{ "a bad line of a section is named with file and line", t_bad_section },
	{ "--set wants module.name=value, and not without end", t_bad_setting },
	{ "counters of all workers stand in the statistics", t_counters },
	{ "an init that refuses: a loaded module is left out, one of ours ends the start",
		t_refuses },
	{ "sample: greets, counts, and answers from its thread", t_sample });
