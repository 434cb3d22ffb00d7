# SPDX-License-Identifier: MIT
# Programs that are not ours come in through every door: through HTTP, over IPv6, over TLS, with Digest. What
# they make of the clip is what they make of the file itself.
. server/tests/lib.sh
[ -z "${SAN-}" ] || { skip "outside players: not under sanitizers (timing)"; exit 0; }
for p in ffmpeg gst-launch-1.0 mpv; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done

frames=50
clip=server/tests/media/clip.mp4
make_doors /secret
mkdir -p "$TMP/root/secret" && cp "$clip" "$TMP/root/clip.mp4" && cp "$clip" "$TMP/root/secret/clip.mp4" || exit 1
listen=(--listen 127.0.0.1:0)
v6=""
if [ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6 2>/dev/null)" = 0 ]; then
	listen+=(--listen '[::1]:0')
	v6=1
fi
[ -z "$TLS" ] || listen+=(--listen 'rtsps://127.0.0.1:0')
start_server --root "$TMP/root" "${listen[@]}" "${DOOR_FLAGS[@]}" || { not_ok "the server starts"; exit 1; }
# the nth line that the server said: scheme://address:port
door() { sed -n 's#^listening \(rtsps*://[^/]*\)/.*#\1#p' "$SERVER_OUT" | grep -E "^$1" | head -n 1; }
V4=$(door 'rtsp://127') V6=$(door 'rtsp://\[') S4=$(door 'rtsps://')
with_user() { printf '%s' "${1/:\/\//:\/\/$DOOR_USER:${DOOR_PASSWORD// /%20}@}"; }

local_md5=$(timeout 60 ffmpeg -nostdin -v error -i "$clip" -map 0:v:0 -fps_mode passthrough -frames:v $frames -f md5 - 2>&1)
ffmpeg_sees() { # WHAT TRANSPORT URL
	same "ffmpeg decodes the clip frame-exactly $1" "$local_md5" \
		"$(timeout 30 ffmpeg -nostdin -v error -rtsp_transport "$2" -i "$3" -map 0:v:0 -fps_mode passthrough \
			-frames:v $frames -f md5 - 2>&1 | tail -n 1)"
}
gst_md5() { # element that begins the pipeline...
	rm -f "$TMP/gst.yuv"
	timeout 30 gst-launch-1.0 -q "$@" ! h264parse ! avdec_h264 max-threads=1 ! video/x-raw,format=I420 ! \
		identity eos-after=$((frames + 1)) silent=true ! filesink location="$TMP/gst.yuv" >"$TMP/gst.err" 2>&1
	[ "$(stat -c %s "$TMP/gst.yuv" 2>/dev/null || echo 0)" -ge $((115200 * frames)) ] ||
		{ echo "too few frames: $(grep -m 1 ERROR "$TMP/gst.err")"; return; }
	head -c $((115200 * frames)) "$TMP/gst.yuv" | md5sum | cut -d' ' -f1
}
gst_local=$(gst_md5 filesrc location="$clip" ! qtdemux)
gst_sees() { # WHAT URL [PROPERTY...]
	local what=$1 url=$2
	shift 2
	same "GStreamer decodes the clip frame-exactly $what" "$gst_local" \
		"$(gst_md5 rtspsrc location="$url" latency=200 "$@" ! rtph264depay)"
}
mpv_local=$(timeout 30 mpv --no-config --msg-level=all=no --o=- --of=framemd5 --ovc=rawvideo --frames=$frames \
	--vd-lavc-threads=1 --hwdec=no --audio=no "$clip" | grep -v '^#' | awk '{print $NF}')
mpv_sees() { # WHAT TRANSPORT URL
	same "mpv decodes the clip frame-exactly $1" "$mpv_local" \
		"$(timeout 30 mpv --no-config --msg-level=all=no --rtsp-transport="$2" --o=- --of=framemd5 --ovc=rawvideo \
			--frames=$frames --vd-lavc-threads=1 --hwdec=no --audio=no "$3" | grep -v '^#' | awk '{print $NF}')"
}

same "what they make of the file is whole" "MD5 32 $frames" \
	"${local_md5%%=*} ${#gst_local} $(wc -l <<<"$mpv_local")"

ffmpeg_sees "through HTTP" http "$V4/clip.mp4"
gst_sees "through HTTP" "rtsph://${V4#rtsp://}/clip.mp4"
mpv_sees "through HTTP" http "$V4/clip.mp4"
if [ -n "$v6" ]; then
	ffmpeg_sees "over IPv6, UDP" udp "$V6/clip.mp4"
	ffmpeg_sees "over IPv6, through HTTP" http "$V6/clip.mp4"
	gst_sees "over IPv6, UDP" "$V6/clip.mp4" protocols=udp
	mpv_sees "over IPv6" tcp "$V6/clip.mp4"
else
	skip "IPv6: this machine has none"
fi
if [ -n "$TLS" ]; then
	ffmpeg_sees "over TLS" tcp "$S4/clip.mp4"
	gst_sees "over TLS" "$S4/clip.mp4" protocols=tcp tls-validation-flags=0
	mpv_sees "over TLS" tcp "$S4/clip.mp4"
	ffmpeg_sees "over TLS, with Digest" tcp "$(with_user "$S4")/secret/clip.mp4"
else
	skip "TLS: this server has none"
fi
ffmpeg_sees "with Digest" tcp "$(with_user "$V4")/secret/clip.mp4"
ffmpeg_sees "with Digest, through HTTP" http "$(with_user "$V4")/secret/clip.mp4"
gst_sees "with Digest" "$V4/secret/clip.mp4" protocols=tcp user-id="$DOOR_USER" user-pw="$DOOR_PASSWORD"
mpv_sees "with Digest" tcp "$(with_user "$V4")/secret/clip.mp4"
same "ffmpeg without credentials gets nothing" "" \
	"$(timeout 30 ffmpeg -nostdin -v quiet -rtsp_transport tcp -i "$V4/secret/clip.mp4" -frames:v 1 -f md5 - 2>/dev/null)"
curl_says() { timeout 30 "$BIN/beagle-conformance" curl "$V4/secret/clip.mp4" 2>&1; }
check "libcurl plays with Digest" grep -qE 'RECEIVE +ok +[0-9]+ RTP packets in [0-9]+ frames, 0 malformed' \
	<<<"$(BEAGLE_USER=$DOOR_USER BEAGLE_PASSWORD=$DOOR_PASSWORD curl_says)"
check "libcurl with a wrong password hears 401" grep -q 'DESCRIBE *failed *401' \
	<<<"$(BEAGLE_USER=$DOOR_USER BEAGLE_PASSWORD=wrong curl_says)"
stop_server
same "the server ends with 0 after SIGTERM" 0 $?
