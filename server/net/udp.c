/* SPDX-License-Identifier: MIT */
#include "server/net/udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <unistd.h>

static void on_flush(struct flush *f, tick_t now)
{
	(void)now;
	udp_flush(container_of(f, struct udp, flush));
}

int udp_open(struct udp *u, struct loop *l, int fd, struct task *reader)
{
	*u = (struct udp){ .fd = fd, .loop = l, .local = sock_local(fd) };
	flush_init(&u->flush, on_flush);
	for (int i = 0; i < UDP_BATCH; i++) {
		struct cmsghdr *c = &u->control[i].align;
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		u->msgs[i].msg_hdr.msg_control = c;
	}
	for (int i = 0; i < UDP_WAITING_MAX; i++)
		u->iov[i][0].iov_base = u->heads[i];
	int err = reader ? watch_open(&u->watch, l, fd, reader, EV_READ) : 0;
	if (err) {
		(void)close(fd); /* never used */
		u->fd = -1;
	}
	return err;
}

void udp_make_trains(struct udp *u)
{
	int size;
	socklen_t n = sizeof size;

	u->trains = getsockopt(u->fd, SOL_UDP, UDP_SEGMENT, &size, &n) == 0;
}

/* IP_PMTUDISC_DO and the like. */
static bool set_discovery(const struct udp *u, int how)
{
	bool is_ip6 = u->local.sa.sa_family == AF_INET6;
	int err = is_ip6 ? setsockopt(u->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &how, sizeof how)
			 : setsockopt(u->fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, sizeof how);
	return err == 0;
}

void udp_find_mtu(struct udp *u)
{
	u->finds_mtu = set_discovery(u, IP_PMTUDISC_DO);
}

/* ---- what waits ---- */

/* Can a datagram of n bytes be the next one of the last message? */
static bool is_next_of_train(const struct udp *u, const struct addr *to, size_t n)
{
	return u->n_msgs && u->segment_left && n <= u->segment && n &&
	       u->msgs[u->n_msgs - 1].msg_hdr.msg_name == &to->sa;
}

static void begin_message(struct udp *u, const struct addr *to, size_t n)
{
	uint32_t i = u->n_msgs++;
	struct msghdr *m = &u->msgs[i].msg_hdr;

	m->msg_name = (void *)(uintptr_t)&to->sa;
	m->msg_namelen = to->n;
	m->msg_iov = u->iov[u->n];
	m->msg_iovlen = 2;
	m->msg_controllen = 0;
	u->n_of[i] = 1;
	u->segment = (uint32_t)n;
	u->segment_left = u->trains && n <= UDP_TRAIN_SEGMENT ? UDP_TRAIN_MAX - 1 : 0;
}

static void extend_train(struct udp *u, size_t n)
{
	uint32_t i = u->n_msgs - 1;
	struct msghdr *m = &u->msgs[i].msg_hdr;

	if (u->n_of[i]++ == 1) {
		uint16_t size = (uint16_t)u->segment;
		m->msg_controllen = sizeof u->control[i];
		memcpy(CMSG_DATA(&u->control[i].align), &size, sizeof size);
	}
	m->msg_iovlen += 2;
	u->segment_left = n == u->segment ? u->segment_left - 1 : 0; /* a short one ends it */
}

void udp_send(struct udp *u, const struct addr *to, const uint8_t *head, size_t head_n,
	struct bytes payload)
{
	size_t n = head_n + payload.n;

	assert(head_n <= UDP_HEAD_MAX);
	if (is_next_of_train(u, to, n)) {
		extend_train(u, n);
	} else {
		if (u->n_msgs == UDP_BATCH)
			udp_flush(u);
		begin_message(u, to, n);
	}
	struct iovec *iov = u->iov[u->n];
	if (head_n)
		memcpy(iov[0].iov_base, head, head_n);
	iov[0].iov_len = head_n;
	iov[1] = (struct iovec){ (void *)(uintptr_t)payload.p, payload.n };
	if (++u->n == 1)
		flush_soon(u->loop, &u->flush);
	if (u->n == UDP_WAITING_MAX)
		udp_flush(u);
}

/* ---- to the kernel ---- */

static void note_sent(struct udp *u, uint32_t from, uint32_t n)
{
	for (uint32_t i = from; i < from + n; i++) {
		u->sent += u->n_of[i];
		u->sent_bytes += u->msgs[i].msg_len;
		if (u->n_of[i] > 1) {
			u->trained += u->n_of[i];
			u->refused_in_turn = 0;
		}
	}
}

/* One datagram, with what may be done about an error. */
static void send_one(struct udp *u, const struct msghdr *m)
{
	ssize_t n = sendmsg(u->fd, m, MSG_DONTWAIT);

	if (n < 0 && errno == EMSGSIZE && u->finds_mtu && set_discovery(u, IP_PMTUDISC_DONT)) {
		n = sendmsg(u->fd, m, MSG_DONTWAIT);
		u->fragmented += n >= 0;
		u->finds_mtu = set_discovery(u, IP_PMTUDISC_DO);
	}
	if (n >= 0) {
		u->sent++;
		u->sent_bytes += (uint64_t)n;
	} else if (errno == EAGAIN || errno == ENOBUFS) {
		u->dropped++;
	} else {
		u->failed++; /* this datagram alone: its peer's or its size's fault */
	}
}

/* A message that the kernel did not take: its datagrams one by one. If they leave whole, it was the train that
 * it would not have; if not, their path or their address, which says nothing about the trains of others. */
static void send_apart(struct udp *u, uint32_t i)
{
	struct msghdr m = u->msgs[i].msg_hdr;
	struct iovec *iov = m.msg_iov;
	uint64_t whole = u->sent - u->fragmented;

	m.msg_controllen = 0;
	m.msg_iovlen = 2;
	for (uint32_t k = 0; k < u->n_of[i]; k++) {
		m.msg_iov = iov + 2 * k;
		send_one(u, &m);
	}
	if (u->n_of[i] == 1)
		return;
	u->trains_refused++;
	if (u->sent - u->fragmented - whole == u->n_of[i] && ++u->refused_in_turn == UDP_REFUSALS)
		u->trains = false;
}

static uint32_t count_from(const struct udp *u, uint32_t from)
{
	uint32_t n = 0;
	for (uint32_t i = from; i < u->n_msgs; i++)
		n += u->n_of[i];
	return n;
}

void udp_flush(struct udp *u)
{
	uint32_t at = 0;

	while (at < u->n_msgs) {
		int n = sendmmsg(u->fd, u->msgs + at, u->n_msgs - at, MSG_DONTWAIT);
		if (n > 0) {
			note_sent(u, at, (uint32_t)n);
			at += (uint32_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			/* one full buffer must not stall the streams that share it */
			u->dropped += count_from(u, at);
			break;
		} else if (errno != EINTR) {
			send_apart(u, at++);
		}
	}
	u->n = u->n_msgs = 0;
	u->segment_left = 0;
	flush_cancel(&u->flush);
}

int udp_recv(struct udp *u, void (*fn)(void *arg, const struct addr *from, struct bytes datagram),
	void *arg)
{
	uint8_t room[UDP_RECV_BATCH][UDP_DATAGRAM_MAX];
	struct mmsghdr msgs[UDP_RECV_BATCH];
	struct iovec iov[UDP_RECV_BATCH];
	struct addr from[UDP_RECV_BATCH];

	for (int i = 0; i < UDP_RECV_BATCH; i++) {
		/* cppcheck-suppress legacyUninitvar ; an address, nothing is read */
		iov[i] = (struct iovec){ room[i], UDP_DATAGRAM_MAX };
		msgs[i].msg_hdr = (struct msghdr){ .msg_name = &from[i].sa,
			.msg_namelen = sizeof from[i].v6,
			.msg_iov = &iov[i],
			.msg_iovlen = 1 };
	}
	int n = recvmmsg(u->fd, msgs, UDP_RECV_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		u->received++;
		if (msgs[i].msg_hdr.msg_flags & MSG_TRUNC) {
			u->cut++;
			continue;
		}
		from[i].n = msgs[i].msg_hdr.msg_namelen;
		fn(arg, &from[i], bytes_of(room[i], msgs[i].msg_len));
	}
	return n < 0 ? 0 : n;
}

void udp_close(struct udp *u)
{
	if (u->fd < 0)
		return;
	udp_flush(u);
	watch_close(&u->watch);
	(void)close(u->fd); /* datagrams: nothing waits */
	u->fd = -1;
}
