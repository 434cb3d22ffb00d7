/* SPDX-License-Identifier: MIT */
#include "server/media/pack/mpegaudio.h"

#include "server/base/err.h"

/* kbit/s by index 1 … 14: layers 1, 2, 3 of MPEG-1; layer 1, layers 2 and 3 of the lower rates */
static const uint16_t kbps[5][15] = {
	{ 0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448 },
	{ 0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384 },
	{ 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320 },
	{ 0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256 },
	{ 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160 },
};

static const uint32_t rates[3] = { 44100, 48000, 32000 };

static uint16_t samples_of(const struct mpa_header *h)
{
	if (h->layer == 1)
		return 384;
	return h->layer == 3 && h->version != 1 ? 576 : 1152;
}

int mpa_header_read(struct bytes b, struct mpa_header *h)
{
	static const uint8_t versions[4] = { 3, 0, 2, 1 };
	uint32_t v, rate, index, is_padded;

	if (b.n < MPA_HEADER_BYTES)
		return ERR_MORE;
	v = be32(b.p);
	*h = (struct mpa_header){ .version = versions[v >> 19 & 3],
		.layer = (uint8_t)(4 - (v >> 17 & 3)),
		.channels = (v >> 6 & 3) == 3 ? 1 : 2 };
	index = v >> 12 & 15;
	rate = v >> 10 & 3;
	is_padded = v >> 9 & 1;
	if (v >> 21 != 0x7ff || !h->version || h->layer == 4 || rate == 3 || index == 15)
		return ERR_SYNTAX;
	h->sample_hz = rates[rate] >> (h->version - 1);
	h->frame_samples = samples_of(h);
	if (!index)
		return ERR_UNSUPPORTED;
	if (h->version == 1)
		h->bitrate_bps = kbps[h->layer - 1][index] * 1000U;
	else
		h->bitrate_bps = kbps[h->layer == 1 ? 3 : 4][index] * 1000U;
	/* layer 1 counts in slots of four octets */
	if (h->layer == 1)
		h->frame_n = (uint16_t)((12 * h->bitrate_bps / h->sample_hz + is_padded) * 4);
	else
		h->frame_n = (uint16_t)(h->frame_samples / 8U * h->bitrate_bps / h->sample_hz +
					is_padded);
	return 0;
}

bool mpa_header_is_like(const struct mpa_header *a, const struct mpa_header *b)
{
	return a->version == b->version && a->layer == b->layer && a->sample_hz == b->sample_hz;
}

bool mpa_info_read(struct bytes frame, struct mpa_info *info)
{
	struct mpa_header h;
	struct cur c;
	struct bytes tag;
	uint32_t flags;
	size_t side;

	*info = (struct mpa_info){ 0 };
	if (mpa_header_read(frame, &h) || h.layer != 3)
		return false;
	/* where the main data would begin, behind header and side information (11172-3 2.4.1.7) */
	side = h.version == 1 ? (h.channels == 1 ? 17 : 32) : (h.channels == 1 ? 9 : 17);
	c.b = bytes_sub(frame, MPA_HEADER_BYTES + side, SIZE_MAX);
	if (cur_take(&c, 4, &tag) && (bytes_is_eq(tag, B("Xing")) || bytes_is_eq(tag, B("Info")))) {
		info->has_frames =
			cur_be32(&c, &flags) && flags & 1 && cur_be32(&c, &info->n_frames);
		return true;
	}
	/* VBRI always stands 32 octets behind the header: version, delay, quality, bytes, frames */
	c.b = bytes_sub(frame, MPA_HEADER_BYTES + 32, SIZE_MAX);
	if (!cur_take(&c, 4, &tag) || !bytes_is_eq(tag, B("VBRI")))
		return false;
	info->has_frames = cur_skip(&c, 2 + 2 + 2 + 4) && cur_be32(&c, &info->n_frames);
	return true;
}
