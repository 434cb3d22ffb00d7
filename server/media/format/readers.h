/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_READERS_H
#define SERVER_MEDIA_FORMAT_READERS_H

#include "server/media/format/movie.h"

/* One per family of formats, each in its own file. */
extern const struct movie_reader reader_mp4; /* MP4, MOV, 3GP, fragmented too */
extern const struct movie_reader reader_ts;  /* MPEG transport streams */

#endif
