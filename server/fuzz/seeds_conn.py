#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the seeds of fuzz_conn: whole dialogs, one of each kind, as its header describes them.

    server/fuzz/seeds_conn.py [FOLDER]      default: corpus/fuzz_conn beside this file
"""
import os
import sys

TWO_WORKERS, SLOW, TIGHT, QUEUE, LOGIN = 1, 2, 4, 8, 16
ESC = b"\xf5"


def do(what, arg=None):
    return ESC + what.encode() + (bytes([arg]) if arg is not None else b"")


def ask(method, path, *lines, body=b"", session=False):
    out = b"%s rtsp://h%s RTSP/1.0\r\nCSeq: 1\r\n" % (method.encode(), path.encode())
    if session:
        out += b"Session: " + do("S") + b"\r\n"
    for line in lines:
        out += (line if isinstance(line, bytes) else line.encode()) + b"\r\n"
    if body:
        out += b"Content-Length: %d\r\n" % len(body)
    return out + b"\r\n" + body + do("f")


TCP = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
UDP = b"Transport: RTP/AVP;unicast;client_port=" + do("P")
RR = b"\x81\xc9\x00\x07\x00\x00\x00\x01" + do("I") + b"\x00" * 20 + b"\x81\xca\x00\x03\x00\x00\x00\x01\x01\x02ab\x00\x00\x00\x00"


def view(path, track, transport, play="Range: npt=0-", then=b""):
    return (ask("OPTIONS", path) + ask("DESCRIBE", path, "Accept: application/sdp")
            + ask("SETUP", path + "/" + track, transport) + ask("PLAY", path, play, session=True)
            + do("t", 50) + then + do("T", 2) + ask("TEARDOWN", path, session=True))


CLIP, PATTERN = "/clip.mp4", "/pattern/10p/100k/2t"
PAUSE = ask("PAUSE", CLIP, session=True) + do("t", 20) + ask("PLAY", CLIP, session=True)
SEEK = ask("PLAY", CLIP, "Range: npt=5-7", "Scale: 2", session=True)
BACK = ask("PLAY", CLIP, "Range: npt=8-2", "Scale: -1", "Speed: 2", session=True)
PING = ask("GET_PARAMETER", CLIP, "Content-Type: text/parameters", body=b"position\r\npackets_sent\r\n", session=True)
GET = b"GET /clip.mp4 HTTP/1.0\r\nx-sessioncookie: abc\r\nAccept: application/x-rtsp-tunnelled\r\n\r\n" + do("f")
POST = b"POST /clip.mp4 HTTP/1.0\r\nx-sessioncookie: abc\r\nContent-Length: 32767\r\n\r\n" + do("f")


def tunnelled(data):
    return do("1") + data.replace(do("f"), do("B") + do("f"))


SEEDS = {
    "tcp": (0, view(CLIP, "streamid=3", TCP)),
    "udp": (0, view(PATTERN, "trackID=1", UDP)),
    "two_workers": (TWO_WORKERS, view(CLIP, "streamid=3", UDP) + do("1") + view(PATTERN, "trackID=2", TCP)),
    "seek": (0, view(CLIP, "streamid=3", TCP, then=SEEK + do("t", 90) + BACK + do("T", 3) + PAUSE)),
    "queue": (QUEUE, view(CLIP, "streamid=3", TCP, "Range: npt=1-2", then=SEEK + SEEK + PING + PAUSE)),
    "parameters": (0, view(CLIP, "streamid=3", TCP, then=PING + ask("SET_PARAMETER", CLIP, body=b"a: b\r\n"))),
    "tight": (TIGHT, view(CLIP, "streamid=3", TCP) + view(PATTERN, "trackID=1", TCP) + do("T", 9)),
    "slow": (SLOW | TWO_WORKERS, view(CLIP, "streamid=3", UDP) + do("x") + do("1") + view(CLIP, "streamid=3", TCP) + do("x")),
    "rtcp": (0, view(PATTERN, "trackID=1", UDP, then=RR + do("v") + RR + do("w") + b"\x80\x60\x00\x01" + do("u")
                     + RR[:20] + do("v"))),
    "frames": (0, view(PATTERN, "trackID=1", TCP, then=b"$\x01\x00\x30" + RR + b"$\xfe\x00\x04abcd$\x00\x00\x00" + do("f"))),
    "deaf": (0, view("/pattern/5000k/500p", "trackID=1", TCP, then=do("d") + do("t", 80) + PING + do("d"))),
    "pipelined": (0, ask("OPTIONS", CLIP)[:-2] + do("*", 40) + b"$\x09\x00\x04abcd" + ask("DESCRIBE", CLIP)[:-2] + do("*", 9) + do("f")),
    "bad": (0, b"\x00\xff" + do("f") + do("x") + b"FOO * RTSP/2.0\r\n\r\n\r\n" + ask("OPTIONS", "/%00") + b"Content-Length: 9\r\n" + do("T", 40)),
    "answers": (0, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" + do("*", 9) + ask("OPTIONS", CLIP, "Connection: close") + ask("OPTIONS", CLIP)),
    "again": (0, ask("SETUP", PATTERN + "/trackID=1", TCP) + ask("SETUP", PATTERN + "/trackID=1", UDP, session=True)
              + ask("SETUP", PATTERN + "/trackID=2", TCP, session=True) + ask("PLAY", PATTERN, session=True) + do("T", 2)
              + do("1") + ask("PLAY", PATTERN, session=True) + do("0") + do("h") + do("T", 70)),
    "login": (LOGIN, ask("DESCRIBE", CLIP) + ask("DESCRIBE", CLIP, b"Authorization: " + do("A"))
              + ask("SETUP", CLIP + "/streamid=3", b"Authorization: " + do("A"), TCP)
              + ask("PLAY", CLIP, b"Authorization: " + do("A"), session=True) + do("T", 2)
              + ask("PLAY", CLIP, session=True) + ask("OPTIONS", CLIP, "Authorization: Basic dTpw")
              + ask("TEARDOWN", CLIP, "Authorization: Basic dTp4", session=True)),
    "tunnel": (0, GET + POST[:0] + do("1") + POST + tunnelled(view(CLIP, "streamid=3", TCP)) + do("0") + do("T", 2)),
    "tunnel_two_workers": (TWO_WORKERS, do("1") + POST + do("0") + GET + tunnelled(ask("OPTIONS", CLIP) + ask("DESCRIBE", CLIP))
                           + do("x") + do("T", 1) + do("1") + POST + tunnelled(ask("OPTIONS", CLIP)) + do("0") + do("x")),
}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "corpus", "fuzz_conn")
    os.makedirs(folder, exist_ok=True)
    for name, (flags, data) in SEEDS.items():
        with open(os.path.join(folder, name), "wb") as f:
            f.write(bytes([flags]) + data)


main()
