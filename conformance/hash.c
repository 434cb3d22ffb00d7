/* SPDX-License-Identifier: MIT */
#include "conformance/hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/base/os.h"

static const struct {
	const char *name;
	const EVP_MD *(*md)(void);
} rows[] = { { "MD5", EVP_md5 }, { "SHA-256", EVP_sha256 }, { "SHA-512-256", EVP_sha512_256 } };

static const EVP_MD *find(const char *algorithm)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (strcasecmp(algorithm, rows[i].name) == 0)
			return rows[i].md();
	}
	return NULL;
}

bool hash_is_known(const char *algorithm)
{
	return find(algorithm) != NULL;
}

bool hash_hex(const char *algorithm, const char *const *parts, size_t n, char hex[HASH_HEX])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	const EVP_MD *md = find(algorithm);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (md && (!ctx || EVP_DigestInit_ex(ctx, md, NULL) != 1))
		die("the crypto library refuses a hash");
	for (size_t i = 0; md && i < n; i++) {
		if ((i && EVP_DigestUpdate(ctx, ":", 1) != 1) ||
			EVP_DigestUpdate(ctx, parts[i], strlen(parts[i])) != 1)
			die("the crypto library refuses a hash");
	}
	if (md && EVP_DigestFinal_ex(ctx, sum, &len) != 1)
		die("the crypto library refuses a hash");
	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; i < len && 2 * i + 2 < HASH_HEX; i++)
		(void)snprintf(hex + 2 * (size_t)i, 3, "%02x", sum[i]);
	return md != NULL;
}
