/* SPDX-License-Identifier: MIT */
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/core/module.h"
#include "server/modules/modules.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Rooms in the server's objects, media from clients, and the sample. */

#define TCP "RTP/AVP/TCP;unicast;interleaved=0-1"

/* What the test's modules have seen; one test at a time. */
static struct seen {
	int requests_cleared, sessions_cleared, connections_cleared;
	int sessions_made, unaligned, dirty;
	size_t data_n;
	uint8_t data[64];
} seen;

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

static void count_request(struct module *self, void *slot)
{
	(void)self;
	(void)slot;
	seen.requests_cleared++;
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

	seen = (struct seen){ .dirty = 0 };
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

	seen = (struct seen){ .data_n = 0 };
	sim_open_with(&s, 1, &hears_data);
	sim_connect(&c, &s, 0);
	sim_ports_open(&mine);
	sim_ports_open(&others);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &mine, "/pattern/trackID=1"), 200);
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
	{ "slots are zero, aligned and cleared once, of two modules in three kinds of objects",
		t_slots },
	{ "incoming_data has the '$' frames of a stream", t_frame },
	{ "incoming_data has the datagrams from the RTP address of SETUP only", t_datagram },
	{ "sample: greets, counts, and answers from its thread", t_sample });
