#!/bin/bash
# SPDX-License-Identifier: MIT
# The judge shares no protocol code with the server: it builds and runs from a tree whose server/
# holds nothing but base/ (and the unit tests' frame).
. server/tests/lib.sh
command -v make >/dev/null || { skip "independent: make is not installed"; exit 0; }
tree=$TMP/tree
mkdir -p "$tree/server"
# also from a copy of the tree that is no git repository
tar --exclude='*.o' --exclude=build -cf - Makefile conformance captures reports server/base | tar -xf - -C "$tree"
# optimised code is not what this is about
if make -C "$tree" BUILD="$TMP/build" SAN= OPT=-O0 -j2 "$TMP/build/bin/beagle-conformance" \
	"$TMP/build/bin/beagle-captures" >"$TMP/log" 2>&1; then
	ok "conformance and captures build without the server's codecs"
else
	not_ok "conformance and captures build without the server's codecs"
	tail -n 20 "$TMP/log"
	exit 1
fi
check "nothing but base is in that tree" test "$(ls "$tree/server")" = base
check "the case files have no faults" "$TMP/build/bin/beagle-conformance" lint --cases "$tree/conformance/cases"
check "the cases are listed" "$TMP/build/bin/beagle-conformance" list --cases "$tree/conformance/cases"
check "captures reads a sample" "$TMP/build/bin/beagle-captures" list captures/samples/clip-udp.pcap
