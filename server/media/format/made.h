/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_MADE_H
#define SERVER_MEDIA_FORMAT_MADE_H

#include "server/media/format/movie.h"
#include "server/media/format/table_build.h"
#include "server/media/pack/codec.h"

/*
 * Tracks of files that have no ISO tables: what a reader has found, sample by sample, becomes a track
 * that is packetised on the fly. The movie owns them.
 */
struct made_track {
	uint32_t id;
	uint32_t timescale;
	int64_t media_time;   /* presentation (timescale) that is NPT 0 */
	struct codec codec;   /* config borrowed for the call */
	struct bytes prefix;  /* to be put before each sample: borrowed for the call */
	const char *language; /* or NULL */
	uint32_t rotation;
};

/* Adds the track of the samples in b, which is freed in any case. end: the dts at which the last one ends.
 * As packed_stream_add: what can't be sent is ERR_UNSUPPORTED or ERR_CORRUPT, and noted. */
MUST_USE int made_add(
	struct movie *m, const struct made_track *k, struct table_build *b, uint64_t end);
/* The same of n samples of `size` octets from `at` on, each a tick long: PCM. */
MUST_USE int made_add_uniform(
	struct movie *m, const struct made_track *k, uint64_t at, uint32_t size, uint32_t n);

/* Whether name ends with one of the extensions (".aac"), of which NULL is the end. */
bool made_has_extension(struct bytes name, const char *const *extensions);

#endif
