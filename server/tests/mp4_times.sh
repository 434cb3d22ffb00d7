# SPDX-License-Identifier: MIT
# When what we packetise is shown: the RTP times of MP4 files of every build, against those that ffprobe
# reads out of them; so edit lists, composition offsets of either sign, fragments and gaps.
. server/tests/lib.sh
for p in ffmpeg ffprobe python3; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done
root=$TMP/root
mkdir -p "$root"
remux() {
	ffmpeg -nostdin -v error -y "${@:1:$#-1}" "$root/${!#}" || { not_ok "${!#} is made"; exit 1; }
}
remux -f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=sample_rate=48000:duration=4 \
	-c:v libx264 -preset ultrafast -x264-params threads=1:keyint=25:bframes=2 -b:v 100k -c:a aac -b:a 48k plain.mp4
of() { remux -i "$root/plain.mp4" -c copy "$@"; }
of -movflags +faststart first.mp4
of -movflags +negative_cts_offsets negative.mp4
of -movflags +frag_keyframe+delay_moov edits_frag.mp4
of -movflags +frag_keyframe+empty_moov+default_base_moof base_frag.mp4
of -movflags +frag_keyframe+empty_moov+omit_tfhd_offset offset_frag.mp4
of -movflags +frag_keyframe+empty_moov+separate_moof apart_frag.mp4
of -movflags +frag_every_frame every_frag.mp4
of -t 2.2 cut.mp4
remux -itsoffset 0.7 -i "$root/plain.mp4" -i "$root/plain.mp4" -map 0:v -map 1:a -c copy late_video.mp4
remux -i "$root/plain.mp4" -itsoffset 0.3 -i "$root/plain.mp4" -map 0:v -map 1:a -c copy late_audio.mov
remux -i "$root/plain.mp4" -vf "select=not(eq(mod(n\,5)\,1))" -vsync vfr -c:v libx264 -preset ultrafast \
	-x264-params threads=1:bframes=0 -c:a libmp3lame vfr_mp3.mp4
start_server --root "$root" --workers 1 || { not_ok "server starts"; exit 1; }

cat >"$TMP/times.py" <<'PY'
import subprocess, sys

path, sent = sys.argv[1:3]
say = lambda good, what: print(("ok - " if good else "not ok - ") + what)
name = path.rsplit("/", 1)[1]
probe = ["ffprobe", "-v", "error", "-of", "csv=p=0", "-show_entries"]
out = lambda *a: subprocess.run(list(a), capture_output=True, text=True, check=True).stdout.split()
streams = [line.split(",") for line in out(*probe, "stream=index,codec_type,sample_rate,id", path)]
packets = [line.strip().split() for line in open(sent)]
for fields in streams:
    index, kind, track = fields[0], fields[1], str(int(fields[-1], 16))
    hz = 90000 if kind == "video" or "mp3" in name else int(fields[2])
    want = [round(float(line.split(",")[0]) * hz)
            for line in out(*probe, "packet=pts_time", "-select_streams", index, path)]
    got = []
    for p in packets:
        t = (int(p[2]) + (1 << 31)) % (1 << 32) - (1 << 31)
        if p[0] == track and (not got or got[-1] != t):
            got.append(t)
    if kind == "video":  # each picture has its packets; ffprobe names microseconds
        good = len(got) > 40 and all(abs(a - b) < 3 for a, b in zip(want, got))
    else:  # several frames share a packet, which has the time of its first
        good = len(got) > 4 and abs(got[0] - want[0]) < 3 and all(
            min(abs(t - w) for w in want) < 3 for t in got)
    say(good, "%s: %s is shown when the file says (%d times, from %s)" % (name, kind, len(got), got[:1]))
PY
for f in "$root"/*; do
	name=${f##*/}
	timeout 30 python3 server/tests/rtsp_packets.py "$URL/$name" 2.5 >"$TMP/$name.sent" 2>"$TMP/$name.err" &
done
for job in $(jobs -p); do
	[ "$job" = "$SERVER_PID" ] || wait "$job"
done
for f in "$root"/*; do
	name=${f##*/}
	timeout 30 python3 "$TMP/times.py" "$f" "$TMP/$name.sent" || not_ok "$name: $(tail -n 1 "$TMP/$name.err")"
done
stop_server
same "the server ends cleanly" 0 $?
