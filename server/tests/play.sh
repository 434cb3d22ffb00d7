#!/bin/bash
# SPDX-License-Identifier: MIT
# Playing a real clip with B frames: seeks, PAUSE, Scale and Speed packet by packet, and what ffmpeg shows
# first after a seek.
. server/tests/lib.sh

command -v ffmpeg >/dev/null || { skip "playing: ffmpeg is not installed"; exit 0; }
mkdir -p "$TMP/clips"
ffmpeg -v error -y -f lavfi -i testsrc2=size=320x240:rate=25:duration=12 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=12 \
	-c:v libx264 -preset veryfast -g 25 -keyint_min 25 -sc_threshold 0 -bf 3 -pix_fmt yuv420p \
	-c:a aac -b:a 64k -movflags +faststart "$TMP/clips/clip.mp4" ||
	{ skip "playing: this ffmpeg cannot make the clip"; exit 0; }

start_server --movie-folder "$TMP/clips" || { not_ok "the server starts"; exit 1; }
if command -v python3 >/dev/null; then
	timeout 60 python3 server/tests/play.py "$URL/clip.mp4" 25 25 12
	same "each packet was looked at" 0 $?
else
	skip "playing, packet by packet: python3 is not installed"
fi

# ffmpeg asks for 0.13 s less than it is told where there are B frames, and shows what comes: the sync
# sample before that, a second here.
ffmpeg -v error -i "$TMP/clips/clip.mp4" -map 0:v -f framemd5 - | sed -n 's/^0, .*, *//p' >"$TMP/frames"
for row in 3.2:75 7.0:150 10.96:250; do
	at=${row%:*}
	# over UDP it takes what was sent before the seek for what comes after it
	same "ffmpeg, told to begin at $at s, shows frame ${row#*:} first" \
		"$(sed -n "$((${row#*:} + 1))p" "$TMP/frames")" \
		"$(timeout 20 ffmpeg -v error -nostdin -rtsp_transport tcp -ss "$at" -i "$URL/clip.mp4" \
			-map 0:v -frames:v 1 -f framemd5 - 2>/dev/null | sed -n 's/^0, .*, *//p')"
done
