/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "server/fuzz/holds.h"
#include "server/wire/auth.h"

/*
 * Authorization and WWW-Authenticate: the first byte chooses which. A challenge that was understood can be
 * written and reads back the same, and its answer is read as what was meant.
 */

static void on_credentials(struct bytes in, struct arena *a)
{
	struct auth_credentials c;

	if (auth_read(in, a, &c) != 0)
		return;
	HOLDS(c.scheme != AUTH_DIGEST || c.response.n == 2 * auth_hash_size(c.hash));
	HOLDS(c.scheme != AUTH_DIGEST || !c.has_qop || c.nc.n == 8);
	HOLDS(c.scheme != AUTH_BASIC || bytes_index(c.user, ':') == c.user.n);
}

static void answer(const struct auth_challenge *ch, struct arena *a)
{
	const struct auth_login l = { B("anna"), B("pass\"word"), B("cnonce"), 7 };
	struct auth_credentials c;
	struct buf out;

	buf_init(&out, 1 << 16);
	int err = auth_answer_write(ch, &l, B("PLAY"), B("rtsp://h/a"), &out);
	HOLDS(err == 0 || err == ERR_SYNTAX || err == ERR_UNSUPPORTED || err == ERR_LIMIT);
	if (err == 0) {
		HOLDS(auth_read(buf_bytes(&out), a, &c) == 0 && c.scheme == ch->scheme);
		HOLDS(bytes_is_eq(c.user, l.user));
		HOLDS(c.scheme != AUTH_DIGEST || (c.hash == ch->hash && c.has_qop == ch->has_qop &&
							 bytes_is_eq(c.nonce, ch->nonce)));
	} else {
		HOLDS(out.n == 0);
	}
	buf_clear(&out);
}

static void on_challenges(struct bytes in, struct arena *a)
{
	struct auth_challenge c, again;

	while (auth_challenge_next(&in, a, &c) == 1) {
		struct buf out;
		buf_init(&out, 1 << 16);
		if (auth_challenge_write(&c, &out) == 0) {
			struct bytes v = buf_bytes(&out);
			HOLDS(auth_challenge_next(&v, a, &again) == 1 && again.scheme == c.scheme);
			HOLDS(bytes_is_eq(again.realm, c.realm));
			HOLDS(c.scheme != AUTH_DIGEST || bytes_is_eq(again.nonce, c.nonce));
		}
		buf_clear(&out);
		answer(&c, a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };

	if (size == 0)
		return 0;
	struct bytes in = bytes_of(data + 1, size - 1);
	if (data[0] & 1)
		on_challenges(in, &a);
	else
		on_credentials(in, &a);
	arena_clear(&a);
	return 0;
}
