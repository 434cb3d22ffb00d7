/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "server/base/tick.h"
#include "server/modules/auth_nonce.h"
#include "server/tests/unit.h"

static const uint8_t secret[AUTH_SECRET + 1] = "thirty-two octets of no secrecy";
enum { LIFE = 300 };

static struct addr host(const char *text)
{
	struct addr a;
	CU_ASSERT_EQUAL(addr_read(&a, text, 0), 0);
	return a;
}

/* At a time in seconds. */
static void make(
	struct auth_nonces *n, const struct addr *to, int64_t at, uint64_t chance, char *dst)
{
	auth_nonce_make(n, to, at * TICK_S, chance, dst);
}

static enum auth_nonce_answer use(struct auth_nonces *n, const char *nonce, const struct addr *from,
	int64_t at, const char *user, int64_t count)
{
	return auth_nonce_use(n, bytes_str(nonce), from, at * TICK_S, LIFE * TICK_S, user, count);
}

static void t_life(void)
{
	struct auth_nonces *n = auth_nonces_new(16, secret),
			   *later = auth_nonces_new(16, secret + 1);
	struct addr a = host("127.0.0.1"), b = host("127.0.0.2");
	char x[AUTH_NONCE], y[AUTH_NONCE];

	make(n, &a, 1000, 1, x);
	make(n, &a, 1000, 2, y);
	CU_ASSERT_STRING_NOT_EQUAL(x, y);
	CU_ASSERT_EQUAL(strlen(x), AUTH_NONCE - 1);
	CU_ASSERT_EQUAL(use(n, x, &a, 1000, "anna", 1), NONCE_GOOD);
	CU_ASSERT_EQUAL(use(n, x, &a, 1000 + LIFE - 1, "anna", 2), NONCE_GOOD);
	CU_ASSERT_EQUAL(use(n, x, &a, 1000 + LIFE, "anna", 3), NONCE_STALE);
	CU_ASSERT_EQUAL(use(n, y, &b, 1000, "anna", 1), NONCE_STALE);     /* another host's */
	CU_ASSERT_EQUAL(use(later, y, &a, 1000, "anna", 1), NONCE_STALE); /* another secret */
	y[3] = y[3] == '0' ? '1' : '0';                                   /* another time */
	CU_ASSERT_EQUAL(use(n, y, &a, 1000, "anna", 1), NONCE_STALE);
	CU_ASSERT_EQUAL(use(n, "", &a, 1000, "anna", 1), NONCE_STALE);
	CU_ASSERT_EQUAL(
		use(n, "dcd98b7102dd2f0e8b11d0f600bfb0c093", &a, 1000, "anna", 1), NONCE_STALE);
	auth_nonces_free(later);
	auth_nonces_free(n);
}

/* Each digit counts: those of its time, of chance and of the proof that it is ours. */
static void t_forged(void)
{
	struct auth_nonces *n = auth_nonces_new(16, secret);
	struct addr a = host("127.0.0.1");
	char x[AUTH_NONCE];

	make(n, &a, 1000, 1, x);
	for (size_t i = 0; i < AUTH_NONCE - 1; i++) {
		char was = x[i];
		x[i] = was == '0' ? '1' : '0';
		CU_ASSERT_EQUAL(use(n, x, &a, 1000, "anna", 1), NONCE_STALE);
		x[i] = was;
	}
	CU_ASSERT_EQUAL(use(n, x, &a, 1000, "anna", 1), NONCE_GOOD);
	auth_nonces_free(n);
}

static void t_count(void)
{
	static const struct {
		int64_t count;
		enum auth_nonce_answer want;
	} rows[] = {
		{ 0, NONCE_REPLAYED },
		{ 1, NONCE_GOOD },
		{ 1, NONCE_REPLAYED },
		{ 3, NONCE_GOOD },
		{ 1, NONCE_REPLAYED }, /* a newer one makes none good again */
		{ 2, NONCE_GOOD },     /* two connections */
		{ 3, NONCE_REPLAYED },
		{ 2, NONCE_REPLAYED },
		{ 100, NONCE_GOOD },
		{ 37, NONCE_GOOD },
		{ 37, NONCE_REPLAYED },
		{ 36, NONCE_REPLAYED }, /* too far behind to be remembered */
		{ 99, NONCE_GOOD },
		{ 100, NONCE_REPLAYED },
		{ UINT32_MAX, NONCE_GOOD },
		{ UINT32_MAX, NONCE_REPLAYED },
		{ 1, NONCE_REPLAYED },
		{ -1, NONCE_GOOD }, /* a client that does not count */
		{ -1, NONCE_GOOD },
	};
	struct auth_nonces *n = auth_nonces_new(16, secret);
	struct addr a = host("::1");
	char x[AUTH_NONCE];

	make(n, &a, 1000, 1, x);
	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(use(n, x, &a, 1001, "anna", rows[i].count), rows[i].want);
	auth_nonces_free(n);
}

static void t_full(void)
{
	enum { ROOM = 16 };
	struct auth_nonces *n = auth_nonces_new(ROOM, secret);
	struct addr a = host("127.0.0.1");
	char x[ROOM + 1][AUTH_NONCE], unused[AUTH_NONCE];

	make(n, &a, 999, 99, unused);
	for (int i = 0; i <= ROOM; i++) {
		make(n, &a, 1000 + i, 1, x[i]);
		CU_ASSERT_EQUAL(use(n, x[i], &a, 1020, "anna", 1), NONCE_GOOD);
	}
	CU_ASSERT_EQUAL(use(n, x[0], &a, 1020, "anna", 2), NONCE_STALE);
	CU_ASSERT_FALSE(auth_nonce_is_of(n, bytes_str(x[0]), B("anna")));
	/* nobody can tell one that is new from one that was given up, if it is older than that */
	CU_ASSERT_EQUAL(use(n, unused, &a, 1020, "anna", 1), NONCE_STALE);
	for (int i = 1; i <= ROOM; i++)
		CU_ASSERT_EQUAL(use(n, x[i], &a, 1020, "anna", 1), NONCE_REPLAYED);
	auth_nonces_free(n);
}

static void t_known(void)
{
	struct auth_nonces *n = auth_nonces_new(16, secret);
	struct addr a = host("127.0.0.1");
	char x[AUTH_NONCE];

	make(n, &a, 1000, 1, x);
	CU_ASSERT_FALSE(auth_nonce_is_of(n, bytes_str(x), B("anna")));
	CU_ASSERT_EQUAL(use(n, x, &a, 1000, "anna", -1), NONCE_GOOD);
	CU_ASSERT_TRUE(auth_nonce_is_of(n, bytes_str(x), B("anna")));
	CU_ASSERT_FALSE(auth_nonce_is_of(n, bytes_str(x), B("bert")));
	CU_ASSERT_FALSE(auth_nonce_is_of(n, B("x"), B("anna")));
	auth_nonces_free(n);
}

UNIT_SUITE(auth_nonce, { "nonce: good for its time, its host and its server (7616 3.3)", t_life },
	{ "nonce: with any digit changed it is not ours", t_forged },
	{ "nonce: no count twice, those of several connections in any order (7616 3.4)", t_count },
	{ "nonce: when there is no room the oldest goes, and is stale", t_full },
	{ "nonce: known as his who has logged in with it", t_known });
