/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>

#include "conformance/oracle/ox_rtcp.h"
#include "conformance/oracle/ox_rtp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input: packets, each after one octet of its length. The first octet picks codec and plane. */
struct run {
	struct ox_media media;
	struct ox_rtp_stream stream;
	struct ox_payload payload;
	struct ox_sender sender;
	struct ox_findings fs;
};

static void on_packet(struct run *r, struct bytes b, tick_t now)
{
	struct ox_rtcp *c = malloc(sizeof(*c));
	struct ox_rtp p;

	if (ox_rtp_read(b, &p, &r->fs) == 0) {
		assert(p.payload_at + p.payload.n + p.padding == b.n);
		ox_rtp_stream_check(&r->stream, &p, &r->media, true, &r->fs);
		ox_payload_check(&r->payload, &p, &r->media, &r->media.formats[0], &r->fs);
		ox_rtp_stream_add(&r->stream, &p, now);
		assert(r->stream.lost >= 0 && r->stream.unique <= r->stream.expected);
	}
	if (c && ox_rtcp_read(b, c, &r->fs) == 0)
		assert(c->n > 0);
	if (c && c->n > 0)
		ox_sender_add(&r->sender, c, b.n, 90000, now, &r->fs);
	free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *type, *encoding, *fmtp;
	} codecs[] = {
		{ "video", "H264", "packetization-mode=1" },
		{ "audio", "mpeg4-generic", "mode=AAC-hbr" },
		{ "audio", "PCMU", "" },
		{ "audio", "L16", "" },
	};
	struct run *r = calloc(1, sizeof(*r));
	struct cur c = { bytes_of(data, size) };
	struct bytes b;
	uint8_t pick = 0, n;

	if (!r)
		return 0;
	if (!cur_u8(&c, &pick))
		pick = 0;
	r->media.type = bytes_str(codecs[pick % COUNT(codecs)].type);
	r->media.n_formats = 1;
	r->media.formats[0] = (struct ox_format){ .text = B("96"),
		.is_pt = true,
		.pt = 96,
		.encoding = bytes_str(codecs[pick % COUNT(codecs)].encoding),
		.fmtp = bytes_str(codecs[pick % COUNT(codecs)].fmtp),
		.clock_hz = 90000,
		.channels = pick };
	for (tick_t now = 0; cur_u8(&c, &n); now += TICK_MS) {
		if (!cur_take(&c, n, &b) && !cur_take(&c, c.b.n, &b))
			break;
		on_packet(r, b, now);
	}
	ox_findings_clear(&r->fs);
	free(r);
	return 0;
}
