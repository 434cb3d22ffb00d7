/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/builtin.h"
#include "server/media/root.h"
#include "server/media/title.h"
#include "server/modules/modules.h"

/* Hinted MP4 and QuickTime files beneath movie_folder; without a folder the clip that is linked in. */
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

static int file_init(struct module *self, const struct prefs *p, char *why)
{
	struct file_state *f = xcalloc(1, sizeof *f);

	self->state = f;
	f->root_fd = -1;
	f->cache = title_cache_new();
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
	o->request = (struct title_request){
		.cache = f->cache, .root_fd = f->root_fd, .path = o->path, .on_done = on_opened
	};
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
		title_unref(o->request.title);
	}
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
	.shutdown = file_shutdown,
};
