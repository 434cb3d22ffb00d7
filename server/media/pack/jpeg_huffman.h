/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_JPEG_HUFFMAN_H
#define SERVER_MEDIA_PACK_JPEG_HUFFMAN_H

#include "server/base/bytes.h"

/* Whether the body of a DHT segment holds nothing but the tables of T.81 annex K.3.3 under their usual
 * numbers, the only ones that RFC 2435 receivers know. */
bool jpeg_huffman_is_standard(struct bytes segment);

#endif
