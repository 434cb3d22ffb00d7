/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ASK_H
#define CONFORMANCE_ASK_H

#include "conformance/link.h"
#include "conformance/outcome.h"

/* Waiting for an answer on a connection of `links`. */
struct answer {
	struct outcome seen; /* STATUS, CLOSE or SILENT */
	bool is_garbage;     /* bytes came that are no message; status is 0 */
	tick_t at;
	struct ox_message m;         /* STATUS; its views live as long as the links */
	struct link_request request; /* what it answers; method "" when nobody asked */
};

/* Waits until `until` for the next message on the connection. A request of the server is answered
 * with 200 and passed over. */
void ask_wait(struct links *l, int conn, tick_t until, struct answer *a);
/* Sends a request (as in `send` steps) and waits for its answer. */
void ask(struct links *l, int conn, const char *text, unsigned cseq, tick_t wait, struct answer *a);
static inline bool answer_is(const struct answer *a, unsigned status)
{
	return a->seen.kind == OUTCOME_STATUS && a->seen.status == status;
}

#endif
