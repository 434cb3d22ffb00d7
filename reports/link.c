/* SPDX-License-Identifier: MIT */
#include "reports/link.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/buf.h"
#include "server/base/os.h"

/* The folder part of a path: "" for a bare name, with its slash otherwise. */
static struct bytes folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	return bytes_of(path, slash ? (size_t)(slash - path) + 1 : 0);
}

static void put(struct buf *out, struct bytes v)
{
	if (buf_put(out, v) != 0)
		die("link: longer than its own cap");
}

static void put_encoded(struct buf *out, const char *s)
{
	static const char hex[] = "0123456789ABCDEF";

	for (; *s; s++) {
		uint8_t c = (uint8_t)*s;
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || strchr("/._-", c);
		if (plain)
			put(out, bytes_of(s, 1));
		else
			put(out, bytes_of((char[]){ '%', hex[c >> 4], hex[c & 15] }, 3));
	}
}

char *link_relative(const char *page, const char *file)
{
	char from[PATH_MAX], to[PATH_MAX], *s;
	struct bytes folder = folder_of(page ? page : "");
	char *here = folder.n ? xasprintf("%.*s", BYTES_FMT(folder)) : xstrdup(".");
	bool known = realpath(here, from) && realpath(file, to);
	size_t common = 0;
	struct buf out;

	free(here);
	if (!known || strlen(from) + 1 >= sizeof from)
		return NULL;
	if (strcmp(from, "/") != 0)
		memcpy(from + strlen(from), "/", 2);
	/* up to the last slash that both share */
	for (size_t i = 0; from[i] && from[i] == to[i]; i++) {
		if (from[i] == '/')
			common = i + 1;
	}
	buf_init(&out, 8 * PATH_MAX);
	for (const char *up = strchr(from + common, '/'); up; up = strchr(up + 1, '/'))
		put(&out, B("../"));
	put_encoded(&out, to + common);
	s = xasprintf("%.*s", BYTES_FMT(buf_bytes(&out)));
	buf_clear(&out);
	return s;
}

char *link_evidence(const char *page, const char *result, const char *folder, const char *name)
{
	struct bytes beside = folder_of(result);
	char *path, *url = NULL;

	if (!*folder)
		return NULL;
	if (*folder != '/') {
		path = xasprintf("%.*s%s/%s", BYTES_FMT(beside), folder, name);
		url = link_relative(page, path);
		free(path);
	}
	if (!url) {
		path = xasprintf("%s/%s", folder, name);
		url = link_relative(page, path);
		free(path);
	}
	return url;
}
