/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "captures/dialog.h"
#include "captures/flows.h"
#include "captures/pcapout.h"
#include "server/base/err.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

#define EPOCH INT64_C(1700000000123456789)

/* A capture under way: written with pcapout, then read. */
struct scene {
	char path[64];
	struct pcapout *o;
	struct host_port client, server;
	struct pcapout_tcp *tcp;
	int64_t now;
};

static void scene_open(
	struct scene *s, enum pcapout_link link, const char *client, const char *server)
{
	int fd;

	*s = (struct scene){ .path = "/tmp/beagle-dialog-XXXXXX", .now = EPOCH };
	CU_ASSERT_FATAL((fd = mkstemp(s->path)) >= 0);
	(void)close(fd); /* only the name is wanted */
	CU_ASSERT_EQUAL_FATAL(host_port_read(client, 40000, &s->client), 0);
	CU_ASSERT_EQUAL_FATAL(host_port_read(server, 7070, &s->server), 0);
	s->o = pcapout_open(s->path, link, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->o);
}

static void say(struct scene *s, bool from_client, const char *text)
{
	if (!s->tcp)
		s->tcp = pcapout_tcp_open(s->o, s->now, &s->client, &s->server);
	s->now += TICK_MS;
	pcapout_tcp_send(s->tcp, s->now, from_client, bytes_str(text));
}

static struct bytes rtp(uint8_t b[40], uint16_t seq, uint32_t ssrc)
{
	memset(b, 7, 40);
	b[0] = 0x80;
	b[1] = 96;
	put_be16(b + 2, seq);
	put_be32(b + 4, seq * 100U);
	put_be32(b + 8, ssrc);
	return bytes_of(b, 40);
}

static void send_rtp(struct scene *s, uint16_t from, uint16_t to, uint16_t seq, uint32_t ssrc)
{
	struct host_port src = s->server, dst = s->client;
	uint8_t b[40];

	src.port = from;
	dst.port = to;
	s->now += TICK_MS;
	pcapout_udp(s->o, s->now, &src, &dst, rtp(b, seq, ssrc));
}

static struct dialog *scene_read(struct scene *s)
{
	struct dialog *d;
	char *why;

	CU_ASSERT_EQUAL_FATAL(pcapout_commit(s->o), 0);
	CU_ASSERT_EQUAL(dialog_read(s->path, NULL, &d, &why), 0);
	free(why);
	(void)unlink(s->path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(d);
	return d;
}

static const char setup[] = "SETUP rtsp://h/a/1 RTSP/1.0\r\nCSeq: 1\r\n"
			    "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n\r\n";
static const char setup_reply[] =
	"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: s1;timeout=5\r\n"
	"Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6000-6001\r\n\r\n";

static void t_session(void)
{
	static const struct {
		enum pcapout_link link;
		const char *client, *server;
	} rows[] = { { PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2" },
		{ PCAPOUT_RAW_IP, "10.0.0.1", "10.0.0.2" },
		{ PCAPOUT_ETHERNET, "2001:db8::1", "2001:db8::2" },
		{ PCAPOUT_RAW_IP, "::1", "::1" }, { PCAPOUT_ETHERNET, "127.0.0.1", "127.0.0.1" } };

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene s;
		struct dialog *d;

		scene_open(&s, rows[i].link, rows[i].client, rows[i].server);
		say(&s, true, setup);
		say(&s, false, setup_reply);
		for (uint16_t k = 0; k < 10; k++)
			send_rtp(&s, 6000, 5000, (uint16_t)(65530 + k), 1);
		pcapout_tcp_close(s.tcp, s.now, true);
		d = scene_read(&s);
		CU_ASSERT_EQUAL_FATAL(d->n_connections, 1);
		CU_ASSERT_EQUAL(d->connections[0].n_messages, 2);
		CU_ASSERT_EQUAL(d->connections[0].messages[0].pair, 1);
		CU_ASSERT(bytes_is_eq(d->connections[0].messages[1].session, B("s1")));
		CU_ASSERT_EQUAL(d->connections[0].messages[0].at, EPOCH + TICK_MS);
		CU_ASSERT_EQUAL(d->connections[0].n_events, 13);
		CU_ASSERT_EQUAL_FATAL(d->n_streams, 1);
		CU_ASSERT(d->streams[0]->clean.unique == 10 && d->streams[0]->clean.lost == 0);
		CU_ASSERT(d->connections[0].has_syn && d->connections[0].has_fin);
		dialog_free(d);
	}
}

static void t_noise(void)
{
	struct scene s;
	struct dialog *d;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	say(&s, true, setup);
	say(&s, false, setup_reply);
	for (uint16_t k = 0; k < 10; k++)
		send_rtp(&s, 6000, 5010, k, 1);
	d = scene_read(&s);
	CU_ASSERT_EQUAL(d->n_streams, 0);
	CU_ASSERT_EQUAL(d->connections[0].n_events, 2);
	dialog_free(d);
}

static void t_unsignalled(void)
{
	struct scene s;
	struct dialog *d;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	for (uint16_t k = 0; k < 10; k++)
		send_rtp(&s, 6000, 5010, k, 1);
	send_rtp(&s, 6000, 5012, 9, 2); /* parity of the stream, say */
	send_rtp(&s, 8800, 8801, 9, 3); /* lone: noise */
	d = scene_read(&s);
	CU_ASSERT(d->is_guessed);
	CU_ASSERT_EQUAL(d->n_streams, 2);
	CU_ASSERT_EQUAL(d->n_loose, 11);
	dialog_free(d);
}

static void t_punch(void)
{
	struct scene s;
	struct dialog *d;
	struct host_port src, dst;
	uint8_t b[40];

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	say(&s, true, setup);
	say(&s, false, setup_reply);
	src = s.client;
	dst = s.server;
	src.port = 5000;
	dst.port = 6000;
	pcapout_udp(s.o, s.now, &src, &dst, bytes_of("\xce\xfa\xed\xfe", 4));
	pcapout_udp(s.o, s.now, &src, &dst, bytes_sub(rtp(b, 0, 0), 0, 12));
	send_rtp(&s, 6000, 5000, 1, 0); /* a real stream may have SSRC 0 */
	d = scene_read(&s);
	CU_ASSERT_EQUAL_FATAL(d->n_streams, 2);
	CU_ASSERT(d->streams[0]->is_punch && !d->streams[1]->is_punch);
	CU_ASSERT_EQUAL(d->connections[0].events[2].payload, DIALOG_PUNCH);
	CU_ASSERT_EQUAL(d->connections[0].events[3].payload, DIALOG_PUNCH);
	CU_ASSERT_EQUAL(d->connections[0].events[4].payload, DIALOG_RTP);
	dialog_free(d);
}

static void t_record(void)
{
	struct scene s;
	struct dialog *d;
	struct host_port src, dst;
	uint8_t b[40];

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	say(&s, true,
		"SETUP rtsp://h/a RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/UDP;unicast;"
		"interleaved=0-1;mode=record;control_port=6001\r\n\r\n");
	say(&s, false,
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: X\r\nTransport: RTP/AVP/UDP;unicast;"
		"interleaved=0-1;mode=record;server_port=6000\r\n\r\n");
	src = s.client;
	dst = s.server;
	src.port = 50626;
	dst.port = 6000;
	for (uint16_t k = 0; k < 5; k++)
		pcapout_udp(s.o, s.now, &src, &dst, rtp(b, k, 9));
	dst.port = 6001; /* control: no RTP, whatever it looks like */
	pcapout_udp(s.o, s.now, &src, &dst, rtp(b, 1, 9));
	d = scene_read(&s);
	CU_ASSERT_EQUAL_FATAL(d->n_streams, 1);
	CU_ASSERT(d->streams[0]->from_client && !d->streams[0]->is_punch);
	CU_ASSERT_EQUAL(d->streams[0]->clean.packets, 5);
	dialog_free(d);
}

static void t_interleaved(void)
{
	struct scene s;
	struct dialog *d;
	uint8_t b[40], frame[44] = { '$', 2, 0, 40 };

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	say(&s, true,
		"SETUP rtsp://h/a/1 RTSP/1.0\r\nCSeq: 1\r\n"
		"Transport: RTP/AVP/TCP;interleaved=2-3\r\n\r\n");
	say(&s, false,
		"RTSP/1.0 200 OK\r\nCSeq: 1\r\nSession: s\r\n"
		"Transport: RTP/AVP/TCP;interleaved=2-3\r\n\r\n");
	say(&s, true, "PLAY rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\nSession: s\r\n\r\n");
	for (uint16_t k = 0; k < 4; k++) { /* media before the PLAY reply; cut into odd segments */
		(void)rtp(b, k, 5);
		memcpy(frame + 4, b, 40);
		s.now += TICK_MS;
		pcapout_tcp_send(s.tcp, s.now, false, bytes_of(frame, 7));
		pcapout_tcp_send(s.tcp, s.now + 10, false, bytes_of(frame + 7, 37));
		if (k == 1)
			say(&s, false, "RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n");
	}
	d = scene_read(&s);
	CU_ASSERT_EQUAL_FATAL(d->n_streams, 1);
	CU_ASSERT(d->streams[0]->is_tcp && d->streams[0]->channel == 2);
	CU_ASSERT_EQUAL(d->streams[0]->clean.unique, 4);
	CU_ASSERT_EQUAL(d->connections[0].frames_by_channel[2], 4);
	CU_ASSERT_EQUAL(d->connections[0].messages[3].pair, 2);
	CU_ASSERT_EQUAL(d->connections[0].events[3].at - d->connections[0].events[3].began, 10);
	dialog_free(d);
}

static void t_pairs(void)
{
	struct scene s;
	struct dialog *d;
	const struct dialog_connection *c;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	/* pipelined, answered late; a keep-alive never; a response without CSeq */
	say(&s, true,
		"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/a RTSP/1.0\r\nCSeq: 2\r\n\r\n");
	say(&s, true, "GET_PARAMETER rtsp://h/a RTSP/1.0\r\nCSeq: 3\r\n\r\n");
	say(&s, false,
		"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\nRTSP/1.0 100 Continue\r\nCSeq: 1\r\n\r\n");
	say(&s, false, "RTSP/1.0 200 OK\r\n\r\n");
	d = scene_read(&s);
	c = &d->connections[0];
	CU_ASSERT_EQUAL_FATAL(c->n_messages, 6);
	CU_ASSERT_EQUAL(c->messages[1].pair, 3);
	CU_ASSERT_EQUAL(c->messages[0].pair, 5);
	CU_ASSERT_EQUAL(c->messages[2].pair, DIALOG_NONE);
	CU_ASSERT_EQUAL(c->messages[4].pair, DIALOG_NONE);
	dialog_free(d);
}

static void t_by_content(void)
{
	struct scene s;
	struct dialog *d;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	s.server.port = 554; /* not RTSP, whatever the port */
	say(&s, true, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	say(&s, false, "HTTP/1.1 200 OK\r\n\r\n");
	s.tcp = NULL;
	s.server.port = 5000;
	s.client.port++;
	for (const char *p = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"; *p; p++)
		say(&s, true, (char[]){ *p, 0 });
	s.tcp = NULL;
	s.server.port = 7070;
	say(&s, true, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
	d = scene_read(&s);
	CU_ASSERT_EQUAL(d->file.tcp_streams, 3);
	CU_ASSERT_EQUAL_FATAL(d->n_connections, 2);
	CU_ASSERT_EQUAL(d->connections[0].tcp_stream, 1);
	CU_ASSERT_EQUAL(d->connections[0].server.port, 5000);
	dialog_free(d);
}

static void t_same_ports(void)
{
	struct scene s;
	struct dialog *d;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	for (int i = 0; i < 3; i++) {
		s.tcp = NULL;
		say(&s, true, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
		pcapout_tcp_reset(s.tcp, s.now, false);
	}
	d = scene_read(&s);
	CU_ASSERT_EQUAL_FATAL(d->n_connections, 3);
	CU_ASSERT(d->connections[2].has_rst && d->connections[2].n_messages == 1);
	dialog_free(d);
}

static void t_limits(void)
{
	static const struct dialog_limits few = {
		.tcp_streams = 2, .messages = 1, .udp_flows = 1, .rtp_streams = 1
	};
	struct scene s;
	struct dialog *d;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	for (uint16_t i = 0; i < 4; i++) {
		s.tcp = NULL;
		s.client.port++;
		say(&s, true, "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n");
		send_rtp(&s, 6000, (uint16_t)(5000 + i), i, i);
	}
	CU_ASSERT_EQUAL_FATAL(pcapout_commit(s.o), 0);
	CU_ASSERT_EQUAL_FATAL(dialog_read(s.path, &few, &d, NULL), 0);
	(void)unlink(s.path);
	CU_ASSERT_EQUAL(d->file.tcp_streams, 2);
	CU_ASSERT_EQUAL(d->n_connections, 1);
	CU_ASSERT(d->file.beyond_limits > 0);
	dialog_free(d);
}

static void t_oracle_event(void)
{
	struct scene s;
	struct dialog *d;
	tick_t last = 0, before = 0;

	scene_open(&s, PCAPOUT_ETHERNET, "10.0.0.1", "10.0.0.2");
	say(&s, true, setup);
	say(&s, false, setup_reply);
	send_rtp(&s, 6000, 5000, 1, 1);
	d = scene_read(&s);
	CU_ASSERT_PTR_EQUAL(dialog_main_connection(d), &d->connections[0]);
	for (size_t i = 0; i < d->connections[0].n_events; i++) {
		struct ox_event e =
			dialog_oracle_event(&d->connections[0], i, d->file.first, &last);
		CU_ASSERT(e.time >= before);
		CU_ASSERT_EQUAL(e.from_client, i == 0);
		before = e.time;
	}
	CU_ASSERT_EQUAL(before, 3 * TICK_MS);
	dialog_free(d);
}

static void t_begin(void)
{
	static const char *const yes[] = { "OPTIONS * RTSP/1.0\r\n", "RTSP/1.0 200 OK",
		"PLAY rtsp://h/a", "GET_PARAMETER rtsp://h RTSP/1.0" };
	static const char *const no[] = { "", "GET / HTTP/1.1\r\n", "OPTIONS sip:a SIP/2.0\r\n",
		"RTS", "$\1", "options * RTSP/1.0\r\n" };

	for (size_t i = 0; i < COUNT(yes); i++)
		CU_ASSERT(rtsp_is_begin(bytes_str(yes[i])));
	for (size_t i = 0; i < COUNT(no); i++)
		CU_ASSERT(!rtsp_is_begin(bytes_str(no[i])));
	CU_ASSERT(
		sip_is_begin(B("INVITE sip:a@b SIP/2.0\r\n")) && sip_is_begin(B("SIP/2.0 200 OK")));
}

UNIT_SUITE(captures_dialog,
	{ "a session with media over IPv4, IPv6, Ethernet and raw IP comes back as it was written",
		t_session },
	{ "UDP that no SETUP reply names is noise beside RTSP", t_noise },
	{ "without any signalling RTP is known by its looks, a lone packet is not", t_unsignalled },
	{ "hole punches are known by direction, size and place, not by SSRC 0", t_punch },
	{ "RECORD: the client sends media, its control port is none", t_record },
	{ "interleaved frames over odd segments, before the PLAY reply (10.12)", t_interleaved },
	{ "requests and responses pair by CSeq, else by order; 1xx answers nothing", t_pairs },
	{ "RTSP is found by content, also when it comes byte by byte", t_by_content },
	{ "a SYN with another number is another connection", t_same_ports },
	{ "what lies beyond the limits is counted", t_limits },
	{ "events go to the analyser in order of time", t_oracle_event },
	{ "first bytes of RTSP and SIP", t_begin });
