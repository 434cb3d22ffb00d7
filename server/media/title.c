/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/base/utf8.h"
#include "server/media/pack/block_build.h"
#include "server/media/root.h"
#include "server/media/title_parts.h"

/* What a title that was opened without a cache may keep of its blocks. */
enum { ALONE_BYTES_MAX = 16 << 20 };

static struct title *title_new(void)
{
	struct title *t = xcalloc(1, sizeof *t);

	atomic_init(&t->refs, 1);
	t->movie.file.fd = -1;
	t->tail = &t->waiting;
	link_init(&t->lru);
	link_init(&t->kept);
	if (pthread_mutex_init(&t->lock, NULL))
		die("pthread_mutex_init");
	return t;
}

static void leave_cache(struct title *t)
{
	struct title_cache *c = t->cache;
	struct victims v;

	if (!c)
		return;
	victims_init(&v);
	pthread_mutex_lock(&c->lock);
	cache_drop_blocks(c, t, &v);
	if (t->is_counted)
		c->gauges.tables -= t->cost;
	pthread_mutex_unlock(&c->lock);
	victims_free(&v);
	if (t->owns_cache)
		title_cache_free(c);
}

static void title_free(struct title *t)
{
	leave_cache(t);
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

static bool is_last(struct title *t)
{
	return t && atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) == 1;
}

void title_unref(struct title *t)
{
	if (is_last(t))
		title_free(t);
}

static bool run_closing(struct media_job *j)
{
	title_free(container_of(j, struct title, closing));
	return true;
}

void title_release(struct title *t, struct media_io *io)
{
	if (!is_last(t))
		return;
	t->closing = (struct media_job){ .run = run_closing, .share = t->movie.file.device };
	media_submit(io, &t->closing);
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

	while (segment.n) {
		size_t more = utf8_length(segment);

		if (n + more >= sizeof t->name)
			break;
		memcpy(t->name + n, segment.p, more);
		n += more;
		segment = bytes_sub(segment, more ? more : 1, segment.n);
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

/* What one cursor holds of a stream at a time: a slot, or a full block when that is less. */
static size_t stream_need(const struct stream *s)
{
	uint64_t slot = (uint64_t)s->bitrate_bps / 8 * STREAM_SLOT_S;

	return slot && slot < BLOCK_BYTES_SOFT ? (size_t)slot : BLOCK_BYTES_SOFT;
}

static void measure(struct title *t)
{
	const struct movie *m = &t->movie;

	t->cost = sizeof *t + m->memory + m->sdp.cap + m->notes.cap;
	for (uint32_t i = 0; i < m->n_streams; i++)
		t->need += stream_need(m->streams[i]);
	if (t->need > m->file.size)
		t->need = (size_t)m->file.size;
}

static int title_read(struct title *t, struct bytes path)
{
	struct bytes segment = last_segment(path);

	put_name(t, segment);
	if (!t->movie.file.size)
		return -ENODATA;
	int err = movie_open(&t->movie, segment);
	if (!err)
		measure(t);
	return err;
}

static int read_file(struct title *t, int fd, struct bytes path)
{
	int err = media_file_open(&t->movie.file, fd), changed;

	if (err)
		return err;
	err = title_read(t, path);
	changed = media_file_check(&t->movie.file); /* explains every other fault */
	return changed ? changed : err;
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

static void stand_alone(struct title *t)
{
	t->cache = title_cache_new(&(struct title_limits){ .bytes = ALONE_BYTES_MAX });
	t->owns_cache = true;
}

int title_read_fd(struct title_cache *c, int fd, struct bytes path, struct title **out)
{
	struct title *t = title_new();
	int err = read_file(t, fd, path);

	t->cache = c;
	log_notes(t);
	return answer_open(t, err, out);
}

int title_open_fd(int fd, struct bytes path, struct title **out)
{
	int err = title_read_fd(NULL, fd, path, out);

	if (!err)
		stand_alone(*out);
	return err;
}

int title_open_path(const char *path, struct buf *notes, struct title **out)
{
	int fd = root_open_path(path), err;
	struct title *t;

	if (fd < 0)
		return fd;
	t = title_new();
	err = read_file(t, fd, bytes_str(path));
	(void)!buf_put(notes, buf_bytes(&t->movie.notes)); /* full: enough has been said */
	err = answer_open(t, err, out);
	if (err)
		(void)close(fd); /* read side: nothing to lose */
	else
		stand_alone(t);
	return err;
}

int title_open_memory(struct bytes file, struct bytes path, struct title **out)
{
	struct title *t = title_new();
	int err;

	media_file_open_memory(&t->movie.file, file);
	err = answer_open(t, title_read(t, path), out);
	if (!err)
		stand_alone(t);
	return err;
}
