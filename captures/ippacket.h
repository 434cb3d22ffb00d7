/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_IPPACKET_H
#define CAPTURES_IPPACKET_H

#include "captures/hostport.h"
#include "server/base/bytes.h"

/* An IPv4 (RFC 791) or IPv6 (RFC 8200) packet with its TCP (RFC 9293) or UDP (RFC 768) header taken
 * apart. Checksums are not looked at: a recording on the sending machine has them half done. */
enum { IP_TCP = 6, IP_UDP = 17 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PSH = 8, TCP_ACK = 16 };
struct ip_packet {
	uint8_t version; /* 4, 6 */
	uint8_t proto;   /* of the transport, behind extension headers */
	uint32_t id;     /* identification; of the fragment header in IPv6, else 0 */
	bool is_fragment;
	bool more_fragments;
	uint32_t fragment_at; /* offset of the data, bytes */
	struct host_port src, dst;
	struct bytes body; /* all behind the IP headers, link padding cut off */

	/* TCP and UDP, when has_transport */
	bool has_transport;
	struct bytes transport; /* header with options */
	struct bytes payload;
	bool is_cut; /* payload is shorter than it was on the wire (snap length) */
	uint32_t payload_wire_n;
	uint8_t flags;
	uint32_t seq, ack;
};

/* 0; ERR_TRUNCATED, ERR_CORRUPT: the headers don't fit; ERR_UNSUPPORTED: not IP. A fragment (also the
 * first one) has no transport: see ip_reassemble. */
MUST_USE int ip_packet_read(struct bytes ip, struct ip_packet *p);
/* Reads the transport header in p->body, a body that is whole. wire_n: its length on the wire. */
MUST_USE int ip_packet_read_transport(struct ip_packet *p, uint32_t wire_n);

/*
 * Reassembly of fragments, kept small: datagrams under way are few (the oldest is given up for a
 * newer one), each up to 65535 bytes. Overlapping fragments spoil their datagram. All zero is empty.
 */
enum { IP_FRAGMENT_DATAGRAMS = 64, IP_FRAGMENTS_PER_DATAGRAM = 64 };
struct ip_datagram;
struct ip_reassembly {
	struct ip_datagram *v[IP_FRAGMENT_DATAGRAMS];
	uint64_t clock, given_up;
};
void ip_reassembly_clear(struct ip_reassembly *r);
/* Takes a fragment. True: *p is the whole packet now, its transport read; its body lives until the
 * next call. */
MUST_USE bool ip_reassemble(struct ip_reassembly *r, struct ip_packet *p);
/* Datagrams that were never whole, so far. */
uint64_t ip_reassembly_lost(const struct ip_reassembly *r);

#endif
