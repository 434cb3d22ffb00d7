/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/format/hint_sdp.h"
#include "server/media/format/hint_stream.h"
#include "server/media/format/readers.h"

/* ISO base media files (ISO/IEC 14496-12) and QuickTime movies. */

enum { MOOV_MAX = 64 << 20, TRACKS_MAX = 64 };

struct mp4 {
	uint8_t *moov;
	size_t moov_n;
	uint32_t timescale;
	struct track tracks[TRACKS_MAX];
	uint32_t n_tracks;
};

static int read_mvhd(struct mp4 *p, struct movie *m, struct bytes moov)
{
	struct cur c = { box_find(moov, FOURCC('m', 'v', 'h', 'd')) };
	uint32_t duration32;
	uint64_t duration;
	uint8_t version;

	if (!c.b.p)
		return ERR_CORRUPT;
	if (!cur_u8(&c, &version) || !cur_skip(&c, version == 1 ? 19 : 11) ||
		!cur_be32(&c, &p->timescale) || !p->timescale)
		return ERR_CORRUPT;
	if (version == 1) {
		if (!cur_be64(&c, &duration))
			return ERR_CORRUPT;
	} else {
		if (!cur_be32(&c, &duration32))
			return ERR_CORRUPT;
		duration = duration32 == UINT32_MAX ? 0 : duration32;
	}
	if (duration / p->timescale <= TIMESCALE_SECONDS_MAX)
		m->duration = scale_near((int64_t)duration, (uint64_t)TICK_S, p->timescale);
	return 0;
}

/* Edits that shift by years are no edits that anyone made. */
static bool is_sane(const struct mp4 *p, const struct track *k)
{
	return k->edit.media_time / k->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.delay / p->timescale <= TIMESCALE_SECONDS_MAX;
}

/* Tracks that can't be read are left out: a broken chapter track need not keep the film off. */
static int read_tracks(struct mp4 *p, struct movie *m, struct bytes rest)
{
	struct box box;
	int err;

	while (box_next(&rest, &box, &err)) {
		struct track *k = &p->tracks[p->n_tracks];

		if (box.type != FOURCC('t', 'r', 'a', 'k'))
			continue;
		if (p->n_tracks == TRACKS_MAX)
			return ERR_LIMIT;
		if (track_read(k, box.body) == 0 && is_sane(p, k)) {
			p->n_tracks++;
		} else {
			movie_note(m, "track %u: broken, left out", k->id);
			track_clear(k);
		}
	}
	return err;
}

static const struct track *find_track(const struct mp4 *p, uint32_t id)
{
	for (uint32_t i = 0; i < p->n_tracks; i++) {
		if (p->tracks[i].id == id)
			return &p->tracks[i];
	}
	return NULL;
}

static int add_hint_stream(struct mp4 *p, struct movie *m, const struct track *hint)
{
	const struct track *refs[TRACK_REFS_MAX] = { 0 };
	struct stream *s;
	int err;

	for (uint32_t i = 0; i < hint->n_refs; i++)
		refs[i] = find_track(p, hint->refs[i]);
	err = hint_stream_new(m, hint, refs, p->timescale, &s);
	return err ? err : movie_add(m, s);
}

static int add_streams(struct mp4 *p, struct movie *m)
{
	int first = 0;

	for (uint32_t i = 0; i < p->n_tracks; i++) {
		const struct track *k = &p->tracks[i];
		int err;

		if (k->handler != FOURCC('h', 'i', 'n', 't') || !k->table.n_samples)
			continue;
		err = add_hint_stream(p, m, k);
		if (err)
			movie_note(m, "hint track %u: left out: %s", k->id, err_text(err));
		if (err && !first)
			first = err;
	}
	if (!m->n_streams)
		return first ? first : ERR_UNSUPPORTED;
	return 0;
}

/* moov/udta/hnti/"rtp ": a four-octet "sdp " before the text. */
static struct bytes movie_text(struct bytes moov)
{
	static const uint32_t path[] = { FOURCC('u', 'd', 't', 'a'), FOURCC('h', 'n', 't', 'i'),
		FOURCC('r', 't', 'p', ' '), 0 };
	struct bytes text = box_find_path(moov, path);

	return bytes_has_prefix(text, B("sdp ")) ? bytes_sub(text, 4, text.n) : (struct bytes){ 0 };
}

static void clear_mp4(struct movie *m)
{
	struct mp4 *p = m->state;

	for (uint32_t i = 0; i < p->n_tracks; i++)
		track_clear(&p->tracks[i]);
	free(p->moov);
	free(p);
}

static int open_mp4(struct movie *m)
{
	struct mp4 *p = xcalloc(1, sizeof *p);
	struct bytes moov;
	int err;

	m->state = p;
	m->clear = clear_mp4;
	err = mp4_read_moov(&m->file, MOOV_MAX, &p->moov, &p->moov_n);
	if (err)
		return err;
	m->memory = sizeof *p + p->moov_n;
	moov = bytes_of(p->moov, p->moov_n);
	if (box_find(moov, FOURCC('c', 'm', 'o', 'v')).p)
		return ERR_UNSUPPORTED; /* compressed movie header of old QuickTime */
	err = read_mvhd(p, m, moov);
	if (!err)
		err = read_tracks(p, m, moov);
	if (!err)
		err = add_streams(p, m);
	if (!err)
		hint_sdp_movie(m, movie_text(moov));
	return err;
}

static bool probe_mp4(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return head.n >= 8 && box_is_top_type(be32(head.p + 4));
}

const struct movie_reader reader_mp4 = { .name = "MP4", .probe = probe_mp4, .open = open_mp4 };
