# SPDX-License-Identifier: MIT
# Limits of the real program: descriptors, the rate of new connections, half requests; and that the
# counters add up afterwards.
. server/tests/lib.sh

# adds_up NAME FILE: what was opened was closed, each for one reason
adds_up() {
	local sums
	sums=$(jq -r '"\(.connections_accepted + .connections_refused) \(.connections_closed) \([.closed[]] | add)"' "$2")
	# shellcheck disable=SC2086
	set -- "$1" $sums
	if [ "$2" = "$3" ] && [ "$3" = "$4" ]; then ok "$1 ($2)"; else not_ok "$1 ($2 opened, $3 closed, $4 for a reason)"; fi
}
client() { timeout 50 python3 server/tests/limits.py "$@"; }

# start_few [FLAG...]: a server that may open 64 descriptors: URL, few (its pid)
start_few() {
	(
		ulimit -n 64
		exec "$BIN/beagle-server" --port 0 --workers 2 --stats "$TMP/few.json" "$@" >"$TMP/few.out" 2>&1
	) &
	few=$!
	SERVER_PIDS+=("$few")
	for _ in $(seq 200); do
		URL=$(sed -n 's#^listening \(rtsps*://[^/]*\)/.*#\1#p' "$TMP/few.out" 2>/dev/null)
		[ -n "$URL" ] && break
		sleep 0.05
	done
}

if ! (ulimit -n 64) 2>"$TMP/x"; then
	skip "the limit of descriptors cannot be set here"
else
	start_few
	client descriptors "$URL" "$few"
	stop_server "$few"
	same "and it ends as ever" 0 $?
	check "those without a descriptor were counted" [ "$(number "$TMP/few.json" connections_refused_descriptors)" -ge 1 ]
	adds_up "all 101 connections ended for a reason" "$TMP/few.json"
fi

make_doors /nowhere
if [ -z "$TLS" ]; then
	skip "limits over TLS: no TLS here"
else
	DOOR_FLAGS+=(--listen rtsps://127.0.0.1:0)
	if ! (ulimit -n 64) 2>"$TMP/x"; then
		skip "the limit of descriptors over TLS cannot be set here"
	else
		rm -f "$TMP/few.json" "$TMP/few.out"
		start_few "${DOOR_FLAGS[@]}" --first-request-timeout 2 --tls-handshake-timeout 2
		client tls_descriptors "$URL"
		stop_server "$few"
		check "those that heard an alert were counted" [ "$(number "$TMP/few.json" connections_refused_descriptors)" -ge 1 ]
		adds_up "all connections ended for a reason" "$TMP/few.json"
	fi
	start_server "${DOOR_FLAGS[@]}" --listen rtsp://127.0.0.1:0 --maximum-connections 1 --retry-after 9
	client tls_room "$(sed -n 's#^listening \(rtsps://[^/]*\)/.*#\1#p' "$SERVER_OUT")"
	stop_server
fi

start_server --stats "$TMP/rate.json" --maximum-connections-per-second 50
client slow_start "$URL"
stop_server
check "the waits were counted" [ "$(number "$TMP/rate.json" listener_waits)" -ge 1 ]
adds_up "all 100 connections ended for a reason" "$TMP/rate.json"

start_server --stats "$TMP/hasty.json" --unlimited-addresses "" --maximum-connections-per-second-per-address 10
client hasty "$URL"
stop_server
check "haste was counted" [ "$(number "$TMP/hasty.json" connections_refused_rate)" -ge 1 ]
adds_up "all 41 connections ended for a reason" "$TMP/hasty.json"

start_server --stats "$TMP/loris.json" --request-timeout 1 --first-request-timeout 1
client loris "$URL"
stop_server
same "slow ones and silent ones were counted" "2 1" \
	"$(number "$TMP/loris.json" closed.slow) $(number "$TMP/loris.json" closed.silent)"
adds_up "all 3 connections ended for a reason" "$TMP/loris.json"

out=$("$BIN/beagle-server" --unlimited-addresses 10.0.0.0/99 2>&1)
same "a block of addresses that is none is refused" 2 $?
check "and named" grep -q 'unlimited_addresses' <<<"$out"

# the table of limits in server/README.md says what is so
awk '/^## / { on = $2 == "Limits" } on' server/README.md >"$TMP/section"
sed -n 's/^| `\([a-z_]*\)` | \([^ ]*\) |.*/\1 \2/p' "$TMP/section" >"$TMP/table"
"$BIN/beagle-server" --help >"$TMP/help"
wrong=$(while read -r pref default; do
	grep -q -- "--$(tr _ - <<<"$pref") .*default '\?${default/#none/}'\?[;)]" "$TMP/help" || echo "$pref"
done <"$TMP/table")
check "every limit of the README has its default ($(wc -l <"$TMP/table") rows)" [ -z "$wrong" ]
echo "$wrong"
wrong=$(sed -n 's/^|.*| \(`[^|]*`\) |$/\1/p' "$TMP/section" | tr -d '`,' |
	tr ' ' '\n' | while read -r counter; do jq -e ".$counter != null" "$TMP/loris.json" >"$TMP/x" || echo "$counter"; done)
check "and its counter" [ -z "$wrong" ]
echo "$wrong"
