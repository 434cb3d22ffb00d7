/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/hint.h"
#include "server/media/mp4.h"
#include "server/media/title_parts.h"

static int read_mvhd(struct title *t, struct bytes moov)
{
	struct cur c = { box_find(moov, FOURCC('m', 'v', 'h', 'd')) };
	uint32_t duration32;
	uint64_t duration;
	uint8_t version;

	if (!c.b.p)
		return ERR_CORRUPT;
	if (!cur_u8(&c, &version) || !cur_skip(&c, version == 1 ? 19 : 11) ||
		!cur_be32(&c, &t->movie_timescale) || !t->movie_timescale)
		return ERR_CORRUPT;
	if (version == 1) {
		if (!cur_be64(&c, &duration))
			return ERR_CORRUPT;
	} else {
		if (!cur_be32(&c, &duration32))
			return ERR_CORRUPT;
		duration = duration32 == UINT32_MAX ? 0 : duration32;
	}
	if (duration / t->movie_timescale <= TIMESCALE_SECONDS_MAX)
		t->duration = scale_near((int64_t)duration, (uint64_t)TICK_S, t->movie_timescale);
	return 0;
}

/* Edits that shift by years are no edits that anyone made. */
static bool is_sane(const struct title *t, const struct track *k)
{
	return k->edit.media_time / k->timescale <= TIMESCALE_SECONDS_MAX &&
	       k->edit.delay / t->movie_timescale <= TIMESCALE_SECONDS_MAX;
}

/* Tracks that can't be read are left out: a broken chapter track need not keep the film off. */
static int read_tracks(struct title *t, struct bytes rest)
{
	struct box box;
	int err;

	while (box_next(&rest, &box, &err)) {
		struct track *k = &t->tracks[t->n_tracks];

		if (box.type != FOURCC('t', 'r', 'a', 'k'))
			continue;
		if (t->n_tracks == TITLE_TRACKS_MAX)
			return ERR_LIMIT;
		if (track_read(k, box.body) == 0 && is_sane(t, k))
			t->n_tracks++;
		else
			track_clear(k);
	}
	return err;
}

static const struct track *find_track(const struct title *t, uint32_t id)
{
	for (uint32_t i = 0; i < t->n_tracks; i++) {
		if (t->tracks[i].id == id)
			return &t->tracks[i];
	}
	return NULL;
}

static bool has_control(const struct title *t, const char *control)
{
	for (uint32_t i = 0; i < t->n_streams; i++) {
		if (strcmp(t->streams[i].control, control) == 0)
			return true;
	}
	return false;
}

static int add_stream(struct title *t, const struct track *hint)
{
	struct stream s = { .hint = hint };
	int err;

	if (t->n_streams == SOURCE_TRACKS_MAX)
		return ERR_LIMIT;
	for (uint32_t i = 0; i < hint->n_refs; i++)
		s.refs[i] = find_track(t, hint->refs[i]);
	err = title_sdp_read(&s, hint->sdp, title_bps_max(t));
	if (err)
		return err;
	if (!s.control[0] || has_control(t, s.control))
		(void)snprintf(
			s.control, sizeof s.control, "trackID=%u", hint->id); /* always fits */
	if (has_control(t, s.control))
		return ERR_CORRUPT; /* two tracks of one id */
	err = stream_place(&s, &t->file, t->movie_timescale);
	if (!err)
		t->streams[t->n_streams++] = s;
	return err;
}

static int add_streams(struct title *t)
{
	int first = 0;

	for (uint32_t i = 0; i < t->n_tracks; i++) {
		const struct track *k = &t->tracks[i];
		int err;

		if (k->handler != FOURCC('h', 'i', 'n', 't') || !k->table.n_samples)
			continue;
		err = add_stream(t, k);
		if (err && !first)
			first = err;
	}
	if (!t->n_streams)
		return first ? first : ERR_UNSUPPORTED;
	return 0;
}

/* What a title says of its length if the movie header says nothing. */
static void put_duration(struct title *t)
{
	if (t->duration > 0)
		return;
	for (uint32_t i = 0; i < t->n_streams; i++) {
		if (t->streams[i].duration > t->duration)
			t->duration = t->streams[i].duration;
	}
}

static int title_read(struct title *t)
{
	struct bytes moov;
	int err = mp4_read_moov(&t->file, TITLE_MOOV_MAX, &t->moov, &t->moov_n);

	if (err)
		return err;
	moov = bytes_of(t->moov, t->moov_n);
	if (box_find(moov, FOURCC('c', 'm', 'o', 'v')).p)
		return ERR_UNSUPPORTED; /* compressed movie header of old QuickTime */
	err = read_mvhd(t, moov);
	if (!err)
		err = read_tracks(t, moov);
	if (!err)
		err = add_streams(t);
	if (!err)
		put_duration(t);
	return err;
}

static struct title *title_new(void)
{
	struct title *t = xcalloc(1, sizeof *t);

	atomic_init(&t->refs, 1);
	t->file.fd = -1;
	t->tail = &t->waiting;
	if (pthread_mutex_init(&t->lock, NULL))
		die("pthread_mutex_init");
	return t;
}

static void title_free(struct title *t)
{
	for (uint32_t i = 0; i < t->n_blocks; i++)
		block_unref(t->blocks[i]);
	for (uint32_t i = 0; i < t->n_tracks; i++)
		track_clear(&t->tracks[i]);
	media_file_close(&t->file);
	(void)pthread_mutex_destroy(&t->lock); /* nobody can hold it */
	free(t->moov);
	free(t);
}

struct title *title_ref(struct title *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void title_unref(struct title *t)
{
	if (t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1)
		title_free(t);
}

int64_t title_mtime_ns(const struct title *t)
{
	return t->file.mtime;
}

int title_open_fd(int fd, struct title **out)
{
	struct title *t = title_new();
	int err = media_file_open(&t->file, fd);

	if (!err)
		err = title_read(t);
	if (err) {
		t->file.fd = -1; /* stays the caller's */
		title_free(t);
		return err;
	}
	*out = t;
	return 0;
}

int title_open_memory(struct bytes file, struct title **out)
{
	struct title *t = title_new();
	int err;

	media_file_open_memory(&t->file, file);
	err = title_read(t);
	if (err) {
		title_free(t);
		return err;
	}
	*out = t;
	return 0;
}

void title_set_name(struct title *t, struct bytes path)
{
	size_t n = 0;

	for (size_t i = path.n; i-- > 0;) {
		if (path.p[i] == '/') {
			path = bytes_sub(path, i + 1, path.n);
			break;
		}
	}
	for (size_t i = 0; i < path.n && n + 1 < sizeof t->name; i++) {
		if (path.p[i] >= 0x20 && path.p[i] < 0x7f)
			t->name[n++] = (char)path.p[i];
	}
	t->name[n] = 0;
}

/* ---- blocks ---- */

static uint64_t block_key(uint32_t stream, uint32_t first)
{
	return (uint64_t)stream << 32 | first;
}

static struct block *find_locked(struct title *t, uint32_t stream, uint32_t first)
{
	uint64_t key = block_key(stream, first);

	for (uint32_t i = 0; i < t->n_blocks; i++) {
		if (t->keys[i] == key) {
			t->used[i] = ++t->uses;
			return block_ref(t->blocks[i]);
		}
	}
	return NULL;
}

struct block *title_find_block(struct title *t, uint32_t stream, uint32_t first)
{
	struct block *b;

	pthread_mutex_lock(&t->lock);
	b = find_locked(t, stream, first);
	pthread_mutex_unlock(&t->lock);
	return b;
}

static size_t block_cost(const struct block *b)
{
	return sizeof *b + b->payload_n + b->n_rows * sizeof *b->rows;
}

static void drop_oldest_locked(struct title *t)
{
	uint32_t oldest = 0;

	for (uint32_t i = 1; i < t->n_blocks; i++) {
		if (t->used[i] < t->used[oldest])
			oldest = i;
	}
	t->block_bytes -= block_cost(t->blocks[oldest]);
	block_unref(t->blocks[oldest]);
	t->n_blocks--;
	t->keys[oldest] = t->keys[t->n_blocks];
	t->used[oldest] = t->used[t->n_blocks];
	t->blocks[oldest] = t->blocks[t->n_blocks];
}

static void keep_block(struct title *t, struct block *b)
{
	pthread_mutex_lock(&t->lock);
	while (t->n_blocks && (t->n_blocks == TITLE_BLOCKS_MAX ||
				      t->block_bytes + block_cost(b) > TITLE_CACHE_BYTES_MAX))
		drop_oldest_locked(t);
	t->keys[t->n_blocks] = block_key(b->track, b->first);
	t->used[t->n_blocks] = ++t->uses;
	t->blocks[t->n_blocks++] = block_ref(b);
	t->block_bytes += block_cost(b);
	pthread_mutex_unlock(&t->lock);
}

/* The next request that waits for this title, or none is under way any more. */
static struct media_job *next_job(struct title *t)
{
	struct media_job *j;

	pthread_mutex_lock(&t->lock);
	j = t->waiting;
	if (j) {
		t->waiting = j->next;
		if (!t->waiting)
			t->tail = &t->waiting;
	} else {
		t->filling = false;
	}
	pthread_mutex_unlock(&t->lock);
	return j;
}

static void run_fill(struct media_job *job)
{
	struct block_job *j = container_of(job, struct block_job, job);
	struct title *t = j->title;
	struct media_job *next;
	int changed;

	j->err = 0;
	j->block = title_find_block(t, j->stream, j->first);
	if (!j->block) {
		j->err =
			hint_fill(&t->file, &t->streams[j->stream], j->stream, j->first, &j->block);
		/* a file written to meanwhile explains every other fault, and spoils a block that
		 * looks good */
		changed = media_file_check(&t->file);
		if (changed && !j->err) {
			block_unref(j->block);
			j->block = NULL;
		}
		if (changed)
			j->err = changed;
		if (!j->err)
			keep_block(t, j->block);
	}
	next = next_job(t);
	if (next)
		media_submit(next->io, next);
}

void title_request_block(struct block_job *j, struct media_io *io)
{
	struct title *t = j->title;
	bool now;

	j->job.run = run_fill;
	j->job.io = io;
	j->job.next = NULL;
	pthread_mutex_lock(&t->lock);
	now = !t->filling;
	if (now) {
		t->filling = true;
	} else {
		*t->tail = &j->job;
		t->tail = &j->job.next;
	}
	pthread_mutex_unlock(&t->lock);
	if (now)
		media_submit(io, &j->job);
}
