/* SPDX-License-Identifier: MIT */
#include "server/base/wheel.h"

static uint32_t slot_of(int64_t tick)
{
	return (uint32_t)tick & (WHEEL_SLOTS - 1);
}

static int64_t nearest_tick(tick_t t)
{
	return (t + WHEEL_TICK / 2) / WHEEL_TICK;
}

void wheel_init(struct wheel *w, tick_t now)
{
	*w = (struct wheel){ .done = nearest_tick(now) - 1 };
	for (uint32_t i = 0; i < WHEEL_SLOTS; i++)
		link_init(&w->slot[i]);
}

void wheel_node_init(struct wheel_node *n)
{
	link_init(&n->link);
	n->tick = 0;
}

void wheel_set(struct wheel *w, struct wheel_node *n, tick_t at)
{
	int64_t tick = at >= TICK_NEVER - WHEEL_TICK ? TICK_NEVER / WHEEL_TICK : nearest_tick(at);

	wheel_remove(w, n);
	if (tick <= w->done)
		tick = w->done + 1;
	n->tick = tick;
	list_push_back(&w->slot[slot_of(tick)], &n->link);
	w->used[slot_of(tick) / 64] |= 1ULL << slot_of(tick) % 64;
	w->armed++;
}

void wheel_remove(struct wheel *w, struct wheel_node *n)
{
	if (!wheel_has(n))
		return;
	link_remove(&n->link);
	w->armed--;
	if (link_is_alone(&w->slot[slot_of(n->tick)]))
		w->used[slot_of(n->tick) / 64] &= ~(1ULL << slot_of(n->tick) % 64);
}

static void expire_slot(struct wheel *w, uint32_t slot, int64_t upto, struct link *out)
{
	LIST_EACH(l, &w->slot[slot])
	{
		struct wheel_node *n = container_of(l, struct wheel_node, link);
		if (n->tick > upto)
			continue;
		wheel_remove(w, n);
		list_push_back(out, l);
	}
}

/* Distance from `from` to the next used slot, 0 … WHEEL_SLOTS - 1; WHEEL_SLOTS when none is. */
static uint32_t next_used(const struct wheel *w, uint32_t from)
{
	for (uint32_t d = 0; d < WHEEL_SLOTS;) {
		uint32_t s = (from + d) & (WHEEL_SLOTS - 1);
		uint64_t bits = w->used[s / 64] >> s % 64;
		if (bits) {
			d += (uint32_t)__builtin_ctzll(bits);
			return d < WHEEL_SLOTS ? d : WHEEL_SLOTS;
		}
		d += 64 - s % 64;
	}
	return WHEEL_SLOTS;
}

void wheel_expire(struct wheel *w, tick_t now, struct link *out)
{
	int64_t upto = now / WHEEL_TICK; /* a tick fires when its own time has come, not before */

	while (w->armed && w->done < upto) {
		uint32_t d = next_used(w, slot_of(w->done + 1));
		if (d >= WHEEL_SLOTS || w->done + 1 + d > upto)
			break;
		w->done += 1 + d;
		expire_slot(w, slot_of(w->done), upto, out);
	}
	if (w->done < upto)
		w->done = upto;
}

tick_t wheel_next(const struct wheel *w)
{
	if (!w->armed)
		return TICK_NEVER;
	return (w->done + 1 + next_used(w, slot_of(w->done + 1))) * WHEEL_TICK;
}
