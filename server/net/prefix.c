/* SPDX-License-Identifier: MIT */
#include "server/net/prefix.h"

#include <string.h>

#include "server/base/err.h"

enum { V4_AT = 12, BITS_V4_AT = 8 * V4_AT, BITS = 128 };

/* 16 octets of a host; an IPv4 one mapped. */
static void host_octets(const struct addr *a, uint8_t *dst)
{
	static const uint8_t mapped[V4_AT] = { [10] = 0xff, [11] = 0xff };

	if (a->sa.sa_family == AF_INET6) {
		memcpy(dst, &a->v6.sin6_addr, 16);
		return;
	}
	memcpy(dst, mapped, sizeof mapped);
	memcpy(dst + V4_AT, &a->v4.sin_addr, 4);
}

/* The bits of octet i that belong to a prefix of n bits. */
static uint8_t mask_of(unsigned i, unsigned n)
{
	unsigned have = n > 8 * i ? n - 8 * i : 0;
	return (uint8_t)(have >= 8 ? 0xffu : 0xff00u >> have);
}

int prefix_read(struct prefix *p, struct bytes text)
{
	char host[ADDR_TEXT];
	struct addr a;
	struct bytes rest = text, name = { 0 };
	uint64_t bits = 0;
	(void)bytes_cut(&rest, '/', &name); /* without a slash: all of it, and nothing is left */
	bool has_bits = name.n < text.n;

	if (!bytes_to_str(name, host, sizeof host) || addr_read(&a, host, 0) != 0)
		return ERR_SYNTAX;
	unsigned most = a.sa.sa_family == AF_INET6 ? BITS : BITS - BITS_V4_AT;
	if (has_bits && !bytes_to_u64(rest, most, &bits))
		return ERR_SYNTAX;
	if (!has_bits)
		bits = most;
	host_octets(&a, p->host);
	p->bits = (uint8_t)(bits + BITS - most);
	for (unsigned i = 0; i < sizeof p->host; i++)
		p->host[i] &= mask_of(i, p->bits);
	return 0;
}

static bool is_separator(uint8_t c)
{
	return c == ' ' || c == ',' || c == '\t';
}

int prefixes_read(struct prefixes *p, struct bytes text)
{
	p->n = 0;
	for (size_t at = 0; at < text.n;) {
		size_t end = at;
		while (end < text.n && !is_separator(text.p[end]))
			end++;
		if (end > at) {
			if (p->n == PREFIXES_MAX)
				return ERR_LIMIT;
			int err = prefix_read(&p->v[p->n], bytes_sub(text, at, end - at));
			if (err)
				return err;
			p->n++;
		}
		at = end + 1;
	}
	return 0;
}

static bool has(const struct prefix *p, const uint8_t *host)
{
	for (unsigned i = 0; i < sizeof p->host; i++) {
		if ((host[i] & mask_of(i, p->bits)) != p->host[i])
			return false;
	}
	return true;
}

bool prefix_has(const struct prefix *p, const struct addr *a)
{
	uint8_t host[16];

	host_octets(a, host);
	return has(p, host);
}

bool prefixes_has(const struct prefixes *p, const struct addr *a)
{
	uint8_t host[16];

	host_octets(a, host);
	for (uint32_t i = 0; i < p->n; i++) {
		if (has(&p->v[i], host))
			return true;
	}
	return false;
}
