/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Who comes in: a real listener, in virtual time. */
#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"
#define UDP "RTP/AVP;unicast;client_port=5000-5001"

static void set(struct sim *s, const char *pref, const char *value)
{
	char why[PREFS_WHY];
	CU_ASSERT_EQUAL_FATAL(prefs_set(&s->prefs, pref, value, why), 0);
}

static void door_open(struct sim *s, unsigned workers)
{
	struct addr at;

	sim_open(s, workers);
	set(s, "unlimited_addresses", "");
	CU_ASSERT_EQUAL_FATAL(addr_read(&at, "127.0.0.1", 0), 0);
	doorman_init(&s->server, s->clock);
	s->server.doors = xcalloc(1, sizeof *s->server.doors);
	s->server.n_doors = 1;
	struct door *d = &s->server.doors[0];
	d->server = &s->server;
	CU_ASSERT_EQUAL_FATAL(
		listener_open(&d->listener, &s->workers[0].loop, &at, false, doorman_accept), 0);
	doorman_watch(d);
	sim_settle(s);
}

static void door_close(struct sim *s)
{
	struct stats sum = { 0 };

	doors_close(&s->server);
	sim_run(s, 3 * TICK_S);
	for (unsigned i = 0; i < s->server.n_workers; i++)
		worker_stats(&s->workers[i], &sum);
	doorman_stats(&s->server, &sum);
	CU_ASSERT_EQUAL(sum.connections_accepted + sum.connections_refused,
		sum.connections_closed + atomic_load(&s->server.connections));
	CU_ASSERT_EQUAL(s->server.doorman.refused, 0);
	sim_close(s);
}

/* Connects; what becomes of it is seen after sim_settle. */
static void knock(struct sim_client *c, struct sim *s, const char *from)
{
	struct addr a;

	*c = (struct sim_client){ .sim = s };
	buf_init(&c->in, SIM_BYTES);
	buf_init(&c->raw, SIM_BYTES);
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(addr_read(&a, from, 0), 0);
	CU_ASSERT_EQUAL_FATAL(bind(c->fd, &a.sa, a.n), 0);
	a = s->server.doors[0].listener.local;
	CU_ASSERT_EQUAL_FATAL(connect(c->fd, &a.sa, a.n), 0);
}

static bool is_closed(struct sim_client *c)
{
	uint8_t d[256];
	return recv(c->fd, d, sizeof d, MSG_DONTWAIT) == 0;
}

/* 503 with Retry-After and the end. */
static bool is_turned_away(struct sim_client *c)
{
	char after[8];
	return sim_reply(c) == 503 && rtsp_header(&c->reply, RTSP_H_RETRY_AFTER) &&
	       strcmp(sim_header(c, RTSP_H_CONNECTION, after, sizeof after), "close") == 0 &&
	       is_closed(c);
}

static bool retry_is(struct sim_client *c, const char *seconds)
{
	char after[16];
	return strcmp(sim_header(c, RTSP_H_RETRY_AFTER, after, sizeof after), seconds) == 0;
}

static bool is_served(struct sim_client *c)
{
	return sim_ask(c, "OPTIONS", "/", "") == 200;
}

/* ---- how many ---- */

static void too_many(const char *pref, const uint64_t *counter, struct sim *s)
{
	struct sim_client in[3], out, player;

	knock(&player, s, "127.0.0.1");
	sim_settle(s);
	CU_ASSERT_EQUAL(sim_setup(&player, "/pattern/100k/10p/trackID=1", TCP), 200);
	CU_ASSERT_EQUAL(sim_ask(&player, "PLAY", "/pattern/100k/10p", ""), 200);
	set(s, pref, "4");
	set(s, "retry_after", "30");
	for (int i = 0; i < 3; i++)
		knock(&in[i], s, "127.0.0.1");
	knock(&out, s, "127.0.0.1");
	sim_settle(s);
	CU_ASSERT_TRUE(is_turned_away(&out));
	CU_ASSERT_TRUE(retry_is(&out, "30"));
	CU_ASSERT_EQUAL(s->workers[0].stats.connections_refused, 1);
	CU_ASSERT_TRUE(!counter || *counter == 1);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_TRUE(is_served(&in[i]));
	sim_hang_up(&out);
	sim_hang_up(&in[0]);
	sim_run(s, 2 * TICK_S);
	knock(&out, s, "127.0.0.1");
	sim_settle(s);
	CU_ASSERT_TRUE(is_served(&out));
	sim_frames(&player);
	CU_ASSERT_EQUAL(sim_ask(&player, "TEARDOWN", "/pattern/100k/10p", ""), 200);
	sim_hang_up(&out);
	sim_hang_up(&in[1]);
	sim_hang_up(&in[2]);
	sim_hang_up(&player);
}

static void t_connections(void)
{
	struct sim s;

	door_open(&s, 1);
	too_many("maximum_connections", NULL, &s);
	door_close(&s);
}

/* A room that is left is free at once, however many are still being told that there is none. */
static void t_room_in_a_flood(void)
{
	struct sim_client in, out[8], next;
	struct sim s;

	door_open(&s, 1);
	set(&s, "maximum_connections", "1");
	knock(&in, &s, "127.0.0.1");
	for (size_t i = 0; i < COUNT(out); i++)
		knock(&out[i], &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_served(&in));
	CU_ASSERT_EQUAL(s.server.doorman.refused, COUNT(out));
	sim_hang_up(&in);
	sim_settle(&s);
	knock(&next, &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_EQUAL(s.server.doorman.refused, COUNT(out));
	CU_ASSERT_TRUE(is_served(&next));
	for (size_t i = 0; i < COUNT(out); i++)
		sim_hang_up(&out[i]);
	sim_hang_up(&next);
	door_close(&s);
}

static void t_connections_of_one(void)
{
	struct sim s;
	struct sim_client other;

	door_open(&s, 2);
	too_many("maximum_connections_per_address", &s.workers[0].stats.connections_refused_address,
		&s);
	knock(&other, &s, "127.0.0.2");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_served(&other));
	sim_hang_up(&other);
	door_close(&s);
}

/* Those that are refused linger until they have read why; of a flood the rest is closed at once. */
static void t_flood(void)
{
	enum { CROWD = 400 };
	static struct sim_client c[CROWD];
	struct sim s;
	unsigned told = 0, shut = 0;

	door_open(&s, 1);
	set(&s, "maximum_connections", "1");
	for (int i = 0; i < CROWD; i++)
		knock(&c[i], &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_served(&c[0]));
	for (int i = 1; i < CROWD; i++) {
		bool has = sim_reply(&c[i]) == 503;
		told += has;
		shut += !has && is_closed(&c[i]);
	}
	CU_ASSERT_EQUAL(told, 256);
	CU_ASSERT_EQUAL(shut, CROWD - 1 - 256);
	CU_ASSERT_EQUAL(s.workers[0].stats.connections_refused, CROWD - 1);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(s.workers[0].stats.closed[END_REFUSED], CROWD - 1);
	CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 1);
	for (int i = 0; i < CROWD; i++)
		sim_hang_up(&c[i]);
	door_close(&s);
}

/* More than descriptors are set aside for is too many, too. */
static void t_descriptors_for_media(void)
{
	struct sim_client in[2], out;
	struct sim s;

	door_open(&s, 1);
	s.server.doorman.descriptors_most = 2;
	for (int i = 0; i < 2; i++)
		knock(&in[i], &s, "127.0.0.1");
	knock(&out, &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_turned_away(&out));
	CU_ASSERT_TRUE(is_served(&in[0]) && is_served(&in[1]));
	for (int i = 0; i < 2; i++)
		sim_hang_up(&in[i]);
	sim_hang_up(&out);
	door_close(&s);
}

static void t_least_loaded(void)
{
	struct sim_client c[7];
	struct sim s;

	door_open(&s, 2);
	for (size_t i = 0; i < COUNT(c); i++) {
		knock(&c[i], &s, "127.0.0.1");
		sim_settle(&s);
	}
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 4);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[1].n_connections), 3);
	/* the next ones go where others have left */
	for (size_t i = 0; i < 6; i += 2)
		sim_hang_up(&c[i]);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 1);
	for (size_t i = 0; i < 4; i += 2) {
		knock(&c[i], &s, "127.0.0.1");
		sim_settle(&s);
	}
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 3);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[1].n_connections), 3);
	for (size_t i = 0; i < COUNT(c); i++)
		if (i != 4)
			sim_hang_up(&c[i]);
	door_close(&s);
}

/* ---- how fast ---- */

static void t_rate_of_one(void)
{
	struct sim s;
	struct sim_client c[30], other;
	unsigned served = 0, away = 0;

	door_open(&s, 1);
	set(&s, "maximum_connections_per_second_per_address", "10");
	for (int i = 0; i < 30; i++)
		knock(&c[i], &s, "127.0.0.1");
	knock(&other, &s, "127.0.0.2");
	sim_settle(&s);
	for (int i = 0; i < 10; i++)
		served += is_served(&c[i]);
	for (int i = 10; i < 30; i++)
		away += is_turned_away(&c[i]) && retry_is(&c[i], "1");
	CU_ASSERT_EQUAL(served, 10);
	CU_ASSERT_EQUAL(away, 20);
	CU_ASSERT_EQUAL(s.workers[0].stats.connections_refused_rate, 20);
	CU_ASSERT_TRUE(is_served(&other));
	sim_hang_up(&c[20]);
	sim_run(&s, TICK_S / 10 + TICK_MS);
	knock(&c[20], &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_served(&c[20]));
	for (int i = 0; i < 30; i++)
		sim_hang_up(&c[i]);
	sim_hang_up(&other);
	door_close(&s);
}

/* Nobody is refused for the haste of all: they wait. */
static void t_rate_of_all(void)
{
	struct sim s;
	struct sim_client c[50];

	door_open(&s, 1);
	set(&s, "maximum_connections_per_second", "20");
	sim_run(&s, TICK_S);
	for (int i = 0; i < 50; i++)
		knock(&c[i], &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_EQUAL(
		s.workers[0].stats.connections_accepted, 2); /* a tenth of a second's worth */
	sim_run(&s, TICK_S);
	CU_ASSERT_TRUE(s.workers[0].stats.connections_accepted >= 21);
	CU_ASSERT_TRUE(s.workers[0].stats.connections_accepted <= 22);
	sim_run(&s, 2 * TICK_S);
	CU_ASSERT_EQUAL(s.workers[0].stats.connections_accepted, 50);
	CU_ASSERT_EQUAL(s.workers[0].stats.connections_refused, 0);
	CU_ASSERT_TRUE(s.server.doors[0].listener.n_waits > 0);
	for (int i = 0; i < 50; i++) {
		CU_ASSERT_TRUE(is_served(&c[i]));
		sim_hang_up(&c[i]);
	}
	door_close(&s);
}

/* ---- out of descriptors ---- */

/* No more than there are now. Answers what it was. */
static rlim_t no_more_descriptors(void)
{
	struct rlimit l;
	int next =
		dup(0); /* the lowest that is free; those above it are, too, or are open already */

	CU_ASSERT_FATAL(next >= 0);
	(void)close(next); /* only its number was wanted */
	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &l), 0);
	rlim_t was = l.rlim_cur;
	l.rlim_cur = (rlim_t)next;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &l), 0);
	return was;
}

static void descriptors_again(rlim_t was)
{
	struct rlimit l;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &l), 0);
	l.rlim_cur = was;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static void t_no_descriptors(void)
{
	struct sim s;
	struct sim_client in, out[5], later;

	door_open(&s, 1);
	knock(&in, &s, "127.0.0.1");
	sim_settle(&s);
	for (int i = 0; i < 5; i++)
		knock(&out[i], &s, "127.0.0.1");
	set(&s, "retry_after", "77");
	doorman_prefs_changed(&s.server);
	rlim_t was = no_more_descriptors();
	sim_settle(&s);
	CU_ASSERT_EQUAL(s.server.doors[0].listener.n_busy, 5);
	/* no spinning: nobody waits, nothing is done */
	uint64_t turns = s.workers[0].loop.runs;
	sim_run(&s, 5 * TICK_S);
	CU_ASSERT_TRUE(s.workers[0].loop.runs - turns < 5 * 40);
	/* those that are in are served; media that need sockets wait, others do not */
	CU_ASSERT_TRUE(is_served(&in));
	CU_ASSERT_EQUAL(sim_setup(&in, "/pattern/trackID=1", UDP), 503);
	CU_ASSERT_TRUE(retry_is(&in, "77"));
	CU_ASSERT_EQUAL(s.workers[0].stats.pairs_refused, 1);
	CU_ASSERT_EQUAL(sim_setup(&in, "/pattern/trackID=1", TCP), 200);
	descriptors_again(was);
	for (int i = 0; i < 5; i++) {
		CU_ASSERT_TRUE(is_turned_away(&out[i]));
		CU_ASSERT_TRUE(retry_is(&out[i], "77"));
		sim_hang_up(&out[i]);
	}
	knock(&later, &s, "127.0.0.1");
	sim_settle(&s);
	CU_ASSERT_TRUE(is_served(&later));
	CU_ASSERT_EQUAL(sim_setup(&later, "/pattern/trackID=1", UDP), 200);
	sim_hang_up(&in);
	sim_hang_up(&later);
	door_close(&s);
}

/* Who is to hear TLS hears an alert: no handshake can be made without a descriptor of its own. */
static void t_no_descriptors_tls(void)
{
	struct sim s;
	struct sim_client out;
	uint8_t d[16];
	static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 80 }; /* 8446 6: fatal internal_error */

	door_open(&s, 1);
	struct door *at = &s.server.doors[0];
	at->is_tls = true;
	doorman_watch(at);
	knock(&out, &s, "127.0.0.1");
	rlim_t was = no_more_descriptors();
	sim_settle(&s);
	CU_ASSERT_EQUAL(at->listener.n_busy, 1);
	descriptors_again(was);
	CU_ASSERT_EQUAL(recv(out.fd, d, sizeof d, MSG_DONTWAIT), sizeof alert);
	CU_ASSERT_EQUAL(memcmp(d, alert, sizeof alert), 0);
	CU_ASSERT_EQUAL(recv(out.fd, d, sizeof d, MSG_DONTWAIT), 0);
	sim_hang_up(&out);
	door_close(&s);
}

UNIT_SUITE(doorman,
	{ "more connections than may be: 503, Retry-After, the end; what plays goes on",
		t_connections },
	{ "the same for those of one address, whatever worker they are on", t_connections_of_one },
	{ "a room that is left is free at once, whoever is still being refused",
		t_room_in_a_flood },
	{ "of a flood 256 are told, the rest is closed", t_flood },
	{ "what is set aside for files is not for connections", t_descriptors_for_media },
	{ "each connection goes to the worker that has the fewest", t_least_loaded },
	{ "an address that is too fast hears 503, others come in", t_rate_of_one },
	{ "all together too fast: they wait, nobody is refused", t_rate_of_all },
	{ "without descriptors: 503 for who comes, service for who is in, no spinning",
		t_no_descriptors },
	{ "without descriptors who wants TLS hears nothing in the clear", t_no_descriptors_tls });
