/* SPDX-License-Identifier: MIT */
#include "server/wire/pattern.h"

#include <inttypes.h>
#include <string.h>

#include "server/wire/sdp.h"

/* ---- the path ---- */

enum unit { UNIT_RATE = 1, UNIT_PPS = 2, UNIT_TRACKS = 4, UNIT_SECONDS = 8 };

static const struct unit_row {
	char suffix;
	enum unit unit;
	uint64_t times, max;
} units[] = {
	{ 'b', UNIT_RATE, 1, 1000000000 },
	{ 'k', UNIT_RATE, 1000, 1000000 },
	{ 'm', UNIT_RATE, 1000000, 1000 },
	{ 'p', UNIT_PPS, 1, PATTERN_PPS_MAX },
	{ 't', UNIT_TRACKS, 1, PATTERN_TRACKS_MAX },
	{ 's', UNIT_SECONDS, 1, PATTERN_SECONDS_MAX },
};

static void set(struct pattern *p, enum unit unit, uint64_t n)
{
	switch (unit) {
	case UNIT_RATE: p->bps = n; break;
	case UNIT_PPS: p->pps = (uint32_t)n; break;
	case UNIT_TRACKS: p->tracks = (uint32_t)n; break;
	case UNIT_SECONDS: p->duration_s = (uint32_t)n; break;
	}
}

static int read_segment(struct bytes v, struct pattern *p, unsigned *seen)
{
	struct bytes digits = bytes_sub(v, 0, v.n - 1);
	uint64_t n;

	for (size_t i = 0; i < digits.n; i++) {
		if (digits.p[i] < '0' || digits.p[i] > '9')
			return ERR_SYNTAX;
	}
	for (size_t i = 0; i < COUNT(units); i++) {
		if (v.p[v.n - 1] != (uint8_t)units[i].suffix)
			continue;
		if (digits.n == 0 || *seen & units[i].unit)
			return ERR_SYNTAX;
		if (!bytes_to_u64(digits, units[i].max, &n) || n == 0)
			return ERR_RANGE;
		*seen |= units[i].unit;
		set(p, units[i].unit, n * units[i].times);
		return 0;
	}
	return ERR_SYNTAX;
}

static int read_track(struct bytes v, uint32_t tracks, uint32_t *track)
{
	uint64_t n;

	v = bytes_sub(v, 8, v.n); /* "trackID=" */
	if (!bytes_to_u64(v, tracks, &n) || n == 0)
		return ERR_NOT_FOUND;
	*track = (uint32_t)n;
	return 0;
}

int pattern_spec_read(struct bytes spec, struct pattern *p, uint32_t *track)
{
	struct bytes v, name = { 0 };
	unsigned seen = 0;
	int err;

	*p = PATTERN_DEFAULT;
	*track = 0;
	while (bytes_cut(&spec, '/', &v)) {
		if (v.n == 0)
			continue;
		if (name.n)
			return ERR_SYNTAX; /* a segment behind the track */
		if (bytes_has_prefix(v, B("trackID=")))
			name = v;
		else if (bytes_is_eq(v, B("noseek")))
			p->no_seek = true;
		else if ((err = read_segment(v, p, &seen)))
			return err;
	}
	if (p->no_seek && p->duration_s)
		return ERR_SYNTAX;
	/* No packet may be smaller than its prefix, or larger than fits; k = 0 is the smallest one
	 * and no other is more than one byte larger. */
	if (p->bps / (8 * (uint64_t)p->pps) < PATTERN_PACKET_MIN ||
		p->bps > (uint64_t)PATTERN_PACKET_MAX * 8 * p->pps)
		return ERR_RANGE;
	return name.n ? read_track(name, p->tracks, track) : 0;
}

int pattern_read(struct bytes path, struct pattern *p, uint32_t *track)
{
	struct bytes first;

	if (bytes_has_prefix(path, B("/")))
		path = bytes_sub(path, 1, path.n);
	if (!bytes_cut(&path, '/', &first) || !bytes_is_eq(first, B("pattern")))
		return ERR_NOT_FOUND;
	return pattern_spec_read(path, p, track);
}

/* ---- sizes and times: whole seconds and the rest apart, so that nothing overflows ---- */

uint64_t pattern_bytes_before(const struct pattern *p, uint64_t k)
{
	uint64_t turn = 8 * (uint64_t)p->pps; /* packets in which exactly bps bytes go out */
	return k / turn * p->bps + k % turn * p->bps / turn;
}

uint32_t pattern_packet_bytes(const struct pattern *p, uint64_t k)
{
	uint64_t turn = 8 * (uint64_t)p->pps, at = k % turn;
	return (uint32_t)((at + 1) * p->bps / turn - at * p->bps / turn);
}

tick_t pattern_due(const struct pattern *p, uint64_t k)
{
	return (tick_t)(k / p->pps * UINT64_C(1000000000) +
			k % p->pps * UINT64_C(1000000000) / p->pps);
}

uint32_t pattern_timestamp(const struct pattern *p, uint64_t k)
{
	return (uint32_t)(k / p->pps * PATTERN_CLOCK_HZ + k % p->pps * PATTERN_CLOCK_HZ / p->pps);
}

uint32_t pattern_timestamp_at(tick_t npt)
{
	uint64_t t = npt > 0 ? (uint64_t)npt : 0;
	return (uint32_t)(t / 1000000000 * PATTERN_CLOCK_HZ +
			  t % 1000000000 * PATTERN_CLOCK_HZ / 1000000000);
}

uint64_t pattern_packet_at(const struct pattern *p, tick_t npt)
{
	uint64_t t = npt > 0 ? (uint64_t)npt : 0;
	uint64_t k = t / 1000000000 * p->pps + t % 1000000000 * p->pps / 1000000000;

	/* due() is rounded down, so the next one may be due within this very ns. */
	return pattern_due(p, k + 1) <= (tick_t)t ? k + 1 : k;
}

uint64_t pattern_packets(const struct pattern *p)
{
	return p->duration_s ? (uint64_t)p->duration_s * p->pps : UINT64_MAX;
}

/* ---- the payload ---- */

void pattern_prefix_write(uint8_t dst[PATTERN_PREFIX], const struct pattern_prefix *x)
{
	put_be32(dst, PATTERN_MAGIC);
	put_be32(dst + 4, x->ssrc);
	put_be64(dst + 8, x->position);
	put_be64(dst + 16, (uint64_t)x->sent);
}

void pattern_body_init(struct pattern_body *b)
{
	uint32_t x = PATTERN_MAGIC;

	/* A full-period generator; its high byte has no short cycle, so a shifted, doubled or
	 * swapped part of the body cannot look right. */
	for (size_t i = 0; i < sizeof b->at; i++) {
		x = x * 1664525u + 1013904223u;
		b->at[i] = (uint8_t)(x >> 24);
	}
}

int pattern_check(struct bytes payload, const struct pattern_body *b, struct pattern_prefix *x)
{
	size_t n;

	if (payload.n < PATTERN_PREFIX)
		return ERR_TRUNCATED;
	n = payload.n - PATTERN_PREFIX;
	if (n > sizeof b->at || be32(payload.p) != PATTERN_MAGIC)
		return ERR_CORRUPT;
	*x = (struct pattern_prefix){
		.ssrc = be32(payload.p + 4),
		.position = be64(payload.p + 8),
		.sent = (tick_t)be64(payload.p + 16),
	};
	return memcmp(payload.p + PATTERN_PREFIX, b->at, n) ? ERR_CORRUPT : 0;
}

/* ---- the description ---- */

static void put_track(struct sdp_writer *w, const struct pattern *p, uint32_t track)
{
	/* b=AS counts the layers below, too (RFC 3550 6.2): 28 bytes of IPv4 and UDP a packet. */
	uint64_t kbps = (p->bps + (uint64_t)p->pps * 28 * 8 + 999) / 1000;

	sdp_line(w, 'm', "video 0 RTP/AVP %d", PATTERN_PAYLOAD_TYPE);
	sdp_line(w, 'b', "AS:%" PRIu64, kbps);
	sdp_line(w, 'a', "rtpmap:%d X-BEAGLE-PATTERN/%d", PATTERN_PAYLOAD_TYPE, PATTERN_CLOCK_HZ);
	sdp_line(w, 'a', "control:trackID=%u", track);
}

int pattern_sdp(
	const struct pattern *p, uint64_t id, struct bytes address, bool is_ip6, struct buf *out)
{
	struct sdp_writer w;

	sdp_begin(&w, out);
	sdp_origin(&w, id, id, address, is_ip6);
	sdp_line(&w, 's', "pattern %" PRIu64 " bit/s, %u packets/s", p->bps, p->pps);
	sdp_line(&w, 'c', "%s", is_ip6 ? "IN IP6 ::" : "IN IP4 0.0.0.0");
	sdp_line(&w, 't', "0 0");
	sdp_line(&w, 'a', "control:*");
	if (p->duration_s)
		sdp_line(&w, 'a', "range:npt=0-%u", p->duration_s);
	else
		sdp_line(&w, 'a', "range:npt=0-");
	for (uint32_t i = 1; i <= p->tracks; i++)
		put_track(&w, p, i);
	return sdp_end(&w);
}
