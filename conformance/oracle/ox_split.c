/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_split.h"

#include "conformance/oracle/ox_text.h"

/* What a place in the stream is, as far as the bytes at hand tell. */
enum looks { LOOKS_NO, LOOKS_YES, LOOKS_UNDECIDED };

enum { LONGEST_START_LINE = 16 * 1024 };

/* Offset of the first CR or LF, or b.n. */
static size_t line_length(struct bytes b)
{
	size_t lf = bytes_index(b, '\n');

	return bytes_index(bytes_sub(b, 0, lf), '\r');
}

/* Octets of the line end at `at`: CRLF, LF or CR; 0 when it may not be complete yet. */
static size_t line_end_length(struct bytes b, size_t at, bool ended)
{
	if (at >= b.n)
		return 0;
	if (b.p[at] == '\n')
		return 1;
	if (at + 1 == b.n)
		return ended ? 1 : 0;
	return b.p[at + 1] == '\n' ? 2 : 1;
}

static bool is_content_length(struct bytes line, uint64_t *v)
{
	struct bytes name, value = line;

	return bytes_cut(&value, ':', &name) &&
	       bytes_is_ieq(bytes_trim(name), B("Content-Length")) &&
	       bytes_to_u64(bytes_trim(value), OX_MAX_BODY_BYTES, v);
}

static int head_length(struct bytes have, bool ended, size_t *head_n, size_t *body_n)
{
	size_t at = 0;
	uint64_t body = 0;
	bool has_body = false;

	*head_n = *body_n = 0;
	for (;;) {
		struct bytes rest = bytes_sub(have, at, have.n);
		size_t n = line_length(rest), end = line_end_length(rest, n, ended);
		if (at + n > OX_MAX_HEAD_BYTES)
			return ERR_LIMIT;
		if (end == 0)
			return ERR_MORE;
		if (!has_body && at > 0 && n > 0)
			has_body = is_content_length(bytes_sub(rest, 0, n), &body);
		at += n + end;
		if (n == 0)
			break;
	}
	*head_n = at;
	*body_n = has_body ? (size_t)body : 0;
	return 0;
}

/* "RTSP/..." or "HTTP/1...", or a token, a blank and later " RTSP/" or " HTTP/1.". */
static bool is_start_line(struct bytes line)
{
	size_t blank = bytes_index(line, ' ');

	if (bytes_has_iprefix(line, B("RTSP/")) || bytes_has_prefix(line, B("HTTP/1.")))
		return true;
	if (!ox_is_token(bytes_sub(line, 0, blank)))
		return false;
	return bytes_find(line, B(" RTSP/")) < line.n || bytes_find(line, B(" HTTP/1.")) < line.n;
}

static enum looks looks_like_message(struct bytes b, bool ended)
{
	size_t n = line_length(b);

	if (n < b.n || ended)
		return is_start_line(bytes_sub(b, 0, n)) ? LOOKS_YES : LOOKS_NO;
	if (n > LONGEST_START_LINE)
		return LOOKS_NO;
	/* a token so far, or a token and a blank: it may become a start line */
	if (bytes_has_iprefix(b, B("RTSP/")) || bytes_has_iprefix(B("RTSP/"), b) ||
		ox_is_token(bytes_sub(b, 0, bytes_index(b, ' '))))
		return LOOKS_UNDECIDED;
	return LOOKS_NO;
}

int ox_message_length(struct bytes have, size_t *head_n, size_t *body_n)
{
	*head_n = *body_n = 0;
	if (have.n > 0 && have.p[0] == '$')
		return ERR_SYNTAX;
	switch (looks_like_message(have, false)) {
	case LOOKS_NO: return have.n ? ERR_SYNTAX : ERR_MORE;
	case LOOKS_UNDECIDED: return ERR_MORE;
	case LOOKS_YES: break;
	}
	return head_length(have, false, head_n, body_n);
}

/* For finding the way back only known first words count: media is full of tokens and blanks. */
static enum looks looks_like_known_message(struct bytes b, bool ended)
{
	static const char *const words[] = { "RTSP/1.0 ", "OPTIONS ", "DESCRIBE ", "ANNOUNCE ",
		"SETUP ", "PLAY ", "PAUSE ", "RECORD ", "TEARDOWN ", "REDIRECT ", "GET_PARAMETER ",
		"SET_PARAMETER ", "FLUSH " };

	for (size_t i = 0; i < COUNT(words); i++) {
		struct bytes word = bytes_str(words[i]);
		if (bytes_has_prefix(b, word))
			return looks_like_message(b, ended);
		if (!ended && bytes_has_prefix(word, b))
			return LOOKS_UNDECIDED;
	}
	return LOOKS_NO;
}

/* A frame when its payload may be RTP or RTCP (version 2) and something sensible follows. */
static enum looks looks_like_frame(struct bytes b, bool ended)
{
	if (b.n < 5)
		return ended ? LOOKS_NO : LOOKS_UNDECIDED;
	size_t n = be16(b.p + 2);
	if (n < 4 || b.p[4] >> 6 != 2)
		return LOOKS_NO;
	if (b.n == 4 + n && ended)
		return LOOKS_YES;
	if (b.n <= 4 + n)
		return ended ? LOOKS_NO : LOOKS_UNDECIDED;
	uint8_t next = b.p[4 + n];
	return next == '$' || (next >= 'A' && next <= 'Z') ? LOOKS_YES : LOOKS_NO;
}

/* First place from `from` on that is, or may become, a unit. */
static size_t find_unit(struct bytes have, size_t from, bool ended)
{
	for (size_t i = from; i < have.n; i++) {
		struct bytes rest = bytes_sub(have, i, have.n);
		enum looks l = LOOKS_NO;
		if (have.p[i] == '$')
			l = looks_like_frame(rest, ended);
		else if (have.p[i] >= 'A' && have.p[i] <= 'Z')
			l = looks_like_known_message(rest, ended);
		if (l != LOOKS_NO)
			return i;
	}
	return have.n;
}

static ptrdiff_t take(
	struct ox_splitter *s, struct ox_unit *u, enum ox_unit_kind kind, struct bytes b)
{
	u->kind = kind;
	u->b = b;
	s->at += b.n;
	s->was_message = kind == OX_UNIT_MESSAGE;
	s->lost = kind == OX_UNIT_GARBAGE;
	return (ptrdiff_t)b.n;
}

static ptrdiff_t take_frame(struct ox_splitter *s, struct bytes have, bool ended, struct ox_unit *u)
{
	size_t n = have.n >= 4 ? 4u + be16(have.p + 2) : 4;

	if (have.n < n && !ended)
		return ERR_MORE;
	u->truncated = have.n < n;
	u->channel = have.n > 1 ? have.p[1] : 0;
	u->payload = bytes_sub(have, 4, n - 4);
	return take(s, u, OX_UNIT_FRAME, bytes_sub(have, 0, n));
}

static ptrdiff_t take_message(
	struct ox_splitter *s, struct bytes have, bool ended, struct ox_unit *u)
{
	size_t body_n;
	int err = head_length(have, ended, &u->head_n, &body_n);

	if (err == ERR_LIMIT)
		return take(s, u, OX_UNIT_GARBAGE, have);
	if (!ended && (err == ERR_MORE || have.n - u->head_n < body_n))
		return ERR_MORE;
	if (err == ERR_MORE)
		u->head_n = have.n;
	u->truncated = err == ERR_MORE || have.n - u->head_n < body_n;
	u->payload = bytes_sub(have, u->head_n, body_n);
	return take(s, u, OX_UNIT_MESSAGE, bytes_sub(have, 0, u->head_n + u->payload.n));
}

static ptrdiff_t take_garbage(
	struct ox_splitter *s, struct bytes have, bool ended, struct ox_unit *u)
{
	/* in step, the first byte was judged already, and is none */
	size_t n = find_unit(have, s->lost ? 0 : 1, ended);

	if (n > 0)
		return take(s, u, OX_UNIT_GARBAGE, bytes_sub(have, 0, n));
	bool is_frame = have.p[0] == '$';
	if ((is_frame ? looks_like_frame(have, ended) : looks_like_known_message(have, ended)) !=
		LOOKS_YES)
		return ERR_MORE;
	return is_frame ? take_frame(s, have, ended, u) : take_message(s, have, ended, u);
}

ptrdiff_t ox_split_next(struct ox_splitter *s, struct bytes have, bool ended, struct ox_unit *u)
{
	size_t blank = 0;

	*u = (struct ox_unit){ .at = s->at };
	if (have.n == 0)
		return ended ? ERR_END : ERR_MORE;
	if (s->lost)
		return take_garbage(s, have, ended, u);
	while (blank < have.n && (have.p[blank] == '\r' || have.p[blank] == '\n'))
		blank++;
	if (blank > 0)
		return take(s, u, OX_UNIT_BLANK, bytes_sub(have, 0, blank));
	if (have.p[0] == '$')
		return take_frame(s, have, ended, u);
	switch (looks_like_message(have, ended)) {
	case LOOKS_YES: return take_message(s, have, ended, u);
	case LOOKS_UNDECIDED: return ERR_MORE;
	case LOOKS_NO: break;
	}
	return take_garbage(s, have, ended, u);
}
