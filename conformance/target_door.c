/* SPDX-License-Identifier: MIT */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/ask.h"
#include "conformance/digest.h"
#include "conformance/target.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* The other ways into a target: over TLS, through HTTP, with credentials. */

#define CONNECT_WAIT (3 * TICK_S)
#define ANSWER_WAIT  (5 * TICK_S)
/* a server that has no tunnel may say nothing to a GET */
#define TUNNEL_WAIT (1500 * TICK_MS)
enum { CREDENTIALS_MAX = 1024, REQUEST_MAX = 8192 };

/* ---- what is named ---- */

static int read_line(struct target *t, struct bytes line, char **why)
{
	struct bytes user, rest = line;

	if (!bytes_cut(&rest, ':', &user) || user.n == 0 || user.n == line.n ||
		!bytes_to_str(user, t->user, sizeof(t->user)) ||
		!bytes_to_str(rest, t->password, sizeof(t->password))) {
		*why = xstrdup("the credentials are no line user:password");
		return ERR_SYNTAX;
	}
	return 0;
}

static int read_credentials(struct target *t, const char *file, char **why)
{
	const char *user = getenv("BEAGLE_USER"), *password = getenv("BEAGLE_PASSWORD");
	char *text;
	size_t n;

	if (!file) {
		(void)snprintf(t->user, sizeof(t->user), "%s", user ? user : "");
		(void)snprintf(t->password, sizeof(t->password), "%s", password ? password : "");
		return 0;
	}
	int rc = os_read_any(file, CREDENTIALS_MAX, &text, &n);
	if (rc < 0) {
		*why = xasprintf("%s: %s", file, err_text(rc));
		return rc;
	}
	struct bytes all = bytes_of(text, n), line = all;
	(void)bytes_cut(&all, '\n', &line);
	rc = read_line(t, bytes_trim(line), why);
	free(text);
	return rc;
}

static int find_tls(struct target *t, const char *url, char **why)
{
	struct ox_url u;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	char port[8];

	if (ox_url_read(bytes_str(url), 0, &u, NULL) < 0 || !bytes_is_ieq(u.scheme, B("rtsps")) ||
		u.host.n == 0 || !bytes_to_str(u.host, t->tls_host, sizeof(t->tls_host))) {
		*why = xasprintf("'%s' is no rtsps:// URL", url);
		return ERR_SYNTAX;
	}
	(void)snprintf(port, sizeof(port), "%u", u.has_port ? u.port : 322u);
	int rc = getaddrinfo(t->tls_host, port, &hints, &found);
	if (rc != 0) {
		*why = xasprintf("%s: %s", t->tls_host, gai_strerror(rc));
		return ERR_NOT_FOUND;
	}
	memcpy(&t->places.tls, found->ai_addr, found->ai_addrlen);
	t->places.tls_n = found->ai_addrlen;
	t->tls_url = xstrdup(url);
	freeaddrinfo(found);
	return 0;
}

int target_init_doors(struct target *t, const struct target_opts *o, char **why)
{
	int rc = target_init(t, o->url, why);

	if (rc == 0 && o->tls_url)
		rc = find_tls(t, o->tls_url, why);
	if (rc == 0)
		rc = read_credentials(t, o->credentials, why);
	if (rc == 0) {
		t->login = (struct login){ .user = t->user,
			.password = t->password,
			.url = t->url,
			.may_basic = target_is_loopback(t) };
	}
	if (rc == 0 && o->auth_url) {
		t->auth_url = xstrdup(o->auth_url);
		if (!*t->user) {
			*why = xstrdup("--auth-url needs credentials: --credentials FILE, or "
				       "BEAGLE_USER and BEAGLE_PASSWORD");
			rc = ERR_SYNTAX;
		}
	}
	return rc;
}

/* ---- what they offer ---- */

/* Is an OPTIONS answered through this door? Also when HTTP says 200, and then something goes wrong: that is a
 * tunnel for the cases to judge. */
static bool answers(struct links *l, const char *name, const struct door *d, const char *url,
	tick_t wait, int *rc)
{
	struct answer *a = xmalloc(sizeof(*a));
	unsigned status;

	*rc = links_connect_by(l, name, d, wait, &status);
	bool ok = *rc < 0 && status == 200;
	if (*rc >= 0) {
		int conn = *rc;
		char *text = xasprintf("OPTIONS %s\n", url);
		ask(l, conn, text, 1, ANSWER_WAIT, a);
		ok = a->seen.kind == OUTCOME_STATUS;
		free(text);
		links_close(l, conn);
	}
	free(a);
	return ok;
}

/* The tracks as they are called over TLS: other scheme and authority, the same path. */
static void name_tls_tracks(struct target *t)
{
	size_t base = strlen(t->url) - strlen(t->path), tls_base = 0;
	const char *slash = strchr(t->tls_url + strlen("rtsps://"), '/');

	tls_base = slash ? (size_t)(slash - t->tls_url) : strlen(t->tls_url);
	for (size_t i = 0; i < t->n_tracks; i++) {
		const char *path = strlen(t->tracks[i]) > base ? t->tracks[i] + base : "";
		t->tls_tracks[i] = xasprintf("%.*s%s", (int)tls_base, t->tls_url, path);
	}
}

static int try_tls(struct target *t, struct links *l, char **why)
{
	int rc;

	if (!t->tls_url)
		return 0;
	if (!answers(l, "tls", &(struct door){ .tls = true }, t->tls_url, CONNECT_WAIT, &rc)) {
		*why = xasprintf(
			"%s: %s", t->tls_url, rc < 0 ? err_text(rc) : "OPTIONS got no answer");
		return rc < 0 ? rc : ERR_TIMEOUT;
	}
	name_tls_tracks(t);
	target_feature(t, "tls", true);
	return 0;
}

/* The description behind the 401, with the credentials that we have. */
static bool describe_again(struct target *t, struct links *l, int conn, struct answer *a)
{
	struct challenge v[CHALLENGES];
	size_t n = challenges_read(&a->m, v);
	const struct challenge *c = challenge_find(v, n, "Digest", NULL);
	struct digest_answer d = { .method = "DESCRIBE", .password = t->password };
	struct buf text;

	target_feature(t, "basic", challenge_find(v, n, "Basic", NULL) != NULL);
	target_feature(t, "digest_md5", challenge_find(v, n, "Digest", "MD5") != NULL);
	target_feature(t, "digest_sha256", challenge_find(v, n, "Digest", "SHA-256") != NULL);
	buf_init(&text, REQUEST_MAX);
	bool ok =
		buf_printf(&text,
			"DESCRIBE %s\nAccept: application/sdp\nAuthorization: ", t->auth_url) >= 0;
	if (c) {
		d.field[DIGEST_USERNAME] = t->user;
		d.field[DIGEST_REALM] = c->realm;
		d.field[DIGEST_NONCE] = c->nonce;
		d.field[DIGEST_URI] = t->auth_url;
		d.field[DIGEST_ALGORITHM] = *c->algorithm ? c->algorithm : NULL;
		d.field[DIGEST_OPAQUE] = *c->opaque ? c->opaque : NULL;
		d.field[DIGEST_QOP] = *c->qop ? "auth" : NULL;
		d.field[DIGEST_NC] = *c->qop ? "00000001" : NULL;
		d.field[DIGEST_CNONCE] = *c->qop ? "Zmlyc3Q" : NULL;
	}
	ok = ok && (c ? digest_write(&d, &text) : basic_write(t->user, t->password, &text)) >= 0 &&
	     buf_put(&text, bytes_of("\n", 2)) == 0;
	if (ok)
		ask(l, conn, (const char *)buf_bytes(&text).p, 2, ANSWER_WAIT, a);
	target_feature(t, "digest", c != NULL);
	buf_clear(&text);
	return ok && answer_is(a, 200);
}

static char *join(struct bytes base, struct bytes ref)
{
	char out[2048];
	if (ox_url_join(base, ref, out, sizeof(out)) < 0)
		return xasprintf("%.*s", BYTES_FMT(base));
	return xstrdup(out);
}

static bool learn_protected(struct target *t, const struct answer *a)
{
	struct ox_sdp *sdp = xmalloc(sizeof(*sdp));
	struct bytes base = ox_message_base(&a->m, bytes_str(t->auth_url));

	int rc = ox_sdp_read(a->m.body, sdp, NULL);
	(void)rc; /* judged elsewhere */
	bool ok = sdp->n_media > 0;
	if (ok) {
		t->auth_aggregate = join(base, sdp->control.n ? sdp->control : B("*"));
		t->auth_track =
			join(base, sdp->media[0].control.n ? sdp->media[0].control : B("*"));
	}
	free(sdp);
	return ok;
}

static int try_auth(struct target *t, struct links *l, char **why)
{
	struct answer *a = xmalloc(sizeof(*a));
	int conn = t->auth_url ? links_connect(l, "auth", CONNECT_WAIT) : 0, rc = 0;

	if (!t->auth_url)
		goto out;
	l->login = NULL; /* the last who asks for anything, and without */
	if (conn < 0) {
		rc = conn;
		*why = xasprintf("%s: %s", t->shown, err_text(rc));
		goto out;
	}
	char *text = xasprintf("DESCRIBE %s\nAccept: application/sdp\n", t->auth_url);
	ask(l, conn, text, 1, ANSWER_WAIT, a);
	free(text);
	if (!answer_is(a, 401)) {
		*why = xasprintf("%s asks for no credentials", t->auth_url);
		rc = ERR_STATE;
	} else if (!describe_again(t, l, conn, a) || !learn_protected(t, a)) {
		*why = xasprintf("%s: the credentials are not taken", t->auth_url);
		rc = ERR_STATE;
	} else {
		target_feature(t, "auth", true);
	}
	links_close(l, conn);
out:
	free(a);
	return rc;
}

int target_discover_doors(struct target *t, struct links *l, char **why)
{
	int rc;

	target_feature(t, "tunnel",
		answers(l, "tunnel", &(struct door){ .tunnel = true }, t->url, TUNNEL_WAIT, &rc));
	target_feature(t, "ipv6", t->addr.ss_family == AF_INET6);
	rc = try_tls(t, l, why);
	if (rc == 0 && t->tls_url)
		target_feature(t, "tls_tunnel",
			answers(l, "tls-tunnel", &(struct door){ .tls = true, .tunnel = true },
				t->tls_url, TUNNEL_WAIT, &(int){ 0 }));
	return rc ? rc : try_auth(t, l, why);
}
