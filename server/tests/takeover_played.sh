# SPDX-License-Identifier: MIT
# Take-overs with one who is bad, who dies, who is stopped in the midst of it: nobody is held up, nothing is lost.
. server/tests/lib.sh
python3 server/tests/takeover_played.py "$BIN/beagle-server" "$TMP" || not_ok "takeover_played.py came to its end"
