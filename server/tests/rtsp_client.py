# SPDX-License-Identifier: MIT
"""An RTSP client for end-to-end tests: many connections in one loop, media interleaved, and how long each
was silent."""
import selectors
import socket
import time

now = time.monotonic
sel = selectors.DefaultSelector()


def say(good, what):
    print(("ok - " if good else "not ok - ") + what, flush=True)


class Client:
    """One connection to url; replies and media frames are taken as they come."""

    def __init__(self, url, path):
        host, port = url[7:].split(":")
        self.url, self.data, self.replies, self.body = url + "/" + path, b"", [], b""
        self.cseq, self.session, self.closed = 0, None, False
        self.last, self.gap, self.packets = None, 0.0, 0
        self.sock = socket.create_connection((host, int(port)))
        self.sock.setblocking(False)
        sel.register(self.sock, selectors.EVENT_READ, self)

    def send(self, method, path="", extra=""):
        self.cseq += 1
        who = "Session: %s\r\n" % self.session if self.session else ""
        text = "%s %s%s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n" % (
            method, self.url, path, self.cseq, who, extra)
        self.sock.send(text.encode())

    def close(self):
        if not self.closed:
            self.closed = True
            sel.unregister(self.sock)
            self.sock.close()

    def read(self):
        try:
            got = self.sock.recv(1 << 20)
        except BlockingIOError:
            return
        if not got:
            self.close()
            return
        self.data += got
        while self.data and self.take():
            pass

    def take(self):
        if self.data[:1] == b"$":
            n = 4 + int.from_bytes(self.data[2:4], "big") if len(self.data) > 3 else 4
            if len(self.data) < n:
                return False
            if self.data[1] % 2 == 0:
                self.arrived()
            self.data = self.data[n:]
            return True
        end = self.data.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = self.data[:end].decode()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
        n = int(fields.get("Content-Length", 0))
        if len(self.data) < end + 4 + n:
            return False
        self.body, self.data = self.data[end + 4 : end + 4 + n], self.data[end + 4 + n :]
        self.replies.append((head.split(" ")[1], fields))
        return True

    def arrived(self):
        t = now()
        if self.last is not None:
            self.gap = max(self.gap, t - self.last)
        self.last = t
        self.packets += 1

    def measure(self):
        """The longest silence since the last call; one that lasts counts."""
        t = now()
        gap = max(self.gap, t - self.last if self.last else t)
        self.gap, self.last = 0.0, t
        return gap

    def ask(self, method, path="", extra=""):
        """The status; "0": no answer."""
        have = len(self.replies)
        self.send(method, path, extra)
        if not run(until=lambda: len(self.replies) > have or self.closed) or self.closed:
            return "0"
        status, fields = self.replies[-1]
        if "Session" in fields:
            self.session = fields["Session"].split(";")[0]
        return status

    def controls(self):
        lines = self.body.split(b"\r\n")
        return [x[10:].decode() for x in lines if x.startswith(b"a=control:") and x[10:] != b"*"]

    def play(self, transport="RTP/AVP/TCP;unicast;interleaved=%d-%d"):
        """DESCRIBE to PLAY: the last status."""
        status = self.ask("DESCRIBE")
        for i, control in enumerate(self.controls() if status == "200" else []):
            if status == "200":
                at = transport % (2 * i, 2 * i + 1) if "%" in transport else transport
                status = self.ask("SETUP", "/" + control, "Transport: %s\r\n" % at)
        return self.ask("PLAY", "", "Range: npt=0-\r\n") if status == "200" else status


def run(seconds=None, until=None, limit=60):
    """Takes what comes, for a time or until something holds; False: it never did."""
    end = now() + (limit if seconds is None else seconds)
    while now() < end and not (until and until()):
        for key, _ in sel.select(0.02):
            key.data.read()
    return not until or until()
