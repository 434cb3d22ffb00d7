# SPDX-License-Identifier: MIT
"""A client with a link-local address: plays over UDP, and says its own address. ADDRESS PORT INTERFACE."""
import re
import socket
import sys

host, port, link = sys.argv[1], int(sys.argv[2]), sys.argv[3]
scope = socket.if_nametoindex(link)
conn = socket.create_connection((host + "%" + link, port), timeout=10)
own = conn.getsockname()[0].split("%")[0]
base = "rtsp://[%s]:%d/pattern/50p" % (host, port)


def ask(method, url, *headers):
    ask.cseq += 1
    lines = ["%s %s RTSP/1.0" % (method, url), "CSeq: %d" % ask.cseq, *headers, "", ""]
    conn.sendall("\r\n".join(lines).encode())
    text = b""
    while b"\r\n\r\n" not in text:
        more = conn.recv(4096)
        if not more:
            sys.exit("closed")
        text += more
    return int(text.split()[1]), text.decode()


ask.cseq = 0
rtp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
rtp.bind(("::", 0))
rtp.settimeout(5)
mine = rtp.getsockname()[1]


def setup(destination):
    status, text = ask("SETUP", base + "/trackID=1", "Transport: RTP/AVP;unicast;client_port=%d-%d%s" % (
        mine, mine + 1, ";destination=" + destination if destination else ""))
    found = re.search(r"\nSession: ([^;\r]*)", text)
    return status, found and found.group(1)


def plays(session):
    status, _ = ask("PLAY", base, "Session: " + session)
    data, source = rtp.recvfrom(2048)
    good = status == 200 and len(data) > 12 and source[0].split("%")[0] == host and source[3] == scope
    ask("TEARDOWN", base, "Session: " + session)
    return good


for name, destination in (("by the connection's address", ""), ("to its own address by destination=", own)):
    status, session = setup(destination)
    good = status == 200 and plays(session)
    print("%s - UDP media %s (%d)" % ("ok" if good else "not ok", name, status))
for name, destination in (("a neighbour's", "fe80::dead"), ("its own in a zone that it names", own + "%" + link)):
    status, _ = setup(destination)
    print("%s - destination=%s is 462 (%d)" % ("ok" if status == 462 else "not ok", name, status))
