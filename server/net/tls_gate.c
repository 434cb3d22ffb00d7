/* SPDX-License-Identifier: MIT */
#include "server/net/tls_own.h"

static void count_turn(struct tls_gate *g)
{
	if (g->turn == g->task.loop->turns)
		return;
	g->turn = g->task.loop->turns;
	g->used = 0;
}

/* One whose time has come asks like any other. */
static bool is_stalled(struct tls_gate *g, struct tls *t)
{
	tick_t now = g->task.loop->now;

	if (!t->due) {
		t->due = now + g->stall;
		list_push_back(&g->stalled, &t->link);
		task_signal(&g->task, EV_UPDATE);
	}
	return now < t->due;
}

bool tls_gate_ask(struct tls_gate *g, struct tls *t)
{
	if (!link_is_alone(&t->link))
		return false; /* it waits already */
	if (g->stall && is_stalled(g, t))
		return false;
	count_turn(g);
	if (t->is_let_in || (link_is_alone(&g->queue) && g->used < g->per_turn)) {
		t->is_let_in = false;
		g->used++;
		return true;
	}
	g->waited++;
	list_push_back(&g->queue, &t->link);
	task_signal(&g->task, EV_UPDATE);
	return false;
}

/* How long until the next stalled one. */
static tick_t wake_stalled(struct tls_gate *g, tick_t now)
{
	struct link *x;

	while ((x = list_first(&g->stalled))) {
		struct tls *t = container_of(x, struct tls, link);
		if (t->due > now)
			return t->due - now;
		link_remove(x);
		task_signal(t->pipe->watch.task, EV_READ);
	}
	return TASK_IDLE;
}

/* Lets the next ones in; they run in the turn after this one. */
static tick_t gate_run(struct task *task, uint32_t events, tick_t now)
{
	struct tls_gate *g = container_of(task, struct tls_gate, task);
	struct link *x;
	tick_t next = wake_stalled(g, now);
	(void)events;

	for (uint32_t i = 0; i < g->per_turn && (x = list_pop(&g->queue)); i++) {
		struct tls *t = container_of(x, struct tls, link);
		t->is_let_in = true;
		task_signal(t->pipe->watch.task, EV_READ);
	}
	return link_is_alone(&g->queue) ? next : 0;
}

/* Embedded: its owner frees the memory. */
static void gate_free(struct task *task)
{
	(void)task;
}

static const struct task_ops gate_ops = { .name = "tls_gate", .run = gate_run, .free = gate_free };

void tls_gate_init(struct tls_gate *g, struct loop *l, uint32_t per_turn)
{
	*g = (struct tls_gate){ .per_turn = per_turn };
	task_init(&g->task, &gate_ops, l);
	link_init(&g->queue);
	link_init(&g->stalled);
	l->tls_gate = g;
}
