/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_session_parts.h"
#include "server/base/os.h"

struct ox_connection *ox_session_connection(struct ox_session *s, unsigned number)
{
	for (size_t i = 0; i < OX_MAX_CONNECTIONS; i++) {
		struct ox_connection *c = &s->connections[i];
		if (!c->is_used)
			*c = (struct ox_connection){ .is_used = true, .number = number };
		if (c->number == number)
			return c;
	}
	return NULL;
}

static void forget(struct ox_asked *a)
{
	free(a->raw);
	*a = (struct ox_asked){ .is_used = false };
}

/* Keeps a request; the oldest one goes when there is no room. */
static void remember(struct ox_session *s, const struct ox_event *e)
{
	struct ox_asked *a = &s->asked[0];

	for (size_t i = 0; i < OX_MAX_ASKED && a->is_used; i++) {
		if (!s->asked[i].is_used || s->asked[i].order < a->order)
			a = &s->asked[i];
	}
	forget(a);
	*a = (struct ox_asked){ .is_used = true,
		.from_client = e->from_client,
		.connection = e->connection,
		.time = e->time,
		.order = s->orders++,
		.n = e->b.n < OX_MAX_REQUEST ? e->b.n : OX_MAX_REQUEST };
	a->raw = xmalloc(a->n ? a->n : 1);
	if (a->n)
		memcpy(a->raw, e->b.p, a->n);
}

static bool has_cseq_of(const struct ox_asked *a, struct bytes cseq)
{
	struct ox_message m;

	return ox_message_read(bytes_of(a->raw, a->n), &m, NULL) == 0 && m.has_cseq &&
	       bytes_is_eq(m.cseq, cseq);
}

/* The request that this response answers: the one with its CSeq, else the oldest (answers come in
 * order on one connection). NULL: none waits. */
static struct ox_asked *find_asked(
	struct ox_session *s, const struct ox_event *e, const struct ox_message *r)
{
	struct ox_asked *oldest = NULL, *match = NULL;

	for (size_t i = 0; i < OX_MAX_ASKED; i++) {
		struct ox_asked *a = &s->asked[i];
		if (!a->is_used || a->connection != e->connection ||
			a->from_client == e->from_client)
			continue;
		if (!oldest || a->order < oldest->order)
			oldest = a;
		if (r->has_cseq && (!match || a->order < match->order) && has_cseq_of(a, r->cseq))
			match = a;
	}
	/* a CSeq that nobody sent is still an answer to somebody: the pair's check tells */
	return match ? match : oldest;
}

/* without OPTIONS, which many leave out of its own answer (2326 10.1 does in its example) */
static const char *const methods[] = { "DESCRIBE", "ANNOUNCE", "SETUP", "PLAY", "PAUSE", "RECORD",
	"TEARDOWN", "GET_PARAMETER", "SET_PARAMETER" };

static void note_worked(
	struct ox_session *s, const struct ox_message *q, const struct ox_message *r)
{
	struct bytes named = ox_header_value(r, "Public");
	size_t at = strlen(s->publics);

	for (size_t i = 0; i < COUNT(methods) && r->status / 100 == 2; i++) {
		if (bytes_is_eq(q->method, bytes_str(methods[i])))
			s->worked |= 1u << i;
	}
	if (named.n == 0 || r->status != 200)
		return;
	s->has_public = true;
	if (at + named.n + 2 < sizeof(s->publics)) {
		s->publics[at] = ',';
		memcpy(s->publics + at + 1, named.p, named.n);
		s->publics[at + 1 + named.n] = '\0';
	}
}

/* Public names at least what was seen working. */
void ox_session_public_end(struct ox_session *s)
{
	for (size_t i = 0; i < COUNT(methods) && s->has_public; i++) {
		if ((s->worked >> i & 1) && !ox_list_has(bytes_str(s->publics), methods[i]))
			ox_gotf(ox_find(&s->fs, OX_RTSP_1_5_03, 0,
					"a method that works is not named in Public"),
				"%s", methods[i]);
	}
}

static bool is_stored(const struct ox_session *s)
{
	if (!s->sdp)
		return false;
	if (s->sdp->has_range && s->sdp->range.has_end)
		return true;
	for (size_t i = 0; i < s->sdp->n_media && i < OX_MAX_MEDIA; i++) {
		if (s->sdp->media[i].has_range && s->sdp->media[i].range.has_end)
			return true;
	}
	return false;
}

/* Streams that the PLAY or PAUSE of this request is about: those of its session. */
static unsigned count_streams(const struct ox_session *s, const struct ox_message *q)
{
	struct ox_session_id id;
	unsigned n = 0;

	if (ox_session_id_read(ox_header_value(q, "Session"), 0, &id, NULL) != 0)
		return 0;
	for (size_t i = 0; i < s->n_tracks; i++) {
		if (!bytes_is_eq(bytes_str(s->tracks[i]->session), id.id) ||
			s->tracks[i]->is_torn_down)
			continue;
		/* of one stream only when its own URL was named */
		if (ox_url_is_same(bytes_str(s->tracks[i]->track.url), q->uri, true))
			return 1;
		n++;
	}
	return n;
}

static void judge_pair(struct ox_session *s, const struct ox_event *e, struct ox_asked *a,
	const struct ox_message *r)
{
	struct ox_message q;
	struct ox_exchange x = { .response = r, .is_stored = is_stored(s) };

	if (s->sdp && s->sdp->has_range && s->sdp->range.has_end &&
		s->sdp->range.unit == OX_RANGE_NPT)
		x.stored_end = s->sdp->range.end;

	if (a && ox_message_read(bytes_of(a->raw, a->n), &q, NULL) == 0)
		x.request = &q;
	if (!x.request) {
		ox_findings_at(&s->fs, "response %u", r->status);
	} else {
		ox_findings_at(&s->fs, "response %u to %.*s, CSeq %.*s", r->status,
			BYTES_FMT(bytes_sub(q.method, 0, 20)), BYTES_FMT(bytes_sub(q.cseq, 0, 12)));
		if (bytes_is_eq(q.method, B("PLAY")))
			x.n_streams = count_streams(s, &q);
	}
	ox_message_check(r, &s->fs);
	ox_exchange_check(&x, &s->fs);
	if (x.request && !e->from_client) {
		note_worked(s, x.request, r);
		ox_session_answered(s, e, x.request, r);
	}
	if (a)
		forget(a);
}

static void on_response(struct ox_session *s, const struct ox_event *e, const struct ox_message *r)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);

	s->counts.responses++;
	if (c && !e->from_client) {
		c->responses++;
		c->said_close = ox_list_has(ox_header_value(r, "Connection"), "close");
	}
	judge_pair(s, e, find_asked(s, e, r), r);
}

/* 9, 12.17: requests of the server */
static void check_server_request(
	struct ox_session *s, const struct ox_event *e, const struct ox_message *q)
{
	static const char *const may_send[] = { "OPTIONS", "ANNOUNCE", "REDIRECT", "SET_PARAMETER",
		"GET_PARAMETER", "TEARDOWN" };
	struct ox_connection *c = ox_session_connection(s, e->connection);
	bool is_known = false;
	uint64_t cseq;

	for (size_t i = 0; i < COUNT(may_send); i++)
		is_known = is_known || bytes_is_eq(q->method, bytes_str(may_send[i]));
	if (!is_known)
		ox_got(ox_find(&s->fs, OX_RTSP_9_03, 0, "a method that servers don't send"),
			q->method);
	if (!q->has_cseq)
		ox_find(&s->fs, OX_RTSP_9_03, q->head.n, "a request of the server without CSeq");
	if (c && bytes_to_u64(q->cseq, UINT64_MAX, &cseq)) {
		if (c->has_server_cseq && cseq <= c->server_cseq)
			ox_got(ox_find(&s->fs, OX_RTSP_12_17_04, 0,
				       "the server's CSeq does not rise"),
				q->cseq);
		c->has_server_cseq = true;
		c->server_cseq = cseq;
	}
	if (bytes_is_eq(q->method, B("ANNOUNCE"))) {
		struct ox_sdp *sdp = xmalloc(sizeof(*sdp));
		if (ox_sdp_read(q->body, sdp, NULL) != 0)
			ox_gotf(ox_find(&s->fs, OX_RTSP_10_3_02, q->head.n,
					"the description is not a whole one"),
				"line %zu", sdp->bad_line);
		free(sdp);
	}
}

static void on_request(struct ox_session *s, const struct ox_event *e, const struct ox_message *q)
{
	s->counts.requests++;
	ox_findings_at(&s->fs, "request %.*s, CSeq %.*s", BYTES_FMT(bytes_sub(q->method, 0, 20)),
		BYTES_FMT(bytes_sub(q->cseq, 0, 12)));
	ox_message_check(q, &s->fs);
	remember(s, e);
	if (!e->from_client) {
		check_server_request(s, e, q);
		return;
	}
	if (!q->has_cseq)
		ox_find(&s->fs, OX_RTSP_12_17_02, q->head.n, "a request without CSeq");
	ox_session_asked(s, q);
}

void ox_session_message(struct ox_session *s, const struct ox_event *e)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);
	struct ox_message m;
	int err;

	ox_findings_at(&s->fs, "message on connection %u", e->connection);
	err = ox_message_read(e->b, &m, &s->fs);
	if (c && !e->from_client) {
		c->after_message = true;
		c->had_body = m.body.n > 0;
		c->had_length = ox_header_find(&m, "Content-Length") != NULL;
	}
	if (err != 0) {
		s->counts.strays++;
		return;
	}
	if (m.is_response)
		on_response(s, e, &m);
	else
		on_request(s, e, &m);
}
