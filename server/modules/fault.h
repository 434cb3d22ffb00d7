/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_FAULT_H
#define SERVER_MODULES_FAULT_H

#include <stdio.h>

#include "server/core/module.h"
#include "server/core/rtsp_session.h"

/*
 * Deliberate faults: a bad server on demand, to prove the conformance suite (each row of fault.def names
 * the clauses it breaks, or who else sees it), to calibrate the load generator, and to test clients.
 * They act at four seams: the request before anybody looks at it, the serialised reply, the packet on its
 * way out, the write of a connection.
 */
enum fault_seam { SEAM_REQUEST, SEAM_REPLY, SEAM_PACKET, SEAM_CONNECTION };
/* What stands after "=". */
enum fault_form {
	TAKES_NOTHING,
	TAKES_NUMBER,
	TAKES_STATUSES, /* FROM:TO */
	TAKES_METHOD,
	TAKES_METHOD_MS, /* METHOD:MS */
};

#define FAULT(id, name, seam, clauses, form, value, text) FAULT_##id,
enum fault_id {
#include "server/modules/fault.def"
	FAULT_COUNT
};
#undef FAULT

struct fault_row {
	const char *name;
	enum fault_seam seam;
	const char *clauses;
	enum fault_form form;
	const char *value;
	const char *text;
};
extern const struct fault_row fault_rows[FAULT_COUNT];

struct fault_flow;
struct fault_names;

/* Which are on, with their values. Immutable after init, but for what flow and names guard themselves. */
struct faults {
	uint64_t seed;
	bool any_reply, any_packet, any_frame;
	int64_t on[FAULT_COUNT];   /* 0 = off; else 1, the number, FROM, or the method */
	int64_t more[FAULT_COUNT]; /* TO, or MS */
	struct fault_flow *flow;
	struct fault_names *names;
};

/* Reads "NAME" or "NAME=V". 0; ERR_NOT_FOUND, ERR_RANGE with one line in `why` (PREFS_WHY bytes). */
MUST_USE int faults_add(struct faults *f, const char *spec, char *why);
/* The table as TSV: name, clauses, seam, text. */
void faults_list(FILE *out);

/* ---- the request seam: what it is taken for (fault_request.c) ---- */
void fault_request_edit(const struct faults *f, struct rtsp_txn *t);
/* Another value for a header that it has. */
void fault_request_set(struct rtsp_txn *t, enum rtsp_header_id id, struct bytes value);

/* ---- the reply seam: what it says (fault_reply.c) ---- */
void fault_reply_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply);

/* What becomes of credentials (fault_auth.c). */
void fault_auth_edit(const struct faults *f, const struct rtsp_txn *t, struct buf *reply);

/* ---- the reply seam: whether, when and how often it leaves (fault_flow.c) ---- */
struct fault_flow *fault_flow_new(void);
void fault_flow_free(struct fault_flow *f);
/* How long the request is to be held back. */
tick_t fault_flow_delay(const struct faults *f, const struct rtsp_txn *t);
void fault_flow_reply(const struct faults *f, struct rtsp_txn *t, struct buf *reply);
/* Number of the next '$' frame, of all connections. */
uint64_t fault_flow_frame(struct fault_flow *f);
/* Number of this request with credentials, of all connections. */
uint64_t fault_flow_login(struct fault_flow *f);
/* Has this user come in? `remember`: now he has. */
bool fault_flow_knows(struct fault_flow *f, struct bytes user, bool remember);
/* The connection ends: what is kept of it goes. */
void fault_flow_closing(const struct faults *f, const struct rtsp_session *c);

/* ---- session ids (fault_names.c): the client knows a session by another name ---- */
struct fault_names *fault_names_new(void);
void fault_names_free(struct fault_names *n);
/* The request: gives it the name that the session has here. */
void fault_names_request(const struct faults *f, struct rtsp_txn *t);
/* The reply: gives it the name for the client. */
void fault_names_reply(const struct faults *f, struct rtsp_txn *t, struct buf *reply);

/* ---- editing (fault_edit.c) ---- */
/* Replaces n bytes at `at` of the whole reply. What would pass the buffer's cap is left as it is. */
void fault_splice(struct buf *reply, size_t at, size_t n, struct bytes by);
/* "404 Not Found" for what the status line says. */
void fault_set_status(struct buf *reply, struct bytes status);
/* The line of a header field, its CRLF included. False: it has none. */
bool fault_find_line(const struct buf *reply, struct bytes name, size_t *at, size_t *n);
/* Adds `by` to every number that follows `key` in the line of a header, modulo `mask` + 1. */
void fault_shift_numbers(
	struct buf *reply, struct bytes name, struct bytes key, int64_t by, uint64_t mask);

/* ---- the connection seam (fault_frame.c) ---- */
/* Spoils '$' frames that are about to be written, in place; each once. */
void fault_frame_spoil(const struct faults *f, const struct iovec *iov, int n);

/* ---- the packet seam (fault_packet.c) ---- */
/* Puts itself before *s, for the life of the stream. */
void fault_packet_wrap(const struct faults *f, struct rtp_stream *st, struct sender *s);

#endif
