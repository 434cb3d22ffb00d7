# SPDX-License-Identifier: MIT
# The life of the process: the service manager hears of it, status, draining, privileges.
. server/tests/lib.sh

# reply FD: the head of one reply, no more (what else plays over that connection is passed over)
reply() {
	local line seen=0
	while IFS= read -r -t 5 -u "$1" line; do
		case "$line" in *RTSP/1.0\ *) seen=1; line=RTSP/1.0${line##*RTSP/1.0} ;; esac
		[ $seen = 0 ] || echo "$line"
		[ $seen = 0 ] || [ "$line" != $'\r' ] || return 0
	done 2>/dev/null
}
refuses() { rtsp 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n' | grep -q 'RTSP/1.0 503'; }
SETUP_UDP="Transport: RTP/AVP;unicast;client_port=50000-50001\r\n\r\n"
# play FD: a session that plays over TCP, on a connection that stays open as that descriptor
play() {
	eval "exec $1<>/dev/tcp/127.0.0.1/${URL##*:}"
	printf "SETUP $URL/pattern/50p/trackID=1?token=s3cret RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP/TCP;unicast\r\n\r\n" >&"$1"
	local line id=""
	while IFS= read -r -t 5 -u "$1" line; do
		case "$line" in Session:*) id=${line#Session: } id=${id%%[;$'\r']*} ;; $'\r') break ;; esac
	done
	printf "PLAY $URL/pattern/50p RTSP/1.0\r\nCSeq: 2\r\nSession: $id\r\n\r\n" >&"$1"
	IFS= read -r -t 5 -u "$1" line # its status; media follow
	SESSION=$id
}

# ---- the service manager ----
python3 server/tests/notify.py "$TMP/notify" "$TMP/heard" &
SERVER_PIDS+=($!)
wait_for 10 grep -q listening "$TMP/heard"
export NOTIFY_SOCKET="$TMP/notify" WATCHDOG_USEC=1000000
start_server --workers 2 --stats "$TMP/stats.json" --status "$TMP/status" || { not_ok "server starts"; exit 1; }
check "the service manager hears READY=1" wait_for 5 grep -q ' READY=1$' "$TMP/heard"
check "and of the watchdog" wait_for 5 grep -q ' WATCHDOG=1$' "$TMP/heard"
play 4
kill -USR1 "$SERVER_PID"
check "SIGUSR1 writes what is going on" wait_for 5 grep -q '^session .*path=/pattern/50p .*transport=tcp state=playing' "$TMP/status"
check "with a line of each worker" [ "$(grep -c '^worker ' "$TMP/status")" = 2 ]
check "an id is told in part only" grep -q "id=${SESSION:0:6}\.\. " "$TMP/status"
check "and nothing that lets anybody in" sh -c "! grep -q -e $SESSION -e s3cret '$TMP/status'"
check "SIGUSR1 writes the statistics, too" wait_for 5 [ -s "$TMP/stats.json" ]
n=$(grep -c WATCHDOG "$TMP/heard")
sleep 1.2
check "pings go on while the workers turn" [ "$(grep -c WATCHDOG "$TMP/heard")" -gt "$n" ]
exec 4<&- 4>&-
stop_server
same "SIGTERM ends it with 0" 0 $?
check "the manager hears STOPPING=1" wait_for 5 grep -q ' STOPPING=1$' "$TMP/heard"
unset NOTIFY_SOCKET WATCHDOG_USEC

# ---- draining ----
start_server --workers 2 --shutdown-time 60
play 4
for n in 5 6; do eval "exec $n<>/dev/tcp/127.0.0.1/${URL##*:}"; done
printf 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n' >&5
check "a connection is served" grep -q 'RTSP/1.0 200' <(reply 5)
kill -TERM "$SERVER_PID"
check "while it drains a new connection hears 503" wait_for 5 refuses
printf "SETUP $URL/pattern/trackID=1 RTSP/1.0\r\nCSeq: 2\r\n$SETUP_UDP" >&5
check "and a new session on an old connection is answered 503" grep -q 'RTSP/1.0 503' <(reply 5)
printf "GET_PARAMETER $URL/pattern/50p RTSP/1.0\r\nCSeq: 3\r\nSession: $SESSION\r\n\r\n" >&4
check "those who play are served on" grep -aq 'CSeq: 3' <(reply 4)
printf "TEARDOWN $URL/pattern/50p RTSP/1.0\r\nCSeq: 4\r\nSession: $SESSION\r\nConnection: close\r\n\r\n" >&4
cat <&4 >/dev/null &
reader=$!
for n in 4 5 6; do eval "exec $n<&- $n>&-"; done
wait_for 15 sh -c "! kill -0 $SERVER_PID"
wait "$SERVER_PID"
same "when the last has gone it ends by itself, with 0" 0 $?
kill $reader 2>/dev/null
wait $reader 2>/dev/null

start_server --workers 1 --shutdown-time 600
play 4
kill -TERM "$SERVER_PID"
wait_for 5 refuses
check "a first SIGTERM lets the session go on" kill -0 "$SERVER_PID"
kill -TERM "$SERVER_PID"
wait_for 5 sh -c "! kill -0 $SERVER_PID"
wait "$SERVER_PID"
same "a second one ends it" 0 $?
check "with its last packets" grep -q . <(timeout 5 cat <&4 | head -c 1)
exec 4<&- 4>&-

start_server --workers 1 --shutdown-time 1
play 4
kill -TERM "$SERVER_PID"
wait_for 10 sh -c "! kill -0 $SERVER_PID"
wait "$SERVER_PID"
same "so does the deadline" 0 $?
exec 4<&- 4>&-

# ---- the filter of system calls ----
start_server --workers 2 --seccomp kill --stats "$TMP/sandbox.json"
if [ -n "${SAN-}" ]; then
	skip "seccomp: not in a build with sanitizers"
else
	same "all threads are under the filter" 2 \
		"$(cat /proc/"$SERVER_PID"/task/*/status | sed -n 's/^Seccomp:\t//p' | sort -u)"
	timeout 20 ffmpeg -nostdin -v error -rtsp_transport tcp -i "$URL/clip.mp4" -t 2 -c copy -f null - 2>"$TMP/ffmpeg.err"
	same "and a film is played" "0 " "$? $(head -n 1 "$TMP/ffmpeg.err")"
	host=${URL#rtsp://}
	same "nothing that a client says is looked up" "RTSP/1.0 462" "$(timeout 5 bash -c '
		exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
		printf "%s\r\n" "SETUP rtsp://$1/pattern/trackID=1 RTSP/1.0" "CSeq: 1" "Connection: close" \
			"Transport: RTP/AVP;unicast;client_port=5000-5001;destination=\"fe80::1%lo\"" "" >&3
		head -n 1 <&3' _ "$host" 2>/dev/null | cut -d " " -f 1-2)"
	kill -USR1 "$SERVER_PID"
	check "statistics are written" wait_for 5 [ -s "$TMP/sandbox.json" ]
	stop_server
	same "it ends with 0" 0 $?
fi

# ---- privileges ----
says "a user that there is not" 2 "run_user_name 'nobody-such': there is no such user" --port 0 --run-user-name nobody-such
says "a group that there is not" 2 'there is no such group' --port 0 --run-group-name nobody-such
if [ "$(id -u)" != 0 ]; then
	says "who is not root becomes nobody else" 2 'only root can' --port 0 --run-user-name root
	skip "the drop of privileges: needs root"
	exit 0
fi
chmod 755 "$TMP"
says "files that the user may not write are found out at the start" 2 'statistics .*ermission denied' --port 0 \
	--run-user-name nobody --stats "$TMP/denied.json"
mkdir -m 777 "$TMP/open"
start_server --workers 2 --run-user-name nobody --access-log "$TMP/access.log" --stats "$TMP/open/stats.json" ||
	not_ok "a server that becomes nobody starts"
want=$(id -u nobody)
same "all its threads are nobody's, in all ways" "$want $want $want $want" \
	"$(cat /proc/"$SERVER_PID"/task/*/status | sed -n 's/^Uid:\t//p' | sort -u | tr '\t' ' ')"
want=$(id -g nobody)
same "and of its group" "$want $want $want $want" \
	"$(cat /proc/"$SERVER_PID"/task/*/status | sed -n 's/^Gid:\t//p' | sort -u | tr '\t' ' ')"
same "no supplementary group of root's is left" "$(id -G nobody)" \
	"$(sed -n 's/^Groups:\t//p' /proc/"$SERVER_PID"/status | sed 's/ *$//')"
same "no thread has a capability" "0000000000000000" \
	"$(cat /proc/"$SERVER_PID"/task/*/status | sed -n 's/^Cap\(Prm\|Eff\|Amb\):\t//p' | sort -u)"
same "nor gets one by exec" "1" \
	"$(cat /proc/"$SERVER_PID"/task/*/status | sed -n 's/^NoNewPrivs:\t//p' | sort -u)"
check "it serves" grep -q 'RTSP/1.0 200' <(rtsp 'OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n')
rtsp "DESCRIBE $URL/none.mp4 RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\n\r\n" >/dev/null
stop_server
same "and ends with 0" 0 $?
check "it wrote to the log that root had opened" grep -q none.mp4 "$TMP/access.log"
start_server --run-user-name nobody --access-log "$TMP/open/access.log" --error-log "$TMP/open/error.log" --log info ||
	not_ok "a server whose logs are in a folder of its user starts"
kill -HUP "$SERVER_PID"
wait_for 5 grep -q 'prefs read again' "$SERVER_OUT.err"
same "the logs that root made can be opened again by the user" "" "$(grep 'keeps what it had' "$SERVER_OUT.err")"
mv "$TMP/open/access.log" "$TMP/open/access.1"
mv "$TMP/open/error.log" "$TMP/open/error.1"
kill -HUP "$SERVER_PID"
wait_for 5 [ -e "$TMP/open/error.log" ]
check "and are rotated" [ -e "$TMP/open/access.log" ]
stop_server
check "and its statistics" [ "$(number "$TMP/open/stats.json" requests)" -ge 2 ]

# ---- files that root alone may read, and a server that is not root any more ----
# user NAME PASSWORD: his line
user() { printf '%s\n' "$2" | "$BIN/beagle-server" --hash-password "$1"; }
# ask_as NAME PASSWORD PATH: the status
ask_as() {
	rtsp "DESCRIBE $URL$3 RTSP/1.0\r\nCSeq: 1\r\nConnection: close\r\nAuthorization: Basic $(printf '%s' "$1:$2" | base64)\r\n\r\n" |
		sed -n '1s/^[^ ]* \([0-9]*\) .*/\1/p'
}
# reload WORDS: SIGHUP, until the log says so once more
reload() {
	local before
	before=$(grep -c "$1" "$SERVER_OUT.err")
	kill -HUP "$SERVER_PID"
	wait_for 10 eval "[ \$(grep -c '$1' '$SERVER_OUT.err') -gt $before ]"
}
secret=$TMP/secret
mkdir -m 700 "$secret"
user anna first >"$secret/users"
printf 'staff: anna\n' >"$secret/groups"
printf '[/pattern]\nread = @staff\n' >"$secret/rules"
head -c 32 /dev/urandom >"$secret/key"
chmod 600 "$secret"/*
start_server --run-user-name nobody --seccomp kill --log info --auth-basic-plain 1 --auth-wait-max 0 \
	--auth-users "$secret/users" --auth-groups "$secret/groups" --auth-rules "$secret/rules" \
	--auth-sign-key "$secret/key" || not_ok "a server with files of root's starts"
reader=$(pgrep -P "$SERVER_PID" -x beagle-files)
same "a user of root's file is let in" 200 "$(ask_as anna first /pattern)"
user anna second >"$secret/users"
reload 'prefs read again'
same "SIGHUP reads it again, though the server is nobody: the new password" 200 "$(ask_as anna second /pattern)"
same "and not the old one" 401 "$(ask_as anna first /pattern)"
printf 'staff: bert\n' >"$secret/groups"
reload 'prefs read again'
same "and the groups" 403 "$(ask_as anna second /pattern)"
printf '[/pattern]\nread = anna\n' >"$secret/rules"
reload 'prefs read again'
same "and the rules" 200 "$(ask_as anna second /pattern)"
echo 'no line of a user' >"$secret/users"
reload 'auth.*users:1: '
same "a bad line changes nothing" 200 "$(ask_as anna second /pattern)"
kill -KILL "$reader"
user anna third >"$secret/users"
reload 'auth.*users: .*closed'
same "nor does a reader that somebody ended" 200 "$(ask_as anna second /pattern)"
stop_server
same "the server ends as ever" 0 $?
if [ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" -gt 554 ] 2>/dev/null; then
	"$BIN/beagle-server" --port 554 --run-user-name nobody >"$TMP/low" 2>&1 &
	low=$!
	SERVER_PIDS+=($low)
	if wait_for 5 grep -q '^listening rtsp://127.0.0.1:554/' "$TMP/low"; then
		ok "port 554 was bound before"
	else
		skip "port 554: in use here"
	fi
	kill -TERM $low 2>/dev/null
else
	skip "a port of root's: every port is anybody's here"
fi
