# SPDX-License-Identifier: MIT
"""ci/bench knee, peers and bare."""
import datetime
import os
import shutil
import statistics
import subprocess

import bench_page as page
import bench_rows as rows
import bench_run as run

KNEE = (100, 250, 500, 1000, 1500, 2000, 2500, 3000, 3500, 4000)
FLAT_UP_TO, FLAT_TIMES = 3000, 1.15


def head(kind, box):
    return {"format": f"beagle-{kind}", "version": 1, "started": datetime.datetime.now().isoformat(timespec="seconds"),
            "machine": rows.machine(), "config": {k: v for k, v in vars(box).items() if k != "folder"}}


# ---- the knee ----

def point(box, sessions, transport):
    """Medians of the runs that count; None: none did."""
    good, why = [], "?"
    for _ in range(2 * box.runs + 1):
        server = run.our_server(box, box.clip("unhinted"))
        try:
            r = run.steady(box, server, server.clip_url, sessions, transport)
            why = run.why_not(box, r)
        except run.Invalid as e:
            why, r = str(e), {}
        finally:
            server.kill()
        if why:
            box.say(f"  {transport} {sessions}: discarded: {why}")
        else:
            good.append(r)
        if len(good) == box.runs:
            break
    if not good:
        return None, why
    of = {k: statistics.median(r[k] for r in good) for k in
          ("us_per_packet", "us_per_session_s", "cores", "lateness_p99_ms", "run_delay", "steal", "packets_per_s")}
    owed = sum(r["received"] + r["lost"] for r in good)
    return dict(of, sessions=sessions, transport=transport, runs=len(good), receive_mode=good[0]["receive_mode"],
                lost_percent=100 * sum(r["lost"] for r in good) / max(1, owed), failed=sum(r["failed"] for r in good),
                least_us=min(r["us_per_session_s"] for r in good), most_us=max(r["us_per_session_s"] for r in good)), ""


def flatness(points):
    """How much more a stream costs at the worst place up to 3,000 than at the best before it."""
    worst, least = 1.0, None
    for p in sorted(points, key=lambda p: p["sessions"]):
        if p["sessions"] > FLAT_UP_TO:
            break
        if least:
            worst = max(worst, p["us_per_session_s"] / least)
        least = min(least or p["us_per_session_s"], p["us_per_session_s"])
    return worst


PLOT = """
set terminal {terminal}
set output '{out}'
set encoding utf8
set datafile missing '?'
set border 3
set tics nomirror out
set style line 9 lc rgb '#dddddd' lt 1 lw 1
set grid back ls 9
set linetype 1 lc rgb '#0072B2' lw 2 pt 7 ps 0.6 dt 1
set linetype 2 lc rgb '#D55E00' lw 2 pt 5 ps 0.6 dt 2
set xrange [0:*]
set yrange [0:*]
set multiplot layout 3,1 title "{title}"
set lmargin 10
set key top right
set ylabel 'CPU per packet, µs'
plot {cpu}
unset key
set ylabel 'pacing p99, ms'
set yrange [*:*]
set logscale y
plot {late}
unset logscale y
set ylabel 'lost, %'
set yrange [0:{lost_top}]
set xlabel 'sessions, 720p, one core'
plot {lost}
unset multiplot
"""


def plot(folder, points, title):
    """SVG and PNG; False: no gnuplot."""
    if not shutil.which("gnuplot"):
        return False
    files, number = {}, {}
    for transport in ("udp", "tcp"):
        of = [p for p in points if p["transport"] == transport]
        if of:
            files[transport] = os.path.join(folder, f"knee-{transport}.tsv")
            with open(files[transport], "w") as f:
                f.writelines(f"{p['sessions']}\t{p['us_per_packet']}\t{p['lateness_p99_ms']}\t{p['lost_percent']}\n" for p in of)
    number = {"udp": 1, "tcp": 2}
    curve = {name: ", ".join(f"'{f}' using 1:{column} with linespoints lt {number[t]} title '{t.upper()}'"
                             for t, f in files.items()) for name, column in (("cpu", 2), ("late", 3), ("lost", 4))}
    for kind, terminal in (("svg", "svg size 820,900 font 'DejaVu Sans,12' background 'white'"),
                           ("png", "pngcairo size 820,900 font 'DejaVu Sans,10'")):
        script = PLOT.format(terminal=terminal, out=os.path.join(folder, f"knee.{kind}"), title=title,
                             lost_top="*" if any(p["lost_percent"] > 0 for p in points) else "1", **curve)
        subprocess.run(["gnuplot"], input=script, text=True, check=True)
    return True


def knee_page(r):
    head = ["transport", "sessions", "CPU µs/packet", "CPU µs/session and s", "least to most", "cores", "pacing p99 ms",
            "lost %", "failed", "run delay", "steal", "receiver"]
    of = [[p["transport"], p["sessions"], page.number(p["us_per_packet"]), page.number(p["us_per_session_s"]),
           f"{page.number(p['least_us'])} to {page.number(p['most_us'])}", page.number(p["cores"]),
           page.number(p["lateness_p99_ms"]), f"{p['lost_percent']:.4f}", p["failed"], f"{100 * p['run_delay']:.1f} %",
           f"{100 * p['steal']:.1f} %", p["receive_mode"]] for p in r["points"]]
    flat = "".join(f"- {t}: a stream costs at most {v:.2f} times what it costs with fewer, up to {FLAT_UP_TO:,} sessions\n"
                   for t, v in r["flatness"].items())
    return (f"# The knee\n\n720p unhinted, {r['config']['window_s']} s windows, medians of {r['config']['runs']} runs.\n\n"
            + page.table(head, of) + "\n" + flat + "".join(f"- not measured: {x}\n" for x in r["unmeasured"]))


def knee(a, box):
    r = dict(head("knee", box), points=[], unmeasured=[], flatness={})
    for transport in [a.transport] if a.transport else ["udp", "tcp"]:
        for n in a.sessions or KNEE:
            p, why = point(box, n, transport)
            if p:
                r["points"].append(p)
                box.say(f"{transport} {n}: {p['us_per_packet']:.2f} us a packet, p99 {p['lateness_p99_ms']:.2f} ms, "
                        f"lost {p['lost_percent']:.4f} %, {p['cores']:.2f} cores")
            else:
                r["unmeasured"].append(f"{transport} {n}: {why}")
        of = [p for p in r["points"] if p["transport"] == transport]
        if any(p["sessions"] <= FLAT_UP_TO for p in of):
            r["flatness"][transport] = flatness(of)
        page.write(a.o, r, "knee", knee_page)
    if not r["points"]:
        print("knee: nothing could be measured: " + "; ".join(r["unmeasured"]))
        return 3
    has_plot = plot(a.o, r["points"], f"beagle-server, {r['machine']['cpu']}")
    print(knee_page(r))
    print(f"{a.o}/knee.json, knee.md" + (", knee.svg, knee.png" if has_plot else " (no gnuplot: no plot)"))
    if any(v > FLAT_TIMES for v in r["flatness"].values()):
        return 1
    return 3 if r["unmeasured"] else 0


# ---- beside others ----

PEER_SESSIONS, PEER_RATE = 100, 50
PEER_FIGURES = (("us_per_packet", "CPU µs/packet"), ("us_per_session_s", "CPU µs/session and s"),
                ("kib_per_session", "RSS KiB/session"), ("lateness_p99_ms", "pacing p99 ms"),
                ("describe_ms", "DESCRIBE p99 ms"), ("setup_ms", "SETUP p99 ms"), ("play_ms", "PLAY p99 ms"), ("lost", "lost"))


def beside(box, who, transport, path):
    server = run.our_server(box, path) if who == "beagle-server" else run.Peer(box.folder, path, None)
    try:
        before = run.memory_kib(server.pid)
        r = run.steady(box, server, getattr(server, "clip_url", server.url), PEER_SESSIONS, transport)
    finally:
        server.kill()
    load = r.pop("load")
    r.update({f"{m}_ms": load.quantile_ms(m, "sent") for m in ("describe", "setup", "play")},
             kib_per_session=(r["rss_kib"] - before) / PEER_SESSIONS)
    return r


def peers_page(r):
    head = ["server", "transport"] + [t for _, t in PEER_FIGURES] + ["runs, discarded", "receiver"]
    of = [[x["server"], x["transport"]] + [page.number(x["median"].get(k)) for k, _ in PEER_FIGURES]
          + [f"{len(x['runs'])}, {len(x['discarded'])}", x["runs"][0]["receive_mode"] if x["runs"] else "-"]
          for x in r["rows"]]
    return (f"# Side by side\n\n{PEER_SESSIONS} sessions of the unhinted 720p clip, {PEER_RATE} starts a second; "
            "beagle-server on one CPU, gst-rtsp-server on all; runs alternate. Medians.\n\n" + page.table(head, of))


def peers(a, box):
    box.rate = PEER_RATE
    path = box.clip("unhinted")
    r = dict(head("peers", box), rows=[{"server": who, "transport": t, "runs": [], "discarded": [], "median": {}}
                                        for t in ("udp", "tcp") for who in ("beagle-server", "gst-rtsp-server")])
    for _ in range(box.runs):
        for x in r["rows"]:
            try:
                got = beside(box, x["server"], x["transport"], path)
                # ten threads a session stand in line with themselves
                why = run.why_not(box, dict(got, run_delay=0 if x["server"] != "beagle-server" else got["run_delay"]))
            except run.Invalid as e:
                got, why = {}, str(e)
            x["discarded" if why else "runs"].append(dict(got, why=why) if why else got)
            box.say(f"  {x['server']} {x['transport']}: " + (f"discarded: {why}" if why else
                    f"{got['us_per_packet']:.1f} us a packet, p99 {got['lateness_p99_ms']:.2f} ms"))
    for x in r["rows"]:
        for k, _ in PEER_FIGURES:
            of = [run_[k] for run_ in x["runs"] if run_.get(k) is not None]
            x["median"][k] = statistics.median(of) if of else None
    page.write(a.o, r, "peers", peers_page)
    print(peers_page(r))
    print(f"{a.o}/peers.json, peers.md")
    return 3 if any(not x["runs"] for x in r["rows"]) else 0


# ---- the bare loop alone ----

# What is sent, sessions, method; ns per packet (least, most) that such loops took when they were first measured:
# Xeon (6 207), two virtual CPUs, Linux 6.18. A check that the loop is no worse than it can be.
KNOWN = (("1316,1", 2000, "sendmmsg", "one packet per due time", 3200, 3950),
         ("1316,4", 3000, "sendmmsg", "4-packet frames, plain", 2700, 3200),
         ("1316,4", 3000, "sendmmsg-gso", "4-packet frames, GSO", 1850, 1850),
         ("1316,4", 1000, "writev", "TCP, 4 frames per write", 1974, 2714),
         ("1316,1", 1000, "writev", "TCP, 1 frame per write", 4298, 4298))
KNOWN_TIMES = 1.2


def bare_page(r):
    head = ["what", "sessions", "method", "ns per packet", "least to most", "known", "within 20 %", "cores", "run delay, most"]
    of = [[x["what"], x["sessions"], x["method"], page.number(x["median"]),
           f"{page.number(x['min'])} to {page.number(x['max'])}", f"{x['known'][0]} to {x['known'][1]}",
           "yes" if x["is_within"] else "no", f"{x['cores']:.2f}", f"{100 * x['run_delay']:.1f} %"] for x in r["rows"]]
    return ("# The bare loop\n\n1,316-byte packets, 100 a second and stream, 1 ms ticks, loopback, on "
            f"{r['machine']['cpu']} ({r['machine']['family_model']}); known: what such loops took on a Xeon (6 207).\n\n"
            + page.table(head, of))


def bare(a, box):
    r = dict(head("bare-known", box), rows=[])
    for what, sessions, method, text, least, most in KNOWN:
        of = []
        for _ in range(2 * box.runs + 1):
            m = run.bare(box, None, sessions, [method], synthetic=what)[method]
            if m["run_delay"] <= box.max_run_delay:
                of.append(m)
            else:
                box.say(f"  {text}: discarded: it stood in line {100 * m['run_delay']:.1f} % of the time")
            if len(of) == box.runs:
                break
        if len(of) < box.runs:
            print(f"bare: {text}: only {len(of)} of {box.runs} runs count")
            return 3
        ns = [m["ns_per_packet"] for m in of]
        median = statistics.median(ns)
        r["rows"].append({"what": text, "sessions": sessions, "method": method, "median": median, "min": min(ns),
                          "max": max(ns), "known": [least, most], "cores": statistics.median(m["cores"] for m in of),
                          "run_delay": max(m["run_delay"] for m in of), "runs": of,
                          "is_within": least / KNOWN_TIMES <= median <= most * KNOWN_TIMES})
    page.write(a.o, r, "bare", bare_page)
    print(bare_page(r))
    print(f"{a.o}/bare.json, bare.md")
    return 0
