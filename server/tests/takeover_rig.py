# SPDX-License-Identifier: MIT
"""What the take-over tests share: servers, clients, tunnels, and the words that processes say to each other."""
import base64
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys

SERVER, TMP = sys.argv[1:3]
UDP = "RTP/AVP;unicast;client_port=%d-%d"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
FLAGS = ["--workers", "2", "--log", "info", "--drain-time", "500"]
processes = []


def say(good, what):
    print(("ok - " if good else "not ok - ") + what, flush=True)


class Server:
    """One process; `url` when it has said that it listens."""

    def __init__(self, name, *flags, env=None, first=True):
        self.stats, self.log = "%s/%s.json" % (TMP, name), "%s/%s.log" % (TMP, name)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [SERVER, "--stats", self.stats] + FLAGS + list(flags),
                stdout=subprocess.PIPE, stderr=log, env=dict(os.environ, **(env or {})))
        processes.append(self.process)
        self.at = (self.more(1) + [None])[0] if first else None

    def more(self, n):
        """The next n addresses that it listens at."""
        lines = [self.process.stdout.readline().decode() for _ in range(n)]
        found = [re.match(r"listening rtsps?://([\d.]+):(\d+)/", line) for line in lines]
        return [(m[1], int(m[2])) for m in found if m]

    def wait(self, seconds=20):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "still there after %d s" % seconds

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def number(self, name):
        """Of its statistics, which it writes beside the file when it has handed over."""
        own = "%s.%d" % (self.stats, self.process.pid)
        with open(own if os.path.exists(own) else self.stats) as f:
            return json.load(f)[name]


class Client:
    def __init__(self, at, tls=None):
        self.sock = socket.create_connection(at, timeout=10)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
        self.base = ("rtsps" if tls else "rtsp") + "://%s:%d/pattern/2t" % at
        self.data, self.cseq, self.frames, self.heads = b"", 0, 0, []

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def ask(self, method, path="", session=None, *headers):
        """Status and session of the reply; 0 when the connection ends instead."""
        self.cseq += 1
        lines = ["%s %s%s RTSP/1.0" % (method, self.base, path), "CSeq: %d" % self.cseq]
        lines += ["Session: " + session] if session else []
        self.sock.sendall(("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode())
        try:
            return self.reply()
        except (EOFError, ConnectionError):
            return 0, None

    def reply(self):
        while True:
            if self.data[:1] == b"$" and len(self.data) >= 4:
                n = 4 + int.from_bytes(self.data[2:4], "big")
                if len(self.data) >= n:
                    self.data, self.frames = self.data[n:], self.frames + 1
                    continue
            end = -1 if self.data[:1] == b"$" else self.data.find(b"\r\n\r\n")
            if end >= 0:
                head = self.data[:end].decode()
                self.heads.append(head)
                n = re.search(r"Content-Length: (\d+)", head)
                self.data = self.data[end + 4 + (int(n[1]) if n else 0):]
                if "CSeq: %d" % self.cseq not in head:
                    return -1, None
                m = re.search(r"Session: (\w+)", head)
                return int(head.split()[1]), m[1] if m else None
            self.more()

    def play(self, transport):
        status, session = self.ask("SETUP", "/trackID=1", None, "Transport: " + transport)
        if status == 200:
            status, _ = self.ask("PLAY", "", session)
        return session if status == 200 else None


class Ports:
    """A pair of UDP ports, and what came to the first."""

    def __init__(self):
        while True:
            self.socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
            self.socks[0].bind(("127.0.0.1", 0))
            port = self.socks[0].getsockname()[1]
            try:
                if port % 2 == 0:
                    self.socks[1].bind(("127.0.0.1", port + 1))
                    break
            except OSError:
                pass
            for s in self.socks:
                s.close()
        for s in self.socks:
            s.setblocking(False)
        self.transport = UDP % (port, port + 1)

    def missing(self):
        """Packets so far, and how many numbers are missing between the first and the last."""
        numbers = []
        try:
            while True:
                numbers.append(int.from_bytes(self.socks[0].recv(2048)[2:4], "big"))
        except BlockingIOError:
            pass
        span = [(b - a) % 65536 for a, b in zip(numbers, numbers[1:])]
        return len(numbers), sum(span) - len(span)


class Tunnel(Client):
    """Over HTTP: hears over the GET, says over the POST."""

    def __init__(self, at, cookie, tls=None):
        self.at, self.cookie, self.tls = at, cookie, tls
        super().__init__(at, tls)
        self.get = self.sock
        self.get.sendall(("GET /pattern HTTP/1.0\r\nAccept: application/x-rtsp-tunnelled\r\n"
                          "x-sessioncookie: %s\r\n\r\n" % cookie).encode())
        while b"\r\n\r\n" not in self.data:
            self.more()
        self.data = self.data.split(b"\r\n\r\n", 1)[1]
        self.open_post()

    def open_post(self):
        self.post = socket.create_connection(self.at, timeout=10)
        if self.tls:
            self.post = self.tls.wrap_socket(self.post)
        self.post.sendall(("POST /pattern HTTP/1.0\r\nContent-Type: application/x-rtsp-tunnelled\r\n"
                           "x-sessioncookie: %s\r\nContent-Length: 32767\r\n\r\n" % self.cookie).encode())
        self.sock = self

    def sendall(self, data):
        self.post.sendall(base64.b64encode(data))

    def recv(self, n):
        return self.get.recv(n)


def alive(server):
    return server.process.poll() is None


def certificate():
    """A certificate with its key, and what trusts anybody."""
    cert, tls = TMP + "/cert.pem", ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", cert + ".key", "-out", cert + ".crt", "-subj", "/CN=localhost",
                    "-days", "2"], check=True, capture_output=True)
    with open(cert, "w") as f:
        f.write(open(cert + ".key").read() + open(cert + ".crt").read())
    return cert, tls


# ---- one side is played ----
HELLO, BUSY, LISTENER, CONTROL, ELDER, END, READY, CHECK, HERE, GONE, RELAY, TUNNEL = range(12)
MAGIC, VERSION, SIZE = 0x62676C74, 2, 212


def message(kind, generation=0):
    return struct.pack("=IHHBBBBi", MAGIC, VERSION, kind, generation, 0, 0, 0, os.getpid()).ljust(SIZE, b"\0")


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    s.settimeout(10)
    return s


def receive(s):
    """Kind and descriptors; None at the end."""
    data, control, _, _ = s.recvmsg(4096, 256)
    fds = [f for level, kind, raw in control for f in struct.unpack("=%di" % (len(raw) // 4), raw)]
    return (struct.unpack("=IHHBBBBi", data[:16])[2], fds) if data else (None, fds)


def run(*tests):
    """Those that the command line names, or all; no process is left."""
    try:
        for i, test in enumerate(tests):
            if len(sys.argv) < 4 or test.__name__ in sys.argv[3:]:
                test("%s/control%d" % (TMP, i))
    finally:
        for p in processes:
            if p.poll() is None:
                p.kill()
                p.wait()
