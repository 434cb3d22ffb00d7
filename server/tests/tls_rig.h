/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_TLS_RIG_H
#define SERVER_TESTS_TLS_RIG_H

#include "server/net/conn.h"
#include "server/net/tls.h"
#include "server/tests/certificate.h"

/*
 * Our server's side and our client's side, with a relay between them that passes on as many octets at
 * a time as the test wants, so that records and what OpenSSL reads of them break anywhere.
 */
struct tls_side {
	struct task task;
	struct conn conn;
	uint32_t events;
	bool deaf; /* does not read */
	struct buf got;
};

struct tls_rig {
	struct loop loop;
	struct tls_gate gate;
	struct tls_side server, client;
	int at_server, at_client; /* the relay's ends */
	struct tls_context *here, *there;
	uint64_t passed;
};

/* made once: a.example; *.b.example; RSA for 127.0.0.1 */
extern struct certificate tls_rig_pems[3];
/* stands, but where a test moves it */
extern tick_t tls_rig_now;
extern const struct task_ops tls_side_ops;
extern const struct conn_limits tls_rig_limits;
tick_t tls_rig_clock(void *arg);

/* A context with all three certificates, and one that trusts them. */
struct tls_context *tls_rig_server(void);
struct tls_context *tls_rig_client(bool insecure);

/* name: whom the client wants to find there; NULL: a server. Answers the relay's end. */
int tls_side_open(struct tls_rig *r, struct tls_side *s, const char *name);
/* name: whom the client wants to find there; NULL: no client, the test speaks. */
void tls_rig_open(struct tls_rig *r, const char *name);
void tls_rig_close(struct tls_rig *r);
/* Closes an end of the relay. */
void tls_rig_cut(int *fd);

/* Passes at most n octets on; an end is passed on, too. */
bool tls_rig_relay_one(struct tls_rig *r, int from, int to, size_t n);
void tls_rig_turns(struct tls_rig *r, int n);
/* Until nothing moves any more, n octets at a time. */
void tls_rig_relay(struct tls_rig *r, size_t n);
/* Has this, and no more, come there? */
bool tls_side_has(const struct tls_side *s, const char *text);
/* A word each way. */
void tls_rig_hello(struct tls_rig *r, size_t n);

#endif
