/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <sys/socket.h>

#include "server/base/err.h"
#include "server/net/udp.h"
#include "server/tests/unit.h"

/* A sender, and a receiver that keeps the sizes of what comes, in order. */
enum { GOT_MAX = 1024 };

struct rig {
	struct loop loop;
	struct udp a, b;
	size_t got[GOT_MAX];
	uint8_t first[GOT_MAX]; /* octet of each */
	unsigned n;
	tick_t clock;
};

static tick_t rig_clock(void *arg)
{
	return ((struct rig *)arg)->clock;
}

static void rig_open(struct rig *r, bool trains)
{
	struct addr at;
	int fd[2];

	*r = (struct rig){ .clock = TICK_S };
	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&r->loop, rig_clock, r), 0);
	CU_ASSERT_EQUAL_FATAL(addr_read(&at, "127.0.0.1", 0), 0);
	CU_ASSERT_EQUAL_FATAL(sock_udp_pair(&at, 4 << 20, 4 << 20, fd), 0);
	CU_ASSERT_EQUAL_FATAL(udp_open(&r->a, &r->loop, fd[0], NULL), 0);
	CU_ASSERT_EQUAL_FATAL(udp_open(&r->b, &r->loop, fd[1], NULL), 0);
	if (trains)
		udp_make_trains(&r->a);
}

static void rig_close(struct rig *r)
{
	udp_close(&r->a);
	udp_close(&r->b);
	loop_clear(&r->loop);
}

static void keep(void *arg, const struct addr *from, struct bytes d)
{
	struct rig *r = arg;
	CU_ASSERT_TRUE(addr_is_loopback(from));
	CU_ASSERT_FATAL(r->n < GOT_MAX);
	r->first[r->n] = d.n ? d.p[0] : 0;
	r->got[r->n++] = d.n;
}

static void receive(struct rig *r)
{
	while (udp_recv(&r->b, keep, r) > 0)
		;
}

/* A datagram of n octets, the first of them `mark`; 12 are head. */
static void put(struct rig *r, const struct addr *to, size_t n, uint8_t mark)
{
	static const uint8_t body[2000];
	uint8_t head[12] = { mark };
	size_t head_n = n < sizeof head ? n : sizeof head;

	udp_send(&r->a, to, head, head_n, bytes_of(body, n - head_n));
}

/* What was sent is what came, one datagram each. */
static void check_got(struct rig *r, const size_t *sizes, unsigned n)
{
	receive(r);
	CU_ASSERT_EQUAL_FATAL(r->n, n);
	for (unsigned i = 0; i < n; i++) {
		CU_ASSERT_EQUAL(r->got[i], sizes[i]);
		CU_ASSERT_EQUAL(r->first[i], (uint8_t)(i + 1));
	}
}

static void t_batch(void)
{
	struct rig r;

	rig_open(&r, false);
	CU_ASSERT_EQUAL(addr_port(&r.a.local) % 2, 0);
	CU_ASSERT_EQUAL(addr_port(&r.b.local), addr_port(&r.a.local) + 1);
	for (unsigned i = 0; i < 150; i++)
		put(&r, &r.b.local, 104, (uint8_t)(i + 1));
	CU_ASSERT_EQUAL(r.a.sent, 128); /* two batches are full, the rest waits for the flush */
	loop_turn(&r.loop);
	CU_ASSERT_EQUAL(r.a.sent, 150);
	CU_ASSERT_EQUAL(r.a.sent_bytes, 150 * 104);
	CU_ASSERT_EQUAL(r.a.dropped + r.a.failed + r.a.trained, 0);
	receive(&r);
	CU_ASSERT_EQUAL(r.n, 150);
	rig_close(&r);
}

static void t_refused(void)
{
	struct rig r;
	struct addr nowhere;

	rig_open(&r, true);
	CU_ASSERT_EQUAL_FATAL(addr_read(&nowhere, "::1", 9), 0);
	/* one that cannot leave doesn't hold back the others */
	put(&r, &r.b.local, 100, 1);
	put(&r, &nowhere, 100, 2);
	put(&r, &nowhere, 100, 2);
	put(&r, &r.b.local, 100, 2);
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.sent, 2);
	CU_ASSERT_EQUAL(r.a.failed, 2);
	check_got(&r, (const size_t[]){ 100, 100 }, 2);
	rig_close(&r);
}

static void t_train(void)
{
	static const size_t sizes[] = { 1400, 1400, 1400, 700, 700, 800, 800, 12, 1400 };
	struct rig r;

	rig_open(&r, true);
	for (unsigned i = 0; i < COUNT(sizes); i++)
		put(&r, &r.b.local, sizes[i], (uint8_t)(i + 1));
	/* 3 x 1400 + 700 | 700 | 800, 800, 12 | 1400: a short one ends its train, a longer one begins anew */
	CU_ASSERT_EQUAL(r.a.n_msgs, 4);
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.sent, 9);
	CU_ASSERT_EQUAL(r.a.trained, 7);
	CU_ASSERT_EQUAL(r.a.trains_refused, 0);
	CU_ASSERT_EQUAL(r.a.sent_bytes, 3 * 1400 + 700 + 700 + 800 + 800 + 12 + 1400);
	check_got(&r, sizes, COUNT(sizes));
	rig_close(&r);
}

static void t_train_limits(void)
{
	size_t sizes[70];
	struct rig r;

	rig_open(&r, true);
	/* 16 at most; what needs fragments on Ethernet is none */
	for (unsigned i = 0; i < 70; i++) {
		sizes[i] = i < 66 ? 1000 : 1473;
		put(&r, &r.b.local, sizes[i], (uint8_t)(i + 1));
	}
	CU_ASSERT_EQUAL(r.a.n_msgs, 5 + 4);
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.trained, 66);
	check_got(&r, sizes, 70);
	rig_close(&r);
}

static void t_train_of_one_address(void)
{
	struct rig r;
	struct addr other, same;

	rig_open(&r, true);
	other = r.a.local;
	same = r.b.local;
	put(&r, &r.b.local, 500, 1);
	put(&r, &other, 500, 9);
	put(&r, &r.b.local, 500, 2);
	put(&r, &same, 500, 3); /* of another stream */
	CU_ASSERT_EQUAL(r.a.n_msgs, 4);
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.sent, 4);
	CU_ASSERT_EQUAL(r.a.trained, 0);
	check_got(&r, (const size_t[]){ 500, 500, 500 }, 3);
	rig_close(&r);
}

static void t_full_batches(void)
{
	struct rig r;
	struct addr to[2];

	/* 63 single ones, then trains over the end of the batch, and of what may wait */
	rig_open(&r, true);
	to[0] = to[1] = r.b.local;
	for (unsigned i = 0; i < 63; i++)
		put(&r, &to[i % 2], 300, (uint8_t)(i + 1));
	for (unsigned i = 63; i < 600; i++)
		put(&r, &to[0], 300, (uint8_t)(i + 1));
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.sent, 600);
	receive(&r);
	CU_ASSERT_EQUAL_FATAL(r.n, 600);
	for (unsigned i = 0; i < 600; i++)
		CU_ASSERT_EQUAL(r.first[i], (uint8_t)(i + 1));
	rig_close(&r);
}

/* A socket that sends without checksums makes the kernel refuse trains. */
static void t_kernel_refuses(void)
{
	struct rig r;
	int one = 1;
	unsigned n = 0;

	rig_open(&r, true);
	CU_ASSERT_EQUAL(setsockopt(r.a.fd, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one), 0);
	for (unsigned i = 0; i < UDP_REFUSALS + 3; i++) {
		for (unsigned k = 0; k < 3; k++)
			put(&r, &r.b.local, 200, (uint8_t)++n);
		udp_flush(&r.a);
	}
	CU_ASSERT_EQUAL(r.a.trains_refused, UDP_REFUSALS); /* then no more are made */
	CU_ASSERT_FALSE(r.a.trains);
	CU_ASSERT_EQUAL(r.a.trained, 0);
	CU_ASSERT_EQUAL(r.a.sent, n);
	CU_ASSERT_EQUAL(r.a.failed + r.a.dropped, 0);
	receive(&r);
	CU_ASSERT_EQUAL_FATAL(r.n, n);
	for (unsigned i = 0; i < n; i++)
		CU_ASSERT_EQUAL(r.first[i], (uint8_t)(i + 1));
	rig_close(&r);
}

/* One refusal, or some between others that leave, changes nothing. */
static void t_some_refused(void)
{
	struct rig r;

	rig_open(&r, true);
	for (unsigned i = 0; i < 3 * UDP_REFUSALS; i++) {
		int off = i % 4 != 0;
		CU_ASSERT_EQUAL(setsockopt(r.a.fd, SOL_SOCKET, SO_NO_CHECK, &off, sizeof off), 0);
		put(&r, &r.b.local, 200, 1);
		put(&r, &r.b.local, 200, 1);
		udp_flush(&r.a);
	}
	CU_ASSERT_EQUAL(r.a.trains_refused, 3 * UDP_REFUSALS * 3 / 4);
	CU_ASSERT_TRUE(r.a.trains);
	CU_ASSERT_EQUAL(r.a.sent, 6 * UDP_REFUSALS);
	rig_close(&r);
}

/* One peer that cannot be reached does not end the trains of all. */
static void t_unreachable(void)
{
	struct rig r;
	struct addr nowhere;

	rig_open(&r, true);
	CU_ASSERT_EQUAL_FATAL(addr_read(&nowhere, "::1", 9), 0);
	for (unsigned i = 0; i < UDP_REFUSALS + 3; i++) {
		put(&r, &nowhere, 200, 1);
		put(&r, &nowhere, 200, 1);
		udp_flush(&r.a);
	}
	CU_ASSERT_EQUAL(r.a.trains_refused, UDP_REFUSALS + 3);
	CU_ASSERT_EQUAL(r.a.failed, 2 * (UDP_REFUSALS + 3));
	put(&r, &r.b.local, 200, 1);
	put(&r, &r.b.local, 200, 1);
	udp_flush(&r.a);
	CU_ASSERT_EQUAL(r.a.trained, 2);
	rig_close(&r);
}

UNIT_SUITE(net_udp, { "udp: 64 datagrams leave in a batch, the rest in the flush", t_batch },
	{ "udp: a datagram that cannot leave is counted and skipped", t_refused },
	{ "udp: a train is of one size, only its last datagram may be shorter", t_train },
	{ "udp: a train has 16 datagrams at most, each fits Ethernet whole", t_train_limits },
	{ "udp: a train goes to one stream's address", t_train_of_one_address },
	{ "udp: trains lose nothing over the ends of batches", t_full_batches },
	{ "udp: a kernel that takes no train gets single datagrams from then on",
		t_kernel_refuses },
	{ "udp: trains refused now and then are sent apart", t_some_refused },
	{ "udp: who cannot be reached does not end the trains of others", t_unreachable });
