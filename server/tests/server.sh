# SPDX-License-Identifier: MIT
# The program from outside: flags, start, signals, statistics, refusals.
. server/tests/lib.sh


check "help has every preference" grep -q -- '--rtp-timeout' <("$BIN/beagle-server" --help)
check "version" grep -q '^beagle-server ' <("$BIN/beagle-server" --version)
same "list of faults is a table of four columns" 4 \
	"$("$BIN/beagle-server" --list-faults | awk -F'\t' '{ print NF }' | sort -u)"
says "unknown flag" 2 'unknown flag --nonsense' --nonsense 1
says "unknown flag at the end" 2 'unknown flag --nonsense' --nonsense
says "flag without a value" 2 'needs a value' --port
says "value out of range" 2 'rtsp_port must be 0 to 65535' --port 65536
says "value that is no number" 2 'rtp_timeout must be' --rtp-timeout 5s
says "a stray word" 2 "unexpected 'word'" word

# what is no file is found out at once, though nobody will ever write to it (or read)
mkfifo "$TMP/fifo"
for flag in config auth-users auth-rules auth-sign-key tls-certificate; do
	says "a FIFO as --$flag" 2 'not a regular file' --$flag "$TMP/fifo"
	says "a folder as --$flag" 2 'Is a directory' --$flag "$TMP"
	says "a device as --$flag" 2 'not a regular file' --$flag /dev/zero
done
for flag in access-log error-log; do
	says "a FIFO that nobody reads as --$flag" 2 'No such device or address' --$flag "$TMP/fifo"
done
mkdir "$TMP/modules"
mkfifo "$TMP/modules/fifo.so"
says "a FIFO as a module" 2 'fifo.so: not a regular file' --modules "$TMP/modules" --strict-modules
says "address that is none" 2 'is no IP address' --listen localhorst
says "folder that is not there" 2 'movie_folder' --root /nonexistent
says "configuration that is not there" 2 '/nonexistent.ini' --config /nonexistent.ini
says "statistics that cannot be written" 2 'No such file' --stats /nonexistent/stats.json
says "statistics over what is no file" 2 'Invalid argument' --stats "$TMP/fifo"
check "which is left as it was" test -p "$TMP/fifo"
says "statistics without a name" 2 'No such file' --stats=
truncate -s 2G "$TMP/long.ini"
says "a configuration without end" 2 'limit' --config "$TMP/long.ini"
printf 'rtsp_port = 0\n\0rtp_timeout = 7\n' >"$TMP/nul.ini"
says "a configuration that is no text" 2 'nul.ini' --config "$TMP/nul.ini"
says "unknown fault" 2 'nonsense' --fault nonsense
says "unknown log level" 2 'log' --log loud
printf 'rtsp_port = 0\nrtp_timeout = 7\n' >"$TMP/good.ini"
printf 'rtsp_port = 0\n\nrtp_timeot = 7\n' >"$TMP/bad.ini"
says "bad line of a configuration" 2 'bad.ini:3: ' --config "$TMP/bad.ini"

start_server --config "$TMP/good.ini" --stats "$TMP/stats.json" --workers 2 ||
	{ not_ok "server starts"; exit 1; }
ok "prints its address when it is ready"
says "port in use" 2 'cannot listen' --port "${URL##*:}"
check "the file's preference is announced" grep -q 'timeout=7' <(rtsp \
	"SETUP $URL/pattern/trackID=1 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast\r\nConnection: close\r\n\r\n")
answers=$(rtsp "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nFOO $URL/x RTSP/1.0\r\nCSeq: 2\r\n\r\nOPTIONS * RTSP/1.0\r\nCSeq: 3\r\nConnection: close\r\n\r\n")
same "pipelined requests are answered in order" "200 501 200" \
	"$(printf '%s' "$answers" | sed -n 's#^RTSP/1.0 \([0-9]*\).*#\1#p' | tr '\n' ' ' | sed 's/ $//')"
same "another protocol is answered once" "400" \
	"$(rtsp 'HELO x\r\nMAIL FROM:<a@b>\r\n\r\n' | sed -n 's#^RTSP/1.0 \([0-9]*\).*#\1#p')"
same "HTTP is answered once, in HTTP" "404" \
	"$(rtsp 'GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n' | sed -n 's#^[A-Z]*/1.0 \([0-9]*\).*#\1#p')"
kill -USR1 "$SERVER_PID"
for _ in $(seq 40); do [ -s "$TMP/stats.json" ] && break; sleep 0.05; done
check "SIGUSR1 writes the statistics" [ "$(number "$TMP/stats.json" requests)" -ge 5 ]

timeout 20 ffmpeg -nostdin -v quiet -rtsp_transport udp -i "$URL/clip.mp4" -c copy -f null - &
player=$!
is_playing() {
	rm -f "$TMP/stats.json"
	kill -USR1 "$SERVER_PID"
	wait_for 2 [ -s "$TMP/stats.json" ] && [ "$(number "$TMP/stats.json" packets_sent)" -gt 0 ]
}
check "a player is served" wait_for 15 is_playing
began=$(date +%s%N)
stop_server
status=$?
took=$(((($(date +%s%N) - began)) / 1000000))
same "SIGTERM while streaming ends with 0" 0 $status
check "and within 2 s ($took ms)" [ $took -lt 2000 ]
began=$(date +%s%N)
wait $player
took=$(((($(date +%s%N) - began)) / 1000000))
check "its player hears the end by BYE ($took ms)" [ $took -lt 3000 ]
same "every session ended with a reason" "$(number "$TMP/stats.json" sessions)" \
	"$(number "$TMP/stats.json" sessions_ended)"
check "the last one by shutdown" grep -q '"shutdown": 1' "$TMP/stats.json"

# the access log: 42 fields a line, whatever a client says of itself
start_server --access-log "$TMP/access.log" --workers 1
repeat() { printf "%$2s" '' | sed "s/ /$1/g"; }
strange=$(repeat '\\377' 1500)
rtsp "SETUP $URL/pattern/trackID=1?a%%20b RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: a \"b\"\t%%20 #\r\nTransport: RTP/AVP/TCP;unicast\r\nConnection: close\r\n\r\n" >"$TMP/reply"
rtsp "DESCRIBE $URL/$(repeat '\\377' 1000)?$(repeat '\\377' 900) RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\nUser-Agent: $strange\r\n\r\n" >"$TMP/reply"
check "a request for nothing is answered 404" grep -aq 'RTSP/1.0 404' "$TMP/reply"
sleep 0.2
stop_server
lines=$(grep -av '^#' "$TMP/access.log")
same "the access log has a line of each" 2 "$(printf '%s\n' "$lines" | grep -ac .)"
same "and 42 fields in each" 42 "$(printf '%s\n' "$lines" | awk '{ print NF }' | sort -u)"

# too many connections: refused at once
start_server --maximum-connections 3 --workers 1
for n in 4 5 6; do eval "exec $n<>/dev/tcp/127.0.0.1/${URL##*:}"; done
sleep 0.1
check "the connection above the cap hears 503" grep -q 'RTSP/1.0 503' <(rtsp 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n')
printf 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n' >&5
check "those within it are served" grep -q 'RTSP/1.0 200' <(timeout 1 cat <&5)
for n in 4 5 6; do eval "exec $n<&- $n>&-"; done
serves() { rtsp 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' | grep -q 'RTSP/1.0 200'; }
check "and when they have gone, new ones are" wait_for 10 serves # the readers above hold copies of them
stop_server
