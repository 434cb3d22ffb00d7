# SPDX-License-Identifier: MIT
# Take-over while sessions play and come: the small edition of ci/takeover.
. server/tests/lib.sh
if [ -n "${SAN-}" ]; then
	skip "take-over under load: sanitizers are too slow for it"
	exit 0
fi
ci/takeover --sessions 200 --tcp 20 --rate 30 --seconds 15
case $? in
0 | 1) ;;
3) skip "take-over under load: this machine has no time for it" ;;
*) not_ok "ci/takeover came to its end" ;;
esac
