/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_THIN_H
#define SERVER_CORE_THIN_H

#include "server/core/prefs.h"
#include "server/core/stats.h"
#include "server/media/source.h"

/*
 * Thinning: what a client that reads too slowly goes without, so that what it gets is in time. A video
 * stream has one of seven levels of quality. Once per quality_check_interval of the medium its lateness is
 * looked at: late and getting later, or late by much, it goes down a step; in time and not getting
 * later, up a step; very late or well ahead, all the way. A step up that had to be taken back is tried
 * again only after a while, twice as long each time.
 *
 * Judged are frames (packets of one RTP time), never packets, and never so that a decoder is given what it
 * cannot decode: when a frame was left out that others refer to, nothing follows until the next
 * sync sample; nor do frames shown before that one, which refer to what went before. Audio is the last
 * to go. What is left out takes no sequence number: the receiver sees no loss, only fewer frames.
 */
enum {
	THIN_ALL,       /* every frame */
	THIN_NO_LOW,    /* without those that nothing refers to */
	THIN_MOST,      /* and 75 % of the others: the tail of each group is left out */
	THIN_HALF,      /* 50 % */
	THIN_QUARTER,   /* 25 % */
	THIN_SYNC,      /* sync samples alone */
	THIN_SYNC_HALF, /* every second of them */
	THIN_LEVELS
};

enum thin_verdict {
	THIN_SEND,
	THIN_OUT, /* left out by its importance */
	THIN_TOO_LATE /* left out because it is later than drop_all_video_delay, drop_all_packets_delay */
};

struct thin {
	/* the frame at hand */
	bool is_begun;
	uint32_t frame; /* its RTP time */
	enum thin_verdict verdict;
	/* what the decoder lacks */
	bool is_damaged;  /* a frame that others refer to: nothing until a sync sample */
	bool was_damaged; /* before the last sync sample */
	uint32_t sync;    /* RTP time of that */
	uint32_t n_syncs; /* that came by at THIN_SYNC_HALF */
	/* frames that others refer to, since the last sync sample, and in the group before it */
	uint32_t in_group, group;
	/* quality */
	uint8_t level;
	uint8_t pause, wait; /* checks to wait after a failed step up; of those still to come */
	bool is_raised;      /* the last step was one up */
	bool is_checked;
	tick_t check_due, check_late; /* of the last check */
	tick_t level_since;           /* not yet in the statistics */
};

/* When a packet is about to go. */
struct thin_moment {
	tick_t due; /* when it should go, on the loop's clock; not before the start of this play */
	tick_t now; /* and when it does */
	bool is_pressed;  /* its connection held packets back, and they are not caught up yet */
	bool is_disabled; /* no quality is given up: live media, UDP, by preference */
};

/* What becomes of the packet. Counts the steps and the time at each level, not the packet. */
enum thin_verdict thin_judge(struct thin *t, const struct prefs *prefs, struct stats *stats,
	bool is_video, const struct packet *p, const struct thin_moment *m);
/* The packet just judged could not be queued: the rest of its frame goes the same way. */
void thin_cut(struct thin *t);
/* A packet of some frame before was given up: of the frames after the one at hand, those that may
 * refer to it go too. */
void thin_lost(struct thin *t);
/* A new range: the next packet begins a frame, whatever its RTP time. */
void thin_restart(struct thin *t);
/* The time at the present level goes into the statistics. */
void thin_account(struct thin *t, struct stats *stats, tick_t now);

#endif
