/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/fuzz/holds.h"
#include "server/wire/rtcp.h"
#include "server/wire/rtp.h"
#include "server/wire/rtp_recv.h"

/*
 * A datagram as RTP and as RTCP; then its bytes as a row of arrivals at a receiver, whose counters
 * must add up whatever comes.
 */

static void walk_sdes(const struct rtcp_view *v)
{
	struct bytes rest = v->data, text;
	bool in_chunk = false;
	uint32_t ssrc;
	uint8_t type;

	while (rtcp_sdes_next(&rest, &in_chunk, &ssrc, &type, &text) > 0)
		HOLDS(type != 0 && text.n <= 255);
}

static void walk(struct bytes in)
{
	bool valid = rtcp_check(in) == 0;
	struct bytes rest = in;
	struct rtcp_view v;
	struct rtcp_block b;
	size_t total = 0;
	int got;

	while ((got = rtcp_next(&rest, &v)) > 0) {
		total += v.packet.n;
		for (size_t i = 0; i < v.blocks.n / RTCP_BLOCK; i++)
			rtcp_block_read(&v, i, &b);
		if (v.type == RTCP_SDES)
			walk_sdes(&v);
	}
	HOLDS(!valid || (got == 0 && total == in.n));
}

static void receive(struct bytes in, uint8_t probation)
{
	struct rtp_recv r;
	struct rtcp_block b;
	uint64_t given = 0, uncounted = 0;
	struct cur c = { in };
	uint16_t seq;

	rtp_recv_init(&r, 1, 90000, probation);
	for (; cur_be16(&c, &seq); given++) {
		enum rtp_recv_kind k = rtp_recv_packet(&r, seq, seq * 3600u, 100, (tick_t)seq * 7);
		uncounted += k == RTP_RECV_PROBING;
		if (given % 16 == 15)
			(void)rtp_recv_report(&r, &b, (tick_t)given);
	}
	HOLDS(given == r.received + r.duplicates + r.late + r.ignored + uncounted);
	HOLDS(rtp_recv_expected(&r) == r.received + rtp_recv_lost(&r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes in = bytes_of(data, size);
	struct rtp_view v;

	if (rtp_read(in, &v) == 0)
		HOLDS(RTP_HEADER + v.csrc.n + (v.has_extension ? 4 + v.extension.n : 0) +
				v.payload.n + v.padding ==
			size);
	walk(in);
	receive(in, 0);
	receive(in, RTP_RECV_PROBATION);
	return 0;
}
