# SPDX-License-Identifier: MIT
"""Take-overs between real servers: takeover.py SERVER FOLDER [TEST...]"""
import base64
import hashlib
import os
import socket
import subprocess
import sys
import time

from takeover_rig import (SERVER, TMP, TCP, processes, say, Server, Client, Ports, alive, certificate, run)


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


def deadline(control):
    a = Server("a", "--port", "0", "--control-socket", control, "--takeover-time", "1")
    ports = Ports()
    client = Client(a.at)
    client.play(ports.transport)
    b = Server("b", "--port", str(a.at[1]), "--control-socket", control, "--takeover", control)
    say(a.wait() == 0, "a session that does not end is ended after takeover_time")
    say(a.number("sessions_ended") == 1, "by the old process, with a BYE")
    say(Client(b.at).ask("OPTIONS")[0] == 200 and b.stop() == 0, "the new one serves on")


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


run(three_generations, several_addresses, basic_over_tls, activation, deadline, other_user, service_manager)
