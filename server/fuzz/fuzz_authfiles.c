/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "server/fuzz/holds.h"
#include "server/modules/auth_rules.h"
#include "server/modules/auth_sign.h"
#include "server/wire/url.h"

/*
 * The files of mod_auth, and signed URLs: the first byte chooses which. Rules answer as their header says,
 * whoever asks; a signature opens what was signed, and nothing else does.
 */
enum { NOW = 1000, LATER = 2000 };

static void on_users(struct bytes in)
{
	struct auth_users u, again;
	char why[AUTH_WHY] = "";
	struct buf line;

	int err = auth_users_parse(&u, in, "f", B("Beagle"), why);
	HOLDS((err == 0) == (why[0] == '\0'));
	for (const struct auth_user *x = u.by_name; !err && x; x = x->hh.next) {
		HOLDS(x->name[0] && auth_users_find(&u, bytes_str(x->name)) == x);
		HOLDS(x->has[AUTH_MD5] || x->has[AUTH_SHA256]);
		for (int h = 0; h < AUTH_HASH_COUNT; h++)
			HOLDS(x->has[h] || !u.all_have[h]);
	}
	auth_users_clear(&u);

	/* a name that a line can be made of is found by it again */
	buf_init(&line, 4096);
	struct bytes name = bytes_sub(in, 0, bytes_index(in, '\n'));
	if (auth_user_line(name, B("Beagle"), B("x"), &line) == 0) {
		HOLDS(auth_users_parse(&again, buf_bytes(&line), "f", B("Beagle"), why) == 0);
		HOLDS(auth_users_find(&again, name) && again.all_have[AUTH_SHA256]);
		auth_users_clear(&again);
	}
	buf_clear(&line);
}

static void on_groups(struct bytes in)
{
	struct auth_groups g;
	char why[AUTH_WHY] = "";

	int err = auth_groups_parse(&g, in, "f", why);
	HOLDS((err == 0) == (why[0] == '\0'));
	HOLDS(!auth_groups_have(&g, B("staff"), B("anna")) || auth_groups_know(&g, B("staff")));
	auth_groups_clear(&g);
}

static void ask_all(const struct auth_rules *r, const char *path, const struct addr *peer)
{
	static const char *const names[] = { "anna", "bert", "nobody", "valid-user", "@staff" };

	for (int action = 0; action < ACTION_COUNT; action++) {
		struct auth_ask a = {
			.path = path, .action = (enum rtsp_action)action, .peer = peer
		};
		enum auth_answer anybody = auth_rules_ask(r, &a);
		for (size_t i = 0; i < COUNT(names); i++) {
			a.user = bytes_str(names[i]);
			enum auth_answer known = auth_rules_ask(r, &a);
			HOLDS(known != AUTH_LOGIN);
			HOLDS(anybody == AUTH_LOGIN || known == anybody);
		}
		a.user = (struct bytes){ 0 };
		a.by_signature = true;
		enum auth_answer by_sign = auth_rules_ask(r, &a);
		HOLDS(action == ACTION_READ ? by_sign != AUTH_LOGIN : by_sign == anybody);
		HOLDS(anybody == AUTH_LOGIN || by_sign == anybody);
	}
}

static void on_rules(struct bytes in)
{
	static const char *const paths[] = { "/", "/films", "/films/new", "/films/new/a.mp4",
		"/f" };
	struct auth_groups g;
	struct addr peer, other;
	char why[AUTH_WHY] = "";

	HOLDS(auth_groups_parse(&g, B("staff: anna\n"), "g", why) == 0);
	HOLDS(addr_read(&peer, "10.6.6.6", 0) == 0 && addr_read(&other, "::1", 0) == 0);
	struct auth_rules *r = auth_rules_parse(in, "f", &g, why);
	HOLDS((r != NULL) == (why[0] == '\0'));
	for (size_t i = 0; r && i < COUNT(paths); i++) {
		ask_all(r, paths[i], &peer);
		ask_all(r, paths[i], &other);
	}
	auth_rules_free(r);
	auth_groups_clear(&g);
}

static enum auth_signature check(
	const struct auth_key *k, struct bytes url, const struct addr *peer, int64_t now)
{
	char path[TXN_PATH];
	struct fault f;
	struct url u;
	int64_t until = 0;

	HOLDS(url_read(url, &u, &f) == 0 && url_path_decode(u.path, path, sizeof path) == 0);
	return auth_sign_check(k, u.query, path, peer, now, &until);
}

static void on_signed(const struct auth_key *k, struct buf *b, bool is_bound)
{
	struct addr peer, other;
	struct bytes url = buf_bytes(b);

	HOLDS(addr_read(&peer, "10.6.6.6", 0) == 0 && addr_read(&other, "::1", 0) == 0);
	HOLDS(check(k, url, &peer, NOW) == SIGN_GOOD);
	HOLDS(check(k, url, &peer, LATER) == SIGN_EXPIRED);
	HOLDS(check(k, url, &other, NOW) == (is_bound ? SIGN_WRONG : SIGN_GOOD));
	uint8_t *last = (uint8_t *)(uintptr_t)url.p + url.n - 1;
	*last = *last == '0' ? '1' : '0';
	HOLDS(check(k, url, &peer, NOW) == SIGN_WRONG);
}

/* What the query of a request is: nobody who has no key can make a good one. Then the same as a URL to sign. */
static void on_query(struct bytes in, const struct auth_key *k, bool is_bound)
{
	struct bytes query = in, path = { 0 };
	char text[TXN_PATH];
	struct addr peer;
	struct buf b;
	int64_t until;

	HOLDS(addr_read(&peer, "10.6.6.6", 0) == 0);
	(void)bytes_cut(&query, '?', &path);
	if (url_path_decode(path, text, sizeof text) == 0)
		HOLDS(auth_sign_check(k, query, text, &peer, NOW, &until) != SIGN_GOOD);
	buf_init(&b, 1 << 17);
	int err = auth_sign_put_public(query, &b);
	HOLDS(err == 0 || err == ERR_LIMIT);
	HOLDS(bytes_find(buf_bytes(&b), B("&sig=0")) == b.n);
	buf_clear(&b);
	buf_init(&b, 1 << 17);
	if (buf_put(&b, B("rtsp://h/")) == 0 && buf_put(&b, in) == 0) {
		struct buf out;
		buf_init(&out, 1 << 18);
		if (auth_sign_url(k, buf_bytes(&b), LATER, is_bound ? &peer : NULL, &out) == 0)
			on_signed(k, &out, is_bound);
		buf_clear(&out);
	}
	buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t secret[32] = "a key of thirty-two octets, no 1";
	const struct auth_key key = { secret, sizeof secret };

	if (size == 0)
		return 0;
	struct bytes in = bytes_of(data + 1, size - 1);
	switch (data[0] % 5) {
	case 0: on_users(in); break;
	case 1: on_groups(in); break;
	case 2: on_rules(in); break;
	default: on_query(in, &key, data[0] % 5 == 4); break;
	}
	return 0;
}
