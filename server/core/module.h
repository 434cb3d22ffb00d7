/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_MODULE_H
#define SERVER_CORE_MODULE_H

#include <sys/uio.h>

#include "server/core/module_layout.h"
#include "server/core/prefs.h"
#include "server/core/rtp_session.h"
#include "server/core/rtsp_session.h"
#include "server/core/rtsp_txn.h"
#include "server/core/stats.h"
#include "server/core/txn_wait.h"
#include "server/core/worker.h"

/*
 * A module takes part in the server's work in roles, those of the Darwin Streaming Server; a role that it
 * doesn't have is NULL. In each role the modules are asked in the order of the list: those of
 * --modules DIR by name, then those that are linked in. The first that answers a request ends the role.
 *
 * Threads. "main": the thread that made the server; it may block there. "worker": the thread of the worker
 * that the argument belongs to; several workers call at a time, so what they share is the module's to
 * guard; it never blocks (no file, no lock that is held for long), and returns within microseconds. A
 * module may have threads of its own, from init to shutdown; of all that is here those may call only
 * txn_wait_signal, txn_wait_drop, log_write and what base/ has.
 *
 * Pointers that a role is given are valid until it returns, but for self and worker; what stays longer is
 * said below. Functions that a loaded module may call: those named in server/core/module.list.
 */
enum { MODULE_API = 2 };

/*
 * A module is compiled against the very types of the server: it is loaded only when both agree in
 * MODULE_API (what roles mean, and their order here: a change of either makes it one more), in the size of
 * struct module, and in what module_layout.h says of all types that a module can look into.
 */

/* First in every module that can be loaded; it is called `beagle_module` and is not static. */
#define MODULE_HEAD(its_name)                                                                \
	.api_version = MODULE_API, .struct_size = sizeof(struct module), .name = (its_name), \
	.layout = MODULE_LAYOUT, .rows = module_rows
#define MODULE_PREFS(type, rows) \
	.prefs = (rows), .n_prefs = COUNT(rows), .prefs_size = sizeof(struct type)
#define MODULE_STATS(rows) .stats = (rows), .n_stats = COUNT(rows)
#define MODULE_SYMBOL      "beagle_module"
extern const struct module beagle_module; /* of a loaded module; the server has none */

enum verdict {
	MOD_PASS, /* not mine: ask the next */
	MOD_DONE, /* answered: the reply is written (rtsp_txn_answer, or _begin and _end) */
	/*
	 * Ask me again, in the same role (modules before me are not asked again): at txn->wake_at when that
	 * is set, after a signal to txn->task from this worker, or after txn_wait_signal from any thread
	 * (txn_wait.h). May also happen without any of these. It goes on when the client has gone; it ends
	 * without another word to the module (but for its request_slot's clear) when module_timeout has
	 * passed without a wake_at, which is answered 503, or when txn->session has ended: 454.
	 */
	MOD_WAIT,
};

enum server_state {
	SERVER_IDLE,     /* made, not serving yet */
	SERVER_RUNNING,  /* */
	SERVER_REFUSING, /* maximum_connections are there: new ones hear 503 */
	SERVER_SHUTTING_DOWN,
};
const char *server_state_name(enum server_state s);

/* What a module counts; one uint64_t per worker each, summed up in the statistics. */
struct module_stat {
	const char *name, *text;
};

/*
 * Room of a module's own in every object of a kind: all zero at first, aligned for anything, in one piece with
 * the object. clear (may be NULL) is called once, when the object goes.
 */
struct module_slot {
	size_t size;
	void (*clear)(struct module *self, void *slot);
};
enum module_slot_kind { SLOT_SESSION, SLOT_CONNECTION, SLOT_REQUEST, SLOT_COUNT };

struct module {
	uint32_t api_version; /* these four: MODULE_HEAD */
	uint32_t struct_size;
	uint64_t layout;
	const char *rows;
	const char *name; /* lower-case letters, digits, '_'; its section in the configuration */

	/* ---- what it declares ---- */

	/* Preferences: rows (MODULE_NUM …) that fill a struct of prefs_size bytes; see module_prefs. */
	const struct pref_row *prefs;
	size_t n_prefs, prefs_size;
	const struct module_stat *stats;
	size_t n_stats;
	/* cleared: on the session's worker when its memory goes, after session_closing; on the connection's
	 * worker, after connection_closing; on the worker of the request's connection, which need not
	 * be the one that the roles ran on. */
	struct module_slot session_slot, connection_slot, request_slot;

	/* ---- life ---- */

	/*
	 * main, before any thread. 0, or an error with one line for the user in `why` (PREFS_WHY bytes):
	 * a module that is linked in then ends the start, a loaded one is left out. shutdown is called
	 * in any case.
	 */
	int (*init)(struct module *self, const struct prefs *p, char *why);
	/* Each worker, before its first turn. Not 0: the process ends. */
	int (*worker_init)(struct module *self, struct worker *w);
	/*
	 * main, after all workers have the new preferences. What workers read of the module's own is replaced
	 * like this: make the new, publish it (an atomic pointer), server_sync(self->server), free the
	 * old. Not 0, with one line in `why`: the module keeps what it had; that is logged. Files named
	 * by preferences are opened again here: SIGHUP is also how logs are rotated.
	 */
	int (*prefs_changed)(struct module *self, const struct prefs *p, char *why);
	/* One call at a time. main; for SERVER_REFUSING and back also the worker that accepts. Calls neither
	 * server_ask nor server_sync. */
	void (*state_changed)(struct module *self, enum server_state state);
	/* A line of the log, as it stands on stderr, without its end (its second word is the level). Any
	 * thread, several at a time; what it logs itself is not told again. */
	void (*error_log)(struct module *self, struct bytes line);
	/* Worker, every second. */
	void (*interval)(struct module *self, struct worker *w, tick_t now);
	/* main, when all threads of the server have ended and nothing of it is left; once, and also after an
	 * init that failed. Ends the module's own threads. */
	void (*shutdown)(struct module *self);

	/* ---- a request, in this order; worker ---- */

	/* A whole message was read: txn->req. Neither URL nor session are known. */
	enum verdict (*filter)(struct module *self, struct rtsp_txn *t);
	/* From here on txn->url, path and session (NULL: none), and the worker is the session's. Route may
	 * change txn->path. */
	enum verdict (*route)(struct module *self, struct rtsp_txn *t);
	/* txn->action is set. Sets txn->user, or answers 401. */
	enum verdict (*authenticate)(struct module *self, struct rtsp_txn *t);
	/* txn->user, action and path: pass, or answer 401 or 403. */
	enum verdict (*authorize)(struct module *self, struct rtsp_txn *t);
	enum verdict (*preprocess)(struct module *self, struct rtsp_txn *t);
	/* The last before the server's own methods. */
	enum verdict (*request)(struct module *self, struct rtsp_txn *t);
	/* The reply is written, and not sent yet. Every module, for every request. */
	void (*postprocess)(struct module *self, struct rtsp_txn *t);
	/* Seam: the bytes of the reply, to be changed in place. On the connection's worker. */
	void (*reply)(struct module *self, struct rtsp_txn *t, struct buf *serialised);

	/* ---- media; worker ---- */

	/*
	 * The medium at `path` (decoded, starts with '/', no control segment). 0: *out is the caller's.
	 * ERR_NOT_FOUND: not mine. ERR_AGAIN: being opened; call again after the txn's task was
	 * signalled, or a ticket of txn_wait.h (t->opening keeps the module's request, and must not be NULL
	 * meanwhile; this wait has no end but the module's answer). Any other error ends the search.
	 */
	int (*open_source)(
		struct module *self, struct rtsp_txn *t, const char *path, struct source **out);
	/* Seam, at SETUP: may replace s->rtp and s->rtcp and keep what it needs in s->arg; then it also
	 * sets s->close, which is called when the stream ends. The packet path: allocates and logs nothing. */
	void (*wrap_sender)(struct module *self, struct rtp_stream *st, struct sender *s);
	/* Seam: sees what a connection is about to write, and may shorten it. */
	void (*conn_write)(struct module *self, struct conn *c, struct iovec *iov, int *n);
	/* What a client sends on the RTP side of a stream: a '$' frame's payload, or a datagram from the
	 * address that SETUP named. Whatever it is: nobody has looked at it. */
	void (*incoming_data)(
		struct module *self, struct rtp_stream *st, struct bytes data, tick_t now);
	/* A packet of a valid RTCP compound. */
	void (*rtcp)(
		struct module *self, struct rtp_stream *st, const struct rtcp_view *v, tick_t now);
	/* BYE was sent; streams and counters are still there. */
	void (*session_closing)(struct module *self, struct rtp_session *s, enum close_reason why);
	/* It is closed; no request of it is under way. */
	void (*connection_closing)(struct module *self, struct rtsp_session *c);

	/* ---- of the running instance ---- */

	void *state;    /* the module's own */
	bool is_loaded; /* from here on: the server's */
	struct server *server;
	size_t index, stats_at, slot_at[SLOT_COUNT];
};

/* ---- rows of preferences: the struct, its field, … as in server/prefs.def ---- */
#define MODULE_NUM(type, field, def, min, max, unit, text)                                      \
	{                                                                                       \
#field, PREF_KIND_NUM, offsetof(struct type, field), def, min, max, #def, unit, \
			text, NULL, false                                                       \
	}
#define MODULE_STR(type, field, def, text)                                                       \
	{                                                                                        \
#field, PREF_KIND_STR, offsetof(struct type, field), 0, 0, 0, def, "text", text, \
			NULL, false                                                              \
	}
#define MODULE_WORD(type, field, def, words, text)                                                \
	{                                                                                         \
#field, PREF_KIND_WORD, offsetof(struct type, field), 0, 0, 0, def, "word", text, \
			words, false                                                              \
	}

/* ---- for modules ---- */

/* Its preferences: the struct that its rows fill. p: what init and prefs_changed are given, or w->prefs (then
 * until the end of the turn). */
const void *module_prefs(const struct module *self, const struct prefs *p);
/* Its counters on this worker, in the order of its rows. On the worker's thread. */
uint64_t *module_stats(const struct module *self, struct worker *w);
/* Its slots, each while a role is given the object. That of a connection (txn->conn) may be touched in the roles of
 * its requests, one of which runs at a time, also when that is on another worker (txn->worker is not
 * txn->home); conn_write and incoming_data of the connection may run meanwhile, and leave it alone then. */
void *module_session_slot(const struct module *self, struct rtp_session *s);
void *module_connection_slot(const struct module *self, struct rtsp_session *c);
void *module_request_slot(const struct module *self, struct rtsp_txn *t);
/* main: comes back when every worker has begun a new turn. Who had read a pointer before has let go of it. */
void server_sync(struct server *s);

/* ---- for the server ---- */

/* Makes an instance of each template, in order; before there are workers. 0, or what ends the start, with a
 * line in `why` (PREFS_WHY bytes). */
MUST_USE int modules_init(
	struct server *s, const struct module *const *templates, size_t n, char *why);
/* Their end, after all threads. */
void modules_clear(struct server *s);
/* Tells every module of the server's present prefs: after all workers have them. */
void modules_tell_prefs(struct server *s);
/* Reads rows and slots of all its modules. */
void modules_lay_out(struct server *s);
/* Room for the slots of all modules in an object of the kind that is `size` bytes long: where they begin. */
size_t modules_slots_at(size_t size);
/* Calls the modules' clear for the slots at `slots`. */
void modules_clear_slots(struct server *s, enum module_slot_kind kind, void *slots);

#endif
