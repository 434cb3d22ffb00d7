# SPDX-License-Identifier: MIT
"""Plays from a server of its own over a link-local address: link_local.py INTERFACE.

Prints the status of PLAY, source= of SETUP, and how many of 20 datagrams came from it.
"""
import os
import re
import socket
import subprocess
import sys

scope = sys.argv[1]
server = subprocess.Popen([os.environ["BIN"] + "/beagle-server", "--listen", f"[fe80::1%{scope}]:0", "--workers", "1"],
                          stdout=subprocess.PIPE, text=True)
try:
    port = int(re.search(r"\[fe80::1\]:(\d+)/", server.stdout.readline())[1])
    media = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    media.bind(("fe80::1", 0, 0, socket.if_nametoindex(scope)))
    media.settimeout(5)
    s = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    s.settimeout(5)
    s.connect(("fe80::1", port, 0, socket.if_nametoindex(scope)))
    at, url = media.getsockname()[1], f"rtsp://[fe80::1]:{port}/pattern"

    def ask(method, target, headers):
        s.sendall(f"{method} {target} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n".encode())
        return s.recv(65536).decode()

    answer = ask("SETUP", url + "/trackID=1", f"Transport: RTP/AVP;unicast;client_port={at}-{at + 1}\r\n")
    source = re.search(r"source=([^;\s]+)", answer)[1]
    session = re.search(r"Session: *([^;\s]+)", answer)[1]
    status = ask("PLAY", url, f"Session: {session}\r\n").split()[1]
    got = sum(media.recvfrom(2048)[1][0].split("%")[0] == source for _ in range(20))
    print(status, source, got)
finally:
    server.terminate()
    server.wait()
