/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_MP4_MAKER_H
#define SERVER_TESTS_MP4_MAKER_H

#include "server/media/format/movie.h"
#include "server/tests/mp4file.h"

/* A movie made by hand, and what comes out when it is opened. */

enum { MP4_FILE_MAX = 1 << 20, MP4_SOUND_SAMPLES = 400 };

/* mu-law sound, and video of four pictures I P B B at 10 a second, that somebody has numbered */
struct mp4_maker {
	struct mp4file file;
	struct buf ulaw, avc;
	uint8_t sound[MP4_SOUND_SAMPLES];
};

#define MP4_SPS     "\x67\x42\xc0\x0a\xda\x79"
#define MP4_PPS     "\x68\xce\x3c\x80"
#define MP4_AVCC    "\1\x42\xc0\x0a\xff\xe1\0\6" MP4_SPS "\1\0\4" MP4_PPS
#define MP4_IDR     "\0\0\0\4\x65\x88\x80I"
#define MP4_PICTURE "\0\0\0\4\x41\x9a\1P"

void mp4_maker_init(struct mp4_maker *k);
void mp4_maker_clear(struct mp4_maker *k);
/* A sample entry of video. */
void mp4_put_avc1(struct buf *b);

/* A movie over its own bytes. */
struct mp4_opened {
	struct buf file;
	struct movie movie;
	int err;
};

void mp4_open_bytes(struct mp4_opened *o, struct bytes file);
void mp4_open(struct mp4_opened *o, const struct mp4file *f);
void mp4_close(struct mp4_opened *o);
bool mp4_has_note(const struct mp4_opened *o, const char *text);

struct mp4_want {
	tick_t due;
	int64_t rtp;
	const char *payload;
	bool sync;
};

void mp4_check_row(
	const struct mp4_opened *o, uint32_t stream, uint32_t n, const struct mp4_want *want);
void mp4_check_end(const struct mp4_opened *o, uint32_t stream, uint32_t n);
void mp4_check_sound(const struct mp4_opened *o, uint32_t n, size_t at, size_t length);

#endif
