/* SPDX-License-Identifier: MIT */
#include "server/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/base/os.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER true
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER false
#endif

/* Names, not numbers: those that an architecture doesn't have are passed over. What the server itself calls when it
 * has started, with all its doors, and libc for it; modules name what they need (seccomp_allow). */
static const char *const allowed[] = {
	/* files and logs */
	"read",
	"write",
	"readv",
	"writev",
	"pread64",
	"lseek",
	"openat",
	"openat2",
	"close",
	"fstat",
	"newfstatat",
	"fstatat64",
	"statx",
	"readlink",
	"readlinkat",
	"rename",
	"renameat",
	"renameat2",
	"unlink",
	"unlinkat",
	"fsync",
	"fchmod",
	"fcntl",
	"fcntl64",
	"getcwd",
	/* sockets */
	"bind",
	"accept4",
	"getsockname",
	"getpeername",
	"setsockopt",
	"getsockopt",
	"sendto",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recvmsg",
	"recvmmsg",
	"shutdown",
	/* waiting, time */
	"poll",
	"ppoll",
	"ppoll_time64",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	"epoll_pwait2",
	"timerfd_settime",
	"signalfd4",
	"clock_nanosleep",
	"clock_gettime",
	"gettimeofday",
	"time",
	"restart_syscall",
	/* memory, threads, signals */
	"munmap",
	"mremap",
	"madvise",
	"brk",
	"futex",
	"futex_time64",
	"set_robust_list",
	"rseq",
	"sched_yield",
	"sched_getaffinity",
	"gettid",
	"getpid",
	"exit",
	"exit_group",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"tgkill",
	/* who and where we are */
	"getrandom",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"sysinfo",
};

struct rule {
	const char *name;
	unsigned arg;
	enum scmp_compare how;
	uint64_t a, b; /* a mask and its value, or the value alone */
};

/* Calls that are allowed in this form only. */
static const struct rule rules[] = {
	{ "mmap", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	{ "mmap2", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	{ "mprotect", 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 },
	{ "clone", 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD },
	{ "socket", 0, SCMP_CMP_EQ, AF_INET, 0 }, { "socket", 0, SCMP_CMP_EQ, AF_INET6, 0 },
	{ "socket", 0, SCMP_CMP_EQ, AF_UNIX, 0 }, { "socketpair", 0, SCMP_CMP_EQ, AF_UNIX, 0 },
	{ "ioctl", 1, SCMP_CMP_EQ, TCGETS, 0 }, { "ioctl", 1, SCMP_CMP_EQ, FIONREAD, 0 },
	{ "ioctl", 1, SCMP_CMP_EQ, FIONBIO, 0 }, { "prctl", 0, SCMP_CMP_EQ, PR_SET_NAME, 0 },
	{ "prlimit64", 2, SCMP_CMP_EQ, 0, 0 }, /* to read */
};

/* ---- what happens to the others ---- */

enum { NAMES = 512 };
/* For the handler alone: filled before the filter, never changed. */
static struct {
	char *names[NAMES];
	bool kills;
	_Atomic unsigned lines;
} refused;

static void say(const char *name)
{
	static const char head[] = "beagle-server: seccomp: ";
	const char *tail = refused.kills ? " is not allowed: killed\n" : " is not allowed\n";
	char line[128];
	size_t n = 0;

	/* no stdio here; names are short, and cut if they aren't */
	memcpy(line, head, sizeof head - 1);
	n = sizeof head - 1;
	for (size_t i = 0; i < 60 && name[i]; i++)
		line[n++] = name[i];
	for (size_t i = 0; tail[i]; i++)
		line[n++] = tail[i];
	if (write(STDERR_FILENO, line, n) < 0)
		return; /* nobody listens */
}

/* The answer of the call that was not made. */
static void set_result(ucontext_t *c, long value)
{
#if defined(__x86_64__)
	c->uc_mcontext.gregs[REG_RAX] = value;
#elif defined(__aarch64__)
	c->uc_mcontext.regs[0] = (unsigned long long)value;
#else
	(void)c; /* the kernel's -ENOSYS stands */
	(void)value;
#endif
}

static void on_refused(int sig, siginfo_t *si, void *context)
{
	int number = si->si_syscall;
	const char *name = number >= 0 && number < NAMES ? refused.names[number] : NULL;

	if (atomic_fetch_add(&refused.lines, 1) < SANDBOX_LINES)
		say(name ? name : "a call");
	if (refused.kills) {
		(void)signal(sig, SIG_DFL); /* comes at the end of this handler */
		(void)raise(sig);
	}
	set_result(context, -EPERM);
}

static void prepare_handler(bool kills)
{
	struct sigaction act = { .sa_sigaction = on_refused, .sa_flags = SA_SIGINFO | SA_NODEFER };

	refused.kills = kills;
	for (int i = 0; i < NAMES; i++)
		refused.names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
	sigemptyset(&act.sa_mask);
	if (sigaction(SIGSYS, &act, NULL) != 0)
		die("sigaction");
}

/* ---- the filter ---- */

static int add_rule(scmp_filter_ctx f, const struct rule *r)
{
	int number = seccomp_syscall_resolve_name(r->name);
	const struct scmp_arg_cmp cmp = {
		.arg = r->arg, .op = r->how, .datum_a = r->a, .datum_b = r->b
	};
	return number < 0 ? 0 : seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 1, &cmp);
}

static int allow(scmp_filter_ctx f, int number)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, number, 0, NULL);
}

/* What modules need, by name: here one that there is not is somebody's mistake. */
static int add_named(scmp_filter_ctx f, const char *names, char *why)
{
	struct bytes rest = bytes_str(names), one;
	int err = 0;

	while (!err && bytes_cut(&rest, ' ', &one)) {
		char name[64];
		if (!one.n)
			continue;
		bool fits = bytes_to_str(one, name, sizeof name);
		int number = fits ? seccomp_syscall_resolve_name(name) : __NR_SCMP_ERROR;
		err = number < 0 ? ERR_RANGE : allow(f, number);
		if (err)
			(void)snprintf(why, PREFS_WHY,
				"seccomp_allow: '%.*s' is no system call here",
				(int)(one.n < 60 ? one.n : 60), (const char *)one.p);
	}
	return err;
}

static int add_rules(scmp_filter_ctx f)
{
	int err = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);

	for (size_t i = 0; !err && i < COUNT(allowed); i++) {
		int number = seccomp_syscall_resolve_name(allowed[i]);
		if (number >= 0)
			err = allow(f, number);
	}
	for (size_t i = 0; !err && i < COUNT(rules); i++)
		err = add_rule(f, &rules[i]);
	/* its flags cannot be looked at: who asks for it takes clone instead */
	if (!err && seccomp_syscall_resolve_name("clone3") >= 0)
		err = seccomp_rule_add_array(
			f, SCMP_ACT_ERRNO(ENOSYS), seccomp_syscall_resolve_name("clone3"), 0, NULL);
	return err;
}

int sandbox_start(const struct prefs *p, char *why)
{
	why[0] = '\0';
	if (strcmp(p->seccomp, "off") == 0)
		return 0;
	if (HAS_SANITIZER) {
		log_write(LOG_W, "server", "seccomp: not in a build with sanitizers");
		return 0;
	}
	prepare_handler(strcmp(p->seccomp, "kill") == 0);
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_TRAP);
	int err = f ? add_rules(f) : -ENOMEM;
	if (!err)
		err = add_named(f, p->seccomp_allow, why);
	bool is_named = err && *why;
	if (!err)
		err = seccomp_load(f);
	seccomp_release(f);
	if (err && !is_named)
		(void)snprintf(why, PREFS_WHY, "seccomp: %s", err_text(err));
	return err;
}
