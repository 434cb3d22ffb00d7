#!/bin/bash
# SPDX-License-Identifier: MIT
# The suite against our own server: all green, whole outputs, and the promised exit codes.
. server/tests/lib.sh
suite=$BIN/beagle-conformance

check "the case files have no faults" "$suite" lint
n=$("$suite" list --json | jq length)
[ "$n" -ge 50 ] && ok "there are $n cases" || not_ok "there are at least 50 cases, got $n"
"$suite" explain msg.cseq.missing >"$TMP/explain" &&
	grep -q 'RTSP-12.17-02' "$TMP/explain" && ok "explain names the clauses of a case" ||
	not_ok "explain names the clauses of a case"
"$suite" coverage | grep -qE '^[0-9]+ clauses: ' && ok "coverage counts every clause" ||
	not_ok "coverage counts every clause"

# through all doors: over TLS too where the server has it, and something for who logs in alone
make_doors /pattern/400k
start_doors() {
	start_server --listen 127.0.0.1:0 ${TLS:+--listen rtsps://127.0.0.1:0} "${DOOR_FLAGS[@]}" "$@" || return 1
	TLS_URL=$(sed -n 's#^listening \(rtsps://[^/]*\)/.*#\1#p' "$SERVER_OUT" | head -n 1)
	DOORS=(--auth-url "$URL/pattern/400k/50p/2t/60s" --credentials "$DOOR_CREDENTIALS")
}
start_doors || { not_ok "the server starts"; exit 1; }
for path in /pattern/500k/50p/2t/60s /clip.mp4; do
	out=$TMP/out$(basename "$path")
	mkdir -p "$out"
	began=$SECONDS
	timeout 170 "$suite" run "$URL$path" "${DOORS[@]}" ${TLS_URL:+--tls-url "$TLS_URL$path"} -o "$out/result.json" --junit "$out/junit.xml" \
		--evidence "$out/evidence" --keep all >"$out/log" 2>&1
	rc=$?
	same "the suite passes against $path" 0 $rc
	[ $rc = 0 ] || grep -vE '^(pass|skip)' "$out/log" | head -60
	[ -n "${SAN-}" ] || [ $((SECONDS - began)) -le 60 ] && ok "it takes at most a minute on $path" ||
		not_ok "it takes at most a minute on $path, took $((SECONDS - began)) s"
	same "every case is in the result of $path" "$((n - 1))" "$(jq '.cases | length' "$out/result.json")"
	check "the JUnit file of $path is well formed" xmllint --noout "$out/junit.xml"
	same "every case has its evidence" "$(jq '[.cases[] | select(.evidence)] | length' "$out/result.json")" \
		"$(find "$out/evidence" -name transcript.txt | wc -l)"
	same "no case about a door is skipped on $path" "" "$(jq -r '.cases[] | select(.verdict == "skip" and
		(.clauses | any(startswith("AUTH-") or startswith("TUN-") or startswith("TLS-"))) and
		(.reason | test("tls") | not)) | .id' "$out/result.json")"
	if [ -n "$TLS_URL" ]; then
		same "no case about TLS is skipped on $path" "" \
			"$(jq -r '.cases[] | select(.verdict == "skip" and (.reason | test("tls"))) | .id' "$out/result.json")"
	else
		skip "TLS: this server has none"
	fi
	same "no case is inconclusive on $path" 0 \
		"$(jq '[.cases[] | select(.verdict == "inconclusive")] | length' "$out/result.json")"
done
if command -v tshark >/dev/null; then
	pcap=$TMP/out60s/evidence/rtp.stream.basic/case.pcap
	same "TShark finds the RTP of a case in its pcap, well formed" 0 \
		"$(tshark -r "$pcap" -Y '_ws.malformed && !sdp' 2>/dev/null | wc -l)"
	"$suite" check "$pcap" >"$TMP/check"
	same "the analyser finds nothing broken in that pcap" 0 $?
else
	skip "TShark reads the evidence: not installed"
fi

check "no password is in any output of a run with one" bash -c "! grep -rqF 'not a secret' '$TMP/out60s' '$TMP/outclip.mp4'"

# The same over IPv6.
if [ "$(cat /proc/sys/net/ipv6/conf/lo/disable_ipv6 2>/dev/null)" = 0 ]; then
	v4=$SERVER_PID v4_url=$URL
	"$BIN/beagle-server" --listen '[::1]:0' >"$TMP/v6.url" 2>"$TMP/v6.err" &
	SERVER_PIDS+=($!)
	for _ in $(seq 100); do grep -q listening "$TMP/v6.url" && break; sleep 0.05; done
	v6=$(sed -n 's#^listening \(.*\)/$#\1#p' "$TMP/v6.url")
	timeout 170 "$suite" run "$v6/pattern/500k/50p/2t/60s" --tag smoke --tag media >"$TMP/v6.log" 2>&1
	same "the suite passes over IPv6" 0 $?
	grep -q '^features.* ipv6' "$TMP/v6.log" && ok "it knows that it was IPv6" || not_ok "it knows that it was IPv6"
	SERVER_PID=$v4 URL=$v4_url
else
	skip "IPv6: this machine has none"
fi

# Secrets don't get into evidence.
host=${URL#rtsp://}
"$suite" run "rtsp://user:hunter2@$host/pattern?token=hunter3" --only 'msg.cseq.echo' --evidence "$TMP/secret" \
	--keep all -o "$TMP/secret.json" >"$TMP/secret.log" 2>&1
check "passwords and tokens are in no output" bash -c "! grep -rqE 'hunter' '$TMP/secret' '$TMP/secret.json'"

"$suite" run "$URL/pattern" --only 'no.such.case' >/dev/null 2>"$TMP/none"
same "selecting nothing is a usage error" 2 $?
same "it is told in one line" 1 "$(wc -l <"$TMP/none")"
"$suite" run "$URL/nosuchfile" --only 'msg.*' >/dev/null 2>&1
same "a URL without a description is inconclusive" 3 $?
"$suite" run rtsp://127.0.0.1:1/x >/dev/null 2>"$TMP/gone"
same "an unreachable target is exit 4" 4 $?
"$suite" run http://127.0.0.1/ >/dev/null 2>&1
same "another scheme is a usage error" 2 $?
"$suite" run "$URL/pattern" -o /nonexistent/x.json --only 'msg.cseq.echo' >/dev/null 2>&1
same "a result that cannot be written is exit 2" 2 $?
"$suite" frobnicate >/dev/null 2>&1
same "an unknown command is exit 2" 2 $?

timeout 20 "$suite" run "$URL/pattern/500k/50p/2t/60s" -o "$TMP/stopped.json" >"$TMP/stopped.log" 2>&1 &
pid=$!
# timeout passes the signal on
sleep 2
kill -INT "$(ps -o pid= --ppid $pid | head -1)" 2>/dev/null
wait $pid
same "Ctrl-C ends a run with 130" 130 $?
[ "$(jq '.cases | length' "$TMP/stopped.json" 2>/dev/null || echo 0)" -gt 0 ] &&
	ok "what was found until then is in the result" || not_ok "what was found until then is in the result"

# A server that goes away.
"$suite" run "$URL/pattern/500k/50p/2t/60s" -o "$TMP/died.json" >"$TMP/died.log" 2>&1 &
pid=$!
sleep 1
kill -KILL "$SERVER_PID"
wait $pid
same "a target that dies is exit 4" 4 $?
same "its result is whole" conformance "$(jq -r .kind "$TMP/died.json")"

# A play that begins in the middle of a long audio packet is no error of the SR's time.
start_server || { not_ok "a server for single cases starts"; exit 1; }
"$suite" run "$URL/clip.mp4" --only 'st.pause.back' --only 'range.unit.smpte-25' --level should >"$TMP/middle" 2>&1
same "packets that were sounding already are in time" 0 $?
stop_server

# Queued ranges: a preference of our server, a MUST that deployed servers do not follow.
start_server --play-queue 1 || { not_ok "a server with a queue starts"; exit 1; }
for path in /pattern/500k/50p/2t/60s /clip.mp4; do
	"$suite" run "$URL$path" --only 'st.play.queue' --only 'st.pause.queue' --level may >"$TMP/queue" 2>&1
	same "with a queue, ranges are played in their order ($path)" 0 $?
done
