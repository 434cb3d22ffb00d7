/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTP_SESSION_H
#define SERVER_CORE_RTP_SESSION_H

#include <uthash.h>

#include "server/core/kept.h"
#include "server/core/rtp_pace.h"
#include "server/core/rtp_stream.h"
#include "server/core/stats.h"
#include "server/core/timeline.h"
#include "server/net/task.h"

/*
 * A media session (2326 12.37): a source, its streams, a place on the time axis. A paced task that
 * pulls the source until the next packet lies beyond now. Lives on one worker until TEARDOWN, time-out,
 * the end of its connection (interleaved) or shutdown.
 */
struct worker;
struct rtsp_session;

enum {
	SESSION_ID =
		20, /* 16 hex digits of chance, 2 of the worker, 2 of the process's generation */
	SESSION_SHOWN = 6, /* digits for logs: who knows a whole id may end the session */
	PLAY_QUEUE_MAX = 16
};

/* 2326 A: Init is a session without streams, which nobody sees. */
enum rtp_state { RTP_INIT, RTP_READY, RTP_PLAYING, RTP_ENDED };

/* A range that is played, or will be. */
struct stretch {
	struct timeline line; /* deliver, present TICK_NEVER: what is before it never ends */
	/* First NPT that is not sent; TICK_NEVER: to the end, or, with a negative scale, < 0: NPT 0 too. */
	tick_t stop;
	bool is_exact; /* begins at line.npt itself, not at a sync sample (struct source_start) */
};

struct rtp_session {
	struct task task;
	/* What each packet and each wake-up touches stands first, in five cache lines. */
	struct worker *w;
	struct source *source;
	enum rtp_state state;
	uint32_t mask; /* tracks that are set up */

	/* This play's stretch of NPT. While it does not play: from where it would go on. */
	struct timeline line;
	tick_t stop_npt; /* as in struct stretch */
	uint32_t rest;   /* tracks that have not come to stop_npt */
	uint32_t n_streams;
	tick_t hold_until; /* nothing is sent before (a module's wish) */
	tick_t chores_at;  /* when its reports and time-outs want to be looked at; 0: now */
	struct rtsp_session
		*over; /* interleaved: the connection of a stream; NULL: all go by UDP */
	struct rtp_pace pace;
	tick_t next_due; /* loop's time of the next packet, as last seen; 0 unknown */
	struct kept kept;

	tick_t t0;             /* RTP time zero of all its streams */
	bool at_end;           /* the medium is at its end: BYE was sent */
	bool by_itself;        /* paused without a PAUSE, which may be under way */
	bool must_seek;        /* the pause point is not where the source stands */
	struct stretch *queue; /* to be played after this one (2326 10.5); NULL: never used */
	uint32_t n_queue;
	uint64_t speed_bps; /* bandwidth reserved for speed, beside bps */

	tick_t timeout, alive; /* last sign of life */
	uint64_t alive_bytes;  /* an interleaved session lives while its connection takes bytes */
	char id[SESSION_ID + 1];
	bool has_played;
	uint32_t peer_entry; /* of peers.h */
	char *path;          /* decoded, of the aggregate */
	uint64_t bps;
	enum close_reason ended;

	struct rtsp_session *made_by; /* connection that made it; NULL when gone */
	struct link on_conn;
	/* for the access log */
	struct addr peer, local;
	int64_t began_wall;   /* ns since 1970, at `began`: rtp_session_ntp */
	tick_t began, played; /* played: time in Playing so far */
	tick_t play_from;
	char *user_agent, *query;
	char *user;        /* whose it is: nobody else may use it; NULL = nobody's */
	bool by_signature; /* it was made with a signed URL */
	uint64_t rtsp_in, rtsp_out;
	int last_status;

	UT_hash_handle hh;
	struct rtp_stream streams[]; /* one per track of the source */
};

/* Takes the source over. The caller gives it its admission and sets up a stream next. */
struct rtp_session *rtp_session_new(
	struct worker *w, struct source *source, const char *path, tick_t now);
/* Sends BYE, tells the modules, takes it off every list; its memory goes at the end of the turn. */
void rtp_session_end(struct rtp_session *s, enum close_reason why, tick_t now);
/* SETUP or TEARDOWN changed how its streams are sent: s->over. */
void rtp_session_rewired(struct rtp_session *s);
/* Where the modules' slots are. */
void *rtp_session_slots(struct rtp_session *s);
/* A sign of life. */
static inline void rtp_session_touch(struct rtp_session *s, tick_t now)
{
	s->alive = now;
}

/* ---- playing: which stretch (rtp_play.c), and how it is sent (rtp_send.c) ---- */

/* The wheel fires up to half a tick early: what is due until then goes now. */
#define RTP_HALF_TICK (WHEEL_TICK / 2)

/* Current position: the NPT that is being delivered. */
tick_t rtp_session_npt(const struct rtp_session *s, tick_t now);
/* NTP time of its SRs: by the wall clock as it was when the session began, evenly from there on, since receivers
 * take the difference of two SRs for time that has passed (3550 6.4.1). */
static inline uint64_t rtp_session_ntp(const struct rtp_session *s, tick_t now)
{
	return ntp_of_unix(s->began_wall + (now - s->began));
}
/* Where the next packet lies, however late it is: the NPT of what the client will get now. */
tick_t rtp_session_next(struct rtp_session *s, tick_t now);
/* What a PLAY asks for. */
struct play {
	bool has_start, has_end;
	tick_t start, end;    /* NPT asked for */
	tick_t at;            /* loop's time to begin at; not before now */
	int64_t scale, speed; /* millionths; 1000000 is normal */
	uint64_t max_bps;     /* what the client can take; 0: it did not say */
};
/*
 * Begins to play, or moves. What will be played really (the scale and speed that are offered, the sync
 * sample) goes to *out, and is s->line and s->stop_npt, too, unless *is_queued: with prefs->play_queue a
 * range waits for the one being played. Without has_start it goes on from the present position; backward
 * from NPT 0, from the end of the medium. 0; ERR_RANGE: beyond the end or reversed; ERR_LIMIT: the queue is
 * full; what source_seek may answer (nothing has changed).
 */
MUST_USE int rtp_session_play(struct rtp_session *s, const struct play *p, tick_t now,
	struct stretch *out, bool *is_queued);
/* Where a stretch ends: its stop, or the end of the medium in its direction. */
tick_t rtp_session_end_of(const struct rtp_session *s, const struct timeline *l, tick_t stop);
/* Stops at once and empties the queue; the pause point is kept. */
void rtp_session_pause(struct rtp_session *s, tick_t now);
/* Pauses when NPT `at` is reached, or at once with the pause point there if it has passed; in the queue,
 * what comes after it is dropped. ERR_RANGE: beyond all that is to be played. */
MUST_USE int rtp_session_pause_at(struct rtp_session *s, tick_t at, tick_t now);
/* Sends what is due while it plays; the loop's time at which to call again (TICK_NEVER: on a signal). */
tick_t rtp_session_send(struct rtp_session *s, tick_t now);
/* For those two files: begins what x says, the source stands there; seeks for it (0 or what source_seek
 * answers); stops, to go on at npt; the range being played stops there. */
void rtp_session_begin(struct rtp_session *s, const struct stretch *x, tick_t now);
MUST_USE int rtp_session_jump(struct rtp_session *s, struct stretch *x, tick_t now);
void rtp_session_stand(struct rtp_session *s, tick_t npt, tick_t now);
void rtp_session_set_stop(struct rtp_session *s, tick_t stop);
/* Adds the time in Playing since the last call to s->played. */
void rtp_session_note_played(struct rtp_session *s, tick_t now);

#endif
