/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_MODULE_H
#define SERVER_CORE_MODULE_H

#include <sys/uio.h>

#include "server/core/prefs.h"
#include "server/core/rtp_session.h"
#include "server/core/rtsp_txn.h"
#include "server/core/stats.h"
#include "server/core/worker.h"

/*
 * A module takes part in the server's work in roles, those of the Darwin Streaming Server; a role
 * that it doesn't have is NULL. In each role the modules are asked in the order of the list; the first
 * that answers a request ends the role. All but init, shutdown and prefs_changed run on the worker
 * that the argument belongs to, several workers at a time: state that they share is the module's to
 * guard.
 */
enum { MODULE_API = 1 };

enum verdict {
	MOD_PASS, /* not mine: ask the next */
	MOD_DONE, /* answered: txn->status is set and the reply is written */
	/* Ask me again: after any signal to txn->task, or at txn->wake_at when that is set. Not when
	 * txn->session has ended meanwhile: that is answered 454, and nobody is asked. */
	MOD_WAIT,
};

struct module {
	uint32_t api_version;
	const char *name;
	void *state; /* the module's own, made by init, freed by shutdown */

	/* 0, or an error with one line for the user in `why` (PREFS_WHY bytes). */
	int (*init)(struct module *self, const struct prefs *p, char *why);
	int (*worker_init)(struct module *self, struct worker *w);

	/* per request, in this order */
	enum verdict (*filter)(struct module *self, struct rtsp_txn *t);
	enum verdict (*route)(struct module *self, struct rtsp_txn *t);
	enum verdict (*authenticate)(struct module *self, struct rtsp_txn *t);
	enum verdict (*authorize)(struct module *self, struct rtsp_txn *t);
	enum verdict (*preprocess)(struct module *self, struct rtsp_txn *t);
	enum verdict (*request)(struct module *self, struct rtsp_txn *t);
	/* The reply is written, and not sent yet. */
	void (*postprocess)(struct module *self, struct rtsp_txn *t);
	/* Seam: the bytes of the reply, to be changed in place. On the connection's worker. */
	void (*reply)(struct module *self, struct rtsp_txn *t, struct buf *serialised);

	/*
	 * The medium at `path` (decoded, starts with '/', no control segment). 0: *out is the caller's.
	 * ERR_NOT_FOUND: not mine. ERR_AGAIN: being opened; call again after the txn's task was
	 * signalled (t->opening keeps the module's request). Any other error ends the search.
	 */
	int (*open_source)(
		struct module *self, struct rtsp_txn *t, const char *path, struct source **out);

	/* Seam, at SETUP: may replace s->rtp and s->rtcp and keep what it needs in s->arg; then it also
	 * sets s->close, which is called when the stream ends. */
	void (*wrap_sender)(struct module *self, struct rtp_stream *st, struct sender *s);
	/* Seam: sees what a connection is about to write, and may shorten it. */
	void (*conn_write)(struct module *self, struct conn *c, struct iovec *iov, int *n);

	void (*rtcp)(
		struct module *self, struct rtp_stream *st, const struct rtcp_view *v, tick_t now);
	void (*session_closing)(struct module *self, struct rtp_session *s, enum close_reason why);
	void (*connection_closing)(struct module *self, struct rtsp_session *c);
	/* Every second on each worker. */
	void (*interval)(struct module *self, struct worker *w, tick_t now);
	void (*shutdown)(struct module *self);
};

#endif
