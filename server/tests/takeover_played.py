# SPDX-License-Identifier: MIT
"""Take-overs with a process that is played here: takeover_played.py SERVER FOLDER [TEST...]"""
import os
import select
import signal
import socket
import struct
import subprocess
import time

from takeover_rig import (TMP, say, Server, Client, Ports, alive, HELLO, BUSY, LISTENER, CONTROL, END, READY,
                          CHECK, HERE, GONE, RELAY, TUNNEL, SIZE, message, connect, receive, run)


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
    """What is said about tunnels fills the socket of a new one that does not read: it hears CHECK and GONE all the same."""
    a = Server("a", "--port", "0", "--control-socket", control, "--maximum-connections-per-second-per-address", "0")
    s = connect(control)
    s.send(message(HELLO))
    while True:
        kind, fds = receive(s)
        for f in fds:
            os.close(f)
        if kind in (END, None):
            break
    halves = [socket.create_connection(a.at, timeout=10) for _ in range(900)]

    def crowd(some):
        for i in some:
            halves[i].sendall(b"GET /pattern HTTP/1.0\r\nx-sessioncookie: crowd-%d\r\n\r\n" % i)
        for i in some:
            halves[i].recv(4096)

    def read_words(n):
        """What comes after the words about tunnels, which are fewer than were said."""
        words, kind = 0, TUNNEL
        try:
            while kind == TUNNEL:
                kind, _ = receive(s)
                words += kind == TUNNEL
        except socket.timeout:
            pass
        if words >= n:
            print("skip - a socket that is full: this machine's hold %d words" % words)
        else:
            say(words > 0, "more is said about tunnels than the socket of a new one holds (%d words)" % words)
        return kind

    crowd(range(500))
    s.send(message(READY))
    time.sleep(0.5)
    say(read_words(500) == CHECK, "it is asked whether it is there when it has read some of it")
    crowd(range(500, 900))
    s.send(message(HERE))
    time.sleep(0.5)
    say(read_words(400) == GONE, "and told that the old one has gone")
    s.close()
    for half in halves:
        half.close()
    say(a.wait() == 0, "which ends with 0")


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


run(before_ready, crowded, stopped, bad_successors, bad_predecessors)
