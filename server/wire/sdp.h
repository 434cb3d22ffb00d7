/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_SDP_H
#define SERVER_WIRE_SDP_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/*
 * Session descriptions (RFC 4566; RTSP's use of them RFC 2326 C): a reader for clients, which takes
 * what it needs and leaves the rest, and a writer that keeps the order of lines.
 */
enum { SDP_MEDIA_MAX = 32 };

/* Views borrow from the reader's input. Absent = empty view. */
struct sdp_media {
	struct bytes type; /* "video" */
	uint32_t port;
	struct bytes proto;   /* "RTP/AVP" */
	struct bytes formats; /* all, blank-separated */
	bool has_pt;          /* the first format is a number 0 … 127 */
	uint8_t payload_type; /* that one */
	struct bytes
		encoding;  /* rtpmap of payload_type ("H264"), or RFC 3551's static assignment */
	uint32_t clock_hz; /* 0: unknown */
	uint32_t channels; /* 1 when not said */
	struct bytes fmtp; /* of payload_type, without the number */
	struct bytes control, range, connection; /* a=control, a=range, c= of this medium only */
	uint32_t bandwidth_kbps;                 /* b=AS; 0: none */
	struct bytes lines;                      /* from m= (included) to the next m= */
};

struct sdp {
	struct bytes origin, name;               /* o=, s= */
	struct bytes control, range, connection; /* session level */
	uint32_t bandwidth_kbps;
	struct bytes lines; /* the session part, v= included */
	size_t n_media;
	struct sdp_media media[SDP_MEDIA_MAX];
};

/*
 * Reads a whole description; line ends CRLF, LF or CR; NUL refused. Unknown lines and lines out of
 * order pass. ERR_SYNTAX: doesn't start with v=, a line that is not `x=…`, an unreadable m=;
 * ERR_VERSION: not v=0; ERR_LIMIT: more than SDP_MEDIA_MAX media.
 */
MUST_USE int sdp_read(struct bytes in, struct sdp *s, struct fault *f);

/* Takes the next line off the front of *lines: its letter and value. False at the end. */
bool sdp_line_next(struct bytes *lines, char *letter, struct bytes *value);
/* The first a=NAME[:value] in lines; value may be empty. False: absent. */
bool sdp_attribute(struct bytes lines, struct bytes name, struct bytes *value);

/* RFC 3551 tables 4 and 5; NULL for a dynamic or unassigned number. */
struct sdp_static {
	uint8_t payload_type;
	const char *encoding;
	uint32_t clock_hz, channels;
};
const struct sdp_static *sdp_static_of(uint8_t payload_type);

/*
 * Writer: lines in the order of RFC 4566 5. Errors stick until sdp_end: a line out of order is
 * ERR_STATE, a CR, LF or NUL in a value ERR_SYNTAX, the buffer's cap ERR_LIMIT; sdp_end then takes
 * back all of it.
 */
struct sdp_writer {
	struct buf *out;
	size_t start;
	int err;
	int rank; /* of the last line within its section */
	bool in_media;
};
/* v=0. */
void sdp_begin(struct sdp_writer *w, struct buf *out);
/* "letter=" and the text; 'm' starts a medium. */
void sdp_line(struct sdp_writer *w, char letter, const char *fmt, ...) PRINTF(3, 4);
/* o=- id version IN IP4|IP6 address. */
void sdp_origin(
	struct sdp_writer *w, uint64_t id, uint64_t version, struct bytes address, bool is_ip6);
MUST_USE int sdp_end(struct sdp_writer *w);

#endif
