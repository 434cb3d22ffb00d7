#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays a URL over interleaved TCP and prints its RTP packets; shares nothing with our C code.

rtsp_packets.py URL [SECONDS [FILE]]    one line per packet: track seq rtptime pt marker octets md5
track: number at the end of its control URL; rtptime: from RTP-Info's. Ends with the BYEs, or after so many
seconds; exit 1 when the connection ends before. The payloads of the first track go to FILE, each
behind its length in 4 octets.
"""
import hashlib
import re
import socket
import struct
import sys
import time


class Session:
    def __init__(self, url):
        self.url, self.cseq, self.session, self.buf = url, 0, None, b""
        host, port = re.match(r"rtsp://([^:/]+):(\d+)", url).groups()
        self.sock = socket.create_connection((host, int(port)), 10)
        self.frames = []

    def more(self):
        piece = self.sock.recv(1 << 16)
        if not piece:
            raise EOFError
        self.buf += piece

    def take_frame(self):
        """One interleaved frame off the front of the buffer: (channel, payload)."""
        while len(self.buf) < 4 or len(self.buf) < 4 + struct.unpack(">H", self.buf[2:4])[0]:
            self.more()
        n = struct.unpack(">H", self.buf[2:4])[0]
        frame, self.buf = (self.buf[1], self.buf[4 : 4 + n]), self.buf[4 + n :]
        return frame

    def ask(self, method, url, *headers):
        self.cseq += 1
        lines = ["%s %s RTSP/1.0" % (method, url), "CSeq: %d" % self.cseq]
        lines += ["Session: " + self.session] if self.session else []
        self.sock.sendall(("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode())
        while True:
            while not self.buf:
                self.more()
            if self.buf[:1] == b"$":
                self.frames.append(self.take_frame())
                continue
            while b"\r\n\r\n" not in self.buf:
                self.more()
            head, self.buf = self.buf.split(b"\r\n\r\n", 1)
            head = head.decode()
            length = int((header(head, "Content-Length") or "0"))
            while len(self.buf) < length:
                self.more()
            body, self.buf = self.buf[:length].decode(), self.buf[length:]
            if head.split(" ")[1] != "200":
                raise SystemExit("%s: %s" % (method, head.splitlines()[0]))
            return head, body


def header(head, name):
    m = re.search(r"^%s: *(.*?)\r?$" % name, head, re.M | re.I)
    return m.group(1) if m else None


def main():
    s = Session(sys.argv[1])
    head, sdp = s.ask("DESCRIBE", s.url)
    base = header(head, "Content-Base") or s.url + "/"
    tracks = {}
    for section in re.split(r"^m=", sdp, flags=re.M)[1:]:
        control = re.search(r"^a=control:(.*?)\r?$", section, re.M).group(1)
        url = control if "://" in control else base + control
        n = 2 * len(tracks)
        head, _ = s.ask("SETUP", url, "Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d" % (n, n + 1))
        s.session = header(head, "Session").split(";")[0]
        tracks[n] = {"id": re.search(r"(\d+)$", control).group(1), "url": url, "bye": False}
    head, _ = s.ask("PLAY", base, "Range: npt=0-")
    for part in header(head, "RTP-Info").split(","):
        url = re.search(r"url=([^;]*)", part).group(1)
        for t in tracks.values():
            if t["url"] == url:
                t["base"] = int(re.search(r"rtptime=(\d+)", part).group(1))
    out = open(sys.argv[3], "wb") if len(sys.argv) > 3 else None
    end = time.monotonic() + (float(sys.argv[2]) if len(sys.argv) > 2 else 60)
    try:
        while time.monotonic() < end and not all(t["bye"] for t in tracks.values()):
            show(tracks, s.frames.pop(0) if s.frames else s.take_frame(), out)
    except (EOFError, socket.timeout) as e:
        raise SystemExit("the server went silent: %r" % e)


def show(tracks, frame, out):
    channel, p = frame
    if channel % 2:
        while len(p) >= 4:
            tracks[channel - 1]["bye"] |= p[1] == 203
            p = p[4 + 4 * struct.unpack(">H", p[2:4])[0] :]
        return
    t = tracks[channel]
    first, second, seq, rtp = struct.unpack(">BBHI", p[:8])
    payload = p[12 + 4 * (first & 15) :]
    if out and channel == 0:
        out.write(struct.pack(">I", len(payload)) + payload)
    rtp = (rtp - t["base"] + (1 << 31)) % (1 << 32) - (1 << 31)
    md5 = hashlib.md5(payload).hexdigest()
    print(t["id"], seq, rtp, second & 0x7F, second >> 7, len(payload), md5)


main()
