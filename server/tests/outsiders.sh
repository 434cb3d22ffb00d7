# SPDX-License-Identifier: MIT
# Players that are not ours decode the built-in clip exactly as they decode the file itself, and see both
# tracks of every Darwin sample. More files: clients_quick.sh, and all of them: ci/clients.
. server/tests/lib.sh
[ -z "${SAN-}" ] || { skip "outside players: not under sanitizers (timing)"; exit 0; }
for p in ffmpeg ffprobe gst-launch-1.0; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done

frames=125
local_md5() {
	timeout 60 ffmpeg -nostdin -v error -i "$1" -map 0:v:0 -fps_mode passthrough -frames:v $frames -f md5 - 2>&1
}
ffmpeg_md5() { # URL TRANSPORT
	timeout 60 ffmpeg -nostdin -v error -rtsp_transport "$2" -i "$1" -map 0:v:0 \
		-fps_mode passthrough -frames:v $frames -f md5 - 2>"$TMP/ffmpeg.err" | tail -n 1
}
# GStreamer's own RTSP and RTP stack: md5 of the first frames as it writes them (rows padded to 4
# bytes), never its exit code. After eos-after it may still write some frames: they are cut off.
gst_md5() { # BYTES-PER-FRAME, element that begins the pipeline...
	local bytes=$(($1 * frames))
	shift
	rm -f "$TMP/gst.yuv"
	timeout 60 gst-launch-1.0 -q "$@" ! h264parse ! avdec_h264 max-threads=1 ! \
		video/x-raw,format=I420 ! identity eos-after=$((frames + 1)) silent=true ! \
		filesink location="$TMP/gst.yuv" >"$TMP/gst.err" 2>&1
	[ "$(stat -c %s "$TMP/gst.yuv" 2>/dev/null || echo 0)" -ge "$bytes" ] || { echo "too few frames"; return; }
	head -c "$bytes" "$TMP/gst.yuv" | md5sum | cut -d' ' -f1
}

play_all() { # NAME FILE URL BYTES-PER-FRAME
	local name=$1 file=$2 url=$3 bytes=$4 want gst
	want=$(local_md5 "$file")
	for t in udp tcp; do
		same "ffmpeg over $t decodes $name frame-exactly" "$want" "$(ffmpeg_md5 "$url" $t)"
	done
	gst=$(gst_md5 "$bytes" filesrc location="$file" ! qtdemux)
	for t in udp tcp; do
		same "GStreamer over $t decodes $name frame-exactly" "$gst" \
			"$(gst_md5 "$bytes" rtspsrc location="$url" protocols=$t latency=200 ! rtph264depay)"
	done
}

start_server || { not_ok "server starts"; exit 1; }
play_all "the built-in clip" server/tests/media/clip.mp4 "$URL/clip.mp4" 115200
stop_server

media=$BEAGLE_DATA/media
if [ ! -r "$media/sample_h264_300kbit.mp4" ]; then
	skip "the Darwin samples: no test data (BEAGLE_DATA)"
	exit 0
fi
start_server --root "$media" || { not_ok "server starts with --root"; exit 1; }
for f in sample_100kbit.mov sample_300kbit.mov sample_100kbit.mp4 sample_300kbit.mp4 \
	sample_h264_100kbit.mp4 sample_h264_300kbit.mp4 sample_50kbit.3gp; do
	# what it understood of the SDP; it cannot open QDM2 from any RTSP server (no decoder settings)
	n=$(timeout 30 ffprobe -hide_banner -rtsp_transport tcp "$URL/$f" 2>&1 </dev/null |
		sed -n 's/^ *Stream #0:[0-9]*\(([a-z]*)\)*: \([A-Z][a-z]*\): .*/\2/p' | sort | tr '\n' ' ')
	same "ffprobe reads both tracks of $f" "Audio Video " "$n"
done
stop_server
same "the server ends with 0 after SIGTERM" 0 $?
