/* SPDX-License-Identifier: MIT */
#include "server/media/pack/bundle.h"

void bundle_init(struct bundle *k, const struct packer *p, const struct bundle_rules *r,
	struct block_build *b)
{
	k->p = p;
	k->rules = r;
	k->b = b;
	k->is_begun = false;
	k->n = 0;
}

static bool fits(const struct bundle *k, const struct audio_frame *f)
{
	const struct audio_frame *last = &k->frame[k->n - 1];
	/* in unsigned numbers, since a hostile file may put its frames anywhere */
	int64_t off = (int64_t)((uint64_t)f->rtp - (uint64_t)last->rtp - last->ticks);

	size_t most = k->rules->frames_max ? k->rules->frames_max : BUNDLE_FRAMES_MAX;

	return k->n < most && k->payload_n + k->rules->each_n + f->data.n <= k->p->payload_max &&
	       off <= (int64_t)(last->ticks / 8) && off >= -(int64_t)(last->ticks / 8) &&
	       (k->ticks + f->ticks) * 1000 <= (uint64_t)k->p->clock_hz * BUNDLE_MS;
}

void bundle_add(struct bundle *k, const struct audio_frame *f)
{
	if (!f->data.n)
		return;
	if (k->n && !fits(k, f))
		bundle_flush(k);
	if (f->data.n + k->rules->fixed_n + k->rules->each_n > k->p->payload_max) {
		if (k->rules->parts)
			k->rules->parts(k, f);
		return;
	}
	if (!k->n) {
		k->payload_n = k->rules->fixed_n;
		k->ticks = 0;
	}
	k->frame[k->n++] = *f;
	k->payload_n += k->rules->each_n + f->data.n;
	k->ticks += f->ticks;
	if (k->rules->is_first_alone && !k->is_begun)
		bundle_flush(k);
	k->is_begun = true;
}

void bundle_flush(struct bundle *k)
{
	if (k->n)
		k->rules->whole(k);
	k->n = 0;
}

struct audio_frame bundle_frame(
	const struct packer *p, const struct access_unit *u, size_t i, uint32_t ticks)
{
	uint64_t on = (uint64_t)i * ticks;
	/* a unit is a sample of a file: its frames are few enough for 64 bits of nanoseconds */
	uint64_t on_ns = on / p->clock_hz * TICK_S + on % p->clock_hz * TICK_S / p->clock_hz;

	return (struct audio_frame){ .due = (tick_t)((uint64_t)u->due + on_ns),
		.rtp = (int64_t)((uint64_t)u->rtp + on),
		.ticks = ticks };
}

struct row bundle_row(const struct packer *p, const struct audio_frame *f)
{
	struct access_unit u = { .due = f->due, .rtp = f->rtp, .sync = true };

	return packer_row(p, &u);
}
