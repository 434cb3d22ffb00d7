# SPDX-License-Identifier: MIT
# Real players, a few files each: pictures and samples as in the file, after a seek too. The whole set is
# `ci/clients` (.ci/nightly).
. server/tests/lib.sh
[ -z "${SAN-}" ] || { skip "real players: not under sanitizers (timing)"; exit 0; }
timeout 200 ci/clients --quick "$BIN/beagle-server" || [ $? = 1 ] || not_ok "ci/clients could not be run"
