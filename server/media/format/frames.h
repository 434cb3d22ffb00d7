/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_FRAMES_H
#define SERVER_MEDIA_FORMAT_FRAMES_H

#include "server/media/format/sweep.h"
#include "server/media/format/table_build.h"

/*
 * Audio files that are nothing but frames, each with a header that says how long it is: ADTS, MPEG audio.
 * Tags before, between and behind the frames are passed over, and so is damage, up to the next place
 * where frames follow each other again.
 */
enum { FRAME_HEADER_MAX = 16, FRAME_BYTES_MAX = 8192 };

struct frame {
	uint16_t n;        /* octets, header included, > 0 */
	uint16_t header_n; /* of them, what is no part of the access unit */
	uint32_t samples;
	bool skip;       /* holds no sound */
	uint8_t like[8]; /* what all frames of a file have in common */
};

/* Reads the frame whose header b begins with (b: as much as there is of FRAME_BYTES_MAX): 0, or another
 * error when none begins there. */
typedef int frame_read_fn(struct bytes b, struct frame *f);

struct frames {
	frame_read_fn *read;
	/* found */
	struct frame first;
	uint64_t first_at;
	uint64_t samples; /* of all frames */
	uint64_t lost;    /* octets between frames that are no tags */
};

/* Whether there are frames at the beginning of a file: head is its first octets, after tags or not. */
bool frames_probe(frame_read_fn *read, const struct media_file *f, struct bytes head);
/* Puts every frame into b, times in samples. ERR_UNSUPPORTED: there is none; ERR_LIMIT, -errno. */
MUST_USE int frames_read(struct frames *s, const struct media_file *f, struct table_build *b);

#endif
