/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/title.h"

/* Any bytes as a title: describe it, play it, seek, play on. What a file can make us do is capped by
 * title.h; here only the number of packets, so that a run stays short. */
enum { PULLS_MAX = 4000, SDP_MAX = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pull(struct source *s, uint32_t tracks, tick_t now)
{
	struct packet p;
	unsigned sum = 0;

	for (int i = 0; i < PULLS_MAX; i++) {
		if (source_next(s, tracks, TICK_NEVER, now, &p))
			break;
		for (size_t k = 0; k < p.body.n; k++) /* every byte must be ours to read */
			sum += p.body.p[k];
		if (p.train < 1 || p.train > 16 || p.track >= s->n_tracks)
			die("bad packet (%u)", sum);
	}
}

static void play(struct source *s)
{
	struct source_place place = { .host = B("127.0.0.1") };
	uint32_t all = source_all(s);
	struct buf sdp;
	tick_t at;

	buf_init(&sdp, SDP_MAX);
	if (source_describe(s, &place, &sdp) == 0 && !sdp.n)
		die("empty description");
	buf_clear(&sdp);
	pull(s, all, 1);
	for (tick_t part = 0; part < 3; part++) {
		if (source_seek(s, all,
			    &(struct source_start){ .npt = s->duration / 3 * part, .scale = 1 },
			    &at))
			continue;
		if (at < 0 || at > s->duration / 3 * part)
			die("seek went forward");
		pull(s, part == 1 ? 1 : all, 2 + part);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct title *t;
	struct source *s;

	if (title_open_memory((struct bytes){ data, size }, B("x.mp4"), &t))
		return 0;
	s = title_source(t, media_io_sync());
	play(s);
	source_free(s);
	title_unref(t);
	return 0;
}
