/* SPDX-License-Identifier: MIT */
#include "captures/repeats.h"

static uint64_t hash_more(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;
	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 0x100000001b3U;
	return h;
}

static uint64_t hash_end(uint64_t h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdU;
	return h ^ h >> 33;
}

#define HASH_START 0xcbf29ce484222325U

uint64_t repeats_hash(const void *p, size_t n)
{
	return hash_end(hash_more(HASH_START, p, n));
}

static uint64_t identity(const struct ip_packet *p)
{
	uint64_t h = HASH_START;

	h = hash_more(h, p->src.addr, sizeof p->src.addr);
	h = hash_more(h, p->dst.addr, sizeof p->dst.addr);
	h = hash_more(h, &p->proto, sizeof p->proto);
	h = hash_more(h, &p->id, sizeof p->id);
	h = hash_more(h, &p->fragment_at, sizeof p->fragment_at);
	if (!p->has_transport)
		return hash_end(hash_more(h, p->body.p, p->body.n));
	/* the checksum stands at 16 in TCP, at 6 in UDP; offloading leaves it half done */
	size_t sum = p->proto == IP_TCP ? 16 : 6;
	h = hash_more(h, p->transport.p, sum);
	h = hash_more(h, p->transport.p + sum + 2, p->transport.n - sum - 2);
	return hash_end(hash_more(h, p->payload.p, p->payload.n));
}

enum repeat repeats_judge(struct flows *f, const struct ip_packet *p, int64_t at)
{
	uint64_t h = identity(p);
	uint16_t *bucket = &f->recent_chain[h % RECENT_BUCKETS];
	bool is_sure = p->id != 0 || p->proto == IP_TCP;
	bool is_met = false;
	uint16_t slot;

	for (uint16_t i = *bucket; i && !is_met; i = f->recent[i - 1].next)
		is_met = f->recent[i - 1].hash == h && at - f->recent[i - 1].at <= REPEAT_WITHIN &&
			 f->recent[i - 1].at - at <= REPEAT_WITHIN;
	f->sure += is_sure;
	f->sure_repeats += is_sure && is_met;

	/* the oldest entry leaves its chain */
	slot = (uint16_t)(f->n_recent++ % RECENT);
	if (f->n_recent > RECENT) {
		uint16_t *l = &f->recent_chain[f->recent[slot].hash % RECENT_BUCKETS];
		while (*l != slot + 1)
			l = &f->recent[*l - 1].next;
		*l = f->recent[slot].next;
	}
	f->recent[slot] = (struct recent){ .hash = h, .at = at, .next = *bucket };
	*bucket = (uint16_t)(slot + 1);
	if (!is_met)
		return REPEAT_NO;
	return is_sure ? REPEAT_YES : REPEAT_MAYBE;
}
