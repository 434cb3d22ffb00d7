# SPDX-License-Identifier: MIT
"""Asks a server for one fact of its answers: base, connection, source.

    rtsp_ask.py URL base          Content-Base of DESCRIBE
    rtsp_ask.py URL connection    address of o= (that of c= is the wildcard)
    rtsp_ask.py URL source        source= of SETUP over UDP
"""
import re
import socket
import sys

url, what = sys.argv[1:3]
host, port = re.match(r"rtsp://\[?([^\]/]*?)\]?:(\d+)/", url).groups()
s = socket.create_connection((host, int(port)), 5)


def ask(method, target, headers=""):
    s.sendall(f"{method} {target} RTSP/1.0\r\nCSeq: 1\r\n{headers}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += s.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    n = re.search(rb"Content-Length: *(\d+)", head)
    while n and len(body) < int(n[1]):
        body += s.recv(65536)
    return head.decode(), body.decode()


head, sdp = ask("DESCRIBE", url)
if what == "base":
    print(re.search(r"Content-Base: *(\S+)", head)[1])
elif what == "connection":
    print(re.search(r"^o=\S+ \S+ \S+ IN IP[46] (\S+)", sdp, re.M)[1])
else:
    control = re.search(r"^m=(?:.|\r\n(?!m=))*?^a=control:(\S+)", sdp, re.M)[1]
    head, _ = ask("SETUP", url + "/" + control, "Transport: RTP/AVP;unicast;client_port=40000-40001\r\n")
    print(re.search(r"source=([^;\s]+)", head)[1])
