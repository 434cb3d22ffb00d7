/* SPDX-License-Identifier: MIT */
#include "conformance/link.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/err.h"
#include "server/base/os.h"

enum { READ_BYTES = 65536, IN_MAX = 20 << 20, READS_PER_TURN = 64 };

void links_init(struct links *l, const struct sockaddr_storage *addr, socklen_t addr_len,
	struct media *media, struct ox_session *ox)
{
	*l = (struct links){ .addr = *addr, .addr_len = addr_len, .media = media, .ox = ox };
	for (size_t i = 0; i < LINK_PAIRS; i++)
		l->pairs[i] = (struct link_pair){ .fd = { -1, -1 } };
	trace_init(&l->trace);
	l->zero = os_now();
}

static void conn_free(struct link_conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd); /* the case is over */
	buf_clear(&c->in);
	buf_clear(&c->out_seen);
	for (size_t i = 0; i < c->n_inbox; i++)
		free((void *)(uintptr_t)c->inbox[i].b.p);
	free(c->inbox);
	free(c);
}

void links_clear(struct links *l)
{
	for (size_t i = 0; i < l->n_conns; i++)
		conn_free(l->conns[i]);
	for (size_t i = 0; i < LINK_PAIRS; i++) {
		for (size_t k = 0; k < 2; k++) {
			if (l->pairs[i].fd[k] >= 0)
				(void)close(l->pairs[i].fd[k]); /* UDP: nothing to lose */
		}
	}
	l->n_conns = 0;
	trace_clear(&l->trace);
}

/* ---- what is told to trace and oracle ---- */

static void traced(
	struct links *l, enum trace_kind kind, int conn, bool from_client, struct bytes b)
{
	struct trace_event e = { .at = os_now() - l->zero,
		.kind = kind,
		.from_client = from_client,
		.conn = conn,
		.client_port = l->conns[conn]->local_port };
	trace_add(&l->trace, &e, b);
}

static void told(struct links *l, struct ox_event e)
{
	e.time = os_now() - l->zero;
	if (l->ox)
		ox_session_event(l->ox, &e);
}

static void told_close(struct links *l, int conn, bool from_client, bool reset)
{
	traced(l, reset ? TRACE_RESET : TRACE_CLOSE, conn, from_client, (struct bytes){ 0 });
	told(l, (struct ox_event){ .kind = OX_EVENT_CLOSE,
			.from_client = from_client,
			.connection = (unsigned)conn });
}

static enum ox_event_kind event_of(enum ox_unit_kind kind)
{
	static const enum ox_event_kind kinds[] = {
		[OX_UNIT_MESSAGE] = OX_EVENT_MESSAGE,
		[OX_UNIT_FRAME] = OX_EVENT_FRAME,
		[OX_UNIT_BLANK] = OX_EVENT_BLANK,
		[OX_UNIT_GARBAGE] = OX_EVENT_GARBAGE,
	};
	return kinds[kind];
}

static void told_unit(struct links *l, int conn, bool from_client, const struct ox_unit *u)
{
	told(l, (struct ox_event){ .kind = event_of(u->kind),
			.from_client = from_client,
			.connection = (unsigned)conn,
			.channel = u->channel,
			.b = u->kind == OX_UNIT_FRAME ? u->payload : u->b });
}

/* ---- receiving ---- */

static void keep_message(struct link_conn *c, struct bytes b, bool is_garbage)
{
	if (c->n_inbox == LINK_MESSAGES)
		return;
	if ((c->n_inbox & (c->n_inbox - 1)) == 0)
		c->inbox =
			xrealloc(c->inbox, (c->n_inbox ? 2 * c->n_inbox : 1) * sizeof(*c->inbox));
	uint8_t *copy = xmalloc(b.n + 1);
	if (b.n)
		memcpy(copy, b.p, b.n);
	copy[b.n] = 0;
	c->inbox[c->n_inbox++] = (struct link_message){ os_now(), { copy, b.n }, is_garbage };
}

static void take_frame(struct links *l, struct link_conn *c, const struct ox_unit *u)
{
	int to = c->channel[u->channel];
	if (to < 0)
		l->unknown_frames++;
	else if (to & 1)
		media_add_rtcp(l->media, (size_t)to / 2, u->payload, 0, os_now());
	else
		media_add_rtp(l->media, (size_t)to / 2, u->payload, 0, os_now());
}

static void take_unit(struct links *l, int conn, const struct ox_unit *u)
{
	struct link_conn *c = l->conns[conn];
	told_unit(l, conn, false, u);
	switch (u->kind) {
	case OX_UNIT_MESSAGE: keep_message(c, u->b, u->truncated); break;
	case OX_UNIT_FRAME: take_frame(l, c, u); break;
	case OX_UNIT_GARBAGE: keep_message(c, u->b, true); break;
	case OX_UNIT_BLANK: break;
	}
}

static void take_units(struct links *l, int conn, bool ended)
{
	struct link_conn *c = l->conns[conn];
	struct ox_unit u;
	ptrdiff_t n;
	while ((n = ox_split_next(&c->in_split, buf_bytes(&c->in), ended, &u)) > 0) {
		take_unit(l, conn, &u);
		buf_drop(&c->in, (size_t)n);
	}
}

static void read_conn(struct links *l, int conn)
{
	struct link_conn *c = l->conns[conn];
	for (int i = 0; i < READS_PER_TURN && !c->ended; i++) {
		uint8_t *room = buf_room(&c->in, READ_BYTES);
		ssize_t n = room ? recv(c->fd, room, READ_BYTES, MSG_DONTWAIT) : -1;
		if (n > 0) {
			buf_grew(&c->in, (size_t)n);
			traced(l, TRACE_TCP, conn, false, bytes_of(room, (size_t)n));
			take_units(l, conn, false);
			continue;
		}
		if (n < 0 && room && (errno == EAGAIN || errno == EINTR))
			return;
		c->ended = true;
		c->reset = n < 0;
		take_units(l, conn, true);
		told_close(l, conn, false, c->reset);
	}
}

static uint16_t port_of(const struct sockaddr_storage *a)
{
	return ntohs(a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_port
					      : ((const struct sockaddr_in *)a)->sin_port);
}

static bool is_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET6)
		return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr,
			       &((const struct sockaddr_in6 *)b)->sin6_addr,
			       sizeof(struct in6_addr)) == 0;
	return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
	       ((const struct sockaddr_in *)b)->sin_addr.s_addr;
}

static void take_datagram(struct links *l, size_t pair, size_t which, struct bytes b, uint16_t from)
{
	struct trace_event e = { .at = os_now() - l->zero,
		.kind = TRACE_UDP,
		.conn = -1,
		.client_port = l->pairs[pair].port[which],
		.server_port = from };
	trace_add(&l->trace, &e, b);
	told(l, (struct ox_event){ .kind = OX_EVENT_DATAGRAM,
			.src_port = from,
			.dst_port = l->pairs[pair].port[which],
			.b = b });
	if (pair == LINK_OTHER)
		l->strays++;
	else if (which)
		media_add_rtcp(l->media, pair, b, from, os_now());
	else
		media_add_rtp(l->media, pair, b, from, os_now());
}

static void read_pair(struct links *l, size_t pair, size_t which)
{
	uint8_t b[READ_BYTES];
	struct sockaddr_storage from;
	for (int i = 0; i < READS_PER_TURN; i++) {
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(l->pairs[pair].fd[which], b, sizeof(b), MSG_DONTWAIT,
			(struct sockaddr *)&from, &len);
		if (n < 0)
			return; /* nothing more, or an ICMP error that says nothing about media */
		if (!is_same_host(&from, &l->addr))
			l->strays++;
		else
			take_datagram(l, pair, which, bytes_of(b, (size_t)n), port_of(&from));
	}
}

bool links_turn(struct links *l, tick_t until)
{
	struct pollfd p[LINK_CONNS + 2 * LINK_PAIRS];
	size_t who[LINK_CONNS + 2 * LINK_PAIRS], n = 0;
	tick_t left = until - os_now();
	for (size_t i = 0; i < l->n_conns; i++) {
		if (l->conns[i]->fd < 0 || l->conns[i]->ended)
			continue;
		who[n] = i;
		p[n++] = (struct pollfd){ .fd = l->conns[i]->fd, .events = POLLIN };
	}
	size_t n_conns = n;
	for (size_t i = 0; i < 2 * LINK_PAIRS; i++) {
		if (l->pairs[i / 2].fd[i % 2] < 0)
			continue;
		who[n] = i;
		p[n++] = (struct pollfd){ .fd = l->pairs[i / 2].fd[i % 2], .events = POLLIN };
	}
	if (left < 0 || (l->stop && *l->stop))
		return false;
	struct timespec wait = { left / TICK_S, left % TICK_S };
	int ready = ppoll(p, n, &wait, NULL);
	for (size_t i = 0; i < n && ready > 0; i++) {
		if (!p[i].revents)
			continue;
		if (i < n_conns)
			read_conn(l, (int)who[i]);
		else
			read_pair(l, who[i] / 2, who[i] % 2);
	}
	return os_now() < until && !(l->stop && *l->stop);
}

/* ---- connections ---- */

int links_find(const struct links *l, const char *name)
{
	for (size_t i = l->n_conns; i-- > 0;) {
		if (strcmp(l->conns[i]->name, name) == 0)
			return (int)i;
	}
	return -1;
}

static int finish_connect(int fd, tick_t wait)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int err = 0;
	socklen_t len = sizeof(err);
	struct timespec t = { wait / TICK_S, wait % TICK_S };
	if (ppoll(&p, 1, &t, NULL) <= 0)
		return ERR_TIMEOUT;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0)
		return -errno;
	return -err;
}

static int open_socket(const struct links *l, tick_t wait)
{
	int fd = socket(l->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), rc = 0;
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) < 0)
		rc = errno == EINPROGRESS ? finish_connect(fd, wait) : -errno;
	if (rc < 0) {
		(void)close(fd); /* never connected */
		return rc;
	}
	int on = 1; /* segments as the case writes them */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int links_connect(struct links *l, const char *name, tick_t wait)
{
	if (l->n_conns == LINK_CONNS)
		return ERR_LIMIT;
	int fd = open_socket(l, wait);
	if (fd < 0)
		return fd;
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);
	struct link_conn *c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	buf_init(&c->in, IN_MAX);
	buf_init(&c->out_seen, IN_MAX);
	memset(c->channel, 0xff, sizeof(c->channel));
	if (getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		c->local_port = port_of(&own);
	l->conns[l->n_conns++] = c;
	traced(l, TRACE_OPEN, (int)l->n_conns - 1, true, (struct bytes){ 0 });
	return (int)l->n_conns - 1;
}

/* The analyser hears what we said as units, like what we hear. */
static void told_sent(struct links *l, int conn, struct bytes b)
{
	struct link_conn *c = l->conns[conn];
	struct ox_unit u;
	ptrdiff_t n;
	traced(l, TRACE_TCP, conn, true, b);
	if (buf_put(&c->out_seen, b) < 0)
		return;
	while ((n = ox_split_next(&c->out_split, buf_bytes(&c->out_seen), false, &u)) > 0) {
		told_unit(l, conn, true, &u);
		buf_drop(&c->out_seen, (size_t)n);
	}
}

int links_send(struct links *l, int conn, struct bytes b, tick_t wait)
{
	struct link_conn *c = l->conns[conn];
	tick_t until = os_now() + wait;
	if (c->fd < 0)
		return ERR_CLOSED;
	told_sent(l, conn, b);
	while (b.n) {
		ssize_t n = send(c->fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			b = bytes_sub(b, (size_t)n, b.n);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return ERR_CLOSED;
		/* room in the socket comes within a few ms, or the peer doesn't read */
		tick_t soon = os_now() + 5 * TICK_MS;
		if (soon > until)
			return ERR_TIMEOUT;
		while (links_turn(l, soon))
			;
		if (l->stop && *l->stop)
			return ERR_TIMEOUT;
	}
	return 0;
}

static void copy_cut(char *dst, size_t cap, struct bytes b)
{
	size_t n = b.n < cap - 1 ? b.n : cap - 1;
	if (n)
		memcpy(dst, b.p, n);
	dst[n] = '\0';
}

void links_requested(struct links *l, int conn, struct bytes b)
{
	struct link_conn *c = l->conns[conn];
	struct ox_splitter split = { 0 };
	struct ox_unit u;
	struct ox_message *m = xmalloc(sizeof(*m));
	ptrdiff_t n;
	while ((n = ox_split_next(&split, b, true, &u)) > 0) {
		if (u.kind == OX_UNIT_MESSAGE && c->n_pending < LINK_PENDING &&
			ox_message_read(u.b, m, NULL) == 0 && !m->is_response) {
			struct link_request *r = &c->pending[c->n_pending++];
			r->at = os_now();
			copy_cut(r->method, sizeof(r->method), m->method);
			copy_cut(r->cseq, sizeof(r->cseq), m->cseq);
			copy_cut(r->url, sizeof(r->url), m->uri);
		}
		b = bytes_sub(b, (size_t)n, b.n);
	}
	free(m);
}

bool links_answered(struct links *l, int conn, const struct ox_message *m, struct link_request *req)
{
	struct link_conn *c = l->conns[conn];
	size_t i = 0;
	if (c->n_pending == 0)
		return false;
	if (m->has_cseq) {
		while (i < c->n_pending && !bytes_is_eq(bytes_str(c->pending[i].cseq), m->cseq))
			i++;
	}
	if (i == c->n_pending)
		i = 0;
	*req = c->pending[i];
	memmove(c->pending + i, c->pending + i + 1, (c->n_pending - i - 1) * sizeof(*req));
	c->n_pending--;
	return true;
}

const struct link_message *links_take(struct links *l, int conn)
{
	struct link_conn *c = l->conns[conn];
	return c->taken < c->n_inbox ? &c->inbox[c->taken++] : NULL;
}

void links_half_close(struct links *l, int conn)
{
	if (l->conns[conn]->fd >= 0 && shutdown(l->conns[conn]->fd, SHUT_WR) == 0)
		told_close(l, conn, true, false);
}

static void shut(struct links *l, int conn, bool reset)
{
	struct link_conn *c = l->conns[conn];
	struct linger hard = { .l_onoff = 1 };
	if (c->fd < 0)
		return;
	if (reset)
		(void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	(void)close(c->fd); /* what the peer still says is of no interest */
	c->fd = -1;
	told_close(l, conn, true, reset);
}

void links_reset(struct links *l, int conn)
{
	shut(l, conn, true);
}

void links_close(struct links *l, int conn)
{
	shut(l, conn, false);
}

/* ---- datagrams ---- */

static int bind_udp(const struct links *l, uint16_t port, uint16_t *bound)
{
	struct sockaddr_storage a = { .ss_family = l->addr.ss_family };
	socklen_t len = l->addr_len;
	int size = 4 << 20;
	if (a.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)&a)->sin_port = htons(port);
	int fd = socket(a.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&a, len) < 0 ||
		getsockname(fd, (struct sockaddr *)&a, &len) < 0) {
		int rc = -errno;
		(void)close(fd); /* unused */
		return rc;
	}
	*bound = port_of(&a);
	return fd;
}

int links_pair_open(struct links *l, size_t i)
{
	struct link_pair *p = &l->pairs[i];
	enum { TRIES = 64 };
	if (p->fd[0] >= 0)
		return 0;
	for (int t = 0; t < TRIES; t++) {
		uint16_t a, b;
		int rtp = bind_udp(l, 0, &a);
		if (rtp < 0)
			return rtp;
		int rtcp = a % 2 == 0 && a < 65534 ? bind_udp(l, (uint16_t)(a + 1), &b) : -1;
		if (rtcp >= 0) {
			*p = (struct link_pair){ { rtp, rtcp }, { a, b } };
			return 0;
		}
		(void)close(rtp); /* not a pair: the next try gets another port */
	}
	return -EADDRINUSE;
}

int links_datagram(struct links *l, size_t pair, bool from_rtcp, uint16_t to_port, struct bytes b)
{
	struct sockaddr_storage to = l->addr;
	struct link_pair *p = &l->pairs[pair];
	if (to.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&to)->sin6_port = htons(to_port);
	else
		((struct sockaddr_in *)&to)->sin_port = htons(to_port);
	struct trace_event e = { .at = os_now() - l->zero,
		.kind = TRACE_UDP,
		.from_client = true,
		.conn = -1,
		.client_port = p->port[from_rtcp],
		.server_port = to_port };
	trace_add(&l->trace, &e, b);
	told(l, (struct ox_event){ .kind = OX_EVENT_DATAGRAM,
			.from_client = true,
			.src_port = p->port[from_rtcp],
			.dst_port = to_port,
			.b = b });
	ssize_t n = sendto(
		p->fd[from_rtcp], b.p, b.n, MSG_NOSIGNAL, (struct sockaddr *)&to, l->addr_len);
	return n < 0 ? -errno : 0;
}
