# SPDX-License-Identifier: MIT
"""A client that sends anything, and tells what came back: for negatives.py."""
import os
import re
import socket
import struct
import time

MARK = 987654321  # CSeq of the OPTIONS that follows a stimulus


class Reply:
    def __init__(self, status, fields, body, proto):
        self.status, self.fields, self.body, self.proto = status, fields, body, proto

    def get(self, name):
        return self.fields.get(name.lower(), "")


class Peer:
    """One connection: bytes out, replies and frames in."""

    def __init__(self, host, port, timeout=4.0):
        self.sock = socket.create_connection((host, port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.host, self.port = host, port
        self.data, self.closed, self.frames, self.cseq = b"", False, {}, 0
        self.session, self.broken = "", None

    def close(self):
        self.sock.close()

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            self.closed = True  # what came before is still to be read

    def fill(self, until):
        """More bytes; False: closed, or the time is over."""
        left = until - time.monotonic()
        if left <= 0:
            return False
        self.sock.settimeout(left)
        try:
            got = self.sock.recv(1 << 18)
        except (socket.timeout, BlockingIOError):
            return False
        except OSError:
            got = b""
        if not got:
            self.closed = True
            return False
        self.data += got
        return True

    def take(self):
        """The next whole reply; frames before it are counted. None: there is none."""
        while self.data[:1] == b"$":
            if len(self.data) < 4:
                return None
            n = 4 + struct.unpack(">H", self.data[2:4])[0]
            if len(self.data) < n:
                return None
            self.frames[self.data[1]] = self.frames.get(self.data[1], 0) + 1
            self.data = self.data[n:]
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = self.data[:end].decode("latin-1").split("\r\n")
        first = re.fullmatch(r"(?:RTSP|HTTP)/1\.0 ([1-5]\d\d) [^\r\n]*", head[0])
        fields = {}
        for line in head[1:]:
            name, sep, value = line.partition(":")
            if not sep or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
                self.broken = line
            if not all(32 <= ord(c) < 127 or c == "\t" for c in value):
                self.broken = line
            fields[name.lower()] = value.strip()
        if not first:
            self.broken = head[0]
        n = int(fields.get("content-length", 0))
        if len(self.data) < end + 4 + n:
            return None
        body = self.data[end + 4 : end + 4 + n]
        self.data = self.data[end + 4 + n :]
        return Reply(first.group(1) if first else "000", fields, body, head[0])

    def replies(self, n, seconds):
        """Up to n replies within this time, or what came before the end of the connection."""
        got, until = [], time.monotonic() + seconds
        while len(got) < n:
            r = self.take()
            if r:
                got.append(r)
            elif not self.fill(until):
                # the rest that came with the end
                while len(got) < n and (r := self.take()):
                    got.append(r)
                break
        return got

    def ask(self, method, url, *headers, body=b"", seconds=4.0):
        """One well-formed request: its reply, or None."""
        self.cseq += 1
        lines = ["%s %s RTSP/1.0" % (method, url), "CSeq: %d" % self.cseq]
        if self.session:
            lines.append("Session: " + self.session)
        if body:
            lines.append("Content-Length: %d" % len(body))
        self.send(("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode("latin-1") + body)
        got = self.replies(1, seconds)
        if not got:
            return None
        if method == "SETUP" and got[0].status == "200":
            self.session = got[0].get("Session").split(";")[0]
        return got[0]


class Target:
    """The server under test: its URL, its clip, its process."""

    def __init__(self, url, pid):
        m = re.fullmatch(r"rtsp://([^:/]+):(\d+)(/.*)", url)
        self.url, self.pid = url, pid
        self.host, self.port, self.path = m.group(1), int(m.group(2)), m.group(3)
        p = self.connect()
        r = p.ask("DESCRIBE", url)
        base = r.get("Content-Base")
        controls = re.findall(rb"a=control:([^*\r\n]+)\r\n", r.body)
        self.tracks = [c if c.startswith("rtsp") else base + c for c in (x.decode() for x in controls)]
        self.aggregate = base.rstrip("/")
        p.close()

    def connect(self):
        return Peer(self.host, self.port)

    def serves(self):
        p = self.connect()
        r = p.ask("OPTIONS", self.url)
        p.close()
        return r is not None and r.status == "200"

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def rss_kb(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def prepare(self, condition):
        """A connection in the state that a case begins with."""
        p = self.connect()
        n = {"none": 0, "setup1": 1, "setup": len(self.tracks), "play": len(self.tracks)}[condition]
        for i in range(n):
            r = p.ask("SETUP", self.tracks[i],
                      "Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d" % (2 * i, 2 * i + 1))
            assert r and r.status == "200", "SETUP"
        if condition == "play":
            r = p.ask("PLAY", self.aggregate, "Range: npt=0-")
            assert r and r.status == "200", "PLAY"
        return p
