/* SPDX-License-Identifier: MIT */
#include "loadgen/track.h"

#include <assert.h>
#include <stdlib.h>

enum {
	IP_UDP_HEADERS = 28,  /* RFC 3550 6.2 counts them */
	FIRST_REPORT = 80,    /* RR, SDES, headers */
	DEFAULT_BPS = 500000, /* without b=AS */
};
/* A packet due this short before TEARDOWN left may still have been in the server's queue: its clock
 * ticks in milliseconds. Not owed. */
static const tick_t due_grace = 5 * TICK_MS;

static_assert(offsetof(struct track, meter.has_position) <= SINK_HOT,
	"what every packet touches is fetched ahead of it");

void track_init(struct track *tr, struct track_shared *shared, struct sink *sink, void *owner)
{
	*tr = (struct track){ .shared = shared, .owner = owner };
	sink_stream_init(&tr->sink, sink, tr);
}

void track_clear(struct track *tr)
{
	free(tr->control);
	tr->control = NULL;
}

static void note_types(struct track *tr, const struct sdp_media *m)
{
	struct bytes rest = m->formats, word;
	uint64_t n;

	tr->types[0] = tr->types[1] = 0;
	while (bytes_cut(&rest, ' ', &word))
		if (bytes_to_u64(word, 127, &n))
			tr->types[n / 64] |= (uint64_t)1 << n % 64;
}

void track_begin(struct track *tr, const struct sdp_media *m, char *control, uint32_t ssrc)
{
	free(tr->control);
	tr->control = control;
	tr->ssrc = ssrc;
	tr->clock_hz = m->clock_hz;
	tr->bps = m->bandwidth_kbps ? m->bandwidth_kbps * 1000.0 : DEFAULT_BPS;
	tr->server = tr->server_rtcp = (struct addr){ 0 };
	tr->is_over = tr->has_report = tr->has_final = false;
	tr->packets_said = 0;
	note_types(tr, m);
	bool is_pattern = bytes_is_ieq(m->encoding, B("X-BEAGLE-PATTERN"));
	meter_init(&tr->meter, is_pattern ? tr->shared->rules : tr->shared->plain, m->clock_hz);
	tr->sched.next = TICK_NEVER;
	tr->shared->tally->sum.streams++;
}

void track_play(struct track *tr, tick_t now, uint32_t random)
{
	struct rtcp_sched_config c = {
		.session_bps = tr->bps, .members = 2, .senders = 1, .first_bytes = FIRST_REPORT
	};
	rtcp_sched_init(&tr->sched, &c, now, random);
}

/* ---- what comes in ---- */

/* The head of a packet, n bytes long in all; the payload, as far as it was read. */
static bool read_head(const struct batch_item *x, struct rtp_view *v)
{
	return x->bytes.n == x->n ? rtp_read(x->bytes, v) == 0 : rtp_read_head(x->bytes, v) == 0;
}

static void judge_rtp(struct track *tr, const struct batch_item *x, bool is_sharp)
{
	struct snapshot *sum = &tr->shared->tally->sum;
	struct rtp_view v;

	if (!read_head(x, &v)) {
		sum->malformed++;
		return;
	}
	if (!(tr->types[v.payload_type / 64] >> v.payload_type % 64 & 1)) {
		sum->wrong_type++;
		return;
	}
	meter_packet(&tr->meter, &v, x->n, x->at, is_sharp, tr->shared->tally);
}

void track_rtp(struct track *tr, struct bytes packet, tick_t at, bool is_sharp)
{
	struct batch_item x = { .bytes = packet, .n = packet.n, .at = at };
	judge_rtp(tr, &x, is_sharp);
}

static void on_sender_report(struct track *tr, const struct rtcp_view *v, tick_t at)
{
	tr->shared->tally->sum.rtcp_reports_received++;
	tr->has_report = true;
	tr->packets_said = v->sr.packets;
	if (tr->meter.recv.started && tr->meter.recv.ssrc == v->ssrc)
		rtp_recv_sr(&tr->meter.recv, v->sr.ntp, at);
}

static void on_bye(struct track *tr, bool with_report)
{
	tr->shared->tally->sum.rtcp_byes_received++;
	tr->is_over = true;
	meter_bye(&tr->meter);
	tr->has_final = with_report && tr->meter.is_over;
	tr->shared->on_change(tr->owner);
}

void track_rtcp(struct track *tr, struct bytes compound, tick_t at)
{
	struct snapshot *sum = &tr->shared->tally->sum;
	struct bytes rest = compound;
	struct rtcp_view v;
	bool with_report = false;
	int n;

	while ((n = rtcp_next(&rest, &v)) == 1) {
		sum->rtcp_received++;
		if (v.type == RTCP_SR) {
			with_report = true;
			on_sender_report(tr, &v, at);
		} else if (v.type == RTCP_BYE) {
			on_bye(tr, with_report);
		}
	}
	if (n < 0)
		sum->rtcp_malformed++;
	else if (tr->sched.next != TICK_NEVER)
		rtcp_sched_on_received(&tr->sched, (uint32_t)compound.n + IP_UDP_HEADERS);
}

static bool is_same_v4(const struct addr *a, const struct addr *b)
{
	return a->sa.sa_family == AF_INET && b->sa.sa_family == AF_INET &&
	       a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr && a->v4.sin_port == b->v4.sin_port;
}

/* Does this datagram come from where the server said it would? */
static bool check_source(struct track *tr, const struct addr *from, const struct addr *said)
{
	struct snapshot *sum = &tr->shared->tally->sum;

	if (is_same_v4(from, said))
		return true;
	if (!addr_is_same_host(from, said)) {
		sum->strays++;
		return false;
	}
	if (addr_port(said) && addr_port(from) != addr_port(said))
		sum->wrong_source++;
	return true;
}

static void on_udp_rtp(void *owner, const struct batch_item *x)
{
	struct track *tr = owner;
	if (check_source(tr, x->from, &tr->server))
		judge_rtp(tr, x, true); /* stamped one by one */
}

static void on_udp_rtcp(void *owner, const struct batch_item *x)
{
	struct track *tr = owner;
	if (check_source(tr, x->from, &tr->server_rtcp))
		track_rtcp(tr, x->bytes, x->at);
}

const struct sink_events track_sink_events = { on_udp_rtp, on_udp_rtcp };

/* ---- what goes out ---- */

tick_t track_next(const struct track *tr)
{
	return tr->is_over ? TICK_NEVER : tr->sched.next;
}

struct bytes track_report(struct track *tr, struct bytes cname, tick_t now, uint32_t random)
{
	struct rtcp_writer w;
	struct rtcp_block block;

	if (now < track_next(tr) || rtcp_sched_expire(&tr->sched, now, random) != RTCP_SCHED_REPORT)
		return B("");
	bool has_block = tr->meter.recv.started && rtp_recv_report(&tr->meter.recv, &block, now);
	rtcp_begin(&w, tr->report, sizeof tr->report);
	rtcp_put_rr(&w, tr->ssrc, &block, has_block);
	rtcp_put_cname(&w, tr->ssrc, cname);
	int n = rtcp_end(&w);
	if (n < 0)
		return B("");
	rtcp_sched_on_sent(&tr->sched, (uint32_t)n + IP_UDP_HEADERS, now, random);
	return bytes_of(tr->report, (size_t)n);
}

/* ---- the end ---- */

/* Packets owed: by the pattern's own rate; else by the count in the sender's last report, if that
 * came with the BYE at the end of its media; else by the media time. */
static int64_t packets_due(const struct track *tr, tick_t played)
{
	const struct pattern *p = tr->meter.rules->pattern;

	if (!p && tr->has_final)
		return (int64_t)tr->packets_said;
	if (played <= due_grace)
		return 0;
	if (!p)
		return meter_owed(&tr->meter, played - due_grace);
	uint64_t n = pattern_packet_at(p, played - due_grace) + 1, all = pattern_packets(p);
	return (int64_t)(n < all ? n : all);
}

uint64_t track_end(struct track *tr, tick_t played, tick_t end, int64_t *due)
{
	struct tally *t = tr->shared->tally;

	*due = packets_due(tr, played);
	tr->sched.next = TICK_NEVER;
	return meter_end(&tr->meter, end, *due, t);
}
