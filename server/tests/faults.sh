#!/bin/bash
# SPDX-License-Identifier: MIT
# Faults that break no clause, so that the conformance suite is right to be silent: here is who sees them.
# The others are ci/faults', those of the load generator loadgen/tests/calibrate.sh's. Needs python3, jq.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null && command -v jq >/dev/null || { skip "faults: python3 or jq is not installed"; exit 0; }

# ask METHOD PATH [HEADER]: the reply, its last line the segments that brought it (Linux's tcpi_data_segs_in)
ask() {
	python3 - "${URL##*:}" "$@" <<'END'
import socket, struct, sys
port, method, path = sys.argv[1:4]
s = socket.create_connection(("127.0.0.1", int(port)), 10)
head = "".join(h + "\r\n" for h in sys.argv[4:])
s.sendall(f"{method} rtsp://127.0.0.1:{port}{path} RTSP/1.0\r\nCSeq: 1\r\n{head}\r\n".encode())
s.settimeout(10)
got = b""
while b"\r\n\r\n" not in got:
    got += s.recv(65536) or sys.exit("closed")
info = s.getsockopt(socket.IPPROTO_TCP, 11, 232)
sys.stdout.write(got.split(b"\r\n\r\n")[0].decode().replace("\r", "") + "\n")
print(struct.unpack_from("I", info, 152)[0] if len(info) >= 156 else 0)
END
}
setup() { ask SETUP /pattern/trackID=1 'Transport: RTP/AVP/TCP;unicast;interleaved=0-1'; }

start_server || exit 1
setup >"$TMP/clean"
stop_server
check "without a fault the reply to SETUP has an SSRC" grep -q '^Transport: .*;ssrc=[0-9A-F]\{8\}' "$TMP/clean"

start_server --fault ssrc-drop || exit 1
setup >"$TMP/none"
same "ssrc-drop: it has none, and the rest as it was" \
	"$(grep '^Transport' "$TMP/clean" | sed 's/;ssrc=[0-9A-F]*//')" "$(grep '^Transport' "$TMP/none")"
check "ssrc-drop: a client that asked for it lives without" "$BIN/beagle-loadgen" "$URL/pattern" -n 3 -d 500ms -t tcp \
	-q -o "$TMP/r.json"
same "ssrc-drop: and counts as ever" "0 0 true" "$(jq -r '.counters |
	"\(.packets_lost.value) \(.packets_corrupt.value) \(.packets_received.value > 50)"' "$TMP/r.json")"
stop_server

start_server --fault trickle || exit 1
ask OPTIONS /pattern >"$TMP/pieces"
segments=$(tail -n 1 "$TMP/pieces") bytes=$(($(head -n -1 "$TMP/pieces" | wc -c) + 2))
if [ "$segments" -gt 0 ]; then
	check "trickle: $bytes bytes come in $segments segments, 7 bytes each" test "$segments" -gt $((bytes / 14))
else
	skip "trickle: this kernel does not count segments"
fi
check "trickle: nothing of the reply is missing" grep -q '^Public: OPTIONS, DESCRIBE' "$TMP/pieces"
stop_server
start_server || exit 1
segments=$(ask OPTIONS /pattern | tail -n 1)
check "without it they come in one ($segments)" test "$segments" -le 2
stop_server
