/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/exec.h"
#include "conformance/template.h"
#include "server/base/err.h"
#include "server/base/os.h"

/* Steps that are about doors: opening one, a tunnel's POST, credentials. */

enum { VALUE_MAX = 2048, HEADER_MAX = 2 << 20 };
#define CONNECT_WAIT (3 * TICK_S)
#define SEND_WAIT    (5 * TICK_S)

/* ---- connect ---- */

static void say_open(const struct link_conn *c, char *got, size_t n)
{
	(void)snprintf(
		got, n, "it opens%s%s", c->wires.is_tls ? ", " : "", wire_version(&c->wires.main));
}

static void say_shut(int rc, unsigned status, char *got, size_t n)
{
	if (status)
		(void)snprintf(got, n, "HTTP %u", status);
	else
		(void)snprintf(got, n, "%s", err_text(rc));
}

bool exec_connect(struct trial *t, const struct step *s)
{
	const struct door *d = &s->door;
	bool is_plain = !d->tls && !d->tunnel;
	unsigned status = 0;
	char got[128];
	int conn = links_connect_by(&t->links, s->via, d, CONNECT_WAIT, &status);

	if (conn >= 0 && !d->refused)
		return true;
	if (conn >= 0) {
		say_open(t->links.conns[conn], got, sizeof(got));
		exec_finding(t, s, RESULT_FAIL, "the door stays shut", got);
		return false;
	}
	if (d->refused && conn != ERR_TIMEOUT && conn != -ETIMEDOUT)
		return true;
	say_shut(conn, status, got, sizeof(got));
	t->peer_gone = is_plain;
	/* that another door opens is what such a case is about */
	exec_finding(t, s, is_plain ? RESULT_INCONCLUSIVE : RESULT_FAIL,
		d->refused ? "a refusal" : "a connection", got);
	return false;
}

static bool is_unanswered(struct trial *t, const struct step *s, int conn)
{
	uint64_t n = t->links.conns[conn]->post_said;
	char got[64];

	if (n == 0)
		return true;
	(void)snprintf(got, sizeof(got), "%" PRIu64 " bytes", n);
	exec_finding(t, s, RESULT_FAIL, "nothing on the POST", got);
	return false;
}

bool exec_post(struct trial *t, const struct step *s)
{
	int conn = exec_conn(t, s), rc = 0;

	if (conn < 0)
		return false;
	switch (s->post) {
	case POST_CLOSE: links_post_close(&t->links, conn); return true;
	case POST_ANOTHER:
		links_post_leave(&t->links, conn);
		rc = links_post_open(&t->links, conn, CONNECT_WAIT);
		break;
	case POST_OPEN: rc = links_post_open(&t->links, conn, CONNECT_WAIT); break;
	case POST_ALONE: links_get_reset(&t->links, conn); return true;
	case POST_UNANSWERED: return is_unanswered(t, s, conn);
	case POST_RAW:
		rc = links_post_raw(&t->links, conn, bytes_str(s->packet.bytes), SEND_WAIT);
		(void)rc; /* a closed POST is what the next step finds */
		return true;
	}
	if (rc < 0)
		exec_finding(t, s, RESULT_INCONCLUSIVE, "another POST", err_text(rc));
	return rc == 0;
}

/* ---- credentials ---- */

void exec_challenged(struct trial *t, const struct ox_message *m)
{
	struct challenge v[CHALLENGES];
	size_t n = challenges_read(m, v);

	if (n == 0)
		return;
	memcpy(t->challenges, v, sizeof(v));
	t->n_challenges = n;
	t->nc = 0;
}

/* The values of an answer: texts that live as long as this. */
struct values {
	char text[DIGEST_FIELD_COUNT][VALUE_MAX], nc[16], method[32], uri[VALUE_MAX];
	char password[256];
};

static bool expand_into(struct trial *t, const char *text, char *out, size_t n)
{
	struct buf b;
	char missing[32];

	buf_init(&b, n - 1);
	int rc = template_expand(text, TEMPLATE_TEXT, trial_lookup, t, &b, missing);
	bool ok = rc == 0 && bytes_to_str(buf_bytes(&b), out, n);
	buf_clear(&b);
	return ok;
}

/* "DESCRIBE rtsp://… …" */
static void first_words(struct bytes request, struct values *v)
{
	struct bytes line, word;

	(void)bytes_cut(&request, '\n', &line);
	(void)bytes_cut(&line, ' ', &word);
	(void)snprintf(v->method, sizeof(v->method), "%.*s", BYTES_FMT(word));
	(void)bytes_cut(&line, ' ', &word);
	(void)snprintf(v->uri, sizeof(v->uri), "%.*s", BYTES_FMT(word));
}

/* What a well-behaved client says to the challenge. */
static void answer_rightly(
	struct trial *t, const struct challenge *c, struct values *v, struct digest_answer *a)
{
	*a = (struct digest_answer){ .method = v->method,
		.password = t->target->password,
		.field = { [DIGEST_USERNAME] = t->target->user,
			[DIGEST_REALM] = c->realm,
			[DIGEST_NONCE] = c->nonce,
			[DIGEST_URI] = v->uri,
			[DIGEST_ALGORITHM] = *c->algorithm ? c->algorithm : NULL,
			[DIGEST_OPAQUE] = *c->opaque ? c->opaque : NULL } };
	if (!*c->qop)
		return;
	(void)snprintf(v->nc, sizeof(v->nc), "%08x", ++t->nc);
	a->field[DIGEST_QOP] = "auth";
	a->field[DIGEST_NC] = v->nc;
	a->field[DIGEST_CNONCE] = "bGV0IG1lIGlu";
}

/* What the step wants other. False: a value is missing. */
static bool answer_otherwise(
	struct trial *t, const struct auth_step *s, struct values *v, struct digest_answer *a)
{
	for (int f = 0; f < DIGEST_FIELD_COUNT; f++) {
		if (s->field[f] && !expand_into(t, s->field[f], v->text[f], VALUE_MAX))
			return false;
		if (s->field[f]) /* an empty one is none */
			a->field[f] = *v->text[f] ? v->text[f] : NULL;
	}
	if (s->method)
		a->method = s->method;
	if (s->password && !expand_into(t, s->password, v->password, sizeof(v->password)))
		return false;
	if (s->password)
		a->password = v->password;
	a->shuffled = s->shuffled;
	return true;
}

/* Directives that are left out leave the sum as it would be with them. */
static bool compute(const struct auth_step *s, struct values *v, struct digest_answer *a)
{
	char *hex = v->text[DIGEST_RESPONSE];

	if (!a->field[DIGEST_RESPONSE]) {
		char sum[65];
		if (digest_response(a, sum) < 0)
			return false;
		(void)snprintf(hex, VALUE_MAX, "%s", sum);
		if (s->flipped)
			hex[0] = hex[0] == '0' ? '1' : '0';
		for (char *p = hex; s->upper && *p; p++)
			*p = (char)(*p >= 'a' && *p <= 'f' ? *p - 'a' + 'A' : *p);
		a->field[DIGEST_RESPONSE] = hex;
	}
	for (int f = 0; f < DIGEST_FIELD_COUNT; f++) {
		if (s->omit[f])
			a->field[f] = NULL;
	}
	a->no_response = s->omit[DIGEST_RESPONSE];
	return true;
}

static bool write_digest(
	struct trial *t, const struct auth_step *s, struct bytes request, struct buf *out)
{
	struct values *v = xcalloc(1, sizeof(*v));
	struct digest_answer a;
	const char *wanted = s->field[DIGEST_ALGORITHM];
	const struct challenge *c =
		challenge_find(t->challenges, t->n_challenges, "Digest", wanted);
	bool ok = false;

	if (!c)
		goto out;
	first_words(request, v);
	answer_rightly(t, c, v, &a);
	ok = answer_otherwise(t, s, v, &a) && compute(s, v, &a) && digest_write(&a, out) >= 0;
out:
	free(v);
	return ok;
}

static bool write_basic(struct trial *t, const struct auth_step *s, struct buf *out)
{
	const char *user = s->field[DIGEST_USERNAME], *password = s->password;

	return basic_write(user ? user : t->target->user, password ? password : t->target->password,
		       out) >= 0;
}

/* The header's line behind the request's first one. */
static bool put_line(struct buf *text, struct bytes value)
{
	struct bytes all = buf_bytes(text);
	size_t at = bytes_index(all, '\n');
	struct buf made;

	buf_init(&made, HEADER_MAX);
	bool ok = buf_put(&made, bytes_sub(all, 0, at)) == 0 &&
		  buf_printf(&made, "\nAuthorization: ") >= 0 && buf_put(&made, value) == 0 &&
		  buf_put(&made, at < all.n ? bytes_sub(all, at, all.n) : B("\n")) == 0;
	buf_drop(text, text->n);
	ok = ok && buf_put(text, buf_bytes(&made)) == 0;
	buf_clear(&made);
	return ok;
}

static bool add_credentials(struct trial *t, const struct auth_step *s, struct buf *text)
{
	struct buf value;
	bool ok;

	buf_init(&value, HEADER_MAX);
	if (s->value) {
		char missing[32];
		ok = template_expand(s->value, TEMPLATE_TEXT, trial_lookup, t, &value, missing) ==
		     0;
	} else if (s->is_basic) {
		ok = write_basic(t, s, &value);
	} else {
		ok = write_digest(t, s, buf_bytes(text), &value);
	}
	for (unsigned i = 0; ok && i < s->padding; i++)
		ok = buf_put(&value, B("a")) == 0;
	ok = ok && put_line(text, buf_bytes(&value));
	buf_clear(&value);
	return ok;
}

static void keep_unasked(struct trial *t, struct bytes text)
{
	free(t->unasked);
	t->unasked = xasprintf("%.*s", BYTES_FMT(text));
}

bool exec_authorize(struct trial *t, const struct step *s, struct buf *text)
{
	static const struct auth_step right = { .is_used = true };
	int conn = links_find(&t->links, s->via);

	if (s->auth.is_used) {
		if (add_credentials(t, &s->auth, text))
			return true;
		exec_finding(t, s, RESULT_INCONCLUSIVE, "a challenge that can be answered", "none");
		return false;
	}
	if (conn < 0 || !t->links.conns[conn]->digest)
		return true;
	keep_unasked(t, buf_bytes(text));
	if (challenge_find(t->challenges, t->n_challenges, "Digest", NULL))
		(void)add_credentials(t, &right, text); /* without: it will be asked for */
	return true;
}

bool exec_ask_again(struct trial *t, const struct step *s, int conn)
{
	static const struct auth_step right = { .is_used = true };
	struct buf text, wire;

	(void)s;
	if (!t->unasked || !t->links.conns[conn]->digest)
		return false;
	buf_init(&text, HEADER_MAX);
	buf_init(&wire, HEADER_MAX);
	bool ok = buf_put(&text, bytes_str(t->unasked)) == 0 && add_credentials(t, &right, &text) &&
		  template_request(buf_bytes(&text), t->cseq + 1, &wire) == 0;
	free(t->unasked);
	t->unasked = NULL;
	if (ok) {
		t->cseq++;
		links_requested(&t->links, conn, buf_bytes(&wire));
		ok = links_send(&t->links, conn, buf_bytes(&wire), SEND_WAIT) == 0;
	}
	buf_clear(&text);
	buf_clear(&wire);
	return ok;
}
