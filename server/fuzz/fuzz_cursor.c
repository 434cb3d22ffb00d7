/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/title.h"

/*
 * Any octets as a file, and a client who jumps about in it: the last eight octets say where to and at which
 * scale. What the cursor gives must lie in the title's blocks and come in order, and each call must end.
 */
enum { JUMPS = 8, PACKETS_MAX = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok, const char *what)
{
	if (!ok)
		die("broken promise: %s", what);
}

static void take(struct source *s, uint32_t tracks, int scale, tick_t now)
{
	tick_t until = scale < 0 ? -TICK_NEVER : TICK_NEVER, last = 0;
	unsigned sum = 0;
	struct packet p;

	for (int i = 0; i < PACKETS_MAX && source_next(s, tracks, until, now, &p) == 0; i++) {
		check(p.track < s->n_tracks && tracks >> p.track & 1, "a track that was asked for");
		check(p.train >= 1 && p.train <= 16, "a train");
		if (scale != 1 && i)
			check(scale < 0 ? p.due <= last : p.due >= last, "the order of play");
		last = p.due;
		for (size_t k = 0; k < p.body.n; k++) /* every octet must be ours to read */
			sum += p.body.p[k];
	}
	check(sum < UINT32_MAX, "so long a payload");
}

static void jump(struct source *s, uint8_t how, tick_t now)
{
	static const int scales[] = { 1, 2, 8, SOURCE_SCALE_BACK };
	struct source_start at = { .npt = s->duration / 31 * (how >> 3), .scale = scales[how & 3] };
	uint32_t tracks = source_all(s);
	tick_t actual, asked;

	at.exact = at.scale == 1 && how & 4;
	at.only_ask = true;
	int err = source_seek(s, tracks, &at, &asked);
	at.only_ask = false;
	check(source_seek(s, tracks, &at, &actual) == err, "asking is as good as seeking");
	if (err)
		return;
	check(actual == asked, "the start that was told");
	check(actual >= 0 && (at.exact ? actual == at.npt : actual <= at.npt), "a start");
	check(s->lead >= 0, "a lead");
	take(s, tracks, at.scale, now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct title *t = NULL;

	if (size < JUMPS || title_open_memory((struct bytes){ data, size }, B("x.mp4"), &t) != 0)
		return 0;
	struct source *s = title_source(t, media_io_sync());
	for (size_t i = 0; i < JUMPS; i++)
		jump(s, data[size - 1 - i], (tick_t)i);
	source_free(s);
	title_unref(t);
	return 0;
}
