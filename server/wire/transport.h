/* SPDX-License-Identifier: MIT */
#ifndef SERVER_WIRE_TRANSPORT_H
#define SERVER_WIRE_TRANSPORT_H

#include "server/base/buf.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/* The Transport header (RFC 2326 12.39), read and written. */
enum { TRANSPORT_SPECS_MAX = 16 };

enum transport_lower { TRANSPORT_UDP, TRANSPORT_TCP, TRANSPORT_OTHER };
enum transport_cast { TRANSPORT_CAST_NONE, TRANSPORT_UNICAST, TRANSPORT_MULTICAST };
enum { TRANSPORT_PLAY = 1, TRANSPORT_RECORD = 2, TRANSPORT_MODE_OTHER = 4 };

/* "a" or "a-b". */
struct transport_pair {
	uint8_t n;       /* 0 absent, 1 = only lo was given, 2 = both */
	uint16_t lo, hi; /* n == 1: hi is lo + 1 */
};

struct transport {
	struct bytes text;          /* the whole alternative, trimmed */
	struct bytes protocol;      /* "RTP" */
	struct bytes profile;       /* "AVP" */
	bool is_rtp_avp;            /* RTP/AVP, any case */
	enum transport_lower lower; /* UDP when none is named */
	enum transport_cast
		cast; /* NONE: not said (12.39: the default is multicast; deployed clients
	                             that say nothing mean unicast) */
	struct transport_pair client_port, server_port, port; /* 1 … 65535 */
	struct transport_pair interleaved;                    /* 0 … 255 */
	bool has_ssrc; /* one that is no 1 … 8 hexadecimal digits is left out */
	uint32_t ssrc;
	bool has_destination;             /* destination may stand without a value */
	struct bytes destination, source; /* quotes taken off */
	bool has_ttl, has_layers, append;
	uint8_t ttl;
	uint32_t layers;
	unsigned mode; /* TRANSPORT_PLAY | …; PLAY when none is named (12.39) */
	bool has_mode;
	/*
	 * 0, or why this alternative cannot be used: ERR_UNSUPPORTED (profile or lower transport
	 * unknown: 461), ERR_SYNTAX, ERR_RANGE (a port or channel outside its range, or twice the
	 * same), with `why` in words. The other alternatives are not touched by it.
	 */
	int err;
	const char *why;
};

struct transport_list {
	size_t n;
	struct transport v[TRANSPORT_SPECS_MAX];
};

/*
 * Appends the alternatives of one header value to *list (start with n = 0), in the peer's order;
 * picks none. Views borrow from v. Unknown parameters and an empty one (a semicolon at the end) are
 * ignored. ERR_SYNTAX: no alternative at all; ERR_LIMIT: more than TRANSPORT_SPECS_MAX.
 */
MUST_USE int transport_read(struct bytes v, struct transport_list *list, struct fault *f);

/*
 * Can this alternative of a SETUP request be served in principle? 0; t->err; ERR_MISSING: UDP that
 * is not multicast, without client_port. *why is set on an error. Destination, mode and what the
 * server offers are the caller's business.
 */
MUST_USE int transport_check_request(const struct transport *t, const char **why);

/*
 * Appends one alternative: RTP/AVP[/TCP];unicast|multicast, then the parameters that are set (n !=
 * 0, has_…, view not empty). Profile and lower from is_rtp_avp and lower; OTHER is
 * ERR_UNSUPPORTED. ERR_SYNTAX: a control, blank, quote, ',' or ';' in destination or source;
 * ERR_LIMIT. On an error out is unchanged.
 */
MUST_USE int transport_write(const struct transport *t, struct buf *out);

#endif
