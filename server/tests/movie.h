/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_MOVIE_H
#define SERVER_TESTS_MOVIE_H

#include <stdbool.h>

#include "server/base/buf.h"

/* Writes small MP4 files of any shape, for tests of the reader. */
enum { MOVIE_TRACKS_MAX = 4, MOVIE_SAMPLES_MAX = 64, MOVIE_RUNS_MAX = 4 };

struct movie_track {
	const char *handler; /* "vide" */
	uint32_t timescale;
	uint32_t delta;        /* of every sample */
	struct bytes data;     /* all samples, one after another */
	uint32_t n_samples;    /* ≤ MOVIE_SAMPLES_MAX when sizes are used */
	uint32_t uniform_size; /* 0: sizes */
	uint32_t sizes[MOVIE_SAMPLES_MAX];
	uint32_t per_chunk, chunk_bytes;       /* chunk_bytes 0: what the sizes sum up to */
	uint32_t n_sync, sync[MOVIE_RUNS_MAX]; /* from 1; 0: no stss */
	int32_t composition;                   /* ctts of all samples; 0: none */
	int32_t edit;                          /* media time of the edit list; < 0: none */
	uint32_t empty_edit;                   /* before it, in movie time */
	uint32_t n_refs, refs[MOVIE_RUNS_MAX]; /* hint tracks: track ids, from 1 */
	const char *sdp;
	bool wide;       /* version 1 headers, co64 */
	uint8_t compact; /* bits of stz2; 0: stsz */
};
struct movie {
	uint32_t timescale, duration;
	struct movie_track tracks[MOVIE_TRACKS_MAX]; /* ids 1 … */
	uint32_t n_tracks;
	const char *sdp; /* movie level */
	bool moov_first;
};

/* Appends the file. */
void movie_write(const struct movie *m, struct buf *out);

#endif
