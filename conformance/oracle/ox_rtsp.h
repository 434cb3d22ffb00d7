/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_RTSP_H
#define CONFORMANCE_ORACLE_OX_RTSP_H

#include "conformance/oracle/ox_fields.h"
#include "conformance/oracle/ox_finding.h"
#include "conformance/oracle/ox_split.h"
#include "conformance/oracle/ox_url.h"

/* A header field. A value that was folded over lines keeps its line ends inside. */
struct ox_header {
	struct bytes name;
	struct bytes raw;   /* all after the colon, up to the line end */
	struct bytes value; /* raw, trimmed */
	size_t at;          /* offset of the value in the message */
};

/* One whole message. Views borrow from the bytes given to ox_message_read. */
enum { OX_MAX_HEADERS = 128 };
struct ox_message {
	struct bytes whole, head, body; /* head with its blank line */
	struct bytes start_line;        /* without line end */
	bool is_response;
	struct bytes method, uri;     /* request */
	struct bytes version, reason; /* "RTSP/1.0"; reason of a response */
	unsigned status;              /* response; 0 when unreadable */
	struct ox_header headers[OX_MAX_HEADERS];
	size_t n_headers;
	size_t n_headers_dropped; /* beyond OX_MAX_HEADERS */
	bool has_cseq;
	struct bytes cseq; /* as written, trimmed */
	bool has_content_length;
	uint64_t content_length; /* when readable */
};

/*
 * Reads one whole message (as ox_split_next gives it). 0, or ERR_SYNTAX when the start line is that
 * of no message; what could be read is in *m even then. Lists what is wrong with the message as such
 * (start line, line ends, header syntax, Content-Length); never stops at the first fault.
 */
MUST_USE int ox_message_read(struct bytes whole, struct ox_message *m, struct ox_findings *fs);

/* First header of that name (any case), or NULL. */
const struct ox_header *ox_header_find(const struct ox_message *m, const char *name);
/* The one after `after`. */
const struct ox_header *ox_header_next(
	const struct ox_message *m, const struct ox_header *after, const char *name);
size_t ox_header_count(const struct ox_message *m, const char *name);
/* Trimmed value of the first one, or the empty view. */
struct bytes ox_header_value(const struct ox_message *m, const char *name);
/* Does a comma list hold this token (any case)? */
bool ox_list_has(struct bytes list, const char *token);
/* Content-Base, else Content-Location, else `request_url` (2326 C.1.1). */
struct bytes ox_message_base(const struct ox_message *m, struct bytes request_url);

/* Every rule that one message can break by itself: grammar of each known header, Date, Public,
 * Session, Transport, RTP-Info, Range, status code ... */
void ox_message_check(const struct ox_message *m, struct ox_findings *fs);

/* A response and what it answers. */
struct ox_exchange {
	const struct ox_message *request; /* NULL: the request was not seen */
	const struct ox_message *response;
	bool is_stored;     /* the presentation is stored content: RTP-Info and Range are due */
	tick_t stored_end;  /* of the description's npt range; 0 = not known */
	unsigned n_streams; /* set up and played; 0 = not known */
};

/* Every rule about the pair: CSeq and Timestamp echo, Session, Transport against what was asked,
 * RTP-Info and Range of PLAY, Public, Content-Type, status against method, ... Doesn't repeat
 * ox_message_check. */
void ox_exchange_check(const struct ox_exchange *x, struct ox_findings *fs);

/* Is it a method of RFC 2326 (or one in wide use)? Case matters. */
bool ox_method_is_known(struct bytes method);

#endif
