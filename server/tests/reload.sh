#!/bin/bash
# SPDX-License-Identifier: MIT
# SIGHUP from outside: flags and file are read again, a bad file changes nothing.
. server/tests/lib.sh

# hup PATTERN: SIGHUP, then waits for a new line of the log that matches
hup() {
	local before
	before=$(grep -c "$1" "$ERR")
	kill -HUP "$SERVER_PID" || return 1
	for _ in $(seq 200); do
		[ "$(grep -c "$1" "$ERR")" -gt "$before" ] && return 0
		sleep 0.05
	done
	return 1
}
# setup_timeout: what a SETUP is told as time-out
setup_timeout() {
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}" || return 1
	printf 'SETUP %s/pattern/trackID=1 RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\nTransport: RTP/AVP/TCP;unicast\r\n\r\n' "$URL" >&9
	timeout 2 cat <&9 | tr -d '\r' | sed -n 's/^Session:.*timeout=//p'
	exec 9<&- 9>&-
}

ini=$TMP/server.ini
printf 'rtp_timeout = 7\nlog = info\n' >"$ini"
start_server --config "$ini" --workers 2 || { not_ok "server starts"; exit 1; }
ERR=$(ls -t "$TMP"/server.*.err | head -n 1)
same "the file's value holds" 7 "$(setup_timeout)"
printf 'rtp_timeout = 9\nlog = info\n' >"$ini"
check "SIGHUP reads it again" hup 'prefs read again'
same "and the new value holds" 9 "$(setup_timeout)"
printf 'rtp_timeout = 11\nlog = info\nrtp_timeot = 1\n' >"$ini"
check "a bad line is named" hup 'prefs .*server.ini:3: .*all stays as it was'
same "and nothing has changed" 9 "$(setup_timeout)"
mv "$ini" "$ini.away"
check "so is a file that is gone" hup 'prefs .*server.ini: No such file.*all stays'
printf 'rtp_timeout = 11\nrun_num_threads = 5\nrtsp_port = 1\nlog = info\n' >"$ini"
check "what cannot change is named" hup 'prefs rtsp_port cannot change while the server runs'
same "the rest does" 11 "$(setup_timeout)"
check "flags stand above the file, as at the start" \
	sh -c "! grep -q 'run_num_threads cannot' '$ERR'"
printf 'rtp_timeout = 11\nlog = error\n' >"$ini"
kill -HUP "$SERVER_PID"
sleep 0.5
printf 'rtp_timeout = 13\nlog = error\n' >"$ini"
kill -HUP "$SERVER_PID"
for _ in $(seq 40); do [ "$(setup_timeout)" = 13 ] && break; sleep 0.1; done
same "the log's level changes, too" 2 "$(grep -c 'read again' "$ERR")"
stop_server
same "and it ends with 0" 0 $?

# rotation of the logs
start_server --access-log "$TMP/access.log" --error-log "$TMP/error.log" --log info --workers 2
ERR=$(ls -t "$TMP"/server.*.err | head -n 1)
bad() { setup_timeout >/dev/null; printf 'FOO x RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' | timeout 2 curl -s "telnet://127.0.0.1:${URL##*:}" >/dev/null; }
lines() { grep -c '^127' "$1"; }
wait_lines() { for _ in $(seq 100); do [ "$(lines "$1")" -ge "$2" ] && return; sleep 0.05; done; return 1; }
bad
check "the access log has the session and the failed request" wait_lines "$TMP/access.log" 2
mv "$TMP/access.log" "$TMP/access.1"
mv "$TMP/error.log" "$TMP/error.1"
bad
check "a log that was renamed goes on in the old file" wait_lines "$TMP/access.1" 4
check "SIGHUP opens the logs again" hup 'prefs read again'
bad
check "the new access log has a header and the next lines" wait_lines "$TMP/access.log" 2
same "its header once" 1 "$(grep -c '^#Fields' "$TMP/access.log")"
same "the old one has no more" 4 "$(lines "$TMP/access.1")"
stop_server
check "the error log began with its start" grep -Eq '^# Streaming STARTUP [0-9-]{10} [0-9:]{8}$' <(head -n 1 "$TMP/error.1")
check "its lines have date, time and level" grep -Eq '^[0-9-]{10} [0-9:]{8}: INFO: ' "$TMP/error.1"
check "and the new one ends with its end" grep -q '^# Streaming SHUTDOWN ' "$TMP/error.log"
