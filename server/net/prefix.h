/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_PREFIX_H
#define SERVER_NET_PREFIX_H

#include "server/base/bytes.h"
#include "server/net/sock.h"

/*
 * Blocks of addresses: "10.0.0.0/8", "2001:db8::/32", or one address alone. An IPv4 address and the same
 * mapped into IPv6 are one.
 */
enum { PREFIXES_MAX = 32 };

struct prefix {
	uint8_t host[16]; /* IPv4 as ::ffff:a.b.c.d; bits behind the prefix are 0 */
	uint8_t bits;     /* of these 16 octets: an IPv4 /8 is 104 */
};
struct prefixes {
	uint32_t n;
	struct prefix v[PREFIXES_MAX];
};

/* Reads one; bits behind the prefix are cleared. 0 or ERR_SYNTAX. */
MUST_USE int prefix_read(struct prefix *p, struct bytes text);
/* Reads a list, separated by commas or blanks; an empty one is fine. 0, ERR_SYNTAX, or ERR_LIMIT. */
MUST_USE int prefixes_read(struct prefixes *p, struct bytes text);
bool prefix_has(const struct prefix *p, const struct addr *a);
bool prefixes_has(const struct prefixes *p, const struct addr *a);

#endif
