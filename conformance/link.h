/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_LINK_H
#define CONFORMANCE_LINK_H

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include "conformance/digest.h"
#include "conformance/door.h"
#include "conformance/media.h"
#include "conformance/oracle/ox_session.h"
#include "conformance/trace.h"

/*
 * All sockets of one case: TCP connections by name, one UDP port pair per track, one more for
 * datagrams from elsewhere. Blocking with deadlines, one thread: whoever waits for anything calls
 * links_turn, and everything that arrives anywhere is stamped, traced, given to the oracle's passive
 * analyser, and sorted into messages and media. Never waits longer than it was told.
 */
enum {
	LINK_CONNS = 64,
	LINK_PAIRS = MEDIA_STREAMS + 1, /* the last one is "elsewhere" */
	LINK_OTHER = MEDIA_STREAMS,
	LINK_PENDING = 256,  /* requests without an answer */
	LINK_MESSAGES = 4096 /* received and kept per connection */
};

struct link_message {
	tick_t at;
	struct bytes b;  /* heap, owned; NUL after it */
	bool is_garbage; /* bytes that are no message */
};

/* A request that went out and has no answer yet. */
struct link_request {
	tick_t at;
	char method[24], cseq[24], url[512];
};

/* What credentials the target asks for over a connection (login.h). */
enum login_state { LOGIN_UNASKED, LOGIN_NONE, LOGIN_DIGEST, LOGIN_BASIC };

struct link_conn {
	char name[24];
	struct door_wires wires;
	bool open;   /* we have not closed it */
	bool digest; /* requests carry credentials */
	enum login_state login;
	struct challenge challenge; /* LOGIN_DIGEST: its answer, so often */
	unsigned nonce_used;
	tick_t asked_at;
	uint64_t post_said; /* bytes that came on a tunnel's POST */
	uint16_t local_port;
	bool ended; /* the peer closed or reset it */
	bool reset;
	struct buf in, out_seen;
	struct ox_splitter in_split, out_split;
	struct link_message *inbox;
	size_t n_inbox, taken;
	struct link_request pending[LINK_PENDING];
	size_t n_pending;
	int16_t channel[256]; /* 2 * stream + (RTCP: 1), or -1 */
};

struct link_pair {
	int fd[2]; /* RTP, RTCP; -1: not open */
	uint16_t port[2];
};

struct links {
	struct sockaddr_storage addr; /* of the target */
	socklen_t addr_len;
	struct door_places places;
	const struct login *login; /* NULL: requests go as they are */
	struct link_conn *conns[LINK_CONNS];
	size_t n_conns;
	struct link_pair pairs[LINK_PAIRS];
	struct media *media;   /* borrowed */
	struct ox_session *ox; /* borrowed */
	struct trace trace;
	tick_t zero; /* time 0 of trace and oracle */
	uint64_t unknown_frames, strays;
	const volatile sig_atomic_t *stop; /* set: every wait ends at once */
};

void links_init(struct links *l, const struct sockaddr_storage *addr, socklen_t addr_len,
	struct media *media, struct ox_session *ox);
/* Closes everything. */
void links_clear(struct links *l);

/* Index of the connection of that name, or -1. */
int links_find(const struct links *l, const char *name);
/* Opens a connection (a closed one of that name is opened anew, under a new number). Its index, or
 * -errno (ERR_TIMEOUT). */
MUST_USE int links_connect(struct links *l, const char *name, tick_t wait);
/* The same through another door; *status: what HTTP said to a tunnel, or 0. */
MUST_USE int links_connect_by(
	struct links *l, const char *name, const struct door *d, tick_t wait, unsigned *status);
/* A tunnel's POST: ends it; opens another with the same cookie (0 or an error). */
void links_post_close(struct links *l, int conn);
MUST_USE int links_post_open(struct links *l, int conn, tick_t wait);
/* Puts its POST aside, open as it is: the next one comes beside it. */
void links_post_leave(struct links *l, int conn);
/* Resets its GET; its POST stays. */
void links_get_reset(struct links *l, int conn);
/* Sends bytes over the tunnel's POST as they are, not as base64. */
MUST_USE int links_post_raw(struct links *l, int conn, struct bytes b, tick_t wait);
/* Sends all, reading meanwhile. 0, ERR_CLOSED, ERR_TIMEOUT. */
MUST_USE int links_send(struct links *l, int conn, struct bytes b, tick_t wait);
/* Notes a request, so that its answer can be told apart. Malformed bytes are no request. */
void links_requested(struct links *l, int conn, struct bytes b);
/* The request that this answer belongs to (by CSeq, else the oldest), taken off the list; false:
 * nobody asked. */
MUST_USE bool links_answered(
	struct links *l, int conn, const struct ox_message *m, struct link_request *req);

/* Waits until something arrives or `until`, handles what came. False: time is up (or stopped). */
bool links_turn(struct links *l, tick_t until);
/* The next message of the connection that nobody has taken, or NULL. */
const struct link_message *links_take(struct links *l, int conn);

void links_half_close(struct links *l, int conn);
void links_reset(struct links *l, int conn);
void links_close(struct links *l, int conn);

/* Opens pair i (even port and the next) unless it is open. 0 or -errno. */
MUST_USE int links_pair_open(struct links *l, size_t i);
/* Sends a datagram from that pair's RTP or RTCP socket. 0 or -errno. */
MUST_USE int links_datagram(
	struct links *l, size_t pair, bool from_rtcp, uint16_t to_port, struct bytes b);

#endif
