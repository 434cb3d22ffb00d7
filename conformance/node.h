/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_NODE_H
#define CONFORMANCE_NODE_H

#include "server/base/arena.h"

/*
 * A YAML file as a tree that knows its lines. Read with libyaml's document API, then copied, so that
 * nothing of libyaml leaves node.c. Everything lives in the arena that was given.
 */
enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };
struct node {
	enum node_kind kind;
	int line;         /* from 1 */
	const char *key;  /* within a map; else NULL */
	const char *text; /* scalar, NUL-terminated; "" for ~ */
	bool is_null;     /* scalar: empty or ~, unquoted */
	bool is_block;    /* scalar: written with | or > */
	size_t n;         /* children */
	struct node *child, *next;
};

enum { NODE_FILE_MAX = 256 * 1024, NODE_DEPTH_MAX = 16, NODES_MAX = 20000 };

/* The file's one document. NULL: *why is "FILE:LINE: what" (heap, the caller frees). A scalar with a
 * NUL inside, a key given twice, an empty file, or more than the limits above is an error. */
MUST_USE const struct node *node_read(struct arena *a, const char *path, char **why);

/* Child of a map, or NULL. */
const struct node *node_get(const struct node *map, const char *key);
/* Visits the children of a list or a map. */
#define NODE_EACH(c, parent) for (const struct node *c = (parent)->child; c; c = c->next)

/* A scalar as a number; false when it isn't one, or lies outside. */
MUST_USE bool node_to_double(const struct node *n, double least, double most, double *v);
MUST_USE bool node_to_uint(const struct node *n, unsigned most, unsigned *v);

#endif
