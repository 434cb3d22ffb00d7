# SPDX-License-Identifier: MIT
"""What ci/siege and ci/soak share: a server of their own, samples of it, its statistics, plots."""
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
from urllib.parse import urlsplit

BIN = os.environ.get("BIN", os.path.join(os.environ.get("BUILD", "build"), "bin"))


def raise_descriptors():
    """As many as we may have: how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def pinned(cpus, command):
    """The command, to be run on these CPUs only (None: on any); the process id stays the same."""
    return command if cpus is None else ["taskset", "-c", ",".join(map(str, cpus)), *command]


class Server:
    """beagle-server on a port of its own. Its statistics are written on SIGUSR1."""

    def __init__(self, folder, flags=(), cpus=None):
        self.stats_path = os.path.join(folder, "stats.json")
        self.err = open(os.path.join(folder, "server.err"), "w")
        self.process = subprocess.Popen(
            pinned(cpus, [os.path.join(BIN, "beagle-server"), "--port", "0", "--stats", self.stats_path, *flags]),
            stdout=subprocess.PIPE, stderr=self.err, text=True)
        self.pid = self.process.pid
        self.urls = {}
        for _ in range(1 + sum(f == "--listen" for f in flags[1:])):
            found = re.match(r"listening (rtsps?)(://\S+?)/?$", self.process.stdout.readline().strip())
            if not found:
                raise SystemExit(f"the server did not start (see {folder}/server.err)")
            self.urls.setdefault(found[1], found[1] + found[2])
        self.url = self.urls.get("rtsp")
        where = urlsplit(self.url)
        self.peer = (where.hostname, where.port)

    def stats(self):
        """The counters now."""
        if os.path.exists(self.stats_path):
            os.unlink(self.stats_path)
        os.kill(self.pid, signal.SIGUSR1)
        for _ in range(500):
            if os.path.exists(self.stats_path):
                return json.load(open(self.stats_path))
            if self.process.poll() is not None:
                raise SystemExit(f"the server has ended: {self.process.returncode}")
            time.sleep(0.02)
        raise SystemExit("the server wrote no statistics within 10 s")

    def stop(self):
        """(exit code, counters at the end)."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        return code, json.load(open(self.stats_path))

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def ledger(stats):
    """What does not add up in the statistics: a list of lines, [] when all does."""
    wrong = []

    def same(name, a, b):
        if a != b:
            wrong.append(f"{name}: {a} is not {b}")

    same("connections opened and closed", stats["connections_accepted"] + stats["connections_refused"],
         stats["connections_closed"])
    same("connections closed and their reasons", stats["connections_closed"], sum(stats["closed"].values()))
    same("sessions made and ended", stats["sessions"], stats["sessions_ended"])
    same("sessions ended and their reasons", stats["sessions_ended"], sum(stats["ended"].values()))
    return wrong


class Sampler(threading.Thread):
    """Memory, descriptors and CPU of a process, each half second: rows of (s, MB, descriptors, cores)."""

    def __init__(self, pid, every=0.5):
        super().__init__(daemon=True)
        self.pid, self.every, self.rows, self.ended = pid, every, [], threading.Event()
        self.began = time.monotonic()
        self.start()

    def sample(self):
        status = open(f"/proc/{self.pid}/status").read()
        ticks = sum(int(x) for x in open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()[11:13])
        return (time.monotonic() - self.began, int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024,
                len(os.listdir(f"/proc/{self.pid}/fd")), ticks / os.sysconf("SC_CLK_TCK"))

    def run(self):
        last = None
        while not self.ended.wait(self.every):
            try:
                now = self.sample()
            except (OSError, TypeError):
                return
            if last:
                self.rows.append((*now[:3], (now[3] - last[3]) / (now[0] - last[0])))
            last = now

    def now(self):
        return time.monotonic() - self.began

    def rss(self):
        return self.sample()[1]

    def stop(self):
        self.ended.set()
        self.join()


PLOT = """
set terminal svg size 900,560 font 'sans,12' background 'white'
set output '{path}'
set multiplot layout 2,1 title "{title}" font ',14' margins 0.09,0.97,0.12,0.92 spacing 0.06
set border 3 lc rgb '#606060'
set tics nomirror out
set xrange [0:{end}]
set grid ytics lc rgb '#dddddd'
set key top right horizontal opaque noenhanced
{shade}
"""


def panel(path, name, lines, is_last):
    """One panel's part of the script: lines = [(title, rgb, points (s, value))]; writes their data."""
    plots = []
    for title, rgb, points in lines:
        data = f"{path}.{title.split()[0]}.tsv"
        with open(data, "w") as f:
            f.writelines(f"{s / 60:.4f}\t{value:.3f}\n" for s, value in points)
        plots.append(f"'{data}' using 1:2 with lines lw 2 lc rgb '{rgb}' title '{title}'")
    most = max(value for _, _, points in lines for _, value in points) * 1.2
    return (f"set ylabel '{name}'\nset yrange [0:{most}]\n" +
            ("set xlabel 'minutes'\nset format x\n" if is_last else "unset xlabel\nset format x ''\n") +
            "plot " + ", ".join(plots) + "\n")


def plot(path, rows, spans, title, sessions=()):
    """SVG: memory of the server and its descriptors over time, beside these its sessions where given as (s, n);
    spans = [(from, to, name)] are shaded. False: no gnuplot."""
    if not shutil.which("gnuplot"):
        return False
    shade = "".join(
        f"set object {i} rectangle from {a / 60:.4f}, graph 0 to {b / 60:.4f}, graph 1 fc rgb '#f2dcc8' fs solid noborder "
        f"behind\nset label {i} \"{name}\" at {a / 60:.4f}, graph 0.05 offset 0.4, 0 font ',9' tc rgb '#704010' front\n"
        for i, (a, b, name) in enumerate(spans, 1))
    counts = [("descriptors", "#d55e00", [(r[0], r[2]) for r in rows])]
    if sessions:
        counts.append(("sessions alive", "#009e73", sessions))
    script = PLOT.format(path=path, title=title, shade=shade, end=rows[-1][0] / 60)
    script += panel(path, "memory, MB", [("memory (RSS)", "#0072b2", [r[:2] for r in rows])], False)
    script += panel(path, "number", counts, True)
    return subprocess.run(["gnuplot"], input=script, text=True).returncode == 0


def slope(rows, column, since):
    """Least squares: what a column grows by per minute, from that second on."""
    points = [(r[0] / 60, r[column]) for r in rows if r[0] >= since]
    n = len(points)
    if n < 3:
        return 0.0
    mx, my = sum(p[0] for p in points) / n, sum(p[1] for p in points) / n
    down = sum((x - mx) ** 2 for x, _ in points)
    return sum((x - mx) * (y - my) for x, y in points) / down if down else 0.0
