# SPDX-License-Identifier: MIT
# Files that come, go and change; what is no file; and a thousand of them at a time in one bounded cache.
. server/tests/lib.sh
ended() { sed -n "s/^ *\"ended\":.*\"$2\": \([0-9]*\).*/\1/p" "$1"; }
export PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=server/tests
clip=server/tests/media/clip.mp4
root=$TMP/root
mkdir -p "$root/folder" "$TMP/outside"

# ---- what is no film ----
cp $clip "$TMP/outside/clip.mp4"
ln -s "$TMP/outside/clip.mp4" "$root/outside.mp4"
ln -s loop.mp4 "$root/loop.mp4"
mkfifo "$root/fifo.mp4"
: >"$root/empty.mp4"
head -c 100000 $clip >"$root/cut.mp4"
head -c 5000 /dev/zero | tr '\0' x >"$root/junk.mp4"
cp $clip "$root/denied.mp4"
chmod 0 "$root/denied.mp4"
start_server --root "$root" --stats "$TMP/odd.json" --workers 1 || { not_ok "server starts"; exit 1; }
cat >"$TMP/odd.py" <<'PY'
import os, sys

from rtsp_client import Client, say

url = sys.argv[1]
want = {"none.mp4": "404", "folder": "404", "outside.mp4": "403", "loop.mp4": "404", "fifo.mp4": "403",
        "empty.mp4": "415", "cut.mp4": "415", "junk.mp4": "415", "denied.mp4": "403",
        "folder/%2e%2e/%2e%2e/outside/clip.mp4": "403", "cut%00.mp4": "400"}
if os.geteuid() == 0:
    del want["denied.mp4"]  # root may read anything
for path, status in want.items():
    got = [Client(url, path).ask("DESCRIBE"),
           Client(url, path).ask("SETUP", "/trackID=1", "Transport: RTP/AVP;unicast;client_port=9000-9001\r\n")]
    say(got == [status] * 2, "DESCRIBE and SETUP of %s are answered %s (%s)" % (path, status, got))
PY
timeout 60 python3 "$TMP/odd.py" "$URL" || not_ok "the client ended early"
stop_server
same "a server that was asked for them ends cleanly" 0 $?
for c in folder outside device empty truncated unsupported; do
	same "counted: media_open_$c" 2 "$(number "$TMP/odd.json" media_open_$c)"
done
same "counted: paths_outside" 2 "$(number "$TMP/odd.json" paths_outside)"
same "counted: paths_bad" 2 "$(number "$TMP/odd.json" paths_bad)"
check "counted: media_open_not_found" [ "$(number "$TMP/odd.json" media_open_not_found)" -ge 4 ]

# ---- what changes while it is played ----
rm -rf "$root"
mkdir "$root"
for n in renamed written cut gone; do cp $clip "$root/$n.mp4"; done
start_server --root "$root" --stats "$TMP/changed.json" --workers 2 --overbuffer-tcp 0 || exit 1
cat >"$TMP/changed.py" <<'PY'
import os, sys

from rtsp_client import Client, run, say

url, root = sys.argv[1], sys.argv[2]
path = lambda name: os.path.join(root, name + ".mp4")
c = {n: Client(url, n + ".mp4") for n in ("renamed", "written", "cut", "gone")}
say(all([x.play() == "200" for x in c.values()]), "four films play")
run(seconds=1)
old = c["renamed"].body
data = open(path("written"), "rb").read()
with open(path("new"), "wb") as f:
    f.write(data)
os.rename(path("new"), path("renamed"))
with open(path("written"), "r+b") as f:
    f.write(data)
os.truncate(path("cut"), 50000)
os.unlink(path("gone"))
new = Client(url, "renamed.mp4")
say(new.play() == "200", "the new file of that name is played")
run(seconds=3)
before = {n: x.packets for n, x in c.items()}
run(seconds=1)
goes = {n: x.packets > before[n] for n, x in c.items()}
say(goes["renamed"], "the file that another took the name of is played on")
say(goes["gone"], "and so is one that was removed")
say(not goes["written"], "one that was written to has ended")
say(not goes["cut"], "and one that was cut")
say(c["written"].ask("GET_PARAMETER") == "454", "its session is gone")
say(Client(url, "cut.mp4").ask("DESCRIBE") == "415", "what is left of it is no film")
say(Client(url, "gone.mp4").ask("DESCRIBE") == "404", "what was removed is not found")
say(Client(url, "written.mp4").ask("DESCRIBE") == "200", "what was written anew can be had anew")
for n in ("renamed", "gone"):
    c[n].ask("TEARDOWN")
new.ask("TEARDOWN")
PY
timeout 60 python3 "$TMP/changed.py" "$URL" "$root" || not_ok "the client ended early"
stop_server
same "a server whose files changed ends cleanly" 0 $?
same "the two that changed ended for that reason" 2 "$(ended "$TMP/changed.json" changed)"
same "the others by TEARDOWN" 3 "$(ended "$TMP/changed.json" teardown)"

# ---- a thousand ----
n=1000
[ -z "${SAN-}" ] || n=200
for i in $(seq "$n"); do cp $clip "$root/$i.mp4"; done
cat >"$TMP/many.py" <<'PY'
# plays N films at a time over UDP, to one port; prints how many were let in, refused, and are alive
import sys, socket

from rtsp_client import Client, run

url, n, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sink.bind(("127.0.0.1", 0))
port = sink.getsockname()[1]
answers, playing = {}, []
for i in range(n):
    c = Client(url, "%d.mp4" % (i + 1))
    status = c.play("RTP/AVP;unicast;client_port=%d-%d" % (port, port + 1))
    answers[status] = answers.get(status, 0) + 1
    if status == "200":
        playing.append(c)
run(seconds=seconds)
alive = sum(1 for c in playing if c.ask("GET_PARAMETER") == "200")
print("in=%d refused=%d other=%d alive=%d" % (len(playing), answers.get("453", 0) + answers.get("503", 0),
      sum(k for s, k in answers.items() if s not in ("200", "453", "503")), alive))
PY
many() { # FLAGS...: sets in, refused, other, alive, rss (KB)
	start_server --root "$root" --stats "$TMP/many.json" "$@" || exit 1
	eval "$(timeout 120 python3 "$TMP/many.py" "$URL" $n 3)"
	rss=$(awk '/VmHWM/ { print $2 }' "/proc/$SERVER_PID/status")
	stop_server
}
many --media-cache-mb 128
same "$n titles play at a time" "$n 0 0 $n" "$in $refused $other $alive"
same "each open once" "$n" "$(number "$TMP/many.json" media_titles_open)"
most=$(number "$TMP/many.json" media_cache_bytes_most)
check "within the cache of 128 MB ($((most >> 20)) MB)" [ "$most" -le $((128 << 20)) ]
[ -n "${SAN-}" ] || check "and the process within it and 64 MB ($((rss >> 10)) MB)" [ "$rss" -le $((192 << 10)) ]
many --media-cache-mb 4
most=$(number "$TMP/many.json" media_cache_bytes_most)
check "a small cache lets in $in, refuses $refused" [ $((in > 10 && refused > 10)) = 1 ]
same "with a clean answer each" "$n 0" "$((in + refused)) $other"
same "and those who are in play on" "$in" "$alive"
check "within the cache of 4 MB ($most)" [ "$most" -le $((4 << 20)) ]
same "refusals are counted" "$refused" "$(number "$TMP/many.json" media_open_full)"
many --media-titles-max 100
same "no more than 100 files are open at a time" "100 $((n - 100)) 0 100" "$in $refused $other $alive"
