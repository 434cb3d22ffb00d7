/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loadgen/sink.h"
#include "server/base/err.h"
#include "server/base/os.h"
#include "server/tests/unit.h"

/* Real sockets on loopback: datagrams are sent to the addresses of sessions, and drained. */
enum { SESSIONS = 20, TRACKS = 2 };

struct end {
	struct sink_stream stream;
	unsigned rtp, rtcp;
	size_t n, read; /* of the last datagram: its length, and what was read of it */
	uint8_t last[32];
	tick_t at;
};

struct bench {
	struct tally tally;
	struct stamp_clock stamps;
	struct loop loop;
	struct sink sink;
	struct end ends[SESSIONS][TRACKS];
	struct addr local[SESSIONS];
	uint32_t slots[SESSIONS];
	int fd; /* sends */
};

static void note(struct end *e, const struct batch_item *x)
{
	e->n = x->n;
	e->read = x->bytes.n;
	e->at = x->at;
	memcpy(e->last, x->bytes.p, x->bytes.n < sizeof e->last ? x->bytes.n : sizeof e->last);
}

static void on_rtp(void *owner, const struct batch_item *x)
{
	struct end *e = owner;
	e->rtp++;
	note(e, x);
}

static void on_rtcp(void *owner, const struct batch_item *x)
{
	struct end *e = owner;
	e->rtcp++;
	note(e, x);
}

static const struct sink_events events = { on_rtp, on_rtcp };

static tick_t clock_of(void *arg)
{
	(void)arg;
	return os_now();
}

static struct bench *bench_new(enum socket_mode mode, bool heads)
{
	struct bench *b = xcalloc(1, sizeof *b);
	struct addr any;

	tally_init(&b->tally);
	for (int i = 0; i < 100; i++) /* one of them was not interrupted */
		stamp_refresh(&b->stamps);
	CU_ASSERT_EQUAL_FATAL(loop_init_virtual(&b->loop, clock_of, NULL), 0);
	struct sink_config c = { .mode = mode,
		.heads = heads,
		.sessions = SESSIONS,
		.tick_loop = &b->loop,
		.tally = &b->tally,
		.stamps = &b->stamps,
		.events = &events };
	CU_ASSERT_EQUAL_FATAL(sink_open(&b->sink, &c), 0);
	CU_ASSERT_EQUAL_FATAL(addr_read(&any, "127.0.0.1", 0), 0);
	b->fd = sock_udp(&any, 0, 0);
	CU_ASSERT_FATAL(b->fd >= 0);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		CU_ASSERT_EQUAL_FATAL(sink_slot_take(&b->sink, &b->slots[i], &b->local[i]), 0);
		if (mode == SOCKETS_PAIRS)
			b->local[i] = any;
		for (uint32_t t = 0; t < TRACKS; t++) {
			struct end *e = &b->ends[i][t];
			sink_stream_init(&e->stream, &b->sink, e);
			CU_ASSERT_EQUAL_FATAL(
				sink_stream_open(&e->stream, b->slots[i], t, &b->local[i]), 0);
		}
	}
	return b;
}

static void bench_free(struct bench *b)
{
	for (uint32_t i = 0; i < SESSIONS; i++)
		for (uint32_t t = 0; t < TRACKS; t++)
			sink_stream_close(&b->ends[i][t].stream, os_now());
	(void)close(b->fd);
	loop_clear(&b->loop);
	sink_close(&b->sink);
	tally_clear(&b->tally);
	free(b);
}

/* A datagram of n bytes, the first four saying whose it is. */
static void send_to(struct bench *b, uint32_t i, uint32_t t, bool is_rtcp, size_t n)
{
	static uint8_t data[BATCH_WHOLE + 100];
	struct addr to = b->local[i];

	put_be16(data, (uint16_t)i);
	put_be16(data + 2, (uint16_t)t);
	addr_set_port(&to, (uint16_t)(b->ends[i][t].stream.port + is_rtcp));
	CU_ASSERT_EQUAL(sendto(b->fd, data, n, 0, &to.sa, to.n), (ssize_t)n);
}

/* RTCP sockets are looked at every few ticks only. */
static void drain(struct bench *b)
{
	for (int i = 0; i < 20; i++) {
		loop_turn(&b->loop);
		sink_drain(&b->sink, os_now());
	}
}

static void check_whose(const struct bench *b, uint32_t i, uint32_t t)
{
	CU_ASSERT_EQUAL(be16(b->ends[i][t].last), i);
	CU_ASSERT_EQUAL(be16(b->ends[i][t].last + 2), t);
}

/* To every stream its own, in every mode, batches and leftovers. */
static void each_its_own(enum socket_mode mode, bool heads, size_t read)
{
	struct bench *b = bench_new(mode, heads);
	tick_t before = os_now();

	for (unsigned k = 0; k < 10; k++)
		for (uint32_t i = 0; i < SESSIONS; i++)
			for (uint32_t t = 0; t < TRACKS; t++)
				send_to(b, i, t, false, 1000 + i);
	for (uint32_t i = 0; i < SESSIONS; i++)
		send_to(b, i, 1, true, 200);
	tick_t after = os_now();
	drain(b);
	for (uint32_t i = 0; i < SESSIONS; i++) {
		CU_ASSERT_EQUAL(b->ends[i][0].rtp, 10);
		CU_ASSERT_EQUAL(b->ends[i][1].rtp, 10);
		CU_ASSERT_EQUAL(b->ends[i][0].rtcp, 0);
		CU_ASSERT_EQUAL(b->ends[i][0].n, 1000 + i);
		CU_ASSERT_EQUAL(b->ends[i][0].read, read ? read : 1000 + i);
		/* before the drain, whenever that is */
		CU_ASSERT(b->ends[i][0].at >= before - TICK_MS);
		CU_ASSERT(b->ends[i][0].at <= after + TICK_MS);
		if (mode == SOCKETS_PAIRS)
			sink_stream_poll(&b->ends[i][1].stream, os_now());
		CU_ASSERT_EQUAL(b->ends[i][1].rtcp, 1);
		CU_ASSERT_EQUAL(b->ends[i][1].read, 200); /* reports are read whole */
		check_whose(b, i, 0);
		check_whose(b, i, 1);
	}
	CU_ASSERT_EQUAL(b->tally.sum.strays, 0);
	bench_free(b);
}

static void t_wide(void)
{
	each_its_own(SOCKETS_WIDE, false, 0);
}

static void t_heads(void)
{
	each_its_own(SOCKETS_WIDE, true, BATCH_HEAD);
}

static void t_pairs(void)
{
	each_its_own(SOCKETS_PAIRS, true, 0); /* players read all */
}

static void t_strays(void)
{
	struct bench *b = bench_new(SOCKETS_WIDE, true);
	struct addr other = b->local[0];

	sink_stream_close(&b->ends[3][0].stream, os_now());
	b->ends[3][0].stream.port = b->sink.port[b->slots[3] % SINK_WIDE];
	send_to(b, 3, 0, false, 100); /* closed */
	b->ends[3][0].stream.port = 0;
	b->local[0].v4.sin_addr.s_addr = htonl(0x7f000001); /* nobody's */
	send_to(b, 0, 0, false, 100);
	b->local[0] = other;
	send_to(b, 0, 0, false, 100);
	drain(b);
	CU_ASSERT_EQUAL(b->tally.sum.strays, 2);
	CU_ASSERT_EQUAL(b->ends[3][0].rtp, 0);
	CU_ASSERT_EQUAL(b->ends[0][0].rtp, 1);
	bench_free(b);
}

static void t_cut(void)
{
	struct bench *b = bench_new(SOCKETS_WIDE, false);

	send_to(b, 0, 0, false, BATCH_WHOLE);
	send_to(b, 1, 0, false, BATCH_WHOLE + 1);
	drain(b);
	CU_ASSERT_EQUAL(b->ends[0][0].rtp, 1);
	CU_ASSERT_EQUAL(b->ends[1][0].rtp, 0);
	CU_ASSERT_EQUAL(b->tally.sum.truncated, 1);
	bench_free(b);
}

static void t_slots(void)
{
	struct bench *b = bench_new(SOCKETS_WIDE, true);
	struct addr local;
	uint32_t slot;

	CU_ASSERT_EQUAL(sink_slot_take(&b->sink, &slot, &local), ERR_LIMIT);
	for (uint32_t t = 0; t < TRACKS; t++)
		sink_stream_close(&b->ends[7][t].stream, os_now());
	sink_slot_give(&b->sink, b->slots[7]);
	CU_ASSERT_EQUAL(sink_slot_take(&b->sink, &slot, &local), 0);
	CU_ASSERT_EQUAL(slot, b->slots[7]);
	CU_ASSERT(addr_is_same_host(&local, &b->local[7]));
	bench_free(b);
}

UNIT_SUITE(loadgen_sink, { "wide: the address tells the session, the socket the track", t_wide },
	{ "heads: the length is told, the payload is not read", t_heads },
	{ "pairs: a port for each, read whole", t_pairs },
	{ "what goes to no open stream is a stray", t_strays },
	{ "a datagram longer than the buffer is counted, not judged", t_cut },
	{ "an address is free again when its session is over", t_slots });
