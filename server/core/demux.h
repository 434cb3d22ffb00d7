/* SPDX-License-Identifier: MIT */
#ifndef SERVER_CORE_DEMUX_H
#define SERVER_CORE_DEMUX_H

#include <uthash.h>

#include "server/base/bytes.h"
#include "server/net/sock.h"

/*
 * Which stream does an RTCP datagram on a shared socket belong to? By the SSRC of a report block (ours,
 * unique per worker); else by the sender's address and SSRC learnt before; else by the RTCP address
 * that SETUP named. The host is checked even on a hit; the port may change (NAT).
 */
struct rtp_stream;

struct demux_key {
	uint8_t host[16];
	uint16_t port, zero;
	uint32_t ssrc; /* 0: any */
};

/* Embedded in the stream. */
struct demux_node {
	struct rtp_stream *stream;
	uint32_t ssrc;          /* ours */
	struct demux_key named; /* RTCP address of SETUP */
	struct demux_key learnt;
	bool has_ssrc, has_named, has_learnt;
	UT_hash_handle by_ssrc, by_named, by_learnt;
};

struct demux {
	struct demux_node *ssrcs, *named, *learnt;
};

bool demux_has_ssrc(const struct demux *d, uint32_t ssrc);
/* ssrc must be free. */
void demux_add(struct demux *d, struct demux_node *n, struct rtp_stream *st, uint32_t ssrc);
/* SETUP over UDP: RTCP will come from here. A later stream with the same address replaces. */
void demux_name(struct demux *d, struct demux_node *n, const struct addr *rtcp);
/* The stream that a compound from `from` concerns, NULL when nobody's; learns the sender's SSRC.
 * *is_foreign: it names a stream, from an address that is not that stream's. */
struct rtp_stream *demux_find(
	struct demux *d, const struct addr *from, struct bytes compound, bool *is_foreign);
/* The stream whose RTP address of SETUP is `from`, exactly (its RTCP address being the port after it). */
struct rtp_stream *demux_find_rtp(struct demux *d, const struct addr *from);
void demux_remove(struct demux *d, struct demux_node *n);

#endif
