#!/bin/bash
# SPDX-License-Identifier: MIT
# The load generator against our own server: twenty sessions each way, the result file, gates, the
# ways a run can end. Needs jq.
. "$(dirname "$0")/../../server/tests/lib.sh"

R=$TMP/r.json
# load NAME ARG...: runs it quietly; its exit status is in $rc, the summary in $TMP/out
load() {
	timeout 120 "$BIN/beagle-loadgen" "$@" -q >"$TMP/out" 2>"$TMP/err"
	rc=$?
}
counter() { jq -r --arg n "$1" '.counters[$n].value' "$R"; }
# zero NAME COUNTER...: all of them are 0
zero() {
	local name=$1 n
	shift
	for n in "$@"; do
		[ "$(counter "$n")" = 0 ] || { not_ok "$name ($n is $(counter "$n"))"; return; }
	done
	ok "$name"
}
# ended NAME: exit 0, or 3 where the machine is too busy for an honest run
ended() {
	if [ $rc = 3 ]; then skip "$1: $(jq -r '.validity.reasons | join("; ")' "$R")"; else same "$1" 0 $rc; fi
}

start_server --stats "$TMP/stats.json" || exit 1

for way in "udp pairs" "udp wide" "tcp auto"; do
	set -- $way
	load "$URL/pattern/500k/50p/2t" -n 20 -d 2s -t "$1" --sockets "$2" -o "$R" --server-pid "$SERVER_PID"
	ended "$way: exit 0"
	same "$way: every session plays and ends" "20 20 0" \
		"$(counter sessions_started) $(counter sessions_completed) $(counter sessions_failed)"
	zero "$way: nothing lost, nothing corrupt" packets_lost packets_corrupt packets_duplicate \
		packets_reordered position_gaps position_errors strays malformed own_drops wrong_source
	same "$way: every packet was checked" "$(counter packets_received)" "$(counter packets_checked)"
	holds "$way: every session got 99 % of what was due to it" \
	'.figures.worst_session_delivered.value >= 0.99'
	holds "$way: latencies from the intended time and from the send" \
	'[.histograms[] | select(.name == "setup") | .origin] | sort == ["intended", "sent"]'
	holds "$way: the series has a row a second and the server's CPU" \
	'(.series.rows | length) >= 2 and ([.series.columns[].name] | index("cpu_server") != null)'
done
same "the mode is in the result" tcp "$(jq -r .config.receive_mode.value "$R")"
kill -USR1 "$SERVER_PID"
sleep 0.3
check "receiver reports reach the server, and it can read them" \
	test "$(jq '.rtcp_received > 0 and .rtcp_bad == 0' "$TMP/stats.json")" = true
holds "sender reports are read" '.counters.rtcp_reports_received.value > 0'

load "$URL/nosuch" -n 3 -o "$R"
same "a refused session: exit 1" 1 $rc
same "a refused session has its reason" "3 3" \
	"$(counter RequestFailed) $(jq '[.errors[] | select(.kind == "status 404") | .count] | add' "$R")"

load "$URL/pattern/500k/50p/1s" -n 2 -d 20s -o "$R"
same "a stream that ends says BYE and the session leaves early" "2 100 2" \
	"$(counter sessions_completed) $(counter packets_received) $(counter rtcp_byes_received)"

main_url=$URL main_pid=$SERVER_PID
start_server --rtp-timeout 2
load "$URL/pattern" -n 3 -d 5s -o "$R"
same "a session that would time out is kept alive" "3 0" \
	"$(counter sessions_completed) $(counter sessions_failed)"
holds "by requests every half time-out" '.counters.keepalives.value >= 9'
stop_server
URL=$main_url SERVER_PID=$main_pid

# the user's end
"$BIN/beagle-loadgen" "$URL/pattern" -n 10 -d 60s -o "$R" >"$TMP/out" 2>"$TMP/err" &
pid=$!
sleep 2
kill -INT $pid
wait $pid
same "interrupted: exit 130" 130 $?
same "interrupted: every session is told goodbye and counted" "10 0" \
	"$(counter Interrupted) $(counter sessions_failed)"
holds "interrupted: the result is whole" \
	'.notes | any(test("interrupted"))'
check "progress: clean lines, one a second" \
	grep -Eq '^ *1s  started 10/10  playing 10  failed 0  [0-9.k]+ pkt/s  .*lost 0' "$TMP/err"
same "progress: no control characters away from a terminal" 0 "$(grep -c $'[\r\033]' "$TMP/err")"

# more sessions than descriptors
(ulimit -n 60; exec "$BIN/beagle-loadgen" "$URL/pattern" -n 100 -d 3s -q -o "$R" >"$TMP/out" 2>"$TMP/err")
same "out of descriptors: INVALID, exit 3" 3 $?
holds "out of descriptors: those that got through lost nothing" \
	'.counters.GeneratorLimit.value > 0 and .counters.sessions_completed.value > 0 and .counters.packets_lost.value == 0'

load "$URL/pattern?token=s3cret" -d 200ms -o "$R"
check "a token in the URL is in no output" bash -c "! grep -q s3cret '$TMP/out' '$TMP/err' '$R'"

# stopped for a third of the run: not the server's fault
"$BIN/beagle-loadgen" "$URL/pattern" -n 20 -d 1s --rate 20 -q -o "$R" >"$TMP/out" 2>"$TMP/err" &
pid=$!
sleep 0.5
kill -STOP $pid
sleep 1
kill -CONT $pid
wait $pid
same "stopped on the way: INVALID, exit 3" 3 $?
holds "stopped on the way: for the late timer" \
	'[.validity.checks[] | select(.name == "timer_lag_p99") | .pass] == [false]'

# a result that does not fit: a message, no half of a file
rm -f "$R"
(ulimit -f 1; exec "$BIN/beagle-loadgen" "$URL/pattern" -d 200ms -q -o "$R" >"$TMP/out" 2>"$TMP/err")
same "no room for the result: exit 3" 3 $?
check "no room for the result: it says so" grep -q "cannot write $R" "$TMP/err"
same "no room for the result: nothing is left" "" "$(ls "$TMP" | grep '^r\.json')"

# the target dies
"$BIN/beagle-loadgen" "$URL/pattern" -n 5 -d 30s -t tcp -q -o "$R" >"$TMP/out" 2>"$TMP/err" &
pid=$!
sleep 1
kill -KILL "$SERVER_PID"
wait "$SERVER_PID" 2>/dev/null
wait $pid
same "the target dies: exit 4" 4 $?
same "the target dies: its sessions died while playing" 5 "$(counter DiedWhilePlaying)"
load "$URL/pattern?token=s3cret" -n 100
same "nobody there: exit 4" 4 $rc
same "nobody there: one line" "beagle-loadgen: nobody answers at $URL/pattern?token=REDACTED" "$(cat "$TMP/err")"
