# SPDX-License-Identifier: MIT
# Fast start and thinning with real sockets and real players: a client that reads slowly for a while gets
# whole frames in time and every packet that it misses is counted; one that reads at its own pace
# gets everything.
. server/tests/lib.sh
[ -z "${SAN-}" ] || { skip "fast start: not under sanitizers (timing)"; exit 0; }
for p in ffmpeg python3; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done
mkdir -p "$TMP/films"
# about 2.5 Mbit/s with B frames, a key frame a second
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=640x360:r=25:d=12 -f lavfi -i sine=d=12 \
	-c:v libx264 -preset ultrafast -bf 2 -g 25 -b:v 2500k -minrate 2500k -maxrate 2500k \
	-bufsize 500k -x264-params nal-hrd=cbr -pix_fmt yuv420p -c:a aac -b:a 64k -y \
	"$TMP/films/film.mp4" || { not_ok "ffmpeg makes a film"; exit 1; }
value() { sed -n "s/^$2=//p" "$1"; }
slow() { # NAME SECONDS RATE: through a server of its own
	rm -f "$TMP/$1.log"
	start_server --root "$TMP/films" --workers 1 --stats "$TMP/$1.json" --access-log "$TMP/$1.log" || return
	timeout 60 python3 server/tests/slow_reader.py "$URL/film.mp4" "$2" "$3" >"$TMP/$1.txt" 2>"$TMP/$1.err"
	stop_server
}

# everything, as fast as it comes, for comparison; and half of it for seven seconds
slow fast 0 0 &
slow slow 7 150000 &
start_server --root "$TMP/films" || { not_ok "server starts"; exit 1; }
md5() { ffmpeg -nostdin -v error "$@" -map 0:v:0 -fps_mode passthrough -f md5 - 2>"$TMP/ffmpeg.err"; }
want=$(md5 -i "$TMP/films/film.mp4")
same "ffmpeg -re, which reads at the film's own pace, decodes all frames" "$want" \
	"$(md5 -re -rtsp_transport tcp -i "$URL/film.mp4")"
began=$(date +%s%N)
same "ffmpeg decodes the first 8 s the same" "$(md5 -t 8 -i "$TMP/films/film.mp4")" \
	"$(md5 -rtsp_transport tcp -t 8 -i "$URL/film.mp4")"
took=$((($(date +%s%N) - began) / 1000000))
check "and has them before 8 s have passed ($took ms)" [ $took -lt 7000 ]
stop_server
wait

total=$(number "$TMP/fast.json" packets_sent)
same "a fast client gets every packet" "$total" \
	"$(($(value "$TMP/fast.txt" video_packets) + $(value "$TMP/fast.txt" audio_packets)))"
same "all frames" "300 0" "$(value "$TMP/fast.txt" frames) $(value "$TMP/fast.txt" torn)"
same "and nothing is thinned or dropped" "0 0 0" "$(number "$TMP/fast.json" packets_thinned) $(number "$TMP/fast.json" packets_too_late) $(number "$TMP/fast.json" packets_dropped_tcp)"

got=$(($(value "$TMP/slow.txt" video_packets) + $(value "$TMP/slow.txt" audio_packets)))
thinned=$(($(number "$TMP/slow.json" packets_thinned) + $(number "$TMP/slow.json" packets_too_late)))
check "a slow client goes without some frames ($thinned packets)" [ "$thinned" -gt 300 ]
same "what it gets is what was counted as sent" "$(number "$TMP/slow.json" packets_sent)" "$got"
same "with what was left out that is the film" "$total" "$((got + thinned))"
same "no number is missing, no frame is torn" "0 0 0" "$(value "$TMP/slow.txt" video_gaps) $(value "$TMP/slow.txt" audio_gaps) $(value "$TMP/slow.txt" torn)"
check "key frames come ($(value "$TMP/slow.txt" keys) of 12)" [ "$(value "$TMP/slow.txt" keys)" -ge 8 ]
same "audio is whole" "$(value "$TMP/fast.txt" audio_packets)" "$(value "$TMP/slow.txt" audio_packets)"
same "the last resort was not needed" 0 "$(number "$TMP/slow.json" packets_dropped_tcp)"
check "its quality went down" [ "$(number "$TMP/slow.json" thin_steps_down)" -gt 0 ]
check "and up again" [ "$(number "$TMP/slow.json" thin_steps_up)" -gt 0 ]
same "the access log tells" "$thinned 0" "$(awk '/film.mp4/ { print $41, $42 }' "$TMP/slow.log")"
same "the statistics name the profile" '  "profile": "default",' "$(grep '"profile"' "$TMP/slow.json")"

# the profile for benches: in real time
start_server --root "$TMP/films" --profile bench --stats "$TMP/bench.json" || { not_ok "server starts"; exit 1; }
began=$(date +%s%N)
md5 -rtsp_transport tcp -t 4 -i "$URL/film.mp4" >"$TMP/bench.md5"
took=$((($(date +%s%N) - began) / 1000000))
check "by the bench profile 4 s take 4 s ($took ms)" [ $took -ge 3500 ]
stop_server
check "which the statistics name" grep -q '"profile": "bench"' "$TMP/bench.json"
same "there is no other profile" "beagle-server: there is no profile 'x': default or bench" \
	"$("$BIN/beagle-server" --profile x 2>&1)"
check "--help says what a profile sets" grep -q 'bench .*overbuffer_tcp=0' <("$BIN/beagle-server" --help)
