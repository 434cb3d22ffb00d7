/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "server/net/addr_list.h"
#include "server/tests/unit.h"

static bool has(const char *list, const char *host)
{
	struct addr_list l = { 0 };
	struct bytes bad;
	struct addr a;

	CU_ASSERT_EQUAL(addr_list_read(&l, bytes_str(list), &bad), 0);
	CU_ASSERT_EQUAL(addr_read(&a, host, 0), 0);
	bool is_in = addr_list_has(&l, &a);
	addr_list_clear(&l);
	return is_in;
}

static void t_match(void)
{
	static const struct {
		const char *list, *host;
		bool want;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.1.2", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.64.0.0/10", "10.127.255.255", true },
		{ "10.64.0.0/10", "10.128.0.0", false },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "127.0.0.2", false },
		{ "0.0.0.0/0", "203.0.113.9", true },
		{ "0.0.0.0/0", "2001:db8::1", false },
		{ "0.0.0.0/0", "::ffff:203.0.113.9", true },
		{ "::/0", "203.0.113.9", false },
		{ "::/0", "::ffff:203.0.113.9", false },
		{ "::/0", "2001:db8::1", true },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "::1", "::1", true },
		{ "10.0.0.0/8,\t192.168.1.7 fd00::/8", "192.168.1.7", true },
		{ "10.0.0.0/8,\t192.168.1.7 fd00::/8", "fd12::3", true },
		{ "", "127.0.0.1", false },
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		CU_ASSERT_EQUAL(has(rows[i].list, rows[i].host), rows[i].want);
}

static void t_refused(void)
{
	static const char *const rows[] = { "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10.0.0.0/+8",
		"fd00::/129", "fd00::1/64", "name", "10.0.0", "/8", "10.0.0.0/8/8" };
	struct addr_list l = { 0 };
	struct bytes bad;

	CU_ASSERT_EQUAL(addr_list_read(&l, B("127.0.0.1"), &bad), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[64];
		snprintf(text, sizeof text, "192.168.0.1, %s", rows[i]);
		CU_ASSERT_EQUAL(addr_list_read(&l, bytes_str(text), &bad), ERR_SYNTAX);
		CU_ASSERT_TRUE(bytes_is_eq(bad, bytes_str(rows[i])));
		CU_ASSERT_EQUAL(l.n, 1);
	}
	addr_list_clear(&l);
}

UNIT_SUITE(net_addr_list,
	{ "addresses: a prefix has those that share its bits, of its own family", t_match },
	{ "addresses: what is no prefix is named, and nothing of its list is taken", t_refused });
