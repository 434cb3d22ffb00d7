/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/wire/rtcp.h"

/* The writers of rtcp.h. Each packet takes its whole room first, then fills it. */

void rtcp_begin(struct rtcp_writer *w, void *dst, size_t cap)
{
	*w = (struct rtcp_writer){ .p = dst, .cap = cap };
}

/* Room for a packet of n bytes (a multiple of four), header written; NULL when there is none. */
static uint8_t *packet(struct rtcp_writer *w, enum rtcp_type type, size_t count, size_t n)
{
	uint8_t *p;

	if (!w->err && (n > w->cap - w->n || count > 31))
		w->err = ERR_LIMIT;
	if (w->err)
		return NULL;
	p = w->p + w->n;
	w->n += n;
	p[0] = (uint8_t)(0x80 | count);
	p[1] = (uint8_t)type;
	put_be16(p + 2, (uint16_t)(n / 4 - 1));
	return p;
}

static void put_block(uint8_t *p, const struct rtcp_block *b)
{
	uint32_t lost = (uint32_t)b->lost & 0xffffff;

	put_be32(p, b->ssrc);
	put_be32(p + 4, (uint32_t)b->fraction << 24 | lost);
	put_be32(p + 8, b->highest);
	put_be32(p + 12, b->jitter);
	put_be32(p + 16, b->lsr);
	put_be32(p + 20, b->dlsr);
}

static void put_blocks(uint8_t *p, const struct rtcp_block *blocks, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_block(p + i * RTCP_BLOCK, &blocks[i]);
}

void rtcp_put_sr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_sender *s,
	const struct rtcp_block *blocks, size_t n)
{
	uint8_t *p = packet(w, RTCP_SR, n, 28 + n * RTCP_BLOCK);

	if (!p)
		return;
	put_be32(p + 4, ssrc);
	put_be64(p + 8, s->ntp);
	put_be32(p + 16, s->timestamp);
	put_be32(p + 20, s->packets);
	put_be32(p + 24, s->octets);
	put_blocks(p + 28, blocks, n);
}

void rtcp_put_rr(struct rtcp_writer *w, uint32_t ssrc, const struct rtcp_block *blocks, size_t n)
{
	uint8_t *p = packet(w, RTCP_RR, n, 8 + n * RTCP_BLOCK);

	if (!p)
		return;
	put_be32(p + 4, ssrc);
	put_blocks(p + 8, blocks, n);
}

void rtcp_put_cname(struct rtcp_writer *w, uint32_t ssrc, struct bytes cname)
{
	/* header, SSRC, item, and at least one null octet up to the next multiple of four */
	size_t used = 10 + cname.n, n = (used + 4) & ~(size_t)3;
	uint8_t *p;

	if (!w->err && (cname.n == 0 || cname.n > 255))
		w->err = cname.n ? ERR_LIMIT : ERR_MISSING;
	p = packet(w, RTCP_SDES, 1, n);
	if (!p)
		return;
	put_be32(p + 4, ssrc);
	p[8] = RTCP_CNAME;
	p[9] = (uint8_t)cname.n;
	memcpy(p + 10, cname.p, cname.n);
	memset(p + used, 0, n - used);
}

void rtcp_put_bye(struct rtcp_writer *w, uint32_t ssrc, struct bytes reason)
{
	size_t used = 8 + (reason.n ? 1 + reason.n : 0), n = (used + 3) & ~(size_t)3;
	uint8_t *p;

	if (!w->err && reason.n > 255)
		w->err = ERR_LIMIT;
	p = packet(w, RTCP_BYE, 1, n);
	if (!p)
		return;
	put_be32(p + 4, ssrc);
	if (reason.n) {
		p[8] = (uint8_t)reason.n;
		memcpy(p + 9, reason.p, reason.n);
	}
	memset(p + used, 0, n - used);
}

void rtcp_put_app(struct rtcp_writer *w, uint32_t ssrc, uint8_t subtype, const char name[4],
	struct bytes data)
{
	uint8_t *p;

	if (!w->err && data.n % 4)
		w->err = ERR_RANGE;
	if (!w->err && data.n > 65536)
		w->err = ERR_LIMIT;
	p = packet(w, RTCP_APP, subtype, 12 + data.n);
	if (!p)
		return;
	put_be32(p + 4, ssrc);
	memcpy(p + 8, name, 4);
	if (data.n)
		memcpy(p + 12, data.p, data.n);
}

int rtcp_end(const struct rtcp_writer *w)
{
	return w->err ? w->err : (int)w->n;
}

/* ---- NTP ---- */

static const int64_t ntp_epoch_s = 2208988800; /* 1970 counted from 1900 */

uint64_t ntp_of_unix(int64_t unix_ns)
{
	int64_t s = unix_ns / TICK_S, ns = unix_ns % TICK_S;

	if (ns < 0) {
		ns += TICK_S;
		s--;
	}
	/* rounded to nearest, so that the way back gives the same ns */
	uint64_t fraction = (((uint64_t)ns << 32) + 500000000) / 1000000000;
	return ((uint64_t)(s + ntp_epoch_s) << 32) + fraction;
}

int64_t ntp_to_unix(uint64_t ntp)
{
	uint64_t ns = ((ntp & 0xffffffff) * 1000000000 + (UINT64_C(1) << 31)) >> 32;
	return ((int64_t)(ntp >> 32) - ntp_epoch_s) * TICK_S + (int64_t)ns;
}

uint32_t ntp_short_of(tick_t span)
{
	uint64_t t = span > 0 ? (uint64_t)span : 0, s = t / 1000000000;

	if (s > 65535)
		return UINT32_MAX;
	return (uint32_t)(s << 16) + (uint32_t)((t % 1000000000 << 16) / 1000000000);
}

tick_t ntp_short_to(uint32_t span)
{
	return (tick_t)((uint64_t)span * 1000000000 >> 16);
}

tick_t rtcp_round_trip(uint32_t now_middle, uint32_t lsr, uint32_t dlsr)
{
	uint32_t span = now_middle - lsr - dlsr;

	return lsr == 0 || (int32_t)span < 0 ? -1 : ntp_short_to(span);
}
