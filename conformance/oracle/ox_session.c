/* SPDX-License-Identifier: MIT */
#include "conformance/oracle/ox_session.h"

#include <assert.h>
#include <stdlib.h>

#include "conformance/oracle/ox_session_parts.h"
#include "server/base/os.h"

static const tick_t default_sr_within = 8 * TICK_S;

struct ox_session *ox_session_new(const struct ox_session_opts *opts)
{
	struct ox_session *s = xcalloc(1, sizeof(*s));

	if (opts)
		s->opts = *opts;
	if (s->opts.sr_within == 0)
		s->opts.sr_within = default_sr_within;
	return s;
}

void ox_session_free(struct ox_session *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < OX_MAX_ASKED; i++)
		free(s->asked[i].raw);
	for (size_t i = 0; i < s->n_tracks; i++) {
		free(s->tracks[i]->track.streams);
		free(s->tracks[i]->track.senders);
		free(s->tracks[i]);
	}
	for (size_t i = 0; i < s->n_old; i++) {
		free(s->old_texts[i]);
		free(s->old_sdps[i]);
	}
	free(s->sdp_text);
	free(s->sdp);
	ox_findings_clear(&s->fs);
	free(s);
}

/* Bytes of the server that fit nowhere: which rule they break depends on what came before. */
static void on_stray(struct ox_session *s, const struct ox_event *e)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);
	bool is_blank = e->kind == OX_EVENT_BLANK;

	s->counts.strays++;
	if (e->from_client)
		return;
	ox_findings_at(&s->fs, "connection %u", e->connection);
	if (c && c->after_message && c->had_length && c->had_body)
		ox_got(ox_find(&s->fs, OX_RTSP_4_4_02, 0,
			       "bytes are left over after the body that Content-Length gives"),
			e->b);
	else if (c && c->after_message && !c->had_length && !is_blank)
		ox_got(ox_find(&s->fs, OX_RTSP_4_4_04, 0,
			       "bytes follow a message that has no Content-Length"),
			e->b);
	else if (!is_blank)
		ox_got(ox_find(&s->fs, OX_RTSP_10_12_02, 0,
			       "bytes that are neither a message nor a frame"),
			e->b);
	if (c)
		c->after_message = false;
}

static void on_close(struct ox_session *s, const struct ox_event *e)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);

	if (!c)
		return;
	if (e->from_client) {
		c->client_closed = true;
		return;
	}
	ox_findings_at(&s->fs, "connection %u", e->connection);
	/* after TEARDOWN nobody is hurt */
	if (!c->client_closed && !c->server_closed && c->responses > 0 && !c->said_close &&
		!s->opts.is_cut)
		ox_find_as(&s->fs, OX_RTSP_12_10_02, c->torn_down ? OX_NOTE : OX_WARN, 0,
			"the server closed a connection without saying Connection: close");
	c->server_closed = true;
}

void ox_session_event(struct ox_session *s, const struct ox_event *e)
{
	assert(!s->is_ended);
	s->now = s->fs.time = e->time;
	s->fs.by_client = e->from_client;
	s->fs.where[0] = '\0';
	switch (e->kind) {
	case OX_EVENT_MESSAGE: ox_session_message(s, e); break;
	case OX_EVENT_FRAME: ox_session_frame(s, e); break;
	case OX_EVENT_DATAGRAM: ox_session_datagram(s, e); break;
	case OX_EVENT_BLANK:
	case OX_EVENT_GARBAGE: on_stray(s, e); break;
	case OX_EVENT_CLOSE: on_close(s, e); break;
	}
}

void ox_session_begin(struct ox_session *s)
{
	ox_findings_clear(&s->fs);
	s->is_sdp_known = s->sdp != NULL;
}

void ox_session_end(struct ox_session *s, tick_t now)
{
	if (s->is_ended)
		return;
	s->is_ended = true;
	s->now = s->fs.time = now;
	s->fs.by_client = false;
	for (size_t i = 0; i < OX_MAX_ASKED; i++)
		s->counts.unanswered += s->asked[i].is_used && s->asked[i].from_client;
	ox_session_media_end(s);
	ox_session_public_end(s);
	s->fs.where[0] = '\0';
}

const struct ox_findings *ox_session_findings(const struct ox_session *s)
{
	return &s->fs;
}

const struct ox_track *ox_session_track(const struct ox_session *s, size_t i)
{
	return i < s->n_tracks ? &s->tracks[i]->track : NULL;
}

const struct ox_sdp *ox_session_sdp(const struct ox_session *s)
{
	return s->sdp;
}

struct ox_session_counts ox_session_counts(const struct ox_session *s)
{
	return s->counts;
}
