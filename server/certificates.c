/* SPDX-License-Identifier: MIT */
#include "server/certificates.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

enum { FILE_MAX = 256 * 1024 };

/* ---- reading ---- */

struct file {
	char *text;
	size_t n;
};

static int read_files(
	const struct certificates *c, const struct file_reader *r, struct file *f, char *why)
{
	for (size_t i = 0; i < 2 * c->n_pairs; i++) {
		int err = file_reader_read(r, c->path[i], FILE_MAX, &f[i].text, &f[i].n);
		if (err) {
			(void)snprintf(why, PREFS_WHY, "%s %.150s: %s",
				i % 2 ? "tls_key" : "tls_certificate", c->path[i],
				err == ERR_CLOSED ? "the process that reads it is gone"
						  : err_text(err));
			return err;
		}
	}
	return 0;
}

/* Keys are not left in memory that others get next. */
static void forget(struct file *f)
{
	if (f->text)
		explicit_bzero(f->text, f->n);
	free(f->text);
}

struct tls_context *certificates_load(
	const struct certificates *c, const struct file_reader *r, char *why)
{
	struct file f[CERTIFICATE_FILES_MAX] = { { NULL, 0 } };
	struct tls_pair pairs[TLS_CERTIFICATES_MAX];
	struct tls_context *made = NULL;

	why[0] = '\0';
	if (!c->n_pairs)
		return NULL;
	if (read_files(c, r, f, why) == 0) {
		for (size_t i = 0; i < c->n_pairs; i++) {
			const struct file *key = &f[2 * i + 1];
			pairs[i] = (struct tls_pair){ .name = c->path[2 * i],
				.certificate = bytes_of((uint8_t *)f[2 * i].text, f[2 * i].n),
				.key = bytes_of((uint8_t *)key->text, key->n) };
		}
		made = tls_context_new(pairs, c->n_pairs, why);
	}
	for (size_t i = 0; i < 2 * c->n_pairs; i++)
		forget(&f[i]);
	return made;
}

/* ---- life ---- */

/* Every second place from `at` on gets a line of the list. How many. */
static int take_list(struct certificates *c, size_t at, const char *list)
{
	struct bytes rest = bytes_str(list), one;
	int n = 0;

	while (bytes_cut(&rest, '\n', &one)) {
		if (at >= CERTIFICATE_FILES_MAX)
			return ERR_LIMIT;
		c->path[at] = xasprintf("%.*s", BYTES_FMT(one));
		at += 2;
		n++;
	}
	return n;
}

int certificates_open(
	struct certificates *c, const struct prefs *p, struct file_reader *r, char *why)
{
	static_assert((int)TLS_WHY <= (int)PREFS_WHY, "one buffer for both");
	*c = (struct certificates){ 0 };
	int n = take_list(c, 0, p->tls_certificate), keys = take_list(c, 1, p->tls_key);

	if (n < 0 || keys < 0) {
		(void)snprintf(why, PREFS_WHY, "tls_certificate: at most %d", TLS_CERTIFICATES_MAX);
		return ERR_LIMIT;
	}
	if (keys > n) {
		(void)snprintf(why, PREFS_WHY, "tls_key: %d keys for %d certificates", keys, n);
		return ERR_RANGE;
	}
	c->n_pairs = (size_t)n;
	for (size_t i = 0; i < c->n_pairs; i++) {
		if (!c->path[2 * i + 1])
			c->path[2 * i + 1] = xstrdup(c->path[2 * i]);
	}
	for (size_t i = 0; i < 2 * c->n_pairs; i++) {
		if (file_reader_add(r, c->path[i]) != 0) {
			(void)snprintf(why, PREFS_WHY, "tls_certificate: too many files");
			return ERR_LIMIT;
		}
	}
	return 0;
}

void certificates_close(struct certificates *c)
{
	for (size_t i = 0; i < CERTIFICATE_FILES_MAX; i++)
		free(c->path[i]);
	*c = (struct certificates){ 0 };
}
