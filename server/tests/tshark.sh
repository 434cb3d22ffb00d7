# SPDX-License-Identifier: MIT
# What TShark, a dissector that is not ours, says of our own UDP sessions: nothing malformed, nothing lost.
. server/tests/lib.sh
command -v tshark >/dev/null || { not_ok "tshark is missing: ci/deps test"; exit 1; }
export WIRESHARK_CONFIG_DIR=$TMP

dissect() { # NAME FILE PORT
	local name=$1 file=$2 as="tcp.port==$3,rtsp" n streams
	n=$(tshark -r "$file" -d "$as" -Y rtsp 2>/dev/null | wc -l)
	check "$name: RTSP is seen" [ "$n" -gt 8 ]
	# TShark 4.0 reads sprop-parameter-sets without taking the emulation prevention bytes out, and
	# then calls a right SDP malformed
	n=$(tshark -r "$file" -d "$as" -Y '_ws.malformed && !sdp' 2>/dev/null | wc -l)
	same "$name: no malformed packet" 0 "$n"
	streams=$(tshark -r "$file" -d "$as" -q -z rtp,streams 2>/dev/null | grep -c '0x[0-9A-Fa-f]')
	check "$name: RTP streams are seen" [ "$streams" -ge 1 ]
	n=$(tshark -r "$file" -d "$as" -q -z rtp,streams 2>/dev/null |
		awk '/0x[0-9A-Fa-f]/ && !/ 0 \(0\.0%\)/' | wc -l)
	same "$name: nothing is lost" 0 "$n"
	n=$(tshark -r "$file" -d "$as" -Y 'rtcp.pt == 200' 2>/dev/null | wc -l)
	check "$name: sender reports are seen" [ "$n" -ge 1 ]
}

port=$(sed -n 's/^clip-udp\.pcap\t.*port=\([0-9]*\).*/\1/p' captures/samples/MANIFEST.tsv)
[ -n "$port" ] || port=$("$BIN/beagle-captures" inspect --json captures/samples/clip-udp.pcap | jq -r '.rtsp.ports[0]')
dissect "the recorded session" captures/samples/clip-udp.pcap "$port"

if ! timeout 5 dumpcap -q -i lo -a duration:1 -w "$TMP/probe.pcapng" >/dev/null 2>&1; then
	skip "a live session under TShark: may not capture on lo here"
	exit 0
fi
start_server || { not_ok "server starts"; exit 1; }
timeout 60 dumpcap -q -i lo -f "udp or tcp port ${URL##*:}" -w "$TMP/live.pcapng" 2>/dev/null &
dump=$!
sleep 1
timeout 30 "$BIN/beagle-loadgen" "$URL/pattern/500k/50p/2t" -n 2 -d 6s --transport udp --quiet >"$TMP/load.out" 2>&1
sleep 1
kill -INT $dump && wait $dump
dissect "a live session" "$TMP/live.pcapng" "${URL##*:}"
stop_server
