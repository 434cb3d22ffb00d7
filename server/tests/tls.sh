# SPDX-License-Identifier: MIT
# RTSPS: versions, names, reload, players that are not ours, and clients that are rude or slow.
. server/tests/lib.sh
command -v openssl >/dev/null || { not_ok "openssl is missing: ci/deps test"; exit 1; }

mkdir -p "$TMP/open"
STATS=$TMP/open/stats.json
serial=100
# make_certificate FILE NAMES KEY-OPTION...: FILE.pem holds certificate and key
make_certificate() {
	local file=$1 names=$2
	shift 2
	serial=$((serial + 1))
	openssl req -x509 -newkey "$@" -nodes -keyout "$TMP/key.$$" -out "$TMP/crt.$$" -days 2 -set_serial $serial \
		-subj "/O=$names" -addext "subjectAltName=$names" 2>/dev/null
	cat "$TMP/crt.$$" "$TMP/key.$$" >"$TMP/new.$$"
	chmod 600 "$TMP/new.$$"
	mv "$TMP/new.$$" "$file.pem"
}
# begin FLAG...: a server with a TLS and a plain address: TLS, PLAIN are their ports
begin() {
	OUT=$(mktemp "$TMP/server.XXXXXX")
	"$BIN/beagle-server" --listen rtsps://127.0.0.1:0 --listen 127.0.0.1:0 --stats "$STATS" "$@" \
		>"$OUT" 2>"$OUT.err" &
	SERVER_PID=$!
	SERVER_PIDS+=("$SERVER_PID")
	for _ in $(seq 200); do
		PLAIN=$(sed -n 's#^listening rtsp://.*:\([0-9]*\)/#\1#p' "$OUT")
		TLS=$(sed -n 's#^listening rtsps://.*:\([0-9]*\)/#\1#p' "$OUT")
		[ -n "$PLAIN" ] && return 0
		kill -0 "$SERVER_PID" 2>/dev/null || break
		sleep 0.05
	done
	cat "$OUT.err" >&2
	return 1
}
client() { timeout 60 python3 server/tests/tls_client.py "$@" 2>>"$TMP/client.err"; }
# s_client FLAG...: protocol and status that openssl's own client sees
s_client() {
	printf 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' |
		timeout 10 openssl s_client -connect "127.0.0.1:$TLS" -servername a.example -ign_eof "$@" 2>&1 |
		sed -n 's/^New, \(TLSv[0-9.]*\), .*/\1/p; s#^RTSP/1.0 \([0-9]*\).*#\1#p' | tr '\n' ' '
}
# stats: a fresh file
stats() {
	rm -f "$STATS"
	kill -USR1 "$SERVER_PID"
	for _ in $(seq 100); do [ -s "$STATS" ] && return; sleep 0.05; done
}
# reload COUNTER N: SIGHUP, until the counter says so
reload() {
	kill -HUP "$SERVER_PID"
	for _ in $(seq 50); do
		stats
		[ "$(number "$STATS" "$1")" = "$2" ] && return 0
		sleep 0.1
	done
	return 1
}

a=$TMP/a b=$TMP/b
make_certificate "$a" DNS:a.example,IP:127.0.0.1 rsa:2048
make_certificate "$b" 'DNS:b.example,DNS:*.b.example' ec -pkeyopt ec_paramgen_curve:P-256
cp "$a.pem" "$TMP/alone.pem"
sed '/PRIVATE KEY/,$d' "$a.pem" >"$TMP/nokey.pem"
says "no certificate" 2 'rtsps needs a tls_certificate' --listen rtsps://127.0.0.1:0
says "a certificate that is not there" 2 '/nonexistent.pem' --listen rtsps://127.0.0.1:0 --tls-certificate /nonexistent.pem
says "one without a key" 2 'nokey.pem' --listen rtsps://127.0.0.1:0 --tls-certificate "$TMP/nokey.pem"
says "with another's key" 2 'nokey.pem: .*key' --listen rtsps://127.0.0.1:0 --tls-certificate "$TMP/nokey.pem" --tls-key "$b.pem"
says "more keys than certificates" 2 '2 keys for 1' --listen rtsps://127.0.0.1:0 --tls-certificate "$a.pem" --tls-key "$a.pem" --tls-key "$b.pem"

begin --tls-certificate "$a.pem" --tls-certificate "$b.pem" --tls-handshake-timeout 3 ||
	{ not_ok "server starts"; exit 1; }
same "TLS 1.3 with openssl's client" "TLSv1.3 200 " "$(s_client -tls1_3)"
same "TLS 1.2" "TLSv1.2 200 " "$(s_client -tls1_2)"
same "TLS 1.1 is refused" "" "$(s_client -tls1_1 -cipher 'ALL:@SECLEVEL=0')"
stats
same "and counted" 1 "$(number "$STATS" tls_failed_version)"
for row in a.example:65 c.example:65 b.example:66 x.b.example:66 y.x.b.example:65; do
	same "the certificate for ${row%:*}" "${row#*:}" "$(client "$TLS" serial "${row%:*}")"
done

same "plain RTSP on the TLS port hears nothing" closed "$(client "$TLS" say 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n')"
same "nor does garbage" closed "$(client "$TLS" say '\x00\xff\x80 nonsense')"
stats
same "both are counted" 2 "$(number "$STATS" tls_failed_not_tls)"
same "TLS on the plain port is answered 400" "RTSP/1.0 400 Bad Requestclosed" \
	"$(client "$PLAIN" say '\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n\r\n')"
client "$TLS" end polite >/dev/null
client "$TLS" end rude >/dev/null
before=$(number "$STATS" tls_truncated)
sleep 0.3
stats
same "an end without close_notify is counted" $((before + 1)) "$(number "$STATS" tls_truncated)"
same "UDP over TLS is answered 461" 461 "$(client "$TLS" ask SETUP /pattern/trackID=1 \
	'Transport: RTP/AVP;unicast;client_port=40000-40001')"
same "over TCP it is granted" 200 "$(client "$TLS" ask SETUP /pattern/trackID=1 'Transport: RTP/AVP/TCP;unicast')"

# who takes an octet a second for his handshake is in nobody's way, and gone at the deadline
client "$TLS" crawl 40 8 >"$TMP/crawl" &
crawler=$!
began=$(date +%s%N)
same "while 40 handshakes crawl others are served" 200 "$(client "$TLS" ask OPTIONS /)"
wait $crawler
same "at the deadline they are closed" 40 "$(cat "$TMP/crawl")"
stats
same "and counted" 40 "$(number "$STATS" tls_failed_timeout)"

# curl has no rtsps, but HTTP: the GET of a tunnel over TLS
same "curl sees a tunnel over TLS begin" "200 application/x-rtsp-tunnelled" "$(curl -sk --max-time 2 -o /dev/null \
	-w '%{http_code} %{content_type}' -H 'x-sessioncookie: curl' "https://127.0.0.1:$TLS/clip.mp4")"

# reload: new ones get the new certificate, old ones play on
play=
if [ -z "${SAN-}" ]; then
	timeout 60 ffmpeg -nostdin -v error -rtsp_transport tcp -i "rtsps://127.0.0.1:$TLS/clip.mp4" -map 0:v:0 \
		-fps_mode passthrough -frames:v 125 -f md5 - >"$TMP/over_reload" 2>"$TMP/ffmpeg.err" &
	play=$!
	sleep 1.5
fi
make_certificate "$b" 'DNS:b.example,DNS:*.b.example' rsa:2048
check "SIGHUP reads the certificates again" reload tls_reloads 1
same "new connections get the new one" 67 "$(client "$TLS" serial b.example)"
head -c 500 "$b.pem" >"$TMP/cut.pem" && mv "$TMP/cut.pem" "$b.pem"
check "a bad one is counted" reload tls_reloads_failed 1
same "the old ones serve on" 67 "$(client "$TLS" serial b.example)"
same "and that is told in one line" 1 "$(grep -c 'the certificates stay as they were' "$OUT.err")"

if [ -n "$play" ]; then
	wait $play
	want=$(timeout 60 ffmpeg -nostdin -v error -i server/tests/media/clip.mp4 -map 0:v:0 -fps_mode passthrough \
		-frames:v 125 -f md5 - 2>&1)
	same "ffmpeg over rtsps decodes the clip frame-exactly, through reloads" "$want" "$(cat "$TMP/over_reload")"
	same "ffmpeg by a tunnel over HTTPS does" "$want" "$(timeout 60 ffmpeg -nostdin -v error -rtsp_transport https \
		-i "rtsp://127.0.0.1:$TLS/clip.mp4" -map 0:v:0 -fps_mode passthrough -frames:v 125 -f md5 - \
		2>"$TMP/ffmpeg.err" | tail -n 1)"
	gst() { # element that begins the pipeline...
		rm -f "$TMP/gst.yuv"
		timeout 60 gst-launch-1.0 -q "$@" ! h264parse ! avdec_h264 max-threads=1 ! video/x-raw,format=I420 ! \
			identity eos-after=126 silent=true ! filesink location="$TMP/gst.yuv" >"$TMP/gst.err" 2>&1
		[ "$(stat -c %s "$TMP/gst.yuv" 2>/dev/null || echo 0)" -ge 14400000 ] || { echo "too few frames"; return; }
		head -c 14400000 "$TMP/gst.yuv" | md5sum | cut -d' ' -f1
	}
	same "GStreamer over rtsps decodes the clip frame-exactly" \
		"$(gst filesrc location=server/tests/media/clip.mp4 ! qtdemux)" \
		"$(gst rtspsrc location="rtsps://127.0.0.1:$TLS/clip.mp4" tls-validation-flags=0 latency=200 ! rtph264depay)"
else
	skip "outside players over TLS: not under sanitizers (timing)"
fi
stop_server
same "the server ends with 0" 0 $?

begin --tls-certificate "$a.pem" --tls-udp-media 1 --maximum-connections 1 || not_ok "server starts"
same "UDP over TLS may be allowed" 200 "$(client "$TLS" ask SETUP /pattern/trackID=1 \
	'Transport: RTP/AVP;unicast;client_port=40000-40001')"
sleep 1.5 # it has gone
same "one too many hears 503 over TLS, too" 503 "$(client "$TLS" second)"
stop_server

begin --tls-certificate "$a.pem" --fault tls-stall=700 || not_ok "server starts"
began=$(date +%s%N)
same "a handshake that begins late (--fault tls-stall) ends well" "TLSv1.3 200 " "$(s_client -tls1_3)"
check "and not before its time" test $(($(date +%s%N) - began)) -ge 700000000
stop_server
begin --tls-certificate "$a.pem" --fault tls-stall --tls-handshake-timeout 1 || not_ok "server starts"
s_client -tls1_3 >"$TMP/stalled" &
stalled=$!
same "while one never begins others are served" "RTSP/1.0 200 OK" "$(client "$PLAIN" say \
	'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' | head -n 1 | cut -c 1-15)"
wait $stalled
same "and it ends at the deadline" "" "$(cat "$TMP/stalled")"
stats
same "which is counted" 1 "$(number "$STATS" tls_failed_timeout)"
stop_server

if [ "$(id -u)" != 0 ]; then
	skip "a key that root alone may read: only root can give up root"
	exit 0
fi
chmod 755 "$TMP"
chmod 777 "$TMP/open"
rm -f "$STATS"
begin --tls-certificate "$a.pem" --run-user-name nobody || { not_ok "server starts as nobody"; exit 1; }
same "the server runs as nobody" nobody "$(ps -o user= -p "$SERVER_PID")"
same "with a key that only root may read" "600 root" "$(stat -c '%a %U' "$a.pem")"
reader=$(pgrep -P "$SERVER_PID" -x beagle-files)
make_certificate "$a" DNS:a.example ec -pkeyopt ec_paramgen_curve:P-256
kill -HUP "$SERVER_PID"
for _ in $(seq 50); do
	got=$(client "$TLS" serial a.example)
	[ "$got" = 68 ] && break
	sleep 0.1
done
same "SIGHUP reads it again as root" 68 "$got"
stop_server
for _ in $(seq 50); do kill -0 "$reader" 2>/dev/null || break; sleep 0.05; done
check "what read it has ended with the server" test -n "$reader" -a ! -d "/proc/$reader"
