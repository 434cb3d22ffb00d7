/* SPDX-License-Identifier: MIT */
#include "conformance/replay_plan.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum { REQUESTS_MAX = 10000 };

static bool is_method(const struct dialog_message *m, const char *method)
{
	return bytes_is_eq(m->method, bytes_str(method));
}

/* ---- what can be replayed ---- */

static int refuse(char **why, const char *path, const char *reason)
{
	*why = xasprintf("%s: %s", path, reason);
	return ERR_STATE;
}

static int check_start(const struct replay_plan *p, const char *path, char **why)
{
	const struct dialog_message *first = p->v[0].request;
	if (first->session.n) {
		*why = xasprintf("%s: the recording begins in mid-session (the first request is a "
				 "%.*s with a Session)",
			path, BYTES_FMT(first->method));
		return ERR_STATE;
	}
	for (size_t i = 0; i < p->n; i++) {
		if (is_method(p->v[i].request, "ANNOUNCE") || is_method(p->v[i].request, "RECORD"))
			return refuse(why, path, "the client publishes; only players are replayed");
	}
	return 0;
}

/* A request that was refused for want of a login and sent again: the live server asks for itself. */
static bool is_login(const struct replay_plan *p, size_t i)
{
	const struct replay_request *r = &p->v[i];
	if (!r->reply || r->reply->status != 401)
		return false;
	for (size_t k = i + 1; k < p->n; k++) {
		if (bytes_is_eq(r->request->method, p->v[k].request->method))
			return true;
	}
	return false;
}

static void collect(struct replay_plan *p)
{
	const struct dialog_connection *c = p->c;
	int64_t zero = 0;
	p->v = xcalloc(c->n_messages + 1, sizeof(*p->v));
	for (uint32_t i = 0; i < c->n_messages && p->n < REQUESTS_MAX; i++) {
		const struct dialog_message *m = &c->messages[i];
		if (!m->from_client || m->is_response || m->is_truncated)
			continue;
		if (p->n == 0)
			zero = m->at;
		p->v[p->n++] = (struct replay_request){ .request = m,
			.reply = m->pair == DIALOG_NONE ? NULL : &c->messages[m->pair],
			.at = m->at - zero };
		p->has_teardown = p->has_teardown || is_method(m, "TEARDOWN");
	}
	for (size_t i = 0; i < p->n; i++) {
		if (is_login(p, i))
			p->v[i].skip = "it was refused for want of a login";
	}
	p->last = (c->n_events ? c->events[c->n_events - 1].at : c->last) - zero;
}

/* ---- the captured description ---- */

static char *join(struct bytes base, struct bytes ref)
{
	char out[2048];
	if (ox_url_join(base, ref, out, sizeof(out)) < 0)
		return NULL;
	return xstrdup(out);
}

static void read_description(struct replay_plan *p)
{
	struct ox_message *m = xmalloc(sizeof(*m));
	for (size_t i = 0; i < p->n; i++) {
		const struct replay_request *r = &p->v[i];
		if (!is_method(r->request, "DESCRIBE") || !r->reply || r->reply->status != 200 ||
			r->reply->body.n == 0)
			continue;
		if (p->sdp)
			continue;
		p->describe_url = xasprintf("%.*s", BYTES_FMT(r->request->uri));
		p->sdp = xmalloc(sizeof(*p->sdp));
		int rc = ox_sdp_read(r->reply->body, p->sdp, NULL);
		if (rc == 0 || p->sdp->n_media)
			rc = ox_message_read(r->reply->whole, m, NULL);
		if (rc < 0)
			continue;
		struct bytes base = ox_message_base(m, r->request->uri);
		for (size_t k = 0; k < p->sdp->n_media && k < MEDIA_STREAMS && k < OX_MAX_MEDIA;
			k++) {
			struct bytes control = p->sdp->media[k].control;
			p->tracks[p->n_tracks++] = join(base, control.n ? control : B("*"));
		}
	}
	free(m);
}

/* Tracks that were set up though no description names them. */
static void add_setups(struct replay_plan *p)
{
	for (size_t i = 0; i < p->n && p->n_tracks < MEDIA_STREAMS; i++) {
		const struct dialog_message *m = p->v[i].request;
		if (is_method(m, "SETUP") && replay_plan_track(p, m->uri) < 0)
			p->tracks[p->n_tracks++] = xasprintf("%.*s", BYTES_FMT(m->uri));
	}
}

int replay_plan_track(const struct replay_plan *p, struct bytes url)
{
	for (size_t i = 0; i < p->n_tracks; i++) {
		if (p->tracks[i] && ox_url_is_same(bytes_str(p->tracks[i]), url, true))
			return (int)i;
	}
	/* devices whose SETUP names another host than their description: the end decides */
	for (size_t i = 0; i < p->n_tracks; i++) {
		const char *slash = p->tracks[i] ? strrchr(p->tracks[i], '/') : NULL;
		size_t n = slash ? strlen(slash) : 0;
		if (n > 1 && url.n >= n &&
			bytes_is_eq(bytes_sub(url, url.n - n, n), bytes_str(slash)))
			return (int)i;
	}
	return -1;
}

int replay_plan_read(struct replay_plan *p, const char *path, char **why)
{
	*p = (struct replay_plan){ 0 };
	int rc = dialog_read(path, NULL, &p->dialog, why);
	if (rc < 0) {
		char *reason = *why;
		*why = xasprintf("%s: %s", path, reason ? reason : err_text(rc));
		free(reason);
		return rc;
	}
	p->c = dialog_main_connection(p->dialog);
	if (!p->c)
		return refuse(why, path, "there is no RTSP request in it");
	collect(p);
	if (p->n == 0)
		return refuse(why, path, "there is no whole RTSP request in it");
	rc = check_start(p, path, why);
	if (rc < 0)
		return rc;
	read_description(p);
	add_setups(p);
	return 0;
}

void replay_plan_clear(struct replay_plan *p)
{
	dialog_free(p->dialog);
	free(p->v);
	free(p->describe_url);
	free(p->sdp);
	for (size_t i = 0; i < MEDIA_STREAMS; i++)
		free(p->tracks[i]);
	*p = (struct replay_plan){ 0 };
}

void replay_plan_match(struct replay_plan *p, const struct target *t)
{
	bool taken[MEDIA_STREAMS] = { false };
	for (size_t i = 0; i < p->n_tracks; i++) {
		struct bytes type =
			p->sdp && i < p->sdp->n_media ? p->sdp->media[i].type : (struct bytes){ 0 };
		p->live[i] = -1;
		for (size_t k = 0; k < t->n_tracks && p->live[i] < 0; k++) {
			if (taken[k] || (type.n && !bytes_is_ieq(type, t->sdp.media[k].type)))
				continue;
			p->live[i] = (int)k;
			taken[k] = true;
		}
	}
}

/* ---- rewriting ---- */

static const char *live_url(
	const struct replay_plan *p, const struct dialog_message *m, const struct target *t)
{
	int track = replay_plan_track(p, m->uri);
	if (bytes_is_eq(m->uri, B("*")))
		return "*";
	if (is_method(m, "SETUP"))
		return track >= 0 && p->live[track] >= 0 ? t->tracks[p->live[track]] : t->url;
	/* of a single track, the aggregate may have been left out */
	if (track >= 0 && p->live[track] >= 0 && p->n_tracks > 1)
		return t->tracks[p->live[track]];
	if (m->session.n)
		return t->aggregate;
	return t->url;
}

/* Parameters of one transport; client_port is ours, everything else as captured. */
static int write_transport(struct bytes value, const struct replay_values *v, struct buf *out)
{
	struct bytes spec, param;
	bool first_spec = true;
	int rc = buf_put(out, B("Transport: "));
	while (rc == 0 && bytes_cut_quoted(&value, ',', &spec)) {
		bool first = true;
		if (!first_spec)
			rc = buf_put(out, B(","));
		first_spec = false;
		while (rc == 0 && bytes_cut_quoted(&spec, ';', &param)) {
			param = bytes_trim(param);
			/* addresses of the captured network mean nothing here */
			if (param.n == 0 || bytes_has_iprefix(param, B("destination=")) ||
				bytes_has_iprefix(param, B("source=")))
				continue;
			if (!first)
				rc = buf_put(out, B(";"));
			first = false;
			if (rc == 0 && bytes_has_iprefix(param, B("client_port=")))
				rc = buf_printf(out, "client_port=%u-%u", v->live_ports[0],
					v->live_ports[1]);
			else if (rc == 0)
				rc = buf_put(out, param);
		}
	}
	return rc == 0 ? buf_put(out, B("\n")) : rc;
}

/* Left out: what is written anew, and what is worth nothing elsewhere. */
static bool is_dropped(struct bytes name)
{
	static const char *const names[] = { "CSeq", "Session", "Transport", "Authorization",
		"Proxy-Authorization", "Content-Length", "Host", "Cookie" };
	for (size_t i = 0; i < COUNT(names); i++) {
		if (bytes_is_ieq(name, bytes_str(names[i])))
			return true;
	}
	return false;
}

int replay_plan_write(const struct replay_plan *p, const struct replay_request *r,
	const struct replay_values *v, struct buf *out)
{
	struct ox_message *m = xmalloc(sizeof(*m));
	int rc = ox_message_read(r->request->whole, m, NULL);
	(void)rc; /* what a client really sent is sent again, as far as it can be read */
	rc = buf_printf(out, "%.*s %s\n", BYTES_FMT(r->request->method),
		live_url(p, r->request, v->target));
	for (size_t i = 0; rc == 0 && i < m->n_headers; i++) {
		const struct ox_header *h = &m->headers[i];
		if (bytes_is_ieq(h->name, B("Transport")))
			rc = write_transport(h->value, v, out);
		else if (!is_dropped(h->name) && bytes_index(h->value, '\n') == h->value.n)
			rc = buf_printf(
				out, "%.*s: %.*s\n", BYTES_FMT(h->name), BYTES_FMT(h->value));
	}
	if (rc == 0 && v->session && r->request->session.n)
		rc = buf_printf(out, "Session: %s\n", v->session);
	if (rc == 0 && r->request->body.n) {
		rc = buf_put(out, B("\n"));
		if (rc == 0)
			rc = buf_put(out, r->request->body);
	}
	free(m);
	return rc;
}
