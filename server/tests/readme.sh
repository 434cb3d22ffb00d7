# SPDX-License-Identifier: MIT
# Every command that stands in server/README.md is run as it stands there (the modules' guide: module.sh), in a
# network namespace of its own, where the ports that it names are free. Only HOST, PASSWORD and the like are put in.
if [ -z "${README_APART-}" ]; then
	if ! unshare -rn ip link set lo up 2>/dev/null; then
		echo "skip - the README's commands: no network namespace can be made here"
		exit 0
	fi
	README_APART=1 exec unshare -rn bash "$0"
fi
. server/tests/lib.sh
ip link set lo up
for p in ffmpeg gst-launch-1.0 mpv curl openssl; do
	command -v $p >/dev/null || { not_ok "$p is missing: ci/deps test"; exit 1; }
done
export HOME=$TMP/home PATH=$BIN:$PATH
mkdir -p "$HOME/movies" "$HOME/films/new" "$HOME/run"
for f in movies/clip.mp4 films/clip.mp4 films/film.mp4; do cp server/tests/media/clip.mp4 "$HOME/$f"; done
# fenced blocks without a language; their lines that begin with a program
blocks() { awk '/^### Write a module/ { exit } /^```/ { inside = !inside; next } inside' server/README.md; }
blocks | grep -E '^([A-Z_]+=[^ ]* )*(beagle-|ffmpeg |gst-launch|mpv |curl )' >"$TMP/commands"
blocks | sed -n '/^\[\/\]$/,/^allow/p' >"$HOME/rules"
: >"$TMP/used"
cd "$HOME" || exit 1
ffmpeg -nostdin -v error -i films/clip.mp4 -c copy film.mkv || not_ok "film.mkv is made"
echo 'staff: anna' >groups && echo 'studio: anna' >>groups
head -c 32 /dev/urandom >key
for name in a b; do
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name.test" \
		-keyout $name.key -out $name.pem 2>openssl.err && cat $name.key >>$name.pem
done

# command_of PATTERN: the one line that matches, as it can be run, in $LINE
command_of() {
	grep -E -- "$1" "$TMP/commands" >"$TMP/line"
	[ "$(wc -l <"$TMP/line")" = 1 ] || { not_ok "one command of the README is like '$1'"; return 1; }
	cat "$TMP/line" >>"$TMP/used"
	LINE=$(sed -E "s/ +#.*//; s/HOST/127.0.0.1/; s/([:=])PASSWORD/\1secret/; s/\[--client ADDRESS\]/--client 127.0.0.1/
		s#/run/beagle/#$HOME/run/#g
		/^ffmpeg/ { s/^ffmpeg/ffmpeg -nostdin -v error/; s/\.\.\.$/-t 1 -f null -/ }
		/^gst/ { s/^gst-launch-1.0/gst-launch-1.0 -v/; s/! \.\.\.$/! fakesink num-buffers=20 silent=false/ }
		/^mpv/ s/^mpv/mpv --no-config --vo=null --ao=null --frames=20 --really-quiet/" "$TMP/line")
}
# runs NAME PATTERN [FILTER]: exit 0, nothing on stderr; what it says (OUT) matches FILTER
runs() {
	command_of "$2" || return
	if [ -n "${SAN-}" ] && [[ $LINE =~ ^(ffmpeg|gst|mpv) ]]; then
		skip "$1: not under sanitizers (timing)"
		return
	fi
	echo secret | timeout 20 bash -c "$LINE" >"$TMP/run.out" 2>"$TMP/run.err"
	local got=$?
	# GStreamer 1.22 now and then sends its PAUSE into a connection that it has closed: its buffers are the proof
	[[ ! $LINE =~ ^gst ]] || [ "$(grep -c 'last-message = chain' "$TMP/run.out")" -lt 20 ] || got=0
	if [ $got = 0 ] && grep -q -e "${3-}" <(cat "$TMP/run.out" && echo); then
		ok "$1"
	else
		not_ok "$1: $LINE ($(tail -n 2 "$TMP/run.out" "$TMP/run.err" | xargs))"
	fi
}
# serves NAME PATTERN WANT [FLAG...]: it listens at WANT
serves() {
	local name=$1 want=$3
	command_of "$2" || return 1
	shift 3
	eval "exec $LINE $*" >"$TMP/serve.out" 2>"$TMP/serve.err" &
	SERVER_PID=$!
	SERVER_PIDS+=("$SERVER_PID")
	if wait_for 15 grep -q -e "^listening $want/" "$TMP/serve.out"; then
		ok "$name"
	else
		not_ok "$name: $LINE ($(cat "$TMP/serve.out" "$TMP/serve.err"))"
	fi
}
ends() { stop_server "$@" || not_ok "$LINE: it ends with $?"; }
describes() { "$BIN/beagle-conformance" curl "$1" --packets 5 >"$TMP/curl.out" 2>&1; }

# ---- the first block ----
serves "without a flag it is on 127.0.0.1:8554" '^beagle-server +#' rtsp://127.0.0.1:8554
check "and has its clip" describes rtsp://127.0.0.1:8554/clip.mp4
ends
serves "the films of a folder" 'movies' 'rtsp://127.0.0.1:[0-9]*'
check "are played" describes "$(sed -n 's/^listening //p' "$TMP/serve.out")clip.mp4"
ends
serves "a bad server" '--fault loss' rtsp://127.0.0.1:8554
ends
runs "a file is described" '--describe' 'H264'

# ---- access ----
runs "a line for the file of users" '--hash-password'
check "it is written" grep -q '^anna:Beagle:[0-9a-f]*:[0-9a-f]*$' users
serves "users, rules, groups" '--auth-users' rtsp://127.0.0.1:8554
runs "ffmpeg logs in" 'ffmpeg.*anna'
runs "GStreamer logs in" 'gst.*user-id=anna'
runs "libcurl logs in" '^BEAGLE_USER'
ends
serves "and with auth_options" '--auth-users' rtsp://127.0.0.1:8554 --auth-options 1
runs "curl, where auth_options asks it, hears 401 and then 200" '^curl --digest' '^RTSP/1.0 200'
check "(401 first)" grep -q '^RTSP/1.0 401' "$TMP/run.out"
ends
runs "a URL is signed" '--sign-url' '^rtsp://127.0.0.1/film.mp4?'

# ---- addresses, TLS, the tunnel ----
if "$BIN/beagle-server" --help | grep -q -- --tls-certificate; then
	serves "two addresses, one with TLS" '--listen' 'rtsps://0.0.0.0:8322'
	runs "ffmpeg through HTTP" 'ffmpeg.* http '
	runs "GStreamer through HTTP" 'rtsph://'
	runs "mpv through HTTP" '^mpv'
	runs "ffmpeg through HTTPS" 'ffmpeg.* https '
	ends
else
	skip "TLS: the server is built without it"
fi

# ---- take-over ----
echo 'log = info' >c.ini
serves "a server that can be taken over" 'control +# serves' rtsp://127.0.0.1:8554
old=$SERVER_PID
serves "its follower" '--takeover' rtsp://127.0.0.1:8554
wait "$old"
same "the old one ends with 0 when nothing is left" 0 $?
check "the new one serves" describes rtsp://127.0.0.1:8554/clip.mp4
ends
same "no command of the README is left" "" "$(sort "$TMP/commands" | comm -23 - <(sort "$TMP/used"))"
