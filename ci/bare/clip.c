/* SPDX-License-Identifier: MIT */
#include "ci/bare/clip.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/media/title.h"
#include "server/wire/rtp.h"

enum {
	SYNTHETIC_RATE = 100,
	SYNTHETIC_S = 10,
	SYNTHETIC_HZ = 90000,
	SYNTHETIC_TYPE = 96,
	WAITS_MAX = 100
};

static struct clip_packet *add(struct clip *c, size_t bytes)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 1024;
		c->packets = xrealloc(c->packets, c->cap * sizeof *c->packets);
	}
	while (c->payload_n + bytes > c->payload_cap) {
		c->payload_cap = c->payload_cap ? 2 * c->payload_cap : 1 << 20;
		c->payload = xrealloc(c->payload, c->payload_cap);
	}
	struct clip_packet *k = &c->packets[c->n++];
	*k = (struct clip_packet){ .at = (uint32_t)c->payload_n, .n = (uint16_t)bytes };
	c->payload_n += bytes;
	return k;
}

static void take(struct clip *c, const struct packet *p)
{
	struct clip_packet *k = add(c, p->head_n + p->body.n);
	uint8_t *to = c->payload + k->at;

	k->due = p->due;
	k->rtp_time = p->rtp_time;
	k->train = p->train;
	k->track = p->track;
	k->payload_type = p->payload_type;
	k->marker = p->marker;
	memcpy(to, p->head, p->head_n);
	if (p->body.n)
		memcpy(to + p->head_n, p->body.p, p->body.n);
}

static int read_packets(struct clip *c, struct source *s)
{
	struct packet p;
	int r = 0, waits = 0;

	/* What has been copied may go: each call is a later one. The synchronous io has what it was asked for
	 * ready the next time. */
	for (tick_t now = 0; r == 0 || (r == ERR_AGAIN && waits <= WAITS_MAX); now++) {
		r = source_next(s, source_all(s), TICK_NEVER - 1, now, &p);
		waits = r == ERR_AGAIN ? waits + 1 : 0;
		if (r == 0)
			take(c, &p);
	}
	return r == ERR_END ? 0 : r;
}

int clip_read(struct clip *c, const char *path, struct buf *notes)
{
	struct title *t;
	int err = title_open_path(path, notes, &t);

	*c = (struct clip){ 0 };
	if (err)
		return err;
	struct source *s = title_source(t, media_io_sync());
	c->n_tracks = s->n_tracks;
	for (uint32_t i = 0; i < s->n_tracks; i++)
		c->clock_hz[i] = s->tracks[i].clock_hz;
	c->period = (s->duration + TICK_MS - 1) / TICK_MS * TICK_MS;
	err = read_packets(c, s);
	if (!err && c->n == 0)
		err = ERR_UNSUPPORTED;
	source_free(s);
	title_unref(t);
	return err;
}

void clip_make(struct clip *c, uint16_t n, uint16_t train)
{
	*c = (struct clip){
		.n_tracks = 1, .clock_hz = { SYNTHETIC_HZ }, .period = SYNTHETIC_S * TICK_S
	};
	for (uint32_t i = 0; i < SYNTHETIC_RATE * SYNTHETIC_S; i++) {
		struct clip_packet *k = add(c, n - (size_t)RTP_HEADER);
		uint32_t frame = i / train * train;
		k->due = (tick_t)frame * TICK_S / SYNTHETIC_RATE;
		k->rtp_time = frame * (SYNTHETIC_HZ / SYNTHETIC_RATE);
		k->train = (uint16_t)(train - i % train);
		k->payload_type = SYNTHETIC_TYPE;
		k->marker = k->train == 1;
		memset(c->payload + k->at, (int)(i & 0xff), k->n);
	}
}

void clip_clear(struct clip *c)
{
	free(c->packets);
	free(c->payload);
	*c = (struct clip){ 0 };
}
