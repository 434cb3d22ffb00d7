/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_fields.h"

#include <string.h>

#include "conformance/oracle/ox_text.h"

static bool is_session_octet(uint8_t c)
{
	uint8_t letter = c | 0x20;

	return (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') ||
	       (c != 0 && strchr("$-_.+", c) != NULL);
}

int ox_session_id_read(
	struct bytes value, size_t at, struct ox_session_id *s, struct ox_findings *fs)
{
	struct bytes rest = value, parameter;
	uint64_t timeout;

	*s = (struct ox_session_id){ .timeout_s = 60 };
	if (!bytes_cut(&rest, ';', &s->id))
		s->id = value;
	s->id = bytes_trim(s->id);
	while (bytes_cut(&rest, ';', &parameter)) {
		struct bytes name, v = bytes_trim(parameter);
		if (!bytes_cut(&v, '=', &name) || !bytes_is_ieq(bytes_trim(name), B("timeout")))
			continue;
		s->has_timeout = bytes_to_u64(bytes_trim(v), UINT32_MAX, &timeout) && timeout > 0;
		if (s->has_timeout)
			s->timeout_s = (uint32_t)timeout;
		else
			ox_got(ox_find(fs, OX_RTSP_12_37_02, at + ox_offset(value, parameter),
				       "timeout must be whole seconds above 0"),
				value);
	}
	for (size_t i = 0; i < s->id.n; i++) {
		if (!is_session_octet(s->id.p[i])) {
			ox_got(ox_find(fs, OX_RTSP_3_4_03, at + i,
				       "an octet that a session id can't hold"),
				s->id);
			break;
		}
	}
	if (s->id.n == 0)
		ox_got(ox_find(fs, OX_RTSP_3_4_03, at, "the session id is empty"), value);
	return s->id.n ? 0 : ERR_SYNTAX;
}

/* One number of an RTP-Info entry, with its finding. */
static bool read_info_number(struct bytes v, uint64_t max, size_t at, const char *why, uint64_t *n,
	struct ox_findings *fs)
{
	if (bytes_to_u64(v, max, n))
		return true;
	ox_got(ox_find(fs, OX_RTSP_12_33_06, at, why), v);
	return false;
}

static void read_info_parameter(
	struct bytes part, size_t at, struct ox_rtp_info *e, struct ox_findings *fs)
{
	struct bytes name, v = part;
	uint64_t n;

	if (!bytes_cut(&v, '=', &name))
		return;
	name = bytes_trim(name);
	if (bytes_is_ieq(name, B("url"))) {
		bool closed;
		e->url = ox_unquote(bytes_trim(v), &closed);
		if (bytes_index(e->url, '"') < e->url.n)
			ox_got(ox_find(fs, OX_RTSP_3_2_01, at, "a quote inside a URL"), e->url);
	} else if (bytes_is_ieq(name, B("seq"))) {
		e->has_seq = read_info_number(
			v, 65535, at, "seq must be a plain number up to 65535", &n, fs);
		e->seq = e->has_seq ? (uint16_t)n : 0;
	} else if (bytes_is_ieq(name, B("rtptime"))) {
		e->has_rtptime = read_info_number(v, UINT32_MAX, at,
			"rtptime must be a plain number up to 4294967295", &n, fs);
		e->rtptime = e->has_rtptime ? (uint32_t)n : 0;
	} else if (bytes_is_ieq(name, B("ssrc"))) {
		e->has_ssrc = bytes_hex_to_u64(v, UINT32_MAX, &n);
		e->ssrc = e->has_ssrc ? (uint32_t)n : 0;
	}
}

/*
 * The comma that ends an entry: URLs may hold commas, so only one that is followed by "url=" (after
 * blanks) parts entries. Answers its offset, or b.n.
 */
static size_t info_entry_length(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++) {
		if (b.p[i] == ',' &&
			bytes_has_iprefix(bytes_trim(bytes_sub(b, i + 1, b.n)), B("url=")))
			return i;
	}
	return b.n;
}

size_t ox_rtp_info_read(
	struct bytes value, size_t at, struct ox_rtp_info *v, size_t max, struct ox_findings *fs)
{
	struct bytes rest = value;
	size_t n = 0;

	if (!ox_is_quotes_closed(value))
		ox_got(ox_find(fs, OX_RTSP_15_1_01, at, "a quoted string isn't closed"), value);
	while (rest.n > 0) {
		struct ox_rtp_info spare = { .has_seq = false }, *e = n < max ? &v[n] : &spare;
		size_t length = info_entry_length(rest);
		struct bytes entry = bytes_sub(rest, 0, length), part;
		rest = bytes_sub(rest, length + 1, rest.n);
		*e = (struct ox_rtp_info){ .has_seq = false };
		while (bytes_cut_quoted(&entry, ';', &part))
			read_info_parameter(bytes_trim(part), at + ox_offset(value, part), e, fs);
		if (e->url.n == 0)
			ox_got(ox_find(fs, OX_RTSP_12_33_02, at, "an entry without url"), value);
		n++;
	}
	return n;
}

/* Length of the challenge at the front: up to the comma before the next "scheme SP". */
static size_t challenge_length(struct bytes b)
{
	struct bytes rest = b, part;
	bool is_first = true;

	while (bytes_cut_quoted(&rest, ',', &part)) {
		struct bytes trimmed = bytes_trim(part);
		size_t blank = bytes_index(trimmed, ' '), equals = bytes_index(trimmed, '=');
		/* a parameter has its '=' before any blank inside; a scheme word has none */
		bool begins = blank < trimmed.n && blank < equals &&
			      bytes_trim(bytes_sub(trimmed, blank, equals - blank)).n > 0;
		begins = begins || (equals == trimmed.n && trimmed.n > 0);
		if (begins && !is_first)
			return ox_offset(b, part);
		is_first = false;
	}
	return b.n;
}

static void set_parameter(struct ox_challenge *c, struct bytes name, struct bytes v)
{
	static const struct {
		const char *name;
		size_t at;
	} fields[] = {
		{ "realm", offsetof(struct ox_challenge, realm) },
		{ "nonce", offsetof(struct ox_challenge, nonce) },
		{ "opaque", offsetof(struct ox_challenge, opaque) },
		{ "algorithm", offsetof(struct ox_challenge, algorithm) },
		{ "qop", offsetof(struct ox_challenge, qop) },
		{ "stale", offsetof(struct ox_challenge, stale) },
		{ "domain", offsetof(struct ox_challenge, domain) },
	};
	for (size_t i = 0; i < COUNT(fields); i++) {
		if (bytes_is_ieq(name, bytes_str(fields[i].name)))
			memcpy((char *)c + fields[i].at, &v, sizeof(v));
	}
}

static void read_challenge(
	struct bytes text, size_t at, struct ox_challenge *c, struct ox_findings *fs)
{
	size_t blank = bytes_index(text, ' ');
	struct bytes rest = bytes_sub(text, blank + 1, text.n), part;
	bool realm_quoted = false, nonce_quoted = false, closed;

	*c = (struct ox_challenge){ .scheme = bytes_sub(text, 0, blank) };
	c->is_digest = bytes_is_ieq(c->scheme, B("Digest"));
	c->is_basic = bytes_is_ieq(c->scheme, B("Basic"));
	while (bytes_cut_quoted(&rest, ',', &part)) {
		struct bytes name, v = bytes_trim(part);
		if (!bytes_cut(&v, '=', &name))
			continue;
		name = bytes_trim(name);
		v = ox_unquote(bytes_trim(v), &closed);
		realm_quoted = realm_quoted || (closed && bytes_is_ieq(name, B("realm")));
		nonce_quoted = nonce_quoted || (closed && bytes_is_ieq(name, B("nonce")));
		set_parameter(c, name, v);
	}
	if (!c->is_digest)
		return;
	if (!realm_quoted)
		ox_got(ox_find(fs, OX_AUTH_2617_3_2_1_01, at, "no quoted realm"), text);
	if (!nonce_quoted)
		ox_got(ox_find(fs, OX_AUTH_2617_3_2_1_01, at, "no quoted nonce"), text);
	if (c->qop.n == 0)
		ox_find(fs, OX_AUTH_2617_3_2_1_06, at, "no qop is offered");
}

size_t ox_challenge_read(
	struct bytes value, size_t at, struct ox_challenge *v, size_t max, struct ox_findings *fs)
{
	struct bytes rest = bytes_trim(value);
	size_t n = 0;

	while (rest.n > 0) {
		struct ox_challenge spare;
		size_t length = challenge_length(rest);
		struct bytes text = bytes_trim(bytes_sub(rest, 0, length));
		read_challenge(text, at + ox_offset(value, text), n < max ? &v[n] : &spare, fs);
		rest = bytes_sub(rest, length ? length : 1, rest.n);
		n++;
	}
	return n;
}
