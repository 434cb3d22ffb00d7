/* SPDX-License-Identifier: MIT */
#include "server/wire/sdp.h"

static const struct sdp_static statics[] = {
	{ 0, "PCMU", 8000, 1 },
	{ 3, "GSM", 8000, 1 },
	{ 4, "G723", 8000, 1 },
	{ 5, "DVI4", 8000, 1 },
	{ 6, "DVI4", 16000, 1 },
	{ 7, "LPC", 8000, 1 },
	{ 8, "PCMA", 8000, 1 },
	{ 9, "G722", 8000, 1 },
	{ 10, "L16", 44100, 2 },
	{ 11, "L16", 44100, 1 },
	{ 12, "QCELP", 8000, 1 },
	{ 13, "CN", 8000, 1 },
	{ 14, "MPA", 90000, 1 },
	{ 15, "G728", 8000, 1 },
	{ 16, "DVI4", 11025, 1 },
	{ 17, "DVI4", 22050, 1 },
	{ 18, "G729", 8000, 1 },
	{ 25, "CelB", 90000, 1 },
	{ 26, "JPEG", 90000, 1 },
	{ 28, "nv", 90000, 1 },
	{ 31, "H261", 90000, 1 },
	{ 32, "MPV", 90000, 1 },
	{ 33, "MP2T", 90000, 1 },
	{ 34, "H263", 90000, 1 },
};

const struct sdp_static *sdp_static_of(uint8_t payload_type)
{
	for (size_t i = 0; i < COUNT(statics); i++) {
		if (statics[i].payload_type == payload_type)
			return &statics[i];
	}
	return NULL;
}

/* ---- lines ---- */

/* The next line that is not empty. */
static bool next_line(struct bytes *lines, struct bytes *line)
{
	while (lines->n) {
		size_t n = 0;
		while (n < lines->n && lines->p[n] != '\r' && lines->p[n] != '\n')
			n++;
		*line = bytes_sub(*lines, 0, n);
		*lines = bytes_sub(*lines, n + 1, lines->n);
		if (line->n)
			return true;
	}
	return false;
}

bool sdp_line_next(struct bytes *lines, char *letter, struct bytes *value)
{
	struct bytes line;

	while (next_line(lines, &line)) {
		if (line.n < 2 || line.p[1] != '=')
			continue;
		*letter = (char)line.p[0];
		*value = bytes_trim(bytes_sub(line, 2, line.n));
		return true;
	}
	return false;
}

bool sdp_attribute(struct bytes lines, struct bytes name, struct bytes *value)
{
	struct bytes v;
	char letter;

	while (sdp_line_next(&lines, &letter, &v)) {
		size_t colon = bytes_index(v, ':');
		if (letter != 'a' || !bytes_is_eq(bytes_sub(v, 0, colon), name))
			continue;
		*value = bytes_trim(bytes_sub(v, colon + 1, v.n));
		return true;
	}
	return false;
}

/* ---- the reader ---- */

/* The next blank-separated word. */
static bool word_next(struct bytes *v, struct bytes *word)
{
	*v = bytes_trim(*v);
	return bytes_cut(v, ' ', word);
}

static int read_m(struct bytes v, struct sdp_media *m)
{
	struct bytes port, word;
	uint64_t n;

	if (!word_next(&v, &m->type) || !word_next(&v, &port) || !word_next(&v, &m->proto))
		return ERR_SYNTAX;
	port = bytes_sub(port, 0, bytes_index(port, '/')); /* "/2": number of ports */
	if (!bytes_to_u64(port, UINT16_MAX, &n))
		return ERR_SYNTAX;
	m->port = (uint32_t)n;
	m->formats = bytes_trim(v);
	v = m->formats;
	if (word_next(&v, &word) && bytes_to_u64(word, 127, &n)) {
		m->has_pt = true;
		m->payload_type = (uint8_t)n;
	}
	return m->formats.n ? 0 : ERR_SYNTAX;
}

/* "96 rest": the rest when the number is this payload type's. */
static bool is_of_pt(const struct sdp_media *m, struct bytes *v)
{
	struct bytes word;
	uint64_t n;

	return m->has_pt && word_next(v, &word) && bytes_to_u64(word, 127, &n) &&
	       n == m->payload_type;
}

/* "H264/90000" or "L16/44100/2" */
static void read_rtpmap(struct sdp_media *m, struct bytes v)
{
	struct bytes rate;
	uint64_t n;

	if (m->encoding.n || !is_of_pt(m, &v))
		return;
	v = bytes_trim(v);
	(void)bytes_cut(&v, '/', &m->encoding);
	if (bytes_cut(&v, '/', &rate) && bytes_to_u64(bytes_trim(rate), 1000000000, &n))
		m->clock_hz = (uint32_t)n;
	if (bytes_to_u64(bytes_trim(v), 255, &n) && n)
		m->channels = (uint32_t)n;
}

static uint32_t bandwidth(struct bytes v)
{
	uint64_t n;

	return bytes_has_prefix(v, B("AS:")) &&
			       bytes_to_u64(bytes_trim(bytes_sub(v, 3, v.n)), UINT32_MAX, &n)
		       ? (uint32_t)n
		       : 0;
}

static void read_media_attribute(struct sdp_media *m, struct bytes v)
{
	struct bytes name = { 0 };

	(void)bytes_cut(&v, ':', &name);
	v = bytes_trim(v);
	if (bytes_is_eq(name, B("rtpmap")))
		read_rtpmap(m, v);
	else if (bytes_is_eq(name, B("fmtp")) && !m->fmtp.n && is_of_pt(m, &v))
		m->fmtp = bytes_trim(v);
	else if (bytes_is_eq(name, B("control")))
		m->control = v;
	else if (bytes_is_eq(name, B("range")))
		m->range = v;
}

static int on_media_line(struct sdp_media *m, char letter, struct bytes v)
{
	if (letter == 'm')
		return read_m(v, m);
	if (letter == 'c' && !m->connection.n)
		m->connection = v;
	else if (letter == 'b' && !m->bandwidth_kbps)
		m->bandwidth_kbps = bandwidth(v);
	else if (letter == 'a')
		read_media_attribute(m, v);
	return 0;
}

static int on_session_line(struct sdp *s, char letter, struct bytes v)
{
	struct bytes name = { 0 };

	switch (letter) {
	case 'v': return bytes_is_eq(v, B("0")) ? 0 : ERR_VERSION;
	case 'o': s->origin = v; break;
	case 's': s->name = v; break;
	case 'c': s->connection = v; break;
	case 'b':
		if (!s->bandwidth_kbps)
			s->bandwidth_kbps = bandwidth(v);
		break;
	case 'a':
		(void)bytes_cut(&v, ':', &name);
		if (bytes_is_eq(name, B("control")))
			s->control = bytes_trim(v);
		else if (bytes_is_eq(name, B("range")))
			s->range = bytes_trim(v);
		break;
	}
	return 0;
}

/* What was not said: RFC 3551's assignment, one channel. */
static void finish_media(struct sdp_media *m, const uint8_t *end)
{
	const struct sdp_static *st = m->has_pt ? sdp_static_of(m->payload_type) : NULL;

	m->lines.n = (size_t)(end - m->lines.p);
	if (st && !m->encoding.n)
		m->encoding = bytes_str(st->encoding);
	if (st && !m->clock_hz)
		m->clock_hz = st->clock_hz;
	if (!m->channels)
		m->channels = st ? st->channels : 1;
}

static void finish_section(struct sdp *s, const uint8_t *end)
{
	if (s->n_media)
		finish_media(&s->media[s->n_media - 1], end);
	else
		s->lines.n = (size_t)(end - s->lines.p);
}

static int on_line(struct sdp *s, struct bytes line, struct fault *f)
{
	char letter = (char)line.p[0];
	struct bytes v = bytes_trim(bytes_sub(line, 2, line.n));
	int err;

	if (letter == 'm') {
		finish_section(s, line.p);
		if (s->n_media == SDP_MEDIA_MAX) {
			f->why = "too many media";
			return ERR_LIMIT;
		}
		s->media[s->n_media++].lines.p = line.p;
	}
	if (s->n_media)
		err = on_media_line(&s->media[s->n_media - 1], letter, v);
	else
		err = on_session_line(s, letter, v);
	if (err)
		f->why = err == ERR_VERSION ? "the version is not 0" : "an unreadable m= line";
	return err;
}

int sdp_read(struct bytes in, struct sdp *s, struct fault *f)
{
	struct bytes rest = in, line;
	bool first = true;
	int err;

	*s = (struct sdp){ .lines = in };
	*f = (struct fault){ .at = bytes_index(in, '\0'), .why = "a NUL" };
	if (f->at < in.n)
		return ERR_SYNTAX;
	while (next_line(&rest, &line)) {
		f->at = (size_t)(line.p - in.p);
		if (first && !bytes_has_prefix(line, B("v="))) {
			f->why = "it does not start with v=";
			return ERR_SYNTAX;
		}
		if (line.n < 2 || line.p[1] != '=') {
			f->why = "a line that is not `x=...`";
			return ERR_SYNTAX;
		}
		if ((err = on_line(s, line, f)))
			return err;
		first = false;
	}
	if (first) {
		f->why = "it is empty";
		return ERR_SYNTAX;
	}
	finish_section(s, in.p + in.n);
	*f = (struct fault){ 0 };
	return 0;
}
