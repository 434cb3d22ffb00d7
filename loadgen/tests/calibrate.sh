#!/bin/bash
# SPDX-License-Identifier: MIT
# Is what the load generator says true? The server does something known to its packets and replies, and
# counts it itself. Needs jq.
. "$(dirname "$0")/../../server/tests/lib.sh"

R=$TMP/r.json
counter() { jq -r --arg n "$1" '.counters[$n].value' "$R"; }
# quantile NAME ORIGIN FIELD: in ms
quantile() {
	jq -r --arg n "$1" --arg o "$2" --arg f "$3" \
		'.histograms[] | select(.name == $n and .origin == $o) | .[$f] / 1e6' "$R"
}
# near NAME WANT TOLERANCE GOT
near() {
	if awk -v a="$2" -v t="$3" -v b="$4" 'BEGIN { exit !(b != "" && b >= a - t && b <= a + t) }'; then
		ok "$1"
	else
		not_ok "$1 (expected $2 ± $3, got '$4')"
	fi
}
# under FAULT LOADGEN-ARG...: a server with this fault, one run, the server's own counts afterwards
under() {
	local fault=$1
	shift
	rm -f "$TMP/stats.json"
	start_server --fault "$fault" --stats "$TMP/stats.json" || return
	timeout 60 "$BIN/beagle-loadgen" "$URL/pattern/500k/50p" "$@" -q -o "$R" >"$TMP/out" 2>"$TMP/err"
	stop_server
	dropped=$(jq .packets_dropped_fault "$TMP/stats.json")
}

for t in udp tcp; do
	under loss=100 -n 20 -d 4100ms -t $t
	check "$t loss: the server did drop" test "$dropped" -gt 0
	same "$t loss: exactly what the server dropped" "$dropped" "$(counter packets_lost)"
done
under loss=50 -n 20 -d 1s
lost=$(counter packets_lost) tail=$(counter packets_tail_lost)
check "loss at the end is counted apart ($dropped dropped, $lost lost, $tail missing at the end)" \
	test "$lost" -le "$dropped" -a $((lost + tail)) -ge "$dropped"
under loss=100 -n 2 -d 3s --max-loss 0.5
same "a gate on loss fails above it" "false" "$(jq '.gates[] | select(.name == "loss") | .pass' "$R")"

under reorder -n 10 -d 2500ms
same "reordering: no loss" 0 "$(counter packets_lost)"
same "reordering: every 50th packet of each stream, two of 125" 20 "$(counter packets_reordered)"

under reorder=1 -n 2 -d 1s
same "reordering pairs: nothing is lost" "0 0" "$(counter packets_lost) $(counter packets_tail_lost)"

under loss=1 -n 2 -d 1s --max-loss 50
same "nothing comes at all: silent sessions" 2 "$(counter sessions_silent)"
same "nothing comes at all: both gates are missed" "loss sessions_silent" \
	"$(jq -r '[.gates[] | select(.pass == false) | .name] | sort | join(" ")' "$R")"

under ssrc-change -n 5 -d 2s
same "a changed SSRC is seen once in each stream" 5 "$(counter ssrc_changes)"
same "a changed SSRC: no packet is lost" 0 "$(counter packets_lost)"
same "a changed SSRC: none is missing at the end" 0 "$(counter packets_tail_lost)"
check "a changed SSRC contradicts the payload" test "$(counter packets_corrupt)" -gt 0

under reply-delay=20 -n 20 -d 500ms
for m in options describe setup play teardown; do
	near "replies 20 ms late: $m from the send" 20 1 "$(quantile $m sent p50)"
	near "replies 20 ms late: $m from the intended time" 20 1 "$(quantile $m intended p50)"
done

under slow=SETUP:200 -n 20 -d 500ms
near "SETUP 200 ms late: setup" 200 20 "$(quantile setup sent p50)"
check "SETUP 200 ms late: no other method" \
	awk -v d="$(quantile describe sent p50)" -v p="$(quantile play sent p50)" 'BEGIN { exit !(d < 100 && p < 100) }'

for t in udp tcp; do
	under stall=1000 -n 10 -d 5s -t $t
	same "$t stall: one in each stream" 10 "$(counter stalls)"
	near "$t stall: length" 1000 50 "$(quantile stall rtp p50)"
	near "$t stall: the longest" 1000 50 "$(jq '.figures.longest_stall.value / 1e6' "$R")"
	same "$t stall: no packet is lost" 0 "$(counter packets_lost)"
done

under jitter=20 -n 10 -d 3s
check "jitter of 0 to 20 ms shows in the lateness" \
	awk -v p="$(quantile lateness rtp p50)" 'BEGIN { exit !(p >= 3 && p <= 20) }'
check "and in the interarrival jitter" \
	awk -v p="$(quantile jitter rtp p50)" 'BEGIN { exit !(p >= 1 && p <= 20) }'
