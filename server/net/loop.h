/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_LOOP_H
#define SERVER_NET_LOOP_H

#include <pthread.h>

#include "server/net/task.h"

/*
 * One event loop: epoll, one absolute timerfd, one eventfd mailbox. One turn is
 *   arm → wait → now → mail → io → timers → run → flush → free
 * as DESIGN describes it. All functions but loop_post and task_signal belong to the loop's thread.
 *
 * Virtual time: a loop with a clock of the test's own (loop_init_virtual) never sleeps; the test
 * turns it until loop_is_quiet and then moves its clock to loop_next_due.
 */
struct watch; /* a watched descriptor; embedded in its owner */

/* Work for the end of this turn (batched sends, one writev per connection). Embedded. */
struct flush {
	struct link link;
	void (*fn)(struct flush *f, tick_t now);
};

struct watch_slot {
	struct watch *watch;
	uint32_t
		gen; /* events that were queued for an earlier owner of the slot are dropped by it */
};

struct loop {
	tick_t now; /* of this turn */
	pthread_t thread;
	int epoll_fd, timer_fd, event_fd;
	bool is_virtual, stop;
	tick_t (*clock)(void *arg);
	void *clock_arg;
	tick_t armed; /* what the timerfd is set to */
	struct heap heap;
	struct wheel wheel;
	struct link run, doomed, flushes;
	_Atomic(struct mail *) inbox;
	struct watch_slot *slots;
	uint32_t n_slots, cap_slots;
	uint32_t *free_slots;
	uint32_t n_free;
	/* what it did, for statistics */
	uint64_t turns, runs;
	struct tls_gate *tls_gate; /* net/tls.h; NULL: none */
	tick_t timer_lag; /* how late the earliest timer of this turn was served; 0 = none was due */
};

struct watch {
	int fd; /* not owned */
	uint32_t slot, interest;
	struct task *task;
	struct loop *loop; /* NULL = not watched */
};

/* 0 or -errno. The caller's thread becomes the loop's thread at its first loop_turn. */
MUST_USE int loop_init(struct loop *l);
MUST_USE int loop_init_virtual(struct loop *l, tick_t (*clock)(void *arg), void *arg);
/* Closes its own descriptors. Tasks must be gone. */
void loop_clear(struct loop *l);

/* One turn; sleeps (real time only) while there is nothing to do. */
void loop_turn(struct loop *l);
/* Turns until loop_stop. */
void loop_run(struct loop *l);
/* Ends loop_run after this turn; from a mail, a task or a flush. */
void loop_stop(struct loop *l);
/* Nothing waits to run now, and no descriptor is known to be ready (virtual time: turn until so). */
bool loop_is_quiet(const struct loop *l);
/* Earliest deadline of all its tasks; TICK_NEVER when none. */
tick_t loop_next_due(const struct loop *l);

/* From any thread. The mail is owned by the caller until fn runs. */
void loop_post(struct loop *l, struct mail *m);

/* Watches fd for `task`: level-triggered, interest = EV_READ | EV_WRITE. 0 or -errno. */
MUST_USE int watch_open(
	struct watch *w, struct loop *l, int fd, struct task *task, uint32_t interest);
/* Changes the interest; no system call when it is the same. */
void watch_set(struct watch *w, uint32_t interest);
/* Stops watching; events already read from the kernel are dropped. Call before close(fd). */
void watch_close(struct watch *w);

void flush_init(struct flush *f, void (*fn)(struct flush *f, tick_t now));
/* fn runs once in this turn's flush phase (asking twice is asking once); from within a flush or a free,
 * in that of the next turn, which then follows at once. */
void flush_soon(struct loop *l, struct flush *f);
void flush_cancel(struct flush *f);

#endif
