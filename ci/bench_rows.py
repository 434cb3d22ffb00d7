# SPDX-License-Identifier: MIT
"""The rows of ci/bench: what is measured, its bar, and how."""
import os
import shutil
import statistics
import subprocess
import time
from dataclasses import dataclass, field

import bench_run as run
from bench_run import Invalid

RATIO_BAR = 1.25
UDP_METHODS = ("sendmsg", "sendmmsg", "gso", "sendmmsg-gso")


@dataclass
class Row:
    id: str
    what: str
    unit: str
    bar: float
    stretch: float
    best_peer: str
    measure: object  # (box, row) -> a dictionary: see Tally.result
    clip: str = "hinted"
    transport: str = "udp"
    sessions: int = 1000
    at_most: bool = True  # the bar is an upper one
    figure: str = ""      # of a run
    needs: str = ""       # a flag of the load generator
    is_quick: bool = False
    more: dict = field(default_factory=dict)

    def holds(self, value, bar):
        return value <= bar if self.at_most else value >= bar


class Tally:
    """Runs of a row that count, and those that do not."""

    def __init__(self, box, row):
        self.box, self.row, self.runs, self.discarded = box, row, [], []

    def repeat(self, one):
        """one() gives a run, until there are as many good ones as asked for; bad ones are told."""
        tries = 2 * self.box.runs + 1
        while len(self.runs) < self.box.runs and tries and not self.is_late():
            tries -= 1
            try:
                r = one()
                why = run.why_not(self.box, r)
            except Invalid as e:
                r, why = {}, str(e)
            r.pop("load", None)
            if why:
                self.discarded.append(dict(r, why=why))
                self.box.say(f"  discarded: {why}")
            else:
                self.runs.append(r)
                self.box.say("  " + self.line(r))
        if len(self.runs) < self.box.runs:
            why = self.discarded[-1]["why"] if self.discarded else "there was no time"
            raise Unmeasured(self, f"only {len(self.runs)} of {self.box.runs} runs count: {why}")

    def is_late(self):
        return self.box.deadline is not None and time.monotonic() > self.box.deadline

    def line(self, r):
        parts = [f"{self.row.figure} {r[self.row.figure]:.3f}"]
        for name in ("cores", "run_delay", "steal", "lateness_p99_ms", "lost"):
            if r.get(name) is not None:
                parts.append(f"{name} {r[name]:.3f}" if isinstance(r[name], float) else f"{name} {r[name]}")
        if r.get("bare_ns"):
            parts.append("bare ns " + " ".join(f"{k} {v:.0f}" for k, v in r["bare_ns"].items()))
        return ", ".join(parts)

    def result(self, value=None, **more):
        of = [r[self.row.figure] for r in self.runs]
        return {"runs": self.runs, "discarded": self.discarded, "min": min(of), "max": max(of),
                "median": statistics.median(of) if value is None else value, **more}


class Unmeasured(Exception):
    def __init__(self, tally, why):
        super().__init__(why)
        self.tally = tally


# ---- CPU per packet, and against the bare loop ----

def one_pair(box, row, path, state):
    """A run of the server, and one of the bare loop: which comes first changes."""
    methods = ("writev",) if row.transport == "tcp" else box.udp_methods or UDP_METHODS
    state["n"] = state.get("n", 0) + 1
    sessions = box.sessions or row.sessions
    loop = run.bare(box, path, sessions, methods) if state["n"] % 2 == 0 else None
    server = run.our_server(box, path)
    try:
        r = run.steady(box, server, server.clip_url, sessions, row.transport)
    finally:
        server.kill()
    loop = loop or run.bare(box, path, sessions, methods)
    r["bare_ns"] = {m: x["ns_per_packet"] for m, x in loop.items()}
    r["bare"] = loop
    r["server_ns"] = 1000 * r["us_per_packet"]
    return r


def ratio_of(runs):
    """The server against the fastest method: that with the least median; pair by pair."""
    medians = {m: statistics.median(r["bare_ns"][m] for r in runs) for m in runs[0]["bare_ns"]}
    best = min(medians, key=medians.get)
    of = [r["server_ns"] / r["bare_ns"][best] for r in runs]
    return {"median": statistics.median(of), "min": min(of), "max": max(of), "bar": RATIO_BAR, "fastest": best,
            "bare_ns_per_packet": medians}


def cpu(box, row):
    t, state = Tally(box, row), {}
    path = box.clip(row.clip)
    t.repeat(lambda: one_pair(box, row, path, state))
    lost = max(r["lost"] + r["failed"] for r in t.runs)
    return t.result(ratio=ratio_of(t.runs), lost=lost, wrong=f"{lost} packets or sessions lost" if lost else "")


# ---- how many sessions ----

def one_capacity(box, row, sessions, seconds):
    server = run.our_server(box, box.clip(row.clip))
    try:
        r = run.steady(box, server, server.clip_url, sessions, row.transport, seconds)
    finally:
        server.kill()
    r["held"] = not r["failed"] and not r["silent"] and (r["worst_delivered"] or 0) >= 0.99
    return r


def capacity(box, row):
    """The bar, then the stretch, three runs each; where the bar is missed, what is held below it."""
    held, all_runs, discarded = 0, [], []
    ladder = [(row.bar, 3), (row.stretch, 3)]
    below = [(round(row.bar * share), 1) for share in (0.9, 0.8, 0.7, 0.6, 0.5, 0.3)]
    while ladder:
        n, times = ladder.pop(0)
        runs = []
        for _ in range(2 * times + 1):
            try:
                r = one_capacity(box, row, int(n), box.capacity_s)
                r.pop("load")
                why = run.why_not(box, r)
            except Invalid as e:
                discarded.append({"sessions": int(n), "why": str(e)})
                box.say(f"  {int(n)} sessions: discarded: {e}")
                continue
            box.say(f"  {int(n)} sessions: worst {r['worst_delivered']}, lost {r['lost']}, cores {r['cores']:.2f}"
                    + (f": discarded: {why}" if why else ""))
            (discarded if why else runs).append(dict(r, why=why) if why else r)
            if len(runs) == times or runs and not runs[-1]["held"]:
                break
        all_runs += runs
        is_held = len(runs) == times and all(r["held"] for r in runs)
        if len(runs) < times and (not runs or runs[-1]["held"]) and not held:
            t = Tally(box, row)
            t.runs, t.discarded = all_runs, discarded
            raise Unmeasured(t, f"{int(n)} sessions: {discarded[-1]['why']}")
        if is_held:
            held = int(n)
            if not ladder or ladder[0][1] == 1:
                break
        elif held == 0 and below:
            ladder = below
            below = []
        elif held:
            break
    return {"runs": all_runs, "discarded": discarded, "min": held, "max": held, "median": held}


# ---- the others ----

def one_steady(box, row, sessions=None, flags=(), more=(), seconds=None):
    server = run.our_server(box, box.clip(row.clip), flags)
    try:
        return run.steady(box, server, server.clip_url, sessions or row.sessions, row.transport, seconds, more)
    finally:
        server.kill()


def memory(box, row):
    def one():
        server = run.our_server(box, box.clip(row.clip))
        try:
            run.steady(box, server, server.clip_url, 10, row.transport, 1)  # the title is known then
            before = run.memory_kib(server.pid)
            r = run.steady(box, server, server.clip_url, row.sessions, row.transport, 5)
        finally:
            server.kill()
        r["kib_per_session"] = (r["rss_kib"] - before) / row.sessions
        return r
    t = Tally(box, row)
    t.repeat(one)
    return t.result()


def pacing(box, row):
    """At most 70 % of a core: as many sessions as come to 65 %."""
    probe = one_steady(box, row)
    sessions = max(100, min(4000, int(row.sessions * 0.65 / probe["cores"])))
    t = Tally(box, row)

    def one():
        r = one_steady(box, row, sessions)
        if r["cores"] > 0.7:
            raise Invalid(f"{sessions} sessions take {r['cores']:.2f} cores, more than 0.7")
        return r
    t.repeat(one)
    spread = [r["frame_spread_p99_ms"] or 0 for r in t.runs]
    return t.result(sessions=sessions, frame_spread_p99_ms=statistics.median(spread))


def starts(box, row):
    """250 a second play for 5 s: 1,250 do so at any time but the first seconds."""
    def one():
        server = run.our_server(box, box.clip(row.clip))
        try:
            window = run.Window(server)
            load = run.Load(box, server.clip_url, 250 * box.starts_s, 5, 250,
                            more=["--seek", f"0-{box.spread_s}"] if run.knows("--seek") else [])
            try:
                r = load.wait()
            finally:
                load.kill()
            r.update(window.end())
        finally:
            server.kill()
        p99 = {m: load.quantile_ms(m, "intended") for m in ("describe", "setup", "play")}
        return dict(r, p99_ms=p99, worst_p99_ms=max(p99.values()))
    t = Tally(box, row)
    t.repeat(one)
    wrong = sum(r["failed"] for r in t.runs)
    return t.result(wrong=f"{wrong} sessions failed" if wrong else "")


def one_rate(box, row, rate):
    server = run.our_server(box, box.clip(row.clip), ["--maximum-connections-per-second", "0"])
    try:
        window = run.Window(server)
        load = run.Load(box, server.clip_url, int(rate * box.cycles_s), 0.1, rate, more=["--cycle"])
        try:
            r = load.wait()
        finally:
            load.kill()
        r.update(window.end())
    finally:
        server.kill()
    r["cycles_per_s"] = r["completed"] / r["seconds"]
    r["held"] = not r["failed"] and r["cycles_per_s"] >= 0.98 * rate
    return r


def cycles(box, row):
    """At a fixed rate, whole or not: the bar, then up to the stretch; below the bar, what is held there."""
    steps = [row.bar] + [row.bar + (row.stretch - row.bar) * i / 3 for i in (1, 2, 3)]
    lower = [row.bar * share for share in (0.75, 0.5, 0.25, 0.1)]
    t = Tally(box, row)
    for rate in steps + lower:
        if rate in lower and t.runs:
            break
        r = one_rate(box, row, int(rate))
        r.pop("load", None)
        why = None if r["held"] else run.why_not(box, r) or "not all sessions went through in time"
        box.say(f"  {int(rate)}/s: {r['cycles_per_s']:.0f}/s, {r['failed']} failed" + (f": {why}" if why else ""))
        if why:
            t.discarded.append(dict(r, why=why))
            if t.runs:
                break
        else:
            t.runs.append(r)
    if not t.runs:
        raise Unmeasured(t, t.discarded[-1]["why"])
    return t.result(max(r["cycles_per_s"] for r in t.runs))


def two_workers(box, row):
    """The same load by one worker on its CPU and by two on both: pairs."""
    def one():
        of = {}
        for workers, cpus in ((1, [box.server_cpu]), (2, [box.server_cpu, box.load_cpu])):
            server = run.our_server(box, box.clip(row.clip), workers=workers, cpus=cpus)
            try:
                of[workers] = run.steady(box, server, server.clip_url, row.sessions, row.transport)
            finally:
                server.kill()
            why = run.why_not(box, dict(of[workers], run_delay=0))  # on two CPUs it shares one with the generator
            if why:
                raise Invalid(f"{workers} workers: {why}")
        r = of[2]
        return dict(r, run_delay=of[1]["run_delay"], us_per_packet_1=of[1]["us_per_packet"],
                    times=r["us_per_packet"] / of[1]["us_per_packet"])
    t = Tally(box, row)
    t.repeat(one)
    return t.result()


def paused(box, row):
    def one():
        server = run.our_server(box, box.clip(row.clip))
        load = run.Load(box, server.clip_url, row.sessions, row.sessions / box.rate + box.window_s + 6, box.rate,
                        more=["--pause-after", "1s"])
        try:
            time.sleep(row.sessions / box.rate + 3)
            window = run.Window(server)
            time.sleep(box.window_s)
            w = window.end()
            r = load.wait()
        finally:
            load.kill()
            server.kill()
        return dict(r, **w, percent_of_core=100 * w["cores"])
    t = Tally(box, row)
    t.repeat(one)
    wrong = sum(r["failed"] for r in t.runs)
    return t.result(wrong=f"{wrong} sessions failed" if wrong else "")


def forget(paths):
    """Out of the page cache."""
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def cold(box, row):
    """Pairs of runs: 1,000 play, without and with 200 more on files that are on disk only."""
    source = run.clip("unhinted", box.encode_s, 1)
    path = box.clip(row.clip)
    folder = os.path.join(run.CLIPS, "cold")
    os.makedirs(folder, exist_ok=True)
    files = [os.path.join(folder, f"c{i}.mp4") for i in range(1, 201)]
    for f in files:
        if not os.path.exists(f) or os.path.getsize(f) != os.path.getsize(source):
            shutil.copyfile(source, f)

    def one():
        p99, disk = {}, 0
        for is_cold in (False, True):
            server = run.our_server(box, path)
            second = []

            def begin(s=server, second=second):
                forget(files)
                second.append(run.Load(box, f"{s.url}/cold/c{{n}}.mp4", 200, 5, 40, more=["--titles", "200"], name="cold"))
            try:
                before = run.read_bytes(server.pid)
                r = run.steady(box, server, server.clip_url, row.sessions, row.transport, max(box.window_s, 11),
                               during=begin if is_cold else None)
                disk = run.read_bytes(server.pid) - before
                if second and second[0].wait()["failed"]:
                    raise Invalid(f"{second[0].figures()['failed']} of the sessions on cold files failed")
            finally:
                for s in second:
                    s.kill()
                server.kill()
            p99[is_cold] = r["lateness_p99_ms"]
        if disk < 200 * os.path.getsize(source) / 4:
            raise Invalid(f"only {disk} bytes came from a disk: the files were not cold")
        return dict(r, p99_warm_ms=p99[False], p99_cold_ms=p99[True], disk_bytes=disk,
                    times=p99[True] / max(p99[False], 0.001))
    t = Tally(box, row)
    t.repeat(one)
    return t.result()


ROWS = [
    Row("cpu-hinted-udp", "720p hinted, UDP, 1,000 sessions: server CPU per packet", "µs", 2.8, 2.3, "6.3 (DSS)", cpu,
        figure="us_per_packet", is_quick=True),
    Row("cpu-unhinted-udp", "720p unhinted, UDP, 1,000 sessions: server CPU per session and second of media", "µs",
        300, 230, "914 (DSS)", cpu, "unhinted", figure="us_per_session_s"),
    Row("cpu-unhinted-tcp", "720p unhinted, TCP interleaved, 1,000 sessions: the same", "µs", 280, 220, "1,060 (DSS)",
        cpu, "unhinted", "tcp", figure="us_per_session_s", is_quick=True),
    Row("capacity-unhinted", "720p unhinted, UDP: sessions on one core, each gets 99 %", "sessions", 3000, 3800,
        "1,000 (DSS)", capacity, "unhinted", at_most=False, figure="sessions"),
    Row("capacity-hinted", "720p hinted, the same", "sessions", 2400, 3000, "1,000 (DSS)", capacity, at_most=False,
        figure="sessions"),
    Row("capacity-light", "light clip, the same", "sessions", 10000, 13000, "1,013 (DSS)", capacity, "light",
        at_most=False, figure="sessions"),
    Row("rss-5000", "resident memory per session at 5,000", "KiB", 8, 4, "31-100", memory, "light", sessions=5000,
        figure="kib_per_session"),
    Row("pacing-p99", "pacing error, p99, at 65 % of a core", "ms", 2, 1.3, "40 (DSS)", pacing, "unhinted",
        figure="lateness_p99_ms"),
    Row("starts-p99", "DESCRIBE, SETUP, PLAY: the worst p99 while 250 start per second and over 1,000 play", "ms", 2, 1,
        "1.7-9 (DSS)", starts, figure="worst_p99_ms"),
    Row("cycles", "DESCRIBE ... TEARDOWN per second on one core", "1/s", 8000, 15000, "", cycles, "light",
        at_most=False, figure="cycles_per_s", needs="--cycle"),
    Row("two-workers", "two workers: CPU per packet against one, same load", "times", 1.1, 1.0, "", two_workers,
        figure="times"),
    Row("paused-5000", "CPU of 5,000 paused sessions", "% of a core", 1, 1, "", paused, "light", sessions=5000,
        figure="percent_of_core", needs="--pause-after"),
    Row("cold-titles", "pacing p99 of 1,000 while 200 begin on files that are not in memory, against without", "times",
        1.5, 1.5, "", cold, "unhinted", figure="times", needs="--titles"),
]


def machine():
    """What the figures belong to."""
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    ident = [line.split(":", 1)[1].strip() for name in ("cpu family", "model\t")
             for line in open("/proc/cpuinfo") if line.startswith(name)]
    return {"cpu": cpu, "family_model": " ".join(sorted(set(ident))), "cpus": os.cpu_count(),
            "kernel": os.uname().release,
            "version": subprocess.run([run.LOADGEN, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()}
