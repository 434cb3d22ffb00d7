/* SPDX-License-Identifier: MIT */
#ifndef SERVER_TESTS_SIM_TUNNEL_H
#define SERVER_TESTS_SIM_TUNNEL_H

#include "server/tests/sim.h"

/* Clients of HTTP tunnels in virtual time. */

#define GET_HEAD                                                                           \
	"GET /pattern?a=b HTTP/1.1\r\nHost: a\r\nAccept: application/x-rtsp-tunnelled\r\n" \
	"x-sessioncookie: %s\r\nPragma: no-cache\r\n\r\n"
#define POST_HEAD                                                                        \
	"POST /pattern?a=b HTTP/1.0\r\nX-SessionCookie: %s\r\nContent-Length: 32767\r\n" \
	"Content-Type: application/x-rtsp-tunnelled\r\n\r\n"

/* Both halves of a client. What `get` asks leaves over `post`, in base64. */
struct pair {
	struct sim_client get, post;
};

/* Sends a head (printf, one %s) with this cookie. */
void pair_head(struct sim_client *c, const char *head, const char *cookie);
void pair_get(struct pair *p, struct sim *s, unsigned worker, const char *cookie);
void pair_post(struct pair *p, struct sim *s, unsigned worker, const char *cookie);
/* GET on the first worker, POST on the last; the GET's answer is taken. */
void pair_open(struct pair *p, struct sim *s, const char *cookie);
void pair_close(struct pair *p);
/* Is an HTTP answer there, with this status and ended by an empty line? Takes it off. */
bool has_http(struct sim_client *c, int status);
/* Has the server closed its side, with nothing more to read? */
bool is_closed(struct sim_client *c);

/* A counter over all workers. */
uint64_t sim_sum(struct sim *s, size_t at);
#define SUM(s, name) sim_sum(s, offsetof(struct stats, name))
/* The clients have gone: nothing of them is left, and every connection ended once. */
void sim_check_empty(struct sim *s);

#endif
