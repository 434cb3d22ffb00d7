#!/bin/bash
# SPDX-License-Identifier: MIT
# A server that lets nobody in without a login is judged like any other: with credentials.
. server/tests/lib.sh
suite=$BIN/beagle-conformance
path=/pattern/500k/50p/2t/60s
make_doors /nowhere
printf '[/]\nread = valid-user\n' >"$TMP/rules"
# judge NAME ARG...: a run; its exit status
judge() {
	local name=$1
	shift
	timeout 170 "$suite" run "$@" --credentials "$DOOR_CREDENTIALS" -o "$TMP/$name.json" \
		--evidence "$TMP/$name" --keep all >"$TMP/$name.log" 2>&1
}
others() { jq -r '[.cases[] | select(.verdict != "pass") | "\(.id) \(.verdict)"] | join(", ")' "$1"; }

start_server --listen 127.0.0.1:0 ${TLS:+--listen rtsps://127.0.0.1:0} "${DOOR_FLAGS[@]}" || { not_ok "the server starts"; exit 1; }
tls=$(sed -n 's#^listening \(rtsps://[^/]*\)/.*#\1#p' "$SERVER_OUT" | head -n 1)
judge digest "$URL$path" ${tls:+--tls-url "$tls$path"}
same "with SHA-256 the whole suite passes where each URL asks for a login" 0 $?
if [ -n "$tls" ]; then
	same "only what is about live media is skipped, no case about logins" "range.seek.refused skip" "$(others "$TMP/digest.json")"
else
	skip "TLS: this server has none"
fi
check "no password is in any output" bash -c "! grep -rqF -e 'not a secret' -e '$(printf '%s:%s' "$DOOR_USER" "$DOOR_PASSWORD" |
	base64)' '$TMP/digest' '$TMP/digest.json' '$TMP/digest.log'"
"$suite" run "$URL$path" --only msg.cseq.echo >/dev/null 2>"$TMP/none"
same "without credentials nothing is judged" 3 $?
check "and the one line says what is missing" grep -q 'asks for credentials.*--credentials' "$TMP/none"
echo "$DOOR_USER:another" >"$TMP/other"
"$suite" run "$URL$path" --only msg.cseq.echo --credentials "$TMP/other" >/dev/null 2>"$TMP/wrong"
same "nor with wrong ones" 3 $?
stop_server

cut -d : -f 1-3 "$TMP/users" >"$TMP/md5" && mv "$TMP/md5" "$TMP/users"
start_server "${DOOR_FLAGS[@]}" || { not_ok "the server starts"; exit 1; }
judge md5 "$URL$path" --tag smoke
same "with MD5 alone too" 0 $?
stop_server
start_server || { not_ok "the server starts"; exit 1; }
judge open "$URL$path" --tag smoke
same "credentials that nobody asks for do not matter" "0 0" \
	"$? $(grep -c '^Authorization' "$TMP/open/msg.cseq.echo/transcript.txt")"
stop_server

peer=$(ci/peers/build 2>"$TMP/why") || { skip "gst-rtsp-server: $(tail -n 1 "$TMP/why")"; exit 0; }
# peer NAME [USER PASSWORD]: what it is called for in each case
peer() {
	local url="" name=$1
	shift
	"$peer" server/tests/media/clip.mp4 0 "$@" >"$TMP/$name.url" 2>/dev/null &
	SERVER_PIDS+=($!)
	for _ in $(seq 100); do
		url=$(sed -n 's/^listening //p' "$TMP/$name.url")
		[ -n "$url" ] && break
		sleep 0.1
	done
	judge "$name" "$url" --only 'method.*' --only 'auth.*' --only 'msg.cseq.*' --exclude 'method.play.scale*'
	jq -r '.cases[] | select(.id | startswith("auth.") | not) | .id + " " + .verdict' "$TMP/$name.json" |
		sed 's/ warn$/ pass/' | sort >"$TMP/$name.verdicts" # its timing decides between these two
}
peer free
peer gst "$DOOR_USER" "$DOOR_PASSWORD"
check "gst-rtsp-server is judged ($(wc -l <"$TMP/free.verdicts") cases)" test "$(wc -l <"$TMP/free.verdicts")" -ge 15
same "and behind a login just as without" "" "$(diff "$TMP/free.verdicts" "$TMP/gst.verdicts")"
same "its Digest takes what is right and nothing else" "false false false" "$(jq -r '[.cases[] |
	select(.id | IN("auth.digest.right", "auth.digest.flipped", "auth.session.whole")) | .verdict == "fail"] | join(" ")' "$TMP/gst.json")"
