/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_MKV_PARTS_H
#define SERVER_MEDIA_FORMAT_MKV_PARTS_H

#include "server/media/format/ebml.h"
#include "server/media/format/language.h"
#include "server/media/format/made.h"
#include "server/media/format/reorder.h"

/* What the parts of the Matroska reader know of each other. RFC 9559. */
enum { MKV_TRACKS_MAX = 32, MKV_TRACKS_BYTES_MAX = 4 << 20 };

#define MKV_NS ((uint64_t)1000000000)

struct mkv_track {
	uint64_t number;
	uint64_t type; /* 1: video, 2: audio */
	struct bytes codec_id;
	struct bytes private;  /* CodecPrivate */
	struct bytes stripped; /* of the front of every frame: header stripping */
	const char *why_not;   /* why its frames can't be read; NULL: they can */
	uint64_t frame_ns;     /* DefaultDuration; 0: unknown */
	uint64_t delay_ns;     /* CodecDelay */
	char language[LANGUAGE_TAG_MAX];
	struct codec codec;
	uint8_t config_room[2]; /* of an AudioSpecificConfig that we make */

	/* while blocks are read */
	struct table_build *build; /* NULL: the track is left out */
	struct reorder *reorder;   /* video: owned */
	uint32_t timescale;
	/* audio: of a frame, in timescale; 0: told by the frame, or unknown */
	uint32_t frame_samples;
	uint64_t next;  /* audio: where the last frame ends */
	uint64_t first; /* least presentation */
	bool has_first;
};

struct mkv {
	uint64_t unit_ns; /* TimestampScale */
	double duration;  /* of Info, in units; 0: none */
	int64_t created_ns;
	uint8_t *tracks_p; /* the Tracks element's body: tracks[] borrow from it */
	struct mkv_track tracks[MKV_TRACKS_MAX];
	uint32_t n_tracks;
};

/* ---- mkv_tracks.c ---- */

/* Reads a body of Tracks, which lives as long as k. */
void mkv_read_tracks(struct mkv *k, struct bytes body);
/* Names the codec and the timescale. */
void mkv_find_codec(struct mkv_track *t);
/* Ticks of the timescale that an audio frame lasts, whose beginning `head` is (all of it, or some); n:
 * octets of all of it. 0: unknown. */
uint32_t mkv_frame_ticks(const struct mkv_track *t, struct bytes head, uint32_t n);

#endif
