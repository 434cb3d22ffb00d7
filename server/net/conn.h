/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_CONN_H
#define SERVER_NET_CONN_H

#include "server/base/base64.h"
#include "server/base/buf.h"
#include "server/net/pipe.h"
#include "server/net/sock.h"

/*
 * A connection of RTSP messages and '$' frames (2326 10.12), for server and client. Its owner is a
 * task: EV_READ = call conn_read; EV_WRITE = call conn_write. Output queued during a turn leaves in
 * one writev in the turn's flush phase.
 *
 * Its bytes pass through pipes (pipe.h): one for both ways, plain or TLS; or, as a tunnel over HTTP,
 * one for what we say (the GET) and, while there is one, another for what we hear (the POST, base64).
 *
 * Messages (conn_put) are never dropped. Frames (conn_put_frame) are written straight from the
 * caller's memory; what the socket doesn't take is copied. While more than `high_water` bytes wait, new
 * frames are dropped whole, and waiting frames that are later than `tolerance` are dropped whole when
 * their turn comes; a frame of which a byte has left is always finished. Every drop is counted and
 * told to on_drop. What a pipe has taken counts as having left, though TLS may hold it.
 */
enum {
	CONN_FRAMES = 8,        /* frames that wait for the flush of this turn */
	CONN_HEAD_MAX = 56,     /* '$' header, RTP header, payload prefix: copied */
	CONN_READ_STEP = 4096,  /* room for each read() */
	CONN_READ_TURN = 65536, /* bytes read per turn at most: fair to the others */
};

struct conn_limits {
	size_t in_max;     /* bytes that may wait unparsed */
	size_t high_water; /* waiting bytes above which frames are dropped */
	size_t out_max;    /* waiting bytes above which conn_put answers ERR_LIMIT */
	tick_t tolerance; /* lateness above which a waiting frame is dropped, if over high water / 2 */
};

struct conn_frame {
	struct bytes payload; /* borrowed until the end of the turn */
	tick_t due;
	uint16_t tag;
	uint8_t head_n;
	uint8_t head[CONN_HEAD_MAX];
};

/*
 * What a connection is wherever it lives: what passes from one loop, owner or thread to another. All that
 * belongs to a loop or an owner stands in struct conn. Addresses are the kernel's unless the caller knows
 * better (a forwarded connection over AF_UNIX).
 */
struct conn_parts {
	struct pipe pipe; /* both ways; of a tunnel the GET: what comes in there is thrown away */
	struct pipe post; /* of a tunnel: the POST, or closed */
	bool is_tunnel;
	bool eof;    /* the peer has finished sending */
	bool broken; /* an error ended it: nothing more can be written */
	bool connecting;
	bool shut;    /* our side has finished sending */
	int post_end; /* why the POST has gone, until conn_read tells it */
	struct base64 base64;
	struct buf in;
	struct buf coded; /* base64 that came with the POST and waits for room in `in` */
	struct buf out;   /* units: header, then bytes */
	size_t unit_sent; /* bytes of out's first unit that have left */
	size_t waiting;   /* payload bytes in out that have not left */
	uint64_t bytes_in, bytes_out, frames_dropped;
	uint64_t bytes_junk; /* thrown away: they came on the GET of a tunnel */
	struct addr peer, local;
	uint32_t tag; /* the owner's own: goes where the connection goes */
};

struct conn {
	struct conn_parts io;
	bool want_read;
	uint8_t n_frames;
	struct loop *loop;
	struct task *task;
	struct flush flush;
	struct conn_limits limits;
	/* May be NULL. tag = that of the frame, n = its bytes, head included. */
	void (*on_drop)(void *arg, uint16_t tag, size_t n);
	/* Seam (may be NULL): sees, and may shorten or redirect, what is about to be written. */
	void (*before_write)(void *arg, struct conn *c, struct iovec *iov, int *n);
	void *arg;
	struct conn_frame frames[CONN_FRAMES];
};

/* Takes over fd (connected, or connecting). 0 or -errno; on an error fd is closed. */
MUST_USE int conn_open(struct conn *c, struct loop *l, int fd, struct task *owner,
	const struct conn_limits *limits);
/* Other limits; what waits already stays, and new input and output meet them. */
void conn_set_limits(struct conn *c, const struct conn_limits *limits);

/* Parts of a bare descriptor, plain; they own it. */
void conn_parts_init(struct conn_parts *parts, int fd);
/* Closes what was never attached. */
void conn_parts_close(struct conn_parts *parts);
/* Takes it off its loop without closing or sending anything; c is closed then and may be freed. Frames of
 * this turn are copied into the queue. */
void conn_detach(struct conn *c, struct conn_parts *parts);
/*
 * Opens the parts on loop l, whose thread this is, and empties *parts. EV_READ and EV_WRITE are
 * signalled if input or output waits in them. 0 or -errno; on an error they are closed.
 */
MUST_USE int conn_attach(struct conn *c, struct loop *l, struct conn_parts *parts,
	struct task *owner, const struct conn_limits *limits);

/*
 * Makes c, the GET of a tunnel, hear what comes over the POST, decoded; its parts are emptied, and
 * what they hold unread is decoded first. Answers and media leave over c's own pipe. The POST may
 * end, fail or break base64 at any time: it is closed then, c lives on without input, conn_read
 * says so once (ERR_CLOSED, -errno, ERR_SYNTAX), and another may join. 0; ERR_STATE: one has joined
 * already; -errno. On an error the parts stay the caller's.
 */
MUST_USE int conn_join(struct conn *c, struct conn_parts *post);
/* Closes the POST, and tells nothing. */
void conn_part(struct conn *c);

/* Over TLS, all of it? */
static inline bool conn_is_secure(const struct conn *c)
{
	return c->io.pipe.is_secure && (c->io.post.is_secure || !pipe_is_open(&c->io.post));
}
static inline bool conn_is_open(const struct conn *c)
{
	return pipe_is_open(&c->io.pipe);
}
/* Is there a pipe that input can come from? */
static inline bool conn_has_input(const struct conn *c)
{
	return pipe_is_open(c->io.is_tunnel ? &c->io.post : &c->io.pipe);
}
/*
 * Reads what is there into c->io.in: bytes read (0 = nothing new, or c->io.eof is set now), ERR_LIMIT
 * when it is full, -errno (c->io.broken), or the end of a tunnel's POST (conn_join). Parse from
 * buf_bytes(&c->io.in), then buf_drop; after ERR_LIMIT call conn_want_read when there is room again.
 */
MUST_USE int conn_read(struct conn *c);
/* Stops or resumes asking for EV_READ: back-pressure for a peer that asks more than it reads. The end
 * of a tunnel's GET is told all the same. */
void conn_want_read(struct conn *c, bool want);
/* Queues a whole message, copied. ERR_LIMIT: too much waits. ERR_CLOSED: broken. */
MUST_USE int conn_put(struct conn *c, struct bytes message);
/* Queues one frame: head (copied) and payload (borrowed until the end of this turn). ERR_LIMIT:
 * dropped and counted; ERR_CLOSED. */
MUST_USE int conn_put_frame(struct conn *c, const uint8_t *head, size_t head_n,
	struct bytes payload, tick_t due, uint16_t tag);
/* Writes now what waits (EV_WRITE; also called by the flush). 0 (some may still wait), or -errno. */
int conn_write(struct conn *c, tick_t now);
/* Bytes that have not left yet, those inside the pipe included. */
size_t conn_waiting(const struct conn *c);
/* Ends our side after what waits has left: FIN now or as soon as it is empty. The owner goes on
 * reading (and throwing away) until eof or a deadline of its own, so that the last answer survives. */
void conn_finish(struct conn *c);
/* The same as conn_close, and the kernel forgets what it has not sent yet: the peer sees a reset. */
void conn_reset(struct conn *c);
/* Closes at once and frees the buffers. */
void conn_close(struct conn *c);

#endif
