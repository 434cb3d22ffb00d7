/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_READERS_H
#define SERVER_MEDIA_FORMAT_READERS_H

#include "server/media/format/movie.h"

/* One per family of formats, each in its own file. */
extern const struct movie_reader reader_mp4;    /* MP4, MOV, 3GP, fragmented too */
extern const struct movie_reader reader_mkv;    /* Matroska, WebM */
extern const struct movie_reader reader_wav;    /* RIFF/WAVE, RF64 */
extern const struct movie_reader reader_amr;    /* AMR and AMR-WB storage files */
extern const struct movie_reader reader_unread; /* known by name only: says which */
extern const struct movie_reader reader_h265;   /* start codes, no container */
extern const struct movie_reader reader_h264;   /* the same */
extern const struct movie_reader reader_adts;   /* raw AAC */
extern const struct movie_reader reader_mp3;    /* MPEG audio, layers 1 to 3 */
extern const struct movie_reader reader_ts;     /* MPEG transport streams */

#endif
