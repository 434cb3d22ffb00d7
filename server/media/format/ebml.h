/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_EBML_H
#define SERVER_MEDIA_FORMAT_EBML_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"
#include "server/base/err.h"

/* Elements of EBML (RFC 8794), which Matroska consists of. */
enum { EBML_HEAD_MAX = 12 };
#define EBML_UNKNOWN UINT64_MAX

struct ebml {
	uint32_t id; /* with its marker bits, as it is written everywhere */
	uint64_t n;  /* octets of its body, or EBML_UNKNOWN */
	uint32_t head_n;
};

/* Reads an element's head. ERR_MORE: b ends in it; ERR_SYNTAX. */
MUST_USE int ebml_read(struct bytes b, struct ebml *e);
/* The next child of a body, which borrows from it. False at the end, and where a length leads beyond it. */
bool ebml_next(struct bytes *rest, uint32_t *id, struct bytes *body);

/* A variable-length number at the front of *b; its marker is taken off. *n: its octets. */
MUST_USE bool ebml_take_number(struct bytes *b, uint64_t *v, unsigned *n);

/* Bodies: unsigned and signed integers (8 octets at most, else 0), floats (4 or 8, else 0). */
uint64_t ebml_uint(struct bytes body);
int64_t ebml_int(struct bytes body);
double ebml_float(struct bytes body);

#endif
