/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_ERR_H
#define SERVER_BASE_ERR_H

#include <stddef.h>

/*
 * Every function that can fail answers 0, or a negative number: -errno, or one of these. Stream
 * codecs answer the number of bytes consumed, ERR_MORE, or another negative one.
 * The RTSP status of an error is a table in core (rtsp_open_status).
 */
#define ERR_TABLE(X)                                                   \
	X(ERR_MORE, -10001, "more bytes are needed")                   \
	X(ERR_SYNTAX, -10002, "the grammar is broken")                 \
	X(ERR_LIMIT, -10003, "a named limit is exceeded")              \
	X(ERR_RANGE, -10004, "a value is outside its range")           \
	X(ERR_UNSUPPORTED, -10005, "well formed, but not supported")   \
	X(ERR_STATE, -10006, "not allowed in this state")              \
	X(ERR_MISSING, -10007, "something required is missing")        \
	X(ERR_NOT_FOUND, -10008, "there is no such thing")             \
	X(ERR_TRUNCATED, -10009, "the data ends early")                \
	X(ERR_CORRUPT, -10010, "the data contradicts itself")          \
	X(ERR_VERSION, -10011, "unknown version")                      \
	X(ERR_CLOSED, -10012, "the peer has closed")                   \
	X(ERR_TIMEOUT, -10013, "no answer in time")                    \
	X(ERR_CHANGED, -10014, "the file changed while it was in use") \
	X(ERR_END, -10015, "there is nothing left")                    \
	X(ERR_AGAIN, -10016, "not now; a signal follows")              \
	X(ERR_NO_FILE, -10017, "not a regular file")

#define ERR_ENUM(name, number, text) name = number,
enum err { ERR_TABLE(ERR_ENUM) };
#undef ERR_ENUM

/* "ERR_SYNTAX", or the errno's name; never NULL. */
const char *err_name(int err);
/* One line for people; never NULL. */
const char *err_text(int err);

/* Where a parser stopped, and why, in words (a literal; never freed). */
struct fault {
	size_t at;
	const char *why;
};

#endif
