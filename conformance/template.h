/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_TEMPLATE_H
#define CONFORMANCE_TEMPLATE_H

#include "server/base/buf.h"

/*
 * Texts of cases: ${name} stands for a value known when the step runs. In raw bytes a backslash
 * escapes: \r \n \t \0 \\ \" and \xNN; elsewhere it is itself.
 */

/* Finds the value of a name: NULL when there is none. The answer lives until the next call. */
typedef const char *template_lookup(void *arg, const char *name);

/* What is wrong with the text (a bad escape, an unclosed ${), or NULL. Heap; the caller frees. */
char *template_check(const char *text, bool escapes);
/* The text with every ${name} replaced by "x": to check a pattern. Heap; the caller frees. */
char *template_plain(const char *text);

/*
 * Expands into *out. 0; ERR_NOT_FOUND with `missing` naming the unknown variable; ERR_LIMIT.
 * quote: values are written so that they stand for themselves within a regular expression.
 */
enum template_mode { TEMPLATE_TEXT, TEMPLATE_RAW, TEMPLATE_PATTERN };
MUST_USE int template_expand(const char *text, enum template_mode mode, template_lookup *lookup,
	void *arg, struct buf *out, char missing[32]);

/*
 * A request written line by line (as in `send`) as it goes over the wire: CRLF after each line, the
 * RTSP version when the first line has only method and URL, CSeq unless one is there, Content-Length
 * when a body follows the blank line. cseq is the number to use.
 */
MUST_USE int template_request(struct bytes text, unsigned cseq, struct buf *out);

#endif
