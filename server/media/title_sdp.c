/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "server/base/os.h"
#include "server/media/mp4.h"
#include "server/media/title_parts.h"
#include "server/wire/sdp.h"

/*
 * Session descriptions (4566) from the texts that hinters leave in the file: one per hint track
 * (udta/hnti/sdp), one for the movie (udta/hnti/rtp). Their lines are taken over one by one, in the
 * order of the grammar, and only what a description may hold there.
 */

/* Takes the next line; CR LF, LF and CR end it, NUL octets end the text. */
static bool next_line(struct bytes *text, struct bytes *line)
{
	size_t n = 0;

	while (text->n && (text->p[0] == '\r' || text->p[0] == '\n'))
		*text = bytes_sub(*text, 1, text->n);
	while (n < text->n && text->p[n] != '\r' && text->p[n] != '\n' && text->p[n])
		n++;
	*line = bytes_sub(*text, 0, n);
	*text = n < text->n && text->p[n] ? bytes_sub(*text, n + 1, text->n) : (struct bytes){ 0 };
	return n > 0;
}

/* "x=" and printable ASCII: nothing that could end the line or break a parser's text. */
static bool is_clean(struct bytes line)
{
	if (line.n < 3 || line.n > SDP_LINE_MAX || line.p[1] != '=')
		return false;
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] < 0x20 || line.p[i] > 0x7e)
			return false;
	}
	return true;
}

/* 4566 9: token characters */
static bool is_token(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] <= 0x20 || b.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]", b.p[i]))
			return false;
	}
	return b.n > 0;
}

/* The name of an "a=name" or "a=name:value" line, and its value; false for other lines. */
static bool read_attribute(struct bytes line, struct bytes *name, struct bytes *value)
{
	if (!is_clean(line) || line.p[0] != 'a')
		return false;
	*value = bytes_sub(line, 2, line.n);
	if (!bytes_cut(value, ':', name))
		return false;
	return is_token(*name);
}

/* b=AS:kbit/s, when it can be true of the file: hinters write junk like 2097151. */
static bool read_bandwidth(struct bytes line, uint64_t bps_max, uint64_t *kbps)
{
	if (!bytes_has_prefix(line, B("b=AS:")))
		return false;
	return bytes_to_u64(bytes_trim(bytes_sub(line, 5, line.n)), bps_max / 1000, kbps) && *kbps;
}

uint64_t title_bps_max(const struct title *t)
{
	uint64_t ms = (uint64_t)(t->duration / TICK_MS);

	/* ten times the average of the whole file leaves room for any peak */
	return ms ? t->file.size * 8 * 1000 / ms * 10 + 64000 : 0;
}

static bool is_media_type(struct bytes b)
{
	return bytes_is_eq(b, B("video")) || bytes_is_eq(b, B("audio")) ||
	       bytes_is_eq(b, B("text")) || bytes_is_eq(b, B("application"));
}

struct media_line {
	struct bytes type;
	uint64_t payload_type;
};

/* m=<type> <port> RTP/AVP <payload type> … */
static bool read_media_line(struct bytes line, struct media_line *m)
{
	struct bytes rest = bytes_sub(line, 2, line.n), port, proto, format;

	return is_clean(line) && line.p[0] == 'm' && bytes_cut(&rest, ' ', &m->type) &&
	       bytes_cut(&rest, ' ', &port) && bytes_cut(&rest, ' ', &proto) &&
	       bytes_cut(&rest, ' ', &format) && is_media_type(m->type) &&
	       bytes_is_eq(proto, B("RTP/AVP")) && bytes_to_u64(format, 127, &m->payload_type);
}

static bool find_media_line(struct bytes text, struct media_line *m)
{
	struct bytes line;

	while (next_line(&text, &line)) {
		if (read_media_line(line, m))
			return true;
	}
	return false;
}

/* "96 H264/90000" → its encoding and 90000; *hz stays when it says nothing of this payload type. */
static void read_rtpmap(
	struct bytes value, uint64_t payload_type, struct bytes *encoding, uint64_t *hz)
{
	struct bytes number, rate;
	uint64_t pt;

	if (!bytes_cut(&value, ' ', &number) || !bytes_to_u64(number, 127, &pt) ||
		pt != payload_type)
		return;
	value = bytes_trim(value);
	if (!bytes_cut(&value, '/', encoding) || !is_token(*encoding) ||
		!bytes_cut(&value, '/', &rate) || !bytes_to_u64(bytes_trim(rate), UINT32_MAX, hz))
		*hz = 0;
}

/* One segment of a URL that needs no escape: "trackID=3", "streamid=0". */
static bool is_control(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		uint8_t c = b.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    strchr("=_-.", c)) ||
			!c)
			return false;
	}
	return b.n > 0 && b.n < STREAM_CONTROL_MAX && b.p[0] != '.';
}

int title_sdp_read(struct stream *s, struct bytes text, uint64_t bps_max)
{
	struct bytes line, name, value, encoding = { 0 };
	struct media_line m;
	uint64_t hz = 0, kbps;

	if (!find_media_line(text, &m))
		return ERR_UNSUPPORTED;
	s->payload_type = (uint8_t)m.payload_type;
	s->is_video = bytes_is_eq(m.type, B("video"));
	while (next_line(&text, &line)) {
		if (read_bandwidth(line, bps_max, &kbps))
			s->bitrate_bps = kbps * 1000 > UINT32_MAX ? 0 : (uint32_t)(kbps * 1000);
		if (!read_attribute(line, &name, &value))
			continue;
		if (bytes_is_eq(name, B("rtpmap")) && !hz)
			read_rtpmap(value, m.payload_type, &encoding, &hz);
		if (bytes_is_eq(name, B("control")) && is_control(bytes_trim(value)) &&
			!bytes_to_str(bytes_trim(value), s->control, sizeof s->control))
			s->control[0] = 0;
	}
	/* 3551 6: only the static numbers may go without a map */
	if (!hz && !sdp_static_of(s->payload_type))
		return ERR_UNSUPPORTED;
	s->is_aac = !s->is_video && bytes_is_ieq(encoding, B("mpeg4-generic"));
	s->clock_hz = hz ? (uint32_t)hz : sdp_static_of(s->payload_type)->clock_hz;
	return 0;
}

/* What we say ourselves, or what would contradict it. */
static bool is_ours(struct bytes name)
{
	return bytes_is_eq(name, B("control")) || bytes_is_eq(name, B("range"));
}

/* "97 mode=AAC-hbr; config=1390" has mode and config. */
static bool has_parameter(struct bytes fmtp, struct bytes name)
{
	struct bytes item;

	fmtp = bytes_sub(fmtp, bytes_index(fmtp, ' '), fmtp.n);
	while (bytes_cut(&fmtp, ';', &item)) {
		item = bytes_trim(item);
		if (bytes_is_ieq(bytes_sub(item, 0, bytes_index(item, '=')), name))
			return true;
	}
	return false;
}

static void put_attributes(struct sdp_writer *w, struct bytes text, bool is_aac)
{
	struct bytes line, name, value;

	while (next_line(&text, &line)) {
		const char *more = "";

		if (!read_attribute(line, &name, &value) || is_ours(name))
			continue;
		/* 3640 4.1 requires streamtype (5: audio); neither ffmpeg nor QuickTime writes it */
		if (is_aac && bytes_is_eq(name, B("fmtp")) &&
			!has_parameter(value, B("streamtype")))
			more = ";streamtype=5";
		sdp_line(w, 'a', "%.*s%s", BYTES_FMT(bytes_sub(line, 2, line.n)), more);
	}
}

static void put_media(const struct stream *s, struct sdp_writer *w)
{
	struct media_line m = { 0 };

	if (!find_media_line(s->hint->sdp, &m))
		UNREACHABLE("a stream without the m= line it was made from");
	sdp_line(w, 'm', "%.*s 0 RTP/AVP %u", BYTES_FMT(m.type), s->payload_type);
	if (s->bitrate_bps)
		sdp_line(w, 'b', "AS:%u", s->bitrate_bps / 1000);
	sdp_line(w, 'a', "control:%s", s->control);
	put_attributes(w, s->hint->sdp, s->is_aac);
}

/* moov/udta/hnti/"rtp ": a four-octet "sdp " before the text. */
static struct bytes movie_text(const struct title *t)
{
	static const uint32_t path[] = { FOURCC('u', 'd', 't', 'a'), FOURCC('h', 'n', 't', 'i'),
		FOURCC('r', 't', 'p', ' '), 0 };
	struct bytes text = box_find_path(bytes_of(t->moov, t->moov_n), path);

	return bytes_has_prefix(text, B("sdp ")) ? bytes_sub(text, 4, text.n) : (struct bytes){ 0 };
}

static void put_movie_bandwidth(const struct title *t, struct bytes text, struct sdp_writer *w)
{
	struct bytes line;
	uint64_t kbps;

	while (next_line(&text, &line)) {
		if (read_bandwidth(line, title_bps_max(t), &kbps)) {
			sdp_line(w, 'b', "AS:%llu", (unsigned long long)kbps);
			return;
		}
	}
}

static void put_session(
	const struct title *t, const struct source_place *place, struct sdp_writer *w)
{
	const char *any = place->is_ip6 ? "::" : "0.0.0.0";
	int64_t ms = t->duration / TICK_MS;

	sdp_origin(w, t->file.device << 32 ^ t->file.inode, (uint64_t)(t->file.mtime / TICK_S),
		place->host.n ? place->host : bytes_str(any), place->is_ip6);
	sdp_line(w, 's', "%s", t->name[0] ? t->name : " ");
	sdp_line(w, 'c', "IN %s %s", place->is_ip6 ? "IP6" : "IP4", any);
	put_movie_bandwidth(t, movie_text(t), w);
	sdp_line(w, 't', "0 0");
	sdp_line(w, 'a', "control:*");
	sdp_line(w, 'a', "range:npt=0-%lld.%03lld", (long long)(ms / 1000), (long long)(ms % 1000));
	put_attributes(w, movie_text(t), false);
}

int title_sdp_write(const struct title *t, const struct source_place *place, struct buf *sdp)
{
	struct sdp_writer w;

	sdp_begin(&w, sdp);
	put_session(t, place, &w);
	for (uint32_t i = 0; i < t->n_streams; i++)
		put_media(&t->streams[i], &w);
	return sdp_end(&w);
}
