# SPDX-License-Identifier: MIT
# How RTP leaves over UDP: in trains (UDP_SEGMENT), and over a path that does not take its packets whole.
if [ "$(id -u)" = 0 ] && [ -z "${UDP_PATH_NS-}" ] && command -v ip >/dev/null && unshare -n true 2>/dev/null; then
	UDP_PATH_NS=1 exec unshare -n bash "$0"
fi
. server/tests/lib.sh

# play FLAG...: four sessions of a film with frames of several packets for 3 s; the server's statistics
# are in $TMP/stats.json, what the clients saw in $TMP/result.json
play() {
	rm -f "$TMP/stats.json" "$TMP/result.json"
	start_server --stats "$TMP/stats.json" "$@" || return 1
	"$BIN/beagle-loadgen" "$URL/clip.mp4" -n 4 -d 3s --seed 1 -o "$TMP/result.json" >"$TMP/load.out" 2>&1
	local got=$?
	stop_server
	return $got
}
server_has() { jq -r ".$1" "$TMP/stats.json"; }
clients_have() { jq -r ".counters.$1.value" "$TMP/result.json"; }
# above NAME N: N is more than 0
above() { if [ "${2:-0}" -gt 0 ] 2>/dev/null; then ok "$1"; else not_ok "$1 ($2)"; fi; }

[ -z "${UDP_PATH_NS-}" ] || ip link set lo up
check "a film plays, packets of one frame in trains" play
same "what was sent has come" "$(server_has packets_sent)" "$(clients_have packets_received)"
above "packets leave in trains" "$(server_has packets_in_trains)"
same "the kernel refuses none" 0 "$(server_has trains_refused)"
check "it plays with --udp-gso 0" play --udp-gso 0
same "without trains" 0 "$(server_has packets_in_trains)"
same "and without loss" "$(server_has packets_sent)" "$(clients_have packets_received)"

if [ -z "${UDP_PATH_NS-}" ]; then
	skip "a path that takes 1000 octets: needs root and network namespaces"
	exit 0
fi
ip link set lo mtu 1000
check "over a path that takes 1000 octets it plays" play
same "what was sent has come" "$(server_has packets_sent)" "$(clients_have packets_received)"
above "long packets leave in fragments, and are counted" "$(server_has packets_fragmented)"
same "none fails" 0 "$(server_has packets_failed_udp)"
check "with --path-mtu-discovery 0" play --path-mtu-discovery 0
same "what was sent has come" "$(server_has packets_sent)" "$(clients_have packets_received)"
same "the kernel makes the fragments by itself" 0 "$(server_has packets_fragmented)"
