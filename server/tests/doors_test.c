/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/core/server.h"
#include "server/tests/unit.h"

static void t_spec(void)
{
	static const struct {
		const char *text, *at;
		bool is_tls;
	} good[] = {
		{ "127.0.0.1", "127.0.0.1:554", false },
		{ "127.0.0.1:0", "127.0.0.1:0", false },
		{ "rtsp://0.0.0.0:8554/", "0.0.0.0:8554", false },
		{ "rtsps://localhost", "127.0.0.1:322", true },
		{ "RTSPS://[::1]:8322", "[::1]:8322", true },
		{ "::", "[::]:554", false },
		{ "2001:db8::1:8554", "[2001:db8::1:8554]:554", false },
		{ "[2001:db8::1]:8554", "[2001:db8::1]:8554", false },
		{ "rtsp://[::ffff:127.0.0.1]", "127.0.0.1:554", false },
		{ "[::1%lo]:1", "[::1]:1", false },
	};
	static const char *const bad[] = { "", "rtsp://", "http://127.0.0.1",
		"127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "[::1]x:1", "[::1]:1:1", ":554",
		"rtsps://rtsp://127.0.0.1", "fe80::1%nosuchthing", "example.org:554",
		"127.0.0.1/x" };
	struct door_spec d;
	char text[ADDR_TEXT];

	for (size_t i = 0; i < COUNT(good); i++) {
		CU_ASSERT_EQUAL(door_spec_read(&d, bytes_str(good[i].text), 554, 322), 0);
		CU_ASSERT_STRING_EQUAL(addr_text(&d.at, text), good[i].at);
		CU_ASSERT_EQUAL(d.is_tls, good[i].is_tls);
	}
	for (size_t i = 0; i < COUNT(bad); i++)
		CU_ASSERT_EQUAL(door_spec_read(&d, bytes_str(bad[i]), 554, 322), ERR_SYNTAX);
}

static void t_list(void)
{
	struct prefs *p = prefs_new();
	struct door_spec d[DOORS_MAX];
	char why[PREFS_WHY];

	CU_ASSERT_EQUAL(door_specs_read(d, p, why), 1); /* bind_ip_addr */
	CU_ASSERT_EQUAL(addr_port(&d[0].at), 8554);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "[::]:554", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "[::]:555", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "10.0.0.1:554", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "[::]:0", why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "10.0.0.1:0", why), 0);
	CU_ASSERT_EQUAL_FATAL(door_specs_read(d, p, why), 5);
	CU_ASSERT_TRUE(d[0].is_v6_only); /* IPv4 has the port */
	CU_ASSERT_FALSE(d[1].is_v6_only || d[3].is_v6_only);
	for (int i = 5; i < DOORS_MAX; i++)
		CU_ASSERT_EQUAL(prefs_set(p, "listen", "127.0.0.1:0", why), 0);
	CU_ASSERT_EQUAL(door_specs_read(d, p, why), DOORS_MAX);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "127.0.0.1:0", why), 0);
	CU_ASSERT_EQUAL(door_specs_read(d, p, why), ERR_LIMIT);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "", why), 0); /* empties it */
	CU_ASSERT_EQUAL(door_specs_read(d, p, why), 1);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "a\nb", why), ERR_SYNTAX);
	CU_ASSERT_EQUAL(prefs_set(p, "listen", "example.org", why), 0);
	CU_ASSERT_EQUAL(door_specs_read(d, p, why), ERR_SYNTAX);
	CU_ASSERT_PTR_NOT_NULL(strstr(why, "listen: 'example.org'"));
	prefs_free(p);
}

UNIT_SUITE(doors, { "doors: addresses with and without scheme, brackets, port, scope", t_spec },
	{ "doors: a list of at most 16; :: leaves IPv4 to who has its port", t_list });
