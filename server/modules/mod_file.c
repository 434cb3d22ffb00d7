/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/core/server.h"
#include "server/media/builtin.h"
#include "server/media/root.h"
#include "server/media/title.h"
#include "server/modules/modules.h"

/* The files beneath movie_folder; without a folder the clip that is linked in. */
struct file_state {
	struct title_cache *cache;
	int root_fd;        /* -1: no folder */
	struct title *clip; /* no folder: the built-in clip */
};

struct opening {
	struct title_request request;
	struct task *task; /* of the txn that waits */
	char *path;
	bool done;
};

/* Part of the descriptors that titles may take; the others are for clients. */
enum { DESCRIPTORS_PART = 4, TITLES_MIN = 8, TITLES_MAX = 1 << 20 };

static uint32_t titles_max(const struct prefs *p)
{
	struct rlimit l;
	rlim_t n = 1024;

	if (p->media_titles_max)
		return (uint32_t)p->media_titles_max;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0)
		n = l.rlim_cur / DESCRIPTORS_PART;
	return n < TITLES_MIN ? TITLES_MIN : n > TITLES_MAX ? TITLES_MAX : (uint32_t)n;
}

/* What has become of an attempt, and the counter of that. */
static const struct outcome {
	int err;
	size_t stat;
} outcomes[] = {
#define OUTCOME(err, stat)                        \
	{                                         \
		err, offsetof(struct stats, stat) \
	}
	OUTCOME(0, media_opens),
	OUTCOME(-ENOENT, media_open_not_found),
	OUTCOME(-ENOTDIR, media_open_not_found),
	OUTCOME(-ELOOP, media_open_not_found),
	OUTCOME(-ENAMETOOLONG, media_open_not_found),
	OUTCOME(ERR_SYNTAX, media_open_not_found),
	OUTCOME(-EISDIR, media_open_folder),
	OUTCOME(-EXDEV, media_open_outside),
	OUTCOME(-EACCES, media_open_denied),
	OUTCOME(-EPERM, media_open_denied),
	OUTCOME(-ENXIO, media_open_device),
	OUTCOME(-ENODATA, media_open_empty),
	OUTCOME(ERR_TRUNCATED, media_open_truncated),
	OUTCOME(ERR_CORRUPT, media_open_corrupt),
	OUTCOME(ERR_LIMIT, media_open_excessive),
	OUTCOME(ERR_UNSUPPORTED, media_open_unsupported),
	OUTCOME(ERR_CHANGED, media_open_changed),
	OUTCOME(-EMFILE, media_open_full),
	OUTCOME(-ENFILE, media_open_full),
	OUTCOME(-ENOMEM, media_open_full),
	OUTCOME(-ENOBUFS, media_open_full),
#undef OUTCOME
};

static void count_outcome(struct stats *s, int err)
{
	for (size_t i = 0; i < COUNT(outcomes); i++) {
		if (outcomes[i].err == err) {
			++*(uint64_t *)(void *)((char *)s + outcomes[i].stat);
			return;
		}
	}
	s->media_open_failed++;
}

static int file_init(struct module *self, const struct prefs *p, char *why)
{
	struct file_state *f = xcalloc(1, sizeof *f);

	self->state = f;
	f->root_fd = -1;
	f->cache = title_cache_new(&(struct title_limits){
		.bytes = (size_t)p->media_cache_mb << 20, .titles = titles_max(p) });
	if (p->movie_folder[0]) {
		f->root_fd = root_dir_open(p->movie_folder);
		if (f->root_fd < 0) {
			(void)snprintf(why, PREFS_WHY, "movie_folder %.150s: %s", p->movie_folder,
				err_text(f->root_fd));
			return f->root_fd;
		}
		return 0;
	}
	int err = title_open_memory(builtin_clip(), B("clip.mp4"), &f->clip);
	if (err)
		(void)snprintf(why, PREFS_WHY, "the built-in clip: %s", err_text(err));
	return err;
}

static void on_opened(struct title_request *r)
{
	struct opening *o = container_of(r, struct opening, request);
	o->done = true;
	task_signal(o->task, EV_UPDATE);
}

static int start_opening(struct file_state *f, struct rtsp_txn *t, const char *path)
{
	struct opening *o = xcalloc(1, sizeof *o);

	o->task = t->task;
	o->path = xstrdup(path);
	o->request = (struct title_request){ .cache = f->cache,
		.root_fd = f->root_fd,
		.path = o->path,
		.on_done = on_opened,
		.for_session = t->req.method == RTSP_SETUP };
	t->opening = o;
	title_request_start(&o->request, &t->worker->io.io);
	return ERR_AGAIN;
}

static int take_title(struct rtsp_txn *t, struct title *title, struct source **out)
{
	t->last_modified = title_mtime_ns(title) / TICK_S;
	*out = title_source(title, &t->worker->io.io);
	return 0;
}

static int finish_opening(struct rtsp_txn *t, struct source **out)
{
	struct opening *o = t->opening;

	if (!o->done)
		return ERR_AGAIN;
	int err = o->request.err;
	if (!err) {
		err = take_title(t, o->request.title, out);
		title_release(o->request.title, &t->worker->io.io);
	}
	count_outcome(&t->worker->stats, err);
	free(o->path);
	free(o);
	t->opening = NULL;
	return err;
}

static int file_open(struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	struct file_state *f = self->state;

	if (f->clip)
		return strcmp(path, "/clip.mp4") == 0 ? take_title(t, f->clip, out) : ERR_NOT_FOUND;
	return t->opening ? finish_opening(t, out) : start_opening(f, t, path);
}

/* Worker 0 looks after what all share. */
static void file_interval(struct module *self, struct worker *w, tick_t now)
{
	struct file_state *f = self->state;
	struct title_gauges g;
	struct iopool_gauges io;
	(void)now;

	if (w->index)
		return;
	title_cache_check(f->cache, &w->io.io);
	title_cache_gauges(f->cache, &g);
	w->stats.media_cache_bytes = g.tables + g.blocks;
	w->stats.media_cache_bytes_most = g.most;
	w->stats.media_cache_pinned_bytes = g.pinned;
	w->stats.media_titles_open = g.titles;
	w->stats.media_files_read = g.read;
	w->stats.media_blocks_filled = g.filled;
	w->stats.media_blocks_evicted = g.evicted;
	iopool_read_gauges(w->server->pool, &io);
	w->stats.io_threads_now = io.threads;
	w->stats.io_threads_most = io.most_threads;
}

static void file_shutdown(struct module *self)
{
	struct file_state *f = self->state;

	title_unref(f->clip);
	title_cache_free(f->cache);
	if (f->root_fd >= 0)
		(void)close(f->root_fd); /* only looked up in */
	free(f);
}

const struct module mod_file = {
	.api_version = MODULE_API,
	.name = "file",
	.init = file_init,
	.open_source = file_open,
	.interval = file_interval,
	.shutdown = file_shutdown,
};
