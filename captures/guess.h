/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_GUESS_H
#define CAPTURES_GUESS_H

#include "captures/flows.h"

/*
 * Media without RTSP. With SIP in the file: what goes to an address and port of an SDP body is RTP, to
 * the port after it RTCP. Without any signalling: datagrams that look like RTP, when at least two of
 * one flow, direction and SSRC have sequence numbers near each other, or when such a stream runs
 * between the same hosts (parity packets of one); and whatever has the exact shape of RTCP.
 */
struct guess;
struct guess *guess_new(const struct flows *f); /* borrows f */
void guess_free(struct guess *g);
/* A compound that begins with a report, as 3550 6.1 wants it, and whose lengths add up: RTCP without
 * any signalling. */
bool guess_is_report(struct bytes b);
enum dialog_payload guess_payload(const struct guess *g, const struct udp_datagram *d);

#endif
