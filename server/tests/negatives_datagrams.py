# SPDX-License-Identifier: MIT
"""Datagrams that no peer should send, to the ports of a session that plays over UDP."""
import re
import socket
import struct
import time


def rtcp(kind, count, words, *, length=None, padding=0):
    body = b"".join(struct.pack(">I", w & 0xFFFFFFFF) for w in words)
    n = len(words) if length is None else length
    return struct.pack(">BBH", 0x80 | padding << 5 | count, kind, n) + body


def rr(ssrc=0, fraction=0):
    return rtcp(201, 1, [1, ssrc, fraction << 24, 0, 0, 0, 0])


def to_rtp(ssrc):
    head = struct.pack(">BBHII", 0x80, 96, 1, 1, 1)
    own = struct.pack(">BBHII", 0x80, 96, 1, 1, ssrc)
    return {"zero-length": b"", "1-byte": b"\x80", "11-bytes": head[:11], "version-0": b"\x00" + head[1:],
            "version-3": b"\xc0" + head[1:], "pad-zero": b"\xa0" + head[1:] + b"\x00",
            "pad-too-long": b"\xa0" + head[1:] + b"\xff", "cc-15-short": b"\x8f" + head[1:],
            "ext-len-65535": b"\x90" + head[1:] + b"\xbe\xde\xff\xff", "own-ssrc": own, "jumbo": head + b"x" * 60000}


def to_rtcp(ssrc):
    sdes = rtcp(202, 1, [1, 0x01046162, 0x63640000])
    return {"zero-length": b"", "len-zero": b"\x80\xc9\x00\x00", "len-overrun": rtcp(201, 0, [1], length=500),
            "first-is-sdes": sdes, "p-on-first": rtcp(201, 0, [1], padding=1) + sdes,
            "rc-31-short": rtcp(201, 31, [1, 2, 3]), "sdes-unterminated": rr() + rtcp(202, 1, [1, 0x01FF6162]),
            "sdes-item-overrun": rr() + rtcp(202, 1, [1, 0x01406162, 0x63640000]),
            "bye-sc-31-short": rr() + rtcp(203, 31, [1]), "app-odd-length": rr() + b"\x80\xcc\x00\x02abcd\x00\x00",
            "unknown-pt-220": rr() + rtcp(220, 0, [1, 2, 3]), "rr-for-other-ssrc": rr(0xDEADBEEF),
            "fake-100-percent-loss": rr(ssrc, 255) + sdes, "bye": rr(ssrc) + rtcp(203, 1, [1]),
            "jumbo": rr() * 1500, "nothing but padding": b"\xa0\xc9\x00\x01\x00\x00\x00\xff"}


class Viewer:
    """A session over UDP that plays."""

    def __init__(self, target):
        self.target, self.peer = target, target.connect()
        for port in range(21000, 60000, 2):
            self.socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in "ab"]
            try:
                for i, s in enumerate(self.socks):
                    s.bind((target.host, port + i))
                break
            except OSError:
                for s in self.socks:
                    s.close()
        r = self.peer.ask("SETUP", target.tracks[0], "Transport: RTP/AVP;unicast;client_port=%d-%d" % (port, port + 1))
        transport = r.get("Transport")
        self.ports = [int(x) for x in re.search(r"server_port=(\d+)-(\d+)", transport).groups()]
        self.ssrc = int(re.search(r"ssrc=([0-9A-F]+)", transport).group(1), 16)
        self.status = self.peer.ask("PLAY", target.aggregate, "Range: npt=0-").status

    def send(self, side, data):
        try:
            self.socks[side].sendto(data, (self.target.host, self.ports[side]))
        except OSError:
            pass  # too long for the interface

    def packets(self, seconds):
        """How many came, and the SSRCs."""
        n, ssrcs, until = 0, set(), time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.socks[0].settimeout(left)
            try:
                d = self.socks[0].recv(2048)
            except OSError:
                break
            n += 1
            ssrcs.add(struct.unpack(">I", d[8:12])[0])
        return n, ssrcs

    def close(self):
        r = self.peer.ask("TEARDOWN", self.target.aggregate)
        self.peer.close()
        for s in self.socks:
            s.close()
        return r is not None and r.status == "200"


def datagrams(target, say):
    v = Viewer(target)
    say(v.status == "200", "a session plays over UDP")
    kinds = [(0, name, d) for name, d in to_rtp(v.ssrc).items()] + [(1, name, d) for name, d in to_rtcp(v.ssrc).items()]
    for side, name, d in kinds:
        v.send(side, d)
        v.send(1 - side, d)
    for _ in range(2000):
        v.send(1, to_rtcp(v.ssrc)["bye"])
    third = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    third.bind(("127.0.0.3", 0))
    for side, name, d in kinds + [(1, "rr", rr(v.ssrc) + rtcp(202, 1, [1, 0x01026162]))] * 50:
        try:
            third.sendto(d, (target.host, v.ports[side]))
        except OSError:
            pass
    n, ssrcs = v.packets(1.0)
    third.settimeout(0.2)
    try:
        third.recv(2048)
        redirected = True
    except OSError:
        redirected = False
    third.close()
    say(n > 10 and ssrcs == {v.ssrc}, "neg.rtp.*, neg.rtcp.*: %d datagrams that mean nothing, and it plays on (%d packets)"
        % (4 * len(kinds) + 2050, n))
    say(not redirected, "neg.rtcp.from-third-address: nothing is sent to who only sent RTCP")
    r = v.peer.ask("GET_PARAMETER", target.aggregate)
    say(r is not None and r.status == "200", "its session lives")
    say(v.close(), "and ends by TEARDOWN")
