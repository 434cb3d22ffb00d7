# SPDX-License-Identifier: MIT
"""Take-overs between real servers, and with one that is played here: takeover.py SERVER FOLDER [TEST...]"""
import base64
import hashlib
import json
import os
import re
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time

SERVER, TMP = sys.argv[1:3]
UDP = "RTP/AVP;unicast;client_port=%d-%d"
TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"
FLAGS = ["--workers", "2", "--log", "info", "--drain-time", "500"]
processes = []


def say(good, what):
    print(("ok - " if good else "not ok - ") + what, flush=True)


class Server:
    """One process; `url` when it has said that it listens."""

    def __init__(self, name, *flags, env=None, first=True):
        self.stats, self.log = "%s/%s.json" % (TMP, name), "%s/%s.log" % (TMP, name)
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [SERVER, "--stats", self.stats] + FLAGS + list(flags),
                stdout=subprocess.PIPE, stderr=log, env=dict(os.environ, **(env or {})))
        processes.append(self.process)
        self.at = (self.more(1) + [None])[0] if first else None

    def more(self, n):
        """The next n addresses that it listens at."""
        lines = [self.process.stdout.readline().decode() for _ in range(n)]
        found = [re.match(r"listening rtsps?://([\d.]+):(\d+)/", line) for line in lines]
        return [(m[1], int(m[2])) for m in found if m]

    def wait(self, seconds=20):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return "still there after %d s" % seconds

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.wait()

    def number(self, name):
        """Of its statistics, which it writes beside the file when it has handed over."""
        own = "%s.%d" % (self.stats, self.process.pid)
        with open(own if os.path.exists(own) else self.stats) as f:
            return json.load(f)[name]


class Client:
    def __init__(self, at, tls=None):
        self.sock = socket.create_connection(at, timeout=10)
        if tls:
            self.sock = tls.wrap_socket(self.sock)
        self.base = ("rtsps" if tls else "rtsp") + "://%s:%d/pattern/2t" % at
        self.data, self.cseq, self.frames, self.heads = b"", 0, 0, []

    def more(self):
        got = self.sock.recv(65536)
        if not got:
            raise EOFError
        self.data += got

    def ask(self, method, path="", session=None, *headers):
        """Status and session of the reply; 0 when the connection ends instead."""
        self.cseq += 1
        lines = ["%s %s%s RTSP/1.0" % (method, self.base, path), "CSeq: %d" % self.cseq]
        lines += ["Session: " + session] if session else []
        self.sock.sendall(("\r\n".join(lines + list(headers)) + "\r\n\r\n").encode())
        try:
            return self.reply()
        except (EOFError, ConnectionError):
            return 0, None

    def reply(self):
        while True:
            if self.data[:1] == b"$" and len(self.data) >= 4:
                n = 4 + int.from_bytes(self.data[2:4], "big")
                if len(self.data) >= n:
                    self.data, self.frames = self.data[n:], self.frames + 1
                    continue
            end = -1 if self.data[:1] == b"$" else self.data.find(b"\r\n\r\n")
            if end >= 0:
                head = self.data[:end].decode()
                self.heads.append(head)
                n = re.search(r"Content-Length: (\d+)", head)
                self.data = self.data[end + 4 + (int(n[1]) if n else 0):]
                if "CSeq: %d" % self.cseq not in head:
                    return -1, None
                m = re.search(r"Session: (\w+)", head)
                return int(head.split()[1]), m[1] if m else None
            self.more()

    def play(self, transport):
        status, session = self.ask("SETUP", "/trackID=1", None, "Transport: " + transport)
        if status == 200:
            status, _ = self.ask("PLAY", "", session)
        return session if status == 200 else None


class Ports:
    """A pair of UDP ports, and what came to the first."""

    def __init__(self):
        while True:
            self.socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
            self.socks[0].bind(("127.0.0.1", 0))
            port = self.socks[0].getsockname()[1]
            try:
                if port % 2 == 0:
                    self.socks[1].bind(("127.0.0.1", port + 1))
                    break
            except OSError:
                pass
            for s in self.socks:
                s.close()
        for s in self.socks:
            s.setblocking(False)
        self.transport = UDP % (port, port + 1)

    def missing(self):
        """Packets so far, and how many numbers are missing between the first and the last."""
        numbers = []
        try:
            while True:
                numbers.append(int.from_bytes(self.socks[0].recv(2048)[2:4], "big"))
        except BlockingIOError:
            pass
        span = [(b - a) % 65536 for a, b in zip(numbers, numbers[1:])]
        return len(numbers), sum(span) - len(span)


def alive(server):
    return server.process.poll() is None


def three_generations(control):
    a = Server("a", "--port", "0", "--control-socket", control)
    say(a.at is not None and os.stat(control).st_mode & 0o777 == 0o600,
        "the control socket is for its owner alone")
    ports, more_ports = Ports(), Ports()
    ca, tcp = Client(a.at), Client(a.at)
    udp_a, tcp_a = ca.play(ports.transport), tcp.play(TCP)
    say(udp_a is not None and tcp_a is not None, "two sessions play")
    waiting = socket.create_connection(a.at, timeout=10)  # has not said a word yet

    b = Server("b", "--port", "0", "--control-socket", control, "--takeover", control)
    say(b.at == a.at, "the new process listens at the same address")
    say(alive(a), "the old one goes on")
    cb = Client(b.at)
    udp_b = cb.play(more_ports.transport)
    say(udp_b is not None and udp_b[-2:] != udp_a[-2:], "a new session is of another generation")
    waiting.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    say(waiting.recv(4096).startswith(b"RTSP/1.0 200"), "a connection from before is served")
    waiting.close()
    say(tcp.ask("GET_PARAMETER", "", tcp_a)[0] == 200 and tcp.frames > 0,
        "an interleaved session goes on where it was")
    say(cb.ask("GET_PARAMETER", "", udp_a) == (200, udp_a),
        "a request for an old session is answered over a new connection")
    say(cb.ask("GET_PARAMETER", "", udp_b) == (200, udp_b), "and one for a new session after it")
    say(cb.ask("GET_PARAMETER", "", "0123456789abcdef" + udp_a[-4:])[0] == 454,
        "an old session that there is not is 454")
    say(cb.ask("GET_PARAMETER", "", udp_a[:-2] + "77")[0] == 454, "so is a generation that there is not")
    say(cb.ask("SETUP", "/trackID=2", udp_a, "Transport: " + TCP)[0] in (455, 461),
        "an old session cannot come over a connection that is not its own")
    say(ca.ask("GET_PARAMETER", "", udp_b) == (200, udp_b),
        "a request for a new session is answered over an old connection")

    c = Server("c", "--port", "0", "--control-socket", control, "--takeover", control)
    say(c.at == a.at and alive(a) and alive(b), "a third takes over from the second")
    cc = Client(c.at)
    say(cc.ask("GET_PARAMETER", "", udp_a)[0] == 200 and cc.ask("GET_PARAMETER", "", udp_b)[0] == 200,
        "it finds the sessions of both")
    udp_c = cc.play(Ports().transport)
    say(ca.ask("GET_PARAMETER", "", udp_c) == (200, udp_c), "the first finds those of the third")
    for i, session in enumerate([udp_a, udp_b] * 10):
        cc.sock.sendall(("GET_PARAMETER %s RTSP/1.0\r\nCSeq: %d\r\nSession: %s\r\n\r\n"
                         % (cc.base, 100 + i, session)).encode())
    order = []
    for i in range(20):
        cc.cseq = 100 + i
        order.append(cc.reply()[0])
    say(order == [200] * 20, "pipelined requests for both are answered in order")
    time.sleep(0.3)
    say(cc.ask("TEARDOWN", "", udp_a)[0] == 200 and cc.ask("TEARDOWN", "", udp_b)[0] == 200,
        "TEARDOWN of both works there")
    for name, p in ("old", ports), ("second", more_ports):
        n, missing = p.missing()
        say(n > 10 and missing == 0, "no packet of the %s session is missing (%d came)" % (name, n))
    say(cc.ask("GET_PARAMETER", "", udp_a)[0] == 454, "then it is gone")
    say(tcp.ask("TEARDOWN", "", tcp_a)[0] == 200, "the interleaved one is ended on its own connection")
    for x in ca, tcp, cb:
        x.sock.close()
    say(a.wait() == 0, "when the last session has gone, the first process ends with 0")
    say(b.wait() == 0, "so does the second")
    say(cc.ask("GET_PARAMETER", "", udp_a)[0] == 454, "who is gone is 454")
    say(not os.path.exists(a.stats) and a.number("takeovers") == 1,
        "who handed over leaves the name of the statistics to its successor")
    say(a.number("requests_relayed_in") >= 20 and c.number("requests_relayed") >= 22
        if os.path.exists(c.stats) else c.stop() == 0 and c.number("requests_relayed") >= 22,
        "what went there is counted")
    say(not os.path.exists(control), "the last one takes the control socket away")


def certificate():
    """A certificate with its key, and what trusts anybody."""
    cert, tls = TMP + "/cert.pem", ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", cert + ".key", "-out", cert + ".crt", "-subj", "/CN=localhost",
                    "-days", "2"], check=True, capture_output=True)
    with open(cert, "w") as f:
        f.write(open(cert + ".key").read() + open(cert + ".crt").read())
    return cert, tls


def several_addresses(control):
    """Three listeners, one with TLS: each is handed over, matched by its address."""
    cert, tls = certificate()
    common = ["--control-socket", control, "--tls-certificate", cert, "--tls-udp-media", "1"]
    a = Server("a", "--listen", "127.0.0.1:0", "--listen", "rtsps://127.0.0.2:0", "--listen", "127.0.0.3:0", *common)
    at = [a.at] + a.more(2)
    b = Server("b", "--listen", "rtsps://127.0.0.2:%d" % at[1][1], "--listen", "127.0.0.1:%d" % at[0][1],
               "--takeover", control, *common, first=False)
    got = b.more(2)
    say(got == [at[1], at[0]], "listeners are matched by their addresses, in another order, too")
    try:
        Client(at[2]).ask("OPTIONS")
        say(a.process.wait(10) is None, "one that nobody asks for")
    except ConnectionRefusedError:
        say(True, "one that the new process does not ask for is closed")
    a.process.wait(20)
    ports = Ports()
    old = Client(at[1], tls)
    session = old.play(ports.transport)
    c = Server("c", "--listen", "rtsps://127.0.0.2:%d" % at[1][1], "--takeover", control, *common, first=False)
    say(c.more(1) == [at[1]], "TLS is handed over, too")
    new = Client(at[1], tls)
    say(session is not None and new.ask("GET_PARAMETER", "", session) == (200, session),
        "and a request for a session made over TLS finds it")
    say(new.ask("SETUP", "/trackID=2", session, "Transport: " + Ports().transport)[0] in (200, 455),
        "where it counts as made over TLS")
    say(old.ask("TEARDOWN", "", session)[0] == 200, "its own connection goes on")
    old.sock.close()
    say(b.wait() == 0 and c.stop() == 0, "and both end with 0")


def basic_over_tls(control):
    """Basic is taken over TLS only: a request that travels from one process to another says that it came so."""
    cert, tls = certificate()
    with open(TMP + "/users", "w") as f:
        f.write("anna:Beagle:%s\n" % hashlib.md5(b"anna:Beagle:pass").hexdigest())
    login = "Authorization: Basic " + base64.b64encode(b"anna:pass").decode()
    common = ["--control-socket", control, "--tls-certificate", cert, "--auth-users", TMP + "/users",
              "--auth-wait-max", "0"]
    a = Server("a", "--listen", "rtsps://127.0.0.1:0", "--listen", "127.0.0.1:0", *common)
    secure, plain = a.at, a.more(1)[0]
    old = Client(secure, tls)
    status, session = old.ask("SETUP", "/trackID=1", None, "Transport: " + TCP, login)
    say(status == 200, "Basic opens over TLS")
    b = Server("b", "--listen", "rtsps://127.0.0.1:%d" % secure[1], "--listen", "127.0.0.1:%d" % plain[1],
               "--takeover", control, *common)
    b.more(1)
    say(Client(secure, tls).ask("GET_PARAMETER", "", session, login) == (200, session),
        "and for a session of the process before")
    say(Client(secure, tls).ask("GET_PARAMETER", "", session)[0] == 401, "without it the answer is 401")
    say(Client(plain).ask("GET_PARAMETER", "", session, login)[0] == 401, "and so it is for Basic without TLS")
    say(old.ask("TEARDOWN", "", session, login)[0] == 200, "its own connection goes on")
    old.sock.close()
    say(a.wait() == 0 and b.stop() == 0, "and both end with 0")


def activation(control):
    """The service manager opens the port."""
    door = socket.create_server(("127.0.0.1", 0))
    at = door.getsockname()
    waiting = socket.create_connection(at, timeout=10)
    code = ("import os, sys; os.dup2(%d, 3); os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
            "os.execv(sys.argv[1], sys.argv[1:])" % door.fileno())
    p = subprocess.Popen([sys.executable, "-c", code, SERVER, "--port", str(at[1])], stdout=subprocess.PIPE,
                         pass_fds=[door.fileno()])
    processes.append(p)
    say(p.stdout.readline().decode().strip() == "listening rtsp://127.0.0.1:%d/" % at[1],
        "a port that the service manager has opened is served")
    waiting.sendall(b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
    say(waiting.recv(4096).startswith(b"RTSP/1.0 200"), "and who came before the server started")
    p.terminate()
    say(p.wait(20) == 0, "it ends with 0")
    door.close()


class Tunnel(Client):
    """Over HTTP: hears over the GET, says over the POST."""

    def __init__(self, at, cookie, tls=None):
        self.at, self.cookie, self.tls = at, cookie, tls
        super().__init__(at, tls)
        self.get = self.sock
        self.get.sendall(("GET /pattern HTTP/1.0\r\nAccept: application/x-rtsp-tunnelled\r\n"
                          "x-sessioncookie: %s\r\n\r\n" % cookie).encode())
        while b"\r\n\r\n" not in self.data:
            self.more()
        self.data = self.data.split(b"\r\n\r\n", 1)[1]
        self.open_post()

    def open_post(self):
        self.post = socket.create_connection(self.at, timeout=10)
        if self.tls:
            self.post = self.tls.wrap_socket(self.post)
        self.post.sendall(("POST /pattern HTTP/1.0\r\nContent-Type: application/x-rtsp-tunnelled\r\n"
                           "x-sessioncookie: %s\r\nContent-Length: 32767\r\n\r\n" % self.cookie).encode())
        self.sock = self

    def sendall(self, data):
        self.post.sendall(base64.b64encode(data))

    def recv(self, n):
        return self.get.recv(n)


def tunnels(control):
    """The halves of a tunnel with different processes: opened anew after a take-over, twice, and over TLS."""
    cert, tls = certificate()
    common = ["--control-socket", control, "--tls-certificate", cert]
    a = Server("a", "--listen", "127.0.0.1:0", "--listen", "rtsps://127.0.0.1:0", *common)
    at, secure = a.at, a.more(1)[0]
    listen = ["--listen", "127.0.0.1:%d" % at[1], "--listen", "rtsps://127.0.0.1:%d" % secure[1]]
    clients = [Tunnel(at, "plain-%d" % os.getpid()), Tunnel(secure, "tls-%d" % os.getpid(), tls)]
    ids = [c.play(TCP) for c in clients]
    say(None not in ids, "two tunnels play, one of them over TLS")
    stay = Tunnel(at, "stay-%d" % os.getpid())
    stay_id = stay.play(TCP)
    b = Server("b", *listen, *common, "--takeover", control)
    for name, c, session in zip(("in the clear", "over TLS"), clients, ids):
        c.post.close()
        c.open_post()
        say(c.ask("GET_PARAMETER", "", session) == (200, session),
            "a POST opened again at the new process finds the GET of the old one, " + name)
    clients[0].post.close()
    thief = socket.create_connection(at, timeout=10, source_address=("127.0.0.5", 0))
    thief.sendall(b"POST / HTTP/1.0\r\nx-sessioncookie: %s\r\n\r\n" % clients[0].cookie.encode())
    say(thief.recv(4096).startswith(b"HTTP/1.0 403"),
        "a POST of another address is refused as it would be by the process that has the GET")
    clients[0].open_post()
    say(clients[0].ask("GET_PARAMETER", "", ids[0])[0] == 200, "and keeps nobody out")
    thief.close()
    c = Server("c", *listen, *common, "--takeover", control)
    for name, client, session in zip(("in the clear", "over TLS"), clients, ids):
        before = client.frames
        client.post.close()
        client.open_post()
        say(client.ask("PAUSE", "", session)[0] == 200 and client.frames > before,
            "and so again after the next take-over, " + name)
        say(client.ask("TEARDOWN", "", session)[0] == 200, "to the end")
        client.get.close()
        client.post.close()
    say(stay.ask("TEARDOWN", "", stay_id)[0] == 200, "one that kept its POST was never disturbed")
    stay.get.close()
    stay.post.close()
    codes = a.wait(), b.wait(), c.stop()
    say(codes == (0, 0, 0), "all three end with 0 %s" % (codes,))
    say(a.number("tunnel_posts_taken") == 5 and b.number("tunnel_posts_sent") == 3
        and c.number("tunnel_posts_sent") == 2, "each POST is counted where it went")


def before_ready(control):
    """The new one's workers serve before it says READY: the old one must find their sessions."""
    a = Server("a", "--port", "0", "--control-socket", control)
    client = Client(a.at)
    s = connect(control)
    s.send(message(HELLO))
    kinds, generation = [], None
    while not kinds or kinds[-1] not in (END, None):
        data, control_data, _, _ = s.recvmsg(4096, 256)
        kinds.append(struct.unpack("=IHHBBBBi", data[:16])[2])
        generation = data[8]
        for _, _, raw in control_data:
            os.close(struct.unpack("=i", raw)[0])
    client.cseq += 1
    client.sock.sendall(("GET_PARAMETER %s RTSP/1.0\r\nCSeq: %d\r\nSession: 0123456789abcdef00%02x\r\n\r\n"
                         % (client.base, client.cseq, generation)).encode())
    s.settimeout(3)
    try:
        kind, fds = receive(s)
    except socket.timeout:
        kind, fds = None, []
    say(kind == RELAY and len(fds) == 1, "a request for a session of one that is not ready yet is sent to it")
    if fds:
        there = socket.socket(fileno=fds[0])
        there.setblocking(True)
        there.recv(4096)
        there.sendall(b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n\r\n" % client.cseq)
        there.close()
    say(client.reply()[0] == 200, "and answered by it")
    s.close()
    say(client.ask("OPTIONS")[0] == 200 and a.stop() == 0, "its end changes nothing")


def crowded(control):
    """What is said about tunnels fills the socket of a new one that does not read yet: it is asked all the same."""
    a = Server("a", "--port", "0", "--control-socket", control, "--maximum-connections-per-second-per-address", "0")
    s = connect(control)
    s.send(message(HELLO))
    while True:
        kind, fds = receive(s)
        for f in fds:
            os.close(f)
        if kind in (END, None):
            break
    halves = [socket.create_connection(a.at, timeout=10) for _ in range(700)]
    for i, half in enumerate(halves):
        half.sendall(("GET /pattern HTTP/1.0\r\nx-sessioncookie: crowd-%d\r\n\r\n" % i).encode())
    for half in halves:
        half.recv(4096)
    s.send(message(READY))
    time.sleep(0.5)
    words, kind = 0, None
    try:
        while True:
            kind, _ = receive(s)
            if kind != TUNNEL:
                break
            words += 1
    except socket.timeout:
        pass
    say(0 < words < len(halves), "more is said about tunnels than the socket of a new one holds (%d words)" % words)
    say(kind == CHECK, "it is asked whether it is there when it has read some of it")
    s.close()
    say(Client(a.at).ask("OPTIONS")[0] == 200, "and its end changes nothing")
    for half in halves:
        half.close()
    say(a.stop() == 0, "the old one ends with 0")


class Between:
    """Stands between an old process and a new one: passes on what they say, and stops the new one at a word."""

    def __init__(self, control, path):
        self.control = control
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.door.bind(path)
        self.door.listen(1)

    def run(self, new, stop_at):
        """Until `stop_at` has come from the new one, which is stopped then; both of its connections."""
        down, _ = self.door.accept()
        up = connect(self.control)
        while True:
            ready, _, _ = select.select([down, up], [], [], 20)
            for s in ready:
                data, control, _, _ = s.recvmsg(4096, 256)
                fds = [f for _, _, raw in control for f in struct.unpack("=%di" % (len(raw) // 4), raw)]
                kind = struct.unpack("=IHHBBBBi", data[:16])[2] if data else None
                if s is down and kind == stop_at:
                    new.process.send_signal(signal.SIGSTOP)
                    os.waitpid(new.process.pid, os.WUNTRACED)
                to = up if s is down else down
                socket.send_fds(to, [data], fds) if fds else to.send(data)
                for f in fds:
                    os.close(f)
                if s is down and kind == stop_at:
                    return down, up


def stopped(control):
    """A new process that is stopped the moment it has said READY gets nothing, and holds nobody up for long."""
    a = Server("a", "--port", "0", "--control-socket", control)
    client = Client(a.at)
    session = client.play(Ports().transport)
    between = Between(control, control + ".between")
    b = Server("b", "--port", str(a.at[1]), "--control-socket", control, "--takeover", control + ".between",
               first=False)
    down, up = between.run(b, READY)
    began = time.monotonic()
    say(client.ask("GET_PARAMETER", "", session)[0] == 200 and Client(a.at).ask("OPTIONS")[0] == 200,
        "while a new process is stopped after READY the old one serves")
    c = None
    while time.monotonic() < began + 15:
        c = Server("c", "--port", "0", "--control-socket", control, "--takeover", control)
        if c.at:
            break
        time.sleep(0.5)
    say(c.at == a.at and time.monotonic() < began + 12, "after some seconds another may take over (%.1f s)"
        % (time.monotonic() - began))
    lines = [line for line in open(a.log) if "has stopped since it was ready" in line]
    say(len(lines) == 1, "one line says so")
    # what the old one said meanwhile reaches the stopped one with its end
    up.setblocking(False)
    try:
        while True:
            data = up.recv(4096)
            if not data:
                break
            down.send(data)
    except (BlockingIOError, ConnectionError):
        pass
    down.close()
    b.process.send_signal(signal.SIGCONT)
    say(b.wait() in (0, 2), "when it goes on it ends")
    say(os.path.exists(control), "and leaves the control socket where it is")
    say(Client(c.at).ask("OPTIONS")[0] == 200, "and the other serves on")
    say(Client(c.at).ask("TEARDOWN", "", session)[0] == 200, "and finds the sessions of the first")
    client.sock.close()
    say(a.wait() == 0 and a.number("takeovers_failed") == 1 and a.number("takeovers") == 1, "both are counted")
    # one that hangs later holds the listeners: who it is, is told
    c.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    d = Server("d", "--port", "0", "--control-socket", control, "--takeover", control, first=False)
    say(d.wait(20) == 2 and "process %d does not answer" % c.process.pid in open(d.log).read(),
        "a server that hangs is named by its pid to who would take over (%.1f s)" % (time.monotonic() - began))
    c.process.send_signal(signal.SIGCONT)
    say(c.stop() == 0, "it ends with 0 when it goes on")


def draining(control):
    """After SIGTERM a server that lets its sessions end can still hand over."""
    a = Server("a", "--port", "0", "--control-socket", control, "--shutdown-time", "60")
    client = Client(a.at)
    session = client.play(Ports().transport)
    a.process.send_signal(signal.SIGTERM)

    def refused():
        probe = Client(a.at)
        probe.ask("OPTIONS")
        return probe.heads[-1].startswith("RTSP/1.0 503 ")

    for _ in range(100):
        if refused():
            break
        time.sleep(0.05)
    say(refused() and client.ask("GET_PARAMETER", "", session)[0] == 200,
        "after SIGTERM a new client hears 503, one that plays goes on")
    b = Server("b", "--port", "0", "--control-socket", control, "--takeover", control)
    say(b.at == a.at and Client(b.at).ask("OPTIONS")[0] == 200, "another can take over then, and serves")
    say(Client(b.at).ask("TEARDOWN", "", session)[0] == 200, "sessions are found as ever")
    client.sock.close()
    say(a.wait() == 0 and b.stop() == 0, "and both end with 0")
    a = Server("a2", "--port", "0", "--control-socket", control, "--shutdown-time", "3")
    client = Client(a.at)
    client.play(Ports().transport)
    a.process.send_signal(signal.SIGTERM)
    b = Server("b2", "--port", "0", "--control-socket", control, "--takeover", control)
    say(b.at == a.at and a.wait(15) == 0, "the time that it had to end still holds")
    say(b.stop() == 0, "the new one ends with 0")


def same_files(control):
    """Both are started with the same command line: the old one leaves the names of its files to the new one."""
    flags = ["--port", "0", "--control-socket", control, "--status", TMP + "/same.status"]
    a = Server("same", *flags)
    client = Client(a.at)
    session = client.play(Ports().transport)
    b = Server("same", *flags, "--takeover", control)
    b.process.send_signal(signal.SIGUSR1)
    for _ in range(100):
        if os.path.exists(b.stats) and os.path.exists(TMP + "/same.status"):
            break
        time.sleep(0.05)
    before = open(b.stats).read()
    a.process.send_signal(signal.SIGUSR1)
    for _ in range(100):
        if os.path.exists("%s/same.status.%d" % (TMP, a.process.pid)):
            break
        time.sleep(0.05)
    say("pid=%d" % b.process.pid in open(TMP + "/same.status").read()
        and "pid=%d" % a.process.pid in open("%s/same.status.%d" % (TMP, a.process.pid)).read(),
        "each has a status file of its own")
    say(client.ask("TEARDOWN", "", session)[0] == 200, "the old one's last session ends")
    client.sock.close()
    say(a.wait() == 0 and open(b.stats).read() == before and a.number("sessions_ended") == 1,
        "and its statistics are beside the new one's, which stay as they were")
    say(b.stop() == 0 and b.number("sessions") == 0, "the new one writes its own")


def nonces(control):
    """A nonce is of the process that gave it: elsewhere it is stale, which costs one more request."""
    with open(TMP + "/users", "w") as f:
        f.write("anna:Beagle:%s\n" % hashlib.md5(b"anna:Beagle:pass").hexdigest())
    common = ["--control-socket", control, "--auth-users", TMP + "/users", "--auth-wait-max", "0"]

    def login(client, method, path, session, nonce, count, *headers):
        """Status, and the stale flag and nonce of a challenge."""
        uri = client.base + path
        ha1 = hashlib.md5(b"anna:Beagle:pass").hexdigest()
        ha2 = hashlib.md5(("%s:%s" % (method, uri)).encode()).hexdigest()
        response = hashlib.md5(("%s:%s:%08x:abc:auth:%s" % (ha1, nonce, count, ha2)).encode()).hexdigest()
        lines = ["Authorization: Digest username=\"anna\", realm=\"Beagle\", nonce=\"%s\", uri=\"%s\", "
                 "qop=auth, nc=%08x, cnonce=\"abc\", response=\"%s\"" % (nonce, uri, count, response)]
        client.heads = []
        status, got = client.ask(method, path, session, *lines, *headers)
        head = client.heads[-1]
        m = re.search(r'nonce="([^"]+)"', head)
        return status, got, "stale=true" in head, m[1] if m else None

    a = Server("a", "--port", "0", *common)
    client = Client(a.at)
    transport = "Transport: " + Ports().transport
    _, _, stale, nonce = login(client, "SETUP", "/trackID=1", None, "none", 1, transport)
    status, session, _, _ = login(client, "SETUP", "/trackID=1", None, nonce, 1, transport)
    say(stale and status == 200, "a nonce of nobody is stale, that of the server opens")
    b = Server("b", "--port", "0", "--takeover", control, *common)
    new = Client(b.at)
    status, _, stale, his = login(new, "DESCRIBE", "", None, nonce, 2)
    say(status == 401 and stale, "after a take-over the new process calls it stale: no password is asked for")
    say(login(new, "DESCRIBE", "", None, his, 1)[0] == 200, "and takes one of its own")
    # what was heard on the wire before opens nothing at the other process
    say(login(new, "SETUP", "/trackID=1", None, nonce, 1, transport)[0] == 401,
        "a request that was heard before cannot be said again there")
    status = login(new, "GET_PARAMETER", "", session, nonce, 2)[0]
    say(status == 200, "a request for the old one's session is judged by the old one")
    say(login(client, "TEARDOWN", "", session, nonce, 3)[0] == 200, "which goes on counting")
    client.sock.close()
    say(a.wait() == 0 and b.stop() == 0, "and both end with 0")


def deadline(control):
    a = Server("a", "--port", "0", "--control-socket", control, "--takeover-time", "1")
    ports = Ports()
    client = Client(a.at)
    client.play(ports.transport)
    b = Server("b", "--port", str(a.at[1]), "--control-socket", control, "--takeover", control)
    say(a.wait() == 0, "a session that does not end is ended after takeover_time")
    say(a.number("sessions_ended") == 1, "by the old process, with a BYE")
    say(Client(b.at).ask("OPTIONS")[0] == 200 and b.stop() == 0, "the new one serves on")


# ---- one side is played here ----
HELLO, BUSY, LISTENER, CONTROL, ELDER, END, READY, CHECK, HERE, GONE, RELAY, TUNNEL = range(12)
MAGIC, VERSION, SIZE = 0x62676C74, 2, 212


def message(kind, generation=0):
    return struct.pack("=IHHBBBBi", MAGIC, VERSION, kind, generation, 0, 0, 0, os.getpid()).ljust(SIZE, b"\0")


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.connect(path)
    s.settimeout(10)
    return s


def receive(s):
    """Kind and descriptors; None at the end."""
    data, control, _, _ = s.recvmsg(4096, 256)
    fds = [f for level, kind, raw in control for f in struct.unpack("=%di" % (len(raw) // 4), raw)]
    return (struct.unpack("=IHHBBBBi", data[:16])[2], fds) if data else (None, fds)


def bad_successors(control):
    a = Server("a", "--port", "0", "--control-socket", control)
    client = Client(a.at)
    session = client.play(Ports().transport)

    def serves():
        return client.ask("GET_PARAMETER", "", session)[0] == 200 and Client(a.at).ask("OPTIONS")[0] == 200

    s = connect(control)
    s.send(message(HELLO))
    kinds, held = [], []
    while not kinds or kinds[-1] not in (END, None):
        kind, fds = receive(s)
        kinds.append(kind)
        held += fds
    say(kinds == [LISTENER, CONTROL, END] and len(held) == 2, "what is offered: listener, control socket, end")
    second = Server("second", "--port", "0", "--takeover", control)
    say(second.wait() == 2 and second.at is None, "while one takes over, another may not: exit 2")
    for f in held:
        os.close(f)
    s.close()
    say(serves(), "one that dies before it is ready changes nothing")
    for what, bytes_ in ("garbage", os.urandom(SIZE)), ("a version of the future", message(HELLO)[:4] + b"\x09" + message(HELLO)[5:]), \
            ("a short message", b"x"), ("READY without HELLO", None):
        s = connect(control)
        if bytes_:
            s.send(bytes_)
            try:
                while receive(s)[0] is not None:
                    pass
            except ConnectionError:
                pass
        s.close()
        say(alive(a) and serves(), "nor does " + what if bytes_ else "nor does one that says nothing")
    broken = Server("broken", "--port", "0", "--takeover", control, "--root", "/nonexistent")
    say(broken.wait() == 2 and serves(), "nor does one that cannot start: it ends with 2")
    if os.getuid() == 0:
        os.chmod(control, 0o777)
        os.chmod(TMP, 0o755)
        code = ("import socket; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.settimeout(5)\n"
                "s.connect('%s')\ntry: print(len(s.recv(99)))\nexcept ConnectionError: print(0)" % control)
        out = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", "python3", "-c", code],
                             capture_output=True, text=True)
        say(out.stdout.strip() == "0" and serves(), "another user gets nothing, even where the file lets him in")
    else:
        print("skip - a user who may not take over: needs root")
    for _ in range(50):
        connect(control).close()
    time.sleep(0.2)
    fds = len(os.listdir("/proc/%d/fd" % a.process.pid))
    for i in range(50):
        s = connect(control)
        # more descriptors than belong to a message, and some that belong to none
        socket.send_fds(s, [message(HELLO) if i % 2 else b""], [0, 0])
        while receive(s)[0] not in (END, BUSY, None):
            pass
        s.close()
        time.sleep(0.01)
    time.sleep(0.2)
    say(len(os.listdir("/proc/%d/fd" % a.process.pid)) <= fds, "and no descriptor is left of a hundred of them")
    good = Server("good", "--port", "0", "--control-socket", control, "--takeover", control)
    say(good.at == a.at, "the next good one takes over")
    say(client.ask("TEARDOWN", "", session)[0] == 200 and a.wait() == 0, "and the old one ends")
    good.stop()


def bad_predecessors(control):
    def old(*, offers):
        """A process that dies after `offers` messages, with a listener of its own."""
        control_listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        control_listener.bind(control)
        control_listener.listen(1)
        door = socket.create_server(("127.0.0.1", 0))
        at = door.getsockname()
        pid = os.fork()
        if pid == 0:
            s, _ = control_listener.accept()
            s.recv(SIZE)
            if offers == 0:
                door.close()
            where = struct.pack("=H", socket.AF_INET) + at[1].to_bytes(2, "big") + socket.inet_aton(at[0])
            for kind in [LISTENER, END][:offers]:
                m = message(kind, 7)
                if kind == LISTENER:
                    m = m[:48] + where.ljust(28, b"\0") + struct.pack("=I", 16)
                    m = m.ljust(SIZE, b"\0")
                    socket.send_fds(s, [m], [door.fileno()])
                else:
                    s.send(m)
            os._exit(0)
        control_listener.close()
        return at, door, pid

    for offers, what in (0, "before it said a word"), (1, "in the midst of its offer"), (2, "before it had gone"):
        at, door, pid = old(offers=offers)
        if offers == 0:
            door.close()
        new = Server("new%d" % offers, "--port", str(at[1]), "--takeover", control)
        say(new.at == ("127.0.0.1", at[1]) and Client(new.at).ask("OPTIONS")[0] == 200,
            "an old one that dies %s: the new one serves" % what)
        os.waitpid(pid, 0)
        door.close()
        os.unlink(control)
        new.stop()
    new = Server("alone", "--port", "0", "--takeover", control)
    say(new.at is not None and new.stop() == 0, "nobody to take over from: a start like any other")


def other_user(control):
    """Started as root, serving as nobody, under the filter: the next one starts as root again."""
    if os.getuid() != 0:
        print("skip - take-over between servers that gave up root: needs root")
        return
    os.chmod(TMP, 0o755)
    stats = TMP + "/open"
    os.mkdir(stats)
    os.chmod(stats, 0o777)
    flags = ["--run-user-name", "nobody", "--seccomp", "kill", "--control-socket", control]
    a = Server("open/a", "--port", "0", *flags)
    client = Client(a.at)
    session = client.play(Ports().transport)
    b = Server("open/b", "--port", str(a.at[1]), "--takeover", control, *flags)
    new = Client(b.at)
    say(new.ask("GET_PARAMETER", "", session) == (200, session),
        "servers that gave up root hand over, and relay under the filter")
    say(new.ask("TEARDOWN", "", session)[0] == 200, "TEARDOWN ends the session")
    client.sock.close()
    say(a.wait() == 0 and b.stop() == 0, "and both end with 0")


def service_manager(control):
    path = TMP + "/notify"
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(path)
    manager.settimeout(10)
    a = Server("a", "--port", "0", "--control-socket", control, env={"NOTIFY_SOCKET": path})
    b = Server("b", "--port", "0", "--control-socket", control, "--takeover", control)
    heard = b""
    while b"MAINPID=" not in heard:
        heard += manager.recv(4096) + b"\n"
    say(b"MAINPID=%d\n" % b.process.pid in heard, "the service manager hears who serves now")
    say(a.wait() == 0 and b.stop() == 0, "both end with 0")
    manager.close()


try:
    tests = [three_generations, several_addresses, basic_over_tls, activation, deadline, bad_successors,
             bad_predecessors, other_user, service_manager, tunnels, before_ready, crowded, stopped, draining,
             same_files, nonces]
    for i, test in enumerate(tests):
        if len(sys.argv) < 4 or test.__name__ in sys.argv[3:]:
            test("%s/control%d" % (TMP, i))
finally:
    for p in processes:
        if p.poll() is None:
            p.kill()
            p.wait()
