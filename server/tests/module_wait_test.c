/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/module.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Requests that a module keeps waiting (server/core/module.h, txn_wait.h). */

#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"

/* What the test's modules do and have seen; one test at a time. */
static struct seen {
	int before, keeper, after, requests_cleared;
	int at_once; /* how often it asks to be asked again at once, before it passes */
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
	if (seen.at_once > 0) {
		seen.passes = --seen.at_once == 0;
		t->wake_at = t->worker->loop.now;
		return MOD_WAIT;
	}
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

static const struct rtsp_session *connection_of(struct sim *s)
{
	return container_of(list_first(&s->workers[0].connections), struct rtsp_session, all);
}

/* The time that it names may have come already: that is no reason to sleep for ever. */
static void t_gone_at_once(void)
{
	struct sim s;
	struct sim_client c;

	open_three(&s, &c, 1);
	seen.is_silent = true;
	seen.wake_at = s.workers[0].loop.now + 30 * TICK_MS;
	sim_send(&c, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n" WAIT);
	sim_settle(&s);
	sim_hang_up(&c); /* with an answer unread: a reset */
	sim_settle(&s);
	CU_ASSERT_EQUAL(connection_of(&s)->state, CONN_CLOSED);
	int asked = seen.keeper;
	seen.at_once = 3;
	sim_run(&s, 31 * TICK_MS); /* before the next look at all connections */
	CU_ASSERT_EQUAL(seen.keeper, asked + 4);
	CU_ASSERT_EQUAL(seen.requests_cleared, 2);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	sim_close(&s);
}

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

UNIT_SUITE(module_wait,
	{ "a role is resumed at the module that waited, the ones before it are not asked again",
		t_resume },
	{ "a ticket is signalled from another thread", t_other_thread },
	{ "a module that gives no signal: 503 after module_timeout, later signals mean nothing",
		t_too_late },
	{ "a request whose client has gone is asked for to its end", t_gone },
	{ "also when nobody ever answers it", t_silent_and_gone },
	{ "also when the module says: at once", t_gone_at_once },
	{ "a module that names a time may wait for longer", t_own_time },
	{ "a session that ends while its request waits on its worker: 454, nobody is asked",
		t_session_ends },
	{ "threads signal while requests come and go", t_storm },
	{ "an answer without a reply is 500", t_liar });
