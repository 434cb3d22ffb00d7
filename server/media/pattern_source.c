/* SPDX-License-Identifier: MIT */
#include "server/media/pattern_source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/os.h"

enum { CONTROL_MAX = 24, SDP_ID = 1 };

struct pattern_source {
	struct source source;
	struct pattern pattern;
	const struct pattern_body *body;
	uint64_t packets;                      /* per track; UINT64_MAX: endless */
	uint64_t position[PATTERN_TRACKS_MAX]; /* next packet of each track */
	char control[PATTERN_TRACKS_MAX][CONTROL_MAX];
	struct source_track tracks[PATTERN_TRACKS_MAX];
};

static_assert((int)PATTERN_PREFIX == (int)PACKET_HEAD_MAX, "the prefix is the packet's head");
static_assert((int)PATTERN_TRACKS_MAX <= (int)SOURCE_TRACKS_MAX, "one bit per track");
static_assert(
	PATTERN_PACKET_MAX - RTP_HEADER - PATTERN_PREFIX <= PATTERN_BODY, "body is long enough");

static int describe(struct source *s, const struct source_place *place, struct buf *sdp)
{
	struct pattern_source *ps = container_of(s, struct pattern_source, source);
	struct bytes host = place->host.n ? place->host : place->is_ip6 ? B("::") : B("0.0.0.0");

	return pattern_sdp(&ps->pattern, SDP_ID, host, place->is_ip6, sdp);
}

/* Where it stands is where it goes on, and nothing else can be had of it. */
#define STANDS_WITHIN TICK_S

static int go_on(
	struct pattern_source *ps, uint32_t tracks, const struct source_start *at, tick_t *actual)
{
	uint64_t k = 0;
	tick_t due, off;

	for (uint32_t t = 0; t < ps->source.n_tracks; t++)
		k = tracks >> t & 1 && ps->position[t] > k ? ps->position[t] : k;
	due = pattern_due(&ps->pattern, k);
	off = due > at->npt ? due - at->npt : at->npt - due;
	if (off > STANDS_WITHIN)
		return ERR_UNSUPPORTED;
	for (uint32_t t = 0; t < ps->source.n_tracks && !at->only_ask; t++)
		ps->position[t] = tracks >> t & 1 ? k : ps->position[t];
	*actual = due < at->npt ? due : at->npt;
	return 0;
}

/* Every packet is a sync sample: the first one due at or after npt; *actual is npt itself. */
static int seek(struct source *s, uint32_t tracks, const struct source_start *at, tick_t *actual)
{
	struct pattern_source *ps = container_of(s, struct pattern_source, source);
	tick_t npt = at->npt;
	uint64_t k;

	if (at->scale != 1)
		return ERR_UNSUPPORTED;
	if (npt < 0 || npt > s->duration)
		return ERR_RANGE;
	if (ps->pattern.no_seek)
		return go_on(ps, tracks, at, actual);
	k = pattern_packet_at(&ps->pattern, npt);
	if (pattern_due(&ps->pattern, k) < npt)
		k++;
	for (uint32_t t = 0; t < s->n_tracks; t++) {
		if (tracks >> t & 1 && !at->only_ask)
			ps->position[t] = k;
	}
	*actual = npt;
	return 0;
}

/* The track whose next packet has the lowest number (all tracks run at one rate); -1 at the end. */
static int first_track(const struct pattern_source *ps, uint32_t tracks)
{
	int first = -1;

	for (uint32_t t = 0; t < ps->source.n_tracks; t++) {
		if (!(tracks >> t & 1) || ps->position[t] >= ps->packets)
			continue;
		if (first < 0 || ps->position[t] < ps->position[first])
			first = (int)t;
	}
	return first;
}

static int next(struct source *s, uint32_t tracks, tick_t until, tick_t now, struct packet *p)
{
	struct pattern_source *ps = container_of(s, struct pattern_source, source);
	int track = first_track(ps, tracks);
	uint64_t k;

	if (track < 0)
		return ERR_END;
	k = ps->position[track];
	p->track = (uint8_t)track;
	p->due = pattern_due(&ps->pattern, k);
	if (p->due > until)
		return SOURCE_LATER;
	ps->position[track]++;
	p->payload_type = PATTERN_PAYLOAD_TYPE;
	p->importance = IMPORTANCE_NORMAL;
	p->marker = true;
	p->padding = p->extension = false;
	p->sync = true;
	p->leading = false;
	p->train = 1;
	p->rtp_time = pattern_timestamp(&ps->pattern, k);
	p->head_n = PATTERN_PREFIX;
	pattern_prefix_write(
		p->head, &(struct pattern_prefix){
				 .ssrc = s->tracks[track].ssrc, .position = k, .sent = now });
	p->body = (struct bytes){ ps->body->at,
		pattern_packet_bytes(&ps->pattern, k) - RTP_HEADER - PATTERN_PREFIX };
	p->block = NULL;
	return 0;
}

static void free_source(struct source *s)
{
	free(container_of(s, struct pattern_source, source));
}

static const struct source_ops pattern_source_ops = {
	.name = "pattern", .describe = describe, .seek = seek, .next = next, .free = free_source
};

struct source *pattern_source_new(const struct pattern *p, const struct pattern_body *body)
{
	struct pattern_source *ps = xcalloc(1, sizeof *ps);
	uint64_t packet_bits = p->bps / p->pps;

	ps->pattern = *p;
	ps->body = body;
	ps->packets = pattern_packets(p);
	ps->source.ops = &pattern_source_ops;
	ps->source.is_live = true;
	ps->source.n_tracks = p->tracks;
	ps->source.tracks = ps->tracks;
	ps->source.duration = p->duration_s ? (tick_t)p->duration_s * TICK_S : TICK_NEVER;
	for (uint32_t t = 0; t < p->tracks; t++) {
		(void)snprintf(ps->control[t], CONTROL_MAX, "trackID=%u", t + 1); /* always fits */
		ps->source.tracks[t] = (struct source_track){
			.control = ps->control[t],
			.clock_hz = PATTERN_CLOCK_HZ,
			.payload_type = PATTERN_PAYLOAD_TYPE,
			.is_video = true,
			.duration = ps->source.duration,
			.bitrate_bps = p->bps > UINT32_MAX ? 0 : (uint32_t)p->bps,
			.payload_max = (uint32_t)(packet_bits / 8 + 1 - RTP_HEADER),
		};
	}
	return &ps->source;
}
