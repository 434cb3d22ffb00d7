/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "server/base/err.h"
#include "server/core/peers.h"
#include "server/net/prefix.h"
#include "server/tests/unit.h"

static struct addr host(const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL_FATAL(addr_read(&a, text, 1234), 0);
	return a;
}

static struct addr numbered(uint32_t n)
{
	struct addr a = host("10.0.0.0");
	a.v4.sin_addr.s_addr = htonl(0x0a000000u + n);
	return a;
}

static const struct peers_limits no_limits = { 0 };

/* ---- prefixes ---- */

static bool is_in(const char *list, const char *text)
{
	struct prefixes p;
	struct addr a = host(text);
	CU_ASSERT_EQUAL_FATAL(prefixes_read(&p, bytes_str(list)), 0);
	return prefixes_has(&p, &a);
}

static void t_prefixes(void)
{
	CU_ASSERT_FALSE(is_in("", "127.0.0.1"));
	CU_ASSERT_TRUE(is_in("127.0.0.0/8", "127.255.0.9"));
	CU_ASSERT_FALSE(is_in("127.0.0.0/8", "128.0.0.1"));
	CU_ASSERT_TRUE(is_in("127.0.0.0/8", "::ffff:127.0.0.1"));
	CU_ASSERT_TRUE(is_in("::ffff:10.0.0.0/104", "10.200.0.1"));
	CU_ASSERT_TRUE(is_in("10.1.2.3", "10.1.2.3"));
	CU_ASSERT_FALSE(is_in("10.1.2.3", "10.1.2.2"));
	CU_ASSERT_TRUE(is_in("10.1.2.3/31", "10.1.2.2"));
	CU_ASSERT_TRUE(is_in("0.0.0.0/0", "1.2.3.4"));
	CU_ASSERT_FALSE(is_in("0.0.0.0/0", "2001:db8::1"));
	CU_ASSERT_TRUE(is_in("::/0", "1.2.3.4"));
	CU_ASSERT_TRUE(is_in("192.0.2.1, 2001:db8::/33\t::1", "2001:db8:7fff::9"));
	CU_ASSERT_FALSE(is_in("192.0.2.1, 2001:db8::/33 ::1", "2001:db8:8000::9"));
	CU_ASSERT_TRUE(is_in("192.0.2.1, 2001:db8::/33 ::1", "::1"));
}

static void t_prefixes_bad(void)
{
	static const char *const bad[] = { "x", "1.2.3", "1.2.3.4/33", "::1/129", "1.2.3.4/",
		"1.2.3.4/-1", "/8", "1.2.3.4/8/8", "example.org", "10.0.0.0/8 y" };
	struct prefixes p;

	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(prefixes_read(&p, bytes_str(bad[i])), ERR_SYNTAX);
	char many[PREFIXES_MAX * 8 + 8] = "";
	for (size_t i = 0; i <= PREFIXES_MAX; i++)
		memcpy(many + i * 4, "::1 ", 5);
	CU_ASSERT_EQUAL(prefixes_read(&p, bytes_str(many)), ERR_LIMIT);
	many[PREFIXES_MAX * 4] = '\0';
	CU_ASSERT_EQUAL(prefixes_read(&p, bytes_str(many)), 0);
	CU_ASSERT_EQUAL(p.n, PREFIXES_MAX);
}

/* ---- connections ---- */

static void t_connections(void)
{
	struct peers *p = peers_new(100, 1);
	struct peers_limits l = { .connections = 3 };
	struct addr a = host("192.0.2.1"), b = host("192.0.2.2"), mapped = host("::ffff:192.0.2.1");
	uint32_t at[4];

	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(peers_connect(p, i == 1 ? &mapped : &a, &l, 0, &at[i]), PEERS_OK);
	CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &at[3]), PEERS_CONNECTIONS);
	CU_ASSERT_EQUAL(peers_connect(p, &b, &l, 0, &at[3]), PEERS_OK);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).connections, 3);
	peers_disconnect(p, at[1], 0);
	CU_ASSERT_EQUAL(peers_connect(p, &mapped, &l, 0, &at[1]), PEERS_OK);
	for (int i = 0; i < 4; i++)
		peers_disconnect(p, at[i], 0);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).connections, 0);
	peers_free(p);
}

static void t_by_64(void)
{
	struct peers *p = peers_new(100, 1);
	struct peers_limits l = { .connections = 1 };
	struct addr a = host("2001:db8:1:2::1"), same = host("2001:db8:1:2:ffff::9"),
		    other = host("2001:db8:1:3::1");
	uint32_t at[2];

	CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &at[0]), PEERS_OK);
	CU_ASSERT_EQUAL(peers_connect(p, &same, &l, 0, &at[1]), PEERS_CONNECTIONS);
	CU_ASSERT_EQUAL(peers_connect(p, &other, &l, 0, &at[1]), PEERS_OK);
	peers_disconnect(p, at[0], 0);
	peers_disconnect(p, at[1], 0);
	peers_free(p);
}

static void t_rate(void)
{
	struct peers *p = peers_new(100, 1);
	struct peers_limits l = { .connections_per_s = 10 };
	struct addr a = host("192.0.2.1");
	uint32_t at;
	int n = 0;

	for (int i = 0; i < 100; i++) /* at once: one second's worth */
		n += peers_connect(p, &a, &l, TICK_S, &at) == PEERS_OK;
	CU_ASSERT_EQUAL(n, 10);
	for (tick_t now = TICK_S; now < 6 * TICK_S; now += 10 * TICK_MS)
		n += peers_connect(p, &a, &l, now, &at) == PEERS_OK;
	CU_ASSERT_TRUE(n >= 59 && n <= 60);
	while (n-- > 0)
		peers_disconnect(p, at, 0);
	peers_free(p);
}

/* ---- sessions ---- */

static void t_sessions(void)
{
	struct peers *p = peers_new(100, 1);
	struct peers_limits l = { .sessions = 3, .unplayed = 2 };
	struct addr a = host("192.0.2.1");
	uint32_t at, refused;

	CU_ASSERT_EQUAL(peers_session(p, &a, &l, 0, &at), PEERS_OK);
	CU_ASSERT_EQUAL(peers_session(p, &a, &l, 0, &at), PEERS_OK);
	CU_ASSERT_EQUAL(peers_session(p, &a, &l, 0, &refused), PEERS_UNPLAYED);
	peers_played(p, at);
	CU_ASSERT_EQUAL(peers_session(p, &a, &l, 0, &at), PEERS_OK);
	CU_ASSERT_EQUAL(peers_session(p, &a, &l, 0, &refused), PEERS_SESSIONS);
	peers_session_end(p, at, true, 0);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).sessions, 2);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).unplayed, 2);
	peers_session_end(p, at, false, 0);
	peers_session_end(p, at, false, 0);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).unplayed, 0);
	peers_free(p);
}

/* ---- the table ---- */

static void t_fixed(void)
{
	struct peers *p = peers_new(8, 1);
	struct peers_limits l = { .connections = 2 };
	uint32_t at[12], x;

	/* those that hold nothing make room */
	for (uint32_t i = 0; i < 1000; i++) {
		struct addr a = numbered(i);
		CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &x), PEERS_OK);
		CU_ASSERT_NOT_EQUAL(x, PEERS_OTHERS);
		peers_disconnect(p, x, 0);
	}
	CU_ASSERT_EQUAL(peers_known(p), 8);
	/* those that hold something stay; the rest share one entry, and its limit */
	for (uint32_t i = 0; i < 10; i++) {
		struct addr a = numbered(2000 + i);
		CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &at[i]), PEERS_OK);
		CU_ASSERT_EQUAL(at[i] == PEERS_OTHERS, i >= 8);
	}
	struct addr late = numbered(3000), first = numbered(2000);
	CU_ASSERT_EQUAL(peers_connect(p, &late, &l, 0, &x), PEERS_CONNECTIONS);
	CU_ASSERT_EQUAL(peers_count(p, &first, 0).connections, 1);
	/* one of those goes: the next new address has an entry again */
	peers_disconnect(p, at[3], 0);
	CU_ASSERT_EQUAL(peers_connect(p, &late, &l, 0, &at[3]), PEERS_OK);
	CU_ASSERT_NOT_EQUAL(at[3], PEERS_OTHERS);
	for (uint32_t i = 0; i < 10; i++)
		peers_disconnect(p, at[i], 0);
	CU_ASSERT_EQUAL(peers_known(p), 8);
	peers_free(p);
}

/* Who counts in an entry goes on counting there, and all are found again. */
static void t_grows(void)
{
	enum { MANY = 20000 }; /* chunks, and buckets, more than once */
	static uint32_t at[MANY];
	struct peers *p = peers_new(8, 1);
	struct peers_limits l = { .connections = 1 };
	uint32_t x, n = 0;

	for (uint32_t size = 8; size <= MANY;
		size = size * 50 < MANY ? size * 50 : size + MANY / 2) {
		peers_grow(p, size);
		peers_grow(p, 1); /* never less */
		for (; n < size; n++) {
			struct addr a = numbered(n);
			CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &at[n]), PEERS_OK);
			CU_ASSERT_NOT_EQUAL(at[n], PEERS_OTHERS);
		}
		struct addr late = numbered(MANY + 1);
		CU_ASSERT_EQUAL(peers_connect(p, &late, &l, 0, &x), PEERS_OK);
		CU_ASSERT_EQUAL(x, PEERS_OTHERS);
		peers_disconnect(p, x, 0);
	}
	CU_ASSERT_EQUAL(peers_known(p), n);
	for (uint32_t i = 0; i < n; i++) {
		struct addr a = numbered(i);
		CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &x), PEERS_CONNECTIONS);
		CU_ASSERT_EQUAL(x, at[i]);
		peers_disconnect(p, at[i], 0);
	}
	peers_free(p);
}

/* Its connection has gone, its session plays on: its entry is not for others. */
static void t_session_alone(void)
{
	struct peers *p = peers_new(2, 1);
	struct peers_limits l = { .sessions = 1 };
	struct addr holder = numbered(1);
	uint32_t connection, session, x;

	CU_ASSERT_EQUAL(peers_connect(p, &holder, &l, 0, &connection), PEERS_OK);
	CU_ASSERT_EQUAL(peers_session(p, &holder, &l, 0, &session), PEERS_OK);
	CU_ASSERT_EQUAL(session, connection);
	peers_disconnect(p, connection, 0);
	for (uint32_t i = 0; i < 10; i++) {
		struct addr a = numbered(100 + i);
		CU_ASSERT_EQUAL(peers_connect(p, &a, &l, 0, &x), PEERS_OK);
		CU_ASSERT_NOT_EQUAL(x, session);
		peers_disconnect(p, x, 0);
	}
	CU_ASSERT_EQUAL(peers_count(p, &holder, 0).sessions, 1);
	CU_ASSERT_EQUAL(peers_session(p, &holder, &l, 0, &x), PEERS_SESSIONS);
	peers_session_end(p, session, false, 0);
	CU_ASSERT_EQUAL(peers_session(p, &holder, &l, 0, &x), PEERS_OK);
	peers_session_end(p, x, false, 0);
	peers_free(p);
}

static void t_longest_unused(void)
{
	struct peers *p = peers_new(3, 1);
	struct addr a[4] = { numbered(1), numbered(2), numbered(3), numbered(4) };

	peers_login_failed(p, &a[0], 0);
	peers_login_failed(p, &a[1], 1);
	peers_login_failed(p, &a[2], 2);
	peers_login_failed(p, &a[0], 3);
	peers_login_failed(p, &a[3], 4);
	CU_ASSERT_EQUAL(peers_count(p, &a[0], 5).failures, 2);
	CU_ASSERT_EQUAL(peers_count(p, &a[1], 5).failures, 0);
	CU_ASSERT_EQUAL(peers_count(p, &a[2], 5).failures, 1);
	CU_ASSERT_EQUAL(peers_count(p, &a[3], 5).failures, 1);
	peers_free(p);
}

/* ---- logins ---- */

static void t_logins(void)
{
	struct peers *p = peers_new(100, 1);
	struct addr a = host("192.0.2.1"), b = host("192.0.2.2");
	static const int waits[] = { 0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60 };

	for (size_t i = 0; i < COUNT(waits); i++) {
		peers_login_failed(p, &a, TICK_S);
		CU_ASSERT_EQUAL(peers_login_wait(p, &a, TICK_S), waits[i] * TICK_S);
	}
	CU_ASSERT_EQUAL(peers_login_wait(p, &b, TICK_S), 0);
	CU_ASSERT_EQUAL(peers_login_wait(p, &a, 41 * TICK_S), 20 * TICK_S);
	CU_ASSERT_EQUAL(peers_login_wait(p, &a, 61 * TICK_S), 0);
	/* forgotten, one a minute */
	CU_ASSERT_EQUAL(peers_count(p, &a, 61 * TICK_S).failures, 14);
	CU_ASSERT_EQUAL(peers_count(p, &a, TICK_S + 14 * 60 * TICK_S).failures, 1);
	CU_ASSERT_EQUAL(peers_count(p, &a, TICK_S + 15 * 60 * TICK_S).failures, 0);
	peers_login_failed(p, &a, 1000 * TICK_S);
	CU_ASSERT_EQUAL(peers_count(p, &a, 1059 * TICK_S).failures, 1);
	CU_ASSERT_EQUAL(peers_login_wait(p, &a, 1000 * TICK_S), 0);
	peers_free(p);
}

/* Without an entry of one's own one guesses at the expense of all others that have none. */
static void t_logins_of_the_rest(void)
{
	struct peers *p = peers_new(1, 1);
	struct addr holder = numbered(1), a = numbered(2), b = numbered(3);
	uint32_t at;

	CU_ASSERT_EQUAL(peers_connect(p, &holder, &no_limits, 0, &at), PEERS_OK);
	for (int i = 0; i < 8; i++)
		peers_login_failed(p, i % 2 ? &a : &b, TICK_S);
	CU_ASSERT_EQUAL(peers_login_wait(p, &a, TICK_S), 4 * TICK_S);
	CU_ASSERT_EQUAL(peers_login_wait(p, &b, TICK_S), 4 * TICK_S);
	CU_ASSERT_EQUAL(peers_login_wait(p, &holder, TICK_S), 0);
	peers_disconnect(p, at, 0);
	peers_free(p);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000, LIMIT = 7 };
struct crowd {
	struct peers *p;
	struct addr a;
	_Atomic int inside, most;
};

static void *come_and_go(void *arg)
{
	struct crowd *c = arg;
	struct peers_limits l = { .connections = LIMIT };
	uint32_t at[4];

	for (int i = 0; i < ROUNDS; i++) {
		int n = 0;
		while (n < 4 && peers_connect(c->p, &c->a, &l, i, &at[n]) == PEERS_OK) {
			int now = ++c->inside;
			if (now > c->most)
				c->most = now;
			n++;
		}
		while (n-- > 0) {
			c->inside--;
			peers_disconnect(c->p, at[n], i);
		}
	}
	return NULL;
}

static void t_threads(void)
{
	struct crowd c = { .p = peers_new(10, 1), .a = host("192.0.2.1") };
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		CU_ASSERT_EQUAL_FATAL(pthread_create(&t[i], NULL, come_and_go, &c), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	CU_ASSERT_TRUE(c.most <= LIMIT);
	CU_ASSERT_EQUAL(peers_count(c.p, &c.a, 0).connections, 0);
	peers_free(c.p);
}

static void t_no_limits(void)
{
	struct peers *p = peers_new(4, 1);
	struct addr a = host("192.0.2.1");
	uint32_t at, s;

	for (int i = 0; i < 5000; i++) {
		CU_ASSERT_EQUAL(peers_connect(p, &a, &no_limits, 0, &at), PEERS_OK);
		CU_ASSERT_EQUAL(peers_session(p, &a, &no_limits, 0, &s), PEERS_OK);
	}
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).connections, 5000);
	CU_ASSERT_EQUAL(peers_count(p, &a, 0).sessions, 5000);
	peers_free(p);
}

UNIT_SUITE(peers, { "prefix: a block holds its addresses, IPv4 also when mapped", t_prefixes },
	{ "prefix: what is no address or too many is refused", t_prefixes_bad },
	{ "connections of one address are capped, mapped or not", t_connections },
	{ "IPv6 addresses count by their /64", t_by_64 },
	{ "new connections of an address have a rate, with one second's burst", t_rate },
	{ "sessions are capped, and those that never played", t_sessions },
	{ "the table is of a fixed size: idle entries make room, then the rest share one",
		t_fixed },
	{ "a table that grows keeps all that it holds, where it is", t_grows },
	{ "the longest unused entry is the first to go", t_longest_unused },
	{ "an address with a session keeps its entry when its connection has gone",
		t_session_alone },
	{ "failed logins cost a doubling wait, and are forgotten", t_logins },
	{ "those for whom there is no entry wait for each other's failures", t_logins_of_the_rest },
	{ "no two threads overshoot a cap together", t_threads }, { "0 is no limit", t_no_limits });
