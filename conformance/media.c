/* SPDX-License-Identifier: MIT */
#include "conformance/media.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_url.h"
#include "server/base/os.h"

void media_init(struct media *m)
{
	*m = (struct media){ 0 };
}

void media_clear(struct media *m)
{
	for (size_t i = 0; i < MEDIA_STREAMS; i++) {
		free(m->v[i].url);
		free(m->v[i].packets);
		free(m->v[i].reports);
	}
	media_init(m);
}

int media_find(const struct media *m, struct bytes url)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->v[i].url && ox_url_is_same(bytes_str(m->v[i].url), url, true))
			return (int)i;
	}
	return -1;
}

void media_add_rtp(struct media *m, size_t stream, struct bytes b, uint16_t src_port, tick_t now)
{
	struct media_stream *s = &m->v[stream];
	struct ox_rtp p;
	if (s->n_packets == MEDIA_PACKETS_MAX) {
		m->dropped++;
		return;
	}
	if (s->n_packets == s->cap_packets) {
		s->cap_packets = s->cap_packets ? 2 * s->cap_packets : 256;
		s->packets = xrealloc(s->packets, s->cap_packets * sizeof(*s->packets));
	}
	bool ok = ox_rtp_read(b, &p, NULL) == 0;
	struct media_packet *to = &s->packets[s->n_packets++];
	*to = (struct media_packet){
		.at = now, .n = (uint16_t)b.n, .src_port = src_port, .is_bad = !ok
	};
	if (ok) {
		to->ssrc = p.ssrc;
		to->rtptime = p.rtptime;
		to->seq = p.seq;
		to->pt = p.pt;
		to->marker = p.marker;
	}
}

static void fill_report(struct media_report *r, const struct ox_rtcp *c)
{
	r->ssrc = c->n ? c->v[0].ssrc : 0;
	r->has_cname = c->has_cname;
	for (size_t i = 0; i < c->n; i++) {
		const struct ox_rtcp_packet *p = &c->v[i];
		if (p->type == OX_RTCP_SR) {
			r->has_sr = true;
			r->ntp = p->ntp;
			r->rtptime = p->rtptime;
			r->packets = p->packets;
			r->octets = p->octets;
		} else if (p->type == OX_RTCP_BYE) {
			r->has_bye = true;
			r->bye_ssrc = p->ssrc;
		} else if (p->type == OX_RTCP_SDES && p->cname.n) {
			(void)snprintf(r->cname, sizeof(r->cname), "%.*s", BYTES_FMT(p->cname));
		}
	}
}

void media_add_rtcp(struct media *m, size_t stream, struct bytes b, uint16_t src_port, tick_t now)
{
	struct media_stream *s = &m->v[stream];
	struct ox_rtcp c;
	if (s->n_reports == MEDIA_REPORTS_MAX) {
		m->dropped++;
		return;
	}
	if (s->n_reports == s->cap_reports) {
		s->cap_reports = s->cap_reports ? 2 * s->cap_reports : 16;
		s->reports = xrealloc(s->reports, s->cap_reports * sizeof(*s->reports));
	}
	struct media_report *r = &s->reports[s->n_reports++];
	*r = (struct media_report){
		.at = now, .src_port = src_port, .packets_before = s->n_packets
	};
	r->is_bad = ox_rtcp_read(b, &c, NULL) < 0;
	fill_report(r, &c);
}

void media_mark_play(struct media *m, tick_t now)
{
	m->play_sent = now;
	m->play_reply = 0;
	m->stop_reply = 0;
	m->has_range = false;
	for (size_t i = 0; i < MEDIA_STREAMS; i++) {
		m->v[i].play_packet = m->v[i].n_packets;
		m->v[i].play_report = m->v[i].n_reports;
		m->v[i].has_info = false;
	}
}

void media_mark_stop(struct media *m, tick_t now)
{
	m->stop_reply = now;
	for (size_t i = 0; i < MEDIA_STREAMS; i++)
		m->v[i].stop_packet = m->v[i].n_packets;
}

void media_mark_gather(struct media *m)
{
	for (size_t i = 0; i < MEDIA_STREAMS; i++) {
		m->v[i].gather_packet = m->v[i].n_packets;
		m->v[i].gather_report = m->v[i].n_reports;
	}
}
