#!/bin/bash
# SPDX-License-Identifier: MIT
# The suite against servers that lie, die or send what nobody can read: each is caught, nothing of
# ours ends or hangs, and nothing of theirs drives a terminal.
. server/tests/lib.sh
suite=$BIN/beagle-conformance
command -v python3 >/dev/null || { skip "lying servers: python3 is not there"; exit 0; }

cat >"$TMP/liar.py" <<'PY'
import os, re, socket, sys, threading
mode = sys.argv[1]
front = socket.create_server(("127.0.0.1", 0))
print("listening rtsp://127.0.0.1:%d/" % front.getsockname()[1], flush=True)
sdp = ("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=x\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n%sa=control:*\r\n"
       "a=range:npt=0-60\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 X-FOO/90000\r\na=control:1\r\n"
       % ("y=1\r\n" * 9 if mode == "sdp" else ""))
def serve(c):
    data = b""
    while True:
        got = c.recv(65536)
        if not got:
            return
        if mode == "garbage":
            c.sendall(b"\x1b]0;x\x07 what?\r\n\r\n")
            continue
        data += got
        while b"\r\n\r\n" in data:
            head, data = data.split(b"\r\n\r\n", 1)
            head = head.decode("latin1")
            method = head.split(" ")[0]
            if mode == "dies" and method == "PLAY":
                os._exit(1)
            body = sdp if method == "DESCRIBE" else ""
            cseq = re.findall("(?im)^cseq: *(.*?)\r?$", head) or ["0"]
            odd = mode == "escape"
            code = 551 if "\r\nrequire:" in head.lower() else 200
            text = "RTSP/1.0 %d %s\r\nServer: %s\r\nCSeq: %s\r\n" % (
                code, "\x1b[2JOK" if odd else "OK", "\x1b]0;x\x07\x9b" if odd else "liar", cseq[0])
            if method == "SETUP":
                text += "Session: 12345678\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"
            if body:
                text += "Content-Type: application/sdp\r\nContent-Length: %d\r\n" % len(body)
            c.sendall((text + "\r\n" + body).encode("latin1"))
while True:
    threading.Thread(target=serve, args=(front.accept()[0],), daemon=True).start()
PY

# liar MODE: starts one; sets URL
liar() {
	URL=""
	: >"$TMP/$1.url"
	python3 "$TMP/liar.py" "$1" >"$TMP/$1.url" 2>"$TMP/$1.err" &
	SERVER_PIDS+=($!)
	for _ in $(seq 200); do
		URL=$(sed -n 's#^listening \(.*\)/$#\1#p' "$TMP/$1.url")
		[ -n "$URL" ] && return
		sleep 0.05
	done
	not_ok "the $1 liar starts"
	exit 1
}

liar sdp
"$suite" run "$URL/x" --only sdp.text.grammar -o "$TMP/sdp.json" >/dev/null 2>&1
same "a description that breaks the grammar fails the run" 1 $?
check "for the clause that it breaks" grep -q SDP-9-01 <(jq -r '.cases[0].clauses[]' "$TMP/sdp.json")

same "what the analyser found is told with the file of the case" cases/rfc4566/05-grammar.yaml \
	"$(jq -r '.cases[0].where' "$TMP/sdp.json")"
"$suite" run "$URL/x" --only hdr.require.unknown >/dev/null 2>&1
same "a broken SHOULD alone passes" 0 $?
"$suite" run "$URL/x" --only hdr.require.unknown --level should >/dev/null 2>&1
same "and fails with --level should" 1 $?

liar dies
timeout 60 "$suite" replay captures/samples/clip-tcp.pcapng "$URL/x" --max-gap 1 >"$TMP/dies.log" 2>&1
same "a replay against a server that dies is exit 4" 4 $?
check "and says so" grep -q '^the target is gone' "$TMP/dies.log"

liar garbage
timeout 60 "$suite" run "$URL/x" >/dev/null 2>"$TMP/garbage"
same "a server that speaks no RTSP is inconclusive" 3 $?
check "and that is the reason" grep -q 'bytes that are no RTSP' "$TMP/garbage"

liar escape
timeout 60 "$suite" run "$URL/x?token=hunter3" --only 'msg.*' --evidence "$TMP/evidence" --keep all \
	-o "$TMP/escape.json" >"$TMP/escape.log" 2>&1
timeout 60 "$suite" replay captures/samples/clip-tcp.pcapng "$URL/x" --max-gap 1 >>"$TMP/escape.log" 2>&1
check "the liar was run against" grep -q 'x1b' "$TMP/escape.log"
check "no byte of a peer drives the terminal" \
	bash -c "! LC_ALL=C grep -q '[^[:print:][:space:]]' '$TMP/escape.log' '$TMP'/evidence/*/transcript.txt"
check "a token is in no output, however it was cut into segments" \
	bash -c "! grep -rq hunter '$TMP/evidence' '$TMP/escape.json' '$TMP/escape.log'"
