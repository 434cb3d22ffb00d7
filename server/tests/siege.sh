# SPDX-License-Identifier: MIT
# A small siege (ci/siege --quick): what plays gets everything, half requests and stalled readers are
# ended, memory is given back, the counters add up. How late packets are is for quiet machines: ci/siege.
. server/tests/lib.sh

BIN=$BIN timeout 120 ci/siege --quick -o "$TMP/siege" >"$TMP/out" 2>&1
grep -v '^MISSED' "$TMP/out"
R=$TMP/siege/siege.json
if ! [ -s "$R" ]; then
	not_ok "the siege ends"
	exit 1
fi
holds "who plays gets everything to the end" \
	'. as $r | [.phases[] | .completed == $r.config.playing and .failed == 0 and .corrupt == 0] | all'
holds "half requests are ended with 408" '.stats.closed.slow > 0 and ([.phases[] | .crowds.loris.heard_408 // empty] | add) > 0'
holds "stalled readers are ended" '.stats.closed.blocked > 0 and .stats.closed.blocked >= .stats.ended.blocked'
holds "what was besieging has gone" '.all_gone'
holds "every connection and session ended for a reason ($(jq -r .stats.connections_closed "$R"), $(jq -r .stats.sessions_ended "$R"))" '.ledger == []'
holds "the server ends as ever" '.exit == 0'
if [ -n "${SAN-}" ]; then
	skip "memory under siege: sanitizers keep what was freed"
else
	check "memory is bounded and given back ($(jq -r '"\(.rss_before_mb) \(.rss_siege_mb) \(.rss_after_mb) MB"' "$R"))" \
		jq -e '.rss_siege_mb <= .rss_bound_mb and .rss_after_mb <= .rss_back_mb' "$R"
fi
