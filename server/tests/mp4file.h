/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_MP4FILE_H
#define SERVER_TESTS_MP4FILE_H

#include <stdbool.h>

#include "server/base/buf.h"

/* Writes small MP4 files of any shape, for tests of the reader. */
enum { MP4FILE_TRACKS_MAX = 4, MP4FILE_SAMPLES_MAX = 64, MP4FILE_RUNS_MAX = 4 };

struct mp4file_track {
	const char *handler; /* "vide" */
	uint32_t timescale;
	uint32_t delta;        /* of every sample */
	struct bytes data;     /* all samples, one after another */
	uint32_t n_samples;    /* ≤ MP4FILE_SAMPLES_MAX when sizes are used */
	uint32_t uniform_size; /* 0: sizes */
	uint32_t sizes[MP4FILE_SAMPLES_MAX];
	uint32_t per_chunk, chunk_bytes;         /* chunk_bytes 0: what the sizes sum up to */
	uint32_t n_sync, sync[MP4FILE_RUNS_MAX]; /* from 1; 0: no stss */
	int32_t composition;                     /* ctts of all samples; 0: none */
	int32_t edit;                            /* media time of the edit list; < 0: none */
	uint32_t empty_edit;                     /* before it, in movie time */
	uint32_t n_refs, refs[MP4FILE_RUNS_MAX]; /* hint tracks: track ids, from 1 */
	const char *sdp;
	bool wide;       /* version 1 headers, co64 */
	uint8_t compact; /* bits of stz2; 0: stsz */

	/* media tracks: the whole sample entries, and how many they are; none: one that nobody plays */
	struct bytes entries;
	uint32_t n_entries;
	uint32_t second_from; /* chunk, from 1, from which on the second entry holds; 0: none */
	uint32_t flags;       /* tkhd: 1 is enabled */
	uint16_t group;       /* of alternates */
	uint16_t language;    /* of mdhd */
	uint32_t turn[2];     /* the first two numbers of the matrix */
	uint32_t chapters;    /* tref/chap; 0: none */
	bool external;        /* its data lie in another file */
	uint32_t edit_length; /* in movie time; 0: as long as the film */
	uint32_t edit_rate;   /* 16.16; 0: 1 */
};
struct mp4file {
	uint32_t timescale, duration;
	struct mp4file_track tracks[MP4FILE_TRACKS_MAX]; /* ids 1 … */
	uint32_t n_tracks;
	const char *sdp; /* movie level */
	bool moov_first;
	uint32_t created;  /* mvhd */
	struct bytes mvex; /* whole; after the tracks */
};

/* Appends the file. */
void mp4file_write(const struct mp4file *m, struct buf *out);
/* Appends its moov only; data_at: where the data of the first track are said to lie. */
void mp4file_write_moov(const struct mp4file *m, uint64_t data_at, struct buf *out);

/* Pieces, for tests that write boxes themselves. */
void mp4file_put(struct buf *b, struct bytes v);
void mp4file_put32(struct buf *b, uint32_t v);
size_t mp4file_open(struct buf *b, const char *type);
void mp4file_close(struct buf *b, size_t at);
/* A sample entry without the boxes behind it; left open for them. */
size_t mp4file_open_sound(
	struct buf *b, const char *type, uint16_t channels, uint16_t bits, uint16_t hz);
size_t mp4file_open_video(struct buf *b, const char *type, uint16_t width, uint16_t height);

#endif
