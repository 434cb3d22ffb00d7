# SPDX-License-Identifier: MIT
"""Many tunnels at once against a running server: halves in either order and at random distances, requests
cut anywhere, POSTs that go and come again while media play, halves that never meet, GETs that vanish.
Prints what came of them as JSON. With a second port, of a TLS listener: all over TLS, and a POST in the clear
for a GET in TLS must be refused.

    tunnel.py HOST PORT TUNNELS [SEED [TLSPORT]]
"""
import base64
import json
import random
import socket
import ssl
import sys
import threading
import time

HOST, PORT, TUNNELS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SEED = int(sys.argv[4]) if len(sys.argv) > 4 else 1
TLSPORT = int(sys.argv[5]) if len(sys.argv) > 5 else 0
TYPE = "application/x-rtsp-tunnelled"
DONE, LOCK = {}, threading.Lock()


def count(what, n=1):
    with LOCK:
        DONE[what] = DONE.get(what, 0) + n


def connect(tls=TLSPORT):
    s = socket.create_connection((HOST, tls or PORT), 20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return s
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(s)


class Tunnel:
    def __init__(self, n):
        self.random = random.Random(SEED * 100003 + n)
        self.cookie = "t%d-%016x" % (n, self.random.getrandbits(64))
        self.rest, self.cseq, self.frames, self.session = b"", 0, 0, ""

    def nap(self):
        if self.random.random() < 0.5:
            time.sleep(self.random.random() * 0.05)

    def open_get(self):
        self.get = connect()
        self.get.sendall(("GET /pattern HTTP/1.0\r\nAccept: %s\r\nx-sessioncookie: %s\r\n\r\n"
                          % (TYPE, self.cookie)).encode())

    def open_post(self):
        self.post = connect()
        self.post.sendall(("POST /pattern HTTP/1.0\r\nContent-Type: %s\r\nx-sessioncookie: %s\r\n"
                           "Content-Length: 32767\r\n\r\n" % (TYPE, self.cookie)).encode())

    def open(self):
        steps = [self.open_get, self.open_post]
        if self.random.random() < 0.5:
            steps.reverse()
        steps[0]()
        self.nap()
        steps[1]()

    def fill(self):
        more = self.get.recv(65536)
        if not more:
            raise EOFError("the GET was closed")
        self.rest += more

    def head(self):
        while b"\r\n\r\n" not in self.rest:
            self.fill()
        head, self.rest = self.rest.split(b"\r\n\r\n", 1)
        return head.decode()

    def send(self, data):
        coded = base64.b64encode(data)
        cut = self.random.randrange(len(coded))
        self.post.sendall(coded[:cut])
        self.nap()
        self.post.sendall(coded[cut:])

    def ask(self, method, path, more=""):
        self.cseq += 1
        self.send(("%s rtsp://%s:%d%s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n"
                   % (method, HOST, PORT, path, self.cseq, more, self.session)).encode())
        return self.reply()

    def reply(self):
        while True:
            while len(self.rest) < 4:
                self.fill()
            if self.rest[:1] == b"$":
                n = 4 + int.from_bytes(self.rest[2:4], "big")
                while len(self.rest) < n:
                    self.fill()
                self.rest = self.rest[n:]
                self.frames += 1
                continue
            lines = self.head().split("\r\n")
            fields = {k.lower(): v.strip() for k, v in (x.split(":", 1) for x in lines[1:])}
            body = int(fields.get("content-length", "0"))
            while len(self.rest) < body:
                self.fill()
            self.rest = self.rest[body:]
            if int(fields["cseq"]) != self.cseq:
                raise ValueError("CSeq %s instead of %d" % (fields["cseq"], self.cseq))
            return lines[0].split(" ")[1], fields

    def want(self, answer):
        if answer[0] != "200":
            raise ValueError("answered " + answer[0])
        return answer[1]

    def run(self):
        self.open()
        if not self.head().startswith("HTTP/1.0 200 "):
            raise ValueError("the GET was not answered 200")
        self.want(self.ask("DESCRIBE", "/pattern"))
        got = self.want(self.ask("SETUP", "/pattern/trackID=1",
                                 "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"))
        self.session = "Session: %s\r\n" % got["session"].split(";")[0]
        self.want(self.ask("PLAY", "/pattern"))
        for _ in range(3):
            old = self.post
            if self.random.random() < 0.5:
                if self.random.random() < 0.5:  # half a request goes with its POST
                    old.sendall(base64.b64encode(b"OPTIONS * RT"))
                old.close()
                self.nap()
                self.open_post()
            else:
                # what was sent over the old one counts when the new one comes
                self.cseq += 1
                self.send(("OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % self.cseq).encode())
                self.open_post()
                self.want(self.reply())
                self.nap()
                old.close()
            self.want(self.ask("GET_PARAMETER", "/pattern"))
            count("reopened")
        if self.random.random() < 0.3:
            self.get.close()
            count("vanished")
        else:
            self.want(self.ask("TEARDOWN", "/pattern"))
        self.post.close()
        self.get.close()
        count("done")
        count("frames", self.frames)


def work(numbers):
    for n in numbers:
        t = Tunnel(n)
        try:
            t.run()
        except (OSError, ValueError, EOFError, KeyError) as e:
            count("failed")
            print("tunnel %d: %r" % (n, e), file=sys.stderr)
        lone = Tunnel(n + TUNNELS)  # it never meets anyone
        lone.open_get() if n & 1 else lone.open_post()
        (lone.get if n & 1 else lone.post).close()


def mix():
    """The other half must come as the first one did."""
    t = Tunnel(2 * TUNNELS)
    t.open_get()
    t.head()
    t.post = connect(0)
    t.post.sendall(("POST / HTTP/1.0\r\nx-sessioncookie: %s\r\n\r\n" % t.cookie).encode())
    count("mixed", int(t.post.recv(12).split()[1]))
    t.post.close()
    t.get.close()


def main():
    threads = [threading.Thread(target=work, args=(range(i, TUNNELS, 16),)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if TLSPORT:
        mix()
    print(json.dumps(DONE))


main()
