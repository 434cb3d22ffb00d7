/* SPDX-License-Identifier: MIT */
#include "server/tests/shelf.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/media/builtin.h"
#include "server/media/root.h"
#include "server/tests/unit.h"

void shelf_open(struct shelf *s, size_t bytes, uint32_t titles)
{
	memcpy(s->dir, "/tmp/beagle-cache-XXXXXX", 25);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s->dir));
	s->root = root_dir_open(s->dir);
	CU_ASSERT_TRUE_FATAL(s->root >= 0);
	s->c = title_cache_new(&(struct title_limits){ .bytes = bytes, .titles = titles });
}

void shelf_close(struct shelf *s)
{
	struct title_gauges g;

	title_cache_gauges(s->c, &g);
	CU_ASSERT_EQUAL(g.pinned, 0);
	CU_ASSERT_EQUAL(s->c->expected, 0);
	title_cache_free(s->c);
	(void)close(s->root);
	(void)rmdir(s->dir);
}

void shelf_put(struct shelf *s, const char *name, struct bytes what)
{
	int fd = openat(s->root, name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	CU_ASSERT_EQUAL(write(fd, what.p, what.n), (ssize_t)what.n);
	CU_ASSERT_EQUAL(close(fd), 0);
}

void shelf_remove(struct shelf *s, const char *name)
{
	CU_ASSERT_EQUAL(unlinkat(s->root, name, 0), 0);
}

void shelf_name(char *name, int i)
{
	(void)snprintf(name, 16, "%d.mp4", i);
}

void shelf_put_many(struct shelf *s, int n)
{
	char name[16];

	for (int i = 0; i < n; i++) {
		shelf_name(name, i);
		shelf_put(s, name, builtin_clip());
	}
}

void shelf_remove_many(struct shelf *s, int n)
{
	char name[16];

	for (int i = 0; i < n; i++) {
		shelf_name(name, i);
		shelf_remove(s, name);
	}
}

static void nothing(struct title_request *r)
{
	(void)r;
}

int shelf_request(struct shelf *s, const char *path, bool for_session, struct title **t)
{
	struct title_request r = { .cache = s->c,
		.root_fd = s->root,
		.path = path,
		.for_session = for_session,
		.on_done = nothing };

	title_request_start(&r, media_io_sync());
	*t = r.title;
	return r.err;
}

struct title *shelf_open_title(struct shelf *s, const char *path)
{
	struct title *t;

	CU_ASSERT_EQUAL_FATAL(shelf_request(s, path, false, &t), 0);
	return t;
}

int shelf_next(struct source *s, struct packet *p)
{
	return source_next(s, source_all(s), TICK_NEVER, 1, p);
}

int shelf_play_out(struct source *s)
{
	struct packet p;
	int n = 0, err;

	for (tick_t now = 1; !(err = source_next(s, source_all(s), TICK_NEVER, now, &p)); now++)
		n++;
	return err == ERR_END ? n : err;
}
