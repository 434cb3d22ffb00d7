/* SPDX-License-Identifier: MIT */
#ifndef CONFORMANCE_CURLPEER_H
#define CONFORMANCE_CURLPEER_H

#include <signal.h>
#include <stdint.h>

#include "server/base/attr.h"

/*
 * A client that is not ours: libcurl's RTSP does OPTIONS, DESCRIBE, SETUP (interleaved, first
 * track), PLAY, receives so many packets and does TEARDOWN. One line per step. Exit code: 0 all
 * went well, 1 a step did not, 2 the URL, 4 unreachable, 130 interrupted.
 */
MUST_USE int curlpeer(const char *url, uint64_t packets, const volatile sig_atomic_t *stop);

#endif
