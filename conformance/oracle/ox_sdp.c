/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_sdp.h"

#include <string.h>

#include "conformance/oracle/ox_sdp_parts.h"
#include "conformance/oracle/ox_text.h"
#include "conformance/oracle/ox_url.h"

static void mark_bad(struct ox_sdp_reader *r, size_t at, const char *why)
{
	if (r->s->bad_line != 0)
		return;
	r->s->bad_line = r->line ? r->line : 1;
	r->s->bad_at = at;
	r->s->bad_why = why;
}

struct ox_finding *ox_sdp_remark(
	struct ox_sdp_reader *r, enum ox_rule rule, size_t at, const char *why, struct bytes got)
{
	struct ox_finding *f = ox_find(r->fs, rule, r->at + 2 + at, why);

	ox_got(f, got);
	return f;
}

void ox_sdp_bad(
	struct ox_sdp_reader *r, enum ox_rule rule, size_t at, const char *why, struct bytes got)
{
	ox_sdp_remark(r, rule, at, why, got);
	mark_bad(r, r->at + 2 + at, why);
}

size_t ox_sdp_fields(struct ox_sdp_reader *r, struct bytes *v, size_t n_max)
{
	size_t n = 0, from = 0;
	bool told = false;

	for (size_t i = 0; i <= r->value.n; i++) {
		bool is_end = i == r->value.n;
		if (!is_end && r->value.p[i] != ' ')
			continue;
		if (i == from) {
			if (!told && r->value.n > 0)
				ox_sdp_bad(r, OX_SDP_5_05, i, "a blank too many between sub-fields",
					r->value);
			told = true;
		} else {
			if (n < n_max)
				v[n] = bytes_sub(r->value, from, i - from);
			n++;
		}
		from = i + 1;
	}
	return n;
}

/* Place of each letter in the fixed order, per level; -1: not at this level. */
static int rank_of(uint8_t letter, bool in_media)
{
	static const char session[] = "vosiuepcbtrzka", media[] = "micbka";
	const char *at = strchr(in_media ? media : session, letter);

	if (!at || letter == 0)
		return -1;
	/* t and r come in turns: they share a place */
	if (!in_media && letter == 'r')
		return (int)(strchr(session, 't') - session);
	return (int)(at - (in_media ? media : session));
}

static bool is_known_letter(uint8_t letter)
{
	return letter != 0 && strchr("vosiuepcbtrzkam", letter) != NULL;
}

/* Lines that stand outside of their order, their level or their number. */
static void check_order(struct ox_sdp_reader *r, uint8_t letter, struct bytes line)
{
	int rank = rank_of(letter, r->m != NULL);
	unsigned n = r->seen[letter - 'a'];
	bool misplaced = rank < 0;

	if (misplaced && letter == 'u')
		ox_sdp_bad(r, OX_SDP_5_5_01, 0, "u= after the first m=", line);
	else if (misplaced && (letter == 'e' || letter == 'p'))
		ox_sdp_bad(r, OX_SDP_5_6_01, 0, "e= or p= after the first m=", line);
	else if (misplaced || rank < r->rank)
		ox_sdp_bad(r, OX_SDP_5_06, 0, "a line out of the fixed order", line);
	if (rank > r->rank)
		r->rank = rank;
	if (n > 1 && letter == 's')
		ox_sdp_bad(r, OX_SDP_5_3_01, 0, "a second s=", line);
	if (n > 1 && letter == 'i')
		ox_sdp_bad(r, OX_SDP_5_4_01, 0, "a second i= in one section", line);
	if (n > 1 && letter == 'u')
		ox_sdp_bad(r, OX_SDP_5_5_01, 0, "a second u=", line);
	if (n > 1 && letter == 'c' && !r->m)
		ox_sdp_bad(r, OX_SDP_5_7_04, 0, "a second c= at session level", line);
	if (n > 1 && strchr("vozk", letter))
		ox_sdp_bad(r, OX_SDP_5_06, 0, "a line that may stand once stands twice", line);
	if (letter == 'r' && r->last_letter != 't' && r->last_letter != 'r')
		ox_sdp_bad(r, OX_SDP_5_10_01, 0, "r= doesn't follow a t=", line);
}

static void begin_media(struct ox_sdp_reader *r)
{
	if (r->m)
		ox_sdp_media_end(r, r->m);
	else
		memcpy(r->session_seen, r->seen, sizeof(r->seen));
	r->m = r->s->n_media < OX_MAX_MEDIA ? &r->s->media[r->s->n_media] : &r->overflow;
	*r->m = (struct ox_media){ .at = r->at };
	r->s->n_media++;
	memset(r->seen, 0, sizeof(r->seen));
	r->rank = 0;
	r->directions = 0;
	r->has_control = false;
}

static void on_line(struct ox_sdp_reader *r, struct bytes line)
{
	uint8_t letter = line.n ? line.p[0] : 0;
	size_t nul = bytes_index(line, 0);

	r->value = bytes_sub(line, 2, line.n);
	if (nul < line.n) {
		ox_sdp_bad(r, OX_SDP_5_11, nul, "a NUL inside a line", line);
	}
	if (line.n > 2 && line.p[1] == ' ' && bytes_index(line, '=') < 4) {
		ox_sdp_bad(r, OX_SDP_5_04, 0, "a blank before '='", line);
		return;
	}
	if (line.n < 2 || line.p[1] != '=' || letter < 'a' || letter > 'z') {
		ox_sdp_bad(r, OX_SDP_5_03, 0, "a line is one letter, '=' and a value", line);
		return;
	}
	if (!is_known_letter(letter)) {
		ox_sdp_bad(r, OX_SDP_9_01, 0, "a line of an unknown type", line);
		return;
	}
	if (letter == 'm')
		begin_media(r);
	r->seen[letter - 'a']++;
	check_order(r, letter, line);
	if (r->value.n > 0 && r->value.p[0] == ' ' && !(letter == 's' && r->value.n == 1))
		ox_sdp_bad(r, OX_SDP_5_04, 0, "a blank after '='", line);
	if (letter == 'a')
		ox_sdp_attribute(r);
	else
		ox_sdp_line(r, letter);
	r->last_letter = letter;
}

static void check_line_end(struct ox_sdp_reader *r, struct bytes line, size_t end_n, bool *told)
{
	if (end_n == 2 || *told)
		return;
	*told = true;
	r->value = line;
	ox_sdp_bad(r, OX_SDP_5_12, line.n > 2 ? line.n - 2 : 0,
		end_n ? "a line ends with a bare CR or LF" : "the last line has no CRLF", line);
}

/* What stands after the last line: NULs and empty lines, which some senders count in. */
static size_t text_length(struct ox_sdp_reader *r, struct bytes text)
{
	size_t n = text.n;

	while (n > 0 && text.p[n - 1] == 0)
		n--;
	while (n > 3 && text.p[n - 1] == '\n' &&
		(text.p[n - 2] == '\n' || (text.p[n - 2] == '\r' && text.p[n - 3] == '\n')))
		n -= text.p[n - 2] == '\n' ? 1 : 2;
	if (n < text.n) {
		r->at = n;
		ox_got(ox_find(r->fs, OX_SDP_9_02, n, "bytes after the last line"),
			bytes_sub(text, n, text.n));
		mark_bad(r, n, "bytes after the last line");
	}
	return n;
}

static void read_lines(struct ox_sdp_reader *r, struct bytes text)
{
	size_t at = 0;
	bool told = false;

	while (at < text.n) {
		struct bytes rest = bytes_sub(text, at, text.n), line;
		size_t n = 0, end_n = 0;
		while (n < rest.n && rest.p[n] != '\r' && rest.p[n] != '\n')
			n++;
		if (n < rest.n)
			end_n = rest.p[n] == '\r' && n + 1 < rest.n && rest.p[n + 1] == '\n' ? 2
											     : 1;
		line = bytes_sub(rest, 0, n);
		r->line++;
		r->at = at;
		check_line_end(r, line, end_n, &told);
		on_line(r, line);
		at += n + end_n;
	}
}

static void check_required(struct ox_sdp_reader *r)
{
	static const char required[] = "vost";

	for (size_t i = 0; required[i]; i++) {
		if (r->session_seen[required[i] - 'a'] == 0) {
			r->at = 0;
			r->line = 1;
			ox_sdp_bad(r, OX_SDP_5_07, 0, "a required line is missing at session level",
				bytes_of(&required[i], 1));
		}
	}
}

/* c= for all, controls, ports that two sections share. */
static void check_media(struct ox_sdp_reader *r)
{
	struct ox_sdp *s = r->s;
	size_t n = s->n_media < OX_MAX_MEDIA ? s->n_media : OX_MAX_MEDIA;

	for (size_t i = 0; i < n; i++) {
		const struct ox_media *m = &s->media[i];
		r->at = m->at;
		if (!m->has_connection && !s->has_connection)
			ox_sdp_bad(r, OX_SDP_5_7_01, 0,
				"no c= for this section, nor for the session", m->type);
		if (m->control.n == 0 && n > 1)
			ox_sdp_remark(r, s->control.n ? OX_RTSP_C_3_02 : OX_RTSP_C_2_01, 0,
				"one of several sections without a=control", m->type);
		for (size_t k = 0; k < i && m->port != 0; k++) {
			if (s->media[k].port == m->port &&
				bytes_is_eq(s->media[k].connection, m->connection))
				ox_sdp_remark(r, OX_SDP_5_14_07, 0,
					"two sections share a transport address", m->type);
		}
	}
	if (n == 0 && !s->has_connection)
		ox_sdp_remark(r, OX_SDP_5_7_01, 0, "no c= and no m=", B(""));
}

int ox_sdp_read(struct bytes text, struct ox_sdp *s, struct ox_findings *fs)
{
	struct ox_sdp_reader r = { .s = s, .fs = fs };
	size_t odd = ox_utf8_bad_at(text);

	*s = (struct ox_sdp){ .text = text };
	if (odd < text.n) {
		ox_gotf(ox_find(fs, OX_SDP_5_02, odd, "the text is not UTF-8"), "octet 0x%02x",
			text.p[odd]);
		mark_bad(&r, odd, "the text is not UTF-8");
	}
	size_t n = text_length(&r, text);
	r.line = 0;
	read_lines(&r, bytes_sub(text, 0, n));
	if (r.m)
		ox_sdp_media_end(&r, r.m);
	else
		memcpy(r.session_seen, r.seen, sizeof(r.seen));
	check_required(&r);
	check_media(&r);
	if (s->bad_line != 0)
		ox_gotf(ox_find(fs, OX_SDP_9_01, s->bad_at,
				"the text doesn't derive from the grammar"),
			"line %zu: %s", s->bad_line, s->bad_why);
	return s->bad_line ? ERR_SYNTAX : 0;
}

const struct ox_media *ox_sdp_media_by_url(
	const struct ox_sdp *s, struct bytes base, struct bytes url)
{
	char full[2048];

	for (size_t i = 0; i < s->n_media && i < OX_MAX_MEDIA; i++) {
		struct bytes control = s->media[i].control;
		if (control.n == 0)
			continue;
		if (bytes_is_eq(control, url) ||
			(ox_url_join(base, control, full, sizeof(full)) == 0 &&
				ox_url_is_same(bytes_str(full), url, true)) ||
			(ox_url_concat(base, control, full, sizeof(full)) == 0 &&
				ox_url_is_same(bytes_str(full), url, true)))
			return &s->media[i];
	}
	return NULL;
}

const struct ox_format *ox_media_format(const struct ox_media *m, uint8_t pt)
{
	for (size_t i = 0; i < m->n_formats && i < OX_MAX_FORMATS; i++) {
		if (m->formats[i].is_pt && m->formats[i].pt == pt)
			return &m->formats[i];
	}
	return NULL;
}

struct bytes ox_fmtp_value(struct bytes fmtp, const char *name)
{
	struct bytes part, key, wanted = bytes_str(name);

	while (bytes_cut_quoted(&fmtp, ';', &part)) {
		struct bytes value = bytes_trim(part);
		if (bytes_cut(&value, '=', &key) && bytes_is_ieq(bytes_trim(key), wanted))
			return bytes_trim(value);
	}
	return (struct bytes){ 0 };
}
