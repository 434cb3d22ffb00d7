/* SPDX-License-Identifier: MIT */
#include "conformance/link.h"

#include <errno.h>
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
	l->places = (struct door_places){
		.plain = *addr, .plain_n = addr_len, .host = "", .path = "/"
	};
	for (size_t i = 0; i < LINK_PAIRS; i++)
		l->pairs[i] = (struct link_pair){ .fd = { -1, -1 } };
	trace_init(&l->trace);
	l->zero = os_now();
}

static void conn_free(struct link_conn *c)
{
	door_close(&c->wires, false);
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
	wire_tls_free(l->places.ctx);
	l->places.ctx = NULL;
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

static void take_bytes(struct links *l, int conn, struct bytes b)
{
	traced(l, TRACE_TCP, conn, false, b);
	take_units(l, conn, false);
}

static void read_conn(struct links *l, int conn)
{
	struct link_conn *c = l->conns[conn];
	for (int i = 0; i < READS_PER_TURN && !c->ended; i++) {
		uint8_t *room = buf_room(&c->in, READ_BYTES);
		ssize_t n = room ? wire_read(&c->wires.main, room, READ_BYTES) : -ENOBUFS;
		if (n > 0) {
			buf_grew(&c->in, (size_t)n);
			take_bytes(l, conn, bytes_of(room, (size_t)n));
			continue;
		}
		if (n == -EAGAIN)
			return;
		c->ended = true;
		c->reset = n < 0;
		take_units(l, conn, true);
		told_close(l, conn, false, c->reset);
	}
}

/* A tunnel's POST: nothing that comes on it has a meaning, but that it came, and its end. */
static void read_post(struct link_conn *c)
{
	uint8_t b[2048];
	ssize_t n;
	while ((n = wire_read(&c->wires.post, b, sizeof(b))) > 0)
		c->post_said += (uint64_t)n;
	if (n != -EAGAIN)
		wire_close(&c->wires.post, false);
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

/* A row of what is waited for: a connection, its POST, or a socket of a pair. */
struct waited {
	enum { WAIT_CONN, WAIT_POST, WAIT_PAIR } kind;
	size_t i;
};

static size_t gather_waited(const struct links *l, struct pollfd *p, struct waited *who)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n_conns; i++) {
		const struct link_conn *c = l->conns[i];
		if (!c->open || c->ended)
			continue;
		who[n] = (struct waited){ WAIT_CONN, i };
		p[n++] = (struct pollfd){ .fd = c->wires.main.fd, .events = POLLIN };
		if (c->wires.post.fd < 0)
			continue;
		who[n] = (struct waited){ WAIT_POST, i };
		p[n++] = (struct pollfd){ .fd = c->wires.post.fd, .events = POLLIN };
	}
	for (size_t i = 0; i < 2 * LINK_PAIRS; i++) {
		if (l->pairs[i / 2].fd[i % 2] < 0)
			continue;
		who[n] = (struct waited){ WAIT_PAIR, i };
		p[n++] = (struct pollfd){ .fd = l->pairs[i / 2].fd[i % 2], .events = POLLIN };
	}
	return n;
}

bool links_turn(struct links *l, tick_t until)
{
	struct pollfd p[2 * LINK_CONNS + 2 * LINK_PAIRS];
	struct waited who[2 * LINK_CONNS + 2 * LINK_PAIRS];
	tick_t left = until - os_now();
	if (left < 0 || (l->stop && *l->stop))
		return false;
	size_t n = gather_waited(l, p, who);
	struct timespec wait = { left / TICK_S, left % TICK_S };
	int ready = ppoll(p, n, &wait, NULL);
	for (size_t i = 0; i < n && ready > 0; i++) {
		if (!p[i].revents)
			continue;
		switch (who[i].kind) {
		case WAIT_CONN: read_conn(l, (int)who[i].i); break;
		case WAIT_POST: read_post(l->conns[who[i].i]); break;
		case WAIT_PAIR: read_pair(l, who[i].i / 2, who[i].i % 2); break;
		}
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

int links_connect(struct links *l, const char *name, tick_t wait)
{
	unsigned status;
	return links_connect_by(l, name, &(struct door){ 0 }, wait, &status);
}

int links_connect_by(
	struct links *l, const char *name, const struct door *d, tick_t wait, unsigned *status)
{
	if (l->n_conns == LINK_CONNS)
		return ERR_LIMIT;
	struct link_conn *c = xcalloc(1, sizeof *c);
	int rc = door_open(&c->wires, &l->places, d, wait, status);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->open = true;
	c->digest = d->digest;
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	buf_init(&c->in, IN_MAX);
	buf_init(&c->out_seen, IN_MAX);
	memset(c->channel, 0xff, sizeof(c->channel));
	c->local_port = c->wires.main.local_port;
	l->conns[l->n_conns++] = c;
	int conn = (int)l->n_conns - 1;
	traced(l, TRACE_OPEN, conn, true, (struct bytes){ 0 });
	struct bytes early = buf_bytes(&c->wires.early);
	if (early.n && buf_put(&c->in, early) == 0)
		take_bytes(l, conn, early);
	return conn;
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

/* Bytes as they are, reading meanwhile. */
static int put_bytes(struct links *l, struct wire *w, struct bytes b, tick_t until)
{
	while (b.n) {
		ssize_t n = w->fd >= 0 ? wire_write(w, b) : -EPIPE;
		if (n > 0) {
			b = bytes_sub(b, (size_t)n, b.n);
			continue;
		}
		if (n != -EAGAIN)
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

/* Each piece leaves as a segment of its own. */
static int put_pieces(struct links *l, struct wire *w, struct bytes b, size_t each, tick_t until)
{
	int rc = 0;
	for (size_t at = 0; at < b.n && rc == 0; at += each) {
		rc = put_bytes(l, w, bytes_sub(b, at, each), until);
		tick_t soon = os_now() + TICK_MS;
		while (rc == 0 && links_turn(l, soon))
			;
	}
	return rc;
}

int links_send(struct links *l, int conn, struct bytes b, tick_t wait)
{
	struct link_conn *c = l->conns[conn];
	tick_t until = os_now() + wait;
	struct buf out;
	if (!c->open)
		return ERR_CLOSED;
	told_sent(l, conn, b);
	if (!c->wires.is_tunnel)
		return put_bytes(l, &c->wires.main, b, until);
	buf_init(&out, 2 * IN_MAX);
	int rc = door_encode(&c->wires, b, &out);
	struct bytes coded = buf_bytes(&out);
	if (rc == 0)
		rc = put_pieces(
			l, &c->wires.post, coded, c->wires.split ? c->wires.split : coded.n, until);
	buf_clear(&out);
	return rc;
}

void links_post_close(struct links *l, int conn)
{
	wire_close(&l->conns[conn]->wires.post, false);
}

int links_post_open(struct links *l, int conn, tick_t wait)
{
	struct link_conn *c = l->conns[conn];
	return c->open && c->wires.is_tunnel ? door_repost(&c->wires, &l->places, wait) : ERR_STATE;
}

void links_post_leave(struct links *l, int conn)
{
	door_leave_post(&l->conns[conn]->wires);
}

void links_get_reset(struct links *l, int conn)
{
	struct link_conn *c = l->conns[conn];
	if (!c->open || c->ended)
		return;
	wire_close(&c->wires.main, true);
	c->ended = true;
	told_close(l, conn, true, true);
}

int links_post_raw(struct links *l, int conn, struct bytes b, tick_t wait)
{
	return put_bytes(l, &l->conns[conn]->wires.post, b, os_now() + wait);
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
	struct link_conn *c = l->conns[conn];
	if (c->open && door_out(&c->wires)->fd >= 0 && wire_half_close(door_out(&c->wires)) == 0)
		told_close(l, conn, true, false);
}

static void shut(struct links *l, int conn, bool reset)
{
	struct link_conn *c = l->conns[conn];
	if (!c->open)
		return;
	door_close(&c->wires, reset);
	c->open = false;
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
