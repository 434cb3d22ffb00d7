/* SPDX-License-Identifier: MIT */
#include "captures/digest.h"

#include <errno.h>
#include <openssl/evp.h>

#include "server/base/os.h"

int digest_stream(FILE *f, uint64_t *bytes, char hex[SHA256_HEX])
{
	unsigned char sum[EVP_MAX_MD_SIZE], block[32768];
	unsigned int n = 0;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t got;

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		die("SHA-256 is not to be had");
	*bytes = 0;
	while ((got = fread(block, 1, sizeof block, f)) > 0) {
		*bytes += got;
		if (EVP_DigestUpdate(ctx, block, got) != 1)
			die("SHA-256 failed");
	}
	if (EVP_DigestFinal_ex(ctx, sum, &n) != 1)
		die("SHA-256 failed");
	EVP_MD_CTX_free(ctx);
	hex[0] = 0;
	for (size_t i = 0; i < n && i < 32; i++)
		snprintf(hex + i * 2, 3, "%02x", sum[i]);
	if (ferror(f))
		return errno ? -errno : -EIO;
	rewind(f);
	return 0;
}
