/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/media/root.h"
#include "server/media/title_parts.h"

static struct title *title_new(void)
{
	struct title *t = xcalloc(1, sizeof *t);

	atomic_init(&t->refs, 1);
	t->movie.file.fd = -1;
	t->tail = &t->waiting;
	if (pthread_mutex_init(&t->lock, NULL))
		die("pthread_mutex_init");
	return t;
}

static void title_free(struct title *t)
{
	for (uint32_t i = 0; i < t->n_blocks; i++)
		block_unref(t->blocks[i]);
	movie_clear(&t->movie);
	media_file_close(&t->movie.file);
	(void)pthread_mutex_destroy(&t->lock); /* nobody can hold it */
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

const struct movie *title_movie(const struct title *t)
{
	return &t->movie;
}

int64_t title_mtime_ns(const struct title *t)
{
	return t->movie.file.mtime;
}

/* The last segment of path: what does not belong into SDP is left out of the name. */
static struct bytes last_segment(struct bytes path)
{
	for (size_t i = path.n; i-- > 0;) {
		if (path.p[i] == '/')
			return bytes_sub(path, i + 1, path.n);
	}
	return path;
}

static void put_name(struct title *t, struct bytes segment)
{
	size_t n = 0;

	for (size_t i = 0; i < segment.n && n + 1 < sizeof t->name; i++) {
		if (segment.p[i] >= 0x20 && segment.p[i] < 0x7f)
			t->name[n++] = (char)segment.p[i];
	}
	t->name[n] = 0;
}

static void log_notes(const struct title *t)
{
	struct bytes rest = buf_bytes(&t->movie.notes), line;

	while (bytes_cut(&rest, '\n', &line)) {
		if (line.n)
			log_write(LOG_W, "media", "%s: %.*s", t->name, BYTES_FMT(line));
	}
}

static int title_read(struct title *t, struct bytes path)
{
	struct bytes segment = last_segment(path);

	put_name(t, segment);
	return movie_open(&t->movie, segment);
}

static int open_file(struct title *t, int fd, struct bytes path)
{
	int err = media_file_open(&t->movie.file, fd);

	return err ? err : title_read(t, path);
}

/* *out is t, or t is gone and fd still the caller's. */
static int answer_open(struct title *t, int err, struct title **out)
{
	if (err) {
		t->movie.file.fd = -1;
		title_free(t);
		return err;
	}
	*out = t;
	return 0;
}

int title_open_fd(int fd, struct bytes path, struct title **out)
{
	struct title *t = title_new();
	int err = open_file(t, fd, path);

	log_notes(t);
	return answer_open(t, err, out);
}

int title_open_path(const char *path, struct buf *notes, struct title **out)
{
	int fd = root_open_path(path), err;
	struct title *t;

	if (fd < 0)
		return fd;
	t = title_new();
	err = open_file(t, fd, bytes_str(path));
	(void)!buf_put(notes, buf_bytes(&t->movie.notes)); /* full: enough has been said */
	err = answer_open(t, err, out);
	if (err)
		(void)close(fd); /* read side: nothing to lose */
	return err;
}

int title_open_memory(struct bytes file, struct bytes path, struct title **out)
{
	struct title *t = title_new();
	int err;

	media_file_open_memory(&t->movie.file, file);
	err = title_read(t, path);
	return answer_open(t, err, out);
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
		const struct stream *s = t->movie.streams[j->stream];

		j->err = s->ops->fill(s, &t->movie.file, j->stream, j->first, &j->block);
		/* a file written to meanwhile explains every other fault, and spoils a block that
		 * looks good */
		changed = media_file_check(&t->movie.file);
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
