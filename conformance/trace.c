/* SPDX-License-Identifier: MIT */
#include "conformance/trace.h"

#include <stdlib.h>

#include "server/base/os.h"

void trace_init(struct trace *t)
{
	*t = (struct trace){ 0 };
	buf_init(&t->bytes, TRACE_BYTES_MAX);
}

void trace_clear(struct trace *t)
{
	free(t->v);
	buf_clear(&t->bytes);
	trace_init(t);
}

void trace_add(struct trace *t, const struct trace_event *e, struct bytes b)
{
	size_t off = t->bytes.n;
	if (t->n == TRACE_EVENTS_MAX || buf_put(&t->bytes, b) < 0) {
		t->dropped++;
		return;
	}
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 256;
		t->v = xrealloc(t->v, t->cap * sizeof(*t->v));
	}
	t->v[t->n] = *e;
	t->v[t->n].off = off;
	t->v[t->n++].n = b.n;
}

void trace_note(struct trace *t, tick_t at, bool is_fault, const char *text)
{
	struct trace_event e = {
		.at = at, .kind = is_fault ? TRACE_FAULT : TRACE_NOTE, .conn = -1
	};
	trace_add(t, &e, bytes_str(text));
}

struct bytes trace_bytes(const struct trace *t, const struct trace_event *e)
{
	return bytes_sub(buf_bytes(&t->bytes), e->off, e->n);
}
