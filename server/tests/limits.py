# SPDX-License-Identifier: MIT
"""Clients that want too much: limits.py CASE URL [ARG...]; prints ok and not ok lines."""
import re
import socket
import ssl
import sys
import time
from urllib.parse import urlsplit

case, where = sys.argv[1], urlsplit(sys.argv[2])
PEER = (where.hostname, where.port)
ASK = b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"


def check(name, is_so, why=""):
    print(f"{'ok' if is_so else 'not ok'} - {name}{'' if is_so else f' ({why})'}", flush=True)


def connect(timeout=10):
    s = socket.socket()
    s.settimeout(timeout)
    s.connect(PEER)
    return s


def hear(s, timeout=10):
    """What comes until the end of a head, the end of the connection or the time: (status, is_closed)."""
    got = b""
    s.settimeout(timeout)
    try:
        while b"\r\n\r\n" not in got:
            d = s.recv(4096)
            if not d:
                break
            got += d
        head = re.match(rb"RTSP/1\.0 (\d+)", got)
        status = int(head[1]) if head else 0
        if status != 200:
            while s.recv(4096):
                pass
            return status, True, got
        return status, False, got
    except socket.timeout:
        return (int(got[9:12]) if got else 0), False, got
    except ConnectionError:
        return (int(got[9:12]) if got else 0), True, got


def ask(s):
    try:
        s.sendall(ASK)
    except OSError:
        pass
    return hear(s)


def cpu_ticks(pid):
    return sum(int(x) for x in open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13])


def descriptors(pid):
    """The server may open 64: half are for connections, the others for those that linger and for itself."""
    all_of_them = [connect() for _ in range(100)]
    answers = [ask(s) for s in all_of_them]
    served = [s for s, a in zip(all_of_them, answers) if a[0] == 200]
    turned = [a for a in answers if a[0] == 503 and a[1]]
    check(f"half of the descriptors serve ({len(served)})", len(served) == 32)
    check("all others hear 503 and the end, none hangs", len(served) + len(turned) == 100,
          str([a[:2] for a in answers]))
    check("with Retry-After", all(b"Retry-After: 5" in a[2] for a in turned))
    before = cpu_ticks(pid)
    time.sleep(2)
    spent = cpu_ticks(pid) - before
    check(f"out of descriptors it does not spin ({spent} of 200 ticks)", spent < 60)
    check("those that are in are still served", all(ask(s)[0] == 200 for s in served))
    for s in all_of_them:
        s.close()
    time.sleep(1.5)
    check("when they have gone, new ones are served", ask(connect())[0] == 200)


def slow_start():
    """50 a second: 100 take their time, and all are served."""
    began = time.monotonic()
    all_of_them = [connect() for _ in range(100)]
    answers = [ask(s)[0] for s in all_of_them]
    took = time.monotonic() - began
    check(f"new connections wait for their turn ({took:.1f} s)", took > 1.7)
    check("and all are served", answers == [200] * 100, str(answers))


def hasty():
    """10 a second of one address."""
    answers = [ask(s)[0] for s in [connect() for _ in range(40)]]
    check("of one address's burst a second's worth is served",
          10 <= answers.count(200) < 40 and answers.count(200) + answers.count(503) == 40, str(answers))
    time.sleep(0.5)
    check("and it is let in again later", ask(connect())[0] == 200)


def loris():
    """Half a request, for longer than a second."""
    s, t, mute = connect(), connect(), connect()
    s.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq")
    t.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 9\r\n\r\nabc")
    a, b, c = hear(s), hear(t), hear(mute)
    check("half a head: 408, and the end", a[:2] == (408, True), str(a))
    check("half a body: 408, and the end", b[:2] == (408, True), str(b))
    check("nothing at all: the end", c[:2] == (0, True), str(c))


def tls_room():
    """One may come in: the next makes its handshake, and hears 503."""
    first, second = tls(), tls()
    check("over TLS one comes in", ask(first)[0] == 200)
    a = ask(second)
    check("one too many makes its handshake, and hears 503 and the end", a[:2] == (503, True), str(a))
    check("and when to come again: --retry-after", b"Retry-After: 9\r\n" in a[2], str(a[2]))


def tls():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(connect())


def tls_descriptors():
    """The server may open 64: who stays silent takes them, and what is left of TLS then is an alert."""
    held = [connect() for _ in range(100)]
    time.sleep(0.5)
    try:
        tls()
        why = "it came in"
    except OSError as e:
        why = str(e)
    check("without descriptors OpenSSL hears a fatal alert: internal error", "internal error" in why.lower(), why)
    for s in held:
        s.close()
    end, answer = time.monotonic() + 20, 0
    while answer != 200 and time.monotonic() < end:
        time.sleep(0.5)
        try:
            answer = ask(tls())[0]
        except OSError:
            pass
    check("when they have gone, new ones are served over TLS", answer == 200)


{"tls_room": tls_room, "tls_descriptors": tls_descriptors, "descriptors": lambda: descriptors(int(sys.argv[3])), "slow_start": slow_start, "hasty": hasty,
 "loris": loris}[case]()
