# SPDX-License-Identifier: MIT
"""A service manager's ear: writes what comes to the datagram socket SOCKET to FILE, one line per
assignment with the seconds since the start before it, until it is killed.  notify.py SOCKET FILE"""
import os
import socket
import sys
import time

s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
os.chmod(sys.argv[1], 0o777)  # the server may have become another user
began = time.monotonic()
with open(sys.argv[2], "w", buffering=1) as out:
    out.write("0.000 listening\n")
    while True:
        for line in s.recv(4096).decode().splitlines():
            out.write("%.3f %s\n" % (time.monotonic() - began, line))
