/* SPDX-License-Identifier: MIT */
#include <pcap/dlt.h>
#include <string.h>

#include "captures/ippacket.h"
#include "captures/link.h"
#include "server/base/err.h"
#include "server/tests/unit.h"

/* UDP 1.2.3.4:1000 > 5.6.7.8:2000 "hello" */
static const uint8_t udp4[] = { 0x45, 0, 0, 33, 0, 7, 0, 0, 64, 17, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	0x03, 0xe8, 0x07, 0xd0, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o' };
/* UDP over IPv6 with a hop-by-hop header */
static const uint8_t udp6[] = { 0x60, 0, 0, 0, 0, 21, 0, 64, /* source */ 0x20, 1, 0xd, 0xb8, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 1, /* destination */ 0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 2, /* hop-by-hop */ 17, 0, 1, 4, 0, 0, 0, 0, /* UDP */ 0x03, 0xe8, 0x07, 0xd0, 0,
	13, 0, 0, 'h', 'e', 'l', 'l', 'o' };

static struct bytes framed(uint8_t *frame, const uint8_t *head, size_t head_n, struct bytes ip)
{
	memcpy(frame, head, head_n);
	memcpy(frame + head_n, ip.p, ip.n);
	return bytes_of(frame, head_n + ip.n);
}

static void t_links(void)
{
	static const struct {
		int link;
		size_t n;
		uint8_t head[32];
	} rows[] = {
		{ DLT_EN10MB, 14, { [12] = 8, 0 } },
		{ DLT_EN10MB, 18, { [12] = 0x81, 0, 0, 5, 8, 0 } },
		{ DLT_EN10MB, 22, { [12] = 0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0 } },
		{ DLT_LINUX_SLL, 16, { [14] = 8, 0 } },
		{ DLT_LINUX_SLL2, 20, { 8, 0 } },
		{ DLT_RAW, 0, { 0 } },
		{ 101, 0, { 0 } },
		{ DLT_IPV4, 0, { 0 } },
		{ DLT_NULL, 4, { 2, 0, 0, 0 } },
		{ DLT_LOOP, 4, { 0, 0, 0, 2 } },
	};
	uint8_t frame[128];

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct bytes ip,
			b = framed(frame, rows[i].head, rows[i].n, bytes_of(udp4, sizeof udp4));
		CU_ASSERT_EQUAL(link_strip(rows[i].link, b, &ip), 0);
		CU_ASSERT(bytes_is_eq(ip, bytes_of(udp4, sizeof udp4)));
		for (size_t n = 0; n < rows[i].n; n++)
			CU_ASSERT_EQUAL(
				link_strip(rows[i].link, bytes_of(frame, n), &ip), ERR_TRUNCATED);
	}
}

static void t_no_ip(void)
{
	static const uint8_t arp[60] = { [12] = 8, 6 };
	struct bytes ip;
	CU_ASSERT_EQUAL(link_strip(DLT_EN10MB, bytes_of(arp, sizeof arp), &ip), ERR_UNSUPPORTED);
	CU_ASSERT_EQUAL(link_strip(DLT_USB, bytes_of(arp, sizeof arp), &ip), ERR_UNSUPPORTED);
}

static void t_udp(void)
{
	const struct bytes packets[] = { { udp4, sizeof udp4 }, { udp6, sizeof udp6 } };
	struct ip_packet p;
	char a[HOST_PORT_STR];

	for (size_t i = 0; i < COUNT(packets); i++) {
		CU_ASSERT_EQUAL(ip_packet_read(packets[i], &p), 0);
		CU_ASSERT(p.has_transport && bytes_is_eq(p.payload, B("hello")));
		CU_ASSERT(p.src.port == 1000 && p.dst.port == 2000);
		for (size_t n = 0; n < packets[i].n; n++) {
			int err = ip_packet_read(bytes_sub(packets[i], 0, n), &p);
			CU_ASSERT(err < 0 || p.is_cut);
		}
	}
	CU_ASSERT_STRING_EQUAL(host_port_str(&p.src, a), "[2001:db8::1]:1000");
}

static void t_padding(void)
{
	uint8_t b[64] = { 0 };
	struct ip_packet p;

	memcpy(b, udp4, sizeof udp4);
	CU_ASSERT_EQUAL(ip_packet_read(bytes_of(b, 46), &p), 0);
	CU_ASSERT(bytes_is_eq(p.payload, B("hello")));
}

/* One fragment of udp4's UDP datagram. */
static int fragment(uint8_t *b, size_t at, size_t n, bool more, struct ip_packet *p)
{
	memcpy(b, udp4, 20);
	put_be16(b + 2, (uint16_t)(20 + n));
	put_be16(b + 6, (uint16_t)((more ? 0x2000 : 0) | at / 8));
	memcpy(b + 20, udp4 + 20 + at, n);
	return ip_packet_read(bytes_of(b, 20 + n), p);
}

static void t_fragments(void)
{
	struct ip_reassembly r = { .clock = 0 };
	struct ip_packet p;
	uint8_t b[64];

	CU_ASSERT_EQUAL(fragment(b, 8, 5, false, &p), 0);
	CU_ASSERT(p.is_fragment && !p.has_transport && !ip_reassemble(&r, &p));
	CU_ASSERT_EQUAL(ip_reassembly_lost(&r), 1);
	CU_ASSERT_EQUAL(fragment(b, 8, 5, false, &p), 0); /* recorded twice */
	CU_ASSERT(!ip_reassemble(&r, &p));
	CU_ASSERT_EQUAL(fragment(b, 0, 8, true, &p), 0);
	CU_ASSERT_FATAL(ip_reassemble(&r, &p));
	CU_ASSERT(p.has_transport && bytes_is_eq(p.payload, B("hello")) && p.dst.port == 2000);
	CU_ASSERT_EQUAL(ip_reassembly_lost(&r), 0);
	ip_reassembly_clear(&r);
}

static void t_fragments_overlap(void)
{
	struct ip_reassembly r = { .clock = 0 };
	struct ip_packet p;
	uint8_t b[64];

	CU_ASSERT_EQUAL(fragment(b, 0, 13, true, &p), 0);
	CU_ASSERT(!ip_reassemble(&r, &p));
	CU_ASSERT_EQUAL(fragment(b, 8, 5, false, &p), 0);
	CU_ASSERT(!ip_reassemble(&r, &p));
	CU_ASSERT_EQUAL(ip_reassembly_lost(&r), 1);
	ip_reassembly_clear(&r);
}

UNIT_SUITE(captures_link,
	{ "every link type gives its IP packet, cut headers are refused", t_links },
	{ "what is no IP, and unknown link types, are refused", t_no_ip },
	{ "UDP over IPv4 and IPv6 (8200 4.3), cut at every byte", t_udp },
	{ "padding of short Ethernet frames is no payload", t_padding },
	{ "fragments come together in any order (791 3.2)", t_fragments },
	{ "overlapping fragments spoil their datagram", t_fragments_overlap });
