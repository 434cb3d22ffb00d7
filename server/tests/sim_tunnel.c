/* SPDX-License-Identifier: MIT */
#include "server/tests/sim_tunnel.h"

#include <stdio.h>
#include <sys/socket.h>

#include "server/tests/unit.h"

void pair_head(struct sim_client *c, const char *head, const char *cookie)
{
	char text[512];

	(void)snprintf(text, sizeof text, head, cookie);
	sim_send(c, text);
}

bool has_http(struct sim_client *c, int status)
{
	char line[64];
	(void)snprintf(line, sizeof line, "HTTP/1.0 %d ", status);

	sim_take(c);
	struct bytes in = buf_bytes(&c->in);
	size_t end = bytes_find(in, B("\r\n\r\n"));
	if (!bytes_has_prefix(in, bytes_str(line)) || end == in.n)
		return false;
	buf_drop(&c->in, end + 4);
	return true;
}

bool is_closed(struct sim_client *c)
{
	char octet;
	sim_take(c);
	return c->in.n == 0 && recv(c->fd, &octet, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
}

void pair_get(struct pair *p, struct sim *s, unsigned worker, const char *cookie)
{
	sim_connect(&p->get, s, worker);
	pair_head(&p->get, GET_HEAD, cookie);
}

void pair_post(struct pair *p, struct sim *s, unsigned worker, const char *cookie)
{
	sim_connect(&p->post, s, worker);
	pair_head(&p->post, POST_HEAD, cookie);
	p->get.post = p->post.fd;
}

void pair_open(struct pair *p, struct sim *s, const char *cookie)
{
	pair_get(p, s, 0, cookie);
	pair_post(p, s, s->server.n_workers - 1, cookie);
	CU_ASSERT(has_http(&p->get, 200));
}

void pair_close(struct pair *p)
{
	sim_hang_up(&p->get);
	sim_hang_up(&p->post);
}

uint64_t sim_sum(struct sim *s, size_t at)
{
	uint64_t n = 0;
	for (unsigned i = 0; i < s->server.n_workers; i++)
		n += *(const uint64_t *)(const void *)((const char *)&s->workers[i].stats + at);
	return n;
}

void sim_check_empty(struct sim *s)
{
	sim_run(s, 3 * TICK_S);
	CU_ASSERT_EQUAL(atomic_load(&s->server.connections), 0);
	CU_ASSERT_EQUAL(atomic_load(&s->server.tunnel_halves), 0);
	for (unsigned i = 0; i < s->server.n_workers; i++) {
		CU_ASSERT_EQUAL(atomic_load(&s->workers[i].n_connections), 0);
		CU_ASSERT_PTR_NULL(s->workers[i].tunnels);
	}
	CU_ASSERT_EQUAL(SUM(s, connections_closed), SUM(s, connections_accepted));
}
