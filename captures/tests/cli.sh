#!/bin/bash
# SPDX-License-Identifier: MIT
# beagle-captures as a user meets it: commands, bad input, what it leaves behind; our own writer and
# samples as TShark sees them. Environment: BIN, TMP, BEAGLE_DATA.
set -u
cd "$(dirname "$0")/../.." || exit 2
bin=${BIN:-build/bin}/beagle-captures
tmp=$(mktemp -d "${TMP:-/tmp}/captures.XXXXXX") || exit 2
trap 'rm -rf "$tmp"' EXIT
samples=captures/samples

check() { # what, then a command
	local what=$1
	shift
	if "$@" >"$tmp/out" 2>"$tmp/err"; then echo "ok - $what"; else
		echo "not ok - $what"
		sed 's/^/#   /' "$tmp/out" "$tmp/err" | head -n 10
	fi
}
# one line on stderr, nothing on stdout, exit 2
refuses() {
	"$bin" "$@" >"$tmp/r.out" 2>"$tmp/r.err"
	local status=$?
	cat "$tmp/r.out" "$tmp/r.err"
	[ $status = 2 ] && [ ! -s "$tmp/r.out" ] && [ "$(wc -l <"$tmp/r.err")" = 1 ]
}
says() { # text, then arguments: exit 0 and the text on stdout
	local text=$1
	shift
	"$bin" "$@" >"$tmp/s.out" || return 1
	grep -qF -- "$text" "$tmp/s.out" || { cat "$tmp/s.out"; return 1; }
}

check "--help ends with 0" says "usage: beagle-captures" --help
check "--version tells the version" says "beagle-captures " --version
check "no command is refused" refuses
check "an unknown command is refused" refuses lst x.pcap
check "an unknown flag is refused" refuses --nonsense
check "a flag without its value is refused" refuses extract -o
check "no file is refused" refuses list
check "--json without inspect is refused" refuses list --json $samples/clip-udp.pcap
check "--session takes digits only" refuses extract $samples/clip-udp.pcap -o "$tmp/x" --session -1x
: >"$tmp/empty.pcap"
check "an empty file is refused" refuses list "$tmp/empty.pcap"
check "a text is refused" refuses inspect captures/README.md
check "a folder is refused" refuses list captures
check "a missing file is refused" refuses list "$tmp/none.pcap"
mkfifo "$tmp/fifo"
check "a pipe is refused, not waited for" timeout 5 bash -c "$(declare -f refuses); bin='$bin' tmp='$tmp'; refuses list '$tmp/fifo'"
head -c 20000 $samples/clip-udp.pcap >"$tmp/cut.pcap"
cut_short() {
	"$bin" list "$tmp/cut.pcap" >"$tmp/r.out" 2>"$tmp/r.err"
	[ $? = 2 ] && grep -q 'read up to packet' "$tmp/r.err" && grep -q 'rtsp #0' "$tmp/r.out"
}
check "a file that ends in a packet is read up to there, and said so" cut_short
check "extract without -o is refused" refuses extract $samples/clip-udp.pcap
check "extract of a session that isn't there leaves nothing" refuses extract $samples/clip-udp.pcap -o "$tmp/no" --session 7
check "(no folder was made)" test ! -e "$tmp/no"
check "a folder that cannot be made is refused" refuses extract $samples/clip-udp.pcap -o captures/README.md/x

check "list shows connections and streams" says "SETUP*2" list $samples/clip-udp.pcap $samples/clip-tcp.pcapng
check "inspect pairs responses with requests" says "to TEARDOWN after" inspect $samples/clip-udp.pcap
check "inspect --json of two files: one object a line" bash -c \
	"'$bin' inspect --json $samples/clip-udp.pcap $samples/clip-tcp.pcapng | awk '/^{.*}\$/ { n++ } END { exit n != 2 }'"
check "extract writes transcript, script and packets" says "5 files in" extract $samples/clip-udp.pcap -o "$tmp/x"
check "the transcript holds the messages" grep -q '| DESCRIBE rtsp://' "$tmp/x/session-0.txt"
check "the script begins with its head" grep -q '^{"format":"beagle-session-script","version":1' "$tmp/x/session-0.jsonl"
same_session() {
	"$bin" inspect "$1" | sed '1,/^#/d' | cut -c14- | sed 's/after.*//; s/, up to.*//' >"$tmp/a"
	"$bin" inspect "$2" | sed '1,/^#/d' | cut -c14- | sed 's/after.*//; s/, up to.*//' >"$tmp/b"
	[ -s "$tmp/a" ] && diff "$tmp/a" "$tmp/b"
}
check "the extracted UDP session reads like the recording" same_session $samples/clip-udp.pcap "$tmp/x/session-0.pcap"
"$bin" extract $samples/clip-tcp.pcapng -o "$tmp/t" >/dev/null
check "the extracted interleaved session reads like the recording" same_session $samples/clip-tcp.pcapng "$tmp/t/session-0.pcap"
"$bin" extract $samples/pattern-ipv6-pause.pcap -o "$tmp/p" >/dev/null
check "the extracted IPv6 session reads like the recording" same_session $samples/pattern-ipv6-pause.pcap "$tmp/p/session-0.pcap"

manifest() {
	local bad=0 file what how sum packets requests rtp
	while IFS=$'\t' read -r file what how sum packets requests rtp; do
		[ "$file" = file ] && continue
		[ "$(sha256sum <"$samples/$file" | cut -d' ' -f1)" = "$sum" ] || { echo "$file: sha256"; bad=1; }
		"$bin" list "$samples/$file" >"$tmp/l"
		grep -q ": $packets packets" "$tmp/l" || { echo "$file: packets"; bad=1; }
		grep -qE " $requests requests" "$tmp/l" || { echo "$file: requests"; bad=1; }
		[ "$(grep -c '^  rtp ' "$tmp/l")" = "$rtp" ] || { echo "$file: streams"; bad=1; }
		[ "$(stat -c %s "$samples/$file")" -lt 300000 ] || { echo "$file: too large"; bad=1; }
	done <$samples/MANIFEST.tsv
	return $bad
}
check "samples are those of MANIFEST.tsv" manifest

if command -v tshark >/dev/null; then
	export WIRESHARK_CONFIG_DIR=$tmp
	clean() { # no bad checksum, no TCP complaint, nothing malformed
		local port
		port=$(sed -n '1s/.*server .*:\([0-9]*\)$/\1/p' "${1%.pcap}.txt")
		# SDP apart: TShark 4.0 stumbles over the emulation prevention bytes of parameter sets
		tshark -r "$1" -d "tcp.port==$port,rtsp" -o tcp.check_checksum:TRUE -o udp.check_checksum:TRUE \
			-o ip.check_checksum:TRUE -Y '(_ws.malformed && !sdp) || tcp.analysis.flags || ip.checksum.status==0 || tcp.checksum.status==0 || udp.checksum.status==0' 2>/dev/null >"$tmp/w"
		cat "$tmp/w"
		[ ! -s "$tmp/w" ]
	}
	check "TShark finds no fault in what we write (IPv4, UDP media)" clean "$tmp/x/session-0.pcap"
	check "TShark finds no fault in what we write (IPv4, interleaved)" clean "$tmp/t/session-0.pcap"
	check "TShark finds no fault in what we write (IPv6)" clean "$tmp/p/session-0.pcap"
else
	echo "skip - TShark on what we write: tshark is not installed"
fi

dahua=${BEAGLE_DATA:-../shared}/captures/real/dahua-h264-udp-digest.pcapng
if [ -r "$dahua" ]; then
	"$bin" extract "$dahua" -o "$tmp/d" >/dev/null
	"$bin" extract "$dahua" -o "$tmp/s" --secrets >/dev/null
	check "credentials are taken out of every extracted file" bash -c "! grep -aqE 'Digest username|response=\"' '$tmp'/d/*"
	check "--secrets leaves them in" grep -q 'Authorization: Digest username' "$tmp/s/session-0.txt"
	check "Session ids stay" grep -q 'Session: 1774501350' "$tmp/d/session-0.txt"
else
	echo "skip - redaction of a real capture: no test data, set BEAGLE_DATA"
fi
