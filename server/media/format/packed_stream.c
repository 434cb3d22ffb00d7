/* SPDX-License-Identifier: MIT */
#include "server/media/format/packed_parts.h"

#include <stdio.h>
#include <stdlib.h>

#include "server/base/os.h"

enum {
	FINDER_STEPS_MAX = 1 << 20,
	END_SAMPLES_MAX = 4096, /* looked at for the last one shown */
	REORDER_MAX = 64,       /* how far apart decoding and showing may order the last pictures */
	PICTURE_HEAD_BYTES = 64 << 10,
	RTP_HEADER_BYTES = 12,
	CLOCK_HZ_MAX = 10000000
};

/* Audio decoders begin right only after a few frames: Opus wants 80 ms, HE-AAC two long frames. */
#define RUN_UP (200 * TICK_MS)

static const struct packed_stream *of(const struct stream *s)
{
	return container_of(s, const struct packed_stream, stream);
}

/* ---- times ---- */

int64_t packed_decode_time(const struct packed_stream *s, uint32_t n)
{
	return (int64_t)table_time(&s->track->table, n) - s->track->edit.media_time;
}

int64_t packed_shown_time(const struct packed_stream *s, uint32_t n)
{
	return packed_decode_time(s, n) + table_composition(&s->track->table, n);
}

tick_t packed_ns(const struct packed_stream *s, int64_t time)
{
	return scale_near(time, (uint64_t)TICK_S, s->track->timescale) + s->delay;
}

int64_t packed_ticks(const struct packed_stream *s, int64_t time)
{
	return scale_near(time, s->stream.clock_hz, s->track->timescale) + s->delay_ticks;
}

uint32_t packed_unit_sample(const struct packed_stream *s, uint32_t unit)
{
	return s->first + unit * s->unit_samples;
}

/* The unit that begins with sample n or after it. */
static uint32_t unit_from(const struct packed_stream *s, uint32_t n)
{
	uint64_t in = n > s->first ? n - s->first : 0;
	uint64_t unit = (in + s->unit_samples - 1) / s->unit_samples;

	return unit < s->stream.n_units ? (uint32_t)unit : s->stream.n_units;
}

static tick_t unit_due(const struct stream *st, uint32_t unit)
{
	const struct packed_stream *s = of(st);

	return packed_ns(s, packed_decode_time(s, packed_unit_sample(s, unit)));
}

static uint32_t unit_at(const struct stream *st, tick_t npt)
{
	const struct packed_stream *s = of(st);
	int64_t time = scale_floor(npt - s->delay, s->track->timescale, (uint64_t)TICK_S) +
		       s->track->edit.media_time;
	const struct table *t = &s->track->table;
	uint32_t n;

	if (npt <= 0 || time <= 0)
		return 0;
	n = table_sample_at(t, (uint64_t)time);
	/* the floor may have led one tick too far down */
	if (n < t->n_samples && packed_ns(s, packed_decode_time(s, n)) < npt)
		n = table_sample_at(t, table_time(t, n) + 1);
	return unit_from(s, n);
}

/* ---- blocks ---- */

static uint64_t slot_length(const struct packed_stream *s)
{
	return (uint64_t)s->track->timescale * STREAM_SLOT_S;
}

static uint32_t block_first(const struct stream *st, uint32_t unit)
{
	const struct packed_stream *s = of(st);
	const struct table *t = &s->track->table;
	uint64_t time = table_time(t, packed_unit_sample(s, unit));

	return unit_from(s, table_sample_at(t, time / slot_length(s) * slot_length(s)));
}

/* One past the last unit of the second that unit is in. */
static uint32_t slot_end(const struct packed_stream *s, uint32_t unit)
{
	const struct table *t = &s->track->table;
	uint64_t slot = table_time(t, packed_unit_sample(s, unit)) / slot_length(s) + 1;
	uint32_t end = unit_from(s, table_sample_at(t, slot * slot_length(s)));

	return end > unit ? end : unit + 1;
}

static int fill(const struct stream *st, const struct media_file *f, uint32_t track, uint32_t first,
	struct block **out)
{
	const struct packed_stream *s = of(st);

	return packed_block_fill(s, f, track, first, slot_end(s, first), out);
}

/* ---- sync samples ---- */

static uint32_t sync_sample(const struct packed_stream *s, uint32_t i)
{
	return table_sync(&s->track->table, s->first_sync + i);
}

static tick_t sync_npt(const struct stream *st, uint32_t i)
{
	const struct packed_stream *s = of(st);

	return packed_ns(s, packed_shown_time(s, sync_sample(s, i)));
}

static uint32_t sync_unit(const struct stream *st, uint32_t i)
{
	const struct packed_stream *s = of(st);

	return unit_from(s, sync_sample(s, i));
}

/* The first sync sample, as an index of the table, that is not before sample n. */
static uint32_t sync_from(const struct table *t, uint32_t n)
{
	uint32_t lo = 0, hi = table_syncs(t);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (table_sync(t, mid) < n)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void describe(const struct stream *st, struct sdp_writer *w)
{
	const struct packed_stream *s = of(st);

	s->packer.ops->describe(&s->packer, w);
}

static void free_stream(struct stream *st)
{
	struct packed_stream *s = container_of(st, struct packed_stream, stream);

	packer_clear(&s->packer);
	free(s);
}

static const struct stream_ops packed_stream_ops = { .kind = "packetised",
	.fill = fill,
	.block_first = block_first,
	.unit_at = unit_at,
	.unit_due = unit_due,
	.sync_npt = sync_npt,
	.sync_unit = sync_unit,
	.describe = describe,
	.free = free_stream };

/* ---- what of the table is sent ---- */

/* Media time that NPT 0 shows, and where audio is to begin so that it sounds right there. */
static uint64_t shown_from(const struct packed_stream *s, tick_t run_up)
{
	const struct track *k = s->track;
	int64_t time =
		k->edit.media_time - (int64_t)scale_near(run_up, k->timescale, (uint64_t)TICK_S);

	return time > 0 ? (uint64_t)time : 0;
}

/* The last sync sample that is not shown after NPT 0; 0 when there is none. */
static uint32_t first_picture(const struct packed_stream *s)
{
	const struct table *t = &s->track->table;
	uint32_t lo = 0, hi = table_syncs(t);

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (packed_shown_time(s, table_sync(t, mid)) <= 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? table_sync(t, lo - 1) : 0;
}

/* The sample that lasts beyond `from`, or where the table's sync samples say so, one before it. */
static uint32_t first_sound(const struct packed_stream *s, uint64_t from)
{
	const struct table *t = &s->track->table;
	uint32_t n = table_sample_at(t, from), i;

	if (n && (n == t->n_samples || table_time(t, n) > from))
		n--;
	i = sync_from(t, n + 1);
	return !i ? 0 : table_sync(t, i - 1);
}

/* One past the last sample that is shown before the edit ends. */
static uint32_t last_shown(const struct packed_stream *s)
{
	const struct track *k = s->track;
	uint64_t length =
		(uint64_t)scale_near((int64_t)k->edit.length, k->timescale, s->movie_timescale);
	uint64_t end = (uint64_t)k->edit.media_time + length;
	uint32_t n;

	if (!k->edit.length || (int64_t)end < 0 || end < length)
		return k->table.n_samples;
	/* composition offsets below zero: what is decoded later may be shown before */
	n = table_sample_at(&k->table, end + 2ull * k->timescale);
	for (int i = 0; i < END_SAMPLES_MAX && n > s->first; i++, n--) {
		if (packed_shown_time(s, n - 1) < (int64_t)length)
			return n;
	}
	return table_sample_at(&k->table, end);
}

/* Samples that are one sample frame each, not the packets of some writer. */
static bool has_single_frames(const struct table *t)
{
	return t->uniform_size && table_time(t, 1) - table_time(t, 0) == 1;
}

static int choose_samples(struct packed_stream *s)
{
	const struct table *t = &s->track->table;
	bool is_pcm = s->packer.unit_samples > 1;
	uint32_t end;

	if ((int64_t)t->duration <= s->track->edit.media_time)
		return ERR_UNSUPPORTED;
	if (s->packer.is_video)
		s->first = first_picture(s);
	else
		s->first = first_sound(s, shown_from(s, is_pcm ? 0 : RUN_UP));
	s->end = last_shown(s);
	if (s->first >= s->end)
		return ERR_UNSUPPORTED;
	s->unit_samples = is_pcm && has_single_frames(t) ? s->packer.unit_samples : 1;
	s->stream.n_units =
		(uint32_t)(((uint64_t)(s->end - s->first) + s->unit_samples - 1) / s->unit_samples);
	if (s->packer.is_video) {
		s->first_sync = sync_from(t, s->first);
		end = sync_from(t, s->end);
		s->stream.n_syncs = end - s->first_sync;
	}
	return 0;
}

/* ---- what is said of it ---- */

/* Octets of all samples that are sent, and of the packets around them. */
static uint64_t count_bytes(const struct packed_stream *s)
{
	const struct table *t = &s->track->table;
	uint64_t sum = 0, packets = 0;

	if (s->unit_samples > 1 || t->uniform_size) {
		uint64_t unit = (uint64_t)t->uniform_size * s->unit_samples;

		sum = (uint64_t)(s->end - s->first) * t->uniform_size;
		packets = s->stream.n_units * (unit / s->packer.payload_max + 1);
	} else {
		for (uint32_t i = s->first; i < s->end; i++) {
			uint32_t size = table_size(t, i);

			sum += size;
			packets += size / s->packer.payload_max + 1;
		}
	}
	/* small audio frames share packets */
	if (!s->packer.is_video && packets > sum / s->packer.payload_max + 1)
		packets = (packets + sum / s->packer.payload_max) / 2 + 1;
	return sum + packets * RTP_HEADER_BYTES;
}

/* When the last of them has been shown: with B frames it is not the last in the table. */
static int64_t shown_end(const struct packed_stream *s)
{
	int64_t end = INT64_MIN;

	for (uint32_t i = 0; i < REORDER_MAX && i < s->end - s->first; i++) {
		uint32_t n = s->end - 1 - i;
		int64_t till = packed_shown_time(s, n) + packed_decode_time(s, n + 1) -
			       packed_decode_time(s, n);

		end = till > end ? till : end;
	}
	return end;
}

/* file_n: a table may promise more than the file holds. */
static void put_times(struct packed_stream *s, uint64_t file_n)
{
	const struct track *k = s->track;
	int64_t end = shown_end(s), length;
	tick_t sent;

	if (k->edit.length) {
		length = scale_near((int64_t)k->edit.length, k->timescale, s->movie_timescale);
		end = length < end ? length : end;
	}
	s->stream.duration = packed_ns(s, end);
	if (s->stream.duration < 0)
		s->stream.duration = 0;
	sent = scale_near(packed_decode_time(s, s->end) - packed_decode_time(s, s->first),
		(uint64_t)TICK_S, k->timescale);
	if (sent > TICK_MS) {
		uint64_t all = count_bytes(s);
		uint64_t bps = (uint64_t)scale_near((int64_t)((all < file_n ? all : file_n) * 8),
			(uint64_t)TICK_S, (uint64_t)sent);

		s->stream.bitrate_bps = bps > UINT32_MAX ? 0 : (uint32_t)bps;
	}
}

static void put_title(struct packed_stream *s, const struct packed_config *c)
{
	const struct codec *codec = &c->codec;
	char *to = s->stream.title;
	size_t room = sizeof s->stream.title;
	double fps = 0;
	tick_t sent = scale_near(packed_decode_time(s, s->end) - packed_decode_time(s, s->first),
		(uint64_t)TICK_S, s->track->timescale);

	if (s->packer.is_video && sent > 0)
		fps = (double)(s->end - s->first) / tick_seconds(sent);
	/* all of these are cut where they do not fit: for people */
	if (!s->packer.is_video && !codec->channels)
		(void)snprintf(to, room, "%s %u Hz", codec_name(codec->id), codec->sample_hz);
	else if (!s->packer.is_video)
		(void)snprintf(to, room, "%s %u Hz, %u channel%s", codec_name(codec->id),
			codec->sample_hz, codec->channels, codec->channels == 1 ? "" : "s");
	else if (c->rotation)
		(void)snprintf(to, room, "%s %ux%u, %.4g fps, turned by %u degrees",
			codec_name(codec->id), codec->width, codec->height, fps, c->rotation);
	else
		(void)snprintf(to, room, "%s %ux%u, %.4g fps", codec_name(codec->id), codec->width,
			codec->height, fps);
}

static bool is_taken(const struct movie *m, uint8_t payload_type)
{
	for (uint32_t i = 0; i < m->n_streams; i++) {
		if (m->streams[i]->payload_type == payload_type)
			return true;
	}
	return false;
}

static uint8_t free_payload_type(const struct movie *m)
{
	uint32_t pt = PACK_PT_FIRST + m->n_streams;

	while (pt > PACK_PT_FIRST && is_taken(m, (uint8_t)pt))
		pt = pt == 127 ? PACK_PT_FIRST : pt + 1;
	return (uint8_t)pt;
}

static void put_stream(
	struct packed_stream *s, const struct movie *m, const struct packed_config *c)
{
	struct packer *p = &s->packer;

	if (p->payload_type == PACK_PT_NONE)
		p->payload_type = free_payload_type(m);
	s->stream.ops = &packed_stream_ops;
	s->stream.media_type = p->is_video ? "video" : "audio";
	s->stream.is_video = p->is_video;
	s->stream.payload_type = p->payload_type;
	s->stream.clock_hz = p->clock_hz;
	s->stream.payload_max = p->payload_max;
	s->stream.id = c->track->id;
	if (c->language)
		(void)snprintf(s->stream.language, sizeof s->stream.language, "%s", c->language);
	s->delay = scale_near((int64_t)c->track->edit.delay, (uint64_t)TICK_S, s->movie_timescale);
	s->delay_ticks = scale_near((int64_t)c->track->edit.delay, p->clock_hz, s->movie_timescale);
}

/* Times that the sums above may be made of. */
static bool is_sane(const struct track *k, uint32_t movie_timescale)
{
	return k->timescale && k->table.n_samples &&
	       k->table.duration / k->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.media_time / k->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.media_time / k->timescale >= -(int64_t)TIMESCALE_SECONDS_MAX &&
	       k->edit.delay / movie_timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.length / movie_timescale <= TIMESCALE_SECONDS_MAX;
}

/*
 * JPEG has no set-up: whether RFC 2435 can carry the pictures shows in one of them. The caller frees *out,
 * which stays NULL where there is nothing to show.
 */
static struct bytes load_picture(const struct movie *m, const struct track *k, uint8_t **out)
{
	struct finder f;
	uint64_t at;
	uint32_t size;

	finder_init(&f, &k->table, FINDER_STEPS_MAX);
	if (finder_place(&f, 0, &at, &size) || !size)
		return (struct bytes){ 0 };
	if (size > PICTURE_HEAD_BYTES)
		size = PICTURE_HEAD_BYTES;
	*out = xmalloc(size);
	if (media_file_read(&m->file, at, *out, size))
		return (struct bytes){ 0 };
	return bytes_of(*out, size);
}

static int init_packer(struct packed_stream *s, const struct movie *m,
	const struct packed_config *c, const char **why)
{
	struct codec codec = c->codec;
	uint8_t *picture = NULL;
	int err;

	if (codec.id == CODEC_MJPEG && !codec.config.n)
		codec.config = load_picture(m, c->track, &picture);
	err = packer_init(&s->packer, &codec, why);
	free(picture);
	return err;
}

static int init_stream(struct packed_stream *s, const struct movie *m,
	const struct packed_config *c, const char **why)
{
	int err;

	s->movie_timescale = c->movie_timescale ? c->movie_timescale : 1;
	*why = "its sample table is broken";
	if (!is_sane(c->track, s->movie_timescale))
		return ERR_CORRUPT;
	s->track = c->track;
	s->prefix = c->sample_prefix;
	err = init_packer(s, m, c, why);
	if (err)
		return err;
	*why = "the packetiser names no usable clock";
	if (!s->packer.clock_hz || s->packer.clock_hz > CLOCK_HZ_MAX || !s->packer.payload_max ||
		!s->packer.unit_samples)
		return ERR_CORRUPT;
	put_stream(s, m, c);
	*why = "its edit list shows nothing of it";
	err = choose_samples(s);
	if (err)
		return err;
	put_times(s, m->file.size * 2); /* small packets cost as much again */
	put_title(s, c);
	return 0;
}

/* "'avc1'", or the codec's name where the container has no such word for it. */
static void name_codec(const struct codec *c, char out[static 32])
{
	uint32_t f = c->fourcc;

	(void)snprintf(out, 32, "%s", codec_name(c->id)); /* they are short */
	if (c->id == CODEC_NONE && f) {
		for (int i = 0; i < 4; i++) {
			char octet = (char)(f >> (24 - 8 * i));

			out[i] = octet >= 0x20 && octet < 0x7f ? octet : '?';
		}
		out[4] = 0;
	}
}

int packed_stream_add(struct movie *m, const struct packed_config *c)
{
	struct packed_stream *s = xcalloc(1, sizeof *s);
	const char *why = "";
	char name[32];
	int err = init_stream(s, m, c, &why);

	if (err) {
		name_codec(&c->codec, name);
		movie_note(m, "track %u: %s: left out: %s", c->track->id, name, why);
		free_stream(&s->stream);
		return err;
	}
	m->memory += sizeof *s;
	return movie_add(m, &s->stream);
}
