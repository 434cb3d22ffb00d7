# SPDX-License-Identifier: MIT
"""TLS clients that are slow, rude, or only look at the certificate.

    tls_client.py PORT serial [NAME]      serial number of the certificate that is served for the name
    tls_client.py PORT say TEXT           what is answered to bytes that are no TLS, and the end: "closed"
    tls_client.py PORT ask METHOD PATH [HEADER]...   status of a request
    tls_client.py PORT end polite|rude    OPTIONS, then an end with or without close_notify
    tls_client.py PORT second             status that the second connection hears unasked, while the first stands
    tls_client.py PORT crawl N SECONDS    N handshakes, one octet a second each: how many were closed by then
"""
import selectors
import socket
import ssl
import sys
import time

port, what, args = int(sys.argv[1]), sys.argv[2], sys.argv[3:]


def context():
    c = ssl.create_default_context()
    c.check_hostname = False
    c.verify_mode = ssl.CERT_NONE
    return c


def plain():
    return socket.create_connection(("127.0.0.1", port), 10)


def tls(name="a.example"):
    return context().wrap_socket(plain(), server_hostname=name)


def request(s, method, path, headers=()):
    lines = [f"{method} rtsps://127.0.0.1:{port}{path} RTSP/1.0", "CSeq: 1", *headers, "", ""]
    s.sendall("\r\n".join(lines).encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        got = s.recv(65536)
        if not got:
            break
        answer += got
    return answer.decode(errors="replace")


def client_hello():
    """The first words of a handshake, from the library itself."""
    out = ssl.MemoryBIO()
    try:
        context().wrap_bio(ssl.MemoryBIO(), out, server_hostname="a.example").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def crawl(n, seconds):
    hello = client_hello()
    sel = selectors.DefaultSelector()
    for _ in range(n):
        s = plain()
        s.setblocking(False)
        sel.register(s, selectors.EVENT_READ)
    end, at, closed = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end and sel.get_map():
        for key in list(sel.get_map().values()):
            try:
                key.fileobj.send(hello[at : at + 1])
            except OSError:
                pass
        at += 1
        step = time.monotonic() + 1
        while sel.get_map() and time.monotonic() < step:
            for key, _ in sel.select(max(0.01, step - time.monotonic())):
                try:
                    gone = not key.fileobj.recv(4096)
                except OSError:
                    gone = True
                if gone:
                    closed += 1
                    sel.unregister(key.fileobj)
                    key.fileobj.close()
    return closed


if what == "serial":
    s = tls(*args[:1])
    der = s.getpeercert(True)
    # the serial number: SEQUENCE, SEQUENCE, [0] version, INTEGER
    at = der.index(b"\xa0\x03\x02\x01\x02") + 5
    print(der[at + 2 : at + 2 + der[at + 1]].hex())
elif what == "say":
    s = plain()
    s.sendall(args[0].encode().decode("unicode_escape").encode("latin-1"))
    got = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            got += more
    except ConnectionResetError:
        pass
    print(got.split(b"\r\n")[0].decode("latin-1") + "closed")
elif what == "ask":
    answer = request(tls(), args[0], args[1], args[2:])
    print(answer.split()[1] if answer else "nothing")
elif what == "end":
    s = tls()
    request(s, "OPTIONS", "/")
    if args[0] == "polite":
        s.unwrap()
    else:
        s.shutdown(socket.SHUT_RDWR)
    s.close()
    print("over")
elif what == "second":
    first = tls()
    request(first, "OPTIONS", "/")
    print(tls().recv(4096).split()[1].decode())
elif what == "crawl":
    print(crawl(int(args[0]), float(args[1])))
