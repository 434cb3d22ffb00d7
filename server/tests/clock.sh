# SPDX-License-Identifier: MIT
# Somebody sets the wall clock while the server runs (libfaketime plays the clock: that of this machine is not
# touched, and time that only goes forward stays what it is).
. server/tests/lib.sh

lib=$(find /usr/lib* -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
[ -n "$lib" ] || { skip "no libfaketime here"; exit 0; }
ldd "$BIN/beagle-server" | grep -q libasan && { skip "libfaketime and the sanitizer don't go together"; exit 0; }

shift_by() { echo "$1" >"$TMP/shift.new" && mv "$TMP/shift.new" "$TMP/shift"; }
# ahead: seconds by which Date is ahead of this machine's clock
ahead() {
	local date
	date=$(curl -sS -m 5 -i "$URL/pattern" | tr -d '\r' | sed -n 's/^Date: //p')
	[ -n "$date" ] && echo $(($(date -d "$date" +%s) - $(date +%s)))
}
is_ahead_by() { local d; d=$(ahead) && [ $((d - $1)) -ge -2 ] && [ $((d - $1)) -le 2 ]; }
# becomes NAME SECONDS: within ten
becomes() {
	local end=$((SECONDS + 10))
	until is_ahead_by "$2"; do
		[ $SECONDS -lt $end ] || { not_ok "$1 (it is $(ahead))"; return; }
		sleep 0.2
	done
	ok "$1"
}

head -c 32 /dev/urandom >"$TMP/key"
shift_by +0
export FAKETIME_TIMESTAMP_FILE=$TMP/shift FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_CACHE_DURATION=1
LD_PRELOAD=$lib start_server --auth-sign-key "$TMP/key" || { not_ok "server starts"; exit 1; }
becomes "Date is the clock's" 0
shift_by +3600
becomes "the clock is set an hour ahead: so is Date" 3600
check "and one line says so" grep -q 'the wall clock was set by +3600' "$SERVER_OUT.err"
# signed URL: what the server says to a DESCRIBE for it
signed=$("$BIN/beagle-server" --sign-url "$URL/pattern" --expires 600 --auth-sign-key "$TMP/key")
describe() {
	local line
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}" || return 1
	printf 'DESCRIBE %s RTSP/1.0\r\nCSeq: 1\r\n\r\n' "$signed" >&9
	IFS= read -r -t 5 -u 9 line
	exec 9<&- 9>&-
	echo "$line" | cut -d' ' -f2
}
same "a URL that was good for ten minutes is not" 403 "$(describe)"
shift_by -7200
becomes "it is set three hours back: so is Date" -7200
same "and the URL is good again" 200 "$(describe)"
stop_server
same "it ends as ever" 0 $?
