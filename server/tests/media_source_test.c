/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/media/builtin.h"
#include "server/media/format/movie.h"
#include "server/media/format/stream.h"
#include "server/media/pattern_source.h"
#include "server/media/root.h"
#include "server/media/title.h"
#include "server/tests/mp4file.h"
#include "server/tests/unit.h"

/* ---- pattern ---- */

static int seek_to(struct source *s, uint32_t tracks, tick_t npt, tick_t *actual)
{
	return source_seek(s, tracks, &(struct source_start){ .npt = npt, .scale = 1 }, actual);
}

static struct source *open_pattern(const char *path, struct pattern_body *body)
{
	struct pattern p;
	uint32_t track;

	pattern_body_init(body);
	CU_ASSERT_EQUAL_FATAL(pattern_read(bytes_str(path), &p, &track), 0);
	return pattern_source_new(&p, body);
}

/* Head and body of a packet, put together as a sender does. */
static struct bytes payload(const struct packet *p, uint8_t out[PATTERN_PACKET_MAX])
{
	CU_ASSERT_TRUE_FATAL(p->head_n + p->body.n <= PATTERN_PACKET_MAX);
	memcpy(out, p->head, p->head_n);
	memcpy(out + p->head_n, p->body.p, p->body.n);
	return bytes_of(out, p->head_n + p->body.n);
}

static void t_pattern_packets(void)
{
	static struct pattern_body body;
	struct source *s = open_pattern("/pattern/500k/50p/2t/60s", &body);
	uint8_t out[PATTERN_PACKET_MAX];
	struct pattern_prefix x;
	struct packet p;

	CU_ASSERT_EQUAL(s->n_tracks, 2);
	CU_ASSERT_STRING_EQUAL(s->tracks[1].control, "trackID=2");
	CU_ASSERT_EQUAL(s->duration, 60 * TICK_S);
	s->tracks[0].ssrc = 0x11111111;
	s->tracks[1].ssrc = 0x22222222;
	for (uint64_t i = 0; i < 2 * 60 * 50; i++) {
		tick_t now = 1000 + (tick_t)i;

		CU_ASSERT_EQUAL_FATAL(source_next(s, 3, TICK_NEVER, now, &p), 0);
		CU_ASSERT_EQUAL(p.track, i % 2);
		CU_ASSERT_EQUAL(p.due, (tick_t)(i / 2) * 20 * TICK_MS);
		CU_ASSERT_EQUAL(p.rtp_time, i / 2 * 1800);
		CU_ASSERT_EQUAL(12 + p.head_n + p.body.n, 1250);
		CU_ASSERT_EQUAL(pattern_check(payload(&p, out), &body, &x), 0);
		CU_ASSERT_EQUAL(x.ssrc, s->tracks[i % 2].ssrc);
		CU_ASSERT_EQUAL(x.position, i / 2);
		CU_ASSERT_EQUAL(x.sent, now);
	}
	CU_ASSERT_EQUAL(source_next(s, 3, TICK_NEVER, 1, &p), ERR_END);
	source_free(s);
}

static void t_pattern_seek(void)
{
	static struct pattern_body body;
	struct source *s = open_pattern("/pattern/50p/10s/2t", &body);
	struct packet p;
	tick_t at;

	CU_ASSERT_EQUAL(seek_to(s, 1, 5 * TICK_S + 1, &at), 0);
	CU_ASSERT_EQUAL(at, 5 * TICK_S + 1);
	CU_ASSERT_EQUAL(source_next(s, 1, 5 * TICK_S, 1, &p), SOURCE_LATER);
	CU_ASSERT_EQUAL(p.due, 5 * TICK_S + 20 * TICK_MS);
	CU_ASSERT_EQUAL(source_next(s, 1, TICK_NEVER, 1, &p), 0);
	CU_ASSERT_EQUAL(p.rtp_time, source_rtp_at(s, 0, p.due));
	CU_ASSERT_EQUAL(source_next(s, 2, 0, 1, &p), 0); /* the other track has not moved */
	CU_ASSERT_EQUAL(p.due, 0);
	CU_ASSERT_EQUAL(seek_to(s, 3, 10 * TICK_S + 1, &at), ERR_RANGE);
	CU_ASSERT_EQUAL(seek_to(s, 3, -1, &at), ERR_RANGE);
	CU_ASSERT_EQUAL(seek_to(s, 3, 10 * TICK_S, &at), 0);
	CU_ASSERT_EQUAL(source_next(s, 3, TICK_NEVER, 1, &p), ERR_END);
	source_free(s);
}

static void t_rtp_at(void)
{
	struct source_track t = { .clock_hz = 90000 };
	struct source s = { .n_tracks = 1, .tracks = &t };

	CU_ASSERT_EQUAL(source_rtp_at(&s, 0, 0), 0);
	CU_ASSERT_EQUAL(source_rtp_at(&s, 0, TICK_S), 90000);
	CU_ASSERT_EQUAL(source_rtp_at(&s, 0, -TICK_S / 2), (uint32_t)-45000);
	CU_ASSERT_EQUAL(source_rtp_at(&s, 0, 33333333), 3000);
	/* 2^32 ticks are 13 hours */
	CU_ASSERT_EQUAL(source_rtp_at(&s, 0, 100000 * TICK_S), (uint32_t)9000000000u);
}

/* ---- root ---- */

static int try_open(int root, const char *path)
{
	int fd = root_open(root, bytes_str(path));

	if (fd >= 0)
		(void)close(fd);
	return fd >= 0 ? 0 : fd;
}

static void t_root(void)
{
	char dir[] = "/tmp/beagle-root-XXXXXX";
	int root, sub, fd;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	root = root_dir_open(dir);
	CU_ASSERT_TRUE_FATAL(root >= 0);
	CU_ASSERT_EQUAL(mkdirat(root, "sub", 0700), 0);
	sub = openat(root, "sub", O_DIRECTORY | O_CLOEXEC);
	fd = openat(sub, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_TRUE(fd >= 0 && close(fd) == 0);
	CU_ASSERT_EQUAL(symlinkat("sub/file", root, "inside"), 0);
	CU_ASSERT_EQUAL(symlinkat("/etc/passwd", root, "outside"), 0);
	CU_ASSERT_EQUAL(symlinkat("../..", root, "up"), 0);
	CU_ASSERT_EQUAL(symlinkat("loop", root, "loop"), 0);
	CU_ASSERT_EQUAL(mkfifoat(root, "fifo", 0600), 0);

	CU_ASSERT_EQUAL(try_open(root, "/sub/file"), 0);
	CU_ASSERT_EQUAL(try_open(root, "//sub/./file"), 0);
	CU_ASSERT_EQUAL(try_open(root, "sub/../sub/file"), 0); /* never leaves */
	CU_ASSERT_EQUAL(try_open(root, "inside"), 0);
	CU_ASSERT_EQUAL(try_open(root, "outside"), -EXDEV);
	CU_ASSERT_EQUAL(try_open(root, "up/etc/passwd"), -EXDEV);
	CU_ASSERT_EQUAL(try_open(root, "../etc/passwd"), -EXDEV);
	CU_ASSERT_EQUAL(try_open(root, "sub/../../etc/passwd"), -EXDEV);
	CU_ASSERT_EQUAL(try_open(root, "loop"), -ELOOP);
	CU_ASSERT_EQUAL(try_open(root, "none"), -ENOENT);
	CU_ASSERT_EQUAL(try_open(root, "sub/file/more"), -ENOTDIR);
	CU_ASSERT_EQUAL(try_open(root, "sub"), -EISDIR);
	CU_ASSERT_EQUAL(try_open(root, "fifo"), -ENXIO);
	CU_ASSERT_EQUAL(try_open(root, ""), ERR_SYNTAX);
	CU_ASSERT_EQUAL(try_open(root, "///"), ERR_SYNTAX);
	CU_ASSERT_EQUAL(root_open(root, B("sub/file\0.mp4")), ERR_SYNTAX);

	(void)unlinkat(sub, "file", 0);
	(void)unlinkat(root, "inside", 0);
	(void)unlinkat(root, "outside", 0);
	(void)unlinkat(root, "up", 0);
	(void)unlinkat(root, "loop", 0);
	(void)unlinkat(root, "fifo", 0);
	(void)close(sub);
	(void)unlinkat(root, "sub", AT_REMOVEDIR);
	(void)close(root);
	(void)rmdir(dir);
}

/* ---- an executor that works when it is told to ---- */

struct slow_io {
	struct media_io io;
	struct media_job *jobs;
	unsigned submitted, waiting;
};

static void slow_submit(struct media_io *io, struct media_job *j)
{
	struct slow_io *x = container_of(io, struct slow_io, io);

	j->next = x->jobs;
	x->jobs = j;
	x->submitted++;
	x->waiting++;
}

static void slow_step(struct slow_io *x)
{
	struct media_job *j = x->jobs;

	void (*done)(struct media_job * j) = j->done;

	x->jobs = j->next;
	x->waiting--;
	if (j->run(j) && done)
		done(j);
}

static void count_wake(void *arg)
{
	++*(unsigned *)arg;
}

static struct title *open_clip(void)
{
	struct title *t = NULL;

	CU_ASSERT_EQUAL_FATAL(title_open_memory(builtin_clip(), B("test.mp4"), &t), 0);
	return t;
}

static void t_slow(void)
{
	struct slow_io x = { .io = { slow_submit } };
	/* two titles of one clip: the slow one finds nothing in its cache */
	struct title *a = open_clip(), *b = open_clip();
	struct source *fast = title_source(a, media_io_sync()), *s = title_source(b, &x.io);
	unsigned wakes = 0, packets = 0, agains = 0;
	struct packet p, q;
	int err;

	s->wake = count_wake;
	s->wake_arg = &wakes;
	title_unref(a);
	title_unref(b);
	while ((err = source_next(s, 3, TICK_NEVER, (tick_t)packets, &p)) != ERR_END) {
		if (err == ERR_AGAIN) {
			CU_ASSERT_EQUAL(wakes, agains);
			CU_ASSERT_TRUE(x.waiting == 1); /* one request per title at a time */
			agains++;
			while (x.waiting && wakes < agains)
				slow_step(&x);
			CU_ASSERT_EQUAL_FATAL(wakes, agains);
			continue;
		}
		CU_ASSERT_EQUAL_FATAL(err, 0);
		packets++;
		CU_ASSERT_EQUAL_FATAL(source_next(fast, 3, TICK_NEVER, 1, &q), 0);
		CU_ASSERT_TRUE(p.track == q.track && p.due == q.due && p.rtp_time == q.rtp_time);
		CU_ASSERT_TRUE(bytes_is_eq(p.body, q.body));
	}
	CU_ASSERT_EQUAL(packets, 259 + 23);
	source_free(s);
	source_free(fast);
	while (x.waiting)
		slow_step(&x);
}

static void t_shared(void)
{
	struct slow_io x = { .io = { slow_submit } };
	struct title *t = open_clip();
	const uint8_t *first = NULL;
	struct source *s[20];
	struct packet p;

	for (size_t i = 0; i < COUNT(s); i++) {
		s[i] = title_source(t, &x.io);
		CU_ASSERT_EQUAL(source_next(s[i], 3, 0, 1, &p), ERR_AGAIN);
	}
	CU_ASSERT_EQUAL(x.submitted, 1);
	while (x.waiting) {
		CU_ASSERT_EQUAL(x.waiting, 1);
		slow_step(&x);
	}
	for (size_t i = 0; i < COUNT(s); i++) {
		CU_ASSERT_EQUAL(source_next(s[i], 1, 0, 1, &p), 0);
		first = first ? first : p.body.p;
		CU_ASSERT_PTR_EQUAL(p.body.p, first); /* the same block, not a copy of it */
		source_free(s[i]);
	}
	while (x.waiting)
		slow_step(&x);
	title_unref(t);
}

static void t_freed_in_flight(void)
{
	struct slow_io x = { .io = { slow_submit } };
	struct title *t = open_clip();
	struct source *a = title_source(t, &x.io), *b = title_source(t, &x.io);
	unsigned wakes = 0;
	struct packet p;

	a->wake = b->wake = count_wake;
	a->wake_arg = b->wake_arg = &wakes;
	CU_ASSERT_EQUAL(source_next(a, 3, 0, 1, &p), ERR_AGAIN);
	CU_ASSERT_EQUAL(source_next(b, 3, 0, 1, &p), ERR_AGAIN);
	title_unref(t);
	source_free(a);
	source_free(b);
	while (x.waiting)
		slow_step(&x);
	CU_ASSERT_EQUAL(wakes, 0);
}

/* A seek while a block for elsewhere is being read: that block must not be played. */
static void t_seek_in_flight(void)
{
	struct slow_io x = { .io = { slow_submit } };
	struct title *t = open_clip();
	struct source *s = title_source(t, &x.io);
	struct packet p;
	tick_t at;
	int err;

	CU_ASSERT_EQUAL(source_next(s, 1, 0, 1, &p), ERR_AGAIN);
	CU_ASSERT_EQUAL(seek_to(s, 1, 4 * TICK_S, &at), 0);
	CU_ASSERT_EQUAL(at, 4 * TICK_S);
	while ((err = source_next(s, 1, TICK_NEVER, 1, &p)) == ERR_AGAIN)
		slow_step(&x);
	CU_ASSERT_EQUAL(err, 0);
	CU_ASSERT_EQUAL(p.due, 4 * TICK_S);
	source_free(s);
	title_unref(t);
	while (x.waiting)
		slow_step(&x);
}

/* Bodies handed out in one turn are good until the next, whatever happens to their block. */
static void t_body_life(void)
{
	struct title *t = open_clip();
	struct source *s = title_source(t, media_io_sync());
	struct packet p, first;
	uint8_t copy[2048];
	unsigned n = 0;

	CU_ASSERT_EQUAL_FATAL(source_next(s, 1, TICK_NEVER, 1, &first), 0);
	CU_ASSERT_TRUE_FATAL(first.body.n <= sizeof copy);
	memcpy(copy, first.body.p, first.body.n);
	while (source_next(s, 1, TICK_NEVER, 1, &p) == 0)
		n++;
	CU_ASSERT_TRUE(n > 200);
	CU_ASSERT_TRUE(memcmp(copy, first.body.p, first.body.n) == 0);
	source_free(s);
	title_unref(t);
}

/* ---- scales ---- */

enum { RICH_FRAME = 100000, RICH_FRAMES = 64, RICH_FPS = 25 };

/* 20 Mbit/s: a second is ten blocks long. */
static struct title *open_rich(struct buf *file, uint8_t *data)
{
	struct buf entry;
	struct mp4file m = { .timescale = 1000,
		.n_tracks = 1,
		.tracks = { { .handler = "vide",
			.timescale = RICH_FPS,
			.delta = 1,
			.data = { data, RICH_FRAME * RICH_FRAMES },
			.n_samples = RICH_FRAMES,
			.uniform_size = RICH_FRAME,
			.per_chunk = 1,
			.n_sync = 4,
			.sync = { 1, 21, 41, 61 },
			.edit = -1,
			.n_entries = 1,
			.flags = 1 } } };
	struct title *t;

	buf_init(&entry, 1024);
	mp4file_close(&entry, mp4file_open_video(&entry, "vp08", 320, 240));
	m.tracks[0].entries = buf_bytes(&entry);
	mp4file_write(&m, file);
	CU_ASSERT_EQUAL_FATAL(title_open_memory(buf_bytes(file), B("rich.mp4"), &t), 0);
	buf_clear(&entry);
	return t;
}

static void t_rich_scale(void)
{
	uint8_t *data = xcalloc(RICH_FRAMES, RICH_FRAME);
	struct buf file;
	uint32_t frames = 0, last = 0;
	struct packet p;
	tick_t actual;

	buf_init(&file, 16 << 20);
	struct title *t = open_rich(&file, data);
	struct source *s = title_source(t, media_io_sync());
	const struct source_start at = { .scale = 2 };

	CU_ASSERT_EQUAL_FATAL(source_seek(s, 1, &at, &actual), 0);
	for (tick_t now = 1; source_next(s, 1, TICK_NEVER, now, &p) == 0; now++) {
		CU_ASSERT_TRUE(p.sync);
		frames += !frames || p.rtp_time != last;
		last = p.rtp_time;
	}
	CU_ASSERT_EQUAL(frames, 4);
	source_free(s);
	title_unref(t);
	buf_clear(&file);
	free(data);
}

/* ---- one frame that fills a block by itself ---- */

static void t_monster(void)
{
	enum { SMALL = 1000, MONSTER = (8 << 20) - (16 << 10) };
	uint8_t *data = xcalloc(1, (RICH_FRAMES - 1) * SMALL + MONSTER);
	struct buf entry, file;
	struct mp4file m = { .timescale = 1000,
		.n_tracks = 1,
		.tracks = { { .handler = "vide",
			.timescale = 100,
			.delta = 1,
			.data = { data, (RICH_FRAMES - 1) * SMALL + MONSTER },
			.n_samples = RICH_FRAMES,
			.per_chunk = 1,
			.edit = -1,
			.n_entries = 1,
			.flags = 1 } } };
	struct title *t;
	struct block *b;
	uint32_t fills = 0;

	for (size_t i = 0; i < RICH_FRAMES; i++)
		m.tracks[0].sizes[i] = i + 1 < RICH_FRAMES ? SMALL : MONSTER;
	buf_init(&entry, 1024);
	mp4file_close(&entry, mp4file_open_video(&entry, "vp08", 320, 240));
	m.tracks[0].entries = buf_bytes(&entry);
	buf_init(&file, 16 << 20);
	mp4file_write(&m, &file);
	CU_ASSERT_EQUAL_FATAL(title_open_memory(buf_bytes(&file), B("monster.mp4"), &t), 0);
	const struct movie *movie = title_movie(t);
	const struct stream *s = movie->streams[0];

	for (uint32_t first = 0; first < RICH_FRAMES; fills++) {
		CU_ASSERT_EQUAL_FATAL(s->ops->fill(s, &movie->file, 0, first, &b), 0);
		CU_ASSERT_TRUE_FATAL(b->next > first);
		CU_ASSERT_TRUE(b->n_rows >= b->next - first);
		first = b->next;
		block_unref(b);
	}
	CU_ASSERT_TRUE(fills <= 8); /* each reads the monster again */
	title_unref(t);
	buf_clear(&file);
	buf_clear(&entry);
	free(data);
}

UNIT_SUITE(media_source,
	{ "pattern: every packet proves stream, position and send time", t_pattern_packets },
	{ "pattern: a seek moves the named tracks to the packet due next", t_pattern_seek },
	{ "source: RTP time of any NPT, before 0 and beyond 32 bits, too", t_rtp_at },
	{ "root: nothing beside or outside the folder opens, no device, no FIFO", t_root },
	{ "source: what is being loaded answers ERR_AGAIN and wakes once", t_slow },
	{ "title: one request at a time, blocks are shared", t_shared },
	{ "source: freed while its request is under way, it ends quietly", t_freed_in_flight },
	{ "source: a block asked for before a seek is not played after it", t_seek_in_flight },
	{ "source: bodies outlive their block for the rest of the turn", t_body_life },
	{ "source: a fast-forward finds sync samples late in a rich second (2326 12.34)",
		t_rich_scale },
	{ "source: before a frame that fills a block there are few blocks", t_monster });
