/* SPDX-License-Identifier: MIT */
#include "server/modules/mod_fault.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

#define REQUEST    SEAM_REQUEST
#define REPLY      SEAM_REPLY
#define PACKET     SEAM_PACKET
#define CONNECTION SEAM_CONNECTION
#define FAULT(id, name, seam, clauses, form, value, text) \
	[FAULT_##id] = { name, seam, clauses, TAKES_##form, value, text },
const struct fault_row fault_rows[FAULT_COUNT] = {
#include "server/modules/fault.def"
};
#undef FAULT

enum { VALUE_MAX = 3600 * 1000 };

/* ---- what is given on the command line ---- */

static bool read_number(struct bytes b, uint64_t max, int64_t *v)
{
	uint64_t n;
	if (!bytes_to_u64(b, max, &n) || n == 0)
		return false;
	*v = (int64_t)n;
	return true;
}

static bool read_method(struct bytes b, int64_t *v)
{
	*v = rtsp_method_of(b);
	return *v != RTSP_METHOD_UNKNOWN;
}

static bool is_status(int64_t v)
{
	return v >= 100 && v < 600;
}

static bool read_value(enum fault_form form, struct bytes v, int64_t *on, int64_t *more)
{
	struct bytes first, rest = v;
	bool two = bytes_cut(&rest, ':', &first);

	switch (form) {
	case TAKES_NOTHING: *on = 1; return v.n == 0;
	case TAKES_NUMBER: return read_number(v, VALUE_MAX, on);
	case TAKES_METHOD: return read_method(v, on);
	case TAKES_METHOD_MS:
		return two && read_method(first, on) && read_number(rest, VALUE_MAX, more);
	case TAKES_STATUSES:
		return two && read_number(first, 599, on) && read_number(rest, 599, more) &&
		       is_status(*on) && is_status(*more);
	}
	return false;
}

static const char *const takes[] = {
	[TAKES_NOTHING] = "takes no value",
	[TAKES_NUMBER] = "the value is a whole number from 1 to 3600000",
	[TAKES_STATUSES] = "the value is FROM:TO, two status codes",
	[TAKES_METHOD] = "the value is a method",
	[TAKES_METHOD_MS] = "the value is METHOD:MS",
};

static void note_seam(struct faults *f, int i)
{
	f->any_reply |= fault_rows[i].seam == SEAM_REPLY;
	f->any_packet |= fault_rows[i].seam == SEAM_PACKET;
	f->any_frame = f->on[FAULT_FRAME_CHANNEL] || f->on[FAULT_FRAME_LENGTH] ||
		       f->on[FAULT_TUNNEL_TYPE] || f->on[FAULT_TUNNEL_LOOSE];
}

int faults_add(struct faults *f, const char *spec, char *why)
{
	struct bytes value = bytes_str(spec), name = { 0 };
	bool given = strchr(spec, '=') != NULL;

	(void)bytes_cut(&value, '=', &name);
	for (int i = 0; i < FAULT_COUNT; i++) {
		const struct fault_row *row = &fault_rows[i];
		if (!bytes_is_eq(name, bytes_str(row->name)))
			continue;
		if (!read_value(row->form, given ? value : bytes_str(row->value), &f->on[i],
			    &f->more[i]) ||
			(given && row->form == TAKES_NOTHING)) {
			f->on[i] = 0;
			snprintf(why, PREFS_WHY, "fault %s: %s", row->name, takes[row->form]);
			return ERR_RANGE;
		}
		note_seam(f, i);
		return 0;
	}
	snprintf(why, PREFS_WHY, "no fault '%.*s' (see --list-faults)", BYTES_FMT(name));
	return ERR_NOT_FOUND;
}

void faults_list(FILE *out)
{
	static const char *const seams[] = { "request", "reply", "packet", "connection" };

	fputs("name\tclauses\tseam\ttext\n", out);
	for (int i = 0; i < FAULT_COUNT; i++)
		fprintf(out, "%s\t%s\t%s\t%s\n", fault_rows[i].name, fault_rows[i].clauses,
			seams[fault_rows[i].seam], fault_rows[i].text);
}

static int init(struct module *self, const struct prefs *p, char *why)
{
	struct faults *f = xcalloc(1, sizeof *f);

	self->state = f;
	f->seed = p->seed;
	f->flow = fault_flow_new();
	f->names = fault_names_new();
	for (size_t i = 0; i < p->n_faults; i++) {
		int err = faults_add(f, p->faults[i], why);
		if (err)
			return err;
	}
	return 0;
}

static int worker_init_seam(struct module *self, struct worker *w)
{
	const struct faults *f = self->state;

	w->answers_posts = f->on[FAULT_TUNNEL_POST_ANSWERED] != 0;
	w->tls_gate.stall = f->on[FAULT_TLS_STALL] * TICK_MS;
	return 0;
}

/* ---- the seams ---- */

/* Holds a request back once, whatever it is. */
static enum verdict filter(struct module *self, struct rtsp_txn *t)
{
	const struct faults *f = self->state;
	tick_t delay = fault_flow_delay(f, t);

	if (delay && t->worker->loop.now < t->received + delay) {
		t->wake_at = t->received + delay;
		return MOD_WAIT;
	}
	if (f->on[FAULT_SESSION_SHORT] || f->on[FAULT_SESSION_CASE])
		fault_names_request(f, t);
	fault_request_edit(f, t);
	return MOD_PASS;
}

static void reply(struct module *self, struct rtsp_txn *t, struct buf *serialised)
{
	const struct faults *f = self->state;

	if (!f->any_reply)
		return;
	fault_names_reply(f, t, serialised);
	fault_reply_edit(f, t, serialised);
	fault_flow_reply(f, t, serialised);
}

static void connection_closing(struct module *self, struct rtsp_session *c)
{
	const struct faults *f = self->state;
	if (f->on[FAULT_SWAP] || f->on[FAULT_TUNNEL_FATE])
		fault_flow_closing(f, c);
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

	if (f->any_frame)
		fault_frame_spoil(f, iov, *n);
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
	struct faults *f = self->state;

	if (f) {
		fault_flow_free(f->flow);
		fault_names_free(f->names);
	}
	free(f);
	self->state = NULL;
}

const struct module mod_fault = { .api_version = MODULE_API,
	.name = "fault",
	.init = init,
	.worker_init = worker_init_seam,
	.filter = filter,
	.reply = reply,
	.wrap_sender = wrap_sender,
	.conn_write = conn_write_seam,
	.connection_closing = connection_closing,
	.shutdown = shutdown_module };
