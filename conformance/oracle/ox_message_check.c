/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_text.h"

/* One header of a message under test. */
struct look {
	const struct ox_message *m;
	const struct ox_header *h;
	struct ox_findings *fs;
};

static void check_session(struct look *k)
{
	struct ox_session_id id;

	(void)ox_session_id_read(
		k->h->value, k->h->at, &id, k->fs); /* its findings are all we want */
}

static void check_transport(struct look *k)
{
	struct ox_transport t[OX_MAX_TRANSPORTS];
	size_t n = ox_transport_read(k->h->value, k->h->at, t, COUNT(t), k->fs);

	for (size_t i = 0; i < n && i < COUNT(t) && k->m->is_response; i++) {
		if (!t[i].multicast && (t[i].has_ttl || t[i].has_layers))
			ox_got(ox_find(k->fs, OX_RTSP_12_39_10, k->h->at,
				       "ttl or layers in a unicast transport"),
				t[i].spec);
	}
}

static void check_rtp_info(struct look *k)
{
	struct ox_rtp_info v[OX_MAX_RTP_INFO];
	size_t n = ox_rtp_info_read(k->h->value, k->h->at, v, COUNT(v), k->fs);
	struct ox_url u;

	for (size_t i = 0; i < n && i < COUNT(v); i++) {
		/* relative URLs are met often; RTSP-12.33-03 judges them */
		if (bytes_find(v[i].url, B("://")) < v[i].url.n)
			(void)ox_url_read(v[i].url, k->h->at, &u, k->fs);
	}
}

static void check_range(struct look *k)
{
	struct ox_range r;

	(void)ox_range_read(k->h->value, k->h->at, &r, k->fs); /* its findings are all we want */
}

static void check_date(struct look *k)
{
	int64_t s;

	if (ox_date_read(k->h->value, &s) != 0) {
		struct ox_finding *f = ox_find(
			k->fs, OX_RTSP_12_18_01, k->h->at, "Date is no RFC 1123 date in GMT");
		ox_expected(f, "Sun, 06 Nov 1994 08:49:37 GMT");
		ox_got(f, k->h->value);
	}
}

/* The message's own Date, for comparing others with; false when it has none. */
static bool message_date(const struct ox_message *m, int64_t *s)
{
	const struct ox_header *h = ox_header_find(m, "Date");

	return h && ox_date_read(h->value, s) == 0;
}

static void check_expires(struct look *k)
{
	int64_t s, now;

	if (ox_date_read(k->h->value, &s) != 0)
		ox_got(ox_find(k->fs, OX_RTSP_12_19_01, k->h->at, "Expires is no RFC 1123 date"),
			k->h->value);
	else if (message_date(k->m, &now) && s - now > 366 * 86400)
		ox_got(ox_find(k->fs, OX_RTSP_12_19_02, k->h->at,
			       "Expires is more than a year ahead"),
			k->h->value);
}

static void check_last_modified(struct look *k)
{
	int64_t s, now;

	if (ox_date_read(k->h->value, &s) != 0)
		ox_got(ox_find(k->fs, OX_RTSP_12_24_01, k->h->at,
			       "Last-Modified is no RFC 1123 date"),
			k->h->value);
	else if (message_date(k->m, &now) && s > now)
		ox_got(ox_find(k->fs, OX_RTSP_12_24_01, k->h->at, "Last-Modified lies after Date"),
			k->h->value);
}

static void check_location(struct look *k)
{
	struct ox_url u;

	if (ox_url_read(k->h->value, k->h->at, &u, NULL) != 0)
		ox_got(ox_find(k->fs, OX_RTSP_12_25_01, k->h->at, "Location is no absolute URL"),
			k->h->value);
}

static void check_content_base(struct look *k)
{
	struct ox_url u;

	if (ox_url_read(k->h->value, k->h->at, &u, NULL) != 0)
		ox_got(ox_find(k->fs, OX_RTSP_12_11_01, k->h->at,
			       "Content-Base is no absolute URL"),
			k->h->value);
}

static void check_methods(struct look *k)
{
	struct bytes rest = k->h->value, token;

	while (bytes_cut(&rest, ',', &token)) {
		token = bytes_trim(token);
		size_t at = k->h->at + ox_offset(k->h->raw, token);
		if (!ox_is_token(token))
			ox_got(ox_find(k->fs, OX_RTSP_12_28_01, at, "an element is no token"),
				token);
		else if (!ox_method_is_known(token))
			ox_got(ox_find_as(k->fs, OX_RTSP_12_28_01, OX_NOTE, at,
				       "a method that RFC 2326 doesn't know"),
				token);
	}
}

static void check_retry_after(struct look *k)
{
	int64_t s;

	if (!ox_is_digits(k->h->value) && ox_date_read(k->h->value, &s) != 0)
		ox_got(ox_find(k->fs, OX_RTSP_12_31_01, k->h->at,
			       "Retry-After is neither seconds nor a date"),
			k->h->value);
}

/* Letters, 1 to 8 of them, in parts joined by '-'. */
static bool is_language(struct bytes tag)
{
	struct bytes part;

	if (tag.n == 0 || tag.p[tag.n - 1] == '-')
		return false;
	while (bytes_cut(&tag, '-', &part)) {
		if (part.n == 0 || part.n > 8 || !ox_is_token(part))
			return false;
	}
	return true;
}

static void check_content_language(struct look *k)
{
	struct bytes rest = k->h->value, tag;

	while (bytes_cut(&rest, ',', &tag)) {
		if (!is_language(bytes_trim(tag)))
			ox_got(ox_find(k->fs, OX_RTSP_12_13_01, k->h->at,
				       "an element is no language tag"),
				tag);
	}
}

static void check_vary(struct look *k)
{
	struct bytes rest = k->h->value, name;

	while (bytes_cut(&rest, ',', &name)) {
		name = bytes_trim(name);
		if (!ox_is_token(name))
			ox_got(ox_find(k->fs, OX_RTSP_12_42_01, k->h->at,
				       "Vary holds something that is neither * nor a header name"),
				name);
	}
}

static void check_via(struct look *k)
{
	struct bytes rest = k->h->value, hop;

	while (bytes_cut_quoted(&rest, ',', &hop)) {
		hop = bytes_trim(hop);
		if (bytes_index(hop, ' ') == hop.n)
			ox_got(ox_find(k->fs, OX_RTSP_12_42_01, k->h->at,
				       "a hop of Via is no protocol and host"),
				hop);
	}
}

static void check_server(struct look *k)
{
	if (k->h->value.n == 0)
		ox_find(k->fs, OX_RTSP_12_36_01, k->h->at, "Server is empty");
}

static void check_quotes(struct look *k)
{
	if (!ox_is_quotes_closed(k->h->value))
		ox_got(ox_find(k->fs, OX_RTSP_15_1_01, k->h->at, "a quoted string isn't closed"),
			k->h->value);
}

/* How strong a digest algorithm is; a missing one is MD5. */
static int strength(struct bytes algorithm)
{
	if (bytes_has_iprefix(algorithm, B("SHA-512-256")))
		return 3;
	return bytes_has_iprefix(algorithm, B("SHA-256")) ? 2 : 1;
}

/* All challenges of the message at once: their order matters over header lines too. */
static void check_challenges(struct look *k)
{
	int weakest = 4;

	if (k->h != ox_header_find(k->m, "WWW-Authenticate"))
		return;
	for (const struct ox_header *h = k->h; h; h = ox_header_next(k->m, h, "WWW-Authenticate")) {
		struct ox_challenge c[OX_MAX_CHALLENGES];
		size_t n = ox_challenge_read(h->value, h->at, c, COUNT(c), k->fs);
		struct look quoted = { k->m, h, k->fs };
		check_quotes(&quoted);
		for (size_t i = 0; i < n && i < COUNT(c); i++) {
			int s = strength(c[i].algorithm);
			if (!c[i].is_digest)
				continue;
			if (s > weakest)
				ox_got(ox_find(k->fs, OX_AUTH_7616_3_7_01, h->at,
					       "a stronger algorithm after a weaker one"),
					c[i].algorithm);
			weakest = s < weakest ? s : weakest;
		}
	}
}

enum { IN_REQUEST = 1, IN_RESPONSE = 2, IN_BOTH = 3 };
static const struct {
	const char *name;
	int in;
	void (*check)(struct look *k);
} checks[] = {
	{ "Session", IN_RESPONSE, check_session },
	{ "Transport", IN_BOTH, check_transport },
	{ "Transport", IN_BOTH, check_quotes },
	{ "RTP-Info", IN_BOTH, check_rtp_info },
	{ "Range", IN_BOTH, check_range },
	{ "Date", IN_BOTH, check_date },
	{ "Expires", IN_BOTH, check_expires },
	{ "Last-Modified", IN_BOTH, check_last_modified },
	{ "Location", IN_BOTH, check_location },
	{ "Content-Base", IN_BOTH, check_content_base },
	{ "Public", IN_RESPONSE, check_methods },
	{ "Allow", IN_RESPONSE, check_methods },
	{ "Retry-After", IN_RESPONSE, check_retry_after },
	{ "Content-Language", IN_BOTH, check_content_language },
	{ "Vary", IN_RESPONSE, check_vary },
	{ "Via", IN_BOTH, check_via },
	{ "Server", IN_RESPONSE, check_server },
	{ "WWW-Authenticate", IN_RESPONSE, check_challenges },
};

/* 2068 4.2: what is no list stands once. */
static void check_repeats(const struct ox_message *m, struct ox_findings *fs)
{
	static const char *const single[] = { "CSeq", "Session", "Content-Length", "Content-Type",
		"Content-Base", "Date", "Range", "Scale", "Speed", "Location" };

	for (size_t i = 0; i < COUNT(single); i++) {
		const struct ox_header *first = ox_header_find(m, single[i]);
		const struct ox_header *second = first ? ox_header_next(m, first, single[i]) : NULL;
		if (second)
			ox_gotf(ox_find(fs, OX_RTSP_4_2_06, second->at,
					"a header that is no list stands twice"),
				"%s", single[i]);
	}
}

/* 15.1: TEXT holds no control characters but those of folding. */
static void check_controls(const struct ox_message *m, struct ox_findings *fs)
{
	for (size_t i = 0; i < m->head.n; i++) {
		uint8_t c = m->head.p[i];
		if ((c < ' ' && c != '\r' && c != '\n' && c != '\t') || c == 0x7f) {
			ox_gotf(ox_find(fs, OX_RTSP_15_1_02, i, "a control character in the head"),
				"octet 0x%02x", c);
			return;
		}
	}
}

static void check_required(const struct ox_message *m, struct ox_findings *fs)
{
	bool moved = m->status / 100 == 3 && m->status != 304 && m->status != 300;

	if (m->is_response) {
		if (!ox_header_find(m, "Server"))
			ox_find(fs, OX_RTSP_D_2_05, m->head.n, "no Server header");
		if (!ox_header_find(m, "Date"))
			ox_find(fs, OX_RTSP_12_18_02, m->head.n, "no Date header");
		if (moved && !ox_header_find(m, "Location"))
			ox_gotf(ox_find(fs, OX_RTSP_12_25_01, m->head.n, "no Location"),
				"status %u", m->status);
	} else if (bytes_is_eq(m->method, B("REDIRECT")) && !ox_header_find(m, "Location")) {
		ox_find(fs, OX_RTSP_10_10_01, m->head.n, "REDIRECT without Location");
	}
	if (m->body.n > 0 && !ox_header_find(m, "Content-Type"))
		ox_find(fs, OX_RTSP_12_16_01, m->head.n, "a body without Content-Type");
}

void ox_message_check(const struct ox_message *m, struct ox_findings *fs)
{
	int in = m->is_response ? IN_RESPONSE : IN_REQUEST;

	check_controls(m, fs);
	check_repeats(m, fs);
	check_required(m, fs);
	for (size_t i = 0; i < m->n_headers; i++) {
		struct look k = { m, &m->headers[i], fs };
		for (size_t c = 0; c < COUNT(checks); c++) {
			if ((checks[c].in & in) &&
				bytes_is_ieq(m->headers[i].name, bytes_str(checks[c].name)))
				checks[c].check(&k);
		}
	}
}
