/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_ORACLE_OX_PAYLOAD_PARTS_H
#define CONFORMANCE_ORACLE_OX_PAYLOAD_PARTS_H

#include "conformance/oracle/ox_rtp.h"

/* The payload formats, for ox_payload.c only. `follows`: this packet's number is the last one's plus
 * one, so that rules about neighbours apply. */
void ox_h264_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, struct ox_findings *fs);
void ox_aac_check(struct ox_payload *s, const struct ox_rtp *p, const struct ox_format *format,
	bool follows, struct ox_findings *fs);

#endif
