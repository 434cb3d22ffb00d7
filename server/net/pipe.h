/* SPDX-License-Identifier: MIT */
#ifndef SERVER_NET_PIPE_H
#define SERVER_NET_PIPE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "server/net/loop.h"

/*
 * One descriptor of a connection and how bytes get through it: as they are, or by way of a library
 * that keeps some inside (TLS). struct conn has one or two of them, and nothing above conn knows
 * which kind they are.
 */
struct pipe;

struct pipe_ops {
	/* Bytes read; 0 = the peer has finished; -EAGAIN; any other error ends the pipe. */
	ssize_t (*read)(struct pipe *p, uint8_t *dst, size_t n);
	/* Bytes taken, which need not have left (held); 0 = none now; -errno ends the pipe. */
	ssize_t (*writev)(struct pipe *p, const struct iovec *iov, int n);
	/* Sends what is held inside, or begins what must come before any data: 0 or -errno. */
	int (*flush)(struct pipe *p);
	/* Octets inside that have not left. */
	size_t (*held)(const struct pipe *p);
	/* Octets inside that the descriptor tells nothing of: read again without waiting for it. */
	bool (*has_more)(const struct pipe *p);
	/* What to watch for when its user wants to read or to write. */
	uint32_t (*interest)(const struct pipe *p, bool read, bool write);
	/* Ends our side: 0, -EAGAIN (call it again when the descriptor can be written), or -errno. */
	int (*finish)(struct pipe *p);
	/* It comes to a loop, and to an address in memory that it keeps there; NULL: it leaves. */
	void (*attach)(struct pipe *p, struct loop *l);
	/* Frees its state; the descriptor is closed after it. */
	void (*close)(struct pipe *p);
};

struct pipe {
	int fd;         /* owned; -1 = closed */
	bool ready;     /* data may pass: no handshake is under way */
	bool is_secure; /* TLS */
	/* the peer's end came without the words that its protocol has for it (TLS: close_notify) */
	bool truncated;
	const struct pipe_ops *ops;
	void *state;
	struct watch watch;
};

/* Bytes as they are, over any connected (or connecting) stream socket. */
void pipe_init_plain(struct pipe *p, int fd);
static inline bool pipe_is_open(const struct pipe *p)
{
	return p->fd >= 0;
}
/* Watches it for `owner`. 0 or -errno; the pipe stays open. */
MUST_USE int pipe_attach(struct pipe *p, struct loop *l, struct task *owner, bool read, bool write);
/* Off its loop; it stays open. */
void pipe_detach(struct pipe *p);
/* Changes what is watched. */
static inline void pipe_want(struct pipe *p, bool read, bool write)
{
	watch_set(&p->watch, p->ops->interest(p, read, write));
}
/* Closes at once. */
void pipe_close(struct pipe *p);

#endif
