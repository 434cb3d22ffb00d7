#!/bin/bash
# SPDX-License-Identifier: MIT
# Captured sessions against a live server, and libcurl as a client that is not ours.
. server/tests/lib.sh
suite=$BIN/beagle-conformance

start_server || { not_ok "the server starts"; exit 1; }

for f in clip-udp.pcap clip-tcp.pcapng; do
	"$suite" replay captures/samples/$f "$URL/clip.mp4" -o "$TMP/$f.json" >"$TMP/$f.log" 2>&1
	rc=$?
	same "$f replays against the server that it was recorded from" 0 $rc
	[ $rc = 0 ] || cat "$TMP/$f.log"
	n=$(jq '[.. | .method? | strings] | length' "$TMP/$f.json")
	[ "${n:-0}" -ge 5 ] && ok "its result names every request" ||
		not_ok "its result names every request ($n)"
done
# The recording has about 80 and 8 packets; the live session plays as long.
grep -E 'track 1: [0-9]+ -> (7[5-9]|8[0-5]) packets' "$TMP/clip-udp.pcap.log" >/dev/null &&
	ok "as much media came as in the recording" || not_ok "as much media came as in the recording"

"$suite" replay captures/samples/clip-udp.pcap "$URL/pattern/500k/50p/1t" >"$TMP/other.log" 2>&1
same "a presentation that lacks a medium breaks the replay" 1 $?
check "and the medium is named" grep -q 'sdp m=audio' "$TMP/other.log"
"$suite" replay captures/samples/clip-udp.pcap "$URL/clip.mp4" --speed 100 --max-gap 0.2 >"$TMP/fast.log" 2>&1
same "a replay can be sped up" 0 $?
"$suite" replay README.md "$URL/clip.mp4" >/dev/null 2>"$TMP/bad"
same "what is no capture is exit 2" 2 $?
same "it is told in one line" 1 "$(wc -l <"$TMP/bad")"
check "which names the file" grep -q '^beagle-conformance: README.md: ' "$TMP/bad"
"$suite" check "$TMP/none.pcap" 2>"$TMP/bad"
same "no capture to check is exit 2" 2 $?
check "and its name is told" grep -q none.pcap "$TMP/bad"
"$suite" replay captures/samples/clip-udp.pcap rtsp://127.0.0.1:1/x >/dev/null 2>&1
same "an unreachable target is exit 4" 4 $?

real=$BEAGLE_DATA/captures/real
if [ -d "$real" ]; then
	"$suite" replay "$real/airtunes-announce-record-flush.pcap" "$URL/clip.mp4" >/dev/null 2>"$TMP/why"
	same "a session that publishes is refused" 3 $?
	"$suite" replay "$real/rtp-opus-one-way.pcap" "$URL/clip.mp4" >/dev/null 2>"$TMP/why"
	same "a capture without RTSP is refused" 3 $?
	for f in dahua-h264-udp-digest.pcapng onvif-h265-pcma-interleaved-digest.pcap; do
		"$suite" replay "$real/$f" "$URL/clip.mp4" --max-gap 1 -o "$TMP/$f.json" >"$TMP/$f.log" 2>&1
		same "a camera's session replays against our server: $f" 0 $?
	done
	"$suite" check "$real/live555-fuzzbuild-odd-status-wav.pcap" >"$TMP/odd" 2>&1
	same "a capture of a known bad server breaks clauses" 1 $?
else
	skip "real captures: $real is not there"
fi

for path in /clip.mp4 /pattern; do
	"$suite" curl "$URL$path" >"$TMP/curl" 2>&1
	same "libcurl plays $path over interleaved TCP" 0 $?
	check "and tears it down" grep -q '^TEARDOWN *ok' "$TMP/curl"
done
