/* SPDX-License-Identifier: MIT */
#include "captures/flows.h"

#include <stdlib.h>
#include <string.h>

#include "captures/grow.h"
#include "captures/link.h"
#include "captures/repeats.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum {
	HEAD_KEPT = 64 * 1024, /* of a connection in which nothing looked like RTSP so far */
	SMALL_DATAGRAM = 64    /* kept whatever it is: it may open a way for media */
};

struct flows *flows_new(const struct dialog_limits *limits)
{
	struct flows *f = xcalloc(1, sizeof *f);
	f->limits = *limits;
	return f;
}

static void tcp_free(struct tcp_stream *s)
{
	for (int i = 0; i < 2; i++) {
		reasm_clear(&s->side[i].reasm);
		free(s->side[i].p);
		free(s->side[i].marks);
		free(s->side[i].gaps);
	}
	free(s);
}

void flows_free(struct flows *f)
{
	if (!f)
		return;
	for (uint32_t i = 0; i < f->n_tcp; i++)
		tcp_free(f->tcp[i]);
	for (uint32_t i = 0; i < f->n_udp; i++)
		free(f->udp[i]);
	free(f->tcp);
	free(f->udp);
	free(f->datagrams);
	ip_reassembly_clear(&f->fragments);
	arena_clear(&f->arena);
	free(f);
}

/* ---- what is worth keeping ---- */

static bool is_method_char(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || c == '_';
}

bool rtsp_is_begin(struct bytes b)
{
	size_t n = 0;
	struct bytes line;

	if (bytes_has_prefix(b, B("RTSP/")))
		return true;
	while (n < b.n && n < 24 && is_method_char(b.p[n]))
		n++;
	if (n < 3 || n + 2 >= b.n || b.p[n] != ' ')
		return false;
	line = bytes_sub(b, n + 1, bytes_index(b, '\n') - n - 1);
	/* a request line that goes on in the next segment counts when it names an RTSP URL */
	return bytes_find(line, B(" RTSP/")) < line.n || bytes_has_iprefix(line, B("rtsp://"));
}

bool sip_is_begin(struct bytes b)
{
	struct bytes line;

	if (bytes_has_prefix(b, B("SIP/2.0 ")))
		return true;
	line = bytes_sub(b, 0, bytes_index(b, '\n'));
	return line.n && is_method_char(line.p[0]) && bytes_find(line, B(" SIP/2.0")) < line.n;
}

/* Could this be media, or what goes with it? Version 2, or small, or SIP. */
static bool is_worth_keeping(struct bytes b)
{
	return b.n && (b.n <= SMALL_DATAGRAM || b.p[0] >> 6 == 2 || sip_is_begin(b));
}

/* False: the cap on memory is reached; the bytes are counted only. */
static bool keep(struct flows *f, size_t n)
{
	if (n > f->limits.kept_bytes || f->kept > f->limits.kept_bytes - n) {
		f->beyond_limits++;
		return false;
	}
	f->kept += n;
	return true;
}

/* ---- a direction of a TCP connection ---- */

static void drop_all(struct tcp_side *side)
{
	side->stream->flows->kept -= side->n;
	side->base = side->bytes;
	side->n = side->n_marks = side->n_gaps = 0;
}

static void side_gap(void *arg, uint64_t n)
{
	struct tcp_side *side = arg;

	side->n_gap_bytes += n;
	if (side->n_gaps && side->gaps[side->n_gaps - 1].off == side->bytes) {
		side->gaps[side->n_gaps - 1].n += n;
		return;
	}
	side->gaps = grown(side->gaps, side->n_gaps, &side->gaps_cap, sizeof *side->gaps);
	side->gaps[side->n_gaps++] = (struct tcp_gap){ .off = side->bytes, .n = n };
}

static void side_mark(struct tcp_side *side, int64_t at, uint64_t frame_no)
{
	side->marks = grown(side->marks, side->n_marks, &side->marks_cap, sizeof *side->marks);
	side->marks[side->n_marks++] =
		(struct tcp_mark){ .off = side->bytes, .at = at, .frame_no = frame_no };
}

static void side_data(void *arg, struct bytes b, int64_t at, uint64_t frame_no)
{
	struct tcp_side *side = arg;
	struct tcp_stream *s = side->stream;

	if (!s->is_rtsp)
		s->is_rtsp = rtsp_is_begin(b);
	if (!s->is_rtsp && side->n + b.n > HEAD_KEPT)
		drop_all(side);
	if (!keep(s->flows, b.n)) {
		/* a hole in what is kept reads like one in the recording */
		side->bytes += b.n;
		side_gap(side, b.n);
		return;
	}
	side_mark(side, at, frame_no);
	if (side->cap - side->n < b.n) {
		while (side->cap - side->n < b.n)
			side->cap = side->cap ? side->cap * 2 : 2048;
		side->p = xrealloc(side->p, side->cap);
	}
	memcpy(side->p + side->n, b.p, b.n);
	side->n += b.n;
	side->bytes += b.n;
	/* a start line may come in pieces, a byte at a time even */
	if (!s->is_rtsp && side->base == 0)
		s->is_rtsp = rtsp_is_begin(bytes_of(side->p, side->n));
}

/* ---- finding the flow of a packet ---- */

static uint32_t pair_hash(const struct host_port *a, const struct host_port *b)
{
	/* the same for both directions */
	uint64_t h = repeats_hash(a, sizeof *a) + repeats_hash(b, sizeof *b);
	return (uint32_t)(h >> 20) % FLOW_BUCKETS;
}

static bool is_pair(const struct host_port node[2], const struct ip_packet *p)
{
	return (host_port_is_eq(&node[0], &p->src) && host_port_is_eq(&node[1], &p->dst)) ||
	       (host_port_is_eq(&node[0], &p->dst) && host_port_is_eq(&node[1], &p->src));
}

/* A SYN with another first number opens a new connection between the same ends. */
static bool is_new_connection(struct tcp_stream *s, const struct ip_packet *p)
{
	const struct tcp_side *side = &s->side[host_port_is_eq(&s->node[0], &p->src) ? 0 : 1];
	return (p->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN && side->has_first_seq &&
	       side->first_seq != p->seq;
}

static struct tcp_stream *tcp_find(struct flows *f, const struct ip_packet *p)
{
	uint32_t h = pair_hash(&p->src, &p->dst);
	struct tcp_stream *s = f->tcp_chain[h];

	while (s && !is_pair(s->node, p))
		s = s->next;
	if (s && !is_new_connection(s, p))
		return s;
	if (f->n_tcp == f->limits.tcp_streams) {
		f->beyond_limits++;
		return NULL;
	}
	f->tcp = grown(f->tcp, f->n_tcp, &f->tcp_cap, sizeof(struct tcp_stream *));
	s = xcalloc(1, sizeof *s);
	s->flows = f;
	s->no = f->n_tcp;
	s->node[0] = p->src;
	s->node[1] = p->dst;
	for (int i = 0; i < 2; i++) {
		s->side[i].stream = s;
		reasm_init(
			&s->side[i].reasm, (struct reasm_sink){ side_data, side_gap, &s->side[i] });
	}
	s->next = f->tcp_chain[h];
	f->tcp_chain[h] = s;
	return f->tcp[f->n_tcp++] = s;
}

static struct udp_flow *udp_find(struct flows *f, const struct ip_packet *p)
{
	uint32_t h = pair_hash(&p->src, &p->dst);
	struct udp_flow *u = f->udp_chain[h];

	while (u && !is_pair(u->node, p))
		u = u->next;
	if (u)
		return u;
	if (f->n_udp == f->limits.udp_flows) {
		f->beyond_limits++;
		return NULL;
	}
	f->udp = grown(f->udp, f->n_udp, &f->udp_cap, sizeof(struct udp_flow *));
	u = xcalloc(1, sizeof *u);
	*u = (struct udp_flow){
		.no = f->n_udp, .node = { p->src, p->dst }, .next = f->udp_chain[h]
	};
	f->udp_chain[h] = u;
	return f->udp[f->n_udp++] = u;
}

/* ---- one packet ---- */

static void add_end(
	struct tcp_side *side, const struct ip_packet *p, const struct pcap_frame *frame)
{
	if ((p->flags & (TCP_FIN | TCP_RST)) && !side->has_fin && !side->has_rst) {
		side->end_at = frame->at;
		side->end_frame = frame->no;
	}
	side->has_fin = side->has_fin || (p->flags & TCP_FIN);
	side->has_rst = side->has_rst || (p->flags & TCP_RST);
}

static void add_tcp(struct flows *f, const struct ip_packet *p, const struct pcap_frame *frame,
	enum repeat repeat)
{
	struct tcp_stream *s = tcp_find(f, p);
	struct tcp_side *side;
	unsigned from;

	if (!s)
		return;
	from = host_port_is_eq(&s->node[0], &p->src) ? 0 : 1;
	side = &s->side[from];
	if (!s->first || frame->at < s->first)
		s->first = frame->at;
	if (frame->at > s->last)
		s->last = frame->at;
	if (!side->has_first_seq)
		side->first_seq = p->flags & TCP_SYN ? p->seq : p->seq - 1;
	side->has_first_seq = true;
	if (p->flags & TCP_SYN) {
		side->has_syn = true;
		reasm_syn(&side->reasm, p->seq);
	}
	if (repeat == REPEAT_YES) {
		side->repeats++;
		return; /* nothing in it is new */
	}
	if (p->flags & TCP_ACK)
		reasm_ack(&s->side[!from].reasm, p->ack);
	/* data on a SYN (RFC 7413) has the number after it */
	reasm_add(&side->reasm, p->flags & TCP_SYN ? p->seq + 1 : p->seq, p->payload,
		p->payload_wire_n - (uint32_t)p->payload.n, frame->at, frame->no);
	add_end(side, p, frame);
}

static void add_udp(struct flows *f, const struct ip_packet *p, const struct pcap_frame *frame,
	enum repeat repeat)
{
	struct udp_flow *u = udp_find(f, p);

	if (!u || !is_worth_keeping(p->payload) || !keep(f, p->payload.n + sizeof *f->datagrams))
		return;
	f->datagrams = grown(f->datagrams, f->n_datagrams, &f->datagrams_cap, sizeof *f->datagrams);
	f->has_sip = f->has_sip || sip_is_begin(p->payload);
	f->datagrams[f->n_datagrams++] = (struct udp_datagram){
		.flow = u,
		.from = host_port_is_eq(&u->node[0], &p->src) ? 0 : 1,
		.repeat = (uint8_t)repeat,
		.is_cut = p->is_cut,
		.at = frame->at,
		.frame_no = frame->no,
		.b = bytes_dup(&f->arena, p->payload),
	};
}

void flows_add(struct flows *f, const struct pcap_frame *frame)
{
	struct bytes ip;
	struct ip_packet p;
	enum repeat repeat;

	f->packets++;
	if (link_strip(frame->link, frame->data, &ip) != 0) {
		f->undecoded++;
		return;
	}
	if (ip_packet_read(ip, &p) != 0) {
		f->undecoded++;
		return;
	}
	*(p.version == 4 ? &f->has_ipv4 : &f->has_ipv6) = true;
	repeat = repeats_judge(f, &p, frame->at);
	if (p.is_fragment) {
		f->n_fragments++;
		if (!ip_reassemble(&f->fragments, &p))
			return;
	}
	if (!p.has_transport)
		return;
	if (p.proto == IP_TCP)
		add_tcp(f, &p, frame, repeat);
	else
		add_udp(f, &p, frame, repeat);
}

double flows_times_recorded(const struct flows *f)
{
	if (f->sure <= f->sure_repeats)
		return 1;
	return (double)f->sure / (double)(f->sure - f->sure_repeats);
}

void flows_end(struct flows *f)
{
	/* the doubtful ones follow the others: half of the packets twice, and it is the recording */
	bool is_doubled = flows_times_recorded(f) >= 1.5;

	for (uint32_t i = 0; i < f->n_tcp; i++)
		for (int k = 0; k < 2; k++)
			reasm_end(&f->tcp[i]->side[k].reasm);
	for (size_t i = 0; i < f->n_datagrams; i++)
		if (f->datagrams[i].repeat == REPEAT_MAYBE) {
			f->datagrams[i].repeat = is_doubled ? REPEAT_YES : REPEAT_NO;
			f->datagrams[i].was_maybe = true;
		}
}
