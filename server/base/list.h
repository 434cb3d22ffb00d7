/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_LIST_H
#define SERVER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/attr.h"

/*
 * Intrusive doubly linked ring: a `struct link` is embedded in each element and one more is the
 * head. The list owns nothing. An element that is in no list is linked to itself.
 */
struct link {
	struct link *prev, *next;
};

static inline void link_init(struct link *l)
{
	l->prev = l->next = l;
}
static inline bool link_is_alone(const struct link *l)
{
	return l->next == l;
}
static inline void link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}
static inline void list_push_back(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}
/* First element, or NULL. */
static inline struct link *list_first(struct link *head)
{
	return head->next == head ? NULL : head->next;
}
/* Takes the first element out; NULL when empty. */
static inline struct link *list_pop(struct link *head)
{
	struct link *l = list_first(head);
	if (l)
		link_remove(l);
	return l;
}
/* Moves all elements of *from to the end of *to. */
static inline void list_move_all(struct link *from, struct link *to)
{
	if (link_is_alone(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	link_init(from);
}
/* Visits every element; the visited one may be removed meanwhile. */
#define LIST_EACH(l, head)                                                    \
	for (struct link *l = (head)->next, *l##_next = l->next; l != (head); \
		l = l##_next, l##_next = l->next)

#endif
