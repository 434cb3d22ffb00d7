/* SPDX-License-Identifier: MIT */
#include "loadgen/batch.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/os.h"

static size_t room(const struct batch *b)
{
	return b->heads ? BATCH_HEAD : BATCH_WHOLE;
}

/* The kernel writes over the lengths of what it fills. */
static void reset(struct batch *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		b->msgs[i].msg_hdr.msg_namelen = sizeof b->from[i].v6;
		b->msgs[i].msg_hdr.msg_controllen = BATCH_CONTROL;
	}
}

void batch_init(struct batch *b, bool heads)
{
	*b = (struct batch){ .heads = heads };
	b->data = xmalloc(BATCH_MAX * room(b));
	for (unsigned i = 0; i < BATCH_MAX; i++) {
		b->iov[i] = (struct iovec){ b->data + i * room(b), room(b) };
		b->msgs[i].msg_hdr = (struct msghdr){ .msg_name = &b->from[i].sa,
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i] };
	}
	reset(b, BATCH_MAX);
}

void batch_clear(struct batch *b)
{
	free(b->data);
	b->data = NULL;
}

/* Both things that its control data tell: one walk for stamp and address. */
static void read_control(
	struct msghdr *m, struct batch_item *x, const struct stamp_clock *stamps, tick_t now)
{
	struct in_pktinfo info;

	x->at = now;
	x->to = 0;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(m); h; h = CMSG_NXTHDR(m, h)) {
		if (h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_TIMESTAMPNS) {
			x->at = stamp_read(stamps, CMSG_DATA(h), now);
		} else if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(h), sizeof info);
			x->to = ntohl(info.ipi_addr.s_addr);
		}
	}
}

static void read_item(struct batch *b, unsigned i, const struct stamp_clock *stamps, tick_t now)
{
	struct batch_item *x = &b->items[i];
	struct msghdr *m = &b->msgs[i].msg_hdr;
	size_t n = b->msgs[i].msg_len;

	read_control(m, x, stamps, now);
	b->from[i].n = m->msg_namelen;
	x->from = &b->from[i];
	x->n = n;
	x->is_cut = !b->heads && m->msg_flags & MSG_TRUNC;
	x->bytes = bytes_of(b->iov[i].iov_base, n < room(b) ? n : room(b));
}

unsigned batch_read(
	struct batch *b, int fd, unsigned want, const struct stamp_clock *stamps, tick_t now)
{
	assert(want <= BATCH_MAX);
	reset(b, b->n);
	/* as a flag of ours MSG_TRUNC asks for the length of the whole datagram */
	int got = recvmmsg(fd, b->msgs, want, MSG_DONTWAIT | (b->heads ? MSG_TRUNC : 0), NULL);

	b->n = got > 0 ? (unsigned)got : 0;
	for (unsigned i = 0; i < b->n; i++)
		read_item(b, i, stamps, now);
	return b->n;
}
