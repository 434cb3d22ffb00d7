# SPDX-License-Identifier: MIT
# A short soak (ci/soak): sessions come and go by every kind of death, and nothing of them is left.
. server/tests/lib.sh

memory=
[ -z "${SAN-}" ] || memory=--no-memory # sanitizers keep what was freed
# shellcheck disable=SC2086
BIN=$BIN timeout 200 ci/soak --seconds 12 --sessions 120 $memory -o "$TMP/soak" >"$TMP/out" 2>&1
code=$?
cat "$TMP/out"
R=$TMP/soak/soak.json
if ! [ -s "$R" ]; then
	not_ok "the soak ends"
	exit 1
fi
holds "what was opened was closed, each for one reason ($(jq -r .stats.connections_closed "$R") connections, $(jq -r .stats.sessions_ended "$R") sessions)" '.ledger == []'
holds "all descriptors are back ($(jq -r '"\(.descriptors_before) \(.descriptors_after)"' "$R"))" '.descriptors_after <= .descriptors_before + 8'
holds "every session ended as its kind of death says" '.missed | map(select(test("should have ended|nobody died"))) == []'
same "and nothing else is amiss" 0 $code
