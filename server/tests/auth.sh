# SPDX-License-Identifier: MIT
# Access from outside: files, logins by players and by a client that is not ours, rules, guessing, stolen
# sessions, signed URLs, SIGHUP; and that no secret comes out anywhere.
. server/tests/lib.sh
server=$BIN/beagle-server
client="python3 server/tests/auth_client.py"
dir=$TMP/auth
mkdir -p "$dir"
password="s3cret pass"


# ---- the tools ----
line=$(echo "$password" | "$server" --hash-password anna)
want=$(python3 -c "
import hashlib
h = lambda a: hashlib.new(a, b'anna:Beagle:$password').hexdigest()
print('anna:Beagle:' + h('md5') + ':' + h('sha256'))")
same "--hash-password makes the line of both hashes" "$want" "$line"
same "of another realm" "anna:Other" "$(echo x | "$server" --hash-password anna:Other | cut -d: -f1,2)"
says "--hash-password without a password" 2 'no password' --hash-password anna
says "--hash-password among other flags" 2 'nothing else' --hash-password anna --port 1
head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$dir/key"
says "--sign-url of what is no URL" 2 'no RTSP URL' --sign-url nothing --expires 1 --auth-sign-key "$dir/key"
says "--sign-url without a key" 2 'usage' --sign-url rtsp://h/x --expires 1
printf short >"$dir/short"
says "a key that is too short" 2 '16 octets' --auth-sign-key "$dir/short"

# ---- files ----
{
	echo "# users"
	echo "$line"
	echo b3rt | "$server" --hash-password bert
} >"$dir/users"
echo "staff: bert" >"$dir/groups"
cat >"$dir/rules" <<EOF
[/]
read = valid-user
deny = 127.0.0.9
[/pattern/2t]
read = anyone
[/pattern/500k]
read = @staff
EOF
printf 'anna:Beagle:secret\n' >"$dir/bad"
says "users that are not there" 2 '/nonexistent' --auth-users /nonexistent
says "a bad line of users is named" 2 'bad:1: HA1' --auth-users "$dir/bad"
says "no user of the realm" 2 "realm 'Eagle'" --auth-users "$dir/users" --auth-realm Eagle
says "a rule for a group that is not there" 2 "rules:7: there is no group 'staff'" \
	--auth-users "$dir/users" --auth-rules "$dir/rules"
says "a scheme twice" 2 'auth_schemes' --auth-users "$dir/users" --auth-schemes "md5 md5"
says "a scheme that is none" 2 'auth_schemes' --auth-users "$dir/users" --auth-schemes "md5 ntlm"

start_server --auth-users "$dir/users" --auth-groups "$dir/groups" --auth-rules "$dir/rules" \
	--auth-sign-key "$dir/key" --auth-wait-max 1 --workers 2 --log debug --access-log "$dir/access.log" \
	--stats "$dir/stats.json" || { not_ok "server starts"; exit 1; }
sign() { "$server" --sign-url "$1" --expires "$2" --auth-sign-key "$dir/key" "${@:3}"; }
good=$(sign "$URL/pattern" 600)
$client "$URL" offers plays broken replays theft rules \
	"signed,$good,$(sign "$URL/pattern" @60),$(sign "$URL/pattern" 600 --client 127.0.0.7)" guessing

# ---- players ----
curl -sS -u "anna:$password" --digest --max-time 10 "$URL/pattern" >"$dir/curl" 2>&1
same "curl, which asks for OPTIONS, is content" 0 $?
if [ -n "${SAN-}" ]; then
	skip "players: not under sanitizers (timing)"
else
	for p in ffmpeg gst-launch-1.0; do
		command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
	done
	play() { timeout 20 ffmpeg -nostdin -v error -rtsp_transport "$1" -i "$2" -t 1 -f null - >"$dir/ffmpeg" 2>&1; }
	gst() { # by what it writes, not by its exit code: it may complain of how it was stopped
		rm -f "$dir/gst.rtp"
		timeout 20 gst-launch-1.0 -q rtspsrc "$@" ! identity eos-after=20 ! filesink location="$dir/gst.rtp" >"$dir/gst" 2>&1
		[ "$(stat -c %s "$dir/gst.rtp" 2>/dev/null || echo 0)" -ge 1000 ]
	}
	plays() { # NAME COMMAND...
		local name=$1
		shift
		if "$@"; then ok "$name"; else not_ok "$name ($(tail -qn 1 "$dir/ffmpeg" "$dir/gst" 2>&1 | tr '\n' ' '))"; fi
	}
	with=rtsp://anna:${password// /%20}@${URL#rtsp://}
	signed=$(sign "$URL/clip.mp4" 600)
	past=$(sign "$URL/clip.mp4" @60)
	for t in udp tcp; do
		plays "ffmpeg logs in over $t" play $t "${with/s3cret%20pass/s3cret pass}/clip.mp4"
		plays "GStreamer logs in over $t" gst location="$URL/clip.mp4" user-id=anna "user-pw=$password" protocols=$t
		plays "ffmpeg plays a signed URL over $t" play $t "$signed"
		plays "GStreamer plays a signed URL over $t" gst location="$signed" protocols=$t
	done
	gst location="$URL/clip.mp4" user-id=anna user-pw=wrong protocols=tcp && not_ok "GStreamer with a wrong password plays"
	play tcp "rtsp://anna:wrong@${URL#rtsp://}/clip.mp4"
	check "ffmpeg with a wrong password hears 401" grep -q 401 "$dir/ffmpeg"
	play tcp "$past"
	check "ffmpeg with an expired URL hears 403" grep -q 403 "$dir/ffmpeg"
fi

# ---- curl: its tool asks for OPTIONS * whatever it is told, libcurl for all; each with each hash ----
main=$SERVER_PID main_url=$URL
# asked COMMAND...: the request lines that curl sends, and the statuses that it hears
asked() { "$@" -sv --max-time 10 -o "$dir/curl.out" 2>&1 | tr -d '\r' | sed -n 's/^> \([A-Z]* [^ ]*\) RTSP.*/\1/p; s/^< RTSP.1.0 \([0-9]*\).*/\1/p' | tr '\n' ' '; }
echo 'c4rl' | "$server" --hash-password curl >"$dir/curl.users"
for schemes in sha-256 md5 "sha-256 md5"; do
	start_server --auth-users "$dir/curl.users" --auth-options 1 --auth-schemes "$schemes" --auth-wait-max 0 --stats "$dir/curl.json" ||
		not_ok "server starts"
	same "curl logs in by Digest ($schemes)" "OPTIONS * 401 OPTIONS * 200 " "$(asked curl --digest -u curl:c4rl "$URL/clip.mp4")"
	same "whatever method it is told" "OPTIONS * 401 OPTIONS * 200 " "$(asked curl -X DESCRIBE --digest -u curl:c4rl "$URL/clip.mp4")"
	same "not with a wrong password" "OPTIONS * 401 OPTIONS * 401 " "$(asked curl --digest -u curl:wrong "$URL/clip.mp4")"
	same "nor without one" "OPTIONS * 401 " "$(asked curl "$URL/clip.mp4")"
	same "libcurl plays with Digest ($schemes)" "OPTIONS DESCRIBE SETUP PLAY RECEIVE TEARDOWN" \
		"$(BEAGLE_USER=curl BEAGLE_PASSWORD=c4rl timeout 20 "$BIN/beagle-conformance" curl "$URL/clip.mp4" --packets 20 |
			sed -n 's/^\([A-Z]*\) *ok .*/\1/p' | tr '\n' ' ' | sed 's/ $//')"
	stop_server
	check "all of them were logins" [ "$(sed -n 's/.*"auth_logins": \([0-9]*\).*/\1/p' "$dir/curl.json")" -ge 7 ]
done
start_server --auth-users "$dir/curl.users" || not_ok "server starts"
same "OPTIONS is free without auth_options" "OPTIONS * 200 " "$(asked curl --digest -u curl:c4rl "$URL/clip.mp4")"
same "but Basic, which curl sends unasked, is not taken in the clear" "OPTIONS * 401 " "$(asked curl -u curl:c4rl "$URL/clip.mp4")"
stop_server
SERVER_PID=$main URL=$main_url

# ---- SIGHUP ----
{
	echo "changed now" | "$server" --hash-password anna
	echo b3rt | "$server" --hash-password bert
} >"$dir/users"
kill -HUP "$SERVER_PID"
sleep 0.5
$client "$URL" "changed,changed now"
echo "anna:Beagle" >"$dir/users"
kill -HUP "$SERVER_PID"
sleep 0.5
check "SIGHUP: a bad file is named, and the old users stay" grep -q 'users:1: ' "$TMP"/server.*.err
err=$(grep -l "users:1: " "$TMP"/server.*.err | head -n 1)
stop_server
same "ends with 0" 0 $?

# ---- secrets ----
secrets="s3cret|b3rt|changed now|response=|${good##*sig=}"
same "no password, response or signature in the log" 0 "$(grep -cE "$secrets" "$err")"
same "none in the access log" 0 "$(grep -cE "$secrets" "$dir/access.log")"
check "which knows who played" grep -q ' anna Beagle ' "$dir/access.log"
check "and that a URL was signed" grep -q 'sig=-' "$dir/access.log"
for n in auth_logins auth_challenged auth_failed auth_stale auth_replayed auth_bad auth_forbidden \
	auth_signatures_bad auth_waits auth_crowded sessions_stolen; do
	check "counted: $n" [ "$(number "$dir/stats.json" $n)" -gt 0 ]
done

# Basic in the clear, where it is allowed
start_server --auth-users "$dir/bad2" --auth-basic-plain 1 2>/dev/null && not_ok "users that are not there"
echo "$line" >"$dir/users"
start_server --auth-users "$dir/users" --auth-basic-plain 1 --auth-schemes basic || { not_ok "server starts"; exit 1; }
basic() {
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}" || return 1
	printf 'DESCRIBE %s/pattern RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\nAuthorization: Basic %s\r\n\r\n' \
		"$URL" "$(printf %s "$1" | base64)" >&9
	timeout 5 cat <&9 | sed -n '1s#^RTSP/1.0 \([0-9]*\).*#\1#p'
	exec 9<&- 9>&-
}
same "Basic: the right password" 200 "$(basic "anna:$password")"
same "Basic: a wrong one" 401 "$(basic "anna:$password.")"
stop_server

# and over TLS, where it always is
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$dir/tls.key" -out "$dir/tls.crt" \
	-days 2 -subj /CN=localhost 2>/dev/null && cat "$dir/tls.crt" "$dir/tls.key" >"$dir/tls.pem"
chmod 600 "$dir/tls.pem"
start_server --auth-users "$dir/users" --listen 127.0.0.1:0 --listen rtsps://127.0.0.1:0 \
	--tls-certificate "$dir/tls.pem" || { not_ok "server starts with TLS"; exit 1; }
TLS=$(cat "$TMP"/server.?????? | sed -n 's#^listening rtsps://\(.*\)/#\1#p' | tail -n 1)
over_tls() { # HEADER: the reply's head
	printf 'DESCRIBE rtsps://%s/pattern RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n%s\r\n' "$TLS" "$1" |
		timeout 10 openssl s_client -quiet -ign_eof -connect "$TLS" 2>/dev/null
}
check "Basic is offered over TLS, last" grep -q '^WWW-Authenticate: Basic' \
	<(over_tls "" | grep '^WWW-Authenticate' | tail -n 1)
check "and taken" grep -q '^RTSP/1.0 200' <(over_tls "Authorization: Basic $(printf %s "anna:$password" | base64)"$'\r\n')
same "but not in the clear by its side" 401 "$(basic "anna:$password")"
if [ -z "${SAN-}" ]; then
	plays "GStreamer logs in over TLS" gst location="rtsps://$TLS/clip.mp4" tls-validation-flags=0 user-id=anna \
		"user-pw=$password" protocols=tcp
fi
stop_server
