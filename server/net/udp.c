/* SPDX-License-Identifier: MIT */
#include "server/net/udp.h"

#include <assert.h>
#include <errno.h>
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
		u->slots[i].iov[0].iov_base = u->slots[i].head;
		u->msgs[i].msg_hdr.msg_iov = u->slots[i].iov;
	}
	int err = reader ? watch_open(&u->watch, l, fd, reader, EV_READ) : 0;
	if (err) {
		(void)close(fd); /* never used */
		u->fd = -1;
	}
	return err;
}

void udp_send(struct udp *u, const struct addr *to, const uint8_t *head, size_t head_n,
	struct bytes payload)
{
	struct udp_slot *s = &u->slots[u->n];
	struct msghdr *m = &u->msgs[u->n].msg_hdr;

	assert(head_n <= UDP_HEAD_MAX);
	if (head_n)
		memcpy(s->head, head, head_n);
	s->iov[0].iov_len = head_n;
	s->iov[1] = (struct iovec){ (void *)(uintptr_t)payload.p, payload.n };
	m->msg_name = (void *)(uintptr_t)&to->sa;
	m->msg_namelen = to->n;
	m->msg_iovlen = payload.n ? 2 : 1;
	if (++u->n == UDP_BATCH)
		udp_flush(u);
	else if (u->n == 1)
		flush_soon(u->loop, &u->flush);
}

static void note_sent(struct udp *u, uint32_t from, uint32_t n)
{
	u->sent += n;
	for (uint32_t i = from; i < from + n; i++)
		u->sent_bytes += u->msgs[i].msg_len;
}

void udp_flush(struct udp *u)
{
	uint32_t at = 0;

	while (at < u->n) {
		int n = sendmmsg(u->fd, u->msgs + at, u->n - at, MSG_DONTWAIT);
		if (n > 0) {
			note_sent(u, at, (uint32_t)n);
			at += (uint32_t)n;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			/* one full buffer must not stall the streams that share it */
			u->dropped += u->n - at;
			break;
		} else if (errno != EINTR) {
			u->failed++; /* this datagram alone: its peer's or its size's fault */
			at++;
		}
	}
	u->n = 0;
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
