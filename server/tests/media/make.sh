#!/bin/bash
# SPDX-License-Identifier: MIT
# Makes clip.mp4, the clip that tests use and that is linked into the server: 10 s of ffmpeg's own
# test picture and a tone, H.264 (a sync sample every 2 s) and AAC, hinted by ffmpeg. Made once and
# committed: another ffmpeg or CPU may give other bytes. Usage: make.sh [OUT]
set -eu
out=${1:-$(dirname "$0")/clip.mp4}
ffmpeg -nostdin -hide_banner -v error -y \
	-f lavfi -i testsrc2=size=320x240:rate=25:duration=10 \
	-f lavfi -i sine=frequency=440:sample_rate=48000:duration=10 \
	-threads 1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact -map_metadata -1 \
	-c:v libx264 -preset veryslow \
	-x264-params threads=1:keyint=50:scenecut=0:bframes=0 -b:v 100k -pix_fmt yuv420p \
	-c:a aac -b:a 24k -ac 1 -movflags +rtphint "$out"
