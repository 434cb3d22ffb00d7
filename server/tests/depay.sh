# SPDX-License-Identifier: MIT
# What is in the packets: for hinted files exactly what another reading of the hint tracks gives; for
# H.264 and H.265 that we packetise, the file's own NAL units come out of the depayloaders of ffmpeg
# and GStreamer, octet for octet, delimiters and parameter sets set aside. Neither can do AV1: its OBUs
# are taken out by server/tests/av1_units.py.
. server/tests/lib.sh
for p in ffmpeg gst-launch-1.0 python3; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done
media=${BUILD:-build}/media
hinted="h264b_aac_hint.mp4 mpeg4_mp3_hint.mp4"
h264="h264_aac.mp4 h264b_aac.mp4 h264_slices.mp4 frag.mp4 h264.264"
h265="h265_aac.mp4 h265_hev1.mp4 h265.265"
av1=av1_aac.mp4
# shellcheck disable=SC2086
ci/media "$media" $hinted $h264 $h265 $av1 || { not_ok "test clips are made"; exit 1; }

# hinted NAME FOLDER: the first 6 s, against server/tests/media_packets.py. Per track, in its order:
# payload type, marker, payload; sequence numbers without a gap; RTP times as the hint samples have them
hinted() {
	local sent=$TMP/$1.sent file=$TMP/$1.file
	timeout 60 python3 server/tests/rtsp_packets.py "$URL/$1" 6 >"$sent" 2>"$sent.err"
	timeout 60 python3 server/tests/media_packets.py "$2/$1" >"$file"
	awk '
	FNR == NR { k = ++n[$1]; want[$1, k] = $6 " " $7 " " $8 " " $9; time[$1, k] = $3 + $5; next }
	{
		k = ++m[$1]
		if (!(($1, k) in want)) { print "track " $1 " is no hint track, or too long"; bad = 1; exit }
		if (want[$1, k] != $4 " " $5 " " $6 " " $7) { print "track " $1 ", packet " k " differs"; bad = 1; exit }
		if (k > 1 && $2 != (seq[$1] + 1) % 65536) { print "track " $1 ": gap at packet " k; bad = 1; exit }
		if (k == 1) shift[$1] = $3 - time[$1, k]
		if ($3 - time[$1, k] != shift[$1]) { print "track " $1 ", packet " k ": RTP time"; bad = 1; exit }
		seq[$1] = $2
	}
	END {
		if (bad) exit
		for (t in n) if (m[t] < 10 || m[t] < n[t] / 20) { print "track " t ": " m[t] + 0 " packets"; exit }
		print "same"
	}' "$file" "$sent" >"$TMP/$1.verdict"
}
# units NAME CODEC: the NAL units of the file, and of what each client writes
units() {
	local name=$1 codec=$2 out=$TMP/$1 raw=h264 d=rtph264depay c=video/x-h264 p
	[ "$codec" = h264 ] || { raw=hevc; d=rtph265depay; c=video/x-h265; }
	# as it stands in the file, with start codes or lengths: no filter puts anything in
	timeout 60 ffmpeg -nostdin -v error -y -i "$media/$name" -map 0:v:0 -c copy -f data "$out.local"
	timeout 60 ffmpeg -nostdin -v error -y -rtsp_transport tcp -i "$URL/$name" -map 0:v:0 -c copy \
		-f $raw "$out.ffmpeg" 2>"$out.ffmpeg.err" &
	p=$!
	timeout 60 gst-launch-1.0 -q rtspsrc location="$URL/$name" protocols=tcp latency=200 ! \
		application/x-rtp,media=video ! $d ! $c,stream-format=byte-stream,alignment=au ! \
		filesink location="$out.GStreamer" >"$out.GStreamer.err" 2>&1
	wait $p
	for p in local ffmpeg GStreamer; do
		python3 server/tests/nal_units.py "$codec" "$out.$p" >"$out.$p.units"
	done
	# an access unit: packets of one RTP time, and the marker on the last one only
	timeout 60 python3 server/tests/rtsp_packets.py "$URL/$name" 2>"$out.access.err" |
		sort -s -n -k 1,1 | awk '
		NR == 1 { track = $1 }
		$1 != track { next }
		ended && $3 == time { print "packets behind the marker of " time; bad = 1; exit }
		!ended && units && $3 != time { print "no marker at the end of " time; bad = 1; exit }
		$3 != time || !units { units++ }
		{ time = $3; ended = $5 }
		END { if (!bad) print units + 0 }' >"$out.access"
}
judge_units() {
	local name=$1 out=$TMP/$1 n frames
	n=$(wc -l <"$out.local.units")
	for p in ffmpeg GStreamer; do
		if [ "$n" -gt 100 ] && cmp -s "$out.local.units" "$out.$p.units"; then
			ok "$p gets the $n NAL units of $name"
		else
			not_ok "$p gets the NAL units of $name ($(diff "$out.local.units" "$out.$p.units" |
				grep -c '^[<>]') differ of $n; $(tail -n 1 "$out.$p.err"))"
		fi
	done
	frames=$(ffprobe -v error -select_streams v:0 -count_packets -show_entries stream=nb_read_packets \
		-of csv=p=0 "$media/$name" | tr -d ,)
	same "one RTP time and one marker per access unit of $name" "$frames" "$(cat "$out.access")"
}

start_server --root "$media" || { not_ok "server starts"; exit 1; }
pids=()
for f in $hinted; do
	hinted "$f" "$media" &
	pids+=($!)
done
for f in $h264; do
	units "$f" h264 &
	pids+=($!)
done
for f in $h265; do
	units "$f" hevc &
	pids+=($!)
done
[ ! -s "$media/$av1" ] || timeout 60 python3 server/tests/rtsp_packets.py "$URL/$av1" 60 "$TMP/av1.rtp" >/dev/null
wait "${pids[@]}"
if [ -s "$media/$av1" ]; then
	ffmpeg -nostdin -v error -y -i "$media/$av1" -map 0:v:0 -c copy -f obu "$TMP/av1.obu"
	python3 server/tests/av1_units.py obu "$TMP/av1.obu" >"$TMP/av1.local"
	python3 server/tests/av1_units.py rtp "$TMP/av1.rtp" >"$TMP/av1.sent" 2>&1
	n=$(wc -l <"$TMP/av1.local")
	same "the packets of $av1 hold its $n OBUs" "$([ "$n" -gt 100 ] && md5sum <"$TMP/av1.local")" \
		"$(md5sum <"$TMP/av1.sent")"
else
	skip "OBUs of AV1: this ffmpeg cannot encode it"
fi
for f in $hinted; do
	same "packets of $f are those of its hint tracks" same "$(cat "$TMP/$f.verdict")"
done
for f in $h264 $h265; do judge_units "$f"; done
stop_server
same "the server ends with 0" 0 $?

samples=$BEAGLE_DATA/media
if [ ! -r "$samples/sample_300kbit.mov" ]; then
	skip "packets of the Darwin samples: no test data (BEAGLE_DATA)"
	exit 0
fi
start_server --root "$samples" || { not_ok "server starts"; exit 1; }
pids=()
# own data and relative times; B-frames with rtpo; hint samples without packets
hinted="sample_100kbit.mov sample_300kbit.mov sample_h264_300kbit.mp4 sample_50kbit.3gp"
for f in $hinted; do
	hinted "$f" "$samples" &
	pids+=($!)
done
wait "${pids[@]}"
for f in $hinted; do
	same "packets of $f are those of its hint tracks" same "$(cat "$TMP/$f.verdict")"
done
stop_server
