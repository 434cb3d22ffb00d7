/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_REDACT_H
#define CAPTURES_REDACT_H

#include "server/base/buf.h"

/*
 * Takes secrets out of what is shown: credentials (Authorization, Proxy-Authorization, cookies: the
 * scheme stays), user and password in URLs, values of query parameters and of body parameters that
 * are named like a secret (password, token, key, …), SDP keys (k=, a=crypto inline). Session ids,
 * CSeq, nonces and realms stay: they are needed to read a dialog and open nothing by themselves.
 */

/* A whole RTSP message, head and body; a body with octets that are no text is left as it is. 0 or
 * ERR_LIMIT (of out; what fitted is there). */
MUST_USE int redact_message(struct bytes whole, struct buf *out);
/* A piece of text: URLs only. */
MUST_USE int redact_text(struct bytes text, struct buf *out);

#endif
