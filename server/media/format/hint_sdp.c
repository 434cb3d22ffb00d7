/* SPDX-License-Identifier: MIT */
#include "server/media/format/hint_sdp.h"

#include <stdio.h>
#include <string.h>

#include "server/base/os.h"

enum { SDP_LINE_MAX = 4096 };

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

static bool is_ieq(struct bytes b, const char *text)
{
	return bytes_is_ieq(b, bytes_str(text));
}

static const char *media_type(struct bytes b)
{
	static const char *const types[] = { "video", "audio", "text", "application" };

	for (size_t i = 0; i < COUNT(types); i++) {
		if (bytes_is_eq(b, bytes_str(types[i])))
			return types[i];
	}
	UNREACHABLE("a media type that is_media_type has let pass");
}

/* The lines after m=: bit rate, clock, encoding, control. */
static void read_lines(struct hint_stream *s, struct bytes text, uint64_t bps_max,
	struct bytes *encoding, uint64_t *hz)
{
	struct stream *st = &s->stream;
	struct bytes line, name, value;
	uint64_t kbps;

	while (next_line(&text, &line)) {
		if (read_bandwidth(line, bps_max, &kbps))
			st->bitrate_bps = kbps * 1000 > UINT32_MAX ? 0 : (uint32_t)(kbps * 1000);
		if (!read_attribute(line, &name, &value))
			continue;
		if (bytes_is_eq(name, B("rtpmap")) && !*hz)
			read_rtpmap(value, st->payload_type, encoding, hz);
		if (bytes_is_eq(name, B("control")) && is_control(bytes_trim(value)) &&
			!bytes_to_str(bytes_trim(value), st->control, sizeof st->control))
			st->control[0] = 0;
	}
}

int hint_sdp_read(struct hint_stream *s, uint64_t bps_max)
{
	struct stream *st = &s->stream;
	struct bytes encoding = { 0 };
	struct media_line m;
	uint64_t hz = 0;

	if (!find_media_line(s->hint->sdp, &m))
		return ERR_UNSUPPORTED;
	st->payload_type = (uint8_t)m.payload_type;
	st->media_type = media_type(m.type);
	st->is_video = is_ieq(m.type, "video");
	read_lines(s, s->hint->sdp, bps_max, &encoding, &hz);
	/* 3551 6: only the static numbers may go without a map */
	if (!hz && !sdp_static_of(st->payload_type))
		return ERR_UNSUPPORTED;
	s->is_aac = !st->is_video && is_ieq(encoding, "mpeg4-generic");
	st->clock_hz = hz ? (uint32_t)hz : sdp_static_of(st->payload_type)->clock_hz;
	(void)snprintf(st->title, sizeof st->title, "%.*s", /* cut: only for people */
		(int)(encoding.n < 32 ? encoding.n : 32),
		encoding.n ? (const char *)encoding.p : "");
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

void hint_sdp_describe(const struct hint_stream *s, struct sdp_writer *w)
{
	put_attributes(w, s->hint->sdp, s->is_aac);
}

uint64_t hint_sdp_bps_max(const struct movie *m)
{
	uint64_t ms = (uint64_t)(m->duration / TICK_MS);

	/* ten times the average of the whole file leaves room for any peak */
	return ms ? m->file.size * 8 * 1000 / ms * 10 + 64000 : 0;
}

void hint_sdp_movie(struct movie *m, struct bytes text)
{
	struct bytes line, name, value;
	uint64_t kbps;

	while (next_line(&text, &line)) {
		if (!m->session_kbps && read_bandwidth(line, hint_sdp_bps_max(m), &kbps))
			m->session_kbps = kbps > UINT32_MAX ? 0 : (uint32_t)kbps;
		if (read_attribute(line, &name, &value) && !is_ours(name) &&
			buf_printf(&m->sdp, "%.*s\r\n", BYTES_FMT(line)) != 0)
			movie_note(m, "the movie's SDP text is too long: its end is left out");
	}
}
