/* SPDX-License-Identifier: MIT */
#include "loadgen/ctl_native.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "server/base/os.h"
#include "server/wire/frame.h"

enum { READS_PER_RUN = 8, SMALL = 4096 };

static void close_native(struct ctl *c)
{
	if (c->fd < 0)
		return;
	watch_close(&c->watch);
	(void)close(c->fd); /* what the peer has not read is its loss: we are done */
	c->fd = -1;
	buf_clear(&c->left);
	buf_clear(&c->out);
}

static void fail(struct ctl *c, int err, tick_t at)
{
	close_native(c);
	c->shared->events->on_closed(c->owner, err, at);
}

/* ---- writing ---- */

static uint32_t interest(const struct ctl *c)
{
	return EV_READ | (c->out.n || c->connecting ? (uint32_t)EV_WRITE : 0);
}

/* 0 or -errno; what the kernel does not take waits for EV_WRITE. */
static int write_out(struct ctl *c)
{
	while (c->out.n) {
		struct bytes b = buf_bytes(&c->out);
		ssize_t n = send(c->fd, b.p, b.n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		buf_drop(&c->out, (size_t)n);
	}
	watch_set(&c->watch, interest(c));
	return 0;
}

static void put_header(struct rtsp_writer *w, enum rtsp_header_id id, struct bytes v)
{
	if (v.n)
		rtsp_put(w, id, v);
}

static int request_native(struct ctl *c, const struct ctl_request *r, tick_t *sent_at)
{
	struct rtsp_writer w;

	*sent_at = os_now();
	if (c->fd < 0)
		return ERR_CLOSED;
	rtsp_request_begin(&w, &c->out, bytes_str(rtsp_method_name(r->method)), r->url, r->cseq);
	put_header(&w, RTSP_H_TRANSPORT, r->transport);
	put_header(&w, RTSP_H_SESSION, r->session);
	put_header(&w, RTSP_H_RANGE, r->range);
	if (r->method == RTSP_DESCRIBE)
		rtsp_put(&w, RTSP_H_ACCEPT, B("application/sdp"));
	rtsp_put(&w, RTSP_H_USER_AGENT, bytes_str(c->shared->user_agent));
	int err = rtsp_end(&w, B(""));
	return err || r->more ? err : write_out(c);
}

static int frame_native(struct ctl *c, uint8_t channel, struct bytes payload)
{
	uint8_t head[FRAME_HEADER];

	if (c->fd < 0)
		return ERR_CLOSED;
	if (payload.n > FRAME_PAYLOAD_MAX || c->out.n + sizeof head + payload.n > c->out.max)
		return ERR_LIMIT;
	frame_header_write(head, channel, (uint16_t)payload.n);
	int err = buf_put(&c->out, bytes_of(head, sizeof head));
	if (!err)
		err = buf_put(&c->out, payload);
	return err ? err : write_out(c);
}

/* ---- reading ---- */

/* A server may ask us, too (2326 10.1, 10.8, 10.10): we live, and do nothing else. */
static void answer_request(struct ctl *c, const struct rtsp_msg *m)
{
	struct rtsp_writer w;
	bool is_known = m->method == RTSP_OPTIONS || m->method == RTSP_GET_PARAMETER;

	++*c->shared->server_requests;
	rtsp_reply_begin(&w, &c->out, is_known ? RTSP_OK : RTSP_NOT_IMPLEMENTED, m->cseq_text);
	if (rtsp_end(&w, B("")) == 0)
		(void)write_out(c); /* a broken connection shows at the next read */
}

/* One message at the front of `in`: bytes taken, ERR_MORE, or another error (connection lost). */
static int take_message(struct ctl *c, struct bytes in, tick_t at)
{
	struct ctl_shared *sh = c->shared;
	struct rtsp_limits limits = RTSP_LIMITS_DEFAULT;
	struct fault f;

	arena_reset(&sh->arena);
	int n = rtsp_read(in, &limits, &sh->arena, &sh->msg, &f);
	if (n == ERR_MORE)
		return n;
	if (n < 0) {
		++*sh->replies_bad;
		return sh->msg.skip ? (int)sh->msg.skip : n;
	}
	if (sh->msg.is_response)
		sh->events->on_reply(c->owner, &sh->msg, at);
	else
		answer_request(c, &sh->msg);
	return n;
}

/* Bytes taken from the front of `in`; the connection may be closed by then. Negative: an error. */
static ssize_t parse(struct ctl *c, struct bytes in, tick_t at)
{
	size_t done = 0;

	while (c->fd >= 0 && done < in.n) {
		struct bytes rest = bytes_sub(in, done, in.n);
		struct frame f;
		int n = frame_read(rest, &f);
		c->shared->is_sharp = !c->shared->is_late || n == (int)rest.n;
		if (n >= 0 && f.kind == FRAME_DATA)
			c->shared->events->on_frame(c->owner, f.channel, f.payload, at);
		else if (n >= 0 && f.kind != FRAME_BLANK)
			n = take_message(c, rest, at);
		if (n == ERR_MORE)
			break;
		if (n < 0)
			return n;
		done += (size_t)n < rest.n ? (size_t)n : rest.n;
	}
	return (ssize_t)done;
}

/* Reads behind what was left over. >= 0: bytes, 0 = the peer has closed; or -errno. */
static ssize_t receive(struct ctl *c, tick_t now, tick_t *at)
{
	struct ctl_shared *sh = c->shared;
	_Alignas(struct cmsghdr) uint8_t control[STAMP_CONTROL];
	struct bytes left = buf_bytes(&c->left);

	if (left.n)
		memcpy(sh->scratch, left.p, left.n);
	struct iovec iov = { sh->scratch + left.n, CTL_SCRATCH - left.n };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof control };
	ssize_t n = recvmsg(c->fd, &m, MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	*at = stamp_or_now(sh->stamps, &m, now);
	return n;
}

/* One read. False: nothing more to read now, or closed. */
static bool read_once(struct ctl *c, tick_t now)
{
	struct ctl_shared *sh = c->shared;
	size_t before = c->left.n;
	tick_t at = now;

	ssize_t n = receive(c, now, &at);
	if (n == -EAGAIN || n == -EINTR)
		return false;
	if (n <= 0) {
		fail(c, n ? (int)n : ERR_CLOSED, now);
		return false;
	}
	size_t have = before + (size_t)n;
	ssize_t done = parse(c, bytes_of(sh->scratch, have), at);
	if (c->fd < 0)
		return false;
	if (done < 0) {
		fail(c, (int)done, now);
		return false;
	}
	buf_cut(&c->left, 0);
	if (have > (size_t)done &&
		buf_put(&c->left, bytes_of(sh->scratch + done, have - (size_t)done)) != 0) {
		fail(c, ERR_LIMIT, now);
		return false;
	}
	if (c->left.n == 0 && c->left.cap > SMALL)
		buf_clear(&c->left);
	return have == CTL_SCRATCH;
}

/* ---- the tasks ---- */

static void on_connect(struct ctl *c, tick_t now)
{
	int err = sock_error(c->fd);

	if (err) {
		fail(c, err, now);
		return;
	}
	c->connecting = false;
	watch_set(&c->watch, interest(c));
	c->shared->events->on_connected(c->owner, now);
}

static void run_ctl(struct ctl *c, uint32_t events, tick_t now)
{
	if (c->fd < 0)
		return; /* signalled before it was closed */
	if (c->connecting) {
		if (events & (EV_WRITE | EV_READ))
			on_connect(c, os_now());
		return;
	}
	if (events & EV_WRITE) {
		int err = write_out(c);
		if (err) {
			fail(c, err, now);
			return;
		}
	}
	if (!(events & EV_READ))
		return;
	now = os_now();
	for (int i = 0; i < READS_PER_RUN && read_once(c, now); i++)
		;
}

static tick_t run_task(struct task *t, uint32_t events, tick_t now)
{
	struct ctl *c = container_of(t, struct ctl, task);
	if (!c->is_ticking)
		run_ctl(c, events, now);
	return TASK_IDLE;
}

static tick_t run_tick_task(struct task *t, uint32_t events, tick_t now)
{
	struct ctl *c = container_of(t, struct ctl, tick_task);
	if (c->is_ticking)
		run_ctl(c, events, now);
	return TASK_IDLE;
}

static void free_task(struct task *t)
{
	(void)t; /* the owner frees it, after the loops */
}

static const struct task_ops task_ops = { "ctl", false, run_task, free_task };
static const struct task_ops tick_ops = { "ctl-tick", false, run_tick_task, free_task };

static int open_native(struct ctl *c, const struct addr *to, const struct addr *from)
{
	int fd = sock_connect(to, from);

	if (fd < 0)
		return fd;
	stamp_want(fd);
	c->fd = fd;
	c->connecting = true;
	c->is_ticking = false;
	int err = watch_open(&c->watch, c->shared->loop, fd, &c->task, interest(c));
	if (err) {
		(void)close(fd); /* never used */
		c->fd = -1;
	}
	return err;
}

static void carry_media(struct ctl *c)
{
	if (c->fd < 0 || c->is_ticking)
		return;
	watch_close(&c->watch);
	c->is_ticking = true;
	int err = watch_open(&c->watch, c->shared->tick_loop, c->fd, &c->tick_task, interest(c));
	if (err)
		die("epoll: %s", err_text(err)); /* it was watched a moment ago */
}

static const struct ctl_ops native_ops = { .name = "native",
	.open = open_native,
	.request = request_native,
	.frame = frame_native,
	.carry_media = carry_media,
	.close = close_native };

void ctl_native_init(struct ctl *c, struct ctl_shared *shared, void *owner)
{
	*c = (struct ctl){ .ops = &native_ops, .shared = shared, .owner = owner, .fd = -1 };
	task_init(&c->task, &task_ops, shared->loop);
	task_init(&c->tick_task, &tick_ops, shared->tick_loop);
	buf_init(&c->left, CTL_LEFT_MAX);
	buf_init(&c->out, CTL_OUT_MAX);
}

void ctl_native_clear(struct ctl *c)
{
	close_native(c);
	buf_clear(&c->left);
	buf_clear(&c->out);
}

struct addr ctl_native_local(const struct ctl *c)
{
	if (c->fd < 0)
		return (struct addr){ 0 };
	return sock_local(c->fd);
}
