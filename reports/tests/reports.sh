#!/bin/bash
# SPDX-License-Identifier: MIT
# beagle-reports as a user meets it: pages, tables, and one clear line for everything that is wrong.
. "$(dirname "$0")/../../server/tests/lib.sh"
R=$BIN/beagle-reports
cd "$TMP" || exit 1

# head_of KIND: what every result has
head_of() {
	cat <<-END
	{"format":"beagle-result","version":1,"kind":"$1",
	"run":{"program":"beagle-test","beagle":"v0","started":"2026-01-01T00:00:00Z","started_ns":1,
	 "command":["beagle-test","rtsp://h/<b>"],"seed":"1","config_hash":"00"},
	"environment":{"os":"test"},"target":{"url":"rtsp://127.0.0.1/x","banner":"<i>&amp;","features":[]},
	"config":{"transport":{"value":"udp"},"receive_mode":{"value":"${2:-plain}"}},"notes":[],
	"validity":{"valid":true,"reasons":[],"checks":[]},"gates":[],"figures":{},"errors":[],
	END
}
load() {
	head_of load "${3:-plain}"
	cat <<-END
	"counters":{"packets_lost":{"value":$2},"packets_received":{"value":$1}},
	"histograms":[{"name":"setup","unit":"ns","origin":"intended","max":1000000000,"digits":2,"n":100,
	 "below":0,"above":0,"least":1000,"most":1000,"sum":100000,"counts":[[$(bucket 1000),100]]}],
	"series":{"columns":[{"name":"sessions","merge":"sum"},{"name":"bytes","unit":"bytes","merge":"sum"}],
	 "rows":[[0,5,1000000],[1,10,2000000]]},"heatmaps":[]}
	END
}
# bucket of a value at 2 digits: 256 single ones, then 128 per power of two
bucket() {
	local v=$1 m=0
	while [ $((v >> m)) -ge 256 ]; do m=$((m + 1)); done
	echo $((m * 128 + (v >> m)))
}
load 1000 0 >a.json
load 900 100 >b.json
load 900 100 gro >c.json
{ head_of conformance; cat <<-'END'
	"counters":{},"coverage":[],"findings":[],"cases":[
	{"id":"msg.cseq","rfc":"2326","section":"12.17","level":"must","verdict":"fail","clauses":["RTSP-12.17-01"],
	 "ms":3,"reason":"got ]]> & <x>","expected":"a","got":"b"},
	{"id":"msg.ok","rfc":"2326","section":"4","level":"must","verdict":"pass","clauses":[],"ms":1}]}
	END
} >conf.json

# fails_with NAME PATTERN COMMAND...: exit 2, one line on stderr that matches
fails_with() {
	local name=$1 pattern=$2 rc
	shift 2
	"$@" >out.txt 2>err.txt
	rc=$?
	if [ $rc = 2 ] && [ "$(wc -l <err.txt)" = 1 ] && grep -qE "$pattern" err.txt; then
		ok "$name"
	else
		not_ok "$name (exit $rc: $(head -c 300 err.txt))"
	fi
}

if command -v gnuplot >/dev/null; then
	check "html: a page is written" "$R" html a.json b.json conf.json -o page.html --title "T & t"
	same "html: plots are in the page" 6 "$(grep -c '<svg' page.html)"
	check "html: nothing is said on success" test -z "$("$R" html a.json -o page2.html 2>&1)"
	check "html: no temporary folder is left" test -z "$(TMPDIR=$PWD/t; mkdir t; TMPDIR=$PWD/t "$R" html a.json -o p.html; ls t)"
else
	skip "html: plots: gnuplot is not installed"
fi
mkdir nopath
fails_with "html: no gnuplot is told, with the way out" 'gnuplot is not installed.*--no-plots' \
	env PATH="$PWD/nopath" "$R" html a.json -o none.html
check "html: nothing half-written is left" test -z "$(ls none.html* 2>/dev/null)"
check "html: --no-plots needs no gnuplot" env PATH="$PWD/nopath" "$R" html a.json conf.json -o plain.html --no-plots
same "html: markup of a peer is text" 0 "$(grep -cE '<(i|b)>&amp;amp|<x>' plain.html)"

"$R" compare a.json b.json >cmp.txt
same "compare: exit 0" 0 $?
check "compare: ratios are printed" grep -qE '^packets_received +1.{1,4}000 +900 +0\.900$' cmp.txt
"$R" compare a.json b.json --json >cmp.json
check "compare: --json holds name, both values and the ratio" grep -qF \
	'"name":"packets_received","a":1000,"b":900,"ratio":0.9' <(tr -d ' \n' <cmp.json)
check "compare: --markdown is a table" grep -q '^| packets\\_lost' <("$R" compare a.json b.json --markdown)
fails_with "compare: another receive mode is refused" 'receive modes differ' "$R" compare a.json c.json
check "compare: --force compares it all the same" "$R" compare a.json c.json --force -o cmp2.txt
fails_with "compare: another kind is refused" 'one is a result of load' "$R" compare a.json conf.json

check "junit: is written" "$R" junit conf.json -o junit.xml
if command -v xmllint >/dev/null; then
	check "junit: is well formed" xmllint --noout junit.xml
	same "junit: counts its failures" 1 "$(xmllint --xpath 'string(//testsuite/@failures)' junit.xml)"
else
	skip "junit: well formed: xmllint is not installed"
fi
check "summary: says what failed" grep -q 'fail msg.cseq' <("$R" summary a.json conf.json)
check "markdown: says what failed" grep -q '| fail | msg.cseq' <("$R" markdown conf.json)
check "merge: adds" "$R" merge a.json b.json -o merged.json
check "merge: counters are sums" grep -q '"packets_received":{"value":1900}' merged.json
check "merge: the result is read again" "$R" summary merged.json -o merged.txt

fails_with "no command" 'a command is needed' "$R"
fails_with "unknown command" 'unknown command nosuch' "$R" nosuch
fails_with "unknown option" 'unknown option --nosuch' "$R" html a.json --nosuch -o x.html
fails_with "no output" 'html needs -o FILE' "$R" html a.json
fails_with "no result" 'needs at least 1 result file' "$R" html -o x.html
fails_with "a file that is not there" 'nosuch.json: No such file' "$R" summary nosuch.json
fails_with "a folder in place of a file" 'Is a directory' "$R" summary nopath
printf '{\n "format": "beagle-result",\n oops\n}\n' >bad.json
fails_with "a file that is not JSON, with its place" 'bad\.json:3:[0-9]+: not JSON' "$R" summary bad.json
head -c 700 a.json >cut.json
fails_with "a file that ends early" 'cut\.json:[0-9]+:[0-9]+: not JSON' "$R" summary cut.json
sed 's/"version":1,"kind"/"version":9,"kind"/' a.json >new.json
fails_with "a file of another version" 'another version' "$R" summary new.json
sed 's/"n":100/"n":101/' a.json >lie.json
fails_with "a file that contradicts itself, with its place" 'histograms\[0\]' "$R" summary lie.json
fails_with "an output that cannot be written" 'No such file or directory' "$R" summary a.json -o nosuch/x.txt
check "a full device is an error" bash -c "! $R summary a.json >/dev/full 2>err.txt && grep -q 'cannot be written' err.txt"
check "--help" grep -q 'usage: beagle-reports' <("$R" --help)
check "--version" grep -q '^beagle-reports ' <("$R" --version)
