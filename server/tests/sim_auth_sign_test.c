/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/modules/auth_sign.h"
#include "server/tests/sim_auth.h"
#include "server/tests/unit.h"

/* Signed URLs in a whole server. */

static char *signed_path(struct place *p, const char *path, int64_t seconds, const char *client)
{
	char why[PREFS_WHY];
	struct auth_key key;
	struct addr a;
	struct buf b;
	char *url = xasprintf("rtsp://127.0.0.1%s", path);
	int64_t now = worker_wall(&p->s.workers[0], p->s.clock) / TICK_S;

	buf_init(&b, 4096);
	CU_ASSERT_EQUAL_FATAL(auth_key_read(&key, NULL, p->key, why), 0);
	if (client)
		CU_ASSERT_EQUAL(addr_read(&a, client, 0), 0);
	CU_ASSERT_EQUAL(
		auth_sign_url(&key, bytes_str(url), now + seconds, client ? &a : NULL, &b), 0);
	free(url);
	url = xasprintf(
		"%.*s", BYTES_FMT(bytes_sub(buf_bytes(&b), strlen("rtsp://127.0.0.1"), b.n)));
	buf_clear(&b);
	auth_key_clear(&key);
	return url;
}

static void t_signed(void)
{
	struct place p;
	struct sim_client c, other;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	sim_connect(&other, &p.s, 0);
	char *url = signed_path(&p, "/pattern/500k", 60, NULL);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 200);
	/* by Content-Base, without the query: on this connection, for this medium */
	CU_ASSERT_EQUAL(sim_ask(&other, "SETUP", "/pattern/500k/trackID=1", SIM_AUTH_UDP), 401);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern", ""), 401);
	CU_ASSERT_EQUAL(
		sim_setup(&c, "/pattern/500k/trackID=1", "RTP/AVP;unicast;client_port=5000-5001"),
		200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", "/pattern/500k", ""), 200);
	/* nor for what only begins the same */
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/500k0", ""), 401);
	/* the session is good for itself, not for what else this user would like */
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", "/pattern/1000k", ""), 401);
	/* it plays on when its URL has expired; a new one is not made */
	sim_run(&p.s, 40 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "GET_PARAMETER", "/pattern/500k", ""), 200);
	sim_run(&p.s, 40 * TICK_S);
	CU_ASSERT_EQUAL(sim_ask(&c, "PAUSE", "/pattern/500k", ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", url, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", url, ""), 403);
	CU_ASSERT_EQUAL(sim_ask(&other, "SETUP", url, SIM_AUTH_UDP), 403);
	CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/500k", ""), 200);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/500k/trackID=1", SIM_AUTH_UDP), 401);
	CU_ASSERT_EQUAL(place_stats(&p).auth_signatures_bad, 2);
	free(url);
	sim_hang_up(&c);
	sim_hang_up(&other);
	place_close(&p);
}

/* Both ways in which players join a control to a URL with a query, and no DESCRIBE at all. */
static void t_signed_joins(void)
{
	struct place p;
	struct sim_client c;

	place_open(&p, 1);
	char *url = signed_path(&p, "/pattern/500k", 60, NULL);
	char *behind = xasprintf("%s/trackID=1", url);
	char *before = xasprintf("/pattern/500k/trackID=1%s", strchr(url, '?'));
	const char *const ways[] = { behind, before };
	for (size_t i = 0; i < COUNT(ways); i++) {
		sim_connect(&c, &p.s, 0);
		CU_ASSERT_EQUAL(
			sim_setup(&c, ways[i], "RTP/AVP;unicast;client_port=5000-5001"), 200);
		CU_ASSERT_EQUAL(sim_ask(&c, "PLAY", url, ""), 200);
		CU_ASSERT_EQUAL(sim_ask(&c, "TEARDOWN", "/pattern/500k", ""), 200);
		sim_hang_up(&c);
	}
	free(before);
	free(behind);
	free(url);
	place_close(&p);
}

/* Only a DESCRIBE is remembered: who begins with SETUP has the query at hand. */
static void t_signed_setup(void)
{
	struct place p;
	struct sim_client c;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	char *url = signed_path(&p, "/pattern/500k/trackID=1", 60, NULL);
	CU_ASSERT_EQUAL(sim_setup(&c, url, "RTP/AVP;unicast;client_port=5000-5001"), 200);
	c.session[0] = '\0';
	CU_ASSERT_EQUAL(sim_ask(&c, "SETUP", "/pattern/500k/trackID=1", SIM_AUTH_UDP), 401);
	free(url);
	sim_hang_up(&c);
	place_close(&p);
}

static void t_signed_for(void)
{
	struct place p;
	struct sim_client c, other;

	place_open(&p, 1);
	sim_connect(&c, &p.s, 0);
	sim_connect_from(&other, &p.s, 0, "127.0.0.2");
	char *url = signed_path(&p, "/pattern/500k", 60, "127.0.0.1");
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 200);
	CU_ASSERT_EQUAL(sim_ask(&other, "DESCRIBE", url, ""), 403);
	free(url);
	/* nobody is nobody, whoever signed */
	url = signed_path(&p, "/pattern/50p", 60, NULL);
	CU_ASSERT_EQUAL(sim_ask(&c, "DESCRIBE", url, ""), 403);
	free(url);
	sim_hang_up(&c);
	sim_hang_up(&other);
	place_close(&p);
}

UNIT_SUITE(sim_auth_sign,
	{ "signed URL: reads its medium until it expires; a session plays on", t_signed },
	{ "signed URL: a control may stand before the query or behind it", t_signed_joins },
	{ "signed URL: one of a SETUP is good for this SETUP", t_signed_setup },
	{ "signed URL: for one address; never where nobody may", t_signed_for });
