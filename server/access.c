/* SPDX-License-Identifier: MIT */
#include "server/access.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "server/args.h"
#include "server/base/buf.h"
#include "server/base/os.h"
#include "server/modules/auth_sign.h"
#include "server/modules/auth_users.h"

enum { PASSWORD_MAX = 1024, LINE_MAX_BYTES = 4096, URL_MAX = 16384 };

bool access_is_flag(const char *arg, const char *name)
{
	size_t n = strlen(name);
	return strncmp(arg, name, n) == 0 && (arg[n] == '\0' || arg[n] == '=');
}

/* The value of "--name=value" or "--name value" at argv[*i]; NULL: another flag, or no value. */
static const char *value_of(int argc, char **argv, int *i, const char *name)
{
	size_t n = strlen(name);

	if (!access_is_flag(argv[*i], name))
		return NULL;
	if (argv[*i][n] == '=')
		return argv[*i] + n + 1;
	return *i + 1 < argc ? argv[++*i] : NULL;
}

/* ---- passwords ---- */

/* One line, without its end. False: there is none, or it is too long. */
static bool read_line(char *dst, size_t cap)
{
	if (!fgets(dst, (int)cap, stdin))
		return false;
	size_t n = strcspn(dst, "\n");
	bool is_whole = dst[n] == '\n' || n + 1 < cap;
	dst[n] = '\0';
	if (n && dst[n - 1] == '\r')
		dst[n - 1] = '\0';
	return is_whole;
}

static bool ask(const char *prompt, char *dst, size_t cap)
{
	struct termios was, quiet;
	bool is_terminal = tcgetattr(STDIN_FILENO, &was) == 0;

	if (!is_terminal)
		return read_line(dst, cap);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, stderr);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet); /* at worst it is seen by who types it */
	bool good = read_line(dst, cap);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputs("\n", stderr);
	return good;
}

/* NULL, or why there is no password. */
static const char *read_password(char *dst, size_t cap)
{
	char again[PASSWORD_MAX];

	if (!ask("Password: ", dst, cap) || !*dst)
		return "no password was given, or too long a one";
	if (!isatty(STDIN_FILENO))
		return NULL;
	bool is_same = ask("Again: ", again, sizeof again) && strcmp(dst, again) == 0;
	explicit_bzero(again, sizeof again);
	return is_same ? NULL : "these are two passwords";
}

static int print(struct buf *text)
{
	fwrite(buf_bytes(text).p, 1, text->n, stdout);
	buf_clear(text);
	return fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
}

int access_hash_password(int argc, char **argv)
{
	char password[PASSWORD_MAX];
	struct bytes realm, user;
	struct buf line;
	int i = 1;
	const char *who = value_of(argc, argv, &i, "--hash-password");

	if (!who || i != argc - 1)
		return args_complain("usage: --hash-password USER[:REALM], and nothing else");
	realm = bytes_str(who);
	if (!bytes_cut(&realm, ':', &user))
		user = realm;
	if (realm.n == 0)
		realm = B("Beagle");
	const char *why = read_password(password, sizeof password);
	if (why)
		return args_complain(why);
	buf_init(&line, LINE_MAX_BYTES);
	int err = auth_user_line(user, realm, bytes_str(password), &line);
	explicit_bzero(password, sizeof password);
	if (!err)
		return print(&line);
	buf_clear(&line);
	return args_complain("a user's name is 1 to 63 octets long, without ':', and no '#' first");
}

/* ---- signed URLs ---- */

struct order {
	const char *url, *expires, *client, *key;
};

static bool read_order(int argc, char **argv, struct order *o)
{
	const struct {
		const char *name, **to;
	} rows[] = { { "--sign-url", &o->url }, { "--expires", &o->expires },
		{ "--client", &o->client }, { "--auth-sign-key", &o->key } };

	*o = (struct order){ 0 };
	for (int i = 1; i < argc; i++) {
		const char *value = NULL;
		for (size_t k = 0; k < COUNT(rows) && !value; k++) {
			value = value_of(argc, argv, &i, rows[k].name);
			if (value)
				*rows[k].to = value;
		}
		if (!value)
			return false;
	}
	return o->url && o->expires && o->key;
}

/* "3600": from now on; "@1767225600": then. */
static bool read_time(const char *text, int64_t *t)
{
	bool is_absolute = *text == '@';
	uint64_t v;

	if (!bytes_to_u64(bytes_str(text + is_absolute), INT64_C(1) << 40, &v))
		return false;
	*t = (int64_t)v + (is_absolute ? 0 : os_realtime() / TICK_S);
	return true;
}

int access_sign_url(int argc, char **argv)
{
	char why[AUTH_WHY];
	struct auth_key key;
	struct addr client;
	struct order o;
	struct buf url;
	int64_t expires;

	if (!read_order(argc, argv, &o))
		return args_complain("usage: --sign-url URL --expires SECONDS|@UNIX "
				     "[--client ADDRESS] --auth-sign-key FILE");
	if (!read_time(o.expires, &expires))
		return args_complain("--expires: seconds from now, or '@' and seconds since 1970");
	if (o.client && addr_read(&client, o.client, 0) != 0)
		return args_complain("--client must be an IP address");
	if (auth_key_read(&key, NULL, o.key, why) != 0)
		return args_complain(why);
	buf_init(&url, URL_MAX);
	int err = auth_sign_url(&key, bytes_str(o.url), expires, o.client ? &client : NULL, &url);
	auth_key_clear(&key);
	if (!err)
		err = buf_put(&url, B("\n"));
	if (!err)
		return print(&url);
	buf_clear(&url);
	return args_complain("--sign-url: this is no RTSP URL, or one that is signed already");
}
