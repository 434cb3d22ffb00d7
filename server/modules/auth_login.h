/* SPDX-License-Identifier: MIT */
#ifndef SERVER_MODULES_AUTH_LOGIN_H
#define SERVER_MODULES_AUTH_LOGIN_H

#include <pthread.h>

#include "server/core/module.h"
#include "server/core/rtsp_txn.h"
#include "server/modules/auth_data.h"
#include "server/modules/auth_nonce.h"

/*
 * Logging in: challenges, and the credentials that answer them. An address with wrong logins behind it waits
 * before it is answered; how many wait is bounded (auth_waiting_max, auth_waiting_per_address). All workers
 * use one of these.
 */
enum { AUTH_WAITING_MAX = 1024 }; /* as pref auth_waiting_max says */

struct auth_logins {
	struct auth_nonces *nonces;
	uint8_t nobody[AUTH_OCTETS]; /* HA1 of users that there are not */
	struct log_limit warned;
	pthread_mutex_t lock; /* of those that wait */
	struct addr waiting[AUTH_WAITING_MAX];
	size_t n_waiting;
};

void auth_logins_init(struct auth_logins *a, const struct prefs *p);
void auth_logins_clear(struct auth_logins *a);

/* Of a request whose login waits. All zeroes: it does not. */
struct auth_held {
	tick_t until; /* 0: it does not */
	struct addr host;
};

/* Looks at an Authorization header. MOD_PASS: t->user is who has logged in, or it is of a scheme that means
 * nothing to us; MOD_DONE: refused, answered; MOD_WAIT: at t->wake_at again, with the same *h. */
enum verdict auth_logins_try(struct auth_logins *a, const struct auth_data *d, struct rtsp_txn *t,
	struct auth_held *h, struct bytes value);
/* The request waits no longer (h->until != 0). */
void auth_logins_leave(struct auth_logins *a, struct auth_held *h);

/* 401 with all that may be offered; 403 if there is nothing with which one could log in. Counts in
 * *counter. MOD_DONE. */
enum verdict auth_logins_challenge(struct auth_logins *a, const struct auth_data *d,
	struct rtsp_txn *t, bool is_stale, uint64_t *counter);
/* Answers with this status and counts. MOD_DONE. */
enum verdict auth_refuse(struct rtsp_txn *t, int status, uint64_t *counter);

/* Does the uri of a Digest answer name what the request names? */
bool auth_is_same_resource(const struct rtsp_txn *t, struct bytes uri);

#endif
