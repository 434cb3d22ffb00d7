/* SPDX-License-Identifier: MIT */
#include "server/modules/fault.h"
#include "server/wire/pattern.h"

/* Refusals of credentials that are told otherwise. */

static bool has_credentials(const struct rtsp_txn *t, struct bytes what)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_AUTHORIZATION);
	return rtsp_header(&t->req, RTSP_H_AUTHORIZATION) && (!what.n || bytes_find(v, what) < v.n);
}

static bool any_password(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	(void)reply;
	return has_credentials(t, B(""));
}

static bool replay(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	return has_credentials(t, B("")) && bytes_find(reply, B("stale=true")) < reply.n;
}

static bool no_qop(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	(void)reply;
	return has_credentials(t, B("response=")) && !has_credentials(t, B("qop="));
}

static bool is_basic(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	(void)reply;
	return bytes_has_iprefix(rtsp_value(&t->req, RTSP_H_AUTHORIZATION), B("Basic "));
}

/* An odd number of quotes. */
static bool is_open(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_AUTHORIZATION);
	bool open = false;
	(void)f;
	(void)reply;
	for (size_t i = 0; i < v.n; i++)
		open ^= v.p[i] == '"';
	return open;
}

static bool has_session(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	(void)reply;
	return t->status == RTSP_UNAUTHORIZED && !has_credentials(t, B("")) &&
	       rtsp_header(&t->req, RTSP_H_SESSION);
}

static bool is_no_pattern(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	struct pattern p;
	uint32_t track;
	(void)f;
	(void)reply;
	return t->status == RTSP_UNAUTHORIZED && !has_credentials(t, B("")) &&
	       pattern_read(bytes_str(t->path), &p, &track) != 0;
}

/* Nobody has come in by this name so far. */
static bool is_stranger(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	struct bytes v = rtsp_value(&t->req, RTSP_H_AUTHORIZATION), key = B("username=\"");
	size_t at = bytes_find(v, key);
	(void)reply;
	if (at >= v.n)
		return false;
	v = bytes_sub(v, at + key.n, v.n);
	return !fault_flow_knows(f->flow, bytes_sub(v, 0, bytes_index(v, '"')), false);
}

/* Credentials that were there and are refused. */
static bool is_refused(const struct faults *f, const struct rtsp_txn *t, struct bytes reply)
{
	(void)f;
	(void)reply;
	return has_credentials(t, B(""));
}

static const struct {
	enum fault_id fault;
	bool (*applies)(const struct faults *f, const struct rtsp_txn *t, struct bytes reply);
	const char *status; /* NULL: the challenges go */
} rows[] = {
	{ FAULT_ANY_PASSWORD, any_password, "200 OK" },
	{ FAULT_REPLAY, replay, "200 OK" },
	{ FAULT_NO_QOP_ANY, no_qop, "200 OK" },
	{ FAULT_BASIC_ANY, is_basic, "200 OK" },
	{ FAULT_QUOTES_500, is_open, "500 Internal Server Error" },
	{ FAULT_SESSION_LOGIN, has_session, "200 OK" },
	{ FAULT_PATH_SHOWN, is_no_pattern, "404 Not Found" },
	{ FAULT_USER_SHOWN, is_stranger, "403 Forbidden" },
	{ FAULT_CHALLENGE_ONCE, is_refused, NULL },
};

void fault_auth_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply)
{
	static const struct bytes challenge = B("WWW-Authenticate");
	size_t at, n;

	if (f->on[FAULT_USER_SHOWN] && *t->user)
		(void)fault_flow_knows(f->flow, bytes_str(t->user), true);
	if (t->status != RTSP_UNAUTHORIZED && t->status != RTSP_BAD_REQUEST)
		return;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!f->on[rows[i].fault] || !rows[i].applies(f, t, buf_bytes(reply)))
			continue;
		if (rows[i].status)
			fault_set_status(reply, bytes_str(rows[i].status));
		while (!rows[i].status && fault_find_line(reply, challenge, &at, &n))
			fault_splice(reply, at, n, (struct bytes){ 0 });
	}
}
