/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "conformance/oracle/ox_session_parts.h"
#include "server/base/os.h"

/* Copies as much as fits, with a NUL; octets that are NUL end it. */
static void copy_text(char *dst, size_t cap, struct bytes b)
{
	size_t n = bytes_index(b, 0);

	n = n < cap - 1 ? n : cap - 1;
	if (n)
		memcpy(dst, b.p, n);
	dst[n] = '\0';
}

/* Is the track meant by a request with this Session header? Without one, every live track is. */
static bool is_meant(const struct ox_track_state *t, const struct ox_message *q)
{
	struct ox_session_id id;

	if (t->is_torn_down)
		return false;
	if (ox_session_id_read(ox_header_value(q, "Session"), 0, &id, NULL) != 0)
		return true;
	return bytes_is_eq(bytes_str(t->session), bytes_sub(id.id, 0, OX_MAX_SESSION_ID - 1));
}

void ox_session_asked(struct ox_session *s, const struct ox_message *q)
{
	bool is_play = bytes_is_eq(q->method, B("PLAY"));
	bool is_stop = bytes_is_eq(q->method, B("PAUSE")) || bytes_is_eq(q->method, B("TEARDOWN"));

	for (size_t i = 0; i < s->n_tracks && (is_play || is_stop); i++) {
		struct ox_track_state *t = s->tracks[i];
		if (!is_meant(t, q))
			continue;
		ox_play_judge(s, t);
		if (is_play)
			t->play = (struct ox_play){ .is_armed = true, .is_fresh = !t->is_playing };
	}
}

/* ---- DESCRIBE, ANNOUNCE ---- */

static bool is_media_of(const struct ox_sdp *sdp, const struct ox_media *m)
{
	return sdp && m >= sdp->media && m < sdp->media + OX_MAX_MEDIA;
}

/* Puts the description away while tracks look into it, else frees it. */
static void retire_description(struct ox_session *s)
{
	bool is_used = false;

	for (size_t i = 0; i < s->n_tracks; i++)
		is_used = is_used || is_media_of(s->sdp, s->tracks[i]->track.media);
	if (is_used && s->n_old < COUNT(s->old_sdps)) {
		s->old_texts[s->n_old] = s->sdp_text;
		s->old_sdps[s->n_old++] = s->sdp;
	} else {
		for (size_t i = 0; i < s->n_tracks; i++) {
			struct ox_track *t = &s->tracks[i]->track;
			if (is_media_of(s->sdp, t->media)) {
				t->media = NULL;
				t->format = NULL;
			}
		}
		free(s->sdp_text);
		free(s->sdp);
	}
	s->sdp_text = NULL;
	s->sdp = NULL;
}

/* The description in force came again. */
static void judge_known_description(struct ox_session *s)
{
	struct ox_sdp *again = xmalloc(sizeof(*again));

	if (s->is_sdp_known) {
		ox_findings_at(&s->fs, "description of %.*s",
			BYTES_FMT(bytes_sub(bytes_str(s->base), 0, 44)));
		(void)ox_sdp_read(s->sdp->text, again, &s->fs);
	}
	s->is_sdp_known = false; /* once is enough */
	free(again);
}

static void take_description(struct ox_session *s, struct bytes text, struct bytes base)
{
	if (text.n == 0)
		return;
	if (s->sdp && bytes_is_eq(s->sdp->text, text)) {
		copy_text(s->base, sizeof(s->base), base);
		judge_known_description(s);
		return;
	}
	s->is_sdp_known = false;
	retire_description(s);
	s->sdp_text = xmalloc(text.n);
	memcpy(s->sdp_text, text.p, text.n);
	s->sdp = xcalloc(1, sizeof(*s->sdp));
	copy_text(s->base, sizeof(s->base), base);
	ox_findings_at(&s->fs, "description of %.*s", BYTES_FMT(bytes_sub(base, 0, 44)));
	(void)ox_sdp_read(bytes_of(s->sdp_text, text.n), s->sdp, &s->fs);
}

static void on_describe(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	struct bytes type = ox_header_value(r, "Content-Type");

	(void)e;
	if (bytes_has_iprefix(type, B("application/sdp")) || bytes_has_prefix(r->body, B("v=")))
		take_description(s, r->body, ox_message_base(r, q->uri));
}

static void on_announce(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	(void)e;
	(void)r;
	s->fs.by_client = true;
	take_description(s, q->body, q->uri);
	s->fs.by_client = false;
}

/* ---- SETUP ---- */

static struct ox_track_state *find_track(struct ox_session *s, struct bytes id, struct bytes url)
{
	for (size_t i = 0; i < s->n_tracks; i++) {
		struct ox_track_state *t = s->tracks[i];
		if (!t->is_torn_down && bytes_is_eq(bytes_str(t->session), id) &&
			bytes_is_eq(bytes_str(t->track.url), url))
			return t;
	}
	return NULL;
}

static struct ox_track_state *new_track(struct ox_session *s, struct bytes id, struct bytes url)
{
	struct ox_track_state *t;

	if (s->n_tracks == OX_MAX_TRACKS)
		return NULL;
	t = xcalloc(1, sizeof(*t));
	copy_text(t->session, sizeof(t->session), id);
	copy_text(t->track.url, sizeof(t->track.url), url);
	s->tracks[s->n_tracks++] = t;
	return t;
}

static void find_media(struct ox_session *s, struct ox_track *t)
{
	t->media = NULL;
	t->format = NULL;
	if (!s->sdp)
		return;
	t->media = ox_sdp_media_by_url(s->sdp, bytes_str(s->base), bytes_str(t->url));
	if (!t->media && s->sdp->n_media == 1)
		t->media = &s->sdp->media[0];
	if (t->media && t->media->n_formats > 0)
		t->format = &t->media->formats[0];
}

/* Rules between this track and the others that are set up. */
static void check_neighbours(struct ox_session *s, const struct ox_track_state *t)
{
	const struct ox_track *a = &t->track;

	for (size_t i = 0; i < s->n_tracks; i++) {
		const struct ox_track_state *o = s->tracks[i];
		const struct ox_track *b = &o->track;
		if (o == t || o->is_torn_down || a->is_tcp != b->is_tcp)
			continue;
		if (a->is_tcp && a->connection == b->connection && a->channel[0] <= b->channel[1] &&
			b->channel[0] <= a->channel[1])
			ox_gotf(ox_find(&s->fs, OX_RTSP_12_39_16, 0,
					"two streams of one connection have a channel in common"),
				"%u-%u and %u-%u", a->channel[0], a->channel[1], b->channel[0],
				b->channel[1]);
		if (a->is_tcp || strcmp(t->session, o->session) != 0 || a->client_port[0] == 0 ||
			a->client_port[0] != b->client_port[0])
			continue;
		ox_gotf(ox_find(&s->fs, OX_RTP_5_2_01, 0, "two streams share a pair of ports"),
			"%u-%u", a->client_port[0], a->client_port[1]);
		if (a->media && b->media && !bytes_is_ieq(a->media->type, b->media->type))
			ox_gotf(ox_find(&s->fs, OX_PROF_6_02, 0,
					"different media types in one RTP session"),
				"%.*s and %.*s", BYTES_FMT(a->media->type),
				BYTES_FMT(b->media->type));
	}
}

static void set_transport(
	struct ox_track *t, const struct ox_transport *got, const struct ox_transport *asked)
{
	t->is_tcp = got->is_tcp ||
		    (got->has_interleaved && !got->has_server_port && !asked->has_client_port);
	for (size_t i = 0; i < 2; i++) {
		t->channel[i] = got->interleaved[i];
		t->server_port[i] = got->server_port[i];
		/* a reply that forgot the ports means those that were asked for */
		t->client_port[i] =
			got->has_client_port ? got->client_port[i] : asked->client_port[i];
	}
	if (got->is_single_channel && t->channel[0] < 255)
		t->channel[1] = (uint8_t)(t->channel[0] + 1);
	t->has_ssrc = got->has_ssrc;
	t->ssrc = got->ssrc;
}

static void on_setup(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	struct ox_transport got = { .is_bad = false }, asked = { .is_bad = false };
	struct ox_session_id id = { .timeout_s = 60 };
	struct ox_track_state *t;

	if (ox_transport_read(ox_header_value(r, "Transport"), 0, &got, 1, NULL) == 0)
		return;
	(void)ox_transport_read(ox_header_value(q, "Transport"), 0, &asked, 1, NULL);
	if (ox_session_id_read(ox_header_value(r, "Session"), 0, &id, NULL) != 0)
		(void)ox_session_id_read(ox_header_value(q, "Session"), 0, &id, NULL);
	id.id = bytes_sub(id.id, 0, OX_MAX_SESSION_ID - 1);
	t = find_track(s, id.id, q->uri);
	if (!t)
		t = new_track(s, id.id, q->uri);
	if (!t)
		return;
	t->track.connection = e->connection;
	t->is_record = bytes_is_ieq(got.mode, B("RECORD")) || bytes_is_ieq(asked.mode, B("RECORD"));
	set_transport(&t->track, &got, &asked);
	find_media(s, &t->track);
	check_neighbours(s, t);
}

/* ---- PLAY ---- */

/* How well a URL of RTP-Info names the track: 2 exactly, 1 in a tolerated form, 0 not. */
static int names_track(const struct ox_session *s, struct bytes url, const struct ox_track *t)
{
	struct bytes own = bytes_str(t->url);
	char joined[1024];

	if (ox_url_is_same(url, own, false))
		return 2;
	if (ox_url_is_same(url, own, true))
		return 1;
	if (ox_url_join(bytes_str(s->base), url, joined, sizeof(joined)) == 0 &&
		ox_url_is_same(bytes_str(joined), own, true))
		return 1;
	return ox_url_concat(bytes_str(s->base), url, joined, sizeof(joined)) == 0 &&
	       ox_url_is_same(bytes_str(joined), own, true);
}

static void take_info(struct ox_session *s, const struct ox_message *q,
	const struct ox_rtp_info *info, bool is_only)
{
	struct ox_track_state *best = NULL, *any = NULL;
	int how = 0;
	size_t n = 0;

	for (size_t i = 0; i < s->n_tracks; i++) {
		struct ox_track_state *t = s->tracks[i];
		int match = is_meant(t, q) ? names_track(s, info->url, &t->track) : 0;
		if (!is_meant(t, q))
			continue;
		n++;
		any = t;
		if (match > how) {
			how = match;
			best = t;
		}
	}
	if (n > 0 && how < 2)
		ox_got(ox_find_as(&s->fs, OX_RTSP_12_33_03, how ? OX_WARN : OX_FAIL, 0,
			       how ? "a URL of RTP-Info is that of SETUP in another form only"
				   : "a URL of RTP-Info was not set up"),
			info->url);
	if (!best && n == 1 && is_only)
		best = any;
	if (!best)
		return;
	best->play.has_seq = info->has_seq;
	best->play.seq = info->seq;
	best->play.has_rtptime = info->has_rtptime;
	best->play.rtptime = info->rtptime;
}

static bool is_odd_rate(struct bytes value)
{
	return value.n > 0 && !bytes_is_eq(value, B("1")) && !bytes_is_eq(value, B("1.0")) &&
	       !bytes_has_prefix(value, B("1.00"));
}

static void begin_playing(
	struct ox_session *s, struct ox_track_state *t, const struct ox_message *r)
{
	if (!t->is_playing)
		t->rtp_since = t->play.n > 0 ? t->rtp_since : 0;
	t->is_playing = t->was_played = true;
	t->play_time = s->now;
	t->play.is_answered = true;
	t->is_odd_speed = is_odd_rate(ox_header_value(r, "Scale")) ||
			  is_odd_rate(ox_header_value(r, "Speed"));
	for (size_t i = 0; i < t->track.n_senders; i++)
		ox_sender_restart(&t->track.senders[i]);
}

static void on_play(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	struct ox_rtp_info v[OX_MAX_RTP_INFO];

	(void)e;
	for (const struct ox_header *h = NULL; (h = ox_header_next(r, h, "RTP-Info"));) {
		size_t n = ox_rtp_info_read(h->value, h->at, v, COUNT(v), NULL);
		for (size_t i = 0; i < n && i < COUNT(v); i++)
			take_info(s, q, &v[i], n == 1 && ox_header_count(r, "RTP-Info") == 1);
	}
	for (size_t i = 0; i < s->n_tracks; i++) {
		if (is_meant(s->tracks[i], q))
			begin_playing(s, s->tracks[i], r);
	}
}

static void on_pause(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	(void)e;
	(void)r;
	for (size_t i = 0; i < s->n_tracks; i++) {
		if (is_meant(s->tracks[i], q))
			s->tracks[i]->is_playing = false;
	}
}

static void on_teardown(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	struct ox_connection *c = ox_session_connection(s, e->connection);
	size_t live = 0, named = 0;

	(void)r;
	for (size_t i = 0; i < s->n_tracks; i++) {
		live += is_meant(s->tracks[i], q);
		named += is_meant(s->tracks[i], q) &&
			 bytes_is_eq(bytes_str(s->tracks[i]->track.url), q->uri);
	}
	for (size_t i = 0; i < s->n_tracks; i++) {
		struct ox_track_state *t = s->tracks[i];
		/* the URL of one of several streams ends that one only */
		if (!is_meant(t, q) || (named > 0 && named < live &&
					       !bytes_is_eq(bytes_str(t->track.url), q->uri)))
			continue;
		t->is_playing = false;
		t->is_torn_down = true;
		t->torn_down_time = s->now;
	}
	if (c)
		c->torn_down = true;
}

static const struct {
	const char *method;
	void (*take)(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
		const struct ox_message *r);
} takers[] = {
	{ "DESCRIBE", on_describe },
	{ "ANNOUNCE", on_announce },
	{ "SETUP", on_setup },
	{ "PLAY", on_play },
	{ "PAUSE", on_pause },
	{ "TEARDOWN", on_teardown },
};

/* A PLAY that was refused leaves nothing to be judged. */
static void disarm(struct ox_session *s, const struct ox_message *q)
{
	for (size_t i = 0; i < s->n_tracks; i++) {
		if (is_meant(s->tracks[i], q))
			s->tracks[i]->play.is_armed = false;
	}
}

void ox_session_answered(struct ox_session *s, const struct ox_event *e, const struct ox_message *q,
	const struct ox_message *r)
{
	if (r->status / 100 != 2) {
		if (bytes_is_eq(q->method, B("PLAY")))
			disarm(s, q);
		return;
	}
	for (size_t i = 0; i < COUNT(takers); i++) {
		if (bytes_is_eq(q->method, bytes_str(takers[i].method)))
			takers[i].take(s, e, q, r);
	}
}
