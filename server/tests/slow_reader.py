# SPDX-License-Identifier: MIT
"""A TCP client that reads too slowly for a while: slow_reader.py URL SLOW_SECONDS BYTES_PER_SECOND.

Plays an H.264 + audio title interleaved, reads at the given rate for the given time, then as fast as it
comes, to the BYE of every stream. Prints name=value lines of what came: packets and gaps per track, video
frames, those that are torn (a fragmentation unit without its start or end, or no marker), key frames.
RFC 2326 10.12, 3550, 6184.
"""
import re
import socket
import sys
import time
from urllib.parse import urlsplit


class Client:
    def __init__(self, url):
        where = urlsplit(url)
        self.url, self.cseq, self.session, self.buf = url, 0, "", b""
        self.s = socket.socket()
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.s.connect((where.hostname, where.port))

    def more(self, n=65536):
        got = self.s.recv(n)
        if not got:
            raise EOFError
        self.buf += got
        return len(got)

    def ask(self, method, url, headers=""):
        self.cseq += 1
        session = f"Session: {self.session}\r\n" if self.session else ""
        text = f"{method} {url} RTSP/1.0\r\nCSeq: {self.cseq}\r\n{session}{headers}\r\n"
        self.s.sendall(text.encode())
        while b"\r\n\r\n" not in self.buf:
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        head = head.decode()
        length = re.search(r"(?i)content-length: *(\d+)", head)
        while length and len(self.buf) < int(length[1]):
            self.more()
        body = self.buf[: int(length[1])] if length else b""
        self.buf = self.buf[len(body):]
        if not head.startswith("RTSP/1.0 200"):
            sys.exit(f"{method}: {head}")
        found = re.search(r"(?i)session: *([0-9a-f]+)", head)
        if found:
            self.session = found[1]
        return body.decode()


class Track:
    def __init__(self, is_video):
        self.is_video, self.seq, self.time = is_video, None, None
        self.packets = self.gaps = self.frames = self.torn = self.keys = 0
        self.bye, self.in_unit, self.bad, self.open, self.key = False, False, False, False, False

    def end_frame(self):
        if self.open:
            self.frames += 1
            self.torn += self.bad or self.in_unit
            self.keys += self.key
        self.open = self.in_unit = self.bad = self.key = False

    def rtp(self, p):
        seq, ts = int.from_bytes(p[2:4], "big"), int.from_bytes(p[4:8], "big")
        if self.seq is not None:
            self.gaps += (seq - self.seq - 1) & 0xFFFF
        self.seq = seq
        self.packets += 1
        if not self.is_video:
            return
        if self.open and ts != self.time:
            self.bad = True  # the one before had no marker
            self.end_frame()
        self.open, self.time = True, ts
        kind = p[12] & 31
        if kind == 28:
            start, end = p[13] & 0x80, p[13] & 0x40
            self.bad |= bool(start) == self.in_unit
            self.in_unit = not end
            kind = p[13] & 31
        self.key |= kind == 5
        if p[1] & 0x80:
            self.end_frame()

    def rtcp(self, p):
        while len(p) >= 4:
            self.bye |= p[1] == 203
            p = p[(int.from_bytes(p[2:4], "big") + 1) * 4:]


def main():
    url, slow, rate = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    c = Client(url)
    sdp = c.ask("DESCRIBE", url)
    tracks = []
    for part in sdp.split("m=")[1:]:
        control = re.search(r"a=control:(\S+)", part)[1]
        control = control if "://" in control else f"{url}/{control}"
        lo = 2 * len(tracks)
        c.ask("SETUP", control, f"Transport: RTP/AVP/TCP;unicast;interleaved={lo}-{lo + 1}\r\n")
        tracks.append(Track(part.startswith("video")))
    c.ask("PLAY", url)
    began, read = time.monotonic(), 0
    while True:
        while len(c.buf) >= 4 and len(c.buf) >= 4 + int.from_bytes(c.buf[2:4], "big"):
            if c.buf[:1] != b"$":
                sys.exit("the framing is lost")
            n = int.from_bytes(c.buf[2:4], "big")
            track, p = tracks[c.buf[1] // 2], c.buf[4:4 + n]
            (track.rtcp if c.buf[1] % 2 else track.rtp)(p)
            c.buf = c.buf[4 + n:]
        if all(t.bye for t in tracks):
            break
        past = time.monotonic() - began
        if past < slow and read > past * rate:
            time.sleep(0.02)
            continue
        read += c.more(8192 if past < slow else 65536)
    for t in tracks:
        kind = "video" if t.is_video else "audio"
        print(f"{kind}_packets={t.packets}\n{kind}_gaps={t.gaps}")
        if t.is_video:
            print(f"frames={t.frames}\ntorn={t.torn}\nkeys={t.keys}")
    c.ask("TEARDOWN", url)


main()
