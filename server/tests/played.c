/* SPDX-License-Identifier: MIT */
#include "server/tests/played.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/format/movie.h"

enum { PAYLOAD_MAX = 64 << 20, SDP_MAX = 65536 };

void played_open(struct played *f, struct bytes file, const char *name)
{
	*f = (struct played){ 0 };
	buf_init(&f->payload, PAYLOAD_MAX);
	buf_init(&f->sdp, SDP_MAX);
	CU_ASSERT_EQUAL_FATAL(title_open_memory(file, bytes_str(name), &f->title), 0);
}

int played_refuses(struct bytes file, const char *name, char notes[200])
{
	struct movie m = { 0 };
	int err;

	media_file_open_memory(&m.file, file);
	err = movie_open(&m, bytes_str(name));
	if (notes)
		(void)snprintf(notes, 200, "%.*s", BYTES_FMT(buf_bytes(&m.notes)));
	movie_clear(&m);
	return err;
}

void played_close(struct played *f)
{
	source_free(f->source);
	title_unref(f->title);
	free(f->packets);
	buf_clear(&f->payload);
	buf_clear(&f->sdp);
}

static void keep(struct played *f, const struct packet *p)
{
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->packets = xrealloc(f->packets, f->cap * sizeof *f->packets);
	}
	f->packets[f->n++] = (struct played_packet){ .due = p->due,
		.rtp_time = p->rtp_time,
		.sync = p->sync,
		.marker = p->marker,
		.at = f->payload.n,
		.n = p->body.n };
	CU_ASSERT_EQUAL_FATAL(buf_put(&f->payload, p->body), 0);
}

tick_t played_play(struct played *f, uint32_t track, tick_t npt)
{
	struct source_start start = { .npt = npt, .scale = 1 };
	struct packet p;
	tick_t actual = 0, now = 0;
	int err;

	source_free(f->source);
	f->source = title_source(f->title, media_io_sync());
	CU_ASSERT_FATAL(track < f->source->n_tracks);
	f->n = 0;
	buf_cut(&f->payload, 0);
	if (npt >= 0)
		CU_ASSERT_EQUAL_FATAL(source_seek(f->source, 1u << track, &start, &actual), 0);
	while ((err = source_next(f->source, 1u << track, TICK_NEVER, ++now, &p)) == 0)
		keep(f, &p);
	CU_ASSERT_EQUAL(err, ERR_END);
	return actual;
}

const char *played_sdp(struct played *f)
{
	struct source_place place = { .host = B("127.0.0.1") };

	if (!f->source)
		f->source = title_source(f->title, media_io_sync());
	buf_cut(&f->sdp, 0);
	CU_ASSERT_EQUAL_FATAL(source_describe(f->source, &place, &f->sdp), 0);
	CU_ASSERT_EQUAL_FATAL(buf_put(&f->sdp, bytes_of("", 1)), 0);
	return (const char *)buf_bytes(&f->sdp).p;
}

struct bytes played_payload(const struct played *f, size_t i)
{
	return bytes_sub(buf_bytes(&f->payload), f->packets[i].at, f->packets[i].n);
}
