/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_SIM_AUTH_H
#define SERVER_TESTS_SIM_AUTH_H

#include "server/tests/sim.h"

/* mod_auth in a whole server, in virtual time. The client's side of wire/auth.h logs in; server/tests/auth.sh does
 * so with code that is not ours. */

/* For SETUP over UDP; a whole line. */
#define SIM_AUTH_UDP "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n"

/* A server with files of users, rules and a key in a folder of its own: anna (secret) and bert (b3rt). Reading
 * is for both; /pattern/2t is for anyone, /pattern/500k for bert, /pattern/50p for nobody. */
struct place {
	struct sim s;
	char folder[64], users[96], rules[96], key[96];
	struct module *auth;
};

void place_open(struct place *p, unsigned workers);
void place_close(struct place *p);

/* A file of the place anew; it counts after place_reload. */
void place_write(const char *path, const char *text);
void place_reload(struct place *p);
/* A preference of text. */
void place_set(char **pref, const char *text);
/* The counters of all workers. */
struct stats place_stats(struct place *p);

/* A request for the server itself. */
int sim_ask_star(struct sim_client *c, const char *method);

/* A client that logs in. */
struct user {
	struct sim_client c;
	const char *name, *password;
	char *challenge; /* kept text of the last WWW-Authenticate that it goes by */
	bool wants_md5, has_no_qop;
	uint32_t count;
	char header[1024]; /* the last Authorization line */
};

void user_connect(struct user *u, struct place *p, unsigned worker, const char *host,
	const char *name, const char *password);
void user_close(struct user *u);
/* Keeps the best challenge of the last reply. */
void user_hear(struct user *u);
/* Makes the header for a request of this URI. */
void user_answer(struct user *u, const char *method, const char *uri);
/* With what it has; `more` are whole lines. */
int user_ask_once(struct user *u, const char *method, const char *path, const char *more);
/* As user_ask_once, where no answer may come: 0. */
int user_try_once(struct user *u, const char *path);
/* As players do: once more after a challenge. */
int user_ask(struct user *u, const char *method, const char *path, const char *more);
/* SETUP over UDP; notes the session. */
int user_setup(struct user *u, const char *path);
/* Does the last challenge say so? */
bool user_is_stale(struct user *u);

#endif
