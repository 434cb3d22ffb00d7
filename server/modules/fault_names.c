/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/base/os.h"
#include "server/modules/fault.h"

/* The newest so many sessions have a short name; the table is for all workers. */
enum { NAMES = 4096, SHORT = 6 };

struct name {
	char shown[SHORT + 1], real[40];
};
struct fault_names {
	pthread_mutex_t lock;
	uint32_t next;
	struct name v[NAMES];
};

struct fault_names *fault_names_new(void)
{
	struct fault_names *n = xcalloc(1, sizeof *n);
	(void)pthread_mutex_init(&n->lock, NULL); /* never fails with these attributes */
	return n;
}

void fault_names_free(struct fault_names *n)
{
	if (!n)
		return;
	(void)pthread_mutex_destroy(&n->lock);
	free(n);
}

static struct name *find(struct fault_names *n, struct bytes id, bool by_real)
{
	for (size_t i = 0; i < NAMES; i++) {
		struct name *x = &n->v[i];
		if (x->real[0] && bytes_is_eq(id, bytes_str(by_real ? x->real : x->shown)))
			return x;
	}
	return NULL;
}

static struct name *make(struct fault_names *n, struct bytes real)
{
	struct name *x = &n->v[n->next % NAMES];

	/* an odd factor: all numbers of 24 bits come once */
	(void)snprintf(x->shown, sizeof x->shown, "%0*" PRIx32, SHORT,
		(n->next * 0x9e3779u + 0x5bd1e9u) & 0xffffffu);
	if (!bytes_to_str(real, x->real, sizeof x->real))
		x->real[0] = '\0';
	n->next++;
	return x;
}

/* The id in the Session line. False: there is none. */
static bool find_id(const struct buf *reply, size_t *at, size_t *n)
{
	size_t line_at, line_n;

	if (!fault_find_line(reply, B("Session"), &line_at, &line_n))
		return false;
	struct bytes line = bytes_sub(buf_bytes(reply), line_at, line_n);
	size_t from = bytes_index(line, ':') + 1, end;
	while (from < line.n && line.p[from] == ' ')
		from++;
	for (end = from; end < line.n && line.p[end] > ' ' && line.p[end] != ';';)
		end++;
	*at = line_at + from;
	*n = end - from;
	return true;
}

static void lower(struct rtsp_txn *t, struct bytes id)
{
	char text[64];

	if (!bytes_to_str(id, text, sizeof text))
		return;
	for (char *p = text; *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	fault_request_set(t, RTSP_H_SESSION, bytes_str(text));
}

void fault_names_request(const struct faults *f, struct rtsp_txn *t)
{
	struct bytes id = rtsp_value(&t->req, RTSP_H_SESSION);

	if (!id.n)
		return;
	id = bytes_trim(bytes_sub(id, 0, bytes_index(id, ';')));
	if (f->on[FAULT_SESSION_CASE])
		lower(t, id);
	if (!f->on[FAULT_SESSION_SHORT])
		return;
	(void)pthread_mutex_lock(&f->names->lock);
	struct name *x = find(f->names, id, false);
	if (x)
		fault_request_set(t, RTSP_H_SESSION, bytes_str(x->real));
	(void)pthread_mutex_unlock(&f->names->lock);
}

static void shorten(struct fault_names *n, struct buf *reply)
{
	size_t at, len;

	if (!find_id(reply, &at, &len))
		return;
	struct bytes real = bytes_sub(buf_bytes(reply), at, len);
	(void)pthread_mutex_lock(&n->lock);
	struct name *x = find(n, real, true);
	if (!x)
		x = make(n, real);
	fault_splice(reply, at, len, bytes_str(x->shown));
	(void)pthread_mutex_unlock(&n->lock);
}

/* A session that this connection made before gives its id to the next. */
static void reuse(struct rtsp_txn *t, struct buf *reply)
{
	size_t at, len;
	const struct link *first = t->conn->media.next;

	if (t->req.method != RTSP_SETUP || rtsp_header(&t->req, RTSP_H_SESSION) ||
		first == &t->conn->media || !find_id(reply, &at, &len))
		return;
	const struct rtp_session *s = container_of(first, struct rtp_session, on_conn);
	fault_splice(reply, at, len, bytes_str(s->id));
}

void fault_names_reply(const struct faults *f, struct rtsp_txn *t, struct buf *reply)
{
	if (f->on[FAULT_SESSION_REUSE])
		reuse(t, reply);
	if (f->on[FAULT_SESSION_SHORT])
		shorten(f->names, reply);
}
