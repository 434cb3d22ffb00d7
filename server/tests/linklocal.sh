# SPDX-License-Identifier: MIT
# A client with a link-local IPv6 address, at the other end of a link of our own (two network namespaces).
. server/tests/lib.sh

near=beagle-near-$$ far=beagle-far-$$
undo() {
	ip netns del "$near" 2>/dev/null
	ip netns del "$far" 2>/dev/null
	cleanup
}
trap undo EXIT
if [ "$(id -u)" != 0 ] || ! ip netns add "$near" 2>/dev/null || ! ip netns add "$far" 2>/dev/null; then
	skip "link-local clients: no network namespace can be made here"
	exit 0
fi
if ! ip link add near netns "$near" type veth peer name far netns "$far" 2>/dev/null; then
	skip "link-local clients: no veth here"
	exit 0
fi
ip -n "$near" link set near up
ip -n "$far" link set far up
address() { ip -n "$1" -6 -o addr show dev "$2" scope link -tentative | awk '{ sub("/.*", "", $4); print $4 }'; }
for _ in $(seq 100); do # duplicates are looked for first
	host=$(address "$near" near)
	[ -n "$host" ] && [ -n "$(address "$far" far)" ] && break
	sleep 0.1
done
[ -n "$host" ] || { skip "link-local clients: the link has no address"; exit 0; }
# shellcheck disable=SC2086
ip netns exec "$near" "$BIN/beagle-server" --listen "[$host%near]:0" ${BEAGLE_SERVER_FLAGS-} >"$TMP/out" 2>"$TMP/err" &
SERVER_PIDS+=($!)
for _ in $(seq 200); do
	port=$(sed -n 's#^listening .*\]:\([0-9]*\)/.*#\1#p' "$TMP/out")
	[ -n "$port" ] && break
	sleep 0.05
done
[ -n "$port" ] || { not_ok "the server starts ($(cat "$TMP/err"))"; exit 1; }
timeout 30 ip netns exec "$far" python3 server/tests/linklocal_client.py "$host" "$port" far ||
	not_ok "the client came through"
stop_server "${SERVER_PIDS[0]}"
same "the server ends as ever" 0 $?
