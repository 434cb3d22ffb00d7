/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "server/tests/sim.h"
#include "server/tests/unit.h"

/* Reports and BYE of a whole server. */

static void send_rr(struct sim_ports *p, uint16_t server_port, uint32_t ssrc)
{
	uint8_t room[128];
	struct rtcp_writer w;
	struct rtcp_block b = { .ssrc = ssrc };
	struct addr to;

	rtcp_begin(&w, room, sizeof room);
	rtcp_put_rr(&w, 1, &b, 1);
	rtcp_put_cname(&w, 1, B("a@b"));
	int n = rtcp_end(&w);
	CU_ASSERT_FATAL(n > 0);
	CU_ASSERT_EQUAL_FATAL(addr_read(&to, "127.0.0.1", server_port), 0);
	CU_ASSERT_EQUAL(sendto(p->fd[1], room, (size_t)n, 0, &to.sa, to.n), n);
}

/* SSRC and RTCP port of the SETUP reply. */
static void read_setup(struct sim_client *c, uint32_t *ssrc, uint16_t *rtcp_port)
{
	char text[256];
	unsigned lo = 0, hi = 0;

	sim_header(c, RTSP_H_TRANSPORT, text, sizeof text);
	const char *at = strstr(text, "ssrc="), *port = strstr(text, "server_port=");
	CU_ASSERT_FATAL(at && port);
	CU_ASSERT_EQUAL(sscanf(at, "ssrc=%8X", ssrc), 1);
	CU_ASSERT_EQUAL(sscanf(port, "server_port=%u-%u", &lo, &hi), 2);
	*rtcp_port = (uint16_t)hi;
}

/* Reports that have come; checks each as a whole and its clock. */
static unsigned take_reports(struct sim_ports *p, uint32_t *timestamp)
{
	uint8_t d[1500];
	unsigned n = 0;
	int len;

	while ((len = sim_ports_read(p, 1, d, sizeof d)) > 0) {
		struct bytes rest = bytes_of(d, (size_t)len);
		struct rtcp_view v;
		CU_ASSERT_EQUAL(rtcp_check(rest), 0);
		CU_ASSERT_EQUAL(rtcp_next(&rest, &v), 1);
		CU_ASSERT_EQUAL(v.type, RTCP_SR);
		*timestamp = v.sr.timestamp;
		n++;
	}
	return n;
}

static void t_rtcp_hour(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint32_t ssrc = 0, ts = 0, first_ts = 0;
	uint16_t port = 0;
	uint8_t d[1500];
	tick_t last = 0, first = 0;
	unsigned n = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/800b/1p/trackID=1"), 200);
	read_setup(&c, &ssrc, &port);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/800b/1p", ""), 200);
	for (int i = 0; i < 36000; i++) {
		sim_run(&s, TICK_S / 10);
		if (i % 200 == 0)
			send_rr(&p, port, ssrc);
		while (sim_ports_read(&p, 0, d, sizeof d) > 0)
			;
		if (!take_reports(&p, &ts))
			continue;
		if (n++ == 0) {
			first = s.clock;
			first_ts = ts;
		} else {
			/* 6.3.1: half to one and a half of the deterministic interval, over e - 3/2; a rate
			 * of 800 bit/s makes that longer than 5 s. 0.1 s is the test's own grain. */
			double gap = tick_seconds(s.clock - last);
			CU_ASSERT_TRUE(gap > 2.0 && gap < 60.0);
		}
		last = s.clock;
	}
	/* one clock for the whole hour, to the grain of the test */
	double span = tick_seconds(last - first), ticks = (double)(uint32_t)(ts - first_ts) / 90000;
	CU_ASSERT_TRUE(span > 3500 && span - ticks < 0.2 && ticks - span < 0.2);
	CU_ASSERT_TRUE(n > 60);
	CU_ASSERT_EQUAL(s.workers[0].stats.rtcp_received, 180);
	CU_ASSERT_EQUAL(s.workers[0].stats.rtcp_unknown, 0);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

static void t_rtcp_rate(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint32_t ts = 0, ssrc = 0;
	uint16_t port = 0;
	uint8_t d[1500];
	unsigned n = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/100k/10p/trackID=1"), 200);
	read_setup(&c, &ssrc, &port);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/100k/10p", ""), 200);
	for (int i = 0; i < 600; i++) {
		sim_run(&s, TICK_S);
		if (i % 20 == 0)
			send_rr(&p, port, ssrc);
		while (sim_ports_read(&p, 0, d, sizeof d) > 0)
			;
		n += take_reports(&p, &ts);
	}
	/* 5 s on average, 6.3.1's factor over reconsideration's 1.21828: between 4.1 and 5 */
	CU_ASSERT_TRUE(n > 100 && n < 170);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

static void t_bye(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint8_t d[1500];
	int byes = 0, after = 0, n;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/trackID=1"), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", ""), 200);
	/* 3550 6.3.7: who never sent anything says no BYE */
	CU_ASSERT_TRUE(sim_ports_read(&p, 1, d, sizeof d) < 0);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/trackID=1"), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern", ""), 200);
	sim_run(&s, 200 * TICK_MS);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern", ""), 200);
	while ((n = sim_ports_read(&p, 1, d, sizeof d)) > 0) {
		struct bytes rest = bytes_of(d, (size_t)n);
		struct rtcp_view v;
		after += byes;
		while (rtcp_next(&rest, &v) == 1)
			byes += v.type == RTCP_BYE;
	}
	CU_ASSERT_EQUAL(byes, 1);
	CU_ASSERT_EQUAL(after, 0);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

/* When the next datagram at this port came, by the kernel's clock in ns; -1: there is none. */
static int64_t take_stamped(int fd, uint8_t *d, size_t cap, size_t *n)
{
	_Alignas(struct cmsghdr) uint8_t control[64];
	struct iovec iov = { d, cap };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	struct timespec at;
	ssize_t got = recvmsg(fd, &m, MSG_DONTWAIT);

	if (got < 0)
		return -1;
	CU_ASSERT_PTR_NOT_NULL_FATAL(CMSG_FIRSTHDR(&m));
	memcpy(&at, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof at);
	*n = (size_t)got;
	return (int64_t)at.tv_sec * TICK_S + at.tv_nsec;
}

static void t_bye_after_rtp(void)
{
	struct sim s;
	struct sim_client c;
	struct sim_ports p;
	uint8_t d[1500];
	int64_t at, bye_at = -1, last_at = -1;
	size_t n = 0;
	int on = 1, packets = 0;

	sim_open(&s, 1);
	sim_connect(&c, &s, 0);
	sim_ports_open(&p);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(setsockopt(p.fd[i], SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on), 0);
	CU_ASSERT_EQUAL(sim_setup_udp(&c, &p, "/pattern/50p/1s/trackID=1"), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/50p/1s", ""), 200);
	sim_run(&s, 800 * TICK_MS);
	s.clock += 2 * TICK_S; /* the worker was away: the rest and the end are due in one turn */
	sim_run(&s, TICK_S);
	while ((at = take_stamped(p.fd[0], d, sizeof d, &n)) >= 0) {
		last_at = at;
		packets++;
	}
	while ((at = take_stamped(p.fd[1], d, sizeof d, &n)) >= 0)
		bye_at = at;
	CU_ASSERT_EQUAL(packets, 50);
	CU_ASSERT_TRUE(bye_at > 0 && n > 8 && d[1] == 200); /* with the last report */
	CU_ASSERT_TRUE(last_at <= bye_at);
	sim_hang_up(&c);
	sim_ports_close(&p);
	sim_close(&s);
}

UNIT_SUITE(sim_rtcp, { "rtcp: an hour of reports on one linear clock (3550 6.4.1)", t_rtcp_hour },
	{ "rtcp: a report every 5 s on average, at random (3550 6.2, 6.3.1)", t_rtcp_rate },
	{ "rtcp: one BYE, last, and only from who has sent (3550 6.3.7)", t_bye },
	{ "rtcp: a BYE leaves after the packets of its turn (3550 6.3.7)", t_bye_after_rtp });
