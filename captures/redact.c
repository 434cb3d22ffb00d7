/* SPDX-License-Identifier: MIT */
#include "captures/redact.h"

#include "server/base/err.h"

/* Headers whose value is a credential. */
static const char *const credentials[] = { "authorization", "proxy-authorization",
	"authentication-info", "proxy-authentication-info", "cookie", "set-cookie" };
/* Parts of a name that tell a secret. */
static const char *const secrets[] = { "passw", "pwd", "token", "secret", "apikey", "api_key",
	"api-key", "auth", "credential", "signature", "sig", "accesskey", "access_key" };

static bool is_one_of(struct bytes name, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes_is_ieq(name, bytes_str(list[i])))
			return true;
	return false;
}

/* Does the name hold one of the words? "sig" and "auth" must be the name itself. */
static bool is_secret(struct bytes name)
{
	for (size_t i = 0; i < COUNT(secrets); i++) {
		struct bytes word = bytes_str(secrets[i]);
		if (word.n <= 4 ? bytes_is_ieq(name, word) : false)
			return true;
		for (size_t at = 0; word.n > 4 && at + word.n <= name.n; at++)
			if (bytes_has_iprefix(bytes_sub(name, at, word.n), word))
				return true;
	}
	return bytes_is_ieq(name, B("key")) || bytes_is_ieq(name, B("pass"));
}

static bool is_url_end(uint8_t c)
{
	return c <= ' ' || c == '"' || c == '<' || c == '>' || c == ',' || c == ';';
}

static size_t until(struct bytes b, size_t at, const char *also)
{
	while (at < b.n && !is_url_end(b.p[at])) {
		for (const char *s = also; *s; s++)
			if (b.p[at] == (uint8_t)*s)
				return at;
		at++;
	}
	return at;
}

/* Offset behind the user part of the URL whose authority begins at `at`; `at` when there is none. A
 * password may hold '@' and ':'; the last '@' before the path counts. */
static size_t user_end(struct bytes b, size_t at)
{
	size_t end = until(b, at, "/?#");
	for (size_t i = end; i > at; i--)
		if (b.p[i - 1] == '@')
			return i - 1;
	return at;
}

/* A query from '?' or '&' on: names stay, secret values go. *at moves behind what was written. */
static int put_parameter(struct bytes b, size_t *at, struct buf *out)
{
	size_t end = until(b, *at + 1, "=&#");
	struct bytes name = bytes_sub(b, *at + 1, end - *at - 1);
	int err = buf_put(out, bytes_sub(b, *at, end - *at));

	*at = end;
	if (err || end >= b.n || b.p[end] != '=' || !is_secret(name))
		return err;
	*at = until(b, end, "&#");
	return buf_put(out, B("=***"));
}

int redact_text(struct bytes b, struct buf *out)
{
	size_t at = 0, done = 0;
	int err = 0;

	while (at < b.n && !err) {
		if (bytes_has_prefix(bytes_sub(b, at, 3), B("://"))) {
			size_t from = at + 3, user = user_end(b, from);
			err = buf_put(out, bytes_sub(b, done, from - done));
			if (!err && user > from)
				err = buf_put(out, B("***"));
			at = done = user;
		} else if (b.p[at] == '?' || b.p[at] == '&') {
			err = buf_put(out, bytes_sub(b, done, at - done));
			if (!err)
				err = put_parameter(b, &at, out);
			done = at;
		} else {
			at++;
		}
	}
	return err ? err : buf_put(out, bytes_sub(b, done, b.n));
}

/* "Digest username=…" becomes "Digest ***". */
static int put_credential(struct bytes line, size_t colon, struct bytes eol, struct buf *out)
{
	struct bytes value = bytes_trim(bytes_sub(line, colon + 1, line.n));
	size_t space = bytes_index(value, ' ');
	int err = buf_put(out, bytes_sub(line, 0, colon + 1));

	if (!err && space < value.n)
		err = buf_printf(out, " %.*s", BYTES_FMT(bytes_sub(value, 0, space)));
	if (!err)
		err = buf_put(out, B(" ***"));
	return err ? err : buf_put(out, eol);
}

static int put_line(
	struct bytes line, struct bytes eol, bool is_head, struct buf *out, bool *is_cut)
{
	size_t colon = bytes_index(line, ':');
	struct bytes name = bytes_trim(bytes_sub(line, 0, colon));
	int err;

	/* a folded line goes with the header it continues */
	if (is_head && *is_cut && line.n && (line.p[0] == ' ' || line.p[0] == '\t'))
		return 0;
	*is_cut = false;
	if (colon < line.n &&
		(is_one_of(name, credentials, COUNT(credentials)) || is_secret(name))) {
		*is_cut = true;
		return put_credential(line, colon, eol, out);
	}
	if (!is_head && bytes_has_prefix(line, B("k="))) {
		err = buf_put(out, B("k=***"));
		return err ? err : buf_put(out, eol);
	}
	size_t key = bytes_find(line, B("inline:"));
	if (!is_head && bytes_has_prefix(line, B("a=crypto:")) && key < line.n) {
		err = buf_put(out, bytes_sub(line, 0, key));
		err = err ? err : buf_put(out, B("inline:***"));
		return err ? err : buf_put(out, eol);
	}
	err = redact_text(line, out);
	return err ? err : buf_put(out, eol);
}

static bool is_text(struct bytes b)
{
	for (size_t i = 0; i < b.n; i++)
		if (b.p[i] < ' ' && b.p[i] != '\r' && b.p[i] != '\n' && b.p[i] != '\t')
			return false;
	return true;
}

int redact_message(struct bytes whole, struct buf *out)
{
	bool is_head = true, is_cut = false;
	size_t at = 0;
	int err = 0;

	while (at < whole.n && !err) {
		struct bytes rest = bytes_sub(whole, at, whole.n), line, eol;
		size_t nl = bytes_index(rest, '\n'), end = nl < rest.n ? nl : rest.n;

		if (!is_head && !is_text(rest))
			return buf_put(out, rest);
		if (end && rest.p[end - 1] == '\r')
			end--;
		line = bytes_sub(rest, 0, end);
		eol = bytes_sub(rest, end, nl < rest.n ? nl + 1 - end : rest.n - end);
		err = put_line(line, eol, is_head, out, &is_cut);
		if (line.n == 0)
			is_head = false;
		at += line.n + eol.n;
	}
	return err;
}
