/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_PACK_CODEC_H
#define SERVER_MEDIA_PACK_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "server/base/bytes.h"

/*
 * What an elementary stream is, as its container says it: the common ground of the readers of files,
 * which fill it in, and the packetisers, which make payloads and SDP parameters of it. Every codec
 * keeps its set-up in `config`, in the form that the comment names, whatever the container calls it.
 */
#define CODEC_TABLE(X)                                                                           \
	X(CODEC_H264, "H.264", true) /* AVCDecoderConfigurationRecord (14496-15 5.3.3) */        \
	X(CODEC_H265, "H.265", true) /* HEVCDecoderConfigurationRecord (14496-15 8.3.3) */       \
	X(CODEC_AV1, "AV1", true)    /* AV1CodecConfigurationRecord */                           \
	X(CODEC_VP8, "VP8", true)    /* none */                                                  \
	X(CODEC_VP9, "VP9", true)    /* VPCodecConfigurationRecord, or none */                   \
	X(CODEC_MPEG4V, "MPEG-4 Visual", true)   /* VOS/VO/VOL headers (DecoderSpecificInfo) */  \
	X(CODEC_H263, "H.263", true)             /* none */                                      \
	X(CODEC_MJPEG, "JPEG", true)             /* the first picture, or its head; or none */   \
	X(CODEC_MPEG12V, "MPEG-1/2 video", true) /* sequence header, or none */                  \
	X(CODEC_AAC, "AAC", false)               /* AudioSpecificConfig (14496-3 1.6.2) */       \
	X(CODEC_MPA, "MPEG audio", false) /* none; layers 1 to 3, every rate of MPEG-1 and 2 */  \
	X(CODEC_OPUS, "Opus", false) /* body of dOps, or OpusHead without its magic (opus.h) */  \
	X(CODEC_PCMU, "G.711 mu-law", false) /* none */                                          \
	X(CODEC_PCMA, "G.711 A-law", false)  /* none */                                          \
	X(CODEC_PCM, "PCM", false)           /* none; see sample_bits, is_little, is_unsigned */ \
	X(CODEC_AMR, "AMR", false)           /* none; storage frames of 4867 5.3 */              \
	X(CODEC_AMR_WB, "AMR-WB", false)     /* the same */                                      \
	X(CODEC_AC3, "AC-3", false)          /* none */

#define CODEC_ENUM(id, name, is_video) id,
enum codec_id { CODEC_NONE, CODEC_TABLE(CODEC_ENUM) CODEC_COUNT };
#undef CODEC_ENUM

/* "H.264"; "unknown" for CODEC_NONE. Never NULL. */
const char *codec_name(enum codec_id id);
bool codec_is_video(enum codec_id id);

struct codec {
	enum codec_id id;
	uint32_t fourcc; /* what the container calls it, for messages; 0: nothing */
	struct bytes config;
	/* video */
	uint32_t width, height;
	/* H.264, H.265: octets of the length before each NAL unit (1, 2, 4); 0: start codes (Annex B) */
	uint8_t nal_length_bytes;
	/* audio */
	uint32_t sample_hz;          /* as the decoder puts out; 0: unknown */
	uint8_t channels;            /* 0: unknown */
	uint8_t sample_bits;         /* PCM: 8, 16, 24 */
	bool is_little, is_unsigned; /* PCM as stored */
};

#endif
