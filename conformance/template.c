/* SPDX-License-Identifier: MIT */
#include "conformance/template.h"

#include <string.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum { NAME_MAX_LEN = 31 };

static const struct {
	char letter, byte;
} escapes_of[] = { { 'r', '\r' }, { 'n', '\n' }, { 't', '\t' }, { '0', '\0' }, { '\\', '\\' },
	{ '"', '"' } };

/* The escape at p (after the backslash): its byte, and how many characters it has. 0: none. */
static size_t escape_read(const char *p, char *byte)
{
	uint64_t v;
	if (*p == 'x' && p[1] && p[2] && bytes_hex_to_u64(bytes_of(p + 1, 2), 255, &v)) {
		*byte = (char)v;
		return 3;
	}
	for (size_t i = 0; i < COUNT(escapes_of); i++) {
		if (*p == escapes_of[i].letter) {
			*byte = escapes_of[i].byte;
			return 1;
		}
	}
	return 0;
}

/* The name of a ${name} at p: its length, 0 when it isn't closed or empty. */
static size_t name_length(const char *p)
{
	size_t n = strcspn(p + 2, "}");
	return p[2 + n] == '}' && n <= NAME_MAX_LEN ? n : 0;
}

char *template_check(const char *text, bool escapes)
{
	char byte;
	for (const char *p = text; *p; p++) {
		if (*p == '\\' && escapes) {
			size_t n = escape_read(p + 1, &byte);
			if (!n)
				return xasprintf("an unknown escape: \\%c", p[1] ? p[1] : ' ');
			p += n;
		} else if (p[0] == '$' && p[1] == '{') {
			size_t n = name_length(p);
			if (!n)
				return xstrdup("a ${ that names nothing");
			p += 2 + n;
		}
	}
	return NULL;
}

char *template_plain(const char *text)
{
	size_t n = 0;
	char *out = xmalloc(strlen(text) + 1);
	for (const char *p = text; *p; p++) {
		if (p[0] == '$' && p[1] == '{' && name_length(p)) {
			p += 2 + name_length(p);
			out[n++] = 'x';
		} else {
			out[n++] = *p;
		}
	}
	out[n] = '\0';
	return out;
}

static int put_quoted(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (strchr(".[]()*+?{}^$|\\", *value) && buf_put(out, B("\\")) < 0)
			return ERR_LIMIT;
		if (buf_put(out, bytes_of(value, 1)) < 0)
			return ERR_LIMIT;
	}
	return 0;
}

int template_expand(const char *text, enum template_mode mode, template_lookup *lookup, void *arg,
	struct buf *out, char missing[32])
{
	char byte;
	int rc = 0;
	for (const char *p = text; *p && rc == 0; p++) {
		size_t n = p[0] == '$' && p[1] == '{' ? name_length(p) : 0;
		if (n) {
			memcpy(missing, p + 2, n);
			missing[n] = '\0';
			const char *value = lookup(arg, missing);
			if (!value)
				return ERR_NOT_FOUND;
			rc = mode == TEMPLATE_PATTERN ? put_quoted(out, value)
						      : buf_put(out, bytes_str(value));
			p += 2 + n;
		} else if (*p == '\\' && mode == TEMPLATE_RAW && (n = escape_read(p + 1, &byte))) {
			rc = buf_put(out, bytes_of(&byte, 1));
			p += n;
		} else {
			rc = buf_put(out, bytes_of(p, 1));
		}
	}
	return rc;
}

static bool has_header(struct bytes head, struct bytes name)
{
	struct bytes line;
	while (bytes_cut(&head, '\n', &line)) {
		if (bytes_has_iprefix(line, name) && line.n > name.n && line.p[name.n] == ':')
			return true;
	}
	return false;
}

int template_request(struct bytes text, unsigned cseq, struct buf *out)
{
	size_t blank = bytes_find(text, B("\n\n"));
	struct bytes head = bytes_sub(text, 0, blank);
	struct bytes body =
		blank < text.n ? bytes_sub(text, blank + 2, text.n) : (struct bytes){ 0 };
	struct bytes line, rest = head;
	int rc = 0;
	bool first = true;
	while (bytes_cut(&rest, '\n', &line) && rc >= 0) {
		if (line.n == 0)
			continue;
		rc = buf_put(out, line);
		if (first && rc >= 0 && bytes_find(line, B(" RTSP/")) == line.n)
			rc = buf_put(out, B(" RTSP/1.0"));
		if (rc >= 0)
			rc = buf_put(out, B("\r\n"));
		if (first && rc >= 0 && !has_header(head, B("CSeq")))
			rc = buf_printf(out, "CSeq: %u\r\n", cseq);
		first = false;
	}
	if (rc >= 0 && body.n && !has_header(head, B("Content-Length")))
		rc = buf_printf(out, "Content-Length: %zu\r\n", body.n);
	if (rc >= 0)
		rc = buf_put(out, B("\r\n"));
	return rc < 0 ? rc : buf_put(out, body);
}
