# SPDX-License-Identifier: MIT
"""How ci/bench measures: clips, processes on CPUs of their own, one window in which everybody plays."""
import json
import os
import re
import subprocess
import time

import rig

BUILD = os.path.dirname(rig.BIN) or "."
CLIPS = os.path.join(BUILD, "bench", "clips")
BARE = os.path.join(BUILD, "bench", "bare")
LOADGEN = os.path.join(rig.BIN, "beagle-loadgen")

# What other servers were measured with, too: 720p of 1.2 Mbit/s, and a light clip of 120 kbit/s.
ENCODE = {
    "720p": ("testsrc2=s=1280x720:r=25,noise=alls=6:allf=t", "sine=f=440:r=48000",
             "-profile:v high -b:v 1M -maxrate 1M -bufsize 1M -g 50 -keyint_min 50", "-b:a 128k -ac 2"),
    "light": ("testsrc2=s=320x180:r=12.5", "sine=f=440:r=16000",
              "-profile:v baseline -b:v 96k -maxrate 96k -bufsize 96k -g 25 -keyint_min 25", "-b:a 24k -ac 1"),
}
# name: what is encoded, how it is written. A hint track has one AAC unit in each packet with no muxing delay.
KINDS = {"hinted": ("720p", ["-muxdelay", "0", "-movflags", "rtphint"]),
         "unhinted": ("720p", ["-movflags", "+faststart"]),
         "light": ("light", ["-movflags", "+faststart"])}


class Invalid(Exception):
    """It could not be measured, and why."""


def ffmpeg(*args):
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *args], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Invalid("ffmpeg: " + done.stderr.strip()[-300:])


def encoded(what, seconds):
    path = os.path.join(CLIPS, f"{what}-{seconds}.mp4")
    if os.path.exists(path):
        return path
    os.makedirs(CLIPS, exist_ok=True)
    pictures, sound, video, audio = ENCODE[what]
    new = os.path.join(CLIPS, f".{os.getpid()}.mp4")
    ffmpeg("-f", "lavfi", "-i", pictures, "-f", "lavfi", "-i", sound, "-t", str(seconds), "-c:v", "libx264",
           "-preset", "veryfast", *video.split(), "-sc_threshold", "0", "-bf", "0", "-pix_fmt", "yuv420p",
           "-c:a", "aac", *audio.split(), "-movflags", "+faststart", new)
    os.rename(new, path)
    return path


def clip(kind, encode_s, times):
    """A clip of `times` times what was encoded, made once and kept: its path."""
    what, how = KINDS[kind]
    path = os.path.join(CLIPS, f"{kind}-{encode_s}x{times}.mp4")
    if not os.path.exists(path):
        new = os.path.join(CLIPS, f".{os.getpid()}.mp4")
        ffmpeg("-stream_loop", str(times - 1), "-i", encoded(what, encode_s), "-c", "copy", *how, new)
        os.rename(new, path)
    return path


# ---- what a process, and the machine, have used ----

def cpu_of(pid):
    """(seconds on a CPU, seconds in line for one), of all threads, as the scheduler counts them: in ns."""
    ran = waited = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            a, b, _ = open(f"/proc/{pid}/task/{task}/schedstat").read().split()
        except OSError:
            continue  # it has ended
        ran, waited = ran + int(a), waited + int(b)
    return ran / 1e9, waited / 1e9


def steal_of_machine():
    n = [int(x) for x in open("/proc/stat").readline().split()[1:9]]
    return n[7], sum(n)


def memory_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])


def read_bytes(pid):
    """What has really come from a disk for it."""
    return int(re.search(r"^read_bytes: (\d+)", open(f"/proc/{pid}/io").read(), re.M)[1])


class Window:
    """From now until end(): cores, run delay and steal; packets, when the server counts them."""

    def __init__(self, server):
        self.server = server
        self.packets = self.count()
        self.at = time.time()
        self.cpu, self.waited = cpu_of(server.pid)
        self.steal, self.all = steal_of_machine()

    def count(self):
        """(when it was counted, packets): the file says when it was written."""
        if not hasattr(self.server, "stats"):
            return None
        n = self.server.stats()["packets_sent"]
        return os.stat(self.server.stats_path).st_mtime, n

    def end(self):
        cpu, waited = cpu_of(self.server.pid)
        now = time.time()
        steal, everything = steal_of_machine()
        span = now - self.at
        r = {"from": self.at, "to": now, "cores": (cpu - self.cpu) / span, "run_delay": (waited - self.waited) / span,
             "steal": (steal - self.steal) / max(1, everything - self.all), "rss_kib": memory_kib(self.server.pid)}
        packets = self.count()
        if packets:
            r["packets_per_s"] = (packets[1] - self.packets[1]) / (packets[0] - self.packets[0])
        return r


# ---- servers ----

class Peer:
    """gst-rtsp-server, serving one clip."""

    def __init__(self, folder, path, cpus):
        done = subprocess.run(["ci/peers/build"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise Invalid(done.stderr.strip())
        self.err = open(os.path.join(folder, "peer.err"), "w")
        self.process = subprocess.Popen(rig.pinned(cpus, [done.stdout.strip(), path, "0"]), stdout=subprocess.PIPE,
                                        stderr=self.err, text=True)
        self.pid = self.process.pid
        found = re.match(r"listening (\S+)", self.process.stdout.readline())
        if not found:
            raise Invalid("the peer did not start")
        self.url = found[1]

    def kill(self):
        self.process.kill()
        self.process.wait()


def our_server(box, path, flags=(), workers=1, cpus=None):
    folder, name = os.path.split(os.path.abspath(path))
    server = rig.Server(box.folder, ["--workers", str(workers), "--profile", "bench", "--root", folder,
                                     "--media-cache-mb", "1024",
                                     "--status", os.path.join(box.folder, "status.txt"), *flags, *box.server_flags], cpus or [box.server_cpu])
    server.clip_url = f"{server.url}/{name}"
    return server


# ---- the load generator ----

class Load:
    """One run of it, under way."""

    def __init__(self, box, url, sessions, seconds, rate, transport="udp", more=(), name="load"):
        self.path = os.path.join(box.folder, f"{name}.json")
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.log = os.path.join(box.folder, f"{name}.log")
        command = [LOADGEN, url, "-n", str(sessions), "-d", f"{seconds}s", "--rate", str(rate), "-t", transport, "-q",
                   "-o", self.path, *(["--sockets", "wide"] if transport == "udp" else []), *more]
        self.began, self.most = time.time(), sessions / rate + seconds + 60
        self.process = subprocess.Popen(rig.pinned([box.load_cpu], command), stdout=open(self.log, "w"),
                                        stderr=subprocess.STDOUT)

    def wait(self):
        try:
            self.process.wait(max(1, self.began + self.most - time.time()))
        except subprocess.TimeoutExpired:
            self.kill()
            raise Invalid("the load generator did not end in time") from None
        if not os.path.exists(self.path):
            raise Invalid("the load generator: " + (open(self.log).read().strip().splitlines() or ["?"])[-1])
        self.result = json.load(open(self.path))
        return self.figures()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def quantile_ms(self, name, origin, q="p99"):
        h = [h for h in self.result["histograms"] if h["name"] == name and h["origin"] == origin]
        return h[0][q] / 1e6 if h and h[0]["n"] else None

    def series(self, column):
        """(second, value) of each row, in seconds since 1970."""
        s = self.result["series"]
        i = 1 + [c["name"] for c in s["columns"]].index(column)
        zero = self.result["run"]["started_ns"] / 1e9
        return [(zero + row[0], row[i]) for row in s["rows"]]

    def mean_in(self, column, window):
        """Mean of the whole seconds that lie in a window."""
        inside = [v for t, v in self.series(column) if t >= window["from"] and t + 1 <= window["to"] and v is not None]
        return sum(inside) / len(inside) if inside else None

    def figures(self):
        r = self.result
        n = {k: v["value"] for k, v in r["counters"].items()}
        f = {k: v["value"] for k, v in r["figures"].items()}
        return {"receive_mode": r["config"]["receive_mode"]["value"], "valid": r["validity"]["valid"],
                "reasons": r["validity"]["reasons"], "completed": n["sessions_completed"],
                "failed": n["sessions_failed"], "silent": n["sessions_silent"], "received": n["packets_received"],
                "lost": n["packets_lost"] + n["packets_tail_lost"], "own_drops": n["own_drops"],
                "worst_delivered": f.get("worst_session_delivered"), "load_run_delay": f["run_delay"],
                "load_cores": f["cpu_generator_busiest_second"], "seconds": r["run"]["duration_s"],
                "lateness_p99_ms": self.quantile_ms("lateness", "rtp"),
                "frame_spread_p99_ms": self.quantile_ms("frame_spread", "rtp")}


def knows(flag):
    """Has the load generator this flag?"""
    return flag in subprocess.run([LOADGEN, "--help"], stdout=subprocess.PIPE, text=True).stdout


def steady(box, server, url, sessions, transport="udp", seconds=None, more=(), during=None):
    """
    Sessions start, all of them play through one window, then they end: what the window and the load
    generator say, in one dictionary. during(): called when the window opens.
    """
    seconds = seconds or box.window_s
    ramp = sessions / box.rate + 1.5
    if knows("--seek"):
        more = ["--seek", f"0-{box.spread_s}", *more]
    load = Load(box, url, sessions, round(ramp + seconds + 1.5, 1), box.rate, transport, more)
    try:
        time.sleep(ramp + 0.3)
        window = Window(server)
        if during:
            during()
        time.sleep(max(0, window.at + seconds - time.time()))
        w = window.end()
        r = load.wait()
    finally:
        load.kill()
    playing = [n for t, n in load.series("sessions") if t >= w["from"] and t + 1 <= w["to"]]
    if not r["failed"] and playing and min(playing) < sessions:
        raise Invalid(f"only {min(playing)} of {sessions} sessions played in the window")
    w.setdefault("packets_per_s", load.mean_in("packets", w))
    if not w["packets_per_s"]:
        raise Invalid("no packet came in the window")
    r.update(w, sessions=sessions, us_per_packet=w["cores"] / w["packets_per_s"] * 1e6,
             us_per_session_s=w["cores"] / sessions * 1e6)
    r["load"] = load
    return r


def bare(box, path, sessions, methods, seconds=None, synthetic=None):
    """The bare loop's figures, by method."""
    command = [BARE, *([path] if path else ["--synthetic", synthetic]), "--sessions", str(sessions), "--seconds",
               str(int(seconds or box.bare_s)), "--cpu", str(box.server_cpu), "--receiver-cpu", str(box.load_cpu)]
    for m in methods:
        command += ["--method", m]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode:
        raise Invalid("the bare loop: " + done.stderr.strip()[-200:])
    return {m["method"]: m for m in json.loads(done.stdout)["methods"]}


def why_not(box, r):
    """Why a run does not count; None: it does. In a hurry, only a loss that may be the generator's matters."""
    if box.is_quick:
        blame = r["own_drops"] or not r["valid"] and (r["lost"] or r["failed"])
        return f"the generator was the limit: {r['own_drops']} dropped; " + "; ".join(r["reasons"]) if blame else None
    if not r["valid"]:
        return "the generator was the limit: " + "; ".join(map(str, r["reasons"]))[:160]
    if r["own_drops"]:
        return f"the generator's own buffers dropped {r['own_drops']} datagrams"
    if r.get("run_delay", 0) > box.max_run_delay:
        return f"the server stood in line for its CPU {100 * r['run_delay']:.1f} % of the time"
    if r.get("steal", 0) > box.max_steal:
        return f"the hypervisor took {100 * r['steal']:.1f} % of the time"
    return None
