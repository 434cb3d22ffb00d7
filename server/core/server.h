/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_SERVER_H
#define SERVER_CORE_SERVER_H

#include "server/core/doors.h"
#include "server/core/doorman.h"
#include "server/core/file_reader.h"
#include "server/core/module.h"
#include "server/core/peers.h"
#include "server/core/trim.h"
#include "server/core/relay.h"
#include "server/core/tunnel_far.h"
#include "server/core/worker.h"

/*
 * The whole: workers, modules, I/O pool, listener. Made by main (or a test), which owns it.
 */
struct server {
	const struct prefs *prefs; /* of the thread that made it; a worker reads its own pointer */
	struct worker *workers;
	unsigned n_workers;
	struct module **modules; /* in order; instances owned here */
	size_t n_modules;
	size_t slot_bytes[SLOT_COUNT], n_module_stats; /* of all modules */
	_Atomic enum server_state state;
	pthread_mutex_t state_lock;               /* modules hear of one change at a time */
	struct iopool *pool;                      /* NULL: blocking work runs at once (tests) */
	const struct file_reader *files;          /* NULL: we read ourselves. Thread that made it */
	struct peers *peers;                      /* what each remote address holds */
	uint64_t tls_reloads, tls_reloads_failed; /* of the thread that made it, these */
	uint64_t takeovers, takeovers_failed;     /* as well */
	struct door *doors;                       /* on worker 0 */
	size_t n_doors;
	uint8_t generation;       /* of this process among those that serve at this address now */
	struct relay_route relay; /* to the others */
	tick_t started;
	_Atomic uint64_t bandwidth_bps; /* granted to sessions */
	_Atomic uint32_t sessions, connections;
	_Atomic uint32_t tunnel_halves; /* that wait */
	struct doorman doorman;
	struct trimmer trimmer;
	_Atomic bool refusing; /* it will end: new connections and sessions are answered 503 */
	_Atomic bool leaving;  /* connections without a session are closed when they are idle */
	bool has_conn_write, has_rtcp, has_incoming_data; /* some module has the role */
};

/*
 * Prefs and templates stay the caller's, templates are copied. On an error `why` (PREFS_WHY bytes) says
 * it in one line. `given`: listening sockets that there are already; those of an address to listen at are taken
 * out. NULL: nobody listens, a test hands connections over by worker_adopt.
 */
MUST_USE int server_init(struct server *s, const struct prefs *p,
	const struct module *const *templates, size_t n, struct listener_store *given, char *why);
/* The modules and the table of peers alone, for who makes the workers himself (virtual time). */
MUST_USE int server_init_modules(
	struct server *s, const struct module *const *templates, size_t n, char *why);
/* Tells the modules when it is another; main. Nothing comes after SERVER_SHUTTING_DOWN. */
void server_set_state(struct server *s, enum server_state state);
/* The same from the worker that accepts: running or refusing. */
void server_note_room(struct server *s, bool has_room);
/* Starts the threads. */
void server_start(struct server *s);
/*
 * From now on *next holds, for all workers, modules and connections; *next is set back to what it was where
 * it cannot change any more, with a line in the log for each. Comes back when nobody reads the former set
 * any longer: the caller frees it. On the thread that made the server, which serves.
 */
void server_reload(struct server *s, struct prefs *next);
/*
 * Connections to come get these certificates (NULL: none), on all workers; the caller keeps its reference.
 * Before the start or while it runs, on the thread that made the server. ERR_MISSING with `why`: some
 * address is rtsps, and there are none; nothing has changed then.
 */
MUST_USE int server_use_tls(struct server *s, struct tls_context *c, char *why);
/* Dates of all workers go by this from now on: ns since 1970 - tick. From any thread, at any time; what counts
 * spans, and the NTP time of sessions that are there, does not move. */
void server_set_wall(struct server *s, int64_t offset);

/* ---- the end (server_life.c) ---- */

/* Runs fn on each worker's own thread, one after the other, and waits; at once where there is none. */
void server_ask(struct server *s, void (*fn)(struct worker *w, void *arg, tick_t now), void *arg);
/* No more connections and sessions: both are answered 503. Those that are there go on. */
void server_refuse_new(struct server *s);
/* Somebody else accepts from now on: the listeners are closed here, the connections that are there are
 * served, until they are idle and without a session. */
void server_leave(struct server *s);
/* The listening sockets as they are, still ours. For the thread that made the server. */
void server_listeners(const struct server *s, struct listener_store *out);
/* A request for a session here, from a client that is connected to another process: fd is ours, of one more
 * connection of this client as far as addresses and rights go. Closed when that worker is none. */
void server_take_relay(struct server *s, const struct relay_to *to, int fd);
/* What another process says of a tunnel; fd, of TUNNEL_POST_COMES, is ours from now on. */
void server_take_tunnel(struct server *s, const struct tunnel_word *word, int fd);
/* Neither sessions nor connections. */
bool server_is_empty(const struct server *s);
/* Ends all sessions and connections (within prefs drain_time), then the threads. False: some disk has not
 * answered in time; then nothing may be freed, and the process must end by _exit. */
MUST_USE bool server_stop(struct server *s);

/* Sum of all workers' counters; while they run each is asked by mail. */
void server_stats(struct server *s, struct stats *sum);
/* The same, and the modules' own, as a file (stats.h). 0 or -errno. */
MUST_USE int server_write_stats(struct server *s, const char *path, tick_t now);
void server_clear(struct server *s);

/* Roles over all modules: the first answer that is not MOD_PASS. */
#define SERVER_EACH_MODULE(m, s)                               \
	for (struct module **m##_at = (s)->modules, *m = NULL; \
		m##_at < (s)->modules + (s)->n_modules && (m = *m##_at, true); m##_at++)

#endif
