/* SPDX-License-Identifier: MIT */
#include "server/takeover.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"
#include "server/takeover_kin.h"

enum {
	DEATH_MS = 200,
	ANSWER_S = 10, /* an old process that serves answers within milliseconds */
	GONE_MS = 500,
	GONE_TRIES = 10
};

void takeover_init(struct takeover *t)
{
	*t = (struct takeover){ .control = -1, .old = -1, .candidate.fd = -1 };
	if (pthread_mutex_init(&t->lock, NULL))
		die("pthread_mutex_init");
}

/* ---- the new side ---- */

static int refuse(char *why, const char *path, const char *reason)
{
	(void)snprintf(why, PREFS_WHY, "takeover %.120s: %s", path, reason);
	return ERR_STATE;
}

static int refuse_hanging(char *why, const char *path, int pid)
{
	char who[32] = "who listens there";

	if (pid)
		(void)snprintf(who, sizeof who, "process %d", pid);
	(void)snprintf(why, PREFS_WHY,
		"takeover %.120s: %s does not answer: it must be ended first", path, who);
	return ERR_STATE;
}

/* One message of the offer; false: its descriptor is nobody's. */
static bool take_offer(struct takeover *t, const struct take_msg *m, int fd)
{
	t->generation = m->generation;
	if (fd < 0)
		return true;
	if (m->kind == TAKE_LISTENER)
		return listener_store_put(&t->given, &m->local, fd);
	if (m->kind == TAKE_ELDER) {
		takeover_kin_add(t, &(struct kin){ .fd = fd, .generation = m->worker });
		return true;
	}
	if (m->kind != TAKE_CONTROL || t->control >= 0)
		return false;
	t->control = fd;
	return true;
}

/* 0: the whole offer came, or he died in the midst of it. */
static int read_offer(struct takeover *t, const char *path, int old, char *why)
{
	struct take_msg m;
	int fd, err;

	while ((err = take_recv(old, &m, &fd, true)) == 0) {
		if (m.kind == TAKE_BUSY)
			return refuse(why, path, "another take-over is under way, or too many");
		if (m.kind == TAKE_END) {
			t->old = old;
			t->generation = m.generation;
			takeover_kin_add(t, &(struct kin){ .fd = old, .generation = m.worker });
			return 0;
		}
		if (!take_offer(t, &m, fd) && fd >= 0)
			(void)close(fd); /* more than we can hold */
	}
	if (err == -EAGAIN)
		return refuse_hanging(why, path, take_peer_pid(old));
	if (err != ERR_CLOSED)
		return refuse(why, path, "that is no server of this version");
	log_write(LOG_W, "takeover", "the old process ended while it handed over");
	(void)close(old); /* nobody is at its other end */
	/* what he listened at closes a moment after what he spoke over, and is ours to open then */
	nanosleep(&(struct timespec){ .tv_nsec = DEATH_MS * TICK_MS }, NULL);
	return 0;
}

int takeover_ask(struct takeover *t, const char *path, char *why)
{
	const struct take_msg hello = { .kind = TAKE_HELLO, .pid = (int32_t)getpid() };

	if (!*path)
		return 0;
	int old = take_connect(path, ANSWER_S);
	if (old == -ENOENT || old == -ECONNREFUSED) {
		log_write(LOG_W, "takeover", "%s: nobody is there: a start like any other", path);
		return 0;
	}
	if (old < 0)
		return refuse(why, path, err_text(old));
	int err = take_send(old, &hello, -1);
	err = err == -EPIPE ? refuse(why, path, "it will not have us")
	      : err         ? refuse(why, path, err_text(err))
			    : read_offer(t, path, old, why);
	if (err)
		(void)close(old); /* he goes on without us */
	return err;
}

int takeover_listen(struct takeover *t, const struct prefs *p, char *why)
{
	const char *path = p->control_socket;

	if (!*path) {
		if (t->control >= 0)
			(void)close(t->control); /* nobody wants to be asked any more */
		t->control = -1;
		return 0;
	}
	t->path = xstrdup(path);
	if (t->control >= 0 && take_is_at(t->control, path)) {
		t->is_borrowed = t->old >= 0;
		take_claim(t->control); /* now: the filter of system calls knows no listen */
		return 0;
	}
	if (t->control >= 0)
		(void)close(t->control); /* ours stands elsewhere */
	t->control = take_listen(path);
	if (t->control >= 0)
		return 0;
	(void)snprintf(why, PREFS_WHY, "control_socket %.120s: %s", path, err_text(t->control));
	return t->control;
}

void takeover_start(struct takeover *t, struct server *s)
{
	t->server = s;
	s->generation = t->generation;
	s->relay = takeover_kin_route(t);
}

int takeover_ready(struct takeover *t, char *why)
{
	const struct take_msg ready = { .kind = TAKE_READY, .generation = t->generation };
	const struct take_msg here = { .kind = TAKE_HERE, .generation = t->generation };
	struct take_msg m;
	int fd = -1, err = 0;

	if (t->old < 0)
		return 0;
	bool sent = take_send(t->old, &ready, -1) == 0; /* if not, the reason is there to be read */
	while ((err = take_recv(t->old, &m, &fd, true)) == 0) {
		if (m.kind == TAKE_GONE && sent) {
			t->is_borrowed = false;
			return 0;
		}
		if (m.kind == TAKE_BUSY)
			return refuse(why, "", "too late: the old process serves on");
		if (m.kind == TAKE_CHECK && sent)
			sent = take_send(t->old, &here, -1) == 0;
		else
			takeover_on_word(t, &m, fd);
	}
	if (err != ERR_CLOSED)
		return refuse(why, "", "the old process did not say that it goes");
	log_write(LOG_W, "takeover", "the old process ended before it had handed over");
	t->is_borrowed = false;
	return 0;
}

/* ---- the old side ---- */

/* Best effort: who does not hear it hears the end. */
static void say_busy(int to)
{
	const struct take_msg busy = { .kind = TAKE_BUSY };
	int err = take_send(to, &busy, -1);
	(void)err;
}

static void set_candidate(struct takeover *t, const struct kin *k)
{
	pthread_mutex_lock(&t->lock);
	t->candidate = *k;
	t->is_offered = t->is_ready = t->is_checked = false;
	pthread_mutex_unlock(&t->lock);
}

static void forget_candidate(struct takeover *t)
{
	int fd = t->candidate.fd;

	set_candidate(t, &(struct kin){ .fd = -1 });
	if (fd < 0)
		return;
	say_busy(fd);
	(void)close(fd);
}

/* He has died, or has been waited for in vain: `why`. */
static void give_up_candidate(struct takeover *t, const char *why)
{
	log_write(LOG_W, "takeover", "process %d %s: we go on", t->candidate_pid, why);
	t->server->takeovers_failed++;
	forget_candidate(t);
}

/* A generation that no process alive has. */
static uint8_t next_generation(const struct takeover *t)
{
	uint8_t g = t->generation;

	do
		g++;
	while (takeover_kin_has(t, g));
	return g;
}

static int offer(struct takeover *t, int to)
{
	struct server *s = t->server;
	struct take_msg m = { .pid = (int32_t)getpid(), .generation = next_generation(t) };
	struct listener_store now = { .n = 0 };
	int err = 0;

	server_listeners(s, &now);
	m.kind = TAKE_LISTENER;
	for (size_t i = 0; !err && i < now.n; i++) {
		m.local = now.v[i].at;
		err = take_send(to, &m, now.v[i].fd);
	}
	m.local = (struct addr){ .n = 0 };
	m.kind = TAKE_CONTROL;
	err = err ? err : take_send(to, &m, t->control);
	m.kind = TAKE_ELDER;
	for (size_t i = 0; !err && i < t->n_kin; i++) {
		m.worker = t->kin[i].generation;
		err = take_send(to, &m, t->kin[i].fd);
	}
	uint8_t his = m.generation;
	m.kind = TAKE_END;
	m.worker = t->generation;
	err = err ? err : take_send(to, &m, -1);
	/* his workers will serve before he says so: from now on there is a way to his sessions */
	pthread_mutex_lock(&t->lock);
	t->candidate.generation = his;
	t->is_offered = !err;
	pthread_mutex_unlock(&t->lock);
	return err;
}

static void on_stranger(struct takeover *t, tick_t now)
{
	int pid, fd = take_accept(t->control, &pid);

	if (fd == -EACCES)
		log_write(LOG_W, "takeover", "refused to another user");
	if (fd < 0)
		return;
	if (t->candidate.fd >= 0 || t->n_kin + 1 >= TAKEOVER_KIN) {
		say_busy(fd);
		(void)close(fd);
		return;
	}
	set_candidate(t, &(struct kin){ .fd = fd });
	t->candidate_pid = pid;
	t->candidate_until = now + TAKEOVER_PATIENCE;
}

/* We have closed our listeners: without this word he would end, and nobody serve. What workers say may fill his
 * socket, but he was there just now, and reads. */
static int say_gone(int to)
{
	const struct take_msg gone = { .kind = TAKE_GONE };
	struct pollfd room = { .fd = to, .events = POLLOUT };
	int err = take_send(to, &gone, -1);

	for (int i = 0; err == -EAGAIN && i < GONE_TRIES; i++) {
		(void)poll(&room, 1, GONE_MS); /* the next try tells */
		err = take_send(to, &gone, -1);
	}
	return err;
}

static void hand_over(struct takeover *t)
{
	log_write(LOG_I, "takeover", "process %d serves from now on", t->candidate_pid);
	server_leave(t->server);
	if (say_gone(t->candidate.fd) != 0)
		log_write(LOG_W, "takeover", "process %d was not told", t->candidate_pid);
	takeover_kin_inherit(t);
	t->server->takeovers++;
	(void)close(t->control); /* it goes on listening in the new process */
	t->control = -1;
	free(t->path);
	t->path = NULL;
	t->is_gone = true;
}

/* READY was the last thing that he did by himself; who has been stopped since must not get the listeners. What
 * workers say to him may fill his socket: then he is asked as soon as he has read some of it. */
static int check(struct takeover *t)
{
	const struct take_msg m = { .kind = TAKE_CHECK, .generation = t->candidate.generation };
	int err = take_send(t->candidate.fd, &m, -1);

	t->is_checked = !err;
	return err == -EAGAIN ? 0 : err;
}

static int on_ready(struct takeover *t, tick_t now)
{
	t->is_ready = true;
	t->candidate_until = now + TAKEOVER_CHECK;
	return check(t);
}

/* HELLO, READY, HERE, or the end of him. True: all is his now. */
static bool on_candidate(struct takeover *t, tick_t now)
{
	struct take_msg m;
	int fd, err = t->is_ready && !t->is_checked ? check(t) : 0;

	while (!err && (err = take_recv(t->candidate.fd, &m, &fd, false)) == 0) {
		takeover_on_word(t, &m, fd); /* his workers serve already */
		if (m.kind == TAKE_HELLO && !t->is_offered)
			err = offer(t, t->candidate.fd);
		else if (m.kind == TAKE_READY && !t->is_ready)
			err = on_ready(t, now);
		if (!err && m.kind == TAKE_HERE && t->is_checked) {
			hand_over(t);
			return true;
		}
	}
	if (err == -EAGAIN)
		return false;
	give_up_candidate(t, "did not come to serve");
	return false;
}

/* ---- the loop ---- */

static void put_fd(struct pollfd *fds, size_t *n, int fd, bool to_write)
{
	fds[(*n)++] =
		(struct pollfd){ .fd = fd, .events = (short)(POLLIN | (to_write ? POLLOUT : 0)) };
}

size_t takeover_fds(struct takeover *t, struct pollfd fds[TAKEOVER_FDS])
{
	size_t n = 0;

	put_fd(fds, &n, t->control, false); /* poll passes over -1 */
	put_fd(fds, &n, t->candidate.fd, t->is_ready && !t->is_checked);
	for (size_t i = 0; i < t->n_kin; i++)
		put_fd(fds, &n, t->kin[i].fd, false);
	return n;
}

tick_t takeover_next(const struct takeover *t)
{
	return t->candidate.fd >= 0 ? t->candidate_until : TICK_NEVER;
}

static void on_kin(struct takeover *t, int from)
{
	struct take_msg m;
	int fd, err = take_recv(from, &m, &fd, false);

	/* who shares this end with us may have read what woke us */
	if (!err)
		takeover_on_word(t, &m, fd);
	else if (err != -EAGAIN)
		takeover_kin_remove(t, from);
}

int takeover_run(struct takeover *t, const struct pollfd *fds, size_t n, tick_t now)
{
	bool handed = false;

	for (size_t i = 2; i < n; i++) {
		if (fds[i].revents)
			on_kin(t, fds[i].fd);
	}
	if (n > 1 && fds[1].revents)
		handed = on_candidate(t, now);
	if (t->candidate.fd >= 0 && now >= t->candidate_until)
		give_up_candidate(t, t->is_ready ? "has stopped since it was ready"
						 : "did not come to serve in time");
	if (n && fds[0].revents && t->control >= 0)
		on_stranger(t, now);
	return handed ? t->candidate_pid : 0;
}

void takeover_close(struct takeover *t)
{
	if (t->control >= 0) {
		if (t->path && !t->is_borrowed)
			(void)unlink(t->path); /* left behind it does no harm: nobody listens */
		(void)close(t->control);
	}
	forget_candidate(t);
	for (size_t i = 0; i < t->n_kin; i++)
		(void)close(t->kin[i].fd); /* they see that we have ended */
	t->n_kin = 0;
	listener_store_clear(&t->given);
	free(t->path);
	(void)pthread_mutex_destroy(&t->lock); /* no worker runs any more */
}
