/* SPDX-License-Identifier: MIT */
#include "conformance/ask.h"

#include <string.h>

#include "conformance/login.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

enum { REQUEST_MAX = 1 << 20 };
#define SEND_WAIT (5 * TICK_S)

/* 2326 D.1: any request is answered, yes or no. */
static void oblige(struct links *l, int conn, const struct ox_message *m)
{
	struct buf b;
	buf_init(&b, REQUEST_MAX);
	if (buf_printf(&b, "RTSP/1.0 200 OK\r\nCSeq: %.*s\r\n\r\n", BYTES_FMT(m->cseq)) == 0) {
		int rc = links_send(l, conn, buf_bytes(&b), SEND_WAIT);
		(void)rc; /* a server that went away is seen by whoever waits for it */
	}
	buf_clear(&b);
}

/* True: that was what we wait for. */
static bool take(struct links *l, int conn, const struct link_message *msg, struct answer *a)
{
	a->at = msg->at;
	a->seen = (struct outcome){ .kind = OUTCOME_STATUS };
	a->is_garbage = msg->is_garbage || ox_message_read(msg->b, &a->m, NULL) < 0;
	if (a->is_garbage) {
		a->m = (struct ox_message){ .whole = msg->b };
		return true;
	}
	if (!a->m.is_response) {
		oblige(l, conn, &a->m);
		return false;
	}
	a->seen.status = a->m.status;
	if (!links_answered(l, conn, &a->m, &a->request))
		a->request = (struct link_request){ 0 };
	return true;
}

void ask_wait(struct links *l, int conn, tick_t until, struct answer *a)
{
	bool in_time = true;
	*a = (struct answer){ 0 };
	for (;;) {
		const struct link_message *msg = links_take(l, conn);
		if (msg && take(l, conn, msg, a))
			return;
		if (msg)
			continue;
		if (l->conns[conn]->ended || !l->conns[conn]->open) {
			a->seen.kind = OUTCOME_CLOSE;
			a->at = os_now();
			return;
		}
		if (!in_time) {
			a->seen.kind = OUTCOME_SILENT;
			a->at = os_now();
			return;
		}
		in_time = links_turn(l, until);
	}
}

void ask(struct links *l, int conn, const char *text, unsigned cseq, tick_t wait, struct answer *a)
{
	struct buf plain, b;
	buf_init(&plain, REQUEST_MAX);
	buf_init(&b, 2 * REQUEST_MAX);
	int rc = template_request(bytes_str(text), cseq, &plain);
	if (rc == 0) {
		login_dress(l, conn, buf_bytes(&plain), &b);
		links_requested(l, conn, buf_bytes(&b));
		rc = links_send(l, conn, buf_bytes(&b), SEND_WAIT);
	}
	buf_clear(&plain);
	buf_clear(&b);
	(void)rc; /* a closed connection is what ask_wait finds */
	ask_wait(l, conn, os_now() + wait, a);
}
