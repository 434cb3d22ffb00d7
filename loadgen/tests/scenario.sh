#!/bin/bash
# SPDX-License-Identifier: MIT
# What sessions of the load generator can do beside playing from the start: files whose schedule nobody
# knows, a start in the middle, PAUSE, full cycles, many titles. Needs jq.
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

start_server || exit 1

for way in "udp wide" "udp pairs" "tcp auto"; do
	set -- $way
	load "$URL/clip.mp4" -n 20 -d 1500ms --seek 0-3s -t "$1" --sockets "$2" -o "$R"
	ended "a file, $way: exit 0"
	zero "a file, $way: nothing lost" packets_lost sessions_below_99 sessions_failed strays malformed wrong_type
	same "a file, $way: what is due to each session is known" 20 "$(counter sessions_judged)"
done
load "$URL/pattern/500k/50p" -n 20 -d 1s --sockets wide --payloads skip -o "$R"
same "--payloads skip: nothing is read, all is counted" "not read 0 0 0" \
	"$(jq -r .config.payloads.value "$R") $(counter packets_checked) $(counter packets_lost) $(counter sessions_below_99)"

load "$URL/pattern/500k/50p" -n 10 -d 3s --pause-after 1s -o "$R"
ended "--pause-after: exit 0"
same "--pause-after: every session is paused and judged up to there" "10 10 0" \
	"$(jq '[.histograms[] | select(.name == "pause") | .n][0]' "$R") $(counter sessions_completed) $(counter sessions_below_99)"
holds "--pause-after: no packet of the time after it" \
	'.counters.packets_received.value > 400 and .counters.packets_received.value < 700'

load "$URL/clip.mp4" -n 300 --rate 150 --cycle -o "$R"
same "--cycle: every session goes all the way" "300 300 0" \
	"$(counter sessions_started) $(counter sessions_completed) $(counter sessions_failed)"
same "--cycle: no OPTIONS, one each of the others" "null 300 300 300" \
	"$(jq -r '[.histograms[] | select(.origin == "sent")] | INDEX(.name) | "\(.options.n) \(.describe.n) \(.play.n) \(.teardown.n)"' "$R")"

cp server/tests/media/clip.mp4 "$TMP/t1.mp4"
cp server/tests/media/clip.mp4 "$TMP/t2.mp4"
load "$URL/clip.mp4" -n 300 --rate 150 --cycle --pipeline -o "$R"
same "--pipeline: every session goes all the way" "300 300 0 0" \
	"$(counter sessions_started) $(counter sessions_completed) $(counter sessions_failed) $(counter replies_bad)"
same "--pipeline: every reply finds its request" "300 300 300" \
	"$(jq -r '[.histograms[] | select(.origin == "sent")] | INDEX(.name) | "\(.describe.n) \(.play.n) \(.teardown.n)"' "$R")"
load "$URL/nosuch.mp4" -n 5 --cycle --pipeline -o "$R"
same "--pipeline: a refusal ends the session" "5" "$(counter RequestFailed)"

stop_server
start_server --root "$TMP" || exit 1
load "$URL/t{n}.mp4" -n 4 -d 500ms --titles 3 -o "$R"
same "--titles: {n} is 1 to N, session by session" "3 1" "$(counter sessions_completed) $(counter RequestFailed)"
