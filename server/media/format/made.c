/* SPDX-License-Identifier: MIT */
#include "server/media/format/made.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/packed_stream.h"

struct made_one {
	struct track track;
	uint8_t *memory, *prefix;
};

struct made {
	struct made_one *tracks[MOVIE_STREAMS_MAX];
	uint32_t n;
};

static void free_one(struct made_one *o)
{
	track_clear(&o->track);
	free(o->memory);
	free(o->prefix);
	free(o);
}

static void clear(struct movie *m)
{
	struct made *d = m->state;

	for (uint32_t i = 0; i < d->n; i++)
		free_one(d->tracks[i]);
	free(d);
}

static struct made *made_of(struct movie *m)
{
	if (!m->state) {
		m->state = xcalloc(1, sizeof(struct made));
		m->clear = clear;
	}
	return m->state;
}

static int add(struct movie *m, const struct made_track *k, struct made_one *o, size_t bytes)
{
	struct made *d = made_of(m);
	struct packed_config c = { .track = &o->track,
		.movie_timescale = k->timescale,
		.codec = k->codec,
		.language = k->language,
		.rotation = k->rotation };

	o->track.id = k->id;
	o->track.timescale = k->timescale;
	o->track.edit.media_time = k->media_time;
	if (k->prefix.n) {
		o->prefix = xmalloc(k->prefix.n);
		memcpy(o->prefix, k->prefix.p, k->prefix.n);
		c.sample_prefix = bytes_of(o->prefix, k->prefix.n);
	}
	d->tracks[d->n++] = o; /* the stream may point into it from now on */
	m->memory += sizeof *o + bytes;
	return packed_stream_add(m, &c);
}

int made_add(struct movie *m, const struct made_track *k, struct table_build *b, uint64_t end)
{
	struct made_one *o = xcalloc(1, sizeof *o);
	size_t bytes;
	int err = table_build_take(b, end, &o->track.table, &o->memory, &bytes);

	if (!err && made_of(m)->n < MOVIE_STREAMS_MAX)
		return add(m, k, o, bytes);
	free_one(o);
	return err ? err : ERR_LIMIT;
}

int made_add_uniform(
	struct movie *m, const struct made_track *k, uint64_t at, uint32_t size, uint32_t n)
{
	struct made_one *o = xcalloc(1, sizeof *o);
	size_t bytes;
	int err = table_uniform(&o->track.table, at, size, n, &o->memory, &bytes);

	if (!err && made_of(m)->n < MOVIE_STREAMS_MAX)
		return add(m, k, o, bytes);
	free_one(o);
	return err ? err : ERR_LIMIT;
}

bool made_has_extension(struct bytes name, const char *const *extensions)
{
	for (; *extensions; extensions++) {
		struct bytes e = bytes_str(*extensions);

		if (name.n > e.n && bytes_is_ieq(bytes_sub(name, name.n - e.n, e.n), e))
			return true;
	}
	return false;
}
