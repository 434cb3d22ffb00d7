/* SPDX-License-Identifier: MIT */
#include "server/net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/base/err.h"
#include "server/base/os.h"
#include "server/net/tls_own.h"

enum { RECORD_MAX = 16384, HANDSHAKE_RECORD = 22, ALERT_REASONS = 1000 };
enum { ALERT_RECORD = 21, ALERT_FATAL = 2, ALERT_INTERNAL_ERROR = 80 };

static const uint8_t refusal[] = { ALERT_RECORD, 3, 3, 0, 2, ALERT_FATAL, ALERT_INTERNAL_ERROR };
const struct bytes tls_refusal = { refusal, sizeof refusal };

static struct tls *of(const struct pipe *p)
{
	return p->state;
}

/* ---- the library's way to the socket ---- */

/* Octets sent now; an error stays in t->error. */
static size_t send_some(struct tls *t, const uint8_t *p, size_t n)
{
	ssize_t sent;

	do
		sent = send(t->fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent < 0 && errno != EAGAIN)
		t->error = -errno;
	return sent > 0 ? (size_t)sent : 0;
}

static int bio_write(BIO *b, const char *data, int n)
{
	struct tls *t = BIO_get_data(b);
	const uint8_t *p = (const uint8_t *)data;
	size_t sent = t->held.n || t->error ? 0 : send_some(t, p, (size_t)n);

	BIO_clear_retry_flags(b);
	if (!t->error && sent < (size_t)n)
		t->error = buf_put(&t->held, bytes_of(p + sent, (size_t)n - sent));
	return t->error ? -1 : n;
}

static int bio_read(BIO *b, char *dst, int n)
{
	struct tls *t = BIO_get_data(b);
	ssize_t got;

	BIO_clear_retry_flags(b);
	do
		got = recv(t->fd, dst, (size_t)n, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN)
		BIO_set_retry_read(b);
	else if (got < 0)
		t->error = -errno;
	else if (got == 0)
		t->has_fin = true;
	return (int)got;
}

static long bio_ctrl(BIO *b, int cmd, long n, void *arg)
{
	struct tls *t = BIO_get_data(b);
	(void)n;
	(void)arg;

	switch (cmd) {
	case BIO_CTRL_FLUSH: return 1; /* what is held leaves by itself */
	case BIO_CTRL_EOF: return t->has_fin;
	default: return 0;
	}
}

static int bio_create(BIO *b)
{
	BIO_set_init(b, 1);
	return 1;
}

BIO_METHOD *tls_method_new(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pipe");

	if (!m || BIO_meth_set_write(m, bio_write) != 1 || BIO_meth_set_read(m, bio_read) != 1 ||
		BIO_meth_set_ctrl(m, bio_ctrl) != 1 || BIO_meth_set_create(m, bio_create) != 1)
		die("TLS: no memory");
	return m;
}

/* Sends what is held: 0 (some may still be), or -errno. */
static int push(struct tls *t)
{
	while (t->held.n && !t->error) {
		size_t sent = send_some(t, buf_bytes(&t->held).p, t->held.n);
		if (!sent)
			break;
		buf_drop(&t->held, sent);
	}
	if (!t->held.n)
		buf_clear(&t->held);
	return t->error;
}

/* ---- handshake ---- */

/* Whose fault was it that the library gave up? Its own words for it are on its list. */
static enum tls_failure failure_of(const struct tls *t)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_REASON(e);

	if (t->error || t->has_fin)
		return TLS_FAILED_CLOSED;
	if (ERR_GET_LIB(e) != ERR_LIB_SSL)
		return TLS_FAILED_OTHER;
	switch (reason) {
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_PACKET_LENGTH_TOO_LONG: return TLS_FAILED_NOT_TLS;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_NO_PROTOCOLS_AVAILABLE: return TLS_FAILED_VERSION;
	case SSL_R_NO_SHARED_CIPHER: return TLS_FAILED_CIPHER;
	default: return reason > ALERT_REASONS ? TLS_FAILED_ALERT : TLS_FAILED_OTHER;
	}
}

static int fail_handshake(struct tls *t, enum tls_failure why)
{
	t->has_failed = true;
	if (t->gate)
		t->gate->failed[why]++;
	ERR_clear_error();
	return t->error ? t->error : ERR_CLOSED;
}

/* A server's first octet decides: who speaks no TLS hears none. 0, -EAGAIN, or an error. */
static int look_first(struct tls *t)
{
	uint8_t first;
	ssize_t n = recv(t->fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? -EAGAIN : -errno;
	if (n == 0)
		t->has_fin = true;
	if (n == 0 || first != HANDSHAKE_RECORD)
		return ERR_SYNTAX;
	t->is_begun = true;
	return 0;
}

/* One step. 0: it is over, data may pass; -EAGAIN; or an error. */
static int handshake(struct tls *t)
{
	if (t->has_failed)
		return ERR_CLOSED;
	if (!t->is_client && !t->is_begun) {
		int err = look_first(t);
		if (err == -EAGAIN)
			return err;
		if (err)
			return fail_handshake(t, err == ERR_SYNTAX && !t->has_fin
							 ? TLS_FAILED_NOT_TLS
							 : TLS_FAILED_CLOSED);
	}
	if (!t->is_client && t->gate && !tls_gate_ask(t->gate, t))
		return -EAGAIN;
	t->is_begun = true;
	ERR_clear_error();
	int r = SSL_do_handshake(t->ssl);
	if (r == 1) {
		t->pipe->ready = true;
		if (t->gate) {
			t->gate->handshakes++;
			t->gate->resumed += (uint64_t)SSL_session_reused(t->ssl);
		}
		return 0;
	}
	if (SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ && !t->error)
		return -EAGAIN;
	return fail_handshake(t, failure_of(t));
}

/* ---- data ---- */

/* The library gave nothing: end of input, not now, or an error. */
static ssize_t read_result(struct tls *t, int r)
{
	int e = SSL_get_error(t->ssl, r);

	if (e == SSL_ERROR_WANT_READ && !t->error)
		return -EAGAIN;
	if (e == SSL_ERROR_ZERO_RETURN) {
		if (t->has_fin && !t->pipe->truncated && t->gate)
			t->gate->truncated++;
		t->pipe->truncated |= t->has_fin;
		return 0;
	}
	t->has_failed = true;
	if (!t->error && t->gate)
		t->gate->broken++;
	ERR_clear_error();
	return t->error ? t->error : ERR_CORRUPT;
}

static ssize_t tls_read(struct pipe *p, uint8_t *dst, size_t n)
{
	struct tls *t = of(p);
	size_t got = 0;

	if (!p->ready) {
		int err = handshake(t);
		if (err)
			return err;
	}
	ERR_clear_error();
	int r = SSL_read_ex(t->ssl, dst, n, &got);
	return r == 1 ? (ssize_t)got : read_result(t, r);
}

/* Seals one record: octets taken, or an error. */
static ssize_t seal(struct tls *t, const uint8_t *from, size_t n)
{
	size_t taken = 0;

	ERR_clear_error();
	if (SSL_write_ex(t->ssl, from, n, &taken) == 1)
		return (ssize_t)taken;
	t->has_failed = true;
	ERR_clear_error();
	return t->error ? t->error : ERR_CLOSED;
}

/* Where a write stands. */
struct place {
	const struct iovec *iov;
	int n;
	size_t at;
};

/* The next octets, up to a record, in one piece: where they are, or copied to `room`. */
static struct bytes gather(struct place *w, uint8_t *room)
{
	size_t have = 0;

	if (w->n && w->iov->iov_len - w->at >= RECORD_MAX) {
		struct bytes b = bytes_of((const uint8_t *)w->iov->iov_base + w->at, RECORD_MAX);
		w->at += RECORD_MAX;
		return b;
	}
	while (w->n && have < RECORD_MAX) {
		size_t n = w->iov->iov_len - w->at;
		if (n > RECORD_MAX - have)
			n = RECORD_MAX - have;
		if (n)
			memcpy(room + have, (const uint8_t *)w->iov->iov_base + w->at, n);
		have += n;
		w->at += n;
		if (w->at == w->iov->iov_len) {
			w->iov++;
			w->n--;
			w->at = 0;
		}
	}
	return bytes_of(room, have);
}

static ssize_t tls_writev(struct pipe *p, const struct iovec *iov, int n)
{
	struct tls *t = of(p);
	struct place at = { iov, n, 0 };
	uint8_t room[RECORD_MAX];
	ssize_t taken = 0;

	if (!p->ready)
		return 0;
	int err = push(t);
	while (!err && !t->held.n) {
		struct bytes b = gather(&at, room);
		if (!b.n)
			break;
		ssize_t k = seal(t, b.p, b.n);
		if (k < 0)
			return k;
		taken += k;
	}
	return err ? err : taken;
}

static int tls_flush(struct pipe *p)
{
	struct tls *t = of(p);

	if (t->is_client && !t->is_begun) {
		int err = handshake(t);
		if (err && err != -EAGAIN)
			return err;
	}
	return push(t);
}

static size_t tls_held(const struct pipe *p)
{
	return of(p)->held.n;
}

static bool tls_has_more(const struct pipe *p)
{
	return p->ready && !of(p)->has_failed && SSL_pending(of(p)->ssl) > 0;
}

static uint32_t tls_interest(const struct pipe *p, bool read, bool write)
{
	const struct tls *t = of(p);
	bool wants_read = p->ready ? read : link_is_alone(&t->link);
	bool wants_write = t->held.n > 0 || (write && p->ready);

	return (wants_read ? (uint32_t)EV_READ : 0) | (wants_write ? (uint32_t)EV_WRITE : 0);
}

static int tls_finish(struct pipe *p)
{
	struct tls *t = of(p);

	if (p->ready && !t->has_failed && !t->has_said_goodbye) {
		ERR_clear_error();
		(void)SSL_shutdown(t->ssl); /* 0: the peer's goodbye has not come, nor need it */
		ERR_clear_error();
	}
	t->has_said_goodbye = true;
	int err = push(t);
	if (err)
		return err;
	if (t->held.n)
		return -EAGAIN;
	(void)shutdown(t->fd, SHUT_WR); /* a peer that has gone is no news here */
	return 0;
}

/* ---- life ---- */

static void tls_attach(struct pipe *p, struct loop *l)
{
	struct tls *t = of(p);

	t->pipe = p;
	if (l == NULL)
		link_remove(&t->link);
	t->gate = l ? l->tls_gate : NULL;
}

static void tls_close(struct pipe *p)
{
	struct tls *t = of(p);

	link_remove(&t->link);
	SSL_free(t->ssl);
	tls_context_unref(t->context);
	buf_clear(&t->held);
	free(t);
}

static const struct pipe_ops tls_ops = { .read = tls_read,
	.writev = tls_writev,
	.flush = tls_flush,
	.held = tls_held,
	.has_more = tls_has_more,
	.interest = tls_interest,
	.finish = tls_finish,
	.attach = tls_attach,
	.close = tls_close };

static struct tls *make(struct pipe *p, struct tls_context *c, bool is_client)
{
	struct tls *t = xcalloc(1, sizeof *t);
	BIO *b = BIO_new(c->method);

	*t = (struct tls){
		.ssl = SSL_new(c->of[0]), .fd = p->fd, .is_client = is_client, .pipe = p
	};
	if (!t->ssl || !b)
		die("TLS: no memory");
	t->context = tls_context_ref(c);
	buf_init(&t->held, TLS_HELD_MAX);
	link_init(&t->link);
	BIO_set_data(b, t);
	SSL_set_bio(t->ssl, b, b);
	p->state = t;
	p->ops = &tls_ops;
	p->ready = false;
	p->is_secure = true;
	return t;
}

void tls_accept(struct pipe *p, struct tls_context *c)
{
	SSL_set_accept_state(make(p, c, false)->ssl);
}

int tls_connect(struct pipe *p, struct tls_context *c, const char *name)
{
	struct tls *t = make(p, c, true);
	uint8_t ip[16];
	bool is_ip = inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1;
	int ok = 1;

	SSL_set_connect_state(t->ssl);
	if (is_ip)
		ok = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), name);
	else if (*name)
		ok = strlen(name) <= TLS_NAME_MAX && SSL_set_tlsext_host_name(t->ssl, name) == 1 &&
		     SSL_set1_host(t->ssl, name) == 1;
	ERR_clear_error();
	return ok == 1 ? 0 : ERR_SYNTAX;
}

void tls_give_up(struct pipe *p)
{
	struct tls *t = of(p);

	if (p->ops == &tls_ops && !p->ready && !t->has_failed)
		(void)fail_handshake(t, TLS_FAILED_TIMEOUT);
}

const char *tls_version(const struct pipe *p)
{
	return p->ops == &tls_ops && p->ready ? SSL_get_version(of(p)->ssl) : "";
}

const char *tls_cipher(const struct pipe *p)
{
	return p->ops == &tls_ops && p->ready ? SSL_get_cipher_name(of(p)->ssl) : "";
}
