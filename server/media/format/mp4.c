/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "server/base/os.h"
#include "server/media/format/box.h"
#include "server/media/format/fragment.h"
#include "server/media/format/hint_sdp.h"
#include "server/media/format/hint_stream.h"
#include "server/media/format/moov.h"
#include "server/media/format/packed_stream.h"
#include "server/media/format/readers.h"
#include "server/media/format/sample_entry.h"

/*
 * ISO base media files (ISO/IEC 14496-12) and QuickTime movies. Hint tracks are played where there are
 * some that can be; media tracks that none of them sends are packetised.
 */

/* A film of six hours, hinted, with B frames, takes 32 MB. */
enum { MOOV_MAX = 128 << 20, TRACKS_MAX = 64 };

/* 1904 to 1970, and the end of what 32 bits hold: other times were never set. */
#define EPOCH_S   2082844800ull
#define CREATED_S 4294967296ull

struct mp4 {
	uint8_t *moov;
	size_t moov_n;
	uint32_t timescale;
	struct track tracks[TRACKS_MAX];
	bool sent[TRACKS_MAX]; /* by a stream, hinted or not */
	uint32_t n_tracks;
	bool hinted; /* at least one hint track is played */
};

static int read_mvhd(struct mp4 *p, struct movie *m, struct bytes moov)
{
	struct cur c = { box_find(moov, FOURCC('m', 'v', 'h', 'd')) };
	uint32_t duration32, created32;
	uint64_t duration, created;
	uint8_t version;

	if (!c.b.p)
		return ERR_CORRUPT;
	if (!cur_u8(&c, &version) || !cur_skip(&c, 3))
		return ERR_CORRUPT;
	if (version == 1) {
		if (!cur_be64(&c, &created) || !cur_skip(&c, 8) || !cur_be32(&c, &p->timescale) ||
			!cur_be64(&c, &duration))
			return ERR_CORRUPT;
	} else {
		if (!cur_be32(&c, &created32) || !cur_skip(&c, 4) || !cur_be32(&c, &p->timescale) ||
			!cur_be32(&c, &duration32))
			return ERR_CORRUPT;
		created = created32;
		duration = duration32 == UINT32_MAX ? 0 : duration32;
	}
	if (!p->timescale)
		return ERR_CORRUPT;
	if (duration / p->timescale <= TIMESCALE_SECONDS_MAX)
		m->duration = scale_near((int64_t)duration, (uint64_t)TICK_S, p->timescale);
	if (created > EPOCH_S && created < CREATED_S)
		m->created_ns = (int64_t)(created - EPOCH_S) * TICK_S;
	return 0;
}

/* Edits that shift by years are no edits that anyone made. */
static bool is_sane(const struct mp4 *p, const struct track *k)
{
	return k->edit.media_time / k->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.delay / p->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.length / p->timescale <= TIMESCALE_SECONDS_MAX;
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

static struct track *find_track(struct mp4 *p, uint32_t id)
{
	for (uint32_t i = 0; i < p->n_tracks; i++) {
		if (p->tracks[i].id == id)
			return &p->tracks[i];
	}
	return NULL;
}

/* Text and pictures that are another track's chapters. */
static void mark_chapters(struct mp4 *p)
{
	for (uint32_t i = 0; i < p->n_tracks; i++) {
		struct track *k = find_track(p, p->tracks[i].chapters);

		if (k)
			k->is_chapters = true;
	}
}

/*
 * Fragments may begin at any time (a recording of something that went on before): NPT 0 is where the
 * first of the tracks begins.
 */
static void move_start(struct mp4 *p)
{
	tick_t first = TICK_NEVER;

	for (uint32_t i = 0; i < p->n_tracks; i++) {
		const struct track *k = &p->tracks[i];
		tick_t start =
			k->table.n_samples && k->table.start / k->timescale <= TIMESCALE_SECONDS_MAX
				? scale_near(
					  (int64_t)k->table.start, (uint64_t)TICK_S, k->timescale)
				: TICK_NEVER;

		first = start < first ? start : first;
	}
	for (uint32_t i = 0; first != TICK_NEVER && i < p->n_tracks; i++) {
		struct track *k = &p->tracks[i];

		k->edit.media_time += scale_near(first, k->timescale, (uint64_t)TICK_S);
	}
}

/* ---- hint tracks ---- */

/* Whether the first packets can be put together: a hint track that speaks of another file, or another
 * edition of it, shows that here. */
static int try_stream(const struct movie *m, const struct stream *s)
{
	struct block *b;
	int err = s->ops->fill(s, &m->file, 0, 0, &b);

	if (!err)
		block_unref(b);
	return err;
}

/* A hint track has none of its own, and its text seldom says it. */
static void put_language(
	struct stream *s, const struct track *hint, const struct track *const *refs)
{
	bool said = bytes_find(hint->sdp, B("a=lang:")) < hint->sdp.n;

	if (!said && refs[0] && refs[0]->language[0])
		(void)snprintf(s->language, sizeof s->language, "%s", refs[0]->language);
}

static int add_hint_stream(struct mp4 *p, struct movie *m, const struct track *hint)
{
	const struct track *refs[TRACK_REFS_MAX] = { 0 };
	struct stream *s;
	int err;

	for (uint32_t i = 0; i < hint->n_refs; i++) {
		refs[i] = find_track(p, hint->refs[i]);
		if (refs[i] && refs[i]->is_external)
			return ERR_UNSUPPORTED;
	}
	err = hint_stream_new(m, hint, refs, p->timescale, &s);
	if (err)
		return err;
	err = try_stream(m, s);
	if (err) {
		stream_free(s);
		return err;
	}
	put_language(s, hint, refs);
	err = movie_add(m, s);
	for (uint32_t i = 0; !err && i < hint->n_refs; i++) {
		if (refs[i])
			p->sent[refs[i] - p->tracks] = true;
	}
	return err;
}

/* The first error, when none of them can be played. */
static int add_hint_streams(struct mp4 *p, struct movie *m)
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
	p->hinted = m->n_streams > 0;
	return p->hinted ? 0 : first;
}

/* ---- media tracks ---- */

static bool is_sound(const struct track *k)
{
	return k->handler == FOURCC('s', 'o', 'u', 'n');
}

static bool is_media(const struct track *k)
{
	return is_sound(k) || k->handler == FOURCC('v', 'i', 'd', 'e');
}

/* Kinds of tracks that a viewer may miss, as words. */
static const char *handler_name(uint32_t handler)
{
	static const struct {
		uint32_t handler;
		const char *name;
	} names[] = { { FOURCC('t', 'm', 'c', 'd'), "time code" },
		{ FOURCC('t', 'e', 'x', 't'), "text" }, { FOURCC('s', 'b', 't', 'l'), "subtitles" },
		{ FOURCC('s', 'u', 'b', 't'), "subtitles" },
		{ FOURCC('s', 'u', 'b', 'p'), "subtitles" },
		{ FOURCC('c', 'l', 'c', 'p'), "closed captions" },
		{ FOURCC('m', 'e', 't', 'a'), "timed metadata" },
		{ FOURCC('o', 'd', 's', 'm'), "object descriptors" },
		{ FOURCC('s', 'd', 's', 'm'), "scene description" },
		{ FOURCC('a', 'u', 'x', 'v'), "auxiliary video" },
		{ FOURCC('p', 'i', 'c', 't'), "pictures" } };

	for (size_t i = 0; i < COUNT(names); i++) {
		if (names[i].handler == handler)
			return names[i].name;
	}
	return "of an unknown kind";
}

static bool has_enabled(const struct mp4 *p, uint32_t handler)
{
	for (uint32_t i = 0; i < p->n_tracks; i++) {
		const struct track *k = &p->tracks[i];

		if (k->handler == handler && k->is_enabled && k->table.n_samples && !k->is_chapters)
			return true;
	}
	return false;
}

/* The track in whose stead k would be played: it is being sent. */
static const struct track *find_alternate(const struct mp4 *p, const struct track *k)
{
	for (uint32_t i = 0; k->group && i < p->n_tracks; i++) {
		const struct track *other = &p->tracks[i];

		if (other != k && other->group == k->group && other->handler == k->handler &&
			p->sent[i])
			return other;
	}
	return NULL;
}

/* One picture beside sound or a film: the sleeve of a record. */
static bool is_cover(const struct mp4 *p, const struct track *k)
{
	uint32_t others = 0;

	for (uint32_t i = 0; i < p->n_tracks; i++)
		others += is_media(&p->tracks[i]) && &p->tracks[i] != k &&
			  p->tracks[i].table.n_samples > 1;
	return !is_sound(k) && k->table.n_samples == 1 && others;
}

/* Why a track is left out without a look at its codec; NULL: it is not. */
static const char *why_not(const struct mp4 *p, const struct track *k)
{
	if (!is_media(k))
		return handler_name(k->handler);
	if (!k->table.n_samples)
		return "it has no samples";
	if (k->is_chapters)
		return "chapters";
	if (!k->is_enabled && has_enabled(p, k->handler))
		return "it is disabled";
	if (k->is_external)
		return "its data lie in another file";
	if (is_cover(p, k))
		return "a single picture";
	return NULL;
}

static void note_edits(struct movie *m, const struct track *k)
{
	if (k->edit.has_more)
		movie_note(m, "track %u: of its edits only the first is played", k->id);
	if (k->edit.has_rate)
		movie_note(m, "track %u: its edit asks for another rate: played at 1", k->id);
}

/* Samples of one description only: another one is another codec, or needs another set-up. */
static void cut_description(struct movie *m, struct track *k)
{
	struct table *t = &k->table;

	if (t->n_described >= t->n_samples)
		return;
	movie_note(m, "track %u: ends after %u samples, where its sample description changes",
		k->id, t->n_described);
	t->duration = table_time(t, t->n_described);
	t->n_samples = t->n_described;
}

/* QuickTime counts PCM in frames of one octet, whatever they are. */
static void put_frame_size(struct track *k, uint32_t frame_bytes)
{
	struct table *t = &k->table;

	if (frame_bytes && t->uniform_size && table_time(t, 1) - table_time(t, 0) == 1)
		t->uniform_size = frame_bytes;
}

/* Sound of old QuickTime in packets of a fixed size counts sample frames, too, but what it stores are
 * packets. */
static bool counts_frames(const struct track *k, const struct sample_entry *e)
{
	const struct table *t = &k->table;

	return is_sound(k) && !e->frame_bytes && t->uniform_size == 1 && t->n_samples > 1 &&
	       table_time(t, 1) - table_time(t, 0) == 1;
}

static int read_entry(const struct track *k, struct sample_entry *e)
{
	struct bytes entry = track_description(k, k->table.description);
	int err = sample_entry_read(entry, !is_sound(k), k->is_iso_stsd, e);

	if (err)
		return err;
	if (!e->codec.sample_hz && is_sound(k))
		e->codec.sample_hz = k->timescale;
	if (!e->why && e->codec.id != CODEC_NONE && counts_frames(k, e))
		e->why = "its samples are no frames";
	return 0;
}

static int add_packed_stream(struct mp4 *p, struct movie *m, struct track *k)
{
	struct packed_config c = { .track = k,
		.movie_timescale = p->timescale,
		.language = k->language[0] ? k->language : NULL,
		.rotation = k->rotation };
	struct sample_entry e;
	int err = read_entry(k, &e);

	if (err) {
		movie_note(m, "track %u: left out: its sample description is broken", k->id);
		return err;
	}
	if (e.why) {
		char name[5];

		for (int i = 0; i < 4; i++) {
			name[i] = (char)(e.codec.fourcc >> (24 - 8 * i));
			if (name[i] < 0x20 || name[i] > 0x7e)
				name[i] = '?';
		}
		name[4] = 0;
		movie_note(m, "track %u: %s: left out: %s", k->id, name, e.why);
		return ERR_UNSUPPORTED;
	}
	put_frame_size(k, e.frame_bytes);
	cut_description(m, k);
	c.codec = e.codec;
	err = packed_stream_add(m, &c);
	if (!err)
		note_edits(m, k);
	return err;
}

/* All that no hint track sends. */
static int add_packed_streams(struct mp4 *p, struct movie *m)
{
	int err = 0;

	for (uint32_t i = 0; err != ERR_LIMIT && i < p->n_tracks; i++) {
		struct track *k = &p->tracks[i];
		const struct track *other = find_alternate(p, k);
		const char *why = why_not(p, k);

		if (p->sent[i] || k->handler == FOURCC('h', 'i', 'n', 't'))
			continue;
		if (other)
			movie_note(m, "track %u: left out: track %u is played in its stead", k->id,
				other->id);
		else if (why)
			movie_note(m, "track %u: left out: %s", k->id, why);
		if (other || why)
			continue;
		err = add_packed_stream(p, m, k);
		p->sent[i] = !err;
		if (!err && p->hinted)
			movie_note(m, "track %u: not hinted: packetised", k->id);
		if (err == ERR_LIMIT)
			movie_note(m, "track %u and those after it: left out: too many", k->id);
	}
	return m->n_streams ? 0 : ERR_UNSUPPORTED;
}

static int add_streams(struct mp4 *p, struct movie *m)
{
	int first = add_hint_streams(p, m), err;

	err = add_packed_streams(p, m);
	return err && first ? first : err;
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

static int read_fragments(struct mp4 *p, struct movie *m, struct bytes mvex, uint64_t at)
{
	int err = fragments_read(m, mvex, at, p->tracks, p->n_tracks);

	m->format = "fragmented MP4";
	m->duration = 0; /* its header was written when the film was not */
	if (!err)
		move_start(p);
	return err;
}

static bool has_samples(const struct mp4 *p)
{
	for (uint32_t i = 0; i < p->n_tracks; i++) {
		if (p->tracks[i].table.n_samples)
			return true;
	}
	return false;
}

static int read_moov(struct mp4 *p, struct movie *m, uint64_t end)
{
	struct bytes moov = bytes_of(p->moov, p->moov_n);
	struct bytes mvex = box_find(moov, FOURCC('m', 'v', 'e', 'x'));
	int err = read_mvhd(p, m, moov);

	if (!err)
		err = read_tracks(p, m, moov);
	/* not every writer announces its fragments */
	if (!err && (mvex.p || !has_samples(p)))
		err = read_fragments(p, m, mvex, end);
	if (err)
		return err;
	mark_chapters(p);
	err = add_streams(p, m);
	if (err)
		return err;
	if (p->hinted)
		hint_sdp_movie(m, movie_text(moov));
	else /* what is not sent may be longer, and the header may be wrong: the streams know it */
		m->duration = 0;
	return 0;
}

static int open_mp4(struct movie *m)
{
	struct mp4 *p = xcalloc(1, sizeof *p);
	uint64_t end;
	int err;

	m->state = p;
	m->clear = clear_mp4;
	err = moov_read(&m->file, MOOV_MAX, &p->moov, &p->moov_n, &end);
	if (err)
		return err;
	m->memory = sizeof *p + p->moov_n;
	return read_moov(p, m, end);
}

static bool probe_mp4(const struct media_file *f, struct bytes head, struct bytes name)
{
	(void)f;
	(void)name;
	return head.n >= 8 && box_is_top_type(be32(head.p + 4));
}

const struct movie_reader reader_mp4 = { .name = "MP4", .probe = probe_mp4, .open = open_mp4 };
