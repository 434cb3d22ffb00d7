/* SPDX-License-Identifier: MIT */
#include "server/net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "server/base/os.h"

/* Slots 0 and 1 are the loop's own descriptors. */
enum { SLOT_TIMER, SLOT_MAIL, SLOT_FIRST, EVENTS_PER_TURN = 512 };

static tick_t real_clock(void *arg)
{
	(void)arg;
	return os_now();
}

static int add_fd(struct loop *l, int fd, uint32_t slot, uint32_t gen, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.u64 = (uint64_t)gen << 32 | slot };
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) == 0 ? 0 : -errno;
}

static int open_fds(struct loop *l)
{
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	l->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->epoll_fd < 0 || l->timer_fd < 0 || l->event_fd < 0)
		return -errno;
	int err = add_fd(l, l->timer_fd, SLOT_TIMER, 0, EPOLLIN);
	return err ? err : add_fd(l, l->event_fd, SLOT_MAIL, 0, EPOLLIN);
}

int loop_init_virtual(struct loop *l, tick_t (*clock)(void *arg), void *arg)
{
	*l = (struct loop){ .clock = clock,
		.clock_arg = arg,
		.is_virtual = clock != real_clock,
		.armed = TICK_NEVER,
		.thread = pthread_self(),
		.n_slots = SLOT_FIRST };
	l->now = clock(arg);
	wheel_init(&l->wheel, l->now);
	link_init(&l->run);
	link_init(&l->doomed);
	link_init(&l->flushes);
	l->cap_slots = 64;
	l->slots = xcalloc(l->cap_slots, sizeof *l->slots);
	l->free_slots = xcalloc(l->cap_slots, sizeof *l->free_slots);
	int err = open_fds(l);
	if (err)
		loop_clear(l);
	return err;
}

int loop_init(struct loop *l)
{
	return loop_init_virtual(l, real_clock, NULL);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd); /* nothing buffered */
	*fd = -1;
}

void loop_clear(struct loop *l)
{
	close_fd(&l->epoll_fd);
	close_fd(&l->timer_fd);
	close_fd(&l->event_fd);
	heap_clear(&l->heap);
	free(l->slots);
	free(l->free_slots);
	l->slots = NULL;
	l->free_slots = NULL;
}

/* ---- mail ---- */

void loop_post(struct loop *l, struct mail *m)
{
	struct mail *head = atomic_load_explicit(&l->inbox, memory_order_relaxed);
	uint64_t one = 1;

	do
		m->next = head;
	while (!atomic_compare_exchange_weak_explicit(
		&l->inbox, &head, m, memory_order_release, memory_order_relaxed));
	if (!head && write(l->event_fd, &one, sizeof one) < 0 && errno != EAGAIN)
		die("eventfd: %s", strerror(errno));
}

static void read_mail(struct loop *l)
{
	struct mail *m = atomic_exchange_explicit(&l->inbox, NULL, memory_order_acquire);
	struct mail *in_order = NULL, *next;

	for (; m; m = next) { /* the list is newest first */
		next = m->next;
		m->next = in_order;
		in_order = m;
	}
	for (m = in_order; m; m = next) {
		next = m->next;
		m->fn(m, l, l->now);
	}
}

/* ---- tasks ---- */

static void on_task_mail(struct mail *m, struct loop *l, tick_t now)
{
	struct task *t = container_of(m, struct task, mail);
	(void)l;
	(void)now;
	uint32_t events = atomic_exchange(&t->mailed, 0);
	if (!t->doomed)
		task_signal(t, events);
}

void task_init(struct task *t, const struct task_ops *ops, struct loop *home)
{
	*t = (struct task){ .ops = ops, .loop = home, .mail.fn = on_task_mail };
	link_init(&t->run_link);
	wheel_node_init(&t->pace);
}

void task_signal(struct task *t, uint32_t events)
{
	struct loop *l = t->loop;

	if (!pthread_equal(pthread_self(), l->thread)) {
		if (atomic_fetch_or(&t->mailed, events) == 0)
			loop_post(l, &t->mail);
		return;
	}
	if (t->doomed)
		return;
	t->events |= events;
	if (link_is_alone(&t->run_link))
		list_push_back(&l->run, &t->run_link);
}

static void disarm(struct task *t)
{
	heap_remove(&t->loop->heap, &t->timer);
	wheel_remove(&t->loop->wheel, &t->pace);
}

void task_forget(struct task *t)
{
	disarm(t);
	link_remove(&t->run_link);
}

void task_run_at(struct task *t, tick_t at)
{
	if (t->doomed)
		return;
	if (t->ops->paced)
		wheel_set(&t->loop->wheel, &t->pace, at);
	else
		heap_set(&t->loop->heap, &t->timer, at);
}

static void run_one(struct loop *l, struct task *t)
{
	uint32_t events = t->events;

	t->events = 0;
	l->runs++;
	tick_t again = t->ops->run(t, events, l->now);
	if (again == TASK_DONE) {
		disarm(t);
		link_remove(&t->run_link);
		t->doomed = true;
		list_push_back(&l->doomed, &t->run_link);
		return;
	}
	assert(again >= 0);
	if (again == TASK_IDLE)
		disarm(t);
	else if (again == 0)
		task_signal(t, EV_TIMER);
	else
		task_run_at(t, l->now + again);
}

static void run_tasks(struct loop *l)
{
	struct link batch, *next;

	link_init(&batch);
	list_move_all(&l->run, &batch);
	while ((next = list_pop(&batch)))
		run_one(l, container_of(next, struct task, run_link));
}

static void free_doomed(struct loop *l)
{
	LIST_EACH(x, &l->doomed)
	{
		struct task *t = container_of(x, struct task, run_link);
		if (atomic_load(&t->mailed))
			continue; /* still in the mailbox: next turn */
		link_remove(x);
		t->ops->free(t);
	}
}

/* ---- time ---- */

static void note_lag(struct loop *l)
{
	tick_t due = loop_next_due(l);
	l->timer_lag = due < l->now ? l->now - due : 0;
}

static void expire_timers(struct loop *l)
{
	struct link due, *x;
	struct heap_node *h;

	note_lag(l);
	while ((h = heap_first(&l->heap)) && h->at <= l->now) {
		heap_remove(&l->heap, h);
		task_signal(container_of(h, struct task, timer), EV_TIMER);
	}
	link_init(&due);
	wheel_expire(&l->wheel, l->now, &due);
	while ((x = list_pop(&due)))
		task_signal(
			container_of(container_of(x, struct wheel_node, link), struct task, pace),
			EV_TIMER);
}

tick_t loop_next_due(const struct loop *l)
{
	struct heap_node *h = heap_first(&l->heap);
	tick_t wheel = wheel_next(&l->wheel), heap = h ? h->at : TICK_NEVER;
	return wheel < heap ? wheel : heap;
}

static void arm_timer(struct loop *l)
{
	tick_t due = loop_next_due(l);

	if (l->is_virtual || due == l->armed)
		return;
	l->armed = due;
	if (due < 1)
		due = 1; /* zero would disarm */
	struct itimerspec when = { 0 };
	if (due != TICK_NEVER)
		when.it_value = (struct timespec){ due / TICK_S, due % TICK_S };
	if (timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		die("timerfd: %s", strerror(errno));
}

/* ---- descriptors ---- */

static uint32_t to_epoll(uint32_t interest)
{
	return (interest & EV_READ ? (uint32_t)EPOLLIN : 0) |
	       (interest & EV_WRITE ? (uint32_t)EPOLLOUT : 0);
}

static uint32_t take_slot(struct loop *l)
{
	if (l->n_free)
		return l->free_slots[--l->n_free];
	if (l->n_slots == l->cap_slots) {
		l->cap_slots *= 2;
		l->slots = xrealloc(l->slots, l->cap_slots * sizeof *l->slots);
		l->free_slots = xrealloc(l->free_slots, l->cap_slots * sizeof *l->free_slots);
	}
	l->slots[l->n_slots] = (struct watch_slot){ 0 };
	return l->n_slots++;
}

int watch_open(struct watch *w, struct loop *l, int fd, struct task *task, uint32_t interest)
{
	uint32_t slot = take_slot(l);
	int err = add_fd(l, fd, slot, l->slots[slot].gen, to_epoll(interest));

	if (err) {
		l->free_slots[l->n_free++] = slot;
		*w = (struct watch){ .fd = -1 };
		return err;
	}
	l->slots[slot].watch = w;
	*w = (struct watch){
		.fd = fd, .slot = slot, .interest = interest, .task = task, .loop = l
	};
	return 0;
}

void watch_set(struct watch *w, uint32_t interest)
{
	struct loop *l = w->loop;

	if (!l || w->interest == interest)
		return;
	struct epoll_event e = { .events = to_epoll(interest),
		.data.u64 = (uint64_t)l->slots[w->slot].gen << 32 | w->slot };
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) != 0)
		die("epoll: fd %d: %s", w->fd, strerror(errno));
	w->interest = interest;
}

void watch_close(struct watch *w)
{
	struct loop *l = w->loop;

	if (!l)
		return;
	(void)epoll_ctl(
		l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* a closed fd has left by itself */
	l->slots[w->slot].watch = NULL;
	l->slots[w->slot].gen++;
	l->free_slots[l->n_free++] = w->slot;
	w->loop = NULL;
}

static void drain(int fd)
{
	uint64_t count;
	if (read(fd, &count, sizeof count) < 0 && errno != EAGAIN && errno != EINTR)
		die("read: %s", strerror(errno));
}

static void on_ready(struct loop *l, const struct epoll_event *e)
{
	uint32_t slot = (uint32_t)e->data.u64, gen = (uint32_t)(e->data.u64 >> 32);

	if (slot == SLOT_MAIL) {
		drain(l->event_fd);
		return;
	}
	if (slot == SLOT_TIMER) {
		drain(l->timer_fd);
		l->armed = TICK_NEVER;
		return;
	}
	struct watch_slot *s = &l->slots[slot];
	if (!s->watch || s->gen != gen)
		return;
	uint32_t events = 0;
	if (e->events & (EPOLLIN | EPOLLERR | EPOLLHUP | EPOLLRDHUP))
		events |= EV_READ;
	if (e->events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		events |= EV_WRITE;
	/* errors come unasked for: they go to whoever watches anything */
	if (!(e->events & (EPOLLERR | EPOLLHUP)))
		events &= s->watch->interest;
	if (events)
		task_signal(s->watch->task, events);
}

/* ---- the turn ---- */

bool loop_is_quiet(const struct loop *l)
{
	struct epoll_event e;
	return link_is_alone(&l->run) && link_is_alone(&l->flushes) && !atomic_load(&l->inbox) &&
	       epoll_wait(l->epoll_fd, &e, 1, 0) == 0;
}

void loop_turn(struct loop *l)
{
	struct epoll_event ready[EVENTS_PER_TURN];
	struct link batch, *x;
	bool busy = l->is_virtual || !link_is_alone(&l->run) || !link_is_alone(&l->flushes) ||
		    !link_is_alone(&l->doomed) || atomic_load(&l->inbox);

	arm_timer(l); /* also what was set before the first turn, or between turns */
	int n = epoll_wait(l->epoll_fd, ready, EVENTS_PER_TURN, busy ? 0 : -1);
	if (n < 0 && errno != EINTR)
		die("epoll_wait: %s", strerror(errno));
	l->now = l->clock(l->clock_arg);
	l->turns++;
	for (int i = 0; i < n; i++)
		on_ready(l, &ready[i]);
	read_mail(l);
	expire_timers(l);
	run_tasks(l);
	link_init(&batch);
	list_move_all(&l->flushes, &batch);
	while ((x = list_pop(&batch)))
		container_of(x, struct flush, link)
			->fn(container_of(x, struct flush, link), l->now);
	free_doomed(l);
}

void loop_run(struct loop *l)
{
	l->thread = pthread_self();
	(void)prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0); /* refused: timers are up to 50 µs later */
	while (!l->stop)
		loop_turn(l);
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

/* ---- flush ---- */

void flush_init(struct flush *f, void (*fn)(struct flush *f, tick_t now))
{
	link_init(&f->link);
	f->fn = fn;
}

void flush_soon(struct loop *l, struct flush *f)
{
	if (link_is_alone(&f->link))
		list_push_back(&l->flushes, &f->link);
}

void flush_cancel(struct flush *f)
{
	link_remove(&f->link);
}
