# SPDX-License-Identifier: MIT
"""The crowd of ci/tls: tls.py rtsp|rtsps PORT PID idle|playing|handshake N. Prints one figure."""
import os
import re
import selectors
import socket
import ssl
import sys
import time

scheme, port, pid, what, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE


def rss_kib():
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def cpu_s():
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def connect():
    s = socket.create_connection(("127.0.0.1", port))
    return context.wrap_socket(s, server_hostname="a.example") if scheme == "rtsps" else s


def ask(s, method, path, headers=""):
    s.sendall(f"{method} {scheme}://127.0.0.1:{port}{path} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += s.recv(4096)
    if b" 200 " not in answer[:20]:
        sys.exit(f"{method}: {answer[:100]}")
    return answer.decode(errors="replace")


def play(s):
    path = "/pattern/64k/20p"
    answer = ask(s, "SETUP", path + "/trackID=1", "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n")
    session = re.search(r"Session: *([^;\s]+)", answer)[1]
    ask(s, "PLAY", path, f"Session: {session}\r\n")


def read_for(sockets, seconds):
    sel = selectors.DefaultSelector()
    for s in sockets:
        s.setblocking(False)
        sel.register(s, selectors.EVENT_READ)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for key, _ in sel.select(0.2):
            try:
                while key.fileobj.recv(65536):
                    pass
                sys.exit("the server closed a connection")
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
    sel.close()


# what the first connections cost is the server's, not theirs
warm = [connect() for _ in range(20)]
for s in warm:
    ask(s, "OPTIONS", "/")
if what == "playing":
    for s in warm:
        play(s)
    read_for(warm, 3)

if what == "handshake":
    began = cpu_s()
    crowd = []
    for _ in range(n):
        crowd.append(connect())
    for s in crowd:
        ask(s, "OPTIONS", "/")
    print(round((cpu_s() - began) / n * 1e6))
else:
    began = rss_kib()
    crowd = [connect() for _ in range(n)]
    for s in crowd:
        ask(s, "OPTIONS", "/")
        if what == "playing":
            play(s)
    read_for(warm + crowd, 6)
    print(round((rss_kib() - began) / n, 1))
