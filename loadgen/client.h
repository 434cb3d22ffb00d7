/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_CLIENT_H
#define LOADGEN_CLIENT_H

#include "loadgen/ctl_native.h"
#include "loadgen/options.h"
#include "loadgen/track.h"
#include "server/wire/transport.h"

/*
 * One session: OPTIONS, DESCRIBE, SETUP for every track, PLAY, plays for its time, perhaps PAUSE and
 * silence, TEARDOWN; or, in a cycle, DESCRIBE to TEARDOWN without a rest. Keeps itself alive, answers with receiver reports, and ends for exactly one reason (enum death).
 *
 * Latencies are kept twice: from the intended time of a step (the schedule for the connection, the
 * arrival of the reply before for what depends on it, the session's end for TEARDOWN) and from the
 * write itself.
 */
struct client;

struct client_env {
	const struct options *options;
	struct loop *loop;
	struct addr target;
	const char *url; /* without credentials */
	struct ctl_shared ctl;
	struct sink sink;
	struct track_shared track;
	struct meter_rules rules, plain;
	struct tally *tally;
	char *server_banner; /* owned by the run; of the first reply that had one */
	/* A session is over; it may be started again for another number. `where` and `kind` name the
	 * failure ("setup", "status 454"), example may be NULL; where NULL: none. */
	void (*on_over)(void *run, struct client *c, enum death why, const char *where,
		const char *kind, const char *example);
	void *run;
};

enum client_state {
	CLIENT_IDLE,
	CLIENT_CONNECTING,
	CLIENT_ASKING, /* a request of the set-up is on its way */
	CLIENT_PLAYING,
	CLIENT_LEAVING, /* TEARDOWN is on its way */
	CLIENT_LINGERING,
};

enum client_step {
	STEP_OPTIONS,
	STEP_DESCRIBE,
	STEP_SETUP,
	STEP_PLAY,
	STEP_PAUSE,
	STEP_KEEPALIVE,
	STEP_TEARDOWN,
	N_STEPS
};

enum { CLIENT_SESSION_MAX = 256, CLIENT_TEXT_MAX = 256 };

struct client {
	struct client_env *env;
	struct link link; /* the run's list of free ones, or of living ones */
	struct task task;
	struct ctl ctl;
	struct plan_random random;
	uint64_t number;
	enum client_state state;
	bool is_waiting, has_timeout, is_interrupted;
	enum client_step step; /* of the request under way */
	uint32_t cseq;         /* of the last request */
	uint32_t due_cseq;     /* of the reply that comes next */
	uint32_t slot;
	bool has_slot;
	struct addr local;
	char cname[TRACK_CNAME_MAX];
	char session[CLIENT_SESSION_MAX]; /* id; empty = none */
	uint32_t timeout_s;
	enum rtsp_method keepalive;
	char *url;                         /* of one of several titles; owned; NULL: the run's */
	char *aggregate;                   /* URL of PLAY and TEARDOWN; owned */
	struct track *tracks[SINK_TRACKS]; /* owned; kept for the next session */
	uint32_t n_tracks, next_setup;
	/* times; 0 = not yet */
	tick_t start_at, intended_at, sent_at, give_up_at;
	tick_t play_sent_at, play_at, pause_at, end_at, keepalive_at, left_at, over_at;
	tick_t paused_at; /* PAUSE left */
};

/* Once per memory; freed by client_clear after the loops have ended. */
void client_init(struct client *c, struct client_env *env);
void client_clear(struct client *c);
/* Session `number` starts now; it was due at `intended`. */
void client_start(struct client *c, uint64_t number, tick_t intended, tick_t now);
/* The user wants an end: TEARDOWN at once. */
void client_interrupt(struct client *c, tick_t now);
static inline bool client_is_playing(const struct client *c)
{
	return c->state == CLIENT_PLAYING;
}

/* ---- between client.c and client_steps.c ---- */

/* Sends the request of a step that was due at `intended`; for SETUP, of track next_setup. */
void client_ask(struct client *c, enum client_step step, tick_t intended);
/* The reply to the request under way. */
void client_on_reply(void *owner, const struct rtsp_msg *m, tick_t at);
/* What the session asks for: the run's URL, or that of its title. */
const char *client_url(const struct client *c);
/* "setup". */
const char *client_step_name(enum client_step step);
/* Ends the session for a reason; says TEARDOWN without waiting if there is something to tear down. */
void client_die(
	struct client *c, enum death why, const char *where, const char *kind, const char *example);
/* TEARDOWN was answered: late packets and the BYE are waited for, a moment. */
void client_linger(struct client *c, tick_t now);
/* Arms the timer for whatever is due next. */
void client_arm(struct client *c);

extern const struct ctl_events client_ctl_events;
/* track_shared.on_change. */
void client_on_track(void *owner);

#endif
