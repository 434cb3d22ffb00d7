/* SPDX-License-Identifier: MIT */
#include "server/net/pipe.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t plain_read(struct pipe *p, uint8_t *dst, size_t n)
{
	ssize_t got;

	do
		got = read(p->fd, dst, n);
	while (got < 0 && errno == EINTR);
	return got >= 0 ? got : -errno;
}

static ssize_t plain_writev(struct pipe *p, const struct iovec *iov, int n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)n };
	ssize_t sent;

	do
		sent = sendmsg(p->fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	return sent >= 0 ? sent : errno == EAGAIN ? 0 : -errno;
}

static int plain_flush(struct pipe *p)
{
	(void)p;
	return 0;
}

static size_t plain_held(const struct pipe *p)
{
	(void)p;
	return 0;
}

static bool plain_has_more(const struct pipe *p)
{
	(void)p;
	return false;
}

static uint32_t plain_interest(const struct pipe *p, bool read, bool write)
{
	(void)p;
	return (read ? (uint32_t)EV_READ : 0) | (write ? (uint32_t)EV_WRITE : 0);
}

static int plain_finish(struct pipe *p)
{
	(void)shutdown(p->fd, SHUT_WR); /* a peer that has gone is no news here */
	return 0;
}

static void plain_attach(struct pipe *p, struct loop *l)
{
	(void)p;
	(void)l;
}

static void plain_close(struct pipe *p)
{
	(void)p;
}

static const struct pipe_ops plain_ops = { .read = plain_read,
	.writev = plain_writev,
	.flush = plain_flush,
	.held = plain_held,
	.has_more = plain_has_more,
	.interest = plain_interest,
	.finish = plain_finish,
	.attach = plain_attach,
	.close = plain_close };

void pipe_init_plain(struct pipe *p, int fd)
{
	*p = (struct pipe){ .fd = fd, .ready = true, .ops = &plain_ops };
}

int pipe_attach(struct pipe *p, struct loop *l, struct task *owner, bool read, bool write)
{
	p->ops->attach(p, l);
	return watch_open(&p->watch, l, p->fd, owner, p->ops->interest(p, read, write));
}

void pipe_detach(struct pipe *p)
{
	if (p->fd < 0)
		return;
	watch_close(&p->watch);
	p->ops->attach(p, NULL);
}

void pipe_close(struct pipe *p)
{
	if (p->fd < 0)
		return;
	watch_close(&p->watch);
	p->ops->close(p);
	(void)close(p->fd); /* what waited is given up on purpose */
	p->fd = -1;
	p->state = NULL;
}
