/* SPDX-License-Identifier: MIT */
#include "server/core/module.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

#include "server/core/server.h"

/* What a module declares, laid out over those of the others: rooms in objects, counters of workers. */

const char *server_state_name(enum server_state s)
{
	static const char *const names[] = { "idle", "running", "refusing", "shutting down" };
	return names[s];
}

static const struct module_slot *slot_of(const struct module *m, enum module_slot_kind kind)
{
	switch (kind) {
	case SLOT_SESSION: return &m->session_slot;
	case SLOT_CONNECTION: return &m->connection_slot;
	case SLOT_REQUEST: return &m->request_slot;
	case SLOT_COUNT: break;
	}
	return NULL;
}

size_t modules_slots_at(size_t size)
{
	size_t a = alignof(max_align_t);
	return (size + a - 1) / a * a;
}

void modules_lay_out(struct server *s)
{
	s->n_module_stats = 0;
	for (int k = 0; k < SLOT_COUNT; k++)
		s->slot_bytes[k] = 0;
	SERVER_EACH_MODULE(m, s)
	{
		m->stats_at = s->n_module_stats;
		s->n_module_stats += m->n_stats;
		for (int k = 0; k < SLOT_COUNT; k++) {
			m->slot_at[k] = s->slot_bytes[k];
			s->slot_bytes[k] +=
				modules_slots_at(slot_of(m, (enum module_slot_kind)k)->size);
		}
		s->has_conn_write = s->has_conn_write || m->conn_write;
		s->has_rtcp = s->has_rtcp || m->rtcp;
		s->has_incoming_data = s->has_incoming_data || m->incoming_data;
	}
}

void modules_clear_slots(struct server *s, enum module_slot_kind kind, void *slots)
{
	if (!s->slot_bytes[kind])
		return;
	SERVER_EACH_MODULE(m, s)
	{
		const struct module_slot *slot = slot_of(m, kind);
		if (slot->clear)
			slot->clear(m, (char *)slots + m->slot_at[kind]);
	}
}

static void *slot_in(const struct module *m, enum module_slot_kind kind, void *slots)
{
	assert(slot_of(m, kind)->size);
	return (char *)slots + m->slot_at[kind];
}

void *module_session_slot(const struct module *self, struct rtp_session *s)
{
	return slot_in(self, SLOT_SESSION, rtp_session_slots(s));
}

void *module_connection_slot(const struct module *self, struct rtsp_session *c)
{
	return slot_in(self, SLOT_CONNECTION, rtsp_session_slots(c));
}

void *module_request_slot(const struct module *self, struct rtsp_txn *t)
{
	return slot_in(self, SLOT_REQUEST, rtsp_txn_slots(t));
}

const void *module_prefs(const struct module *self, const struct prefs *p)
{
	assert(self->index < p->n_modules && p->modules[self->index].values);
	return p->modules[self->index].values;
}

uint64_t *module_stats(const struct module *self, struct worker *w)
{
	return w->module_stats + self->stats_at;
}
