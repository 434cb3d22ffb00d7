/* SPDX-License-Identifier: MIT */
#include "server/core/txn_wait.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "server/base/os.h"
#include "server/core/rtsp_txn.h"

/* One per request that waits, however many tickets were taken for it. */
struct txn_wait {
	atomic_uint refs; /* tickets, and one of the request */
	pthread_mutex_t lock;
	struct task *task; /* NULL: the role is left */
};

static void unref(struct txn_wait *k)
{
	if (atomic_fetch_sub(&k->refs, 1) != 1)
		return;
	(void)pthread_mutex_destroy(&k->lock); /* nobody can hold it */
	free(k);
}

struct txn_wait *txn_wait_take(struct rtsp_txn *t)
{
	if (!t->wait) {
		t->wait = xcalloc(1, sizeof *t->wait);
		t->wait->task = t->task;
		atomic_init(&t->wait->refs, 1);
		if (pthread_mutex_init(&t->wait->lock, NULL) != 0)
			die("pthread_mutex_init");
	}
	atomic_fetch_add(&t->wait->refs, 1);
	return t->wait;
}

void txn_wait_signal(struct txn_wait *k)
{
	/* The task cannot be freed while we hold the lock: its request is in a role as long as the pointer is
	 * there, and what travels by mail then holds the task itself (loop.c). */
	pthread_mutex_lock(&k->lock);
	if (k->task)
		task_signal(k->task, EV_UPDATE);
	pthread_mutex_unlock(&k->lock);
}

void txn_wait_drop(struct txn_wait *k)
{
	if (k)
		unref(k);
}

void txn_wait_end(struct rtsp_txn *t)
{
	struct txn_wait *k = t->wait;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->task = NULL;
	pthread_mutex_unlock(&k->lock);
	t->wait = NULL;
	unref(k);
}
