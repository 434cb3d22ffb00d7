#!/bin/bash
# SPDX-License-Identifier: MIT
# 1,000 sessions of 500 kbit/s and 50 packets a second each, for 10 s, over UDP and over TCP, and 2,000
# over UDP within the limit of descriptors: nothing lost, nothing corrupt, every session gets 99 % of
# what is due to it, and the generator is not the limit. Needs jq and two quiet cores.
. "$(dirname "$0")/../../server/tests/lib.sh"

if [ -n "${SAN-}" ]; then
	skip "thousand sessions: sanitizers take the speed that this measures"
	exit 0
fi
R=$TMP/r.json
counter() { jq -r --arg n "$1" '.counters[$n].value' "$R"; }
figure() { jq -r --arg n "$1" '.figures[$n].value' "$R"; }

# The machine was busy with other things than this: the run says nothing about anybody.
is_disturbed() {
	jq -e '(.validity.valid | not) and (.figures.run_delay.value > 0.1 or .figures.steal.value > 0.1)' \
		"$R" >"$TMP/x"
}
# load N TIME ARG...: one run against a server of its own
load() {
	local n=$1 time=$2
	shift 2
	start_server || return
	timeout 120 "$BIN/beagle-loadgen" "$URL/pattern/500k/50p" -n "$n" -d "$time" "$@" \
		--max-lag 5ms --server-pid "$SERVER_PID" -q -o "$R" >"$TMP/out" 2>"$TMP/err"
	stop_server
	grep -E '^(packets|generator|machine|VALID|INVALID)' "$TMP/out"
}
# crowd NAME N TIME ARG...: judged on the first of three runs that was not disturbed
crowd() {
	local name=$1
	shift
	for _ in 1 2 3; do
		rm -f "$R"
		load "$@"
		is_disturbed || break
	done
	if is_disturbed; then
		skip "$name: three runs, each disturbed by other work on this machine"
		return
	fi
	same "$name: all sessions play and end" "$1 $1 0" \
		"$(counter sessions_started) $(counter sessions_completed) $(counter sessions_failed)"
	same "$name: 0 lost, 0 corrupt" "0 0" "$(counter packets_lost) $(counter packets_corrupt)"
	holds "$name: every session got 99 % of what was due to it ($(figure worst_session_delivered))" \
		'.figures.worst_session_delivered.value >= 0.99'
	same "$name: no datagram dropped by our own buffers" 0 "$(counter own_drops)"
	same "$name: the generator was not the limit" true "$(jq .validity.valid "$R")"
}
crowd "1000 over udp" 1000 10s -t udp
crowd "1000 over tcp" 1000 10s -t tcp
crowd "2000 over udp, shared sockets" 2000 10s -t udp --sockets wide
