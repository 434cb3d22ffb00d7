#!/bin/bash
# SPDX-License-Identifier: MIT
# Malformed and edge cases: those of negatives.tsv and families around them. Each has an answer that fits, the
# server still serves after each, and nothing grows.
. server/tests/lib.sh

command -v python3 >/dev/null || { skip "negatives: python3 is not installed"; exit 0; }
table=$BEAGLE_DATA/negatives.tsv
[ -f "$table" ] || { skip "negatives.tsv: BEAGLE_DATA does not hold it"; table=; }
start_server --stats "$TMP/stats.json" || { not_ok "the server starts"; exit 1; }
timeout 300 python3 server/tests/negatives.py "$URL/clip.mp4" "$SERVER_PID" "$table" ${SAN:+sanitized}
same "each case was run" 0 $?
stop_server
same "the server ends by itself" 0 $?
same "every session that was made has ended" "$(number "$TMP/stats.json" sessions)" "$(number "$TMP/stats.json" sessions_ended)"
same "every connection that was accepted has ended" "$(number "$TMP/stats.json" connections_accepted)" "$(number "$TMP/stats.json" connections_closed)"
same "no answer was our own fault" 0 "$(grep -c 'a reply could not be written' "$TMP"/server.*.err)"
