/* SPDX-License-Identifier: MIT */
#include "conformance/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

SSL_CTX *wire_tls_new(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	if (!tls)
		return NULL;
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

void wire_tls_free(SSL_CTX *tls)
{
	SSL_CTX_free(tls);
}

/* ---- connecting ---- */

/* Waits for one event. 0 or -ETIMEDOUT. */
static int wait_for(int fd, short events, tick_t until)
{
	struct pollfd p = { .fd = fd, .events = events };
	tick_t left = until - os_now();

	if (left < 0)
		return -ETIMEDOUT;
	struct timespec t = { left / TICK_S, left % TICK_S };
	return ppoll(&p, 1, &t, NULL) > 0 ? 0 : -ETIMEDOUT;
}

static int finish_connect(int fd, tick_t until)
{
	int err = 0, rc = wait_for(fd, POLLOUT, until);
	socklen_t len = sizeof(err);

	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static int open_socket(const struct sockaddr_storage *to, socklen_t to_n, tick_t until)
{
	int fd = socket(to->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)to, to_n) < 0)
		rc = errno == EINPROGRESS ? finish_connect(fd, until) : -errno;
	if (rc < 0) {
		(void)close(fd); /* never connected */
		return rc;
	}
	int on = 1; /* segments as the case writes them */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static uint16_t own_port(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
					     : ((struct sockaddr_in *)&a)->sin_port);
}

static bool is_address(const char *host)
{
	uint8_t a[16];
	return inet_pton(AF_INET, host, a) == 1 || inet_pton(AF_INET6, host, a) == 1;
}

static int shake_hands(struct wire *w, SSL_CTX *tls, const char *host, tick_t until)
{
	w->ssl = SSL_new(tls);
	if (!w->ssl || SSL_set_fd(w->ssl, w->fd) != 1)
		return -ENOMEM;
	if (host && !is_address(host))
		(void)SSL_set_tlsext_host_name(w->ssl, host); /* a wish */
	for (;;) {
		ERR_clear_error();
		int rc = SSL_connect(w->ssl);
		if (rc == 1)
			return 0;
		int why = SSL_get_error(w->ssl, rc);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return why == SSL_ERROR_SYSCALL && errno ? -errno : -EPROTO;
		rc = wait_for(w->fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until);
		if (rc < 0)
			return rc;
	}
}

int wire_open(struct wire *w, const struct sockaddr_storage *to, socklen_t to_n, SSL_CTX *tls,
	const char *host, tick_t wait)
{
	tick_t until = os_now() + wait;
	int fd = open_socket(to, to_n, until), rc = 0;

	*w = WIRE_CLOSED;
	if (fd < 0)
		return fd;
	w->fd = fd;
	w->local_port = own_port(fd);
	if (tls)
		rc = shake_hands(w, tls, host, until);
	if (rc < 0)
		wire_close(w, false);
	return rc;
}

const char *wire_version(const struct wire *w)
{
	return w->ssl ? SSL_get_version(w->ssl) : "";
}

/* ---- bytes ---- */

/* What an SSL call that did not succeed means, as -errno; 0: the peer has ended. */
static ssize_t why_not(struct wire *w, int rc)
{
	switch (SSL_get_error(w->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE: return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return 0;
	case SSL_ERROR_SYSCALL: w->torn = true; return errno ? -errno : 0;
	default: break;
	}
	if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
		w->torn = true;
		return 0;
	}
	return -EPROTO;
}

ssize_t wire_read(struct wire *w, void *p, size_t n)
{
	if (!w->ssl) {
		ssize_t got = recv(w->fd, p, n, MSG_DONTWAIT);
		return got >= 0 ? got : errno == EINTR ? -EAGAIN : -errno;
	}
	ERR_clear_error();
	errno = 0;
	int rc = SSL_read(w->ssl, p, n < INT32_MAX ? (int)n : INT32_MAX);
	return rc > 0 ? rc : why_not(w, rc);
}

ssize_t wire_write(struct wire *w, struct bytes b)
{
	if (!w->ssl) {
		ssize_t n = send(w->fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		return n > 0 ? n : n == 0 || errno == EINTR ? -EAGAIN : -errno;
	}
	ERR_clear_error();
	errno = 0;
	int rc = SSL_write(w->ssl, b.p, b.n < INT32_MAX ? (int)b.n : INT32_MAX);
	if (rc > 0)
		return rc;
	ssize_t why = why_not(w, rc);
	return why ? why : -EPIPE;
}

int wire_half_close(struct wire *w)
{
	if (w->ssl) {
		ERR_clear_error();
		(void)SSL_shutdown(w->ssl); /* ours is said; the peer's comes when it comes */
	}
	return shutdown(w->fd, SHUT_WR) == 0 ? 0 : -errno;
}

void wire_close(struct wire *w, bool hard)
{
	struct linger linger = { .l_onoff = 1 };

	if (w->fd < 0)
		return;
	if (w->ssl && !hard && SSL_is_init_finished(w->ssl)) {
		ERR_clear_error();
		(void)SSL_shutdown(w->ssl); /* politeness; nobody waits for the answer */
	}
	SSL_free(w->ssl);
	w->ssl = NULL;
	if (hard)
		(void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	(void)close(w->fd); /* what the peer still says is of no interest */
	w->fd = -1;
}
