/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_TEXT_H
#define CONFORMANCE_ORACLE_OX_TEXT_H

#include <stdbool.h>

#include "server/base/bytes.h"

/* The small grammars that RTSP and SDP are made of. */

/* RFC 2068 2.2 token: at least one character, no CTLs, no tspecials. */
bool ox_is_token(struct bytes b);
/* At least one character, digits only. */
bool ox_is_digits(struct bytes b);
/* Digits, or digits '.' digits*. */
bool ox_is_decimal(struct bytes b);
/* Offset of the first octet that is not UTF-8 (3629: no overlong forms, no surrogates), or b.n. */
size_t ox_utf8_bad_at(struct bytes b);
/* Offset of `part` inside `whole`; 0 when it doesn't lie there. */
size_t ox_offset(struct bytes whole, struct bytes part);
/* Base64 (4648 4), padding required. False on any other octet. Writes up to cap octets of the result
 * and its whole length to *n. */
bool ox_base64_read(struct bytes b, uint8_t *out, size_t cap, size_t *n);
/* "text" → text; *closed tells whether both quotes stood there. Without a leading quote: as it is. */
struct bytes ox_unquote(struct bytes b, bool *closed);
/* Are all double quotes in pairs (backslash escapes inside)? */
bool ox_is_quotes_closed(struct bytes b);
/* IPv4 in dotted form, each part 0–255. */
bool ox_is_ip4(struct bytes b);
/* IPv6 in text form (colons, hexadecimal groups, at most one ::; an IPv4 tail is fine). */
bool ox_is_ip6(struct bytes b);
/* Host name of ASCII letters, digits, '-', '.', or either kind of address. */
bool ox_is_host(struct bytes b);

#endif
