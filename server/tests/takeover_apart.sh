# SPDX-License-Identifier: MIT
# What comes apart by a take-over is found: halves of tunnels, sessions of one that is not ready, names of files; and
# a process that is stopped in the midst of it holds nobody up.
. server/tests/lib.sh
python3 server/tests/takeover.py "$BIN/beagle-server" "$TMP" tunnels before_ready crowded stopped draining same_files nonces ||
	not_ok "takeover.py came to its end"
