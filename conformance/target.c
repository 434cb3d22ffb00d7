/* SPDX-License-Identifier: MIT */
#include "conformance/target.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/ask.h"
#include "conformance/plain.h"
#include "reports/result.h"
#include "server/base/err.h"
#include "server/base/os.h"

#define CONNECT_WAIT (3 * TICK_S)
#define ANSWER_WAIT  (5 * TICK_S)
/* so much stored content is needed to begin inside of it and still have some left */
#define SEEKABLE_S 8.0

int target_init(struct target *t, const char *url, char **why)
{
	struct ox_url u;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	*t = (struct target){ 0 };
	if (ox_url_read(bytes_str(url), 0, &u, NULL) < 0 || u.host.n == 0 ||
		!bytes_to_str(u.host, t->host, sizeof(t->host)) ||
		!bytes_to_str(u.path, t->path, sizeof(t->path))) {
		char *plain = result_redact_url(url);
		*why = xasprintf("'%s' is no rtsp:// URL", plain);
		free(plain);
		return ERR_SYNTAX;
	}
	if (!bytes_is_ieq(u.scheme, B("rtsp"))) {
		*why = xasprintf("the scheme %.*s is not supported", BYTES_FMT(u.scheme));
		return ERR_UNSUPPORTED;
	}
	(void)snprintf(t->port, sizeof(t->port), "%u", u.port);
	bool v6 = strchr(t->host, ':') != NULL;
	t->url = xasprintf("rtsp://%s%s%s%s%s%s", v6 ? "[" : "", t->host, v6 ? "]" : "",
		u.has_port ? ":" : "", u.has_port ? t->port : "", t->path);
	t->shown = result_redact_url(t->url);
	int rc = getaddrinfo(t->host, t->port, &hints, &found);
	if (rc != 0) {
		*why = xasprintf("%s: %s", t->host, gai_strerror(rc));
		return ERR_NOT_FOUND;
	}
	memcpy(&t->addr, found->ai_addr, found->ai_addrlen);
	t->addr_len = found->ai_addrlen;
	t->places = (struct door_places){
		.plain = t->addr, .plain_n = t->addr_len, .host = t->host, .path = t->path
	};
	freeaddrinfo(found);
	return 0;
}

void target_clear(struct target *t)
{
	free(t->url);
	free(t->shown);
	free(t->describe);
	free(t->description);
	free(t->aggregate);
	free(t->tls_url);
	free(t->auth_url);
	free(t->auth_track);
	free(t->auth_aggregate);
	for (size_t i = 0; i < MEDIA_STREAMS; i++)
		free(t->tracks[i]), free(t->tls_tracks[i]);
	*t = (struct target){ 0 };
}

bool target_is_loopback(const struct target *t)
{
	if (t->addr.ss_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&t->addr)->sin6_addr);
	return ntohl(((const struct sockaddr_in *)&t->addr)->sin_addr.s_addr) >> 24 == 127;
}

bool target_has(const struct target *t, const char *feature)
{
	for (size_t i = 0; i < t->n_features; i++) {
		if (strcmp(t->features[i], feature) == 0)
			return true;
	}
	return false;
}

void target_feature(struct target *t, const char *name, bool has)
{
	if (has && t->n_features < TARGET_FEATURES)
		t->features[t->n_features++] = name;
}

static char *keep(struct bytes b, size_t *n)
{
	char *p = xmalloc(b.n + 1);
	if (b.n)
		memcpy(p, b.p, b.n);
	p[b.n] = '\0';
	*n = b.n;
	return p;
}

static void learn_methods(struct target *t, const struct answer *a)
{
	struct bytes public = ox_header_value(&a->m, "Public"),
		     server = ox_header_value(&a->m, "Server");
	plain_put(t->methods, sizeof(t->methods), public);
	plain_put(t->banner, sizeof(t->banner), server);
	bool told = *t->methods != '\0';
	struct bytes m = bytes_str(t->methods);
	target_feature(t, "public", told);
	target_feature(t, "pause", !told || ox_list_has(m, "PAUSE"));
	target_feature(t, "get_parameter", !told || ox_list_has(m, "GET_PARAMETER"));
	target_feature(t, "set_parameter", !told || ox_list_has(m, "SET_PARAMETER"));
	target_feature(t, "announce", told && ox_list_has(m, "ANNOUNCE"));
	target_feature(t, "record", told && ox_list_has(m, "RECORD"));
	target_feature(t, "no_announce", told && !ox_list_has(m, "ANNOUNCE"));
	target_feature(t, "no_record", told && !ox_list_has(m, "RECORD"));
}

static char *join(struct bytes base, struct bytes ref)
{
	char out[2048];
	if (ox_url_join(base, ref, out, sizeof(out)) < 0)
		return xasprintf("%.*s", BYTES_FMT(base));
	return xstrdup(out);
}

static bool has_encoding(const struct ox_sdp *s, const char *name)
{
	for (size_t i = 0; i < s->n_media && i < OX_MAX_MEDIA; i++) {
		if (s->media[i].n_formats &&
			bytes_is_ieq(s->media[i].formats[0].encoding, bytes_str(name)))
			return true;
	}
	return false;
}

static void learn_tracks(struct target *t, struct bytes base)
{
	const struct ox_sdp *s = &t->sdp;
	struct bytes all = s->control.n ? s->control : B("*");
	t->aggregate = join(base, all);
	for (size_t i = 0; i < s->n_media && t->n_tracks < MEDIA_STREAMS && i < OX_MAX_MEDIA; i++) {
		struct bytes control = s->media[i].control.n ? s->media[i].control : B("*");
		/* an aggregate control that is relative is itself the base of nothing: 2326 C.1.1 */
		t->tracks[t->n_tracks++] = join(base, control);
	}
}

static void learn_description(struct target *t, const struct answer *a)
{
	struct bytes base;
	t->description = keep(a->m.whole, &t->description_n);
	base = ox_message_base(&a->m, bytes_str(t->url));
	struct bytes body = bytes_sub(bytes_of(t->description, t->description_n),
		(size_t)(a->m.body.p - a->m.whole.p), a->m.body.n);
	int rc = ox_sdp_read(body, &t->sdp, NULL);
	(void)rc; /* a description that breaks the grammar may still be usable: the cases judge it */
	learn_tracks(t, base);
	const struct ox_range *r = &t->sdp.range;
	/* gst-rtsp-server says npt=now-10 of a file that nobody has played yet */
	tick_t start = r->has_start ? r->start : 0;
	if (t->sdp.has_range && (r->has_start || r->is_now) && r->has_end && r->end > start)
		t->duration = tick_seconds(r->end - start);
	target_feature(t, "vod", t->duration > 0);
	target_feature(t, "live", t->duration <= 0);
	target_feature(t, "seek", t->duration >= SEEKABLE_S);
	target_feature(t, "multitrack", t->n_tracks > 1);
	target_feature(t, "singletrack", t->n_tracks == 1);
	target_feature(t, "aggregate", t->sdp.control.n > 0);
	target_feature(t, "h264", has_encoding(&t->sdp, "H264"));
	target_feature(t, "aac", has_encoding(&t->sdp, "mpeg4-generic"));
}

/* A transport is offered unless its SETUP is refused with 461. */
static bool try_setup(struct target *t, struct links *l, const char *name, const char *transport)
{
	struct answer a;
	int conn = links_connect(l, name, CONNECT_WAIT);
	if (conn < 0)
		return true;
	char *text = xasprintf("SETUP %s\nTransport: %s\n", t->tracks[0], transport);
	ask(l, conn, text, 1, ANSWER_WAIT, &a);
	free(text);
	bool offered = !answer_is(&a, 461);
	struct ox_session_id id;
	if (answer_is(&a, 200) &&
		ox_session_id_read(ox_header_value(&a.m, "Session"), 0, &id, NULL) == 0) {
		text = xasprintf("TEARDOWN %s\nSession: %.*s\n", t->aggregate, BYTES_FMT(id.id));
		ask(l, conn, text, 2, ANSWER_WAIT, &a);
		free(text);
	}
	links_close(l, conn);
	return offered;
}

static void try_transports(struct target *t, struct links *l)
{
	if (links_pair_open(l, 0) == 0) {
		char *udp = xasprintf("RTP/AVP;unicast;client_port=%u-%u", l->pairs[0].port[0],
			l->pairs[0].port[1]);
		target_feature(t, "udp", try_setup(t, l, "udp", udp));
		free(udp);
	}
	target_feature(t, "tcp", try_setup(t, l, "tcp", "RTP/AVP/TCP;unicast;interleaved=0-1"));
}

static int describe(struct target *t, struct links *l, int conn, char **why)
{
	struct answer a;
	char *text = xasprintf("DESCRIBE %s\nAccept: application/sdp\n", t->url);
	t->describe = xasprintf(
		"DESCRIBE %s RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\n\r\n", t->url);
	t->describe_n = strlen(t->describe);
	ask(l, conn, text, 2, ANSWER_WAIT, &a);
	free(text);
	if (answer_is(&a, 401)) {
		*why = xasprintf("DESCRIBE %s: it asks for credentials%s", t->shown,
			*t->user ? ", and takes none of ours (Basic goes over TLS alone)"
				 : ": --credentials FILE");
		return ERR_STATE;
	}
	if (!answer_is(&a, 200)) {
		char reason[80];
		plain_put(reason, sizeof(reason), a.m.reason);
		*why = a.is_garbage ? xasprintf("DESCRIBE %s: bytes that are no RTSP", t->shown)
		       : a.seen.kind == OUTCOME_STATUS
			       ? xasprintf("DESCRIBE %s: %u %s", t->shown, a.seen.status, reason)
			       : xasprintf("DESCRIBE %s: no answer", t->shown);
		return ERR_STATE;
	}
	learn_description(t, &a);
	if (t->n_tracks == 0) {
		*why = xasprintf("the description of %s has no media", t->shown);
		return ERR_STATE;
	}
	return 0;
}

/* Who asks everybody is also what the cases about credentials are for, unless something else was named. */
static void learn_login(struct target *t, struct links *l, int conn)
{
	t->asks = login_is_asked(l, conn);
	if (!t->asks)
		l->login = NULL;
	if (t->asks && !t->auth_url)
		t->auth_url = xstrdup(t->url);
}

int target_discover(struct target *t, const volatile sig_atomic_t *stop, char **why)
{
	struct links *l = xmalloc(sizeof(*l));
	struct media media;
	struct answer a;
	media_init(&media);
	links_init(l, &t->addr, t->addr_len, &media, NULL);
	l->stop = stop;
	l->places = t->places;
	l->login = *t->user ? &t->login : NULL;
	int rc = links_connect(l, "discovery", CONNECT_WAIT);
	if (rc < 0) {
		*why = xasprintf("%s: %s", t->shown, err_text(rc));
		goto out;
	}
	char *text = xasprintf("OPTIONS %s\n", t->url);
	ask(l, rc, text, 1, ANSWER_WAIT, &a);
	free(text);
	if (a.seen.kind == OUTCOME_SILENT) {
		*why = xasprintf(
			"%s: OPTIONS got no answer in %d s", t->shown, (int)(ANSWER_WAIT / TICK_S));
		rc = ERR_TIMEOUT;
		goto out;
	}
	if (a.seen.kind == OUTCOME_STATUS)
		learn_methods(t, &a);
	if (a.seen.kind == OUTCOME_CLOSE)
		rc = links_connect(l, "discovery-2", CONNECT_WAIT);
	if (rc >= 0) {
		int conn = rc;
		rc = describe(t, l, conn, why);
		learn_login(t, l, conn);
	} else {
		*why = xasprintf("%s: %s", t->shown, err_text(rc));
	}
	if (rc == 0)
		try_transports(t, l);
	if (rc == 0)
		rc = target_discover_doors(t, l, why);
out:
	links_clear(l);
	media_clear(&media);
	free(l);
	return rc;
}
