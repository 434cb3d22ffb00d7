#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""play.py URL FPS GROUP SECONDS: plays a clip of H.264 with B frames (track 1) and sound (track 2), in all
the ways of RFC 2326, and checks each packet against what the replies promised. One line per check."""
import re
import socket
import sys
import time

URL, FPS, GROUP, SECONDS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
HZ = 90000


def check(name, good, got=""):
    print(f"ok - {name}" if good else f"not ok - {name} ({got})", flush=True)


class Client:
    def __init__(self, udp):
        host, port = re.match(r"rtsp://([^:/]+):(\d+)", URL).groups()
        self.tcp = socket.create_connection((host, int(port)), timeout=10)
        self.udp = {}
        self.buffer, self.cseq, self.session = b"", 0, ""
        self.packets = {0: [], 1: []}  # (seq, timestamp, payload, when)
        self.reports = 0
        status, _, sdp = self.ask("DESCRIBE", URL, "Accept: application/sdp")
        assert status == 200, status
        self.clock = [int(c) for c in re.findall(r"a=rtpmap:\d+ [^/]+/(\d+)", sdp)]
        for n, control in enumerate(re.findall(r"m=.*?a=control:(\S+)", sdp, re.S)[:2]):
            transport = f"RTP/AVP/TCP;unicast;interleaved={2 * n}-{2 * n + 1}"
            if udp:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
                s.bind((host, 0))
                s.setblocking(False)
                self.udp[n] = s
                port = s.getsockname()[1]
                transport = f"RTP/AVP;unicast;client_port={port}-{port + 1}"
            status, headers, _ = self.ask("SETUP", f"{URL}/{control}", f"Transport: {transport}")
            assert status == 200, status
            self.session = headers["session"].split(";")[0]

    def take(self, data, n):
        self.packets[n].append((int.from_bytes(data[2:4], "big"),
                                int.from_bytes(data[4:8], "big"), data[12:], time.monotonic()))

    def frames(self):
        """Takes frames off the connection's input; False: what is there is not whole, or a reply."""
        while self.buffer[:1] == b"$" and len(self.buffer) >= 4:
            size = int.from_bytes(self.buffer[2:4], "big")
            if len(self.buffer) < 4 + size:
                return
            if self.buffer[1] % 2 == 0:
                self.take(self.buffer[4:4 + size], self.buffer[1] // 2)
            else:
                self.reports += 1
            self.buffer = self.buffer[4 + size:]

    def read(self, wait):
        for n, s in self.udp.items():
            try:
                while True:
                    self.take(s.recv(4096), n)
            except BlockingIOError:
                pass
        self.tcp.settimeout(wait)
        try:
            self.buffer += self.tcp.recv(1 << 16)
        except (socket.timeout, BlockingIOError):
            pass
        self.frames()

    def ask(self, method, url, *lines):
        self.cseq += 1
        text = [f"{method} {url} RTSP/1.0", f"CSeq: {self.cseq}", *lines]
        if self.session:
            text.append(f"Session: {self.session}")
        self.tcp.sendall(("\r\n".join(text) + "\r\n\r\n").encode())
        end = time.monotonic() + 10
        while time.monotonic() < end:
            self.read(0.01)
            head, gap, rest = self.buffer.partition(b"\r\n\r\n")
            if self.buffer[:1] == b"$" or not gap:
                continue
            first, *fields = head.decode().split("\r\n")
            headers = {k.lower(): v.strip() for k, v in (f.split(":", 1) for f in fields)}
            size = int(headers.get("content-length", 0))
            if len(rest) >= size:
                self.buffer = rest[size:]
                return int(first.split()[1]), headers, rest[:size].decode()
        raise TimeoutError(method)

    def play(self, *lines):
        """Range start, Scale, and (seq, rtptime) of each track, as the reply has them."""
        self.read(0.01)
        self.packets = {0: [], 1: []}
        status, headers, _ = self.ask("PLAY", URL, *lines)
        assert status == 200, status
        info = [(int(s), int(t)) for s, t in
                re.findall(r"seq=(\d+);rtptime=(\d+)", headers["rtp-info"])]
        start = float(re.match(r"npt=([\d.]+)-", headers["range"]).group(1))
        return start, headers, info

    def gather(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.005)


def after(ts, base):
    return (ts - base + (1 << 31)) % (1 << 32) - (1 << 31)


def shown(client, n, base):
    """Distinct times of the track's frames since base, in seconds of presentation."""
    return sorted({after(p[1], base) / client.clock[n] for p in client.packets[n]})


def is_numbered(client, info):
    return all([p[0] for p in client.packets[n]] ==
               [(info[n][0] + i) % 65536 for i in range(len(client.packets[n]))] for n in (0, 1))


def nal_types(payload):
    kind = payload[0] & 31
    if kind == 28:
        return {payload[1] & 31}
    kinds, at = set(), 1
    while kind == 24 and at + 2 < len(payload):
        kinds.add(payload[at + 2] & 31)
        at += 2 + int.from_bytes(payload[at:at + 2], "big")
    return kinds or {kind}


def t_range(c, name):
    start, _, info = c.play("Range: npt=4.2-6.2", "Speed: 4")
    c.gather(1.5)
    times = shown(c, 0, info[0][1])
    sync = GROUP / FPS
    check(f"{name}: the range begins at a sync sample", start % sync < 1e-6 and start <= 4.2, start)
    want = round((6.2 - start) * FPS)
    check(f"{name}: the range has its {want} frames", len(times) == want, len(times))
    check(f"{name}: each at its time", all(abs(t - i / FPS) < 2 / HZ for i, t in enumerate(times)))
    sound = shown(c, 1, info[1][1])
    check(f"{name}: sound from the start to the end of the range",
          -0.2 < sound[0] <= 0 and 0 < 6.2 - start - sound[-1] < 0.2, (sound[0], sound[-1]))
    check(f"{name}: numbers as RTP-Info says", is_numbered(c, info))
    start, _, info = c.play("Speed: 4")
    c.gather(0.5)
    # a frame shown at the end of the range was decoded before others: it comes first now
    check(f"{name}: PLAY goes on at the end of the range", start == 6.2, start)
    times = shown(c, 0, info[0][1])
    check(f"{name}: with the frame shown there, and none before", abs(times[0]) < 2 / HZ, times[0])


def t_pause(c, name):
    total, good = 0, True
    assert c.ask("PAUSE", URL)[0] == 200
    lines = ["Range: npt=0-", "Speed: 4"]
    for i in range(12):
        _, _, info = c.play(*lines)
        c.gather(0.05 + 0.03 * i if i < 11 else SECONDS / 4 + 1)
        if i < 11:
            assert c.ask("PAUSE", URL)[0] == 200
            c.gather(0.1)
        good = good and is_numbered(c, info)
        total += len({p[1] for p in c.packets[0]})
        lines = ["Speed: 4"]
    # a frame that is cut by PAUSE has two times
    check(f"{name}: twelve plays show each frame once",
          SECONDS * FPS <= total < SECONDS * FPS + 12, total)
    check(f"{name}: no packet is lost or repeated over PAUSE", good)


def t_scale(c, name):
    for scale in (8, -1):
        begin = "npt=0-" if scale > 0 else "npt=5-"
        start, headers, info = c.play(f"Range: {begin}", f"Scale: {scale}")
        c.gather(2.5)
        check(f"{name}: Scale {scale} is granted", float(headers["scale"]) == scale)
        times = shown(c, 0, info[0][1])
        step = GROUP / FPS / abs(scale)
        check(f"{name}: Scale {scale}: sync samples in time",
              len(times) > 1 and all(abs(t - i * step) < 2 / HZ for i, t in enumerate(times)), times)
        kinds = set().union(*(nal_types(p[2]) for p in c.packets[0]))
        check(f"{name}: Scale {scale}: nothing else", 5 in kinds and 1 not in kinds, kinds)
        check(f"{name}: Scale {scale}: no sound", not c.packets[1])
        came = c.packets[0][-1][3] - c.packets[0][0][3]
        check(f"{name}: Scale {scale}: as fast as it is shown", abs(came - times[-1]) < 0.15, came)


for over in ("tcp", "udp"):
    client = Client(over == "udp")
    t_range(client, over)
    t_pause(client, over)
    t_scale(client, over)
    client.ask("TEARDOWN", URL)
