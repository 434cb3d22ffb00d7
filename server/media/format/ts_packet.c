/* SPDX-License-Identifier: MIT */
#include "server/media/format/ts_packet.h"

#include <string.h>

enum {
	WINDOW_BYTES = 64 << 10,
	SYNC_PACKETS = 3, /* so many in a row are no accident */
	LAYOUT_PACKETS = 5
};

static void read_adaptation(struct bytes field, struct ts_packet *out)
{
	const uint8_t *p = field.p;

	if (!field.n)
		return;
	out->jumps = p[0] & 0x80;
	out->random_access = p[0] & 0x40;
	if (!(p[0] & 0x10) || field.n < 7)
		return;
	out->has_pcr = true;
	out->pcr = ((uint64_t)be32(p + 1) << 1 | p[5] >> 7) * 300 + ((p[5] & 1u) << 8 | p[6]);
	if (out->pcr >= TS_PCR_WRAP) /* an extension above 299 at the very end */
		out->has_pcr = false;
}

bool ts_packet_read(const uint8_t *p, struct ts_packet *out)
{
	struct cur c = { bytes_of(p + 4, TS_PACKET_BYTES - 4) };
	struct bytes field = { 0 };
	uint8_t n;

	*out = (struct ts_packet){ .pid = be16(p + 1) & 0x1fff, .starts = p[1] & 0x40 };
	if (p[0] != TS_SYNC || p[1] & 0x80) /* transport_error_indicator */
		return false;
	if (p[3] & 0x20) {
		if (!cur_u8(&c, &n) || !cur_take(&c, n, &field))
			return false;
		read_adaptation(field, out);
	}
	if (p[3] & 0x10 && !(p[3] & 0xc0))
		out->payload = c.b;
	return true;
}

/* Whether packets begin at `at` and, as far as the view goes, at the next places after it. */
static uint32_t count_syncs(struct bytes b, size_t at, uint32_t stride, uint32_t max)
{
	uint32_t n = 0;

	for (; n < max && at < b.n && b.p[at] == TS_SYNC; at += stride)
		n++;
	return n;
}

static bool is_sync_at(struct bytes b, size_t at, uint32_t stride)
{
	uint32_t n = count_syncs(b, at, stride, SYNC_PACKETS);

	return n == SYNC_PACKETS || (n && at + (size_t)n * stride >= b.n);
}

bool ts_layout_find(struct bytes head, bool is_all, struct ts_layout *l)
{
	static const uint32_t strides[] = { TS_PACKET_BYTES, 192, 204 };

	for (size_t at = 0; at < head.n; at++) {
		if (head.p[at] != TS_SYNC)
			continue;
		for (size_t i = 0; i < COUNT(strides); i++) {
			size_t fit = (head.n - at) / strides[i];
			uint32_t need =
				fit < LAYOUT_PACKETS && is_all ? (uint32_t)fit : LAYOUT_PACKETS;

			if (need < 2 || count_syncs(head, at, strides[i], need) < need)
				continue;
			*l = (struct ts_layout){ .base = at, .stride = strides[i] };
			return true;
		}
	}
	return false;
}

void ts_walk_init(struct ts_walk *w, const struct media_file *f, const struct ts_layout *l)
{
	*w = (struct ts_walk){ .stride = l->stride };
	sweep_init(&w->sweep, f);
	w->sweep.window = WINDOW_BYTES;
}

void ts_walk_clear(struct ts_walk *w)
{
	sweep_clear(&w->sweep);
}

void ts_walk_to(struct ts_walk *w, uint64_t from, uint64_t to)
{
	w->at = from;
	w->end = to < w->sweep.file->size ? to : w->sweep.file->size;
	w->in_sync = false;
}

/* Moves on to where packets follow each other. */
static int resync(struct ts_walk *w)
{
	while (w->at < w->end) {
		struct bytes b;
		const uint8_t *hit;
		int err = sweep_view(&w->sweep, w->at, (size_t)SYNC_PACKETS * w->stride, &b);

		if (err)
			return err;
		hit = memchr(b.p, TS_SYNC, b.n);
		if (!hit) {
			w->at += b.n;
		} else if (hit != b.p) {
			w->at += (uint64_t)(hit - b.p);
		} else if (is_sync_at(b, 0, w->stride)) {
			w->in_sync = true;
			return 0;
		} else {
			w->at++;
		}
	}
	return ERR_END;
}

int ts_walk_next(struct ts_walk *w, uint64_t *at, const uint8_t **p)
{
	for (;;) {
		struct bytes b;
		int err;

		if (w->at >= w->end)
			return ERR_END;
		err = sweep_view(&w->sweep, w->at, TS_PACKET_BYTES, &b);
		if (err)
			return err;
		if (b.n < TS_PACKET_BYTES)
			return ERR_END;
		if (w->in_sync && *b.p == TS_SYNC) {
			*p = b.p;
			*at = w->at;
			w->at += w->stride;
			return 0;
		}
		err = resync(w);
		if (err)
			return err;
	}
}
