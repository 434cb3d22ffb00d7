/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_rtcp.h"

#include <string.h>

#include "conformance/oracle/ox_text.h"

enum { RTCP_HEADER_BYTES = 4, REPORT_BYTES = 24, MOST_RTCP_BYTES = 1500 };
enum { SDES_CNAME = 1, SDES_TOOL = 6, SDES_NOTE = 7, SDES_PRIV = 8 };

/* One packet under test. */
struct look {
	struct ox_rtcp_packet *p;
	struct bytes body; /* after the first word, without padding */
	size_t at;         /* offset of the packet in the compound */
	struct ox_findings *fs;
};

static int32_t sign_extend24(uint32_t v)
{
	return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

static void read_reports(struct look *k, struct cur *c)
{
	struct bytes b;

	for (unsigned i = 0; i < k->p->count; i++) {
		struct ox_report *r = &k->p->reports[i];
		if (!cur_take(c, REPORT_BYTES, &b)) {
			struct ox_finding *f = ox_find(k->fs, OX_RTP_6_4_1_02, k->at,
				"RC counts more report blocks than there are");
			ox_expected(f, "%u", k->p->count);
			ox_gotf(f, "%u", i);
			return;
		}
		*r = (struct ox_report){ .ssrc = be32(b.p),
			.fraction_lost = b.p[4],
			.cumulative_lost = sign_extend24(be24(b.p + 5)),
			.highest_seq = be32(b.p + 8),
			.jitter = be32(b.p + 12),
			.lsr = be32(b.p + 16),
			.dlsr = be32(b.p + 20) };
		k->p->n_reports++;
	}
}

static void read_sr(struct look *k)
{
	struct cur c = { k->body };

	if (!cur_be32(&c, &k->p->ssrc) || !cur_be64(&c, &k->p->ntp) ||
		!cur_be32(&c, &k->p->rtptime) || !cur_be32(&c, &k->p->packets) ||
		!cur_be32(&c, &k->p->octets)) {
		ox_gotf(ox_find(k->fs, OX_RTP_6_4_1_02, k->at, "an SR without its sender info"),
			"%zu bytes", k->p->b.n);
		return;
	}
	read_reports(k, &c);
}

static void read_rr(struct look *k)
{
	struct cur c = { k->body };

	if (!cur_be32(&c, &k->p->ssrc)) {
		ox_find(k->fs, OX_RTP_6_4_1_02, k->at, "an RR without the SSRC of its sender");
		return;
	}
	read_reports(k, &c);
}

static void read_item(struct look *k, uint8_t type, struct bytes text)
{
	size_t bad = ox_utf8_bad_at(text);

	if (type == SDES_CNAME && k->p->cname.n == 0)
		k->p->cname = text;
	if (type == SDES_TOOL && k->p->tool.n == 0)
		k->p->tool = text;
	if (type == SDES_NOTE)
		ox_got(ox_find(k->fs, OX_RTP_6_5_7_01, k->at, "NOTE is sent"), text);
	if (type == SDES_PRIV) {
		if (text.n == 0 || text.p[0] > text.n - 1)
			ox_find(k->fs, OX_RTP_6_5_8_01, k->at,
				"the prefix of PRIV is longer than the item");
		return;
	}
	if (bad < text.n)
		ox_got(ox_find(k->fs, OX_RTP_6_5_03, k->at, "the text of an item is not UTF-8"),
			text);
	else if (text.n > 0 && text.p[text.n - 1] == 0)
		ox_got(ox_find(k->fs, OX_RTP_6_5_03, k->at,
			       "the text of an item ends with a null octet"),
			text);
}

/* The items of one chunk up to its null octets; false when the list doesn't end. */
static bool read_items(struct look *k, struct bytes chunk, struct cur *c)
{
	uint8_t type, n;
	struct bytes text;

	while (cur_u8(c, &type)) {
		if (type == 0) {
			/* the null octet is the first of those that fill the word */
			size_t used = chunk.n - c->b.n, pad = (4 - used % 4) % 4;
			for (size_t i = 0; i < pad && i < c->b.n; i++) {
				if (c->b.p[i] != 0)
					ox_find(k->fs, OX_RTP_6_5_02, k->at,
						"the padding of a chunk is not null");
			}
			return cur_skip(c, pad);
		}
		if (!cur_u8(c, &n) || !cur_take(c, n, &text))
			return false;
		read_item(k, type, text);
	}
	return false;
}

static void read_sdes(struct look *k)
{
	struct cur c = { k->body };
	uint32_t ssrc;

	for (unsigned i = 0; i < k->p->count; i++) {
		struct bytes chunk = c.b;
		if (!cur_be32(&c, &ssrc)) {
			struct ox_finding *f = ox_find(k->fs, OX_RTP_6_5_01, k->at,
				"SC counts more chunks than there are");
			ox_expected(f, "%u", k->p->count);
			ox_gotf(f, "%u", i);
			return;
		}
		if (i == 0)
			k->p->ssrc = ssrc;
		k->p->n_ssrcs++;
		if (!read_items(k, chunk, &c)) {
			ox_find(k->fs, OX_RTP_6_5_02, k->at,
				"an item list doesn't end with a null octet, padded to a word");
			return;
		}
	}
	if (c.b.n > 0)
		ox_gotf(ox_find(k->fs, OX_RTP_6_5_01, k->at, "bytes after the last chunk"),
			"%zu bytes", c.b.n);
}

static void read_bye(struct look *k)
{
	struct cur c = { k->body };
	uint32_t ssrc;
	uint8_t n;

	for (unsigned i = 0; i < k->p->count; i++) {
		if (!cur_be32(&c, &ssrc)) {
			ox_gotf(ox_find(k->fs, OX_RTP_6_6_01, k->at,
					"SC counts more sources than there are"),
				"%u of %u", i, k->p->count);
			return;
		}
		if (i == 0)
			k->p->ssrc = ssrc;
		k->p->n_ssrcs++;
	}
	if (!cur_u8(&c, &n))
		return;
	if (!cur_take(&c, n, &k->p->reason)) {
		ox_find(k->fs, OX_RTP_6_6_01, k->at, "the reason is longer than the packet");
		return;
	}
	for (size_t i = 0; i < c.b.n; i++) {
		if (c.b.p[i] != 0) {
			ox_find(k->fs, OX_RTP_6_6_01, k->at, "the reason is not padded with nulls");
			return;
		}
	}
}

static void read_app(struct look *k)
{
	if (k->body.n < 8)
		ox_find(k->fs, OX_RTP_6_7_02, k->at, "APP without SSRC and name");
	else
		k->p->ssrc = be32(k->body.p);
	if (k->body.n % 4 != 0)
		ox_find(k->fs, OX_RTP_6_7_02, k->at, "the data of APP is no multiple of 32 bits");
}

static const struct {
	uint8_t type;
	void (*read)(struct look *k);
} readers[] = {
	{ OX_RTCP_SR, read_sr },
	{ OX_RTCP_RR, read_rr },
	{ OX_RTCP_SDES, read_sdes },
	{ OX_RTCP_BYE, read_bye },
	{ OX_RTCP_APP, read_app },
};

/* Header and length of the packet at `at`; 0 or an error that ends the walk. */
static int read_packet(struct bytes b, size_t at, struct ox_rtcp_packet *p, struct ox_findings *fs)
{
	struct bytes rest = bytes_sub(b, at, b.n);
	struct look k = { .p = p, .at = at, .fs = fs };
	size_t n;

	*p = (struct ox_rtcp_packet){ .type = 0 };
	if (rest.n < RTCP_HEADER_BYTES) {
		ox_gotf(ox_find(fs, OX_RTP_6_1_01, at, "bytes that are no RTCP packet at the end"),
			"%zu bytes", rest.n);
		return ERR_TRUNCATED;
	}
	if (rest.p[0] >> 6 != 2) {
		ox_gotf(ox_find(fs, OX_RTP_6_4_1_03, at,
				"no packet begins where the one before ends (version)"),
			"version %u", rest.p[0] >> 6);
		return ERR_VERSION;
	}
	n = 4u * (be16(rest.p + 2) + 1u);
	if (n > rest.n) {
		struct ox_finding *f =
			ox_find(fs, OX_RTP_6_4_1_03, at, "the packet is longer than what holds it");
		ox_expected(f, "at most %zu bytes", rest.n);
		ox_gotf(f, "%zu bytes", n);
		return ERR_CORRUPT;
	}
	p->b = bytes_sub(rest, 0, n);
	p->type = rest.p[1];
	p->count = rest.p[0] & 31;
	p->has_padding = (rest.p[0] & 0x20) != 0;
	k.body = bytes_sub(p->b, RTCP_HEADER_BYTES, n);
	if (p->has_padding && at + n == b.n) {
		size_t pad = p->b.p[n - 1];
		if (pad == 0 || pad % 4 != 0 || pad > k.body.n)
			ox_gotf(ox_find(fs, OX_RTP_6_4_1_01, at + n - 1,
					"the count of padding is no multiple of 4 that fits"),
				"%zu", pad);
		else
			k.body.n -= pad;
	}
	for (size_t i = 0; i < COUNT(readers); i++) {
		if (readers[i].type == p->type)
			readers[i].read(&k);
	}
	return 0;
}

static void note_type(struct ox_rtcp *c, const struct ox_rtcp_packet *p)
{
	c->has_sr = c->has_sr || p->type == OX_RTCP_SR;
	c->has_rr = c->has_rr || p->type == OX_RTCP_RR;
	c->has_sdes = c->has_sdes || p->type == OX_RTCP_SDES;
	c->has_bye = c->has_bye || p->type == OX_RTCP_BYE;
	c->has_app = c->has_app || p->type == OX_RTCP_APP;
	c->has_cname = c->has_cname || p->cname.n > 0;
}

/* What 6.1 asks of a compound as a whole. */
static void check_compound(const struct ox_rtcp *c, size_t n_bytes, struct ox_findings *fs)
{
	uint8_t first = c->v[0].type;

	if (first != OX_RTCP_SR && first != OX_RTCP_RR)
		ox_gotf(ox_find(fs, first == OX_RTCP_BYE ? OX_RTP_6_1_06 : OX_RTP_6_1_03, 0,
				"the compound doesn't begin with SR or RR"),
			"type %u", first);
	if (c->n < 2)
		ox_gotf(ox_find(fs, OX_RTP_6_1_02, 0, "a single packet is no compound"), "type %u",
			first);
	if (!c->has_sdes)
		ox_find(fs, OX_RTP_6_1_05, 0, "no SDES in the compound");
	else if (!c->has_cname)
		ox_find(fs, OX_RTP_6_5_1_01, 0, "no CNAME in the SDES");
	for (size_t i = 0; i + 1 < c->n; i++) {
		if (c->v[i].has_padding)
			ox_gotf(ox_find(fs, OX_RTP_6_4_1_01, 0,
					"padding on a packet that is not the last"),
				"packet %zu", i + 1);
		if (c->v[i].type == OX_RTCP_BYE && c->v[i + 1].type != OX_RTCP_BYE &&
			c->v[i + 1].ssrc == c->v[i].ssrc)
			ox_gotf(ox_find(fs, OX_RTP_6_1_08, 0, "a packet after the BYE of its SSRC"),
				"type %u", c->v[i + 1].type);
	}
	if (n_bytes > MOST_RTCP_BYTES)
		ox_gotf(ox_find(fs, OX_RTP_6_1_11, 0, "the compound is larger than an MTU"),
			"%zu bytes", n_bytes);
}

int ox_rtcp_read(struct bytes b, struct ox_rtcp *c, struct ox_findings *fs)
{
	size_t at = 0;
	int err = 0;

	c->n = 0;
	c->has_sr = c->has_rr = c->has_sdes = c->has_cname = c->has_bye = c->has_app = false;
	if (b.n == 0) {
		ox_find(fs, OX_RTP_6_1_01, 0, "an empty packet");
		return ERR_TRUNCATED;
	}
	while (at < b.n && c->n < OX_MAX_RTCP_PACKETS) {
		struct ox_rtcp_packet *p = &c->v[c->n];
		err = read_packet(b, at, p, fs);
		if (err != 0)
			break;
		at += p->b.n;
		c->n++;
		note_type(c, p);
	}
	if (c->n > 0)
		check_compound(c, b.n, fs);
	return err;
}

bool ox_rtcp_is_plausible(struct bytes b)
{
	size_t at = 0;

	while (at < b.n) {
		if (b.n - at < RTCP_HEADER_BYTES || b.p[at] >> 6 != 2 || b.p[at + 1] < 192 ||
			b.p[at + 1] > 223)
			return false;
		at += 4u * (be16(b.p + at + 2) + 1u);
	}
	return at == b.n && b.n > 0;
}
