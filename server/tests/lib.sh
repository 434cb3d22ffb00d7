# SPDX-License-Identifier: MIT
# For the end-to-end scripts: starting a server on a port of its own, ending it by its pid, and the
# lines that ci/test counts. Source it; BIN and TMP come from ci/test (or default for a run by hand).
set -u
BIN=${BIN:-build/bin}
case "$BIN" in /*) ;; *) BIN=$PWD/$BIN ;; esac
[ -n "${TMP-}" ] || { TMP=$(mktemp -d) && OWN_TMP=$TMP && export TMPDIR=$TMP; }
BEAGLE_DATA=${BEAGLE_DATA:-../shared}
SERVER_PIDS=()

ok() { echo "ok - $*"; }
not_ok() { echo "not ok - $*"; }
skip() { echo "skip - $*"; }
# check NAME COMMAND...: ok when the command succeeds
check() {
	local name=$1
	shift
	if "$@"; then ok "$name"; else not_ok "$name"; fi
}
# same NAME WANT GOT
same() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1 (expected '$2', got '$3')"; fi
}

# says NAME WANT_CODE PATTERN ARG...: beagle-server ends with that code, and a line on stderr that matches is
# all that it says
says() {
	local name=$1 code=$2 pattern=$3 got
	shift 3
	timeout 10 "$BIN/beagle-server" "$@" >"$TMP/says.out" 2>"$TMP/says.err" </dev/null
	got=$?
	if [ $got = "$code" ] && [ ! -s "$TMP/says.out" ] && [ "$(wc -l <"$TMP/says.err")" = 1 ] &&
		grep -q -e "$pattern" "$TMP/says.err"; then
		ok "$name"
	else
		not_ok "$name (exit $got: $(head -n 3 "$TMP/says.out" "$TMP/says.err"))"
	fi
}
# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" 2>/dev/null; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
# number FILE NAME: of the statistics; one that is not there is "no NAME", which is equal to no other
number() {
	local n
	n=$(jq -r ".$2 // empty" "$1" 2>/dev/null)
	echo "${n:-no $2}"
}
# holds NAME FILTER: the filter is true of the result $R
holds() {
	if jq -e "$2" "$R" >"$TMP/holds" 2>&1; then ok "$1"; else not_ok "$1"; fi
}
# rtsp TEXT: what the server answers until it closes the connection, or for five seconds
rtsp() {
	exec 9<>"/dev/tcp/127.0.0.1/${URL##*:}" || return 1
	# shellcheck disable=SC2059
	printf "$1" >&9
	timeout 5 cat <&9
	exec 9<&- 9>&-
}

# make_doors PATH: what a server needs to open all its doors, as DOOR_FLAGS (without --listen): PATH and
# what lies beneath is for DOOR_USER with DOOR_PASSWORD alone, whose line is also in the file
# $DOOR_CREDENTIALS; TLS is a certificate's name, or empty where the server or openssl is without it.
make_doors() {
	DOOR_USER=tester DOOR_PASSWORD='not a secret' DOOR_CREDENTIALS=$TMP/credentials TLS=""
	local text="$DOOR_USER:Beagle:$DOOR_PASSWORD"
	echo "$DOOR_USER:Beagle:$(printf '%s' "$text" | md5sum | cut -d' ' -f1):$(printf '%s' "$text" | sha256sum |
		cut -d' ' -f1)" >"$TMP/users"
	printf '[/]\nread = anyone\n[%s]\nread = valid-user\n' "$1" >"$TMP/rules"
	echo "$DOOR_USER:$DOOR_PASSWORD" >"$DOOR_CREDENTIALS"
	DOOR_FLAGS=(--auth-users "$TMP/users" --auth-rules "$TMP/rules" --auth-basic-plain 1 --auth-wait-max 0)
	"$BIN/beagle-server" --help | grep -q -- --tls-certificate || return 0
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$TMP/key.pem" -out "$TMP/cert.pem" \
		2>"$TMP/openssl.err" || return 0
	TLS=localhost
	DOOR_FLAGS+=(--tls-certificate "$TMP/cert.pem" --tls-key "$TMP/key.pem")
}

# BEAGLE_SERVER_FLAGS: for every server, so that all scripts can be run with a preference (--seccomp kill)
# start_server [FLAG...]: sets URL (rtsp://127.0.0.1:PORT; of several doors the first), SERVER_PID and
# SERVER_OUT (what it says)
start_server() {
	local out
	out=$(mktemp "$TMP/server.XXXXXX")
	# shellcheck disable=SC2086
	"$BIN/beagle-server" --port 0 ${BEAGLE_SERVER_FLAGS-} "$@" >"$out" 2>"$out.err" &
	SERVER_PID=$!
	SERVER_PIDS+=("$SERVER_PID")
	for _ in $(seq 200); do
		URL=$(sed -n 's#^listening \(rtsp://[^/]*\)/.*#\1#p' "$out" | head -n 1)
		SERVER_OUT=$out
		[ -n "$URL" ] && return 0
		kill -0 "$SERVER_PID" 2>/dev/null || break
		sleep 0.05
	done
	echo "the server did not start: $*" >&2
	cat "$out.err" >&2
	return 1
}
# stop_server [PID]: SIGTERM, waits; its exit status
stop_server() {
	local pid=${1:-$SERVER_PID}
	kill -TERM "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
}
cleanup() {
	for p in "${SERVER_PIDS[@]+"${SERVER_PIDS[@]}"}"; do
		kill -KILL "$p" 2>/dev/null && wait "$p" 2>/dev/null
	done
	[ -z "${OWN_TMP-}" ] || rm -rf "$OWN_TMP"
}
trap cleanup EXIT
