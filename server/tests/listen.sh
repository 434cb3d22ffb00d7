# SPDX-License-Identifier: MIT
# Several addresses, IPv4 and IPv6, and media over IPv6 by players that are not ours.
. server/tests/lib.sh

# listening N: the N-th URL that the server printed, without the slash at its end
listening() { sed -n 's#^listening \(rtsps*://[^/]*\)/.*#\1#p' "$OUT" | sed -n "${1}p"; }
# begin FLAG...: as start_server, but with addresses of its own
begin() {
	OUT=$(mktemp "$TMP/server.XXXXXX")
	"$BIN/beagle-server" "$@" >"$OUT" 2>"$OUT.err" &
	SERVER_PID=$!
	SERVER_PIDS+=("$SERVER_PID")
	for _ in $(seq 200); do
		grep -q '^listening' "$OUT" && return 0
		kill -0 "$SERVER_PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$OUT.err" >&2
	return 1
}
# options URL: status of an OPTIONS there
options() {
	python3 - "$1" <<-'PY'
	import re, socket, sys
	host, port = re.match(r"rtsps?://\[?([^\]]*?)\]?:(\d+)$", sys.argv[1]).groups()
	try:
	    s = socket.create_connection((host, int(port)), 5)
	    s.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
	    print(s.recv(4096).split()[1].decode())
	except OSError as e:
	    print(e.strerror)
	PY
}

begin --listen 127.0.0.1:0 --listen rtsp://127.0.0.2:0/ --listen 127.0.0.1:0 || not_ok "server starts"
same "one line for each address, in order" "rtsp://127.0.0.1 rtsp://127.0.0.2 rtsp://127.0.0.1 " \
	"$(sed -n 's#^listening \(.*\):[0-9]*/$#\1#p' "$OUT" | tr '\n' ' ')"
for n in 1 2 3; do same "number $n serves" 200 "$(options "$(listening $n)")"; done
taken=$(listening 2)
why=$(timeout 10 "$BIN/beagle-server" --listen 127.0.0.1:0 --listen "$taken" 2>&1 >/dev/null)
same "an address in use ends the start" 2 $?
same "and is named in one line" "beagle-server: cannot listen on 127.0.0.2 port ${taken##*:}: Address already in use" "$why"
stop_server
why=$(timeout 10 "$BIN/beagle-server" --listen 127.0.0.1:0 --listen rtsps://127.0.0.1:0 2>&1 >/dev/null)
same "TLS without a certificate ends the start" 2 $?

printf 'listen = 127.0.0.1:0\nlisten = 127.0.0.3:0\n' >"$TMP/two.ini"
begin --config "$TMP/two.ini" --listen 127.0.0.4:0 || not_ok "server starts from a file"
same "the file's addresses, then the flag's" "127.0.0.1 127.0.0.3 127.0.0.4 " \
	"$(sed -n 's#^listening rtsp://\(.*\):[0-9]*/$#\1#p' "$OUT" | tr '\n' ' ')"
stop_server

if ! python3 -c 'import socket; socket.socket(socket.AF_INET6).bind(("::1", 0))' 2>/dev/null; then
	skip "IPv6: there is none here"
	exit 0
fi
begin --listen '[::]:0' || not_ok "server starts on ::"
url=$(listening 1)
same ":: serves IPv6" 200 "$(options "rtsp://[::1]:${url##*:}")"
same "and IPv4" 200 "$(options "rtsp://127.0.0.1:${url##*:}")"
want=127.0.0.1
same "whose addresses are IPv4's in answers" "$want" "$(python3 server/tests/rtsp_ask.py "rtsp://127.0.0.1:${url##*:}/clip.mp4" source)"
stop_server
begin --listen "[::]:${url##*:}" --listen "127.0.0.1:${url##*:}" || not_ok "server starts on both"
same ":: leaves a port to the IPv4 address that has it: IPv6" 200 "$(options "rtsp://[::1]:${url##*:}")"
same "IPv4" 200 "$(options "rtsp://127.0.0.1:${url##*:}")"
stop_server

begin --listen '[::1]:0' || not_ok "server starts on ::1"
url=$(listening 1)/clip.mp4
for what in base:$url/ connection:::1 source:::1; do
	same "over IPv6: ${what%%:*}" "${what#*:}" "$(python3 server/tests/rtsp_ask.py "$url" "${what%%:*}")"
done
stop_server
# a link-local address and its scope, in a network of its own
if [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null && command -v ip >/dev/null; then
	same "a link-local address serves, and media leave from it" "200 fe80::1 20" "$(BIN="$BIN" unshare -n sh -c '
		ip link set lo up &&
		ip addr add fe80::1/64 dev lo nodad && exec python3 server/tests/link_local.py lo' 2>&1)"
else
	skip "link-local addresses: needs root and network namespaces"
fi
begin --listen '[::1]:0' || not_ok "server starts on ::1"
url=$(listening 1)/clip.mp4
[ -z "${SAN-}" ] || { skip "outside players over IPv6: not under sanitizers (timing)"; exit 0; }
frames=125
local_md5() {
	timeout 60 ffmpeg -nostdin -v error -i "$1" -map 0:v:0 -fps_mode passthrough -frames:v $frames -f md5 - 2>&1
}
want=$(local_md5 server/tests/media/clip.mp4)
for t in udp tcp; do
	same "ffmpeg over $t and IPv6 decodes the clip frame-exactly" "$want" "$(timeout 60 ffmpeg -nostdin \
		-v error -rtsp_transport $t -i "$url" -map 0:v:0 -fps_mode passthrough -frames:v $frames -f md5 - \
		2>"$TMP/ffmpeg.err" | tail -n 1)"
done
gst() { # element that begins the pipeline...
	rm -f "$TMP/gst.yuv"
	timeout 60 gst-launch-1.0 -q "$@" ! h264parse ! avdec_h264 max-threads=1 ! video/x-raw,format=I420 ! \
		identity eos-after=$((frames + 1)) silent=true ! filesink location="$TMP/gst.yuv" >"$TMP/gst.err" 2>&1
	[ "$(stat -c %s "$TMP/gst.yuv" 2>/dev/null || echo 0)" -ge $((115200 * frames)) ] || { echo "too few frames"; return; }
	head -c $((115200 * frames)) "$TMP/gst.yuv" | md5sum | cut -d' ' -f1
}
want=$(gst filesrc location=server/tests/media/clip.mp4 ! qtdemux)
for t in udp tcp; do
	same "GStreamer over $t and IPv6 decodes the clip frame-exactly" "$want" \
		"$(gst rtspsrc location="$url" protocols=$t latency=200 ! rtph264depay)"
done
stop_server
