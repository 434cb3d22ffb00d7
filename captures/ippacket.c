/* SPDX-License-Identifier: MIT */
#include "captures/ippacket.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum {
	IP_HEADER_MIN = 20,
	IP6_HEADER = 40,
	TCP_HEADER_MIN = 20,
	UDP_HEADER = 8,
	DATAGRAM_MAX = 65535,
	EXTENSIONS_MAX = 16,
	FRAGMENTS_UNTIL_REUSE = 1024,
	IP_HOP_BY_HOP = 0,
	IP_ROUTING = 43,
	IP_FRAGMENT = 44,
	IP_AUTH = 51,
	IP_DESTINATION = 60
};

static int read_tcp(struct ip_packet *p, uint32_t wire_n)
{
	struct bytes b = p->body;
	size_t header;

	if (b.n < TCP_HEADER_MIN)
		return ERR_TRUNCATED;
	header = (size_t)(b.p[12] >> 4) * 4;
	if (header < TCP_HEADER_MIN || header > wire_n)
		return ERR_CORRUPT;
	if (header > b.n)
		return ERR_TRUNCATED;
	p->seq = be32(b.p + 4);
	p->ack = be32(b.p + 8);
	p->flags = b.p[13];
	p->transport = bytes_sub(b, 0, header);
	p->payload = bytes_sub(b, header, b.n);
	p->payload_wire_n = wire_n - (uint32_t)header;
	return 0;
}

static int read_udp(struct ip_packet *p, uint32_t wire_n)
{
	struct bytes b = p->body;
	uint32_t n;

	if (b.n < UDP_HEADER)
		return ERR_TRUNCATED;
	n = be16(b.p + 4);
	/* 0: a jumbogram, or segmentation offload that had not happened yet */
	if (n == 0)
		n = wire_n;
	if (n < UDP_HEADER || n > wire_n)
		return ERR_CORRUPT;
	p->transport = bytes_sub(b, 0, UDP_HEADER);
	p->payload = bytes_sub(b, UDP_HEADER, n - UDP_HEADER);
	p->payload_wire_n = n - UDP_HEADER;
	return 0;
}

int ip_packet_read_transport(struct ip_packet *p, uint32_t wire_n)
{
	int err;

	if (p->proto != IP_TCP && p->proto != IP_UDP)
		return 0;
	err = p->proto == IP_TCP ? read_tcp(p, wire_n) : read_udp(p, wire_n);
	if (err)
		return err;
	p->src.port = be16(p->body.p);
	p->dst.port = be16(p->body.p + 2);
	p->is_cut = p->payload.n < p->payload_wire_n;
	p->has_transport = true;
	return 0;
}

static int read_v4(struct bytes ip, struct ip_packet *p)
{
	size_t header, total;

	if (ip.n < IP_HEADER_MIN)
		return ERR_TRUNCATED;
	header = (size_t)(ip.p[0] & 0xf) * 4;
	total = be16(ip.p + 2);
	/* 0: the sender's network card was to cut it up (TSO); the frame is the packet */
	if (total == 0)
		total = ip.n;
	if (header < IP_HEADER_MIN || header > total)
		return ERR_CORRUPT;
	if (header > ip.n)
		return ERR_TRUNCATED;
	p->id = be16(ip.p + 4);
	p->more_fragments = ip.p[6] & 0x20;
	p->fragment_at = (be16(ip.p + 6) & 0x1fffU) * 8;
	p->is_fragment = p->more_fragments || p->fragment_at;
	p->proto = ip.p[9];
	p->src.family = p->dst.family = 4;
	memcpy(p->src.addr, ip.p + 12, 4);
	memcpy(p->dst.addr, ip.p + 16, 4);
	p->body = bytes_sub(ip, header, total - header);
	return p->is_fragment ? 0 : ip_packet_read_transport(p, (uint32_t)(total - header));
}

/* Walks the extension headers; *c is left at the transport header. */
static int skip_extensions(struct ip_packet *p, struct cur *c)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		struct bytes h;
		size_t n;

		if (p->proto != IP_HOP_BY_HOP && p->proto != IP_ROUTING &&
			p->proto != IP_FRAGMENT && p->proto != IP_AUTH &&
			p->proto != IP_DESTINATION)
			return 0;
		if (c->b.n < 8)
			return ERR_TRUNCATED;
		n = p->proto == IP_AUTH ? (size_t)(c->b.p[1] + 2) * 4 : (size_t)(c->b.p[1] + 1) * 8;
		if (p->proto == IP_FRAGMENT) {
			n = 8;
			p->fragment_at = be16(c->b.p + 2) & 0xfff8U;
			p->more_fragments = c->b.p[3] & 1;
			p->is_fragment = p->more_fragments || p->fragment_at;
			p->id = be32(c->b.p + 4);
		}
		p->proto = c->b.p[0];
		if (!cur_take(c, n, &h))
			return ERR_TRUNCATED;
		if (p->is_fragment)
			return 0; /* the rest belongs to the whole datagram */
	}
	return ERR_CORRUPT;
}

static int read_v6(struct bytes ip, struct ip_packet *p)
{
	struct cur c = { ip };
	size_t total;
	int err;

	if (!cur_skip(&c, IP6_HEADER))
		return ERR_TRUNCATED;
	total = be16(ip.p + 4);
	if (total == 0)
		total = c.b.n;
	p->proto = ip.p[6];
	p->src.family = p->dst.family = 6;
	memcpy(p->src.addr, ip.p + 8, 16);
	memcpy(p->dst.addr, ip.p + 24, 16);
	c.b = bytes_sub(c.b, 0, total);
	size_t have = c.b.n;
	if ((err = skip_extensions(p, &c)) != 0)
		return err;
	p->body = c.b;
	return p->is_fragment ? 0 : ip_packet_read_transport(p, (uint32_t)(total - (have - c.b.n)));
}

int ip_packet_read(struct bytes ip, struct ip_packet *p)
{
	*p = (struct ip_packet){ .version = 0 };
	if (ip.n == 0)
		return ERR_TRUNCATED;
	p->version = ip.p[0] >> 4;
	if (p->version == 4)
		return read_v4(ip, p);
	if (p->version == 6)
		return read_v6(ip, p);
	return ERR_UNSUPPORTED;
}

struct ip_datagram {
	uint64_t used; /* clock of its last fragment */
	struct ip_packet key;
	struct {
		uint32_t at, n;
	} have[IP_FRAGMENTS_PER_DATAGRAM];
	unsigned n_have;
	uint32_t got, total; /* total 0: the last fragment has not come */
	bool is_given;       /* was whole and handed out: late repeats are ignored */
	bool is_spoilt;
	uint8_t data[DATAGRAM_MAX];
};

void ip_reassembly_clear(struct ip_reassembly *r)
{
	for (size_t i = 0; i < COUNT(r->v); i++)
		free(r->v[i]);
	*r = (struct ip_reassembly){ .clock = 0 };
}

uint64_t ip_reassembly_lost(const struct ip_reassembly *r)
{
	uint64_t n = r->given_up;
	for (size_t i = 0; i < COUNT(r->v); i++)
		n += r->v[i] && !r->v[i]->is_given;
	return n;
}

static struct ip_datagram *datagram_find(struct ip_reassembly *r, const struct ip_packet *p)
{
	size_t oldest = 0;

	for (size_t i = 0; i < COUNT(r->v); i++) {
		struct ip_datagram *d = r->v[i];
		if (!d) {
			oldest = i;
			break;
		}
		if (d->key.id == p->id && d->key.proto == p->proto &&
			host_port_is_host(&d->key.src, &p->src) &&
			host_port_is_host(&d->key.dst, &p->dst))
			return d;
		if (d->used < r->v[oldest]->used)
			oldest = i;
	}
	if (!r->v[oldest])
		r->v[oldest] = xmalloc(sizeof *r->v[oldest]);
	else if (!r->v[oldest]->is_given)
		r->given_up++;
	r->v[oldest]->key = *p;
	r->v[oldest]->n_have = 0;
	r->v[oldest]->got = r->v[oldest]->total = 0;
	r->v[oldest]->is_given = r->v[oldest]->is_spoilt = false;
	return r->v[oldest];
}

/* Adds the piece unless it is known already. */
static void datagram_add(struct ip_datagram *d, const struct ip_packet *p)
{
	uint32_t at = p->fragment_at, n = (uint32_t)p->body.n;

	if (d->is_given || d->is_spoilt)
		return;
	for (unsigned i = 0; i < d->n_have; i++) {
		if (d->have[i].at == at && d->have[i].n == n)
			return; /* recorded twice */
		if (at < d->have[i].at + d->have[i].n && d->have[i].at < at + n) {
			d->is_spoilt = true;
			return;
		}
	}
	if (n == 0 || n > DATAGRAM_MAX || at > DATAGRAM_MAX - n || d->n_have == COUNT(d->have)) {
		d->is_spoilt = true;
		return;
	}
	memcpy(d->data + at, p->body.p, n);
	d->have[d->n_have].at = at;
	d->have[d->n_have++].n = n;
	d->got += n;
	if (!p->more_fragments)
		d->total = at + n;
}

bool ip_reassemble(struct ip_reassembly *r, struct ip_packet *p)
{
	struct ip_datagram *d = datagram_find(r, p);

	/* an identification comes back after a while: not a late repeat then */
	if (d->is_given && r->clock - d->used > FRAGMENTS_UNTIL_REUSE) {
		d->n_have = 0;
		d->got = d->total = 0;
		d->is_given = false;
	}
	d->used = ++r->clock;
	datagram_add(d, p);
	if (d->is_given || d->is_spoilt || !d->total || d->got != d->total)
		return false;
	d->is_given = true;
	p->is_fragment = p->more_fragments = false;
	p->fragment_at = 0;
	p->body = bytes_of(d->data, d->total);
	return ip_packet_read_transport(p, d->total) == 0;
}
