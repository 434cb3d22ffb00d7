/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_STREAM_H
#define SERVER_MEDIA_FORMAT_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/err.h"
#include "server/base/tick.h"
#include "server/media/format/file.h"
#include "server/media/pack/block.h"
#include "server/wire/sdp.h"

/*
 * One track as it can be streamed, whatever it is made of: hint samples, media samples and a packetiser,
 * slices of a transport stream. Its packets come in blocks of consecutive *units* (samples, slices),
 * counted from 0. Immutable once its movie is open; any thread.
 *
 * The axis of all times is NPT (source.h): edit lists, codec delays and the start times of transport
 * streams are already in it, so that tracks of one movie are in step.
 *
 * Blocks begin at fixed units whatever was asked first, so that sessions share them: at block_first of
 * any unit, and where a block before was full.
 */
enum { STREAM_CONTROL_MAX = 64, STREAM_SLOT_S = 1, STREAM_LANGUAGE_MAX = 36 };

struct stream;
struct stream_ops {
	const char *kind; /* "hint track", "packetised", "transport stream" */
	/*
	 * Assembles the block that begins with unit `first`. Blocks on the file (pool thread). A broken
	 * unit ends the block before it; when it is the first one: ERR_CORRUPT, ERR_LIMIT,
	 * ERR_TRUNCATED, -errno. *out has one reference, and track = `track`. A block may hold no rows.
	 */
	int (*fill)(const struct stream *s, const struct media_file *f, uint32_t track,
		uint32_t first, struct block **out);
	/* Where the block begins that is asked for to get at unit n. */
	uint32_t (*block_first)(const struct stream *s, uint32_t n);
	/* The first unit whose packets are not due before npt (0 for npt ≤ 0); n_units: none. */
	uint32_t (*unit_at)(const struct stream *s, tick_t npt);
	/* When the first packet of unit n is due, about; n < n_units. */
	tick_t (*unit_due)(const struct stream *s, uint32_t n);
	/* Sync point i < n_syncs: when it is shown (ascending), and the unit at which to begin to look for
	 * its packets, which carry that RTP time and row.sync. */
	tick_t (*sync_npt)(const struct stream *s, uint32_t i);
	uint32_t (*sync_unit)(const struct stream *s, uint32_t i);
	/* The lines of its medium after m=, b= and a=control (which the title writes). */
	void (*describe)(const struct stream *s, struct sdp_writer *w);
	void (*free)(struct stream *s);
};

struct stream {
	const struct stream_ops *ops;
	const char *media_type; /* "video", "audio", "text", "application": a literal */
	bool is_video;          /* seeking goes to its sync points */
	uint8_t payload_type;
	uint32_t clock_hz;
	uint32_t payload_max; /* longest payload; 0: unknown */
	uint32_t bitrate_bps; /* b=AS; of RTP packets with headers where known; 0: unknown */
	uint32_t n_units;
	uint32_t n_syncs; /* 0: every unit is a place to begin at */
	tick_t duration;  /* NPT of its end */
	uint32_t id;      /* the container's number of the track, for trackID= and messages */
	char control[STREAM_CONTROL_MAX];   /* one URL segment; empty: movie_add makes one */
	char language[STREAM_LANGUAGE_MAX]; /* 4646 tag for a=lang; empty: none */
	char title[64];                     /* "H.264 320x240, 25 fps", for --describe */
};

static inline void stream_free(struct stream *s)
{
	if (s)
		s->ops->free(s);
}

/* The last sync point that is shown at or before npt. False: there is none. */
bool stream_sync_before(const struct stream *s, tick_t npt, uint32_t *i);

/* ns of NPT in RTP ticks of the stream, to the nearest. */
int64_t stream_ticks_of(const struct stream *s, tick_t npt);

#endif
