/* SPDX-License-Identifier: MIT */
#include "server/tests/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/title.h"
#include "server/tests/unit.h"
#include "server/wire/range.h"

#define STEP (10 * TICK_MS) /* how often the client reads */

/* ---- the film as a module ---- */

struct reels {
	struct buf file[2];
	struct title *title[2];
};
static const struct {
	const char *path;
	uint32_t group;
} reel_rows[2] = { { "/reel.mp4", REEL_GROUP }, { "/short.mp4", 5 } };

static int reels_init(struct module *self, const struct prefs *p, char *why)
{
	struct reels *r = xcalloc(1, sizeof *r);
	(void)p;
	(void)why;

	self->state = r;
	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		buf_init(&r->file[i], 4 << 20);
		reel_write(&r->file[i], reel_rows[i].group);
		CU_ASSERT_EQUAL_FATAL(
			title_open_memory(buf_bytes(&r->file[i]), B("reel.mp4"), &r->title[i]), 0);
	}
	return 0;
}

static int reels_open(
	struct module *self, struct rtsp_txn *t, const char *path, struct source **out)
{
	struct reels *r = self->state;

	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		if (strcmp(path, reel_rows[i].path) != 0)
			continue;
		*out = title_source(r->title[i], &t->worker->io.io);
		return 0;
	}
	return ERR_NOT_FOUND;
}

static void reels_shutdown(struct module *self)
{
	struct reels *r = self->state;

	for (size_t i = 0; i < COUNT(reel_rows); i++) {
		title_unref(r->title[i]);
		buf_clear(&r->file[i]);
	}
	free(r);
}

static const struct module reels_module = {
	.api_version = MODULE_API,
	.name = "reels",
	.init = reels_init,
	.open_source = reels_open,
	.shutdown = reels_shutdown,
};

/* ---- a session ---- */

struct show *show_open(size_t reel)
{
	struct show *x = xcalloc(1, sizeof *x);
	char track[64];

	sim_open_with(&x->sim, 1, &reels_module);
	x->sim.prefs.overbuffer_tcp = 0;
	sim_connect(&x->c, &x->sim, 0);
	x->path = reel_rows[reel].path;
	x->v.clock = &x->sim.clock;
	x->v.group = reel_rows[reel].group;
	x->c.on_frame = reel_view;
	x->c.arg = &x->v;
	for (int i = 1; i <= 2; i++) {
		(void)snprintf(track, sizeof track, "%s/trackID=%d", x->path, i);
		CU_ASSERT_EQUAL_FATAL(sim_setup(&x->c, track,
					      i == 1 ? "RTP/AVP/TCP;unicast;interleaved=0-1"
						     : "RTP/AVP/TCP;unicast;interleaved=2-3"),
			200);
	}
	return x;
}

void show_close(struct show *x)
{
	/* nothing was ever lost, out of place, or numbered wrongly */
	CU_ASSERT_EQUAL(x->v.gaps, 0);
	CU_ASSERT_EQUAL(x->v.wrong, 0);
	CU_ASSERT_EQUAL(x->v.early, 0);
	CU_ASSERT_EQUAL(x->v.wrong_seq, 0);
	sim_hang_up(&x->c);
	sim_close(&x->sim);
	free(x);
}

double show_rate(struct show *x, enum rtsp_header_id id)
{
	char text[32];
	return atof(sim_header(&x->c, id, text, sizeof text));
}

/* PLAY with these headers (lines, or ""): the status. What the reply says goes to the viewer. */
int show_play(struct show *x, const char *headers)
{
	struct range r = { 0 };
	struct fault f;

	sim_frames(&x->c);
	int status = sim_ask(&x->c, "PLAY", x->path, headers);
	if (status != 200)
		return status;
	CU_ASSERT_EQUAL_FATAL(range_read(rtsp_value(&x->c.reply, RTSP_H_RANGE), &r, &f), 0);
	sim_header(&x->c, RTSP_H_RANGE, x->range, sizeof x->range);
	x->scale = show_rate(x, RTSP_H_SCALE);
	x->speed = show_rate(x, RTSP_H_SPEED);
	if (r.unit == RANGE_CLOCK)
		r.start -= REEL_CREATED * TICK_S;
	bool jumps = strstr(headers, "Range: ") && !strstr(headers, "Range: npt=-");
	CU_ASSERT_EQUAL(reel_play(&x->v, rtsp_value(&x->c.reply, RTSP_H_RTP_INFO), r.start,
				x->scale != 0 ? x->scale : 1, jumps),
		0);
	return 200;
}

/* Time passes, and the client reads. */
void show_run(struct show *x, tick_t span)
{
	do {
		tick_t step = span < STEP ? span : STEP;
		sim_run(&x->sim, step);
		sim_frames(&x->c);
		span -= step;
	} while (span > 0);
}

double show_pause(struct show *x, const char *headers)
{
	double npt = -1;

	sim_frames(&x->c);
	CU_ASSERT_EQUAL(sim_ask(&x->c, "PAUSE", x->path, headers), 200);
	sim_header(&x->c, RTSP_H_RANGE, x->range, sizeof x->range);
	CU_ASSERT_EQUAL(sscanf(x->range, "npt=%lf-", &npt), 1);
	return npt;
}

double show_position(struct show *x)
{
	double npt = -1;
	char *text = xasprintf("GET_PARAMETER rtsp://h%s RTSP/1.0\r\nCSeq: %u\r\nSession: "
			       "%s\r\nContent-Length: 10\r\n\r\nposition\r\n",
		x->path, ++x->c.cseq, x->c.session);

	sim_send(&x->c, text);
	free(text);
	CU_ASSERT_EQUAL(sim_reply(&x->c), 200);
	char body[64];
	CU_ASSERT_TRUE(bytes_to_str(x->c.reply.body, body, sizeof body));
	CU_ASSERT_EQUAL(sscanf(body, "position: %lf", &npt), 1);
	return npt;
}

/* Frames of this range that were not shown once, and frames outside that were. */
uint32_t show_odd_frames(const struct show *x, uint32_t from, uint32_t to)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < REEL_FRAMES; i++)
		n += x->v.shown[i] != (i >= from && i < to);
	return n;
}

bool is_near(double a, double b, double by)
{
	return a - b < by && b - a < by;
}
