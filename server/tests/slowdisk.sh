# SPDX-License-Identifier: MIT
# A disk that takes seconds for an answer holds up the sessions of its own titles, and nobody else. A
# library put before the C library makes every file beneath slow/ take as many milliseconds as the
# control file says.
. server/tests/lib.sh

SLOW_MS=2000
cat >"$TMP/shim.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static _Atomic char slow[4096]; /* by descriptor */

static void wait_for_disk(void)
{
	char text[16] = "";
	const char *path = getenv("SLOW_CONTROL");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0)
		return;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	for (long ms = n > 0 ? atol(text) : 0; ms > 0 && access(path, F_OK) == 0; ms -= 50)
		nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000000 }, NULL);
}

static int is_slow(int fd)
{
	return fd >= 0 && fd < 4096 && atomic_load(&slow[fd]);
}

long syscall(long number, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	int here = number == SYS_openat2 && strstr((const char *)a[1], "slow/") != NULL;
	if (here)
		wait_for_disk();
	long got = next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (number == SYS_openat2 && got >= 0 && got < 4096)
		atomic_store(&slow[got], (char)here);
	return got;
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
	static ssize_t (*next)(int, void *, size_t, off_t);

	if (!next)
		next = (ssize_t (*)(int, void *, size_t, off_t))dlsym(RTLD_NEXT, "pread");
	if (is_slow(fd))
		wait_for_disk();
	return next(fd, p, n, at);
}

int fstat(int fd, struct stat *st)
{
	static int (*next)(int, struct stat *);

	if (!next)
		next = (int (*)(int, struct stat *))dlsym(RTLD_NEXT, "fstat");
	if (is_slow(fd))
		wait_for_disk();
	return next(fd, st);
}

int close(int fd)
{
	static int (*next)(int);

	if (!next)
		next = (int (*)(int))dlsym(RTLD_NEXT, "close");
	if (is_slow(fd)) {
		wait_for_disk();
		atomic_store(&slow[fd], 0);
	}
	return next(fd);
}
C
if ! "${CC:-cc}" -shared -fPIC -O1 -o "$TMP/shim.so" "$TMP/shim.c" -ldl 2>"$TMP/shim.err"; then
	skip "a slow disk: no shared library can be built ($(head -n 1 "$TMP/shim.err"))"
	exit 0
fi
mkdir -p "$TMP/root/slow" "$TMP/root/fast" "$TMP/root/other"
if ! timeout 60 ffmpeg -nostdin -v error -y -stream_loop 5 -i server/tests/media/clip.mp4 -map 0:v:0 \
	-map 0:a:0 -c copy -movflags +rtphint "$TMP/film.mp4" 2>"$TMP/ffmpeg.err"; then
	skip "a slow disk: no film ($(tail -n 1 "$TMP/ffmpeg.err"))"
	exit 0
fi
for n in 1 2 3 4 5 6 7 8 9; do
	for d in slow fast other; do cp "$TMP/film.mp4" "$TMP/root/$d/$n.mp4"; done
done
export SLOW_CONTROL=$TMP/control
# the address sanitizer wants to be first, but does not need to
slow_server() {
	LD_PRELOAD=$TMP/shim.so ASAN_OPTIONS=${ASAN_OPTIONS-}:verify_asan_link_order=0 \
		start_server --root "$TMP/root" --workers 2 --overbuffer-tcp 0 --disable-thinning 1 "$@"
}
slow_server --stats "$TMP/stats.json" --access-log "$TMP/root/slow/access.log" || {
	not_ok "server starts"
	exit 1
}

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=server/tests timeout 120 python3 - "$URL" "$SLOW_CONTROL" "$SLOW_MS" <<'PY'
import os, sys

from rtsp_client import Client, now, run, say

url, control, slow_ms = sys.argv[1], sys.argv[2], int(sys.argv[3])
slow = slow_ms / 1000

slows = [Client(url, "slow/%d.mp4" % n) for n in (1, 2, 3, 4)]
fasts = [Client(url, "fast/%d.mp4" % n) for n in (1, 2, 3, 4)]
say(all([c.play() == "200" for c in slows + fasts]), "sessions of eight titles play")
run(seconds=1)
for c in slows + fasts:
    c.measure()

with open(control + ".new", "w") as f:
    f.write(str(slow_ms))
os.rename(control + ".new", control)  # from now on the disk is slow
run(seconds=1.5)  # what was read ahead
stuck = [Client(url, "slow/%d.mp4" % n) for n in (5, 6, 7, 8)] + [Client(url, "slow/9.mp4") for _ in range(20)]
for c in stuck:
    c.send("DESCRIBE")
run(seconds=0.2)
for c in slows + fasts:
    c.measure()
took = []
began = now()
for n in (5, 6, 7, 8, 9):  # never opened before
    for folder in ("fast", "other"):
        c, t = Client(url, "%s/%d.mp4" % (folder, n)), now()
        status = c.ask("DESCRIBE")
        took.append(now() - t if status == "200" else 1e9)
    run(seconds=slow / 4)
run(seconds=max(0, 3 * slow - (now() - began)))
waits = [c.measure() for c in slows]
gaps = [c.measure() for c in fasts]
say(min(waits) > slow / 2, "the disk is slow: its sessions wait %.0f ms and more" % (min(waits) * 1000))
say(max(gaps) < slow / 3, "those of other titles go on (longest silence %.0f ms)" % (max(gaps) * 1000))
say(max(took) < slow / 3, "other titles are opened at once (%.0f ms at most)" % (max(took) * 1000))
say(sum(1 for c in stuck if c.replies) < len(stuck), "while titles of the slow disk are waited for")

os.unlink(control)
packets = [c.packets for c in slows]
say(run(until=lambda: all(c.packets > n + 20 for c, n in zip(slows, packets)), limit=20),
    "when the disk answers again, its sessions go on")
say(run(until=lambda: all(c.replies and c.replies[0][0] == "200" for c in stuck), limit=20),
    "and who waited for its titles gets them")
say(all(c.ask("TEARDOWN") == "200" for c in slows + fasts), "all end by TEARDOWN")
run(seconds=1.1)  # gauges are taken every second
PY
rc=$?
[ $rc = 0 ] || not_ok "the clients ended early ($rc)"
stop_server
same "and nothing is left over" 0 $?
most=$(number "$TMP/stats.json" io_threads_most)
check "the pool grew while threads were stuck ($most)" [ "$most" -gt 2 ]
same "who asked for one title at a time had it read once" 23 "$(number "$TMP/stats.json" media_files_read)"
same "every session's line is in the access log, which lay on the slow disk" 8 \
	"$(grep -v '^#' "$TMP/root/slow/access.log" | wc -l)"

# a disk that never answers
slow_server --drain-time 500 || exit 1
echo 3600000 >"$SLOW_CONTROL"
port=${URL##*:}
exec 9<>"/dev/tcp/127.0.0.1/$port"
printf 'DESCRIBE %s/slow/1.mp4 RTSP/1.0\r\nCSeq: 1\r\n\r\n' "$URL" >&9
sleep 0.3
began=$(date +%s%N)
stop_server
status=$?
took=$(((($(date +%s%N) - began)) / 1000000))
exec 9<&- 9>&-
same "with a disk that never answers, SIGTERM ends the server with 0" 0 $status
check "and soon ($took ms)" [ $took -lt 8000 ]
