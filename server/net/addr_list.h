/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_ADDR_LIST_H
#define SERVER_NET_ADDR_LIST_H

#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/net/sock.h"

/*
 * Address prefixes: "10.0.0.0/8 192.168.1.7, fd00::/8". An address without a length is itself alone. An IPv4
 * address mapped into IPv6 is the IPv4 address: "::/0" is every IPv6 one, and no other.
 */
struct addr_prefix {
	bool is_ip4;
	unsigned bits; /* of octets */
	uint8_t octets[16];
};
struct addr_list {
	struct addr_prefix *v;
	size_t n;
};
enum { ADDR_LIST_MAX = 1024 };

/* Appends what `text` names (blanks or commas between) to *l, which must be zero or read before; the caller
 * clears. 0; ERR_SYNTAX: *bad is the one that is no prefix, or has bits behind its length; ERR_LIMIT. On an
 * error nothing is appended. */
MUST_USE int addr_list_read(struct addr_list *l, struct bytes text, struct bytes *bad);
void addr_list_clear(struct addr_list *l);
bool addr_list_has(const struct addr_list *l, const struct addr *a);

#endif
