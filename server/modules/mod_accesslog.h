/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_MOD_ACCESSLOG_H
#define SERVER_MODULES_MOD_ACCESSLOG_H

#include "server/core/module.h"

/*
 * The access log of the Darwin Streaming Server: W3C extended format, its 39 fields in its order, one
 * line for each media session that ends and each request that fails. Off unless --access-log names
 * a file, which is appended to.
 */
extern const struct module mod_accesslog;

/* One value as it stands in a line: blanks, control bytes, '%' and what is not ASCII are
 * percent-escaped; an empty one is "-". ERR_LIMIT when the line is full. */
MUST_USE int accesslog_put(struct buf *line, struct bytes value);

#endif
