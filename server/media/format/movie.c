/* SPDX-License-Identifier: MIT */
#include "server/media/format/movie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD_BYTES = 4096 };

#define DURATION_SLACK TICK_S

void movie_note(struct movie *m, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof line, fmt, ap); /* cut: for people */
	va_end(ap);
	(void)!buf_printf(&m->notes, "%s\n", line); /* full: enough has been said */
}

static bool has_control(const struct movie *m, const char *control)
{
	for (uint32_t i = 0; i < m->n_streams; i++) {
		if (strcmp(m->streams[i]->control, control) == 0)
			return true;
	}
	return false;
}

static void put_control(const struct movie *m, struct stream *s)
{
	uint32_t n = s->id;

	while (!s->control[0] || has_control(m, s->control))
		(void)snprintf(s->control, sizeof s->control, "trackID=%u", n++); /* always fits */
}

int movie_add(struct movie *m, struct stream *s)
{
	if (m->n_streams == MOVIE_STREAMS_MAX) {
		stream_free(s);
		return ERR_LIMIT;
	}
	put_control(m, s);
	m->streams[m->n_streams++] = s;
	return 0;
}

/* A header that promises much more than the streams hold would keep clients waiting in silence; one that
 * says nothing leaves it to them. */
static void put_duration(struct movie *m)
{
	tick_t longest = 0;

	for (uint32_t i = 0; i < m->n_streams; i++) {
		if (m->streams[i]->duration > longest)
			longest = m->streams[i]->duration;
	}
	if (m->duration > longest + DURATION_SLACK) {
		movie_note(m, "the header says %.3f s, what can be sent lasts %.3f s",
			tick_seconds(m->duration), tick_seconds(longest));
		m->duration = longest;
	}
	if (m->duration <= 0)
		m->duration = longest;
}

int movie_open(struct movie *m, struct bytes name)
{
	uint8_t room[HEAD_BYTES];
	size_t n = m->file.size < sizeof room ? (size_t)m->file.size : sizeof room, n_readers;
	const struct movie_reader *const *readers = movie_readers(&n_readers);
	int err = media_file_read(&m->file, 0, room, n);

	buf_init(&m->sdp, MOVIE_SDP_BYTES_MAX);
	buf_init(&m->notes, MOVIE_NOTES_BYTES_MAX);
	if (err)
		return err;
	for (size_t i = 0; i < n_readers; i++) {
		if (!readers[i]->probe(&m->file, bytes_of(room, n), name))
			continue;
		m->format = readers[i]->name;
		err = readers[i]->open(m);
		if (!err && !m->n_streams)
			err = ERR_UNSUPPORTED;
		if (!err)
			put_duration(m);
		return err;
	}
	return ERR_UNSUPPORTED;
}

void movie_clear(struct movie *m)
{
	for (uint32_t i = 0; i < m->n_streams; i++)
		stream_free(m->streams[i]);
	m->n_streams = 0;
	if (m->clear)
		m->clear(m);
	m->clear = NULL;
	m->state = NULL;
	m->memory = 0;
	buf_clear(&m->sdp);
	buf_clear(&m->notes);
}
