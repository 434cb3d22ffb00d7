/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_TASK_H
#define SERVER_NET_TASK_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/heap.h"
#include "server/base/list.h"
#include "server/base/tick.h"
#include "server/base/wheel.h"

/*
 * The scheduling contract of the Darwin Streaming Server, with names and units: run() does what it
 * can without blocking and answers when it wants to run again.
 */
struct loop;
struct task;

#define TASK_IDLE TICK_NEVER   /* run me on the next signal only; an armed delay is forgotten */
#define TASK_DONE ((tick_t)-1) /* free me at the end of this turn */
/* 0: run me in the next turn. Anything else > 0: run me in that many ns, or on a signal. */

enum task_event {
	EV_READ = 1,    /* its descriptor can be read (or has an error, or the peer closed) */
	EV_WRITE = 2,   /* its descriptor can be written */
	EV_TIMER = 4,   /* the delay it asked for has passed */
	EV_START = 8,   /* begin */
	EV_KILL = 16,   /* end soon: answer TASK_DONE when you can */
	EV_UPDATE = 32, /* something you look at has changed */
	EV_USER = 256,  /* this bit and those above mean what the task says they mean */
};

struct task_ops {
	const char *name;
	/*
	 * true: delays go to the timing wheel (nearest 1 ms tick, cheap: media pacing).
	 * false: to the heap (exact; everything else).
	 */
	bool paced;
	tick_t (*run)(struct task *t, uint32_t events, tick_t now);
	/* Frees the struct that the task is embedded in. Called in the free phase of the turn in which
	 * run() answered TASK_DONE, never inside another callback. */
	void (*free)(struct task *t);
};

/* Work for a loop that comes from another thread: embedded, posted once, taken off the list before
 * fn runs on the loop's thread (so fn may free it or post it again). */
struct mail {
	struct mail *next;
	void (*fn)(struct mail *m, struct loop *l, tick_t now);
};

struct task {
	const struct task_ops *ops;
	struct loop *loop; /* the task's home for all its life */
	struct link run_link;
	struct heap_node timer;
	struct wheel_node pace;
	uint32_t events; /* waiting to be delivered */
	bool doomed;
	struct mail mail;
	_Atomic uint32_t mailed; /* events on their way from other threads */
};

/* In place; nothing runs until the first signal. */
void task_init(struct task *t, const struct task_ops *ops, struct loop *home);
/*
 * Makes the task run with these events (or-ed to those that wait already). From the task's own thread
 * it joins this turn's or the next turn's run list; from another thread it travels by mailbox. A
 * signal during run() makes it run again next turn. Other threads must not signal a task that may
 * have ended: whoever gave them the pointer waits for them first.
 */
void task_signal(struct task *t, uint32_t events);
/* Arms the task's timer for an absolute time, from outside run(). */
void task_run_at(struct task *t, tick_t at);
/* Takes it off its loop, which has stopped for good, so that its memory can go. */
void task_forget(struct task *t);

#endif
