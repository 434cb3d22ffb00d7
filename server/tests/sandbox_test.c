/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/base/buf.h"
#include "server/sandbox.h"
#include "server/tests/unit.h"

enum { SAID_MAX = 65536 };

/* Runs fn in a process with that filter: its wait status, and what it said on stderr. Skipped (-1) where
 * there is none. */
static int confined_but(const char *mode, const char *allow, int (*fn)(void), char said[SAID_MAX])
{
	int fd[2];

#if defined(__SANITIZE_ADDRESS__)
	unit_skip("no filter with sanitizers");
	return -1;
#endif
	CU_ASSERT_EQUAL_FATAL(pipe(fd), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char why[PREFS_WHY];
		struct prefs *p = prefs_new();
		(void)dup2(fd[1], STDERR_FILENO);
		(void)close(fd[0]);
		if (prefs_set(p, "seccomp", mode, why) != 0 ||
			prefs_set(p, "seccomp_allow", allow, why) != 0 ||
			sandbox_start(p, why) != 0)
			_exit(99);
		_exit(fn());
	}
	(void)close(fd[1]);
	size_t n = 0;
	for (ssize_t r; n < SAID_MAX - 1 && (r = read(fd[0], said + n, SAID_MAX - 1 - n)) > 0;)
		n += (size_t)r;
	said[n] = '\0';
	(void)close(fd[0]);
	int status = -1;
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	CU_ASSERT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 99);
	return status;
}

static int confined(const char *mode, int (*fn)(void), char said[SAID_MAX])
{
	return confined_but(mode, "", fn, said);
}

static int do_exec(void)
{
	char *const argv[] = { (char *)(uintptr_t) "/bin/true", NULL };
	(void)execv(argv[0], argv);
	return errno == EPERM ? 7 : 8;
}

static void test_kill(void)
{
	char said[SAID_MAX];
	int status = confined("kill", do_exec, said);

	if (status < 0)
		return;
	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	CU_ASSERT_PTR_NOT_NULL(strstr(said, "seccomp: execve is not allowed: killed\n"));
}

static void test_refuse(void)
{
	char said[SAID_MAX];
	int status = confined("refuse", do_exec, said);

	if (status < 0)
		return;
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	CU_ASSERT_STRING_EQUAL(said, "beagle-server: seccomp: execve is not allowed\n");
}

/* A bit for each that went through. */
static int do_others(void)
{
	int open = 0;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	open |= fork() != -1 ? 1 : 0;
	open |= mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
				MAP_FAILED
			? 2
			: 0;
	open |= p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0 ? 4 : 0;
	open |= socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM ? 8 : 0;
	open |= setuid(0) == 0 ? 16 : 0;
	open |= chmod("/tmp", 01777) == 0 ? 32 : 0;
	open |= kill(getppid(), 0) == 0 ? 64 : 0;
	return open;
}

static void test_others(void)
{
	char said[SAID_MAX];
	int status = confined("refuse", do_others, said);

	if (status < 0)
		return;
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
	static const char *const names[] = { "clone", "mmap", "mprotect", "socket", "setuid",
		"chmod", "kill" };
	for (size_t i = 0; i < COUNT(names); i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(said, names[i]));
}

/* A bit for each that a module might want and the server has no need of, and that was refused. */
static int do_extra(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = "/nonexistent" };
	struct statfs fs;
	int pair[2], refused = 0, fd = socket(AF_UNIX, SOCK_STREAM, 0);

	refused |= dup(STDERR_FILENO) == -1 && errno == EPERM ? 1 : 0;
	refused |= connect(fd, (struct sockaddr *)&at, sizeof at) == -1 && errno == EPERM ? 2 : 0;
	refused |= listen(fd, 1) == -1 && errno == EPERM ? 4 : 0;
	refused |= statfs("/", &fs) == -1 && errno == EPERM ? 8 : 0;
	refused |= pipe2(pair, 0) == -1 && errno == EPERM ? 16 : 0;
	return refused;
}

static void test_extra(void)
{
	char said[SAID_MAX];
	int status = confined("refuse", do_extra, said);

	if (status < 0)
		return;
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 31);
	status = confined_but("refuse", " dup  connect pipe2", do_extra, said);
	CU_ASSERT_TRUE(WIFEXITED(status));
	CU_ASSERT_EQUAL(WEXITSTATUS(status), 4 | 8);
}

static void *work(void *arg)
{
	void *p = malloc(1 << 22);
	memset(p, 1, 1 << 22);
	free(p);
	*(int *)arg = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return NULL;
}

/* What a server needs after its start: threads of the pool, memory, sockets. */
static int do_work(void)
{
	pthread_t t[8];
	int fd[8];

	for (size_t i = 0; i < COUNT(t); i++) {
		if (pthread_create(&t[i], NULL, work, &fd[i]) != 0)
			return 1;
	}
	for (size_t i = 0; i < COUNT(t); i++) {
		(void)pthread_join(t[i], NULL);
		if (fd[i] < 0)
			return 2;
	}
	return 0;
}

static void test_work(void)
{
	char said[SAID_MAX];
	int status = confined("kill", do_work, said);

	if (status < 0)
		return;
	CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	CU_ASSERT_STRING_EQUAL(said, "");
}

static int do_many(void)
{
	for (int i = 0; i < 10 * SANDBOX_LINES; i++)
		(void)setuid(0);
	return 0;
}

static void test_lines(void)
{
	char said[SAID_MAX];
	int lines = 0, status = confined("refuse", do_many, said);

	if (status < 0)
		return;
	for (const char *p = said; *p; p++)
		lines += *p == '\n';
	CU_ASSERT_EQUAL(lines, SANDBOX_LINES);
}

UNIT_SUITE(sandbox, { "kill: who execs ends by SIGSYS, and the call is named", test_kill },
	{ "refuse: it is EPERM, and the call is named", test_refuse },
	{ "no process, executable memory, raw socket, other user, mode or signal to others",
		test_others },
	{ "what modules alone might need is refused, unless seccomp_allow names it", test_extra },
	{ "threads, memory and sockets of a server are allowed", test_work },
	{ "a call that is refused again and again fills no log", test_lines });
