/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/notify.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* ---- the watchdog of the service manager ---- */

struct manager {
	int fd;
	char path[64];
};

static void manager_open(struct manager *m)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)snprintf(m->path, sizeof m->path, "/tmp/beagle-notify-%d", (int)getpid());
	memcpy(at.sun_path, m->path, strlen(m->path));
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(m->fd, (struct sockaddr *)&at, sizeof at), 0);
	setenv("NOTIFY_SOCKET", m->path, 1);
	setenv("WATCHDOG_USEC", "4000000", 1);
}

static void manager_close(struct manager *m)
{
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	(void)close(m->fd);
	(void)unlink(m->path);
}

/* Messages that have come. */
static int heard(struct manager *m, const char *text)
{
	char got[256];
	ssize_t r;
	int n = 0;

	while ((r = recv(m->fd, got, sizeof got - 1, 0)) >= 0) {
		got[r] = '\0';
		n += strcmp(got, text) == 0;
	}
	return n;
}

static void test_watchdog(void)
{
	struct manager m;
	struct watchdog d;
	struct sim s;

	sim_open(&s, 2);
	manager_open(&m);
	watchdog_init(&d, &s.server, s.clock);
	CU_ASSERT_EQUAL(d.every, TICK_S);
	CU_ASSERT_EQUAL(watchdog_run(&d, s.clock), s.clock + TICK_S);
	CU_ASSERT_EQUAL(heard(&m, "WATCHDOG=1"), 1);
	/* asked again before its time it does nothing */
	CU_ASSERT_EQUAL(watchdog_run(&d, s.clock), s.clock + TICK_S);
	CU_ASSERT_EQUAL(heard(&m, "WATCHDOG=1"), 0);
	/* one worker turns, the other hangs */
	loop_turn(&s.workers[0].loop);
	for (int i = 0; i < 3; i++) {
		s.clock += TICK_S;
		CU_ASSERT_EQUAL(watchdog_run(&d, s.clock), s.clock + TICK_S);
	}
	CU_ASSERT_EQUAL(heard(&m, "WATCHDOG=1"), 0);
	/* and turns again */
	sim_settle(&s);
	s.clock += TICK_S;
	(void)watchdog_run(&d, s.clock);
	CU_ASSERT_EQUAL(heard(&m, "WATCHDOG=1"), 1);
	sim_settle(&s);
	watchdog_clear(&d);
	manager_close(&m);
	sim_close(&s);
}

static void test_no_watchdog(void)
{
	struct watchdog d;
	struct sim s;

	sim_open(&s, 1);
	watchdog_init(&d, &s.server, s.clock);
	CU_ASSERT_EQUAL(watchdog_run(&d, s.clock + 1000 * TICK_S), TICK_NEVER);
	watchdog_clear(&d);
	sim_close(&s);
}

/* ---- draining ---- */

static void test_refusing(void)
{
	struct sim s;
	struct sim_client a, b;

	sim_open(&s, 1);
	sim_connect(&a, &s, 0);
	sim_connect(&b, &s, 0);
	CU_ASSERT_EQUAL(sim_setup(&a, "/pattern/trackID=1", "RTP/AVP/TCP;unicast"), 200);
	CU_ASSERT_EQUAL(sim_ask(&a, "PLAY", "/pattern", ""), 200);
	server_refuse_new(&s.server);
	CU_ASSERT_EQUAL(sim_setup(&b, "/pattern/trackID=1", "RTP/AVP/TCP;unicast"), 503);
	for (int i = 0; i < 10; i++) {
		sim_run(&s, TICK_S);
		sim_frames(&a);
	}
	/* the one that plays is served, the other has been idle and was closed */
	CU_ASSERT_EQUAL(atomic_load(&s.server.sessions), 1);
	CU_ASSERT_EQUAL(atomic_load(&s.server.connections), 1);
	CU_ASSERT_EQUAL(sim_ask(&a, "GET_PARAMETER", "/pattern", ""), 200);
	CU_ASSERT_FALSE(server_is_empty(&s.server));
	CU_ASSERT_EQUAL(sim_ask(&a, "TEARDOWN", "/pattern", ""), 200);
	sim_run(&s, 10 * TICK_S);
	CU_ASSERT_TRUE(server_is_empty(&s.server));
	sim_hang_up(&a);
	sim_hang_up(&b);
	sim_close(&s);
}

UNIT_SUITE(life,
	{ "a worker that hangs ends the watchdog's messages, one that turns again resumes them",
		test_watchdog },
	{ "without a service manager there is no watchdog", test_no_watchdog },
	{ "draining: 503 for a new session, those that play go on, idle connections are closed",
		test_refusing });
