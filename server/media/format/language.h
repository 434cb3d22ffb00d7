/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_LANGUAGE_H
#define SERVER_MEDIA_FORMAT_LANGUAGE_H

#include <stdint.h>

#include "server/base/bytes.h"

/* Languages as files name them, as 4646 tags for a=lang. */
enum { LANGUAGE_TAG_MAX = 36 };

/*
 * Of a three-letter code of ISO 639-2 (both kinds: "deu" and "ger"), or a tag of 4646 already. The shortest
 * form, as 4646 4.1 wants it: "de". The empty string for what names no language ("und") or is no tag.
 */
void language_of_name(struct bytes name, char out[static LANGUAGE_TAG_MAX]);
/*
 * Of the language field of mdhd: three letters of five bits each (14496-12 8.4.2), or a number of the
 * Macintosh. Its 0 is English, but also what writers leave who know of no language: the empty string.
 */
void language_of_mdhd(uint16_t code, char out[static LANGUAGE_TAG_MAX]);

#endif
