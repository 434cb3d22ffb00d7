/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "conformance/oracle/ox_rtsp.h"
#include "conformance/oracle/ox_text.h"

/* A pair under test; `at` of a finding without a better place is the end of the response's head. */
struct pair {
	const struct ox_exchange *x;
	const struct ox_message *q, *r;
	struct ox_findings *fs;
};

static bool is_success(const struct ox_message *r)
{
	return r->status / 100 == 2;
}

static void check_cseq(struct pair *p)
{
	uint64_t asked, got;
	struct ox_finding *f;

	if (!p->r->has_cseq || p->r->cseq.n == 0) {
		if (!p->q || p->q->has_cseq)
			ox_find(p->fs, OX_RTSP_12_17_01, p->r->head.n,
				p->r->has_cseq ? "CSeq is empty" : "no CSeq");
		return;
	}
	if (!p->q || !p->q->has_cseq || bytes_is_eq(p->q->cseq, p->r->cseq))
		return;
	/* "0007" may come back as "7" */
	if (bytes_to_u64(p->q->cseq, UINT64_MAX, &asked) &&
		bytes_to_u64(p->r->cseq, UINT64_MAX, &got) && asked == got)
		return;
	f = ox_find(p->fs, OX_RTSP_12_17_03, ox_header_find(p->r, "CSeq")->at,
		"CSeq is not that of the request");
	ox_expected(f, "%.*s", BYTES_FMT(bytes_sub(p->q->cseq, 0, 40)));
	ox_got(f, p->r->cseq);
}

/* The echo may be followed by a blank and the delay. */
static void check_timestamp(struct pair *p)
{
	const struct ox_header *asked = ox_header_find(p->q, "Timestamp");
	const struct ox_header *got = ox_header_find(p->r, "Timestamp");
	enum ox_weight w = is_success(p->r) ? OX_FAIL : OX_WARN;
	struct bytes delay, echo;
	struct ox_finding *f;

	if (!asked)
		return;
	if (!got) {
		f = ox_find_as(p->fs, OX_RTSP_12_38_01, w, p->r->head.n, "no Timestamp");
		ox_expected(f, "%.*s", BYTES_FMT(bytes_sub(asked->value, 0, 60)));
		return;
	}
	if (bytes_is_eq(got->value, asked->value))
		return;
	delay = got->value;
	if (!bytes_cut(&delay, ' ', &echo) || !bytes_is_eq(echo, asked->value)) {
		f = ox_find_as(p->fs, OX_RTSP_12_38_01, w, got->at, "not the value that was sent");
		ox_expected(f, "%.*s", BYTES_FMT(bytes_sub(asked->value, 0, 60)));
		ox_got(f, got->value);
	} else if (!ox_is_decimal(bytes_trim(delay))) {
		ox_got(ox_find_as(p->fs, OX_RTSP_12_38_02, OX_FAIL, got->at,
			       "the delay is no decimal number"),
			got->value);
	}
}

/* Table 1 of RFC 2326 (and 10.6, 10.8: PAUSE and the parameter methods). NULL: every method. */
static const struct status_row {
	unsigned status;
	const char *methods;
} statuses[] = {
	{ 100, NULL },
	{ 200, NULL },
	{ 201, "RECORD" },
	{ 250, "RECORD" },
	{ 300, NULL },
	{ 301, NULL },
	{ 302, NULL },
	{ 303, NULL },
	{ 304, NULL },
	{ 305, NULL },
	{ 400, NULL },
	{ 401, NULL },
	{ 402, NULL },
	{ 403, NULL },
	{ 404, NULL },
	{ 405, NULL },
	{ 406, NULL },
	{ 407, NULL },
	{ 408, NULL },
	{ 410, NULL },
	{ 411, NULL },
	{ 412, "DESCRIBE, SETUP" },
	{ 413, NULL },
	{ 414, NULL },
	{ 415, NULL },
	{ 451, "SETUP, GET_PARAMETER, SET_PARAMETER" },
	{ 452, "SETUP" },
	{ 453, "SETUP, PLAY, RECORD" },
	{ 454, NULL },
	{ 455, NULL },
	{ 456, NULL },
	{ 457, "PLAY, PAUSE, RECORD" },
	{ 458, "SET_PARAMETER" },
	{ 459, NULL },
	{ 460, NULL },
	{ 461, NULL },
	{ 462, NULL },
	{ 500, NULL },
	{ 501, NULL },
	{ 502, NULL },
	{ 503, NULL },
	{ 504, NULL },
	{ 505, NULL },
	{ 551, NULL },
};

static void check_status(struct pair *p)
{
	const struct status_row *row = NULL;
	char method[32] = "";

	for (size_t i = 0; i < COUNT(statuses); i++) {
		if (statuses[i].status == p->r->status)
			row = &statuses[i];
	}
	if (!row) {
		/* an unlisted success is met in broken servers only; other codes are extensions */
		enum ox_weight w = is_success(p->r) ? OX_WARN : OX_NOTE;
		ox_gotf(ox_find_as(p->fs, OX_RTSP_7_02, w, 0, "a status that Table 1 doesn't have"),
			"%u", p->r->status);
		return;
	}
	if (!row->methods || !p->q || !ox_method_is_known(p->q->method) ||
		!bytes_to_str(p->q->method, method, sizeof(method)))
		return;
	if (!ox_list_has(bytes_str(row->methods), method)) {
		struct ox_finding *f = ox_find(p->fs, OX_RTSP_7_02, 0,
			"a status that Table 1 doesn't have for this method");
		ox_expected(f, "only for %s", row->methods);
		ox_gotf(f, "%u to %s", row->status, method);
	}
}

/* What the response says about the session, against the id in force. */
static void check_session(struct pair *p)
{
	const struct ox_header *got = ox_header_find(p->r, "Session");
	const struct ox_header *asked = ox_header_find(p->q, "Session");
	bool is_setup = bytes_is_eq(p->q->method, B("SETUP"));
	bool is_play = bytes_is_eq(p->q->method, B("PLAY")) ||
		       bytes_is_eq(p->q->method, B("PAUSE")) ||
		       bytes_is_eq(p->q->method, B("RECORD"));
	struct ox_session_id want, have;
	struct ox_finding *f;

	if (!is_success(p->r))
		return;
	if (!got) {
		if (is_setup)
			ox_find(p->fs, OX_RTSP_10_4_05, p->r->head.n, "no Session");
		else if (is_play)
			ox_find(p->fs, OX_RTSP_12_37_07, p->r->head.n, "no Session");
		return;
	}
	if (!asked || !(is_setup || is_play))
		return;
	if (ox_session_id_read(asked->value, 0, &want, NULL) != 0 ||
		ox_session_id_read(got->value, 0, &have, NULL) != 0)
		return;
	if (!bytes_is_eq(want.id, have.id)) {
		f = ox_find_as(p->fs, OX_RTSP_12_37_07, OX_FAIL, got->at,
			"Session is not that of the request");
		ox_expected(f, "%.*s", BYTES_FMT(bytes_sub(want.id, 0, 60)));
		ox_got(f, have.id);
	}
}

/* The alternative of the request that the answer chose: the same protocol, else the same lower
 * transport; NULL when there is none. */
static const struct ox_transport *find_choice(
	const struct ox_transport *asked, size_t n, const struct ox_transport *got)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes_is_ieq(asked[i].protocol, got->protocol))
			return &asked[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (asked[i].is_rtp_avp && got->is_rtp_avp && asked[i].is_tcp == got->is_tcp)
			return &asked[i];
	}
	return NULL;
}

static void check_client_port(
	struct pair *p, size_t at, const struct ox_transport *asked, const struct ox_transport *got)
{
	struct ox_finding *f = NULL;

	if (!asked->has_client_port || got->multicast)
		return;
	if (!got->has_client_port)
		f = ox_find(p->fs, OX_RTSP_12_39_19, at, "client_port is not repeated");
	else if (got->client_port[0] != asked->client_port[0] ||
		 (got->client_port[1] != asked->client_port[1] && !got->is_single_client_port &&
			 !asked->is_single_client_port))
		f = ox_find(p->fs, OX_RTSP_12_39_19, at, "client_port is not that of the request");
	else
		return;
	ox_expected(f, "client_port=%u-%u", asked->client_port[0], asked->client_port[1]);
	ox_got(f, got->spec);
}

static void check_server_port(struct pair *p, size_t at, const struct ox_transport *got)
{
	const uint16_t *port = got->server_port;

	if (got->is_tcp || got->multicast || !got->has_server_port)
		return;
	if (port[0] == 0 || port[1] == 0)
		ox_got(ox_find_as(p->fs, OX_RTSP_12_39_18, OX_FAIL, at, "server_port is 0"),
			got->spec);
	else if (!got->is_single_server_port && (port[0] % 2 != 0 || port[1] != port[0] + 1))
		ox_got(ox_find(p->fs, OX_RTP_11_01, at,
			       "server_port is not an even port and the next one"),
			got->spec);
}

static void check_channels(struct pair *p, size_t at, const struct ox_transport *got)
{
	if (!got->is_tcp)
		return;
	if (!got->has_interleaved)
		ox_got(ox_find(p->fs, OX_RTSP_12_39_14, at, "no interleaved= for TCP"), got->spec);
	else if (got->interleaved[0] == got->interleaved[1] && !got->is_single_channel)
		ox_got(ox_find(p->fs, OX_RTSP_12_39_14, at, "one channel for RTP and RTCP"),
			got->spec);
}

static void check_setup(struct pair *p)
{
	const struct ox_header *ah = ox_header_find(p->q, "Transport");
	const struct ox_header *gh = ox_header_find(p->r, "Transport");
	struct ox_transport asked[OX_MAX_TRANSPORTS], got[2];
	const struct ox_transport *choice;
	size_t n_asked, n_got;

	if (!is_success(p->r))
		return;
	if (!gh) {
		ox_find(p->fs, OX_RTSP_10_4_04, p->r->head.n, "no Transport");
		return;
	}
	n_got = ox_transport_read(gh->value, gh->at, got, COUNT(got), NULL);
	if (n_got != 1 || ox_header_next(p->r, gh, "Transport"))
		ox_got(ox_find(p->fs, OX_RTSP_12_39_03, gh->at, "not exactly one transport"),
			gh->value);
	if (n_got == 0)
		return;
	check_server_port(p, gh->at, &got[0]);
	check_channels(p, gh->at, &got[0]);
	n_asked = ah ? ox_transport_read(ah->value, ah->at, asked, COUNT(asked), NULL) : 0;
	n_asked = n_asked < COUNT(asked) ? n_asked : COUNT(asked);
	if (n_asked == 0 || ox_header_count(p->q, "Transport") > 1)
		return;
	choice = find_choice(asked, n_asked, &got[0]);
	if (!choice)
		ox_got(ox_find(p->fs, OX_RTSP_12_39_03, gh->at,
			       "a transport that was not asked for"),
			got[0].spec);
	else
		check_client_port(p, gh->at, choice, &got[0]);
}

/* Nothing is played beyond the end; whole seconds may be told of one of the two. */
static void check_play_range(struct pair *p, const struct ox_header *h)
{
	struct ox_range range;

	if (p->x->stored_end == 0 || ox_range_read(h->value, h->at, &range, NULL) != 0 ||
		range.unit != OX_RANGE_NPT || !range.has_end ||
		range.end <= p->x->stored_end + 1 * TICK_S)
		return;
	struct ox_finding *f = ox_find(p->fs, OX_RTSP_10_5_08, h->at,
		"Range ends behind the end that the description tells");
	ox_expected(f, "at most %.3f s", tick_seconds(p->x->stored_end));
	ox_got(f, h->value);
}

static void check_play(struct pair *p)
{
	const struct ox_header *info = ox_header_find(p->r, "RTP-Info");
	enum ox_weight due = p->x->is_stored ? OX_FAIL : OX_WARN;
	size_t n;

	if (!is_success(p->r))
		return;
	const struct ox_header *range = ox_header_find(p->r, "Range");
	if (range)
		check_play_range(p, range);
	else
		ox_find_as(p->fs, OX_RTSP_10_5_08, due, p->r->head.n, "no Range");
	if (!info) {
		ox_find_as(p->fs, OX_RTSP_12_33_01, due, p->r->head.n, "no RTP-Info");
		return;
	}
	n = ox_rtp_info_read(info->value, info->at, NULL, 0, NULL);
	for (const struct ox_header *h = info; (h = ox_header_next(p->r, h, "RTP-Info"));)
		n += ox_rtp_info_read(h->value, h->at, NULL, 0, NULL);
	if (p->x->n_streams > 0 && n != p->x->n_streams) {
		struct ox_finding *f = ox_find(p->fs, OX_RTSP_12_33_02, info->at,
			"RTP-Info doesn't have one entry for each stream");
		ox_expected(f, "%u", p->x->n_streams);
		ox_gotf(f, "%zu", n);
	}
}

static void check_describe(struct pair *p)
{
	const struct ox_header *type = ox_header_find(p->r, "Content-Type");
	struct bytes name;

	if (p->r->status != 200 || !type || p->r->body.n == 0)
		return;
	name = bytes_trim(bytes_sub(type->value, 0, bytes_index(type->value, ';')));
	if (!bytes_is_ieq(name, B("application/sdp")) && bytes_has_prefix(p->r->body, B("v="))) {
		struct ox_finding *f = ox_find(
			p->fs, OX_SDP_5_01, type->at, "the type of a description is another one");
		ox_expected(f, "application/sdp");
		ox_got(f, type->value);
	}
}

static void check_options(struct pair *p)
{
	if (p->r->status == 200 && ox_header_value(p->r, "Public").n == 0)
		ox_find(p->fs, OX_RTSP_1_5_03, p->r->head.n, "no Public");
}

static void check_coding(struct pair *p)
{
	const struct ox_header *h = ox_header_find(p->r, "Content-Encoding");
	bool asked = ox_header_find(p->q, "Accept-Encoding") != NULL;

	if (h && !asked && !bytes_is_ieq(h->value, B("identity")))
		ox_got(ox_find(p->fs, OX_RTSP_12_2_01, h->at,
			       "a content coding that was not asked for"),
			h->value);
}

static void check_cache(struct pair *p)
{
	const struct ox_header *h = ox_header_find(p->r, "Cache-Control");

	if (h && !bytes_is_eq(p->q->method, B("SETUP")))
		ox_got(ox_find(p->fs, OX_RTSP_12_8_02, h->at, "Cache-Control outside of SETUP"),
			h->value);
}

static const struct {
	const char *method; /* NULL: all */
	void (*check)(struct pair *p);
} pair_checks[] = {
	{ NULL, check_timestamp },
	{ NULL, check_session },
	{ NULL, check_coding },
	{ NULL, check_cache },
	{ "SETUP", check_setup },
	{ "PLAY", check_play },
	{ "DESCRIBE", check_describe },
	{ "OPTIONS", check_options },
};

void ox_exchange_check(const struct ox_exchange *x, struct ox_findings *fs)
{
	struct pair p = { .x = x, .q = x->request, .r = x->response, .fs = fs };

	check_cseq(&p);
	check_status(&p);
	for (size_t i = 0; p.q && i < COUNT(pair_checks); i++) {
		if (!pair_checks[i].method ||
			bytes_is_eq(p.q->method, bytes_str(pair_checks[i].method)))
			pair_checks[i].check(&p);
	}
}
