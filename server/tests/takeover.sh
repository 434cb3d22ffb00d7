# SPDX-License-Identifier: MIT
# A new process takes over from the one that serves: nobody is refused, sessions go on, and are found.
. server/tests/lib.sh
python3 server/tests/takeover.py "$BIN/beagle-server" "$TMP" || not_ok "takeover.py came to its end"
