#!/bin/bash
# SPDX-License-Identifier: MIT
# Bad input: one clear line on stderr, nothing on stdout, exit 2, nothing sent, no file made.
. "$(dirname "$0")/../../server/tests/lib.sh"

# refused WHAT WORD ARG...: exit 2 and one line that holds WORD
refused() {
	local what=$1 word=$2
	shift 2
	timeout 20 "$BIN/beagle-loadgen" "$@" >"$TMP/out" 2>"$TMP/err"
	same "$what" "2 1 0 1" \
		"$? $(wc -l <"$TMP/err") $(wc -c <"$TMP/out") $(grep -c -e "$word" "$TMP/err")"
}
U=rtsp://127.0.0.1:9/pattern
refused "no URL" "which URL"
refused "no URL at all" "not an RTSP URL" hello
refused "another scheme" "RTSP URL" http://127.0.0.1/x
refused "a port out of range" "RTSP URL" rtsp://127.0.0.1:70000/x
refused "TLS" "only rtsp" rtsps://127.0.0.1/x
refused "a password in the URL" "leave name:password@ out" rtsp://joe:secret@127.0.0.1/x
same "a password is not repeated" 0 "$(grep -c secret "$TMP/err")"
refused "a host that is not this machine" "--i-may-load-this-host" rtsp://192.0.2.1/x
refused "no sessions" "--sessions" $U -n 0
refused "sessions that are no number" "--sessions" $U -n many
refused "a time without sense" "--duration" $U -d 5y
refused "an unknown transport" "--transport" $U --transport sctp
refused "a rate of 0" "--rate" $U --rate 0
refused "an unknown flag" "unknown option" $U --frobnicate
refused "a place to start from that lies behind its end" "--seek" $U --seek 5s-4s
refused "titles that are no number" "--titles" $U --titles all
refused "a flag without its value" "--sessions takes" $U -n
refused "two URLs" "one URL only" $U $U
refused "a result in no folder" "cannot write" $U -o "$TMP/no/such/r.json"
refused "a result over a device" "cannot write" $U -o /dev/full
refused "a result over a folder" "cannot write" $U -o "$TMP"
refused "a server process that is not there" "there is no process" $U --server-pid 2147483647
refused "wide sockets for IPv6" "needs a target at 127.0.0.1" 'rtsp://[::1]:9/x' --sockets wide
same "no file was made" "" "$(ls "$TMP" | grep json)"
check "a device is still a device" test -c /dev/full

timeout 20 "$BIN/beagle-loadgen" --help >"$TMP/out" 2>&1
same "--help" "0 1" "$? $(grep -c -- --max-loss "$TMP/out")"
timeout 20 "$BIN/beagle-loadgen" --version >"$TMP/out" 2>&1
same "--version" "0 1" "$? $(grep -c '^beagle-loadgen ' "$TMP/out")"
