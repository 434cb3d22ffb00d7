/* SPDX-License-Identifier: MIT */
#include "server/media/format/readers.h"

/* In the order in which they are asked: those with a magic number before those without. */
static const struct movie_reader *const readers[] = {
	&reader_mp4,
	&reader_mkv,
	&reader_wav,
	&reader_amr,
	&reader_unread,
	&reader_ts,
	&reader_h265,
	&reader_h264,
	&reader_adts,
	&reader_mp3,
};

const struct movie_reader *const *movie_readers(size_t *n)
{
	*n = COUNT(readers);
	return readers;
}
