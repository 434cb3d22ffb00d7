# SPDX-License-Identifier: MIT
# RTSP over HTTP: players that are not ours decode frame-exactly through it, many times over and through an
# HTTP proxy; a crowd of tunnels whose halves come and go as they like leaves nothing behind; other HTTP
# is answered in HTTP.
. server/tests/lib.sh
for p in curl python3; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done

status_of() { curl -s -m 10 -o /dev/null -w '%{http_code}' "$@"; }

# ---- other HTTP ----
# no address may hold more than the crowd does at a time: a half that stays counted would be refused
start_server --workers 2 --stats "$TMP/stats.json" --unlimited-addresses '' --maximum-connections-per-address 100 \
	--maximum-connections-per-second-per-address 0 || { not_ok "server starts"; exit 1; }
HTTP=http${URL#rtsp}
same "a browser hears 404" 404 "$(status_of "$HTTP/")"
same "HEAD hears 404" 404 "$(status_of -I "$HTTP/a?b=c")"
same "a form hears 405" 405 "$(status_of -d a=b "$HTTP/")"
same "an unknown method hears 501" 501 "$(status_of -X BREW "$HTTP/")"
same "a tunnel without a cookie hears 400" 400 \
	"$(status_of -H 'Accept: application/x-rtsp-tunnelled' "$HTTP/")"
# the GET's body never ends by itself
head=$(curl -s -m 1 -i -H 'Accept: application/x-rtsp-tunnelled' -H 'x-sessioncookie: curl1' "$HTTP/clip.mp4" | tr -d '\r')
same "a GET with a cookie is answered at once" "HTTP/1.0 200 OK" "$(sed -n 1p <<<"$head")"
for h in 'Connection: close' 'Cache-Control: no-store' 'Pragma: no-cache' 'Content-Type: application/x-rtsp-tunnelled'; do
	check "its answer says $h" grep -qix "$h" <<<"$head"
done

# ---- a crowd ----
n=200
[ -z "${SAN-}" ] || n=60
timeout 100 python3 server/tests/tunnel.py 127.0.0.1 "${URL##*:}" $n 7 >"$TMP/crowd.json" 2>"$TMP/crowd.err"
same "$n tunnels in a crowd all do their work" "$n" "$(jq '.done // 0' "$TMP/crowd.json")"
sed -n 1,5p "$TMP/crowd.err" >&2
check "media came through them" [ "$(jq '.frames // 0' "$TMP/crowd.json")" -gt "$n" ]
stop_server
same "the server ends with 0 after SIGTERM" 0 $?
same "every connection ended once" "$(number "$TMP/stats.json" connections_accepted)" "$(number "$TMP/stats.json" connections_closed)"
same "every session ended" "$(number "$TMP/stats.json" sessions)" "$(number "$TMP/stats.json" sessions_ended)"
same "as many tunnels met as there were" "$n" "$(number "$TMP/stats.json" tunnels)"
same "as many POSTs were opened again as were dropped" $((3 * n)) "$(number "$TMP/stats.json" tunnel_posts_reopened)"
check "halves were moved between workers" [ "$(number "$TMP/stats.json" tunnel_moves)" -gt 0 ]

# ---- over TLS ----
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
	-keyout "$TMP/key.pem" -out "$TMP/cert.pem" 2>"$TMP/openssl.err"
tls_server() { # sets TLS_PORT, too
	start_server --workers 2 --stats "$TMP/stats.json" --tls-certificate "$TMP/cert.pem" \
		--tls-key "$TMP/key.pem" --listen rtsps://127.0.0.1:0 --listen 127.0.0.1:0 || return 1
	TLS_PORT=$(sed -n 's#^listening rtsps://[^:]*:\([0-9]*\)/.*#\1#p' "$(ls -t "$TMP"/server.?????? | head -n 1)")
}
tls_server || { not_ok "server starts with TLS"; exit 1; }
n=$((n / 4))
timeout 100 python3 server/tests/tunnel.py 127.0.0.1 "${URL##*:}" $n 7 "$TLS_PORT" >"$TMP/crowd.json" 2>"$TMP/crowd.err"
same "$n tunnels in a crowd all do their work over TLS" "$n" "$(jq '.done // 0' "$TMP/crowd.json")"
sed -n 1,5p "$TMP/crowd.err" >&2
same "a POST in the clear for a GET in TLS is refused" 403 "$(jq .mixed "$TMP/crowd.json")"
stop_server
same "the server ends with 0 after SIGTERM" 0 $?
same "every connection over TLS ended once" "$(number "$TMP/stats.json" connections_accepted)" "$(number "$TMP/stats.json" connections_closed)"
check "halves were moved between workers, TLS and all" [ "$(number "$TMP/stats.json" tunnel_moves)" -gt 0 ]

# ---- players ----
[ -z "${SAN-}" ] || { skip "outside players: not under sanitizers (timing)"; exit 0; }
for p in ffmpeg gst-launch-1.0 mpv; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done
clip=server/tests/media/clip.mp4
frames=125
video=(-map 0:v:0 -fps_mode passthrough -frames:v $frames -f md5 -)
tls_server || { not_ok "server starts"; exit 1; }
PORT=${URL##*:}
want=$(timeout 60 ffmpeg -nostdin -v error -i $clip "${video[@]}" 2>&1)
play() { # OUT [VARIABLE=VALUE]...
	local out=$1
	shift
	env "$@" timeout 60 ffmpeg -nostdin -v error -rtsp_transport http -i "$URL/clip.mp4" "${video[@]}" \
		>"$out" 2>"$out.err" </dev/null
}
pids=()
for i in 0 1 2 3 4 5 6 7 8 9; do
	play "$TMP/ff.$i" A=b &
	pids+=($!)
done
wait "${pids[@]}"
good=0
for i in 0 1 2 3 4 5 6 7 8 9; do [ "$(cat "$TMP/ff.$i")" = "$want" ] && good=$((good + 1)); done
same "ffmpeg decodes frame-exactly, ten at a time" 10 $good

gst() { # element that begins the pipeline...
	rm -f "$TMP/gst.yuv"
	timeout 60 gst-launch-1.0 -q "$@" ! h264parse ! avdec_h264 max-threads=1 ! video/x-raw,format=I420 ! \
		identity eos-after=$((frames + 1)) silent=true ! filesink location="$TMP/gst.yuv" >"$TMP/gst.err" 2>&1
	head -c $((115200 * frames)) "$TMP/gst.yuv" | md5sum | cut -d' ' -f1
}
local_gst=$(gst filesrc location=$clip ! qtdemux)
for i in 1 2; do
	same "GStreamer decodes frame-exactly ($i)" "$local_gst" \
		"$(gst rtspsrc location="rtsph://127.0.0.1:$PORT/clip.mp4" latency=200 ! rtph264depay)"
done

same "GStreamer decodes frame-exactly through TLS" "$local_gst" \
	"$(gst rtspsrc location="rtspsh://127.0.0.1:$TLS_PORT/clip.mp4" tls-validation-flags=0 latency=200 ! rtph264depay)"
timeout 60 ffmpeg -nostdin -v error -rtsp_transport https -i "rtsp://127.0.0.1:$TLS_PORT/clip.mp4" "${video[@]}" \
	>"$TMP/ff.tls" 2>"$TMP/ff.tls.err" </dev/null
same "ffmpeg decodes frame-exactly through TLS" "$want" "$(cat "$TMP/ff.tls")"

mpv_md5() {
	timeout 60 mpv --no-config --really-quiet --frames=$frames --audio=no --o="$TMP/mpv.yuv" --of=rawvideo \
		--ovc=rawvideo "$@" >"$TMP/mpv.err" 2>&1
	md5sum <"$TMP/mpv.yuv" | cut -d' ' -f1
}
same "mpv decodes frame-exactly" "$(mpv_md5 $clip)" "$(mpv_md5 --rtsp-transport=http "$URL/clip.mp4")"

# ---- through an HTTP proxy ----
if command -v tinyproxy >/dev/null; then
	proxy=$((PORT == 61234 ? 61235 : 61234))
	printf 'Port %d\nListen 127.0.0.1\nTimeout 30\nMaxClients 20\nAllow 127.0.0.1\n' $proxy >"$TMP/proxy.conf"
	tinyproxy -d -c "$TMP/proxy.conf" >"$TMP/proxy.log" 2>&1 &
	SERVER_PIDS+=($!)
	for _ in $(seq 100); do
		status_of -x "http://127.0.0.1:$proxy" "$HTTP/" >/dev/null && break
		sleep 0.05
	done
	play "$TMP/ff.proxy" "http_proxy=http://127.0.0.1:$proxy"
	same "ffmpeg decodes frame-exactly through an HTTP proxy" "$want" "$(cat "$TMP/ff.proxy")"
	check "the proxy carried both halves" grep -q 'POST ' "$TMP/proxy.log"
else
	skip "no tinyproxy here: ci/deps test"
fi
stop_server
same "every player was served by a tunnel" 0 "$(number "$TMP/stats.json" tunnel_timeouts)"
