/* SPDX-License-Identifier: MIT */
#ifndef SERVER_BASE_ATTR_H
#define SERVER_BASE_ATTR_H

#include <stddef.h>

/* Compiler attributes and the three macros everyone needs. */
#define MUST_USE     __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define NORETURN     __attribute__((noreturn))

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of type `type` whose field `field` is at `ptr`. */
#define container_of(ptr, type, field) ((type *)(void *)((char *)(ptr)-offsetof(type, field)))

/* A place that the code above cannot reach: our fault if it does. */
#define UNREACHABLE(what) die("unreachable: %s (%s:%d)", what, __FILE__, __LINE__)

#endif
