/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_SOURCE_H
#define SERVER_MEDIA_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/media/pack/block.h"

/*
 * Where the packets of a media session come from. A source is one session's own cursor (over a shared
 * title, a generator, later a live feed); it belongs to one worker and never blocks.
 *
 * The axis: all times are ns since NPT 0 (2326 3.6). A packet's RTP time counts ticks of its track's
 * clock since NPT 0 too, so the RTP time of any NPT is source_rtp_at() with no further offset: the
 * rtptime of RTP-Info for a range start (2326 12.33), the RTP time of a sender report, and what keeps
 * tracks in step all come from it. The session adds its own random bases of timestamp and sequence.
 * Packets come in the order in which they are due; inside a track always in the order of the stream,
 * so sequence numbers are simply counted by whoever sends. Packets that are due before the range
 * start (codec delay, B frames) are sent at once: their due time has passed.
 *
 * Pausing is not calling next; going on is calling it again: nothing is lost or repeated.
 */
struct source;
struct block;

/* Scales that a source may offer (2326 12.34): 1 always, the others by sync samples. */
enum { SOURCE_SCALE_BACK = -1, SOURCE_SCALE_MAX = 8 };

enum {
	SOURCE_TRACKS_MAX = 16,
	PACKET_HEAD_MAX = 24 /* bytes that a packet may carry outside its shared body */
};

/*
 * One RTP packet without its 12-byte fixed header: payload = head[0..head_n) then body. Head is in
 * the struct (copy it beside the RTP header). Body is a view into shared memory that lives until the
 * source is called with a later `now`, or is freed: so it stays good for datagrams flushed at the
 * end of the turn. Who keeps it longer (a queued TCP frame) takes block_ref(block), or copies; with
 * block == NULL the body lives as long as the process.
 */
struct packet {
	uint8_t track;        /* index into source->tracks */
	uint8_t payload_type; /* RTP PT */
	uint8_t importance;   /* enum importance */
	uint8_t head_n;
	bool marker;
	bool padding;   /* RTP P bit: the payload ends with RTP padding (3550 5.1) */
	bool extension; /* RTP X bit: the payload begins with a header extension */
	bool sync;      /* belongs to a sync sample (always true for audio) */
	bool leading;   /* comes before the start of an exact seek: only the decoder needs it */
	/* This and the next train-1 packets of this track are due together and have payloads of one
	 * size (the last may be shorter), so they may leave as one GSO train. 1 … 16. */
	uint16_t train;
	tick_t due;        /* ns from NPT 0; may be negative */
	uint32_t rtp_time; /* ticks from NPT 0, modulo 2^32 */
	struct bytes body;
	struct block *block;
	uint8_t head[PACKET_HEAD_MAX];
};

struct source_track {
	/* "trackID=3": the segment after the aggregate URL; lives with the source */
	const char *control;
	uint32_t clock_hz;    /* RTP clock */
	uint8_t payload_type; /* as in the SDP */
	bool is_video;        /* else audio, or something with no lateness tolerance of its own */
	tick_t duration;      /* TICK_NEVER: endless */
	uint32_t bitrate_bps; /* of RTP packets with their headers, average; 0 = unknown */
	uint32_t payload_max; /* longest payload announced; 0 = unknown */
	/* Written by the session at SETUP, before the first next: the pattern source puts it into
	 * its packets. */
	uint32_t ssrc;
};

/* Own address in the o= line. */
struct source_place {
	struct bytes host; /* address literal or name; empty: 0.0.0.0 */
	bool is_ip6;
};

/* Where and how to go on. */
struct source_start {
	tick_t npt; /* ≥ 0 */
	/* 1: every packet. 2, 4, 8: forward, the sync samples of video tracks only, thinned out to what the
	 * scaled time has room for; -1: the same backward. Others: ERR_UNSUPPORTED, nothing changed. */
	int scale;
	/* *actual becomes npt itself: packets before it, from the sync sample on, are leading (and
	 * have been due already). Only with scale 1. */
	bool exact;
	bool only_ask; /* *actual and s->lead are told, nothing moves */
};

struct source_ops {
	const char *name;
	int (*describe)(struct source *s, const struct source_place *place, struct buf *sdp);
	int (*seek)(struct source *s, uint32_t tracks, const struct source_start *start,
		tick_t *actual);
	int (*next)(struct source *s, uint32_t tracks, tick_t until, tick_t now, struct packet *p);
	void (*free)(struct source *s);
};

/* First member of every kind of source. Read-only for its user but for ssrc, wake and
 * wake_arg. */
struct source {
	const struct source_ops *ops;
	uint32_t n_tracks;
	struct source_track *tracks; /* n_tracks of them; live with the source */
	tick_t duration;             /* npt of the end; TICK_NEVER: endless */
	int64_t created_ns; /* when NPT 0 was, ns since 1970, for clock ranges (2326 3.7); 0: unknown */
	bool can_scale;     /* has video with sync samples: other scales than 1 */
	/* Of the last seek: by how much at most the packets that decode the first frames are shown before
	 * *actual (leading ones, other video tracks' groups). */
	tick_t lead;
	bool is_live; /* packets exist only when they are due: no sending ahead */
	/* Called on the source's own loop when what answered ERR_AGAIN is worth trying again. Set by the
	 * session when it gets the source (task_signal in it); may be NULL. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/*
 * Appends the session description (4566): complete, with c=IN IP4 0.0.0.0, t=0 0, a=control:*,
 * a=range:npt=0-… and one media section with a=control per track. 0, or ERR_LIMIT when sdp is full.
 */
MUST_USE static inline int source_describe(
	struct source *s, const struct source_place *place, struct buf *sdp)
{
	return s->ops->describe(s, place, sdp);
}

/*
 * Moves the tracks in the mask (bit n = tracks[n]) and begins to load. Without `exact` it goes back to
 * the sync sample before npt when one of the tracks is video; *actual ≤ npt is where it really starts:
 * say it in Range and take RTP-Info's rtptime for it. A track without sync samples begins with the packet
 * that still sounds then. 0; ERR_RANGE when npt lies beyond the end;
 * ERR_UNSUPPORTED. A new source stands at 0 with scale 1. Loading errors show at next.
 */
MUST_USE static inline int source_seek(
	struct source *s, uint32_t tracks, const struct source_start *start, tick_t *actual)
{
	return s->ops->seek(s, tracks, start, actual);
}

/*
 * The next packet of the tracks in the mask that is due at or before `until` (ns from NPT 0). With scale
 * -1 "before" means after: NPT runs down, ERR_END follows the first sync sample of the medium.
 *   0            *p holds it, and it is consumed
 *   SOURCE_LATER nothing consumed; only p->track and p->due are set: the next one is due then
 *   ERR_AGAIN    it is being loaded; wake() follows
 *   ERR_END      the tracks in the mask are at their end; seek first
 *   ERR_CHANGED, ERR_CORRUPT, ERR_TRUNCATED, ERR_LIMIT, -errno: the medium failed; stays so until a
 *                seek
 * `now` is the turn's, on the monotonic axis: it ends the life of earlier bodies, and the pattern
 * source stamps its packets with it.
 */
enum { SOURCE_LATER = 1 };
MUST_USE static inline int source_next(
	struct source *s, uint32_t tracks, tick_t until, tick_t now, struct packet *p)
{
	return s->ops->next(s, tracks, until, now, p);
}

/* NULL is fine. Not inside a wake(). Requests in flight end by themselves. */
static inline void source_free(struct source *s)
{
	if (s)
		s->ops->free(s);
}

/* Mask of all tracks. */
static inline uint32_t source_all(const struct source *s)
{
	return (uint32_t)((1u << s->n_tracks) - 1);
}

/* RTP ticks from NPT 0 for a time on the NPT axis, rounded to the nearest, modulo 2^32. */
uint32_t source_rtp_at(const struct source *s, uint32_t track, tick_t npt);

#endif
