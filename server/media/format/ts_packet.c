/* SPDX-License-Identifier: MIT */
#include "server/media/format/ts_packet.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

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
	*w = (struct ts_walk){ .file = f, .stride = l->stride, .window_bytes = WINDOW_BYTES };
}

void ts_walk_clear(struct ts_walk *w)
{
	free(w->p);
	w->p = NULL;
}

void ts_walk_to(struct ts_walk *w, uint64_t from, uint64_t to)
{
	w->at = from;
	w->end = to < w->file->size ? to : w->file->size;
	w->in_sync = false;
}

/* Sees to it that the window holds n octets from w->at on, or all that the file has of them. */
static int fill(struct ts_walk *w, size_t n)
{
	uint64_t left = w->file->size - w->at;
	size_t want = left < w->window_bytes ? (size_t)left : w->window_bytes;
	int err;

	if (n > left)
		n = (size_t)left;
	if (w->p && w->at >= w->p_at && w->at - w->p_at <= w->p_n &&
		w->p_n - (size_t)(w->at - w->p_at) >= n)
		return 0;
	if (!w->p)
		w->p = xmalloc(w->window_bytes);
	w->p_n = 0;
	err = media_file_read(w->file, w->at, w->p, want);
	if (err)
		return err;
	w->p_at = w->at;
	w->p_n = want;
	w->reads += want;
	return 0;
}

static struct bytes window_view(const struct ts_walk *w)
{
	size_t from = (size_t)(w->at - w->p_at);

	return bytes_of(w->p + from, w->p_n - from);
}

/* Moves on to where packets follow each other. */
static int resync(struct ts_walk *w)
{
	while (w->at < w->end) {
		struct bytes b;
		const uint8_t *hit;
		int err = fill(w, (size_t)SYNC_PACKETS * w->stride);

		if (err)
			return err;
		b = window_view(w);
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
		int err;

		if (w->at >= w->end || w->file->size - w->at < TS_PACKET_BYTES)
			return ERR_END;
		err = fill(w, TS_PACKET_BYTES);
		if (err)
			return err;
		*p = w->p + (w->at - w->p_at);
		if (w->in_sync && **p == TS_SYNC) {
			*at = w->at;
			w->at += w->stride;
			return 0;
		}
		err = resync(w);
		if (err)
			return err;
	}
}
