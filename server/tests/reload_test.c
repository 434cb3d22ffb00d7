/* SPDX-License-Identifier: MIT */
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/core/server.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Preferences that change while the server runs. */

enum { RELOADS = 1000, CLIENTS = 3 };

static void set(struct prefs *p, const char *name, const char *value)
{
	char why[PREFS_WHY];
	CU_ASSERT_EQUAL_FATAL(prefs_set(p, name, value, why), 0);
}

/* ---- under load, with threads ---- */

struct load {
	struct addr at;
	atomic_bool stop;
	atomic_uint answers, strange;
	atomic_ulong played; /* octets */
};

static int connect_to(const struct addr *at)
{
	int fd = socket(at->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, &at->sa, at->n) == 0)
		return fd;
	(void)close(fd); /* nothing was sent */
	return -1;
}

/* Sends a request and reads until the end of its answer's head: its status. */
static int ask(int fd, const char *request)
{
	char in[2048];
	size_t n = 0;

	if (send(fd, request, strlen(request), MSG_NOSIGNAL) < 0)
		return 0;
	while (n < sizeof in - 1) {
		ssize_t got = recv(fd, in + n, sizeof in - 1 - n, 0);
		if (got <= 0)
			return 0;
		n += (size_t)got;
		in[n] = '\0';
		if (strstr(in, "\r\n\r\n"))
			break;
	}
	uint64_t status;
	return n > 12 && bytes_to_u64(bytes_of(in + 9, 3), 999, &status) ? (int)status : 0;
}

static void *client(void *arg)
{
	struct load *l = arg;
	/* its length lies between the two values that request_url_bytes changes between */
	char *request = xasprintf("OPTIONS rtsp://127.0.0.1/%0500d RTSP/1.0\r\nCSeq: 1\r\n\r\n", 0);
	int fd = connect_to(&l->at);

	while (fd >= 0 && !atomic_load(&l->stop)) {
		int status = ask(fd, request);
		if (status == 200 || status == 414)
			l->answers++;
		else
			l->strange++;
		int other = connect_to(&l->at); /* and one that comes and goes */
		if (other >= 0)
			(void)close(other);
	}
	if (fd >= 0)
		(void)close(fd);
	free(request);
	return NULL;
}

/* Plays over its connection, with the limits that change, until the end. */
static void *player(void *arg)
{
	struct load *l = arg;
	static const char setup[] =
		"SETUP rtsp://127.0.0.1/pattern/trackID=1 RTSP/1.0\r\nCSeq: 1\r\n"
		"Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n";
	char in[4096];
	int fd = connect_to(&l->at);
	ssize_t n;

	if (send(fd, setup, strlen(setup), MSG_NOSIGNAL) < 0 ||
		(n = recv(fd, in, sizeof in - 1, 0)) <= 0)
		return NULL;
	in[n] = '\0';
	const char *id = strstr(in, "Session: ");
	if (!id)
		return NULL;
	char *play = xasprintf(
		"PLAY rtsp://127.0.0.1/pattern RTSP/1.0\r\nCSeq: 2\r\nSession: %.*s\r\n\r\n",
		(int)strcspn(id + 9, ";\r"), id + 9);
	if (send(fd, play, strlen(play), MSG_NOSIGNAL) > 0) {
		while (!atomic_load(&l->stop) && (n = recv(fd, in, sizeof in, 0)) > 0)
			l->played += (unsigned long)n;
	}
	free(play);
	(void)close(fd);
	return NULL;
}

static void t_thousand(void)
{
	struct load load = { .answers = 0 };
	struct listener_store none = { .n = 0 };
	struct server server;
	struct prefs *now = prefs_new();
	const struct module *const list[] = { &mod_pattern, &mod_file };
	pthread_t clients[CLIENTS];
	char why[PREFS_WHY];

	set(now, "rtsp_port", "0");
	set(now, "run_num_threads", "2");
	CU_ASSERT_EQUAL_FATAL(server_init(&server, now, list, COUNT(list), &none, why), 0);
	load.at = server.doors[0].listener.local;
	server_start(&server);
	for (int i = 0; i < CLIENTS; i++)
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&clients[i], NULL, i ? client : player, &load), 0);
	for (int i = 0; i < RELOADS || load.answers < 100 || load.played < 1000; i++) {
		struct prefs *next = prefs_new();
		set(next, "rtsp_port", "0");
		set(next, "run_num_threads", "2");
		set(next, "request_url_bytes", i % 2 ? "256" : "2048");
		set(next, "max_tcp_buffer_size", i % 2 ? "16384" : "262144");
		set(next, "destination_allowed", i % 2 ? "10.0.0.0/8" : "");
		server_reload(&server, next);
		prefs_free(now); /* the sanitizer tells who still reads it */
		now = next;
	}
	atomic_store(&load.stop, true);
	for (int i = 0; i < CLIENTS; i++)
		CU_ASSERT_EQUAL(pthread_join(clients[i], NULL), 0);
	CU_ASSERT_EQUAL(load.strange, 0);
	CU_ASSERT_TRUE(server_stop(&server));
	server_clear(&server);
	prefs_free(now);
}

/* ---- what changes, and for whom ---- */

static char kept[4][64];
static size_t n_kept;

static void on_line(void *arg, const char *line, size_t n)
{
	const char *at = memmem(line, n, "prefs ", 6);
	(void)arg;
	if (at && n_kept < COUNT(kept))
		(void)snprintf(kept[n_kept++], sizeof kept[0], "%.*s",
			(int)(n - (size_t)(at - line) - 1), at);
}

static void t_fixed(void)
{
	struct sim s;
	struct prefs *next = prefs_new();

	sim_open(&s, 2);
	set(next, "rtsp_port", "1");
	set(next, "movie_folder", "/elsewhere");
	set(next, "rtp_timeout", "7");
	n_kept = 0;
	log_sink(on_line, NULL);
	server_reload(&s.server, next);
	log_sink(NULL, NULL);
	CU_ASSERT_EQUAL_FATAL(n_kept, 2);
	CU_ASSERT_STRING_EQUAL(kept[0], "prefs rtsp_port cannot change while the server runs");
	CU_ASSERT_STRING_EQUAL(kept[1], "prefs movie_folder cannot change while the server runs");
	CU_ASSERT_EQUAL(next->rtsp_port, s.prefs.rtsp_port);
	CU_ASSERT_STRING_EQUAL(next->movie_folder, "");
	CU_ASSERT_EQUAL(next->rtp_timeout, 7);
	CU_ASSERT_PTR_EQUAL(s.workers[1].prefs, next);
	sim_close(&s);
	prefs_free(next);
}

static void t_existing(void)
{
	struct sim s;
	struct sim_client c;
	char url[400];
	struct prefs *next = prefs_new();

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	(void)snprintf(url, sizeof url, "/%0300d", 0);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", url, ""), 200);
	set(next, "request_url_bytes", "256");
	set(next, "max_tcp_buffer_size", "16384");
	set(next, "real_rtsp_timeout", "10");
	server_reload(&s.server, next);
	CU_ASSERT_EQUAL(sim_ask(&c, "OPTIONS", url, ""), 414);
	CU_ASSERT_EQUAL(container_of(s.workers[0].connections.next, struct rtsp_session, all)
				->conn.limits.high_water,
		16384);
	sim_run(&s, 13 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s.workers[0].n_connections), 0);
	sim_hang_up(&c);
	sim_close(&s);
	prefs_free(next);
}

static void t_words(void)
{
	struct prefs p;
	char why[PREFS_WHY];

	prefs_init(&p);
	CU_ASSERT_STRING_EQUAL(p.log, "warning");
	CU_ASSERT_EQUAL(prefs_set(&p, "log", "debug", why), 0);
	CU_ASSERT_STRING_EQUAL(p.log, "debug");
	CU_ASSERT_EQUAL(prefs_set(&p, "log", "i", why), 0);
	CU_ASSERT_STRING_EQUAL(p.log, "info");
	CU_ASSERT_EQUAL(prefs_set(&p, "log", "loud", why), ERR_SYNTAX);
	CU_ASSERT_STRING_EQUAL(why, "log must be one of: error warning info debug; not 'loud'");
	CU_ASSERT_EQUAL(prefs_set(&p, "log", "", why), ERR_SYNTAX);
	CU_ASSERT_STRING_EQUAL(p.log, "info");
	prefs_clear(&p);
}

/* More connections than the table of peers was made for. */
static void t_more_connections(void)
{
	struct sim s;
	struct addr a;
	struct peers_limits l = { 0 };
	uint32_t at[2], filled = 0;

	sim_open(&s, 1);
	CU_ASSERT_EQUAL_FATAL(addr_read(&a, "10.0.0.0", 0), 0);
	for (at[0] = PEERS_NOBODY; at[0] != PEERS_OTHERS; filled++) {
		a.v4.sin_addr.s_addr = htonl(0x0a000000u + filled);
		CU_ASSERT_EQUAL(peers_connect(s.server.peers, &a, &l, 0, &at[0]), PEERS_OK);
	}
	CU_ASSERT_TRUE(filled > s.prefs.maximum_connections + s.prefs.maximum_sessions);
	struct prefs *next = prefs_new();
	set(next, "maximum_connections", "30000");
	server_reload(&s.server, next);
	a.v4.sin_addr.s_addr = htonl(0x0a000000u + filled);
	CU_ASSERT_EQUAL(peers_connect(s.server.peers, &a, &l, 0, &at[1]), PEERS_OK);
	CU_ASSERT_NOT_EQUAL(at[1], PEERS_OTHERS);
	sim_close(&s);
	prefs_free(next);
}

UNIT_SUITE(reload,
	{ "more connections than at the start: each address is counted by itself",
		t_more_connections },
	{ "a thousand sets of preferences under load: each is freed, and nobody reads it any more",
		t_thousand },
	{ "what cannot change while the server runs is named, and stays", t_fixed },
	{ "limits and time-outs hold for connections that exist", t_existing },
	{ "a preference of words takes one of them, or its first letter", t_words });
