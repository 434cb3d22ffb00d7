/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_JPEG_HUFFMAN_H
#define SERVER_MEDIA_PACK_JPEG_HUFFMAN_H

#include "server/base/bytes.h"

/*
 * Takes the next table off the front of a DHT segment's body: *number is its class (0: DC, 1: AC) << 4
 * and its number, *def its 16 counts and its values. False at the end, and where it is broken (*segment
 * is not empty then).
 */
bool jpeg_huffman_next(struct bytes *segment, uint8_t *number, struct bytes *def);

/* The tables of T.81 K.3.3, in the order of jpeg_recode.h: DC of luminance, of chrominance, AC of both. */
struct bytes jpeg_huffman_standard(int which);

#endif
