/* SPDX-License-Identifier: MIT */
#include "reports/host.h"

#include <jansson.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "reports/text.h"
#include "server/base/bytes.h"
#include "server/base/os.h"

#define FACT_MAX ((size_t)200)

static void set(json_t *env, const char *name, struct bytes value)
{
	char *s = text_clean(bytes_trim(value), FACT_MAX);
	if (*s)
		(void)json_object_set_new(env, name, json_string(s)); /* clean: cannot fail */
	free(s);
}

/* The value after `key` and `sep` in a file of such lines (/etc/os-release, /proc/cpuinfo). */
static void set_from(json_t *env, const char *name, const char *path, struct bytes key, uint8_t sep)
{
	char *text;
	size_t n;
	struct bytes rest, line;

	if (os_read_file(path, (size_t)8 << 20, &text, &n) != 0)
		return;
	rest = bytes_of(text, n);
	while (bytes_cut(&rest, '\n', &line)) {
		size_t at = bytes_index(line, sep);
		if (at == line.n || !bytes_is_eq(bytes_trim(bytes_sub(line, 0, at)), key))
			continue;
		struct bytes v = bytes_trim(bytes_sub(line, at + 1, line.n));
		if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
			v = bytes_sub(v, 1, v.n - 2);
		set(env, name, v);
		break;
	}
	free(text);
}

static void PRINTF(3, 4) set_printf(json_t *env, const char *name, const char *fmt, ...)
{
	char s[256];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(s, sizeof s, fmt, ap); /* cut is fine */
	va_end(ap);
	set(env, name, bytes_str(s));
}

void host_facts(json_t *env)
{
	struct utsname u;
	struct rlimit files;
	cpu_set_t cpus;
	long online = sysconf(_SC_NPROCESSORS_ONLN), pages = sysconf(_SC_PHYS_PAGES);
	char *text;
	size_t n;

	set_from(env, "os", "/etc/os-release", B("PRETTY_NAME"), '=');
	if (uname(&u) == 0)
		set_printf(env, "kernel", "%s %s %s", u.sysname, u.release, u.machine);
	set_from(env, "cpu", "/proc/cpuinfo", B("model name"), ':');
	if (online > 0)
		set_printf(env, "cpus", "%ld", online);
	if (sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) != online)
		set_printf(env, "cpus_allowed", "%d", CPU_COUNT(&cpus));
	if (pages > 0)
		set_printf(env, "memory", "%.1f GB",
			(double)pages * (double)sysconf(_SC_PAGESIZE) / 1e9);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		set_printf(env, "descriptor_limit", "%ju", (uintmax_t)files.rlim_cur);
	if (os_read_file("/proc/sys/net/core/rmem_max", 64, &text, &n) == 0) {
		struct bytes v = bytes_trim(bytes_of(text, n));
		uint64_t bytes;
		if (bytes_to_u64(v, UINT32_MAX, &bytes))
			set_printf(env, "receive_buffer_limit", "%ju bytes", (uintmax_t)bytes);
		free(text);
	}
}
