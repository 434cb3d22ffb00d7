# SPDX-License-Identifier: MIT
# The units for systemd, read by systemd's own checker (nothing is started by it), and their command line; a worker that
# hangs is heard by the service manager.
. server/tests/lib.sh

# ---- what systemd says of the units ----
mkdir "$TMP/units"
cp server/beagle-server.socket "$TMP/units"
sed "s#/usr/local/bin/beagle-server#$BIN/beagle-server#" server/beagle-server.service >"$TMP/units/beagle-server.service"
verify() { systemd-analyze verify --man=no "$TMP/units/$1" 2>&1; }
if command -v systemd-analyze >/dev/null; then
	for unit in beagle-server.service beagle-server.socket; do
		said=$(verify $unit)
		same "systemd-analyze verify has nothing to say of $unit" "0 " "$? $said"
	done
	sed 's/^WatchdogSec=/WatchdogSecs=/' "$TMP/units/beagle-server.service" >"$TMP/units/beagle-typo.service"
	check "and would have of one with a typing error" grep -q "Unknown key .*WatchdogSecs" <(verify beagle-typo.service)
else
	skip "systemd-analyze verify: systemd is not installed"
fi

# ---- their command line is one that the server takes ----
python3 server/tests/notify.py "$TMP/notify" "$TMP/heard" &
SERVER_PIDS+=($!)
for _ in $(seq 100); do grep -qs listening "$TMP/heard" && break; sleep 0.05; done
heard() { # TEXT SECONDS
	for _ in $(seq $((20 * $2))); do
		grep -q -- " $1" "$TMP/heard" && return 0
		sleep 0.05
	done
	return 1
}
echo 'rtsp_port = 0' >"$TMP/beagle.ini"
read -r -a command < <(sed -n '/^ExecStart=/,/[^\\]$/p' server/beagle-server.service | sed 's/\\$//; s/^ExecStart=[^ ]*//' |
	tr '\n' ' ' | sed "s#/etc/beagle-server.ini#$TMP/beagle.ini#; s#/run/beagle/control#$TMP/control#")
if [ "$(id -u)" != 0 ]; then
	skip "the command line of the unit: needs root"
else
	chmod 755 "$TMP"
	[ -z "${SAN-}" ] || command+=(--seccomp off)
	# with the limits that the unit sets for its memory and files
	NOTIFY_SOCKET=$TMP/notify WATCHDOG_USEC=20000000 start_server "${command[@]}"
	check "a server with the unit's command line says READY=1" heard READY=1 10
	stop_server
	same "and ends with 0" 0 $?
fi

# ---- a worker that hangs ----
CC=${CC:-gcc}
if ! command -v "${CC%% *}" >/dev/null; then
	skip "a worker that hangs: no compiler for its module"
	exit 0
fi
cat >"$TMP/hang.c" <<'END'
#include <string.h>
#include <unistd.h>
#include "server/core/module.h"
#include "server/core/rtsp_txn.h"

static enum verdict filter(struct module *self, struct rtsp_txn *t)
{
	(void)self;
	while (memmem(t->raw.p, t->raw.n, "/hang", 5))
		sleep(1);
	return MOD_PASS;
}

const struct module beagle_module = { MODULE_HEAD("hang"), .filter = filter };
END
mkdir "$TMP/modules"
# shellcheck disable=SC2086
if ! $CC -shared -fPIC -D_GNU_SOURCE -I . -o "$TMP/modules/hang.so" "$TMP/hang.c" 2>"$TMP/cc.err"; then
	not_ok "the module that hangs is built ($(head -n 1 "$TMP/cc.err"))"
	exit 0
fi
: >"$TMP/heard"
NOTIFY_SOCKET=$TMP/notify WATCHDOG_USEC=1000000 start_server --workers 2 --modules "$TMP/modules"
check "the watchdog is told that all workers turn" heard WATCHDOG=1 10
# the first worker, which accepts, gets the first connection; the second one is to hang
exec 6<>"/dev/tcp/127.0.0.1/${URL##*:}"
sleep 0.2
exec 4<>"/dev/tcp/127.0.0.1/${URL##*:}"
printf 'OPTIONS %s/hang RTSP/1.0\r\nCSeq: 1\r\n\r\n' "$URL" >&4
sleep 2
n=$(grep -c WATCHDOG "$TMP/heard")
sleep 3
same "when one hangs, it hears nothing any more" "$n" "$(grep -c WATCHDOG "$TMP/heard")"
check "though the other serves" grep -q 'RTSP/1.0 200' <(
	exec 5<>"/dev/tcp/127.0.0.1/${URL##*:}"
	printf 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' >&5
	timeout 5 cat <&5)
exec 4<&- 4>&- 6<&- 6>&-
