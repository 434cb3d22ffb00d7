/* SPDX-License-Identifier: MIT */
#include "conformance/login.h"

#include <stdio.h>
#include <stdlib.h>

#include "conformance/ask.h"
#include "server/base/os.h"

enum { VALUE_MAX = 8192, PROBE_CSEQ = 4000000, URI_MAX = 4096 };
#define SEND_WAIT   (3 * TICK_S)
#define ANSWER_WAIT (5 * TICK_S)
/* servers forget nonces after half a minute at the earliest */
#define NONCE_LIFE (20 * TICK_S)

/* ---- the challenge ---- */

static void learn(struct links *l, struct link_conn *c, const struct ox_message *m)
{
	struct challenge v[CHALLENGES];
	size_t n = challenges_read(m, v);
	const struct challenge *digest = challenge_find(v, n, "Digest", NULL);

	c->login = LOGIN_NONE;
	c->nonce_used = 0;
	if (digest) {
		c->login = LOGIN_DIGEST;
		c->challenge = *digest;
	} else if (challenge_find(v, n, "Basic", NULL) &&
		   (c->wires.is_tls || l->login->may_basic)) {
		c->login = LOGIN_BASIC;
	}
}

static void probe(struct links *l, int conn)
{
	struct link_conn *c = l->conns[conn];
	struct ox_session *judge = l->ox;
	struct answer *a = xmalloc(sizeof(*a));
	char *text =
		xasprintf("DESCRIBE %s RTSP/1.0\r\nCSeq: %d\r\nAccept: application/sdp\r\n\r\n",
			l->login->url, PROBE_CSEQ);

	c->login = LOGIN_NONE;
	c->asked_at = os_now();
	l->ox = NULL; /* how a challenge looks is not this case's: there are cases about it */
	links_requested(l, conn, bytes_str(text));
	if (links_send(l, conn, bytes_str(text), SEND_WAIT) == 0) {
		ask_wait(l, conn, os_now() + ANSWER_WAIT, a);
		if (answer_is(a, 401))
			learn(l, c, &a->m);
	}
	l->ox = judge;
	free(text);
	free(a);
}

static void ask_for_challenge(struct links *l, int conn)
{
	const struct link_conn *c = l->conns[conn];
	bool is_idle = c->n_pending == 0 && c->taken == c->n_inbox && c->open && !c->ended;

	if (c->login == LOGIN_UNASKED ||
		(c->login == LOGIN_DIGEST && is_idle && os_now() - c->asked_at > NONCE_LIFE))
		probe(l, conn);
}

/* ---- the answer ---- */

static bool put_digest(const struct links *l, struct link_conn *c, struct bytes method,
	struct bytes uri, struct buf *out)
{
	const struct challenge *h = &c->challenge;
	char *text = xasprintf("%.*s", BYTES_FMT(method)),
	     *where = xasprintf("%.*s", BYTES_FMT(uri));
	char nc[16];
	struct digest_answer a = { .method = text,
		.password = l->login->password,
		.field = { [DIGEST_USERNAME] = l->login->user,
			[DIGEST_REALM] = h->realm,
			[DIGEST_NONCE] = h->nonce,
			[DIGEST_URI] = where,
			[DIGEST_ALGORITHM] = *h->algorithm ? h->algorithm : NULL,
			[DIGEST_OPAQUE] = *h->opaque ? h->opaque : NULL } };

	if (*h->qop) {
		(void)snprintf(nc, sizeof(nc), "%08x", ++c->nonce_used);
		a.field[DIGEST_QOP] = "auth";
		a.field[DIGEST_NC] = nc;
		a.field[DIGEST_CNONCE] = "YWx3YXlz";
	}
	bool ok = digest_write(&a, out) >= 0;
	free(text);
	free(where);
	return ok;
}

/* ---- the messages ---- */

/* The line at the beginning without its end, which may be CRLF, LF or CR. */
static struct bytes take_line(struct bytes *b, struct bytes *end)
{
	size_t n = 0, k;

	while (n < b->n && b->p[n] != '\r' && b->p[n] != '\n')
		n++;
	k = n < b->n ? n + 1 : n;
	if (k < b->n && b->p[n] == '\r' && b->p[k] == '\n')
		k++;
	struct bytes line = bytes_sub(*b, 0, n);
	*end = bytes_sub(*b, n, k - n);
	*b = bytes_sub(*b, k, b->n);
	return line;
}

static bool is_request(struct bytes line)
{
	size_t n = bytes_index(line, ' ');

	for (size_t i = 0; i < n && n < line.n; i++) {
		uint8_t c = line.p[i] & 0xdf;
		if ((c < 'A' || c > 'Z') && line.p[i] != '_' && line.p[i] != '-')
			return false;
	}
	return n > 0 && n < line.n;
}

struct message {
	struct bytes first, end; /* its first line and what ends it */
	size_t body;             /* octets of body that it announces */
	bool is_whole, has_answer;
};

/* Takes one message with its head off *b. */
static struct message take_head(struct bytes *b)
{
	struct bytes line, end;
	struct message m = { .first = take_line(b, &m.end) };
	uint64_t n;

	while (b->n) {
		line = take_line(b, &end);
		if (line.n == 0 && end.n) {
			m.is_whole = true;
			break;
		}
		m.has_answer |= bytes_has_iprefix(line, B("Authorization"));
		if (bytes_has_iprefix(line, B("Content-Length:")) &&
			bytes_to_u64(bytes_trim(bytes_sub(line, 15, line.n)), SIZE_MAX / 2, &n))
			m.body = (size_t)n;
	}
	return m;
}

static bool put(struct buf *out, struct bytes b)
{
	return buf_put(out, b) == 0;
}

static bool put_answer(
	const struct links *l, struct link_conn *c, const struct message *m, struct buf *out)
{
	struct bytes rest = m->first, method, uri = B("*");
	struct buf value;

	(void)bytes_cut(&rest, ' ', &method);
	(void)bytes_cut(&rest, ' ', &uri);
	buf_init(&value, VALUE_MAX);
	bool ok = uri.n <= URI_MAX &&
		  (c->login == LOGIN_BASIC
				  ? basic_write(l->login->user, l->login->password, &value) >= 0
				  : put_digest(l, c, method, uri, &value));
	if (ok)
		ok = put(out, B("Authorization: ")) && put(out, buf_bytes(&value)) &&
		     put(out, m->end);
	buf_clear(&value);
	return ok;
}

static struct bytes between(struct bytes from, struct bytes to)
{
	return bytes_of(from.p, (size_t)(to.p - from.p));
}

/* A frame, empty lines, or a message with its body. */
static void dress_one(const struct links *l, struct link_conn *c, struct bytes *b, struct buf *out)
{
	struct bytes at = *b;

	if (b->p[0] == '$' && b->n >= 4) {
		size_t n = 4 + (size_t)be16(b->p + 2);
		(void)put(out, bytes_sub(*b, 0, n));
		*b = bytes_sub(*b, n, b->n);
		return;
	}
	if (b->p[0] == '\r' || b->p[0] == '\n') {
		(void)put(out, bytes_sub(*b, 0, 1));
		*b = bytes_sub(*b, 1, b->n);
		return;
	}
	struct message m = take_head(b);
	size_t first = m.first.n + m.end.n;
	*b = bytes_sub(*b, m.body, b->n);
	struct bytes all = between(at, *b);
	(void)put(out, bytes_sub(all, 0, first));
	if (is_request(m.first) && m.end.n && !m.has_answer)
		(void)put_answer(l, c, &m, out);
	(void)put(out, bytes_sub(all, first, all.n));
	if (!m.is_whole) {
		(void)put(out, *b);
		*b = bytes_sub(*b, b->n, 0);
	}
}

void login_dress(struct links *l, int conn, struct bytes b, struct buf *out)
{
	struct link_conn *c = l->conns[conn];

	if (l->login && b.n)
		ask_for_challenge(l, conn);
	if (!login_is_asked(l, conn)) {
		(void)put(out, b);
		return;
	}
	while (b.n)
		dress_one(l, c, &b, out);
}

bool login_is_asked(const struct links *l, int conn)
{
	const struct link_conn *c = l->conns[conn];
	return l->login && (c->login == LOGIN_DIGEST || c->login == LOGIN_BASIC);
}
