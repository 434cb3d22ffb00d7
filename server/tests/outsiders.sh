# SPDX-License-Identifier: MIT
# Players that are not ours decode what the server sends exactly as they decode the file itself.
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
# GStreamer's own RTSP and RTP stack; the verdict is the checksum, never the exit code
gst_sum() { # element that begins the pipeline...
	timeout 60 gst-launch-1.0 -m "$@" ! h264parse ! avdec_h264 max-threads=1 ! \
		video/x-raw,format=I420 ! identity eos-after=$((frames + 1)) silent=true ! \
		videocodectestsink 2>"$TMP/gst.err" | grep -o 'checksum=(string)[0-9a-f]*' | tail -n 1
}

play_all() { # NAME FILE URL
	local name=$1 file=$2 url=$3 want gst
	want=$(local_md5 "$file")
	for t in udp tcp; do
		same "ffmpeg over $t decodes $name frame-exactly" "$want" "$(ffmpeg_md5 "$url" $t)"
	done
	gst=$(gst_sum filesrc location="$file" ! qtdemux)
	for t in udp tcp; do
		same "GStreamer over $t decodes $name frame-exactly" "$gst" \
			"$(gst_sum rtspsrc location="$url" protocols=$t latency=200 ! rtph264depay)"
	done
}

start_server || { not_ok "server starts"; exit 1; }
play_all "the built-in clip" server/tests/media/clip.mp4 "$URL/clip.mp4"
stop_server

media=$BEAGLE_DATA/media
if [ ! -r "$media/sample_h264_300kbit.mp4" ]; then
	skip "the Darwin samples: no test data (BEAGLE_DATA)"
	exit 0
fi
start_server --root "$media" || { not_ok "server starts with --root"; exit 1; }
play_all sample_h264_300kbit.mp4 "$media/sample_h264_300kbit.mp4" "$URL/sample_h264_300kbit.mp4"
for f in sample_100kbit.mov sample_300kbit.mov sample_100kbit.mp4 sample_300kbit.mp4 \
	sample_h264_100kbit.mp4 sample_h264_300kbit.mp4 sample_50kbit.3gp; do
	n=$(timeout 30 ffprobe -v error -rtsp_transport tcp -show_entries stream=codec_type -of csv=p=0 \
		"$URL/$f" 2>"$TMP/probe.err" | sort | tr '\n' ' ')
	same "ffprobe reads both tracks of $f" "audio video " "$n"
done
stop_server
same "the server ends with 0 after SIGTERM" 0 $?
