/* SPDX-License-Identifier: MIT */
#ifndef CAPTURES_REPEATS_H
#define CAPTURES_REPEATS_H

#include "captures/flows.h"

/*
 * Recordings on loopback, on the "any" device or at several points hold a packet two or four times. A
 * packet is a repeat when one like it (addresses, identification, transport header without checksum,
 * payload) came within REPEAT_WITHIN before; TTL, MAC and checksums may differ. It is sure when the IP
 * identification or the TCP header tells two sendings apart; a UDP datagram without identification
 * (Linux sends 0 with DF from unconnected sockets; IPv6 has none) may as well have been sent twice:
 * that is REPEAT_MAYBE, until the whole file shows whether the recording doubles.
 */
#define REPEAT_WITHIN (20 * TICK_MS)

enum repeat repeats_judge(struct flows *f, const struct ip_packet *p, int64_t at);

/* 64-bit FNV-1a with a final mix. */
uint64_t repeats_hash(const void *p, size_t n);

#endif
