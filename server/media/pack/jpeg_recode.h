/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_JPEG_RECODE_H
#define SERVER_MEDIA_PACK_JPEG_RECODE_H

#include "server/base/buf.h"

/*
 * Writes the entropy-coded data of a baseline picture anew with the standard Huffman tables (T.81 K.3.3),
 * coefficient by coefficient the same picture: receivers of RFC 2435 know no other tables.
 */
enum { JPEG_DC_LUMA, JPEG_DC_CHROMA, JPEG_AC_LUMA, JPEG_AC_CHROMA, JPEG_TABLES };

/* Codes of the standard tables. Filled by jpeg_codes_init, then immutable. */
struct jpeg_codes {
	uint16_t code[JPEG_TABLES][256];
	uint8_t n[JPEG_TABLES][256]; /* bits; 0: no code */
};
void jpeg_codes_init(struct jpeg_codes *c);

struct jpeg_scan {
	struct bytes table[JPEG_TABLES]; /* 16 counts and the values; empty: the standard one */
	struct bytes data;               /* up to the marker that ends it */
	uint32_t mcus;
	uint16_t restart;    /* MCUs between restart markers; 0: none */
	uint8_t luma_blocks; /* of an MCU; two of chroma follow */
};

/*
 * Appends the new data to out. ERR_CORRUPT: a table is none; ERR_TRUNCATED: the data ends early or
 * cannot be read on (what was whole is in out); ERR_LIMIT: out's cap.
 */
MUST_USE int jpeg_recode(
	const struct jpeg_scan *s, const struct jpeg_codes *codes, struct buf *out);

#endif
