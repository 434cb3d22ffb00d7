/* SPDX-License-Identifier: MIT */
#include "server/tests/certificate.h"

#include "server/net/tls_own.h"
#include "server/tests/unit.h"

static void to_text(BIO *b, char *dst)
{
	int n = BIO_read(b, dst, CERTIFICATE_TEXT - 1);
	CU_ASSERT_FATAL(n > 0);
	dst[n] = '\0';
	BIO_free(b);
}

static void add_names(X509 *x, const char *names)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);
	CU_ASSERT_PTR_NOT_NULL_FATAL(e);
	CU_ASSERT_EQUAL(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

void certificate_make(struct certificate *c, const char *names, bool rsa)
{
	static long serial = 1;
	EVP_PKEY *key = rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	X509 *x = X509_new();
	X509_NAME *name = X509_NAME_new();
	BIO *b = BIO_new(BIO_s_mem());

	CU_ASSERT_FATAL(key && x && name && b);
	CU_ASSERT_EQUAL(X509_NAME_add_entry_by_txt(
				name, "O", MBSTRING_ASC, (const unsigned char *)names, -1, -1, 0),
		1);
	CU_ASSERT_EQUAL(X509_set_version(x, 2), 1);
	CU_ASSERT_EQUAL(ASN1_INTEGER_set(X509_get_serialNumber(x), serial++), 1);
	CU_ASSERT_PTR_NOT_NULL(X509_gmtime_adj(X509_getm_notBefore(x), -3600));
	CU_ASSERT_PTR_NOT_NULL(X509_gmtime_adj(X509_getm_notAfter(x), 86400));
	CU_ASSERT_EQUAL(X509_set_subject_name(x, name), 1);
	CU_ASSERT_EQUAL(X509_set_issuer_name(x, name), 1);
	CU_ASSERT_EQUAL(X509_set_pubkey(x, key), 1);
	add_names(x, names);
	CU_ASSERT_FATAL(X509_sign(x, key, EVP_sha256()) > 0);
	CU_ASSERT_EQUAL(PEM_write_bio_X509(b, x), 1);
	to_text(b, c->certificate);
	b = BIO_new(BIO_s_mem());
	CU_ASSERT_EQUAL(PEM_write_bio_PrivateKey(b, key, NULL, NULL, 0, NULL, NULL), 1);
	to_text(b, c->key);
	X509_NAME_free(name);
	X509_free(x);
	EVP_PKEY_free(key);
}

struct tls_pair certificate_pair(const struct certificate *c)
{
	return (struct tls_pair){
		.name = "test", .certificate = bytes_str(c->certificate), .key = bytes_str(c->key)
	};
}
