/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* How a connection reads its requests and keeps its answers apart, in virtual time. */
#define TWO_TRACKS "/pattern/2t"

static struct rtsp_session *only_connection(struct sim *s)
{
	struct link *x = s->workers[0].connections.next;

	CU_ASSERT_FATAL(x != &s->workers[0].connections);
	return container_of(x, struct rtsp_session, all);
}

/* ---- reading ---- */

/* Sends all but the last octet one by one; answers how many octets the server looked at meanwhile. */
static uint64_t drip(struct sim *s, struct sim_client *c, const char *text)
{
	struct rtsp_session *conn = only_connection(s);
	size_t n = strlen(text);

	for (size_t i = 0; i + 1 < n; i++) {
		char one[2] = { text[i] };
		sim_send(c, one);
	}
	uint64_t looked = conn->scan.looked;
	sim_send(c, text + n - 1);
	return looked;
}

static void t_drip(void)
{
	enum { HEADER = 4000, N = 7, BODY = 20000 };
	struct sim s;
	struct sim_client c;
	char *value = xmalloc(HEADER + 1), *body = xmalloc(BODY + 1);

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	memset(value, 'x', HEADER);
	memset(body, 'y', BODY);
	value[HEADER] = body[BODY] = '\0';
	char *head = xstrdup("SET_PARAMETER rtsp://127.0.0.1/pattern RTSP/1.0\r\nCSeq: 1\r\n");
	for (int i = 0; i < N; i++) {
		char *more = xasprintf("%sX-%d: %s\r\n", head, i, value);
		free(head);
		head = more;
	}
	char *text = xasprintf("%sContent-Length: %d\r\n\r\n%s", head, BODY, body);
	uint64_t looked = drip(&s, &c, text);
	/* each octet of the head once, the start line twice, and once more when it was whole */
	CU_ASSERT_TRUE(looked >= strlen(head));
	CU_ASSERT_TRUE(looked < 3 * strlen(head));
	CU_ASSERT_EQUAL(sim_reply(&c), 451);
	CU_ASSERT_EQUAL(c.reply.cseq, 1);
	/* the next message begins anew */
	(void)drip(&s, &c, "OPTIONS * RTSP/1.0\r\nCSeq: 2\r\n\r\n");
	CU_ASSERT_EQUAL(sim_reply(&c), 200);
	CU_ASSERT_EQUAL(c.reply.cseq, 2);
	free(text);
	free(head);
	free(value);
	free(body);
	sim_hang_up(&c);
	sim_close(&s);
}

/* A turn does a fixed number of steps; three for each of these, so that it ends in the middle of one. */
static void t_frames_between(void)
{
	enum { N = 100 };
	struct sim s;
	struct sim_client c;
	struct buf all;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	buf_init(&all, SIM_BYTES);
	for (unsigned i = 1; i <= N; i++) {
		CU_ASSERT_EQUAL(buf_put(&all, B("$\x09\0\4abcd")), 0);
		CU_ASSERT_EQUAL(buf_printf(&all, "OPTIONS * RTSP/1.0\r\nCSeq: %u\r\n\r\n", i), 0);
	}
	struct bytes b = buf_bytes(&all);
	CU_ASSERT_EQUAL(send(c.fd, b.p, b.n, MSG_NOSIGNAL), (ssize_t)b.n);
	sim_settle(&s);
	for (unsigned i = 1; i <= N; i++) {
		CU_ASSERT_EQUAL_FATAL(sim_reply(&c), 200);
		CU_ASSERT_EQUAL(c.reply.cseq, i);
	}
	CU_ASSERT_EQUAL(s.workers[0].stats.frames_unknown, N);
	buf_clear(&all);
	sim_hang_up(&c);
	sim_close(&s);
}

/* ---- channels ---- */

static void set_up(struct sim_client *c, const char *track, const char *transport, int want,
	const char *channels)
{
	char path[64], text[256];

	(void)snprintf(path, sizeof path, TWO_TRACKS "/trackID=%s", track);
	CU_ASSERT_EQUAL(sim_setup(c, path, transport), want);
	sim_header(c, RTSP_H_TRANSPORT, text, sizeof text);
	if (channels)
		CU_ASSERT_PTR_NOT_NULL(strstr(text, channels));
}

static void t_channels_again(void)
{
	struct sim s;
	struct sim_client c;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=0-1", 200, "interleaved=0-1");
	set_up(&c, "2", "RTP/AVP/TCP;interleaved=2-3", 200, "interleaved=2-3");
	/* the ones that it has, by name and without */
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=0-1", 200, "interleaved=0-1");
	set_up(&c, "1", "RTP/AVP/TCP", 200, "interleaved=0-1");
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=1-0", 200, "interleaved=1-0");
	/* those of the other track: its own are the next that are free */
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=2-3", 200, "interleaved=0-1");
	/* what cannot be served leaves it what it has */
	set_up(&c, "2", "RTP/AVP/SCTP;interleaved=4-5", 461, NULL);
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=2-3", 200, "interleaved=0-1");
	/* given up for UDP, they are free again */
	set_up(&c, "1", "RTP/AVP;unicast;client_port=5000-5001", 200, "client_port");
	set_up(&c, "2", "RTP/AVP/TCP;interleaved=0-1", 200, "interleaved=0-1");
	set_up(&c, "1", "RTP/AVP/TCP;interleaved=2-3", 200, "interleaved=2-3");
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", TWO_TRACKS, ""), 200);
	sim_hang_up(&c);
	sim_close(&s);
}

/* ---- the end ---- */

static enum verdict hold(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	t->wake_at = t->received + 3600 * TICK_S;
	return MOD_WAIT;
}

static void t_waits_beyond_the_end(void)
{
	struct sim s;
	struct sim_client c;
	struct worker *w = &s.workers[0];

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	s.server.modules[0]->filter = hold;
	sim_send(&c, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
	sim_hang_up(&c);
	worker_drain(w, s.clock);
	sim_run(&s, 10 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&w->n_connections), 1);
	worker_clear(w); /* a sanitizer sees what is left */
	CU_ASSERT_EQUAL(atomic_load(&w->n_connections), 0);
	CU_ASSERT_EQUAL(w->stats.connections_closed, w->stats.connections_accepted);
	s.server.workers = NULL;
	s.server.n_workers = 0;
	server_clear(&s.server);
	prefs_clear(&s.prefs);
}

UNIT_SUITE(request,
	{ "request: one that comes octet by octet costs what it costs at once (2326 4)", t_drip },
	{ "request: frames between pipelined ones keep none of them waiting (2326 10.12)",
		t_frames_between },
	{ "setup: a track keeps its channels when it is set up again (2326 10.4, 12.39)",
		t_channels_again },
	{ "end: a request that waits for longer than the drain is freed", t_waits_beyond_the_end });
