/* SPDX-License-Identifier: MIT */
#include "captures/guess.h"

#include <stdlib.h>

#include "captures/grow.h"
#include "captures/repeats.h"
#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"
#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_sdp.h"

enum {
	BUCKETS = 4096,
	CANDIDATES_MAX = 65536,
	ANNOUNCED_MAX = 4096,
	SIBLINGS_MAX = 2048, /* with more candidates than this a lone packet is noise */
	NEAR = 64            /* sequence numbers this far apart belong together */
};

/* One flow, direction and SSRC that may be RTP. */
struct candidate {
	const struct udp_flow *flow;
	unsigned from;
	uint32_t ssrc;
	uint16_t last_seq;
	uint32_t packets, near;
	bool is_stream;
	struct candidate *next;
};
struct guess {
	struct candidate *chain[BUCKETS];
	struct candidate **all;
	size_t n, cap;
	struct host_port *announced; /* RTP goes there, by SDP over SIP */
	size_t n_announced, announced_cap;
	bool has_sip;
};

static struct candidate **find(const struct guess *g, const struct udp_datagram *d, uint32_t ssrc)
{
	uint64_t key[3] = { d->flow->no, d->from, ssrc };
	struct candidate **at =
		(struct candidate **)&g->chain[repeats_hash(key, sizeof key) % BUCKETS];

	while (*at && ((*at)->flow != d->flow || (*at)->from != d->from || (*at)->ssrc != ssrc))
		at = &(*at)->next;
	return at;
}

static void add_candidate(struct guess *g, const struct udp_datagram *d)
{
	struct candidate **at, *c;
	uint16_t seq;

	if (!ox_rtp_is_plausible(d->b) || ox_rtcp_is_plausible(d->b))
		return;
	at = find(g, d, be32(d->b.p + 8));
	seq = be16(d->b.p + 2);
	if (!*at) {
		if (g->n == CANDIDATES_MAX)
			return;
		*at = c = xcalloc(1, sizeof *c);
		*c = (struct candidate){
			.flow = d->flow, .from = d->from, .ssrc = be32(d->b.p + 8)
		};
		g->all = grown(g->all, g->n, &g->cap, sizeof(struct candidate *));
		g->all[g->n++] = c;
	}
	c = *at;
	int step = ox_seq_diff(c->last_seq, seq);
	c->near += c->packets && step != 0 && step < NEAR && step > -NEAR;
	c->last_seq = seq;
	c->packets++;
}

/* Every m= line with a port, at its own address or the session's. */
static void add_announced(struct guess *g, const struct ox_sdp *sdp)
{
	for (size_t i = 0; i < sdp->n_media && i < OX_MAX_MEDIA; i++) {
		const struct ox_media *m = &sdp->media[i];
		char host[64];
		struct host_port hp;

		if (m->port == 0 || m->port > 65535 || g->n_announced == ANNOUNCED_MAX ||
			!bytes_to_str(m->has_connection ? m->connection : sdp->connection, host,
				sizeof host) ||
			host_port_read(host, (uint16_t)m->port, &hp) != 0)
			continue;
		g->announced = grown(
			g->announced, g->n_announced, &g->announced_cap, sizeof *g->announced);
		g->announced[g->n_announced++] = hp;
	}
}

static void read_sip(struct guess *g, struct bytes b, struct ox_sdp *sdp)
{
	size_t end = bytes_find(b, B("\r\n\r\n"));

	if (!sip_is_begin(b) || end + 4 >= b.n)
		return;
	/* only the facts are wanted; what is wrong with SIP's SDP is not our business */
	(void)ox_sdp_read(bytes_sub(b, end + 4, b.n), sdp, NULL);
	add_announced(g, sdp);
}

/* A lone packet counts beside a real stream between the same hosts from the same port. */
static bool has_sibling(const struct guess *g, const struct candidate *c)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct candidate *o = g->all[i];
		if (o->near && host_port_is_eq(&o->flow->node[o->from], &c->flow->node[c->from]) &&
			host_port_is_host(&o->flow->node[!o->from], &c->flow->node[!c->from]))
			return true;
	}
	return false;
}

static void decide(struct guess *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct candidate *c = g->all[i];
		c->is_stream = c->near > 0 || (g->n <= SIBLINGS_MAX && has_sibling(g, c));
	}
}

struct guess *guess_new(const struct flows *f)
{
	struct guess *g = xcalloc(1, sizeof *g);
	struct ox_sdp *sdp = xcalloc(1, sizeof *sdp);

	g->has_sip = f->has_sip;
	for (size_t i = 0; i < f->n_datagrams; i++) {
		if (g->has_sip)
			read_sip(g, f->datagrams[i].b, sdp);
		else
			add_candidate(g, &f->datagrams[i]);
	}
	free(sdp);
	decide(g);
	return g;
}

void guess_free(struct guess *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		free(g->all[i]);
	free(g->all);
	free(g->announced);
	free(g);
}

static enum dialog_payload by_announcement(const struct guess *g, const struct udp_datagram *d)
{
	for (int k = 0; k < 2; k++) {
		struct host_port dst = d->flow->node[!d->from];
		if (dst.port < k)
			break;
		dst.port = (uint16_t)(dst.port - k);
		for (size_t i = 0; i < g->n_announced; i++)
			if (host_port_is_eq(&g->announced[i], &dst))
				return k == 0 && !ox_rtcp_is_plausible(d->b) ? DIALOG_RTP
				       : ox_rtcp_is_plausible(d->b)          ? DIALOG_RTCP
									     : DIALOG_OTHER;
	}
	return DIALOG_OTHER;
}

bool guess_is_report(struct bytes b)
{
	return ox_rtcp_is_plausible(b) && (b.p[1] == OX_RTCP_SR || b.p[1] == OX_RTCP_RR);
}

enum dialog_payload guess_payload(const struct guess *g, const struct udp_datagram *d)
{
	const struct candidate *c;

	enum dialog_payload kind = g->has_sip ? by_announcement(g, d) : DIALOG_OTHER;

	if (kind != DIALOG_OTHER)
		return kind;
	if (guess_is_report(d->b))
		return DIALOG_RTCP;
	if (g->has_sip)
		return DIALOG_OTHER;
	if (!ox_rtp_is_plausible(d->b) || !(c = *find(g, d, be32(d->b.p + 8))))
		return DIALOG_OTHER;
	return c->is_stream ? DIALOG_RTP : DIALOG_OTHER;
}
