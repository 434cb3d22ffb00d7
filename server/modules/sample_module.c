/* SPDX-License-Identifier: MIT */
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/module.h"
#include "server/modules/modules.h"

#ifdef MODULE_SHARED
#define mod_sample beagle_module
#endif

/*
 * A module to begin with. OPTIONS for /whoami is answered with the client's address and name: a name server
 * may take seconds, so a thread of the module's own asks it, and the request waits. Replies can greet by a
 * header, which counts the requests of a session. `make modules` makes sample.so of it, for --modules;
 * `make SAMPLE=1` links it in.
 */
enum { QUEUE_MAX = 64 };

struct sample_prefs {
	char *greeting;
};
static const struct pref_row prefs[] = {
	MODULE_STR(sample_prefs, greeting, "", "header X-Greeting of every reply; empty: none"),
};

enum { STAT_ASKED, STAT_REFUSED, STAT_GREETED, STAT_COUNT };
static const struct module_stat stats[STAT_COUNT] = {
	[STAT_ASKED] = { "asked", "requests for /whoami" },
	[STAT_REFUSED] = { "refused", "of them answered 503: too many names are being looked up" },
	[STAT_GREETED] = { "greeted", "requests of sessions that have ended" },
};

struct session_slot {
	uint64_t n_requests;
};
/* Shared by a request, in whose slot it is, and the thread; freed by the last. */
struct lookup {
	struct link link; /* in the queue */
	atomic_int refs;
	atomic_bool done;
	struct addr peer;
	char name[NI_MAXHOST];
	struct txn_wait *wait;
};

struct sample {
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t news;
	struct link queue;
	size_t n;
	bool ends;
};

/* ---- the thread ---- */

static void unref(struct lookup *l)
{
	if (l && atomic_fetch_sub(&l->refs, 1) == 1)
		free(l);
}

/* The thread is done with it, one way or the other. */
static void let_go(struct lookup *l)
{
	txn_wait_signal(l->wait); /* the request may have ended long ago */
	txn_wait_drop(l->wait);
	unref(l);
}

static void *look_up(void *arg)
{
	struct sample *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->ends) {
		if (link_is_alone(&s->queue)) {
			pthread_cond_wait(&s->news, &s->lock);
			continue;
		}
		struct lookup *l = container_of(list_pop(&s->queue), struct lookup, link);
		s->n--;
		pthread_mutex_unlock(&s->lock);
		if (getnameinfo(&l->peer.sa, l->peer.n, l->name, sizeof l->name, NULL, 0, 0) != 0)
			l->name[0] = '\0';
		atomic_store(&l->done, true);
		let_go(l);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- requests ---- */

static enum verdict begin(struct module *self, struct rtsp_txn *t, struct lookup **slot)
{
	struct sample *s = self->state;
	struct lookup *l = NULL;

	module_stats(self, t->worker)[STAT_ASKED]++;
	pthread_mutex_lock(&s->lock);
	if (s->n < QUEUE_MAX) {
		*slot = l = xcalloc(1, sizeof *l);
		*l = (struct lookup){ .refs = 2, .peer = t->peer, .wait = txn_wait_take(t) };
		list_push_back(&s->queue, &l->link);
		s->n++;
		pthread_cond_signal(&s->news);
	}
	pthread_mutex_unlock(&s->lock);
	if (l)
		return MOD_WAIT;
	module_stats(self, t->worker)[STAT_REFUSED]++;
	rtsp_txn_answer(t, RTSP_UNAVAILABLE, t->worker->loop.now);
	return MOD_DONE;
}

static enum verdict preprocess(struct module *self, struct rtsp_txn *t)
{
	struct lookup **slot = module_request_slot(self, t);
	char host[ADDR_TEXT];

	if (t->req.method != RTSP_OPTIONS || strcmp(t->path, "/whoami") != 0)
		return MOD_PASS;
	if (!*slot)
		return begin(self, t, slot);
	if (!atomic_load(&(*slot)->done))
		return MOD_WAIT; /* something else has woken us */
	const char *text = arena_printf(&t->arena, "%s %s\n", addr_host_text(&t->peer, host),
		(*slot)->name[0] ? (*slot)->name : "-");
	rtsp_txn_begin(t, RTSP_OK, t->worker->loop.now);
	rtsp_put(&t->writer, RTSP_H_CONTENT_TYPE, B("text/plain"));
	rtsp_txn_end(t, bytes_str(text), t->worker->loop.now);
	return MOD_DONE;
}

/* The greeting goes behind the status line; a reply without room for it stays as it is. */
static void postprocess(struct module *self, struct rtsp_txn *t)
{
	const struct sample_prefs *p = module_prefs(self, t->worker->prefs);
	struct bytes whole = buf_bytes(&t->reply);
	size_t at = bytes_find(whole, B("\r\n")) + 2;
	uint64_t n = 0;

	if (t->session && t->session->state != RTP_ENDED)
		n = ++((struct session_slot *)module_session_slot(self, t->session))->n_requests;
	if (!p->greeting[0] || at > whole.n)
		return;
	struct bytes rest = bytes_dup(&t->arena, bytes_sub(whole, at, whole.n));
	buf_cut(&t->reply, at);
	if (buf_printf(&t->reply, "X-Greeting: %s %llu\r\n", p->greeting, (unsigned long long)n) ||
		buf_put(&t->reply, rest))
		rtsp_txn_answer(t, RTSP_INTERNAL_ERROR, t->worker->loop.now);
}

static void session_closing(struct module *self, struct rtp_session *s, enum close_reason why)
{
	struct session_slot *mine = module_session_slot(self, s);
	(void)why;
	module_stats(self, s->w)[STAT_GREETED] += mine->n_requests;
}

static void clear_request(struct module *self, void *slot)
{
	(void)self;
	unref(*(struct lookup **)slot);
}

/* ---- life ---- */

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct sample *s = self->state = xcalloc(1, sizeof *s);
	(void)p;
	(void)why;

	link_init(&s->queue);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->news, NULL);
	if (pthread_create(&s->thread, NULL, look_up, s) != 0)
		die("sample: no thread");
	return 0;
}

static void shutdown_module(struct module *self)
{
	struct sample *s = self->state;

	pthread_mutex_lock(&s->lock);
	s->ends = true;
	pthread_cond_signal(&s->news);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	for (struct link *x; (x = list_pop(&s->queue));)
		let_go(container_of(x, struct lookup, link));
	(void)pthread_cond_destroy(&s->news); /* nobody is left who could wait */
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

const struct module mod_sample = {
	MODULE_HEAD("sample"),
	MODULE_PREFS(sample_prefs, prefs),
	MODULE_STATS(stats),
	.session_slot = { sizeof(struct session_slot), NULL },
	.request_slot = { sizeof(struct lookup *), clear_request },
	.init = init,
	.preprocess = preprocess,
	.postprocess = postprocess,
	.session_closing = session_closing,
	.shutdown = shutdown_module,
};
