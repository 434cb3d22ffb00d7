/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_AACCONFIG_H
#define SERVER_MEDIA_PACK_AACCONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/attr.h"
#include "server/base/bytes.h"

/*
 * AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1) of the AAC family, with what makes it: the ADTS
 * header (14496-3 1.A.3.2). Containers keep the first one, RFC 3640 sends it, ADTS has it in every
 * frame.
 */
enum {
	AAC_MAIN = 1,
	AAC_LC = 2,
	AAC_SSR = 3,
	AAC_LTP = 4,
	AAC_SBR = 5,
	AAC_ER_LC = 17,
	AAC_ER_LTP = 19,
	AAC_ER_LD = 23,
	AAC_PS = 29,
	AAC_ER_ELD = 39,
	AAC_CONFIG_BYTES = 64, /* longest that aac_config_of_adts writes */
	ADTS_HEADER_BYTES = 7, /* without the CRC */
	ADTS_FRAME_MAX = 8191
};

struct aac_config {
	uint8_t object_type; /* audio object type of the core: AAC_LC …; never AAC_SBR or AAC_PS */
	uint8_t channel_config; /* 0: a program_config_element, which was read too */
	uint8_t channels;       /* as coded, so 1 with parametric stereo; 0: unknown */
	bool has_sbr, has_ps;   /* said outright, in either way of saying it (1.6.5) */
	/* of an access unit, at sample_hz: 1024 or 960 (LD, ELD: 512, 480) */
	uint16_t frame_samples;
	uint32_t sample_hz; /* samplingFrequency: the core's. RTP clock, time of access units */
	uint32_t out_hz;    /* what a decoder puts out: twice that with SBR, as a rule */
};

/*
 * Reads one. ERR_UNSUPPORTED: not of the AAC family, or scalable; ERR_CORRUPT: it ends early, or
 * numbers no rate. What stands behind it is not looked at.
 */
MUST_USE int aac_config_read(struct bytes b, struct aac_config *c);

/* 96000 … 7350 for 0 … 12; 0 for other indexes. */
uint32_t aac_rate_of_index(unsigned index);

struct adts_header {
	uint8_t object_type; /* AAC_MAIN … AAC_LTP */
	uint8_t rate_index, channel_config;
	uint8_t n_blocks; /* raw_data_blocks in the frame: 1 to 4; access units are single ones */
	bool has_crc;
	uint32_t sample_hz;
	uint16_t header_n; /* octets before the (first) raw_data_block: 7, or with CRC 9 and more */
	uint16_t frame_n;  /* octets of the whole frame, > header_n */
};

/* Reads a fixed and variable header. ERR_MORE: fewer than ADTS_HEADER_BYTES; ERR_SYNTAX: no
 * syncword, a reserved rate, or a length that can't be. */
MUST_USE int adts_header_read(struct bytes b, struct adts_header *h);
/* Whether two frames may belong to one stream: same type, rate and channels. */
bool adts_header_is_like(const struct adts_header *a, const struct adts_header *b);

/*
 * Writes the AudioSpecificConfig (2 octets, more with a program_config_element, which is taken from
 * the start of the frame's own data) of an ADTS frame, header and all. Answers its octets, or
 * ERR_SYNTAX as above, ERR_CORRUPT: no channel configuration to be had.
 */
MUST_USE int aac_config_of_adts(struct bytes frame, uint8_t out[AAC_CONFIG_BYTES]);

#endif
