/* SPDX-License-Identifier: MIT */
#include "server/certificates.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/tests/certificate.h"
#include "server/tests/unit.h"

struct files {
	char folder[32], certificate[64], key[64];
	struct certificate pem;
};

static void write_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static void files_make(struct files *f, struct prefs *p)
{
	char why[PREFS_WHY];

	memcpy(f->folder, "/tmp/certificates.XXXXXX", 25);
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(f->folder));
	(void)snprintf(f->certificate, sizeof f->certificate, "%s/c.pem", f->folder);
	(void)snprintf(f->key, sizeof f->key, "%s/k.pem", f->folder);
	certificate_make(&f->pem, "DNS:a.example", false);
	write_text(f->certificate, f->pem.certificate);
	write_text(f->key, f->pem.key);
	CU_ASSERT_EQUAL(prefs_set(p, "tls_certificate", f->certificate, why), 0);
	CU_ASSERT_EQUAL(prefs_set(p, "tls_key", f->key, why), 0);
}

static void files_remove(struct files *f)
{
	(void)unlink(f->certificate); /* a test may have removed it */
	CU_ASSERT_EQUAL(unlink(f->key), 0);
	CU_ASSERT_EQUAL(rmdir(f->folder), 0);
}

static bool loads(const struct certificates *c, const struct file_reader *r, char *why)
{
	struct tls_context *made = certificates_load(c, r, why);

	tls_context_unref(made);
	return made;
}

/* The same whether we read them or the process that stays behind. */
static void t_load(void)
{
	for (int with_reader = 0; with_reader < 2; with_reader++) {
		struct prefs *p = prefs_new();
		struct certificates c;
		struct file_reader r;
		struct files f;
		char why[PREFS_WHY];

		files_make(&f, p);
		file_reader_init(&r);
		CU_ASSERT_EQUAL_FATAL(certificates_open(&c, p, &r, why), 0);
		if (with_reader)
			CU_ASSERT_EQUAL(file_reader_start(&r, why), 0);
		CU_ASSERT_EQUAL(r.fd >= 0, with_reader);
		CU_ASSERT_TRUE(loads(&c, &r, why));
		write_text(f.key, "no PEM");
		CU_ASSERT_FALSE(loads(&c, &r, why));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, f.certificate));
		write_text(f.key, f.pem.key);
		CU_ASSERT_TRUE(loads(&c, &r, why));
		CU_ASSERT_EQUAL(unlink(f.certificate), 0);
		CU_ASSERT_FALSE(loads(&c, &r, why));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "No such file"));
		write_text(f.certificate, f.pem.certificate);
		CU_ASSERT_TRUE(loads(&c, &r, why)); /* answers and questions are still in step */
		certificates_close(&c);
		file_reader_close(&r);
		files_remove(&f);
		prefs_free(p);
	}
}

static void t_reader_gone(void)
{
	struct prefs *p = prefs_new();
	struct certificates c;
	struct file_reader r;
	struct files f;
	char why[PREFS_WHY];

	files_make(&f, p);
	file_reader_init(&r);
	CU_ASSERT_EQUAL_FATAL(certificates_open(&c, p, &r, why), 0);
	CU_ASSERT_EQUAL_FATAL(file_reader_start(&r, why), 0);
	CU_ASSERT_EQUAL(shutdown(r.fd, SHUT_RDWR), 0);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_FALSE(loads(&c, &r, why));
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "gone"));
	}
	certificates_close(&c);
	file_reader_close(&r);
	files_remove(&f);
	prefs_free(p);
}

static void t_none(void)
{
	struct prefs *p = prefs_new();
	struct certificates c;
	struct file_reader r;
	char why[PREFS_WHY] = "x";

	file_reader_init(&r);
	CU_ASSERT_EQUAL(certificates_open(&c, p, &r, why), 0);
	CU_ASSERT_EQUAL(file_reader_start(&r, why), 0);
	CU_ASSERT_EQUAL(r.fd, -1); /* nobody is needed */
	CU_ASSERT_FALSE(loads(&c, &r, why));
	CU_ASSERT_STRING_EQUAL(why, "");
	certificates_close(&c);
	file_reader_close(&r);
	CU_ASSERT_EQUAL(prefs_set(p, "tls_key", "k", why), 0);
	CU_ASSERT_NOT_EQUAL(certificates_open(&c, p, &r, why), 0);
	certificates_close(&c);
	file_reader_close(&r);
	prefs_free(p);
}

UNIT_SUITE(certificates, { "certificates: read again and again, bad ones named", t_load },
	{ "certificates: without the process that reads them nothing is loaded", t_reader_gone },
	{ "certificates: none is fine, a key without one is not", t_none });
