/* SPDX-License-Identifier: MIT */
#define ERR_STATE OPENSSL_ERR_STATE /* a type of theirs, an error of ours */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "server/modules/auth_nonce.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "server/base/os.h"
#include "server/modules/auth_users.h"

enum { TIME_BYTES = 8, ID_BYTES = 16, MAC_BYTES = 16 };
_Static_assert(2 * (ID_BYTES + MAC_BYTES) + 1 == AUTH_NONCE, "as hex");

/* A nonce that was used. */
struct used {
	uint8_t id[ID_BYTES]; /* when, and chance */
	char user[AUTH_NAME_MAX + 1];
	uint32_t most;   /* highest count */
	uint64_t window; /* bit i: most - i was used */
	UT_hash_handle hh;
};

struct auth_nonces {
	uint8_t secret[AUTH_SECRET];
	pthread_mutex_t lock;
	uint32_t max;
	struct used *by_id; /* in the order of their first use */
	int64_t given_up;   /* nonces up to then that are not in the table have been */
};

struct auth_nonces *auth_nonces_new(uint32_t entries, const uint8_t *secret)
{
	struct auth_nonces *n = xcalloc(1, sizeof *n);

	memcpy(n->secret, secret, sizeof n->secret);
	n->max = entries;
	n->given_up = INT64_MIN;
	pthread_mutex_init(&n->lock, NULL);
	return n;
}

void auth_nonces_free(struct auth_nonces *n)
{
	struct used *x, *next;

	if (!n)
		return;
	HASH_ITER(hh, n->by_id, x, next)
	{
		HASH_DEL(n->by_id, x);
		free(x);
	}
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static void mac_of(
	const struct auth_nonces *n, const uint8_t *id, const struct addr *host, uint8_t *mac)
{
	uint8_t text[ID_BYTES + ADDR_TEXT] = { 0 }, whole[EVP_MAX_MD_SIZE];

	memcpy(text, id, ID_BYTES);
	(void)addr_host_text(host, (char *)text + ID_BYTES);
	if (!HMAC(EVP_sha256(), n->secret, sizeof n->secret, text, sizeof text, whole, NULL))
		die("HMAC is not to be had from libcrypto");
	memcpy(mac, whole, MAC_BYTES);
}

void auth_nonce_make(
	const struct auth_nonces *n, const struct addr *to, int64_t at, uint64_t random, char *dst)
{
	uint8_t octets[ID_BYTES + MAC_BYTES];

	put_be64(octets, (uint64_t)at);
	put_be64(octets + TIME_BYTES, random);
	mac_of(n, octets, to, octets + ID_BYTES);
	auth_hex(octets, sizeof octets, dst);
}

/* Ours, and given to this host; its id and time. */
static bool is_ours(const struct auth_nonces *n, struct bytes nonce, const struct addr *from,
	uint8_t *id, int64_t *made)
{
	uint8_t octets[ID_BYTES + MAC_BYTES], mac[MAC_BYTES];

	if (!auth_unhex(nonce, octets, sizeof octets))
		return false;
	mac_of(n, octets, from, mac);
	memcpy(id, octets, ID_BYTES);
	*made = (int64_t)be64(octets);
	return auth_is_equal(bytes_of(mac, sizeof mac), bytes_of(octets + ID_BYTES, sizeof mac));
}

/* Counts may come out of order over several connections, but not twice (2617 3.2.2). */
static bool take_count(struct used *x, uint32_t count)
{
	if (count > x->most) {
		uint32_t ahead = count - x->most;
		x->window = ahead < AUTH_COUNT_WINDOW ? x->window << ahead : 0;
		x->window |= 1;
		x->most = count;
		return true;
	}
	uint32_t behind = x->most - count;
	if (count == 0 || behind >= AUTH_COUNT_WINDOW || x->window & UINT64_C(1) << behind)
		return false;
	x->window |= UINT64_C(1) << behind;
	return true;
}

static void give_up_oldest(struct auth_nonces *n)
{
	struct used *x = n->by_id;
	int64_t made = (int64_t)be64(x->id);

	n->given_up = made > n->given_up ? made : n->given_up;
	HASH_DEL(n->by_id, x);
	free(x);
}

/* With the lock held. */
static enum auth_nonce_answer use(
	struct auth_nonces *n, const uint8_t *id, int64_t made, const char *user, int64_t count)
{
	struct used *x;

	HASH_FIND(hh, n->by_id, id, ID_BYTES, x);
	if (!x) {
		if (made <= n->given_up)
			return NONCE_STALE;
		if (HASH_COUNT(n->by_id) >= n->max)
			give_up_oldest(n);
		x = xcalloc(1, sizeof *x);
		memcpy(x->id, id, ID_BYTES);
		(void)snprintf(x->user, sizeof x->user, "%s", user);
		HASH_ADD(hh, n->by_id, id, ID_BYTES, x);
	}
	return count < 0 || take_count(x, (uint32_t)count) ? NONCE_GOOD : NONCE_REPLAYED;
}

enum auth_nonce_answer auth_nonce_use(struct auth_nonces *n, struct bytes nonce,
	const struct addr *from, int64_t at, int64_t lifetime, const char *user, int64_t count)
{
	uint8_t id[ID_BYTES];
	int64_t made;

	if (!is_ours(n, nonce, from, id, &made) || at - made >= lifetime)
		return NONCE_STALE;
	pthread_mutex_lock(&n->lock);
	enum auth_nonce_answer a = use(n, id, made, user, count);
	pthread_mutex_unlock(&n->lock);
	return a;
}

bool auth_nonce_is_of(struct auth_nonces *n, struct bytes nonce, struct bytes user)
{
	uint8_t octets[ID_BYTES + MAC_BYTES];
	struct used *x;

	if (!auth_unhex(nonce, octets, sizeof octets))
		return false;
	pthread_mutex_lock(&n->lock);
	HASH_FIND(hh, n->by_id, octets, ID_BYTES, x);
	bool is_his = x && bytes_is_eq(bytes_str(x->user), user);
	pthread_mutex_unlock(&n->lock);
	return is_his;
}
