/* SPDX-License-Identifier: MIT */
#include "server/modules/mod_fault.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/core/rtsp_session.h"
#include "server/modules/fault.h"

#define FAULT_ROW(id, name, seam, clause, value, text) \
	[FAULT_##id] = { name, seam, clause, value, text },
const struct fault_row fault_rows[FAULT_COUNT] = { FAULT_TABLE(FAULT_ROW) };
#undef FAULT_ROW

enum { VALUE_MAX = 3600 * 1000 };

int faults_add(struct faults *f, const char *spec, char *why)
{
	struct bytes value = bytes_str(spec), name = { 0 };

	bytes_cut(&value, '=', &name);
	for (int i = 0; i < FAULT_COUNT; i++) {
		const struct fault_row *row = &fault_rows[i];
		uint64_t v = row->value ? (uint64_t)row->value : 1;
		if (!bytes_is_eq(name, bytes_str(row->name)))
			continue;
		if (strchr(spec, '=') &&
			(!row->value || !bytes_to_u64(value, VALUE_MAX, &v) || v == 0)) {
			snprintf(why, PREFS_WHY, "fault %s: %s", row->name,
				row->value ? "the value is a whole number from 1 to 3600000"
					   : "takes no value");
			return ERR_RANGE;
		}
		f->on[i] = (int64_t)v;
		f->any_reply |= row->seam == SEAM_REPLY;
		f->any_packet |= row->seam == SEAM_PACKET;
		return 0;
	}
	snprintf(why, PREFS_WHY, "no fault '%.*s' (see --list-faults)", BYTES_FMT(name));
	return ERR_NOT_FOUND;
}

void faults_list(FILE *out)
{
	static const char *const seams[] = { "reply", "packet", "connection" };

	fputs("name\tclause\tseam\ttext\n", out);
	for (int i = 0; i < FAULT_COUNT; i++)
		fprintf(out, "%s\t%s\t%s\t%s\n", fault_rows[i].name, fault_rows[i].clause,
			seams[fault_rows[i].seam], fault_rows[i].text);
}

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct faults *f = xcalloc(1, sizeof *f);

	self->state = f;
	f->seed = p->seed;
	for (size_t i = 0; i < p->n_faults; i++) {
		int err = faults_add(f, p->faults[i], why);
		if (err)
			return err;
	}
	return 0;
}

/* Holds every request back once: its answer is that much late, whatever it is. */
static enum verdict filter(struct module *self, struct rtsp_txn *t)
{
	const struct faults *f = self->state;
	tick_t delay = f->on[FAULT_REPLY_DELAY] * TICK_MS;

	if (!delay || t->worker->loop.now >= t->received + delay)
		return MOD_PASS;
	t->wake_at = t->received + delay;
	return MOD_WAIT;
}

static void reply(struct module *self, struct rtsp_txn *t, struct buf *serialised)
{
	const struct faults *f = self->state;
	if (f->any_reply)
		fault_reply_edit(f, t, serialised);
}

static void wrap_sender(struct module *self, struct rtp_stream *st, struct sender *s)
{
	const struct faults *f = self->state;
	if (f->any_packet)
		fault_packet_wrap(f, st, s);
}

static void conn_write_seam(struct module *self, struct conn *c, struct iovec *iov, int *n)
{
	const struct faults *f = self->state;
	size_t left = (size_t)f->on[FAULT_TRICKLE];
	(void)c;

	if (!left)
		return;
	for (int i = 0; i < *n; i++) {
		if (iov[i].iov_len >= left) {
			iov[i].iov_len = left;
			*n = i + 1;
			return;
		}
		left -= iov[i].iov_len;
	}
}

static void shutdown_module(struct module *self)
{
	free(self->state);
	self->state = NULL;
}

const struct module mod_fault = { .api_version = MODULE_API,
	.name = "fault",
	.init = init,
	.filter = filter,
	.reply = reply,
	.wrap_sender = wrap_sender,
	.conn_write = conn_write_seam,
	.shutdown = shutdown_module };
