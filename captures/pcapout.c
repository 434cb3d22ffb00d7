/* SPDX-License-Identifier: MIT */
#include "captures/pcapout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "captures/grow.h"
#include "captures/ippacket.h"

enum {
	MAGIC_NS = 0xa1b23c4d,
	LINK_ETHERNET = 1,
	LINK_RAW = 101,
	ETHERNET_HEADER = 14,
	IP4_HEADER = 20,
	IP6_HEADER_N = 40,
	UDP_HEADER_N = 8,
	TCP_HEADER_N = 20,
	HEADERS_MAX = ETHERNET_HEADER + IP6_HEADER_N + TCP_HEADER_N,
	SEGMENT_MAX = 1448,
	DATAGRAM_MAX = 65507,
	CONNECTIONS_MAX = 65536,
	HOPS = 64,
	WINDOW = 65535
};
#define BYTES_MAX_DEFAULT ((uint64_t)64 << 20)

struct pcapout_tcp {
	struct pcapout *o;
	struct host_port node[2]; /* [0] client */
	uint32_t seq[2];          /* next number of each side */
	bool is_closed[2], is_reset;
};
struct pcapout {
	struct outfile *out;
	enum pcapout_link link;
	uint64_t max_bytes, bytes, packets, dropped;
	int err;
	uint16_t id; /* IPv4 identification: each packet its own */
	struct pcapout_tcp **tcp;
	size_t n_tcp, tcp_cap;
};

static void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static void put_bytes(struct pcapout *o, const void *p, size_t n)
{
	if (o->err || n == 0)
		return;
	if (fwrite(p, 1, n, o->out->f) != n)
		o->err = errno ? -errno : -EIO;
	o->bytes += n;
}

struct pcapout *pcapout_open(const char *path, enum pcapout_link link, uint64_t max_bytes)
{
	struct outfile *out = outfile_open(path);
	struct pcapout *o;
	uint8_t h[24] = { 0 };

	if (!out)
		return NULL;
	o = xmalloc(sizeof *o);
	*o = (struct pcapout){
		.out = out, .link = link, .max_bytes = max_bytes ? max_bytes : BYTES_MAX_DEFAULT
	};
	put_le32(h, MAGIC_NS);
	put_le16(h + 4, 2);
	put_le16(h + 6, 4);
	put_le32(h + 16, 262144); /* snap length: nothing is cut */
	put_le32(h + 20, link == PCAPOUT_ETHERNET ? LINK_ETHERNET : LINK_RAW);
	put_bytes(o, h, sizeof h);
	return o;
}

static void pcapout_free(struct pcapout *o)
{
	for (size_t i = 0; i < o->n_tcp; i++)
		free(o->tcp[i]);
	free(o->tcp);
	free(o);
}

int pcapout_commit(struct pcapout *o)
{
	int err = o->err, end;

	if (err)
		outfile_abort(o->out);
	else if ((end = outfile_commit(o->out)) != 0)
		err = end;
	pcapout_free(o);
	return err;
}

void pcapout_abort(struct pcapout *o)
{
	if (!o)
		return;
	outfile_abort(o->out);
	pcapout_free(o);
}

uint64_t pcapout_packets(const struct pcapout *o)
{
	return o->packets;
}

uint64_t pcapout_dropped(const struct pcapout *o)
{
	return o->dropped;
}

/* ---- headers ---- */

/* One's complement sum (RFC 1071), to be folded by sum_end. */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
	for (; n > 1; p += 2, n -= 2)
		sum += be16(p);
	return n ? sum + ((uint64_t)p[0] << 8) : sum;
}

static uint16_t sum_end(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Addresses, protocol and length, as TCP and UDP sum them (9293 3.1, 8200 8.1). */
static uint64_t pseudo_sum(
	const struct host_port *src, const struct host_port *dst, uint8_t proto, size_t n)
{
	size_t a = src->family == 4 ? 4 : 16;
	return sum_add(sum_add(0, src->addr, a), dst->addr, a) + proto + n;
}

static size_t put_ip(struct pcapout *o, uint8_t *h, const struct host_port *src,
	const struct host_port *dst, uint8_t proto, size_t n)
{
	if (src->family == 6) {
		memset(h, 0, IP6_HEADER_N);
		h[0] = 0x60;
		put_be16(h + 4, (uint16_t)n);
		h[6] = proto;
		h[7] = HOPS;
		memcpy(h + 8, src->addr, 16);
		memcpy(h + 24, dst->addr, 16);
		return IP6_HEADER_N;
	}
	memset(h, 0, IP4_HEADER);
	h[0] = 0x45;
	put_be16(h + 2, (uint16_t)(IP4_HEADER + n));
	o->id = (uint16_t)(o->id + 1);
	put_be16(h + 4, o->id);
	h[6] = 0x40; /* DF */
	h[8] = HOPS;
	h[9] = proto;
	memcpy(h + 12, src->addr, 4);
	memcpy(h + 16, dst->addr, 4);
	put_be16(h + 10, sum_end(sum_add(0, h, IP4_HEADER)));
	return IP4_HEADER;
}

static size_t put_ethernet(uint8_t *h, const struct host_port *src)
{
	/* locally administered addresses that nobody has */
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	memcpy(h, macs, sizeof macs);
	put_be16(h + 12, src->family == 4 ? 0x0800 : 0x86dd);
	return ETHERNET_HEADER;
}

/* Writes one packet; `transport` has its checksum field zero, at offset sum_at. */
static void put_packet(struct pcapout *o, int64_t at, const struct host_port *src,
	const struct host_port *dst, uint8_t proto, struct bytes transport, size_t sum_at,
	struct bytes payload)
{
	uint8_t record[16], h[HEADERS_MAX];
	size_t n = 0, body = transport.n + payload.n;
	uint64_t sum;
	uint8_t *t;

	if (src->family != dst->family || (src->family != 4 && src->family != 6) || at < 0 ||
		o->bytes + sizeof record + HEADERS_MAX + payload.n > o->max_bytes) {
		o->dropped++;
		return;
	}
	if (o->link == PCAPOUT_ETHERNET)
		n = put_ethernet(h, src);
	n += put_ip(o, h + n, src, dst, proto, body);
	t = h + n;
	memcpy(t, transport.p, transport.n);
	n += transport.n;
	sum = sum_add(pseudo_sum(src, dst, proto, body), t, transport.n);
	put_be16(t + sum_at, sum_end(sum_add(sum, payload.p, payload.n)));
	/* 768: a sum of zero is sent as all ones, zero means none */
	if (proto == IP_UDP && be16(t + sum_at) == 0)
		put_be16(t + sum_at, 0xffff);
	put_le32(record, (uint32_t)(at / 1000000000));
	put_le32(record + 4, (uint32_t)(at % 1000000000));
	put_le32(record + 8, (uint32_t)(n + payload.n));
	put_le32(record + 12, (uint32_t)(n + payload.n));
	put_bytes(o, record, sizeof record);
	put_bytes(o, h, n);
	put_bytes(o, payload.p, payload.n);
	o->packets++;
}

void pcapout_udp(struct pcapout *o, int64_t at, const struct host_port *src,
	const struct host_port *dst, struct bytes payload)
{
	uint8_t h[UDP_HEADER_N] = { 0 };

	if (payload.n > DATAGRAM_MAX) {
		o->dropped++;
		return;
	}
	put_be16(h, src->port);
	put_be16(h + 2, dst->port);
	put_be16(h + 4, (uint16_t)(UDP_HEADER_N + payload.n));
	put_packet(o, at, src, dst, IP_UDP, bytes_of(h, sizeof h), 6, payload);
}

/* ---- TCP ---- */

static void put_segment(
	struct pcapout_tcp *c, int64_t at, int from, uint8_t flags, struct bytes payload)
{
	uint8_t h[TCP_HEADER_N] = { 0 };

	put_be16(h, c->node[from].port);
	put_be16(h + 2, c->node[!from].port);
	put_be32(h + 4, c->seq[from]);
	if (flags & TCP_ACK)
		put_be32(h + 8, c->seq[!from]);
	h[12] = TCP_HEADER_N / 4 << 4;
	h[13] = flags;
	put_be16(h + 14, WINDOW);
	put_packet(c->o, at, &c->node[from], &c->node[!from], IP_TCP, bytes_of(h, sizeof h), 16,
		payload);
	c->seq[from] += (uint32_t)payload.n + ((flags & (TCP_SYN | TCP_FIN)) != 0);
}

struct pcapout_tcp *pcapout_tcp_open(struct pcapout *o, int64_t at, const struct host_port *client,
	const struct host_port *server)
{
	static const struct bytes none = { .n = 0 };
	struct pcapout_tcp *c;

	if (!o || o->n_tcp == CONNECTIONS_MAX)
		return NULL;
	c = xmalloc(sizeof *c);
	/* first numbers that differ from connection to connection, so that one between the same
	 * ports is known as a new one */
	*c = (struct pcapout_tcp){ .o = o,
		.node = { *client, *server },
		.seq = { 1000000U * (uint32_t)(o->n_tcp + 1), 3000000000U + (uint32_t)o->n_tcp } };
	o->tcp = grown(o->tcp, o->n_tcp, &o->tcp_cap, sizeof(struct pcapout_tcp *));
	o->tcp[o->n_tcp++] = c;
	put_segment(c, at, 0, TCP_SYN, none);
	put_segment(c, at, 1, TCP_SYN | TCP_ACK, none);
	put_segment(c, at, 0, TCP_ACK, none);
	return c;
}

void pcapout_tcp_send(struct pcapout_tcp *c, int64_t at, bool from_client, struct bytes data)
{
	int from = from_client ? 0 : 1;

	while (c && !c->is_reset && !c->is_closed[from] && data.n) {
		struct bytes part = bytes_sub(data, 0, SEGMENT_MAX);
		uint8_t flags = part.n == data.n ? TCP_ACK | TCP_PSH : TCP_ACK;
		put_segment(c, at, from, flags, part);
		data = bytes_sub(data, part.n, data.n);
	}
}

void pcapout_tcp_close(struct pcapout_tcp *c, int64_t at, bool from_client)
{
	static const struct bytes none = { .n = 0 };
	int from = from_client ? 0 : 1;

	if (!c || c->is_reset || c->is_closed[from])
		return;
	put_segment(c, at, from, TCP_FIN | TCP_ACK, none);
	put_segment(c, at, !from, TCP_ACK, none);
	c->is_closed[from] = true;
}

void pcapout_tcp_reset(struct pcapout_tcp *c, int64_t at, bool from_client)
{
	static const struct bytes none = { .n = 0 };

	if (!c || c->is_reset)
		return;
	put_segment(c, at, from_client ? 0 : 1, TCP_RST | TCP_ACK, none);
	c->is_reset = true;
}
