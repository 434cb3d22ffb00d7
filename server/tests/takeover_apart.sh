# SPDX-License-Identifier: MIT
# What comes apart by a take-over is found: halves of tunnels, sessions, nonces, names of files.
. server/tests/lib.sh
python3 server/tests/takeover_apart.py "$BIN/beagle-server" "$TMP" || not_ok "takeover_apart.py came to its end"
