/* SPDX-License-Identifier: MIT */
#ifndef LOADGEN_CTL_H
#define LOADGEN_CTL_H

#include "loadgen/stamp.h"
#include "server/base/arena.h"
#include "server/base/bytes.h"
#include "server/net/loop.h"
#include "server/net/sock.h"
#include "server/wire/rtsp.h"

/*
 * A control engine: what a session needs of an RTSP connection. The session says what to ask; the
 * engine writes, reads, and reports what came, with its time of arrival. ctl_native is our own.
 */
struct ctl;

struct ctl_request {
	enum rtsp_method method;
	struct bytes url, session, transport, range; /* empty = no such header */
	uint32_t cseq;
	bool more; /* waits for the next request and leaves with it */
};

struct ctl_events {
	void (*on_connected)(void *owner, tick_t at);
	/* A reply. Views live until the function returns. */
	void (*on_reply)(void *owner, const struct rtsp_msg *m, tick_t at);
	/* An interleaved frame ('$'). */
	void (*on_frame)(void *owner, uint8_t channel, struct bytes payload, tick_t at);
	/* The connection is gone, and closed already. err: -errno, ERR_CLOSED by the peer, ERR_SYNTAX … for
	 * bytes that are no RTSP. Not called after ctl_close. */
	void (*on_closed)(void *owner, int err, tick_t at);
};

struct ctl_ops {
	const char *name;
	/* Starts connecting; `from` may be NULL. 0 or -errno. */
	int (*open)(struct ctl *c, const struct addr *to, const struct addr *from);
	/* Writes a request. *sent_at: a fresh stamp, taken at the write. 0 or negative. */
	int (*request)(struct ctl *c, const struct ctl_request *r, tick_t *sent_at);
	/* Writes one interleaved frame. 0 or negative. */
	int (*frame)(struct ctl *c, uint8_t channel, struct bytes payload);
	/* From now on replies may wait for the run's tick: the connection carries media, and many small
	 * wake-ups would cost more than they tell. Stamps stay exact. */
	void (*carry_media)(struct ctl *c);
	/* Closes; nothing more is reported. May be called from within an event. */
	void (*close)(struct ctl *c);
};

/* What all connections of a run share. Owned by the run. */
struct ctl_shared {
	struct loop *loop, *tick_loop;
	const struct stamp_clock *stamps;
	const struct ctl_events *events;
	uint8_t *scratch; /* reading: CTL_SCRATCH bytes */
	/* is_late: this turn came so late that packets have piled up, and TCP keeps only the last one's
	 * stamp. The run sets it. is_sharp: the stamp is that of the frame which on_frame gets. */
	bool is_late, is_sharp;
	struct rtsp_msg msg;
	struct arena arena;
	int64_t *replies_bad, *server_requests; /* counters */
	const char *user_agent;
};

/* What a connection may leave unparsed is far below the scratch area, so reads stay big. */
enum { CTL_LEFT_MAX = 512 << 10, CTL_SCRATCH = 1 << 20, CTL_OUT_MAX = 256 << 10 };

#endif
