# SPDX-License-Identifier: MIT
# The bench itself, small: the bare loop sends what the server would, all of it arrives by every method, and
# ci/bench --quick finds nothing wrong, unless something is. How fast is for quiet machines: ci/bench.
. server/tests/lib.sh

if [ -n "${SAN-}" ]; then
	skip "the bench: sanitizers cost more than what is measured"
	exit 0
fi
for tool in ffmpeg taskset jq; do
	command -v $tool >/dev/null || { skip "the bench: there is no $tool here"; exit 0; }
done
bare=${BIN%/bin}/bench/bare
clip=server/tests/media/clip.mp4

"$bare" "$clip" --sessions 20 --seconds 1 --cpu -1 --receiver-cpu -1 --method sendmsg --method sendmmsg \
	--method gso --method sendmmsg-gso --method writev >"$TMP/bare.json" 2>"$TMP/bare.err"
same "the bare loop ends well" 0 $?
packets=$("$BIN/beagle-server" --describe "$clip" --json | jq '[.tracks[].packets] | add')
same "it has all packets of the title" "$packets" "$(jq '.packets_per_s * .clip_s | round' "$TMP/bare.json")"
for m in sendmsg sendmmsg gso sendmmsg-gso writev; do
	got=$(jq -c --arg m $m '.methods[] | select(.method == $m) | [.packets > 0, .lost, .dropped, .failed]' "$TMP/bare.json")
	same "$m: every packet arrives" '[true,0,0,0]' "$got"
done

quick() { BIN=$BIN timeout 100 ci/bench --quick -o "$TMP/bench" "$@"; }
quick >"$TMP/out" 2>&1
code=$?
cat "$TMP/out"
same "ci/bench --quick ends well" 0 $code
check "its result is of the known shape" jq -e '.format == "beagle-bench" and .version == 1 and
	(.rows | map(has("median") and has("ratio") and has("verdict") and has("receive_mode")) | all)' "$TMP/bench/bench.json" | grep -v '^true$'
quick --row cpu-hinted-udp --runs 1 --flag=--fault --flag=loss=50 >"$TMP/out" 2>&1
code=$?
if grep -q '^skip' "$TMP/out" && ! grep -q '^not ok' "$TMP/out"; then
	skip "a server that loses packets: $(sed -n 's/^skip - //p' "$TMP/out")"
else
	check "a server that loses packets is found out" [ $code = 1 ]
	grep '^not ok' "$TMP/out" | sed 's/^not ok - /    /'
fi

# longer than what a title holds in memory
ffmpeg -nostdin -v error -y -stream_loop 23 -i "${BIN%/bin}/bench/clips/720p-10.mp4" -c copy "$TMP/long.mp4" </dev/null
n=$("$BIN/beagle-server" --describe "$TMP/long.mp4" --json | jq '[.tracks[].packets] | add')
same "the bare loop reads a long film to its end" "$n" \
	"$(timeout 20 "$bare" "$TMP/long.mp4" --schedule | jq '.packets_per_s * .clip_s | round')"
