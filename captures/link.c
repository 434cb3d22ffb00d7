/* SPDX-License-Identifier: MIT */
#include "captures/link.h"

#include <pcap/dlt.h>

#include "server/base/err.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_VLAN = 0x8100,
	TYPE_QINQ = 0x88a8,
	TYPE_QINQ_OLD = 0x9100,
	VLAN_TAGS_MAX = 8
};

/* Follows VLAN tags from `type` on; what is left must be IP. */
static int by_ethertype(struct cur c, uint16_t type, struct bytes *ip)
{
	for (int tags = 0; type == TYPE_VLAN || type == TYPE_QINQ || type == TYPE_QINQ_OLD;
		tags++) {
		if (tags == VLAN_TAGS_MAX)
			return ERR_UNSUPPORTED;
		if (!cur_skip(&c, 2) || !cur_be16(&c, &type))
			return ERR_TRUNCATED;
	}
	if (type != TYPE_IPV4 && type != TYPE_IPV6)
		return ERR_UNSUPPORTED;
	*ip = c.b;
	return 0;
}

static int strip_ethernet(struct cur c, struct bytes *ip)
{
	uint16_t type;
	if (!cur_skip(&c, 12) || !cur_be16(&c, &type))
		return ERR_TRUNCATED;
	return by_ethertype(c, type, ip);
}

static int strip_sll(struct cur c, struct bytes *ip)
{
	uint16_t type;
	if (!cur_skip(&c, 14) || !cur_be16(&c, &type))
		return ERR_TRUNCATED;
	return by_ethertype(c, type, ip);
}

static int strip_sll2(struct cur c, struct bytes *ip)
{
	uint16_t type;
	if (!cur_be16(&c, &type) || !cur_skip(&c, 18))
		return ERR_TRUNCATED;
	return by_ethertype(c, type, ip);
}

static int strip_raw(struct cur c, struct bytes *ip)
{
	*ip = c.b;
	return 0;
}

/*
 * The family is a 4-byte number of the machine that recorded: in its byte order for NULL, big-endian
 * for LOOP. AF_INET is 2 everywhere, AF_INET6 differs from system to system; the version in the
 * packet decides, so only the header's length matters.
 */
static int strip_null(struct cur c, struct bytes *ip)
{
	if (!cur_skip(&c, 4))
		return ERR_TRUNCATED;
	*ip = c.b;
	return 0;
}

static const struct {
	int link;
	int (*strip)(struct cur c, struct bytes *ip);
} links[] = {
	{ DLT_EN10MB, strip_ethernet },
	{ DLT_LINUX_SLL, strip_sll },
	{ DLT_LINUX_SLL2, strip_sll2 },
	{ DLT_RAW, strip_raw },
	{ 101, strip_raw }, /* LINKTYPE_RAW, as a pcapng block has it */
	{ DLT_IPV4, strip_raw },
	{ DLT_IPV6, strip_raw },
	{ DLT_NULL, strip_null },
	{ DLT_LOOP, strip_null },
};

int link_strip(int link, struct bytes frame, struct bytes *ip)
{
	for (size_t i = 0; i < COUNT(links); i++) {
		int err;
		if (links[i].link != link)
			continue;
		if ((err = links[i].strip((struct cur){ frame }, ip)) != 0)
			return err;
		if (ip->n == 0)
			return ERR_TRUNCATED;
		if (ip->p[0] >> 4 != 4 && ip->p[0] >> 4 != 6)
			return ERR_UNSUPPORTED;
		return 0;
	}
	return ERR_UNSUPPORTED;
}
