#!/bin/bash
# SPDX-License-Identifier: MIT
# The suite against a server that is not ours: it finishes, nothing of ours ends, and it finds that
# server's real deviations.
. server/tests/lib.sh
suite=$BIN/beagle-conformance

peer=$(ci/peers/build 2>"$TMP/why") || { skip "gst-rtsp-server: $(tail -n 1 "$TMP/why")"; exit 0; }
command -v ffmpeg >/dev/null || { skip "gst-rtsp-server: ffmpeg is not there to make a clip"; exit 0; }
clip=$TMP/peer.mp4
ffmpeg -nostdin -hide_banner -v error -y -f lavfi -i testsrc2=size=320x240:rate=25:duration=10 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=10 -threads 1 -c:v libx264 \
	-preset veryfast -x264-params threads=1:keyint=50:scenecut=0:bframes=0 -b:v 200k \
	-pix_fmt yuv420p -c:a aac -b:a 64k "$clip" || { skip "gst-rtsp-server: no clip"; exit 0; }

# It aborts on `Scale: nan`; like a service, it is started again on its port.
# shellcheck disable=SC2016
bash -c 'trap "kill \$p 2>/dev/null; exit" TERM
	port=0
	while :; do
		"$1" "$2" $port >"$3" 2>/dev/null &
		p=$!
		while [ $port = 0 ] && kill -0 $p 2>/dev/null; do
			sleep 0.1
			port=$(sed -n "s#.*127.0.0.1:\([0-9]*\)/.*#\1#p" "$3")
			port=${port:-0}
		done
		wait $p
	done' peer "$peer" "$clip" "$TMP/peer.url" >/dev/null 2>&1 &
keeper=$!
for _ in $(seq 100); do
	url=$(sed -n 's/^listening //p' "$TMP/peer.url" 2>/dev/null)
	[ -n "$url" ] && break
	sleep 0.1
done
[ -n "${url-}" ] || { not_ok "the peer starts"; kill $keeper; exit 1; }

timeout 170 "$suite" run "$url" -o "$TMP/peer.json" --evidence "$TMP/evidence" >"$TMP/peer.log" 2>&1
rc=$?
kill -TERM $keeper
wait $keeper 2>/dev/null
same "the suite finishes and says that checks failed" 1 $rc
[ $rc = 1 ] || tail -n 20 "$TMP/peer.log"
verdict() { jq -r --arg id "$1" '.cases[] | select(.id == $id) | .verdict' "$TMP/peer.json"; }
same "an unknown method gets another status than 501 there" warn "$(verdict method.unknown.501)"
same "a range beyond the end gets another status than 457 there" fail "$(verdict range.npt.beyond-end)"
same "a Scale that is no number ends it" fail "$(verdict neg.rg.scale-nan)"
jq -e '.cases[] | select(.id == "neg.rg.scale-nan") | .reason | test("peer died|close")' "$TMP/peer.json" >/dev/null &&
	ok "and that is what the reason says" || not_ok "and that is what the reason says"
same "RTP-Info's seq is wrong there on audio" fail "$(verdict method.play.rtp-info)"
n=$(jq '[.cases[] | select(.verdict == "inconclusive")] | length' "$TMP/peer.json")
# a case that ends the peer takes along those that run beside it
all=$(jq '.cases | length' "$TMP/peer.json")
[ $((n * 10)) -le "$all" ] && ok "nearly every case comes to a verdict ($n of $all do not)" ||
	not_ok "nearly every case comes to a verdict ($n of $all do not)"
"$suite" curl "$url" >/dev/null 2>&1
same "an unreachable peer is exit 4 for libcurl too" 4 $?
