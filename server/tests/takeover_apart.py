# SPDX-License-Identifier: MIT
"""What comes apart by a take-over, and is found: takeover_apart.py SERVER FOLDER [TEST...]"""
import hashlib
import os
import re
import signal
import socket
import time

from takeover_rig import (TMP, TCP, say, Server, Client, Ports, Tunnel, certificate, run)


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


run(tunnels, draining, same_files, nonces)
