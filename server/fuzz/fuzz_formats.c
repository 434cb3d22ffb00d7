/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/ts_index.h"
#include "server/media/title.h"

/*
 * Any bytes as a file of any format: describe it, play it, seek, play on. The last octet chooses the
 * extension, by which some formats go. What a file can make us do is capped by its reader; here only the
 * number of packets, so that a run stays short.
 */
enum { PULLS_MAX = 2000, SDP_MAX = 65536, SEEKS = 4 };

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
	for (tick_t part = 0; part < SEEKS; part++) {
		tick_t npt = s->duration / (SEEKS - 1) * part;

		if (npt > s->duration)
			npt = s->duration;
		if (source_seek(s, all, &(struct source_start){ .npt = npt, .scale = 1 }, &at))
			continue;
		if (at < 0 || at > npt)
			die("seek went forward");
		pull(s, part == 1 ? 1 : all, 2 + part);
	}
}

/* A short transport stream as if it were a long one. */
static void sample(struct bytes file)
{
	struct ts_index x = { .scan_max = 1 };
	struct media_file f;

	media_file_open_memory(&f, file);
	if (!ts_layout_find(file, true, &x.layout))
		return;
	ts_psi_init(&x.psi);
	x.psi.pcr_pid = 0x100; /* ffmpeg's */
	x.psi.video_pid = 0x100;
	x.psi.video_type = 0x1b;
	if (ts_index_read(&x, &f) == 0 && x.clock.end.npt < 0)
		die("a clock that runs backward");
	ts_index_clear(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "x", "x.ts", "x.264", "x.265", "x.aac", "x.mp3" };
	struct bytes file = { data, size };
	struct title *t;
	struct source *s;

	if (!size)
		return 0;
	sample(file);
	if (title_open_memory(file, bytes_str(names[data[size - 1] % COUNT(names)]), &t))
		return 0;
	s = title_source(t, media_io_sync());
	play(s);
	source_free(s);
	title_unref(t);
	return 0;
}
