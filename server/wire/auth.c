/* SPDX-License-Identifier: MIT */
#define ERR_STATE OPENSSL_ERR_STATE /* a type of theirs, an error of ours */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#undef ERR_STATE

#include "server/wire/auth.h"

#include <string.h>

#include "server/base/os.h"

/* The algorithm of auth.h. */

#define HASH_NAME(id, name, size) name,
#define HASH_SIZE(id, name, size) size,
static const char *const hash_names[] = { AUTH_HASH_TABLE(HASH_NAME) };
static const size_t hash_sizes[] = { AUTH_HASH_TABLE(HASH_SIZE) };
#undef HASH_NAME
#undef HASH_SIZE

const char *auth_hash_name(enum auth_hash h)
{
	return h < AUTH_HASH_COUNT ? hash_names[h] : "";
}

size_t auth_hash_size(enum auth_hash h)
{
	return h < AUTH_HASH_COUNT ? hash_sizes[h] : 0;
}

/* H(part:part:…) */
static void hash_joined(enum auth_hash h, const struct bytes *parts, size_t n, uint8_t *dst)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good =
		ctx && EVP_DigestInit_ex(ctx, h == AUTH_SHA256 ? EVP_sha256() : EVP_md5(), NULL);

	for (size_t i = 0; i < n && good; i++)
		good = (i == 0 || EVP_DigestUpdate(ctx, ":", 1)) &&
		       (parts[i].n == 0 || EVP_DigestUpdate(ctx, parts[i].p, parts[i].n));
	if (!good || !EVP_DigestFinal_ex(ctx, dst, NULL))
		die("%s is not to be had from libcrypto", auth_hash_name(h));
	EVP_MD_CTX_free(ctx);
}

void auth_ha1(enum auth_hash h, struct bytes user, struct bytes realm, struct bytes password,
	uint8_t *dst)
{
	const struct bytes parts[] = { user, realm, password };
	hash_joined(h, parts, COUNT(parts), dst);
}

void auth_response(const struct auth_digest *d, char *dst)
{
	size_t size = auth_hash_size(d->hash);
	uint8_t octets[AUTH_OCTETS];
	char ha1[AUTH_HEX], ha2[AUTH_HEX];
	const struct bytes request[] = { d->method, d->uri };

	auth_hex(d->ha1, size, ha1);
	if (d->is_sess) {
		const struct bytes sess[] = { bytes_str(ha1), d->nonce, d->cnonce };
		hash_joined(d->hash, sess, COUNT(sess), octets);
		auth_hex(octets, size, ha1);
	}
	hash_joined(d->hash, request, COUNT(request), octets);
	auth_hex(octets, size, ha2);
	const struct bytes with[] = { bytes_str(ha1), d->nonce, d->nc, d->cnonce, B("auth"),
		bytes_str(ha2) };
	const struct bytes without[] = { bytes_str(ha1), d->nonce, bytes_str(ha2) };
	if (d->has_qop)
		hash_joined(d->hash, with, COUNT(with), octets);
	else
		hash_joined(d->hash, without, COUNT(without), octets);
	auth_hex(octets, size, dst);
	OPENSSL_cleanse(ha1, sizeof ha1);
}

void auth_hex(const uint8_t *p, size_t n, char *dst)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		dst[2 * i] = digits[p[i] >> 4];
		dst[2 * i + 1] = digits[p[i] & 15];
	}
	dst[2 * n] = '\0';
}

bool auth_unhex(struct bytes hex, uint8_t *dst, size_t n)
{
	uint64_t x = 0;

	if (hex.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!bytes_hex_to_u64(bytes_sub(hex, 2 * i, 2), 255, &x))
			return false;
		dst[i] = (uint8_t)x;
	}
	return true;
}

bool auth_is_equal(struct bytes a, struct bytes b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}
