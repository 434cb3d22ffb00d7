/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_REPLAY_PLAN_H
#define CONFORMANCE_REPLAY_PLAN_H

#include "captures/dialog.h"
#include "conformance/target.h"

/*
 * What of a capture is to be replayed: the client's requests on the main connection, what they were
 * answered, and which live URL stands for which captured one.
 */
struct replay_request {
	const struct dialog_message *request, *reply; /* reply NULL: none was recorded */
	tick_t at;                                    /* since the first request */
	const char *skip;                             /* not sent, and why; NULL: it is sent */
};
struct replay_plan {
	struct dialog *dialog; /* owned */
	const struct dialog_connection *c;
	struct replay_request *v;
	size_t n;
	tick_t last; /* of the captured session, since the first request */
	bool has_teardown;
	char *describe_url;          /* as captured, or NULL */
	struct ox_sdp *sdp;          /* captured description, or NULL; owned */
	char *tracks[MEDIA_STREAMS]; /* captured track URLs, in order */
	size_t n_tracks;
	int live[MEDIA_STREAMS]; /* live track for each captured one, or -1 */
};

/* 0; ERR_SYNTAX or another when it is no capture; ERR_STATE when it cannot be replayed. *why tells
 * (heap; the caller frees). */
MUST_USE int replay_plan_read(struct replay_plan *p, const char *path, char **why);
void replay_plan_clear(struct replay_plan *p);
/* Chooses the live track for each captured one: same medium, same order. */
void replay_plan_match(struct replay_plan *p, const struct target *t);
/* Captured track with that URL, or -1. */
int replay_plan_track(const struct replay_plan *p, struct bytes url);

/* What a request becomes: URL, CSeq, Session, ports and channels are the live ones; credentials and
 * the length of the body are left out. live_ports: client_port of the track's live pair. Written in
 * the form of `send` steps. 0 or ERR_LIMIT. */
struct replay_values {
	const struct target *target;
	const char *session;    /* NULL: none yet */
	unsigned live_ports[2]; /* of the SETUP's track */
};
MUST_USE int replay_plan_write(const struct replay_plan *p, const struct replay_request *r,
	const struct replay_values *v, struct buf *out);

#endif
