/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_URL_H
#define CONFORMANCE_ORACLE_OX_URL_H

#include <stdbool.h>

#include "conformance/oracle/ox_finding.h"

/* An rtsp, rtspu or rtsps URL (2326 3.2). Views borrow from the text. */
struct ox_url {
	struct bytes scheme, user, host,
		path;  /* path with query, "" or from its '/' on; host without [] */
	unsigned port; /* 554 (322 for rtsps) when none is given */
	bool has_port, is_ip_literal;
};

/* 0 or ERR_SYNTAX, with a finding RTSP-3.2-01 at `at` plus its offset. fs may be NULL. */
int ox_url_read(struct bytes text, size_t at, struct ox_url *u, struct ox_findings *fs);

/*
 * Resolves a reference against a base (RFC 3986 5.2, for the hierarchical schemes only; "*" as
 * 2326 C.1.1 has it: the base itself). NUL-terminated into out. 0, or ERR_LIMIT when it doesn't fit.
 */
MUST_USE int ox_url_join(struct bytes base, struct bytes ref, char *out, size_t cap);
/* The way most clients do it: an absolute reference as it is, else base, one '/', reference. */
MUST_USE int ox_url_concat(struct bytes base, struct bytes ref, char *out, size_t cap);

/* Same stream? Scheme and host without case, default port filled in, user left out, one trailing
 * slash ignored when `loosely`. */
bool ox_url_is_same(struct bytes a, struct bytes b, bool loosely);

#endif
