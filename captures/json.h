/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_JSON_H
#define CAPTURES_JSON_H

#include <jansson.h>

#include "captures/dialog.h"

/*
 * Everything about a capture as one JSON object (new reference). The fields file, sha256, bytes,
 * format, packets, duration_s, time_goes_backwards, encap_type, ip_versions, truncated_packets,
 * tcp_streams, udp_streams, rtsp, rtp, rtcp have the names and meanings of expect.sh's: every packet
 * of the file counts, also what was recorded twice. What we know beyond that stands in `recording`
 * and in fields of its own (`repeats`, `is_punch`, `tracks`, …), which no expect.json has.
 */
json_t *dialog_json(const struct dialog *d);

#endif
