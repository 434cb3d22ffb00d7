/* SPDX-License-Identifier: MIT */
#include "server/wire/rtpinfo.h"

/* Offset of the comma (or semicolon) that a blank-tolerant `word` follows, or v.n. */
static size_t find_after(struct bytes v, uint8_t mark, struct bytes word)
{
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == mark && bytes_has_iprefix(bytes_trim(bytes_sub(v, i + 1, v.n)), word))
			return i;
	}
	return v.n;
}

static size_t url_end(struct bytes v)
{
	static const struct bytes words[] = { { (const uint8_t *)"seq=", 4 },
		{ (const uint8_t *)"rtptime=", 8 }, { (const uint8_t *)"ssrc=", 5 } };
	size_t end = v.n;

	for (size_t i = 0; i < COUNT(words); i++) {
		size_t at = find_after(v, ';', words[i]);
		if (at < end)
			end = at;
	}
	return end;
}

/* A number that some servers leave empty when they don't know it. */
static int read_number(struct bytes v, uint64_t max, bool *has, uint64_t *n)
{
	*has = v.n > 0;
	return v.n && !bytes_to_u64(v, max, n) ? ERR_SYNTAX : 0;
}

static int read_parameter(struct bytes v, struct rtpinfo *e)
{
	size_t eq = bytes_index(v, '=');
	struct bytes name = bytes_trim(bytes_sub(v, 0, eq));
	uint64_t n = 0;
	int err = 0;

	v = bytes_trim(bytes_sub(v, eq + 1, v.n));
	if (bytes_is_ieq(name, B("seq"))) {
		err = read_number(v, UINT16_MAX, &e->has_seq, &n);
		e->seq = (uint16_t)n;
	} else if (bytes_is_ieq(name, B("rtptime"))) {
		err = read_number(v, UINT32_MAX, &e->has_rtptime, &n);
		e->rtptime = (uint32_t)n;
	}
	return err;
}

static int read_one(struct bytes v, struct rtpinfo *e)
{
	struct bytes part;
	size_t end;

	if (!bytes_has_iprefix(v, B("url=")))
		return ERR_SYNTAX;
	v = bytes_sub(v, 4, v.n);
	end = url_end(v);
	e->url = bytes_trim(bytes_sub(v, 0, end));
	if (e->url.n >= 2 && e->url.p[0] == '"' && e->url.p[e->url.n - 1] == '"')
		e->url = bytes_sub(e->url, 1, e->url.n - 2);
	v = bytes_sub(v, end + 1, v.n);
	while (bytes_cut(&v, ';', &part)) {
		if (read_parameter(part, e))
			return ERR_SYNTAX;
	}
	return e->url.n ? 0 : ERR_SYNTAX;
}

int rtpinfo_next(struct bytes *v, struct rtpinfo *e)
{
	*e = (struct rtpinfo){ 0 };
	while (v->n) {
		size_t end = find_after(*v, ',', B("url="));
		struct bytes one = bytes_trim(bytes_sub(*v, 0, end));
		*v = bytes_sub(*v, end + 1, v->n);
		/* A comma at the end belongs to nobody. */
		while (one.n && one.p[one.n - 1] == ',')
			one = bytes_trim(bytes_sub(one, 0, one.n - 1));
		if (one.n)
			return read_one(one, e) ? ERR_SYNTAX : 1;
	}
	return 0;
}

int rtpinfo_write(const struct rtpinfo *e, bool first, struct buf *out)
{
	size_t start = out->n;
	int err;

	for (size_t i = 0; i < e->url.n; i++) {
		if (e->url.p[i] <= ' ' || e->url.p[i] == 0x7f || e->url.p[i] == '"')
			return ERR_SYNTAX;
	}
	err = buf_printf(out, "%surl=%.*s", first ? "" : ",", BYTES_FMT(e->url));
	if (!err && e->has_seq)
		err = buf_printf(out, ";seq=%u", e->seq);
	if (!err && e->has_rtptime)
		err = buf_printf(out, ";rtptime=%u", e->rtptime);
	if (err)
		buf_cut(out, start);
	return err;
}
