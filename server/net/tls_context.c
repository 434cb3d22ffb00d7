/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"
#include "server/net/tls_own.h"

/* TLS 1.2: forward secrecy and AEAD only. 1.3 has nothing else. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"

static struct tls_context *refuse(
	struct tls_context *c, const char *name, const char *what, char *why)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e ? ERR_reason_error_string(e) : NULL;

	(void)snprintf(why, TLS_WHY, "%.120s: %s%s%.80s", name, what, reason ? ": " : "",
		reason ? reason : "");
	ERR_clear_error();
	tls_context_unref(c);
	return NULL;
}

static BIO *text_bio(struct bytes text)
{
	return BIO_new_mem_buf(text.p, text.n > INT32_MAX ? 0 : (int)text.n);
}

/* Nobody is there to be asked for one: a key with a password is refused. */
static int no_password(char *dst, int cap, int rw, void *arg)
{
	(void)dst;
	(void)cap;
	(void)rw;
	(void)arg;
	return -1;
}

/* The next certificate of a text, NULL at its end; *ok: so far there was nothing else. A damaged one is no end:
 * a chain without it would be served until some client misses it. */
static X509 *next_certificate(BIO *b, bool *ok)
{
	X509 *x = PEM_read_bio_X509(b, NULL, no_password, NULL);
	unsigned long e = x ? 0 : ERR_peek_last_error();

	if (ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE)
		ERR_clear_error(); /* the end of the text is told as an error */
	else
		*ok &= x != NULL;
	return x;
}

/* The first certificate is ours, the others are its chain. */
static bool use_chain(SSL_CTX *ctx, struct bytes text)
{
	BIO *b = text_bio(text);
	X509 *x = b ? PEM_read_bio_X509_AUX(b, NULL, no_password, NULL) : NULL;
	bool ok = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	while (ok && (x = next_certificate(b, &ok))) {
		ok = SSL_CTX_add0_chain_cert(ctx, x) == 1;
		if (!ok)
			X509_free(x);
	}
	BIO_free(b);
	return ok;
}

static bool use_key(SSL_CTX *ctx, struct bytes text)
{
	BIO *b = text_bio(text);
	EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
	bool ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	BIO_free(b);
	return ok;
}

/* What holds for both sides. */
static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);

	if (!ctx)
		die("TLS: no context");
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1)
		die("TLS: the library has no TLS 1.2");
	/* a FIN without close_notify is told apart by us, and is no reason to forget what we had to say */
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	/* a read ends at a record without data: a peer that sends nothing else (key updates) gets one
	 * turn for each, like everybody */
	SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
	/* tickets are kept by clients; nothing here grows with them */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(ctx, 1);
	SSL_CTX_set_read_ahead(ctx, 0);
	return ctx;
}

static struct tls_context *context_new(void)
{
	struct tls_context *c = xcalloc(1, sizeof *c);

	atomic_init(&c->refs, 1);
	c->method = tls_method_new();
	return c;
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void tls_context_unref(struct tls_context *c)
{
	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	for (size_t i = 0; i < c->n; i++)
		SSL_CTX_free(c->of[i]);
	BIO_meth_free(c->method);
	free(c);
}

/* ---- server ---- */

static SSL_CTX *by_name(const struct tls_context *c, const char *name, unsigned flags)
{
	for (size_t i = 0; i < c->n; i++) {
		X509 *x = SSL_CTX_get0_certificate(c->of[i]);
		if (X509_check_host(x, name, 0, flags, NULL) == 1)
			return c->of[i];
	}
	return NULL;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
	const struct tls_context *c = arg;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	(void)alert;

	if (!name)
		return SSL_TLSEXT_ERR_OK;
	SSL_CTX *ctx = by_name(c, name, X509_CHECK_FLAG_NO_WILDCARDS);
	if (!ctx)
		ctx = by_name(c, name, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (ctx && ctx != SSL_get_SSL_CTX(ssl))
		(void)SSL_set_SSL_CTX(ssl, ctx); /* no memory: the first one serves */
	return SSL_TLSEXT_ERR_OK;
}

struct tls_context *tls_context_new(const struct tls_pair *pairs, size_t n, char *why)
{
	struct tls_context *c = context_new();

	ERR_clear_error();
	if (n == 0 || n > TLS_CERTIFICATES_MAX)
		return refuse(c, "TLS", n ? "too many certificates" : "no certificate", why);
	for (size_t i = 0; i < n; i++) {
		SSL_CTX *ctx = c->of[c->n++] = new_ctx(TLS_server_method());
		if (!use_chain(ctx, pairs[i].certificate))
			return refuse(c, pairs[i].name, "no certificate", why);
		if (!use_key(ctx, pairs[i].key))
			return refuse(c, pairs[i].name, "no key without a password", why);
		if (SSL_CTX_check_private_key(ctx) != 1)
			return refuse(c, pairs[i].name, "the key is another's", why);
	}
	SSL_CTX_set_tlsext_servername_callback(c->of[0], on_name);
	SSL_CTX_set_tlsext_servername_arg(c->of[0], c);
	return c;
}

/* ---- client ---- */

static bool trust(SSL_CTX *ctx, struct bytes text)
{
	BIO *b = text_bio(text);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	X509 *x;
	bool ok = b != NULL;
	size_t n = 0;

	while (ok && (x = next_certificate(b, &ok))) {
		n += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	BIO_free(b);
	return ok && n > 0;
}

struct tls_context *tls_context_new_client(struct bytes authorities, bool insecure, char *why)
{
	struct tls_context *c = context_new();

	ERR_clear_error();
	c->of[c->n++] = new_ctx(TLS_client_method());
	SSL_CTX_set_verify(c->of[0], insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
	if (authorities.n && !trust(c->of[0], authorities))
		return refuse(c, "authorities", "no certificate", why);
	if (!authorities.n && !insecure && SSL_CTX_set_default_verify_paths(c->of[0]) != 1)
		return refuse(c, "authorities", "the system has none", why);
	return c;
}
