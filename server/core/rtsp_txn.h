/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_RTSP_TXN_H
#define SERVER_CORE_RTSP_TXN_H

#include "server/net/sock.h"
#include "server/net/task.h"
#include "server/wire/rtsp.h"
#include "server/wire/url.h"

/*
 * One request and its reply, on their way through the phases. Made by a connection; runs on the
 * connection's worker, or, when its Session lives elsewhere, is mailed to that worker and back. Nobody
 * but the connection's worker touches `conn`.
 */
struct worker;
struct rtp_session;
struct rtsp_session;
struct source;
struct txn_wait;

/* DSS's names, in order. */
#define PHASE_TABLE(X)                                                                      \
	X(PHASE_READING_FIRST_REQUEST, "ReadingFirstRequest")                               \
	X(PHASE_HTTP_FILTERING, "HTTPFiltering")                                            \
	X(PHASE_WAITING_TO_BIND_HTTP_TUNNEL, "WaitingToBindHTTPTunnel")                     \
	X(PHASE_SOCKET_HAS_BEEN_BOUND_INTO_HTTP_TUNNEL, "SocketHasBeenBoundIntoHTTPTunnel") \
	X(PHASE_HAVE_NON_TUNNEL_MESSAGE, "HaveNonTunnelMessage")                            \
	X(PHASE_READING_REQUEST, "ReadingRequest")                                          \
	X(PHASE_FILTERING, "Filtering")                                                     \
	X(PHASE_SETUP_REQUEST, "SetupRequest")                                              \
	X(PHASE_ROUTING, "Routing")                                                         \
	X(PHASE_AUTHENTICATING, "Authenticating")                                           \
	X(PHASE_AUTHORIZING, "Authorizing")                                                 \
	X(PHASE_PREPROCESSING, "Preprocessing")                                             \
	X(PHASE_PROCESSING, "Processing")                                                   \
	X(PHASE_POST_PROCESSING, "PostProcessing")                                          \
	X(PHASE_SENDING_RESPONSE, "SendingResponse")                                        \
	X(PHASE_CLEANING_UP, "CleaningUp")
#define PHASE_ENUM(id, name) id,
enum rtsp_phase { PHASE_TABLE(PHASE_ENUM) PHASE_COUNT };
#undef PHASE_ENUM
const char *rtsp_phase_name(enum rtsp_phase p);

enum { TXN_REPLY_MAX = 1 << 20, TXN_PATH = 1024, TXN_USER = 64 };

/* What a request wants to do with what its URL names; known from Authenticating on. */
enum rtsp_action { ACTION_READ, ACTION_PUBLISH, ACTION_ADMIN, ACTION_COUNT };

struct rtsp_txn {
	enum rtsp_phase phase;
	struct worker *worker; /* who runs it now */
	struct worker *home;   /* the connection's */
	struct rtsp_session *conn;
	struct task *task; /* signal this after MOD_WAIT or ERR_AGAIN */
	struct addr peer, local;
	bool secure; /* it came over TLS */
	tick_t received;
	tick_t wake_at;        /* with MOD_WAIT: when to ask again; 0 = on a signal only */
	size_t asked;          /* modules that have passed in this role */
	tick_t waits_since;    /* for a module, without a time of its own; 0 = it doesn't */
	struct txn_wait *wait; /* NULL: no ticket was taken */

	struct rtsp_msg req; /* views into raw */
	struct bytes raw;
	struct arena arena;
	int refusal; /* the message itself was bad: answer this; 0 = fine */
	struct url url;
	char path[TXN_PATH]; /* decoded */
	struct bytes session_id;
	struct rtp_session *session; /* on `worker` only; looked up anew after each wait */
	char used_session[40];       /* id of the session it concerned; empty = none */

	/* who asks, as far as a module knows */
	enum rtsp_action action;
	char user[TXN_USER]; /* who has proved to be; empty = nobody */
	bool by_signature; /* its URL was given out by us (a session made with it needs no login) */

	/* being opened for DESCRIBE and SETUP */
	void *opening; /* the module's own request; it takes it away itself */
	struct source *source;
	int64_t last_modified; /* seconds since 1970 as told by the module; 0 unknown */
	size_t control_at;     /* SETUP: offset of the control segment in path; 0 none */
	uint8_t opening_try;

	/* the reply */
	int status;            /* 0 = none yet */
	int64_t retry_after_s; /* of a 503, where it is known; 0: the preference's */
	struct rtsp_writer writer;
	struct buf reply;
	bool close;           /* the connection, after this reply */
	uint64_t fault_state; /* for modules: how often they have held it back */

	struct mail mail;
	struct task remote; /* its task on another worker */
};

struct rtsp_txn *rtsp_txn_new(struct rtsp_session *c, struct worker *home);
/* Where the modules' slots are. */
void *rtsp_txn_slots(struct rtsp_txn *t);
/* Only by the connection's worker, when it is at home. NULL is fine. */
void rtsp_txn_free(struct rtsp_txn *t);

enum txn_result {
	TXN_REPLIED, /* phase is SendingResponse */
	TXN_WAIT,    /* run it again after a signal, or at t->wake_at when that is not 0 */
	TXN_AWAY     /* mailed to the session's worker; a signal to the connection's task follows */
};
/* Goes on through the phases from t->phase. */
enum txn_result rtsp_txn_run(struct rtsp_txn *t, tick_t now);

/* Mails it to that worker, where it goes on at t->phase and whence it comes home; TXN_AWAY from here on. */
void rtsp_txn_send(struct rtsp_txn *t, unsigned to);
/* Mails a txn that was TXN_AWAY to its connection, which goes on at t->phase. */
void rtsp_txn_home(struct rtsp_txn *t);

/* ---- writing the reply (also for modules) ---- */

/* Starts it: status line, CSeq, Date, Server, Session and what every reply carries. Replaces one that
 * was started. Then rtsp_put(&t->writer, …). */
void rtsp_txn_begin(struct rtsp_txn *t, int status, tick_t now);
/* Ends it. */
void rtsp_txn_end(struct rtsp_txn *t, struct bytes body, tick_t now);
/* Both, without a body. */
void rtsp_txn_answer(struct rtsp_txn *t, int status, tick_t now);

#endif
