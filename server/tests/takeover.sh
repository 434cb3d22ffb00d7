# SPDX-License-Identifier: MIT
# A new process takes over from the one that serves: nobody is refused, sessions go on, and are found.
. server/tests/lib.sh
python3 server/tests/takeover.py "$BIN/beagle-server" "$TMP" three_generations several_addresses basic_over_tls \
	activation deadline bad_successors bad_predecessors other_user service_manager || not_ok "takeover.py came to its end"
