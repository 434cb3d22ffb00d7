# SPDX-License-Identifier: MIT
# Sound of unhinted files: what ffmpeg's and GStreamer's depayloaders give back is what the file holds,
# access unit by access unit (ffmpeg), octet by octet (GStreamer).
. server/tests/lib.sh
[ -z "${SAN-}" ] || { skip "audio depayloaders: not under sanitizers (timing)"; exit 0; }
for p in ffmpeg gst-launch-1.0 python3; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done

dir=$(mktemp -d "$TMP/depay.XXXXXX")
clip() { # FILE RATE OPTIONS...
	local file=$1 rate=$2
	shift 2
	timeout 60 ffmpeg -nostdin -v error -y -f lavfi -i "sine=frequency=440:sample_rate=$rate:duration=3" \
		-threads 1 -fflags +bitexact -flags:a +bitexact "$@" "$dir/$file"
}
# no encoder is packaged: frames of every mode, with silence, whose speech bits are counters
amr() { # FILE MAGIC OCTETS-BY-TYPE...
	python3 - "$@" <<-'END' >"$dir/frames" && ffmpeg -nostdin -v error -y -i "$dir/frames" -c copy "$dir/$1"
	import sys
	sizes = [int(n) for n in sys.argv[3:]]
	out = sys.argv[2].encode() + b"\n"
	for i in range(150):
	    mode = i // 7 % len(sizes)
	    out += bytes([mode << 3 | 4]) + bytes((i + j) & 255 for j in range(sizes[mode]))
	sys.stdout.buffer.write(out)
	END
}

clip aac.mp4 48000 -c:a aac -b:a 64k
clip aac51.mp4 48000 -ac 6 -c:a aac -b:a 500k
clip mp3.mp4 44100 -c:a libmp3lame -b:a 128k
clip mp3low.mp4 22050 -c:a libmp3lame -b:a 48k
clip mp2.mp4 48000 -ac 2 -c:a mp2 -b:a 384k
clip opus.mp4 48000 -c:a libopus -b:a 48k
clip ac3.mp4 48000 -ac 6 -c:a ac3 -b:a 640k
clip ac3two.mp4 44100 -ac 2 -c:a ac3 -b:a 192k
clip ulaw.mov 8000 -c:a pcm_mulaw
clip alaw.mov 8000 -c:a pcm_alaw
clip l16.mov 44100 -ac 2 -c:a pcm_s16be
clip l16le.mov 48000 -ac 2 -c:a pcm_s16le
clip l24.mov 48000 -c:a pcm_s24le
clip l8.mov 16000 -c:a pcm_u8
amr amr.3gp '#!AMR' 12 13 15 17 19 20 26 31 5
amr amrwb.3gp '#!AMR-WB' 17 23 32 36 40 46 50 58 60 5

# md5 and length of every packet that a demuxer gives, without its times
units() { # ffmpeg's input options...
	timeout 60 ffmpeg -nostdin -v error "$@" -map 0:a -c copy -f framehash -hash md5 - 2>&1 |
		sed -n '/^#/d; s/^[^,]*,[^,]*,[^,]*,[^,]*,\([^,]*,[^,]*\).*/\1/p'
}
octets() { # where a packet is several frames in one
	timeout 60 ffmpeg -nostdin -v error "$@" -map 0:a -c copy -f data - 2>&1
}
samples() { # as many bits as any of these formats has
	timeout 60 ffmpeg -nostdin -v error "$@" -map 0:a -c:a pcm_s32le -f data - 2>&1
}
# The jitter buffer may drop the last packets, which wait in it when BYE comes: what is there must be
# the file's, and it must be nine tenths at least.
is_start() { # GOT WANT
	local n want
	n=$(stat -c %s "$1" 2>/dev/null || echo 0)
	want=$(stat -c %s "$2")
	[ "$n" -le "$want" ] && [ "$n" -ge $((want * 9 / 10)) ] && [ "$n" -gt 0 ] && cmp -s -n "$n" "$1" "$2"
}

play() { # FILE DEPAYLOADER KIND GST-CODEC
	local file=$1 depay=$2 how=$3 codec=$4 want got
	want=$($how -i "$dir/$file" | md5sum)
	got=$($how -rtsp_transport tcp -i "$URL/$file" | tee "$dir/got.$file" | md5sum)
	[ -s "$dir/got.$file" ] || got="nothing"
	same "ffmpeg gets the very $how of $file" "$want" "$got"
	ffmpeg -nostdin -v error -y -i "$dir/$file" -map 0:a -c:a "$codec" -f data "$dir/want.$file"
	timeout 60 gst-launch-1.0 -q rtspsrc location="$URL/$file" protocols=tcp latency=200 ! "$depay" ! \
		filesink location="$dir/gst.$file" >"$dir/gst.err.$file" 2>&1
	check "GStreamer's $depay gets the very octets of $file" is_start "$dir/gst.$file" "$dir/want.$file"
}

start_server --root "$dir" || { not_ok "server starts"; exit 1; }
pids=()
while read -r file depay how codec; do
	play "$file" "$depay" "$how" "$codec" </dev/null &
	pids+=($!)
	# a few at a time, so that a small machine keeps up
	[ ${#pids[@]} -lt 8 ] || { wait "${pids[0]}"; pids=("${pids[@]:1}"); }
done <<-END
	aac.mp4 rtpmp4gdepay units copy
	aac51.mp4 rtpmp4gdepay units copy
	mp3.mp4 rtpmpadepay units copy
	mp3low.mp4 rtpmpadepay units copy
	mp2.mp4 rtpmpadepay units copy
	opus.mp4 rtpopusdepay units copy
	ac3.mp4 rtpac3depay units copy
	ac3two.mp4 rtpac3depay units copy
	ulaw.mov rtppcmudepay samples copy
	alaw.mov rtppcmadepay samples copy
	l16.mov rtpL16depay samples pcm_s16be
	l16le.mov rtpL16depay samples pcm_s16be
	l24.mov rtpL24depay samples pcm_s24be
	l8.mov rtpL16depay samples pcm_s16be
	amr.3gp rtpamrdepay octets copy
	amrwb.3gp rtpamrdepay octets copy
END
wait "${pids[@]}"
