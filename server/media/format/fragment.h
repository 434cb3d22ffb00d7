/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MEDIA_FORMAT_FRAGMENT_H
#define SERVER_MEDIA_FORMAT_FRAGMENT_H

#include "server/media/format/movie.h"
#include "server/media/format/track.h"

/*
 * Movie fragments (ISO/IEC 14496-12 8.8): reads the headers (moof) of all that follow in the file from
 * offset `at` on, and makes of them, and of what the tracks' tables hold already, tables as of a file without
 * fragments. mvex: the box in moov that announces them. What is not whole at the end of the file is
 * left out, with a note, and so is what follows a broken fragment. Edits lose their length: it was written
 * when the film was not. -errno.
 */
MUST_USE int fragments_read(
	struct movie *m, struct bytes mvex, uint64_t at, struct track *tracks, uint32_t n_tracks);

#endif
