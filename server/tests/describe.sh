# SPDX-License-Identifier: MIT
# beagle-server --describe: a media file as it would be streamed, without serving it.
. server/tests/lib.sh
server=$BIN/beagle-server
clip=server/tests/media/clip.mp4
# json FILE EXPRESSION: of the description as d
json() { timeout 30 "$server" --describe "$1" --json | python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$2"; }

timeout 30 "$server" --describe "$clip" >"$TMP/text" 2>"$TMP/err"
same "a clip is described" 0 $?
same "and nothing is said on stderr" "" "$(cat "$TMP/err")"
same "and nothing is served" 0 "$(grep -c "^listening" "$TMP/text")"
check "with its tracks" grep -q '^trackID=\|^streamid=' "$TMP/text"
check "with its packets" grep -q 'packets  *[1-9][0-9]*, payloads of ' "$TMP/text"
check "with the session description" grep -q '^m=video 0 RTP/AVP' "$TMP/text"
same "in lines as a terminal wants them" 0 "$(grep -c $'\r' "$TMP/text")"
timeout 30 "$server" --describe "$clip" --quick >"$TMP/quick" 2>&1
same "--quick counts no packets" 0 "$(grep -c '^  packets' "$TMP/quick")"
same "JSON and text count the same packets" "$(sed -n 's/^  packets  *\([0-9]*\),.*/\1/p' "$TMP/text" | tr '\n' ' ')" \
	"$(json "$clip" '"".join("%d " % t["packets"] for t in d["tracks"])')"
# another reading of the hint tracks gives as many packets: columns 1 track, 2 packets
python3 server/tests/media_packets.py "$clip" summary >"$TMP/summary"
same "as many packets as in the hint tracks" "$(sort -n "$TMP/summary" | cut -d' ' -f2 | tr '\n' ' ')" \
	"$(json "$clip" '"".join("%d " % t["packets"] for t in sorted(d["tracks"], key=lambda t: t["id"]))')"
# o= and s= tell where it came from, and a=etag is made of them, too
same "the description is the one that clients get" \
	"$(start_server >&2 && python3 -c 'import socket, sys, re
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
s.sendall(b"DESCRIBE rtsp://127.0.0.1/clip.mp4 RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n")
text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
print("\n".join(l[:7] if l[:7] == "a=etag:" else l for l in text.split("\r\n\r\n", 1)[1].splitlines() if l[:2] not in ("o=", "s=")))' "${URL##*:}"; stop_server)" \
	"$(json "$clip" '"\n".join(l[:7] if l[:7] == "a=etag:" else l for l in d["sdp"].splitlines() if l[:2] not in ("o=", "s="))')"

says "a file that is no medium" 1 'describe.sh: cannot be streamed: no known format$' --describe server/tests/describe.sh
says "a file that is not there" 1 'No such file' --describe "$TMP/none.mp4"
says "a folder" 1 "$TMP: " --describe "$TMP"
says "a device" 1 '/dev/zero: neither a file nor a folder$' --describe /dev/zero
mkfifo "$TMP/fifo.mp4"
says "a pipe without a writer" 1 'fifo.mp4: ' --describe "$TMP/fifo.mp4"
: >"$TMP/empty.mp4"
says "an empty file" 1 'empty.mp4: the file is empty$' --describe "$TMP/empty.mp4"
head -c 3000 "$clip" >"$TMP/cut.mp4"
says "a file that was cut short" 1 'cut.mp4: ' --describe "$TMP/cut.mp4"
says "a name that would move the cursor" 1 '^beagle-server: [^[:cntrl:]]*?\[2Jx' --describe $'\e[2Jx.mp4'
says "no file" 2 'usage: --describe FILE' --describe
says "flags of serving beside it" 2 'nothing else' --describe "$clip" --port 0
says "--json alone" 2 'unknown flag\|needs a value' --json
check "help has it" grep -q -- '--describe FILE' <("$server" --help)

for name in 'Käfer 日本 😀.mp4' $'latin\xe9"\n\x1b.mp4'; do cp "$clip" "$TMP/$name"; done
same "a name stays what it is, in JSON" 'Käfer 日本 😀.mp4' \
	"$(json "$TMP/Käfer 日本 😀.mp4" 'd["file"].rpartition("/")[2]')"
same "and in the session description (RFC 4566 5.3)" 's=Käfer 日本 😀.mp4' \
	"$(json "$TMP/Käfer 日本 😀.mp4" 'd["sdp"].splitlines()[2]')"
same "what is no text is left out of it" 's=latin".mp4' \
	"$(json "$TMP/"$'latin\xe9"\n\x1b.mp4' 'd["sdp"].splitlines()[2]')"

command -v ffmpeg >/dev/null || { not_ok "ffmpeg is missing: ci/deps test"; exit 1; }
media=${BUILD:-build}/media
ci/media "$media" left_out.mp4 h264_aac.mp4 || not_ok "test clips are made"
same "a track without a packetiser is named" "1 True" \
	"$(json "$media/left_out.mp4" '"%d %s" % (len(d["tracks"]), "alac" in d["left_out"][0])')"
ffmpeg -nostdin -v error -y -i "$media/left_out.mp4" -map 0:a -c copy "$TMP/alac.mp4"
says "no track left: which codec, and why" 1 'alac.mp4: cannot be streamed; .*alac.*no packetiser' \
	--describe "$TMP/alac.mp4"
# the tables are whole, the pictures are not: it is said where
python3 - "$media/h264_aac.mp4" "$TMP/hole.mp4" <<'EOP'
import sys
d = bytearray(open(sys.argv[1], "rb").read())
at = d.index(b"mdat") + 4
end = d.index(b"moov") - 4
d[at + (end - at) // 2 : end] = bytes(end - at - (end - at) // 2)
open(sys.argv[2], "wb").write(d)
EOP
timeout 30 "$server" --describe "$TMP/hole.mp4" >"$TMP/text" 2>&1
same "a file with a hole is described" 0 $?
# the 101st picture is said to lie far beyond the end of the file
python3 - "$media/h264_aac.mp4" "$TMP/entry.mp4" <<'PY'
import struct, sys

data = bytearray(open(sys.argv[1], "rb").read())
at = data.find(b"stsz")
assert struct.unpack(">II", data[at + 8 : at + 16]) == (0, 250)
data[at + 16 + 4 * 100] = 0x7F
open(sys.argv[2], "wb").write(data)
PY
same "one broken entry of a table does not end a film" "True None" \
	"$(json "$TMP/entry.mp4" '"%s %s" % (d["tracks"][0]["packets"] > 200, d["tracks"][0].get("broken_at"))')"
