/* SPDX-License-Identifier: MIT */
#include "server/media/pack/ac3frame.h"

#include "server/base/err.h"
#include "server/media/pack/bits.h"

enum { SYNCWORD = 0x0b77, BSID_MAX = 10, RATES = 19 };

static const uint16_t kbps[RATES] = { 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320,
	384, 448, 512, 576, 640 };
static const uint32_t rates[3] = { 48000, 44100, 32000 };
static const uint8_t channels[8] = { 2, 1, 2, 3, 3, 4, 4, 5 };

int ac3_header_read(struct bytes b, struct ac3_header *h)
{
	struct bits r;
	uint32_t rate, size, mode;

	if (b.n < AC3_HEADER_BYTES)
		return ERR_MORE;
	if (be16(b.p) != SYNCWORD)
		return ERR_SYNTAX;
	bits_init(&r, b);
	bits_skip(&r, 16 + 16); /* syncword, CRC */
	rate = bits_u(&r, 2);
	size = bits_u(&r, 6);
	if (bits_u(&r, 5) > BSID_MAX)
		return ERR_UNSUPPORTED;
	if (rate == 3 || size >= RATES * 2)
		return ERR_SYNTAX;
	bits_skip(&r, 3); /* bsmod */
	mode = bits_u(&r, 3);
	if (mode & 1 && mode != 1)
		bits_skip(&r, 2); /* cmixlev */
	if (mode & 4)
		bits_skip(&r, 2); /* surmixlev */
	if (mode == 2)
		bits_skip(&r, 2); /* dsurmod */
	h->channels = (uint8_t)(channels[mode] + bits_flag(&r));
	h->sample_hz = rates[rate];
	h->bitrate_bps = kbps[size / 2] * 1000U;
	/* words of 16 bits: 1536 samples at that rate; 44100 Hz has frames of two lengths */
	h->frame_n =
		(uint16_t)(2U * (h->bitrate_bps * 96U / h->sample_hz + (rate == 1 && size & 1)));
	return 0;
}
