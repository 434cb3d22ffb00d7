# SPDX-License-Identifier: MIT
"""A client of mod_auth that shares nothing with it: sockets, hashlib, and RFC 2617 and 7616 read anew.

    auth_client.py URL CASE...        prints ok / not ok lines; the cases are the functions below
"""
import base64
import hashlib
import re
import socket
import sys
import time

USER, PASSWORD = "anna", "s3cret pass"
OTHER, OTHER_PASSWORD = "bert", "b3rt"
REALM = "Beagle"
URL = sys.argv[1].rstrip("/")
HOST, PORT = re.match(r"rtsp://([^:/]+):(\d+)", URL).groups()
MEDIUM = URL + "/pattern"
TRACK = MEDIUM + "/trackID=1"
TCP = "Transport: RTP/AVP/TCP;unicast\r\n"
UDP = "Transport: RTP/AVP;unicast;client_port=5000-5001\r\n"


def say(good, what, more=""):
    print(("ok - " if good else "not ok - ") + what + (" (%s)" % more if more and not good else ""), flush=True)


def same(what, want, got):
    wants = want if isinstance(want, (list, tuple, set)) else [want]
    say(got in wants, what, "expected %s, got %s" % (want, got))


class Reply:
    def __init__(self, head):
        lines = head.split("\r\n")
        self.status = int(lines[0].split()[1])
        self.headers = [tuple(x.split(": ", 1)) for x in lines[1:] if ": " in x]

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def one(self, name):
        return (self.all(name) or [""])[0]


class Connection:
    def __init__(self, source="127.0.0.1"):
        self.sock = socket.create_connection((HOST, int(PORT)), timeout=20, source_address=(source, 0))
        self.data, self.cseq, self.session = b"", 0, None

    def close(self):
        self.sock.close()

    def send(self, method, uri, lines=""):
        self.cseq += 1
        who = "Session: %s\r\n" % self.session if self.session else ""
        text = "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s%s\r\n" % (method, uri, self.cseq, who, lines)
        self.sock.sendall(text.encode("latin-1"))

    def reply(self):
        """The next reply; None: the connection is closed."""
        while True:
            while self.data[:1] == b"$" and len(self.data) >= 4:
                n = 4 + int.from_bytes(self.data[2:4], "big")
                if len(self.data) < n:
                    break
                self.data = self.data[n:]
            end = self.data.find(b"\r\n\r\n")
            if self.data[:1] != b"$" and end >= 0:
                r = Reply(self.data[:end].decode("latin-1"))
                n = int(r.one("Content-Length") or 0)
                if len(self.data) >= end + 4 + n:
                    self.data = self.data[end + 4 + n:]
                    return r
            try:
                more = self.sock.recv(65536)
            except ConnectionResetError:
                return None
            if not more:
                return None
            self.data += more

    def ask(self, method, uri, lines=""):
        try:
            self.send(method, uri, lines)
        except (BrokenPipeError, ConnectionResetError):
            return None
        r = self.reply()
        if r and r.status == 200 and method == "SETUP":
            self.session = r.one("Session").split(";")[0]
        return r


def hexes(algorithm, text):
    return hashlib.new("sha256" if algorithm == "SHA-256" else "md5", text.encode()).hexdigest()


def fields_of(challenge):
    return dict((k, v.strip('"')) for k, v in re.findall(r'(\w+)=("[^"]*"|[^\s,]+)', challenge))


class Digest:
    """Answers one challenge, request after request."""

    def __init__(self, challenge, user=USER, password=PASSWORD, qop=True):
        self.f = fields_of(challenge)
        self.user, self.password, self.qop, self.n = user, password, qop, 0

    def response(self, method, uri, nc=None, **wrong):
        f = dict(self.f, **wrong)
        self.n += 1
        self.nc = "%08x" % (self.n if nc is None else nc)
        a = f.get("algorithm", "MD5")
        ha1 = hexes(a, "%s:%s:%s" % (self.user, f["realm"], self.password))
        ha2 = hexes(a, "%s:%s" % (method, uri))
        middle = "%s:%s:c0ffee:auth:" % (f["nonce"], self.nc) if self.qop else f["nonce"] + ":"
        return hexes(a, "%s:%s%s" % (ha1, middle, ha2))

    def header(self, method, uri, form='%s="%s"', join=", ", nc=None, upper=False, **wrong):
        f = dict(self.f, **wrong)
        r = self.response(method, uri, nc, **wrong)
        parts = [("username", self.user), ("realm", f["realm"]), ("nonce", f["nonce"]), ("uri", uri),
                 ("response", r.upper() if upper else r)]
        if self.qop:
            parts += [("cnonce", "c0ffee")]
        text = join.join(form % p for p in parts)
        if self.qop:
            text += join + "qop=auth" + join + "nc=" + self.nc
        return "Authorization: Digest %s%salgorithm=%s\r\n" % (text, join, f.get("algorithm", "MD5"))


def challenge(c, algorithm="SHA-256", uri=MEDIUM):
    r = c.ask("DESCRIBE", uri)
    return [x for x in r.all("WWW-Authenticate") if "algorithm=%s," % algorithm in x + ","][0]


def login(source="127.0.0.1", user=USER, password=PASSWORD, algorithm="SHA-256", qop=True):
    c = Connection(source)
    return c, Digest(challenge(c, algorithm), user, password, qop)


def status(r):
    return r.status if r else "closed"


def stale(r):
    return bool(r) and any("stale=true" in x for x in r.all("WWW-Authenticate"))


# ---- cases ----


def offers():
    c = Connection()
    r = c.ask("DESCRIBE", MEDIUM)
    same("neg.auth.none: 401", 401, r.status)
    kinds = [fields_of(x).get("algorithm") for x in r.all("WWW-Authenticate")]
    same("SHA-256 is offered first, MD5 last; no Basic in the clear (7616 3.7)", "SHA-256 MD5", " ".join(map(str, kinds)))
    say(all('qop="auth"' in x and 'realm="Beagle"' in x for x in r.all("WWW-Authenticate")), "realm and qop are told")
    nonces = {fields_of(c.ask("DESCRIBE", MEDIUM).one("WWW-Authenticate"))["nonce"] for _ in range(20)}
    same("20 challenges have 20 nonces (2617 3.2.1)", 20, len(nonces))
    same("OPTIONS is free", 200, c.ask("OPTIONS", MEDIUM).status)
    same("what is there is not told to strangers", 401, c.ask("DESCRIBE", URL + "/no/such").status)


def plays():
    for algorithm in ("SHA-256", "MD5"):
        for qop in (True, False):
            c, d = login(algorithm=algorithm, qop=qop)
            name = "%s, %s qop" % (algorithm, "with" if qop else "without")
            got = [c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM)).status]
            got += [c.ask("SETUP", TRACK, TCP + d.header("SETUP", TRACK)).status]
            for m in ("PLAY", "GET_PARAMETER", "PAUSE", "TEARDOWN"):
                got += [c.ask(m, MEDIUM, d.header(m, MEDIUM)).status]
            same("DESCRIBE to TEARDOWN by Digest: " + name, [[200] * 6], got)
            c.close()
    c, d = login()
    same("directives without quotes and commas", 200,
         c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM, '%s = %s', " ,\t")).status)
    same("neg.auth.response-uppercase: the digits count, not their case", 200,
         c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM, upper=True)).status)
    one_bit = d.header("DESCRIBE", MEDIUM)
    at = one_bit.index('response="') + 10
    one_bit = one_bit[:at] + ("1" if one_bit[at] == "0" else "0") + one_bit[at + 1:]
    same("one digit of the response is wrong: 401", 401, c.ask("DESCRIBE", MEDIUM, one_bit).status)
    same("the connection lives on", 200, c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM)).status)


def broken():
    line = "Authorization: %s\r\n"
    for name, value, want in (
            ("neg.auth.basic-bad-base64", "Basic %%%", 400),
            ("neg.auth.digest-empty", "Digest", 400),
            ("only a name", 'Digest username="x"', 400),
            ("neg.auth.unknown-scheme", "Hobnob x", 401),
            ("neg.auth.unbalanced-quote", 'Digest username="x, realm="y', 400),
            ("1000 directives", "Digest " + ", ".join('x%d="y"' % i for i in range(700)), 400),
            ("Basic in the clear is not looked at", "Basic " + base64.b64encode(
                ("%s:%s" % (USER, PASSWORD)).encode()).decode(), 401)):
        c = Connection()
        same("%s: %s" % (name, want), want, status(c.ask("DESCRIBE", MEDIUM, line % value)))
        same("%s: still serving" % name, 200, status(c.ask("OPTIONS", MEDIUM)))
        c.close()
    c = Connection()
    same("neg.auth.64k: refused", [400, 401, 431, "closed"],
         status(c.ask("DESCRIBE", MEDIUM, line % ("Digest username=\"" + "x" * 65536 + '"'))))
    c.close()
    c = Connection()
    same("twice: 400", 400, status(c.ask("DESCRIBE", MEDIUM, line % "Basic eDp5" * 2)))
    same("and is serving on", 200, status(Connection().ask("OPTIONS", MEDIUM)))


def replays():
    c, d = login()
    header = d.header("DESCRIBE", MEDIUM)
    same("a new answer", 200, c.ask("DESCRIBE", MEDIUM, header).status)
    r = c.ask("DESCRIBE", MEDIUM, header)
    say(r.status == 401 and stale(r), "neg.auth.nc-repeat: 401 with stale")
    r = Connection().ask("DESCRIBE", MEDIUM, header)
    same("a replay over another connection: 401", 401, r.status)
    r = Connection("127.0.0.2").ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM))
    say(r.status == 401 and stale(r), "a nonce of another host: 401 with stale")
    header = d.header("DESCRIBE", MEDIUM)
    same("neg.auth.nonce-replay-other-method: 401", 401, c.ask("SETUP", MEDIUM, TCP + header).status)
    same("neg.auth.uri-mismatch: 400", 400,
         c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", "rtsp://other/")).status)
    same("neg.auth.wrong-realm: 401", 401,
         c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM, realm="Eagle")).status)
    r = c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM, nonce="deadbeef"))
    say(r.status == 401 and stale(r), "neg.auth.invented-nonce: 401 with stale, for the rest is right")
    same("live555's uri, the base for a track: 200", 200,
         c.ask("SETUP", TRACK, TCP + d.header("SETUP", MEDIUM + "/")).status)


def theft():
    c, d = login()
    same("a session of anna's", 200, c.ask("SETUP", TRACK, UDP + d.header("SETUP", TRACK)).status)
    far, e = login("127.0.0.2")
    far.session = c.session
    same("from another address, with her own password: 454", 454,
         far.ask("PLAY", MEDIUM, e.header("PLAY", MEDIUM)).status)
    bert, b = login(user=OTHER, password=OTHER_PASSWORD)
    bert.session = c.session
    same("neg.auth.session-theft: without credentials 401", 401, bert.ask("PLAY", MEDIUM).status)
    same("by another user: 454", 454, bert.ask("PLAY", MEDIUM, b.header("PLAY", MEDIUM)).status)
    same("nor ended by him: 454", 454, bert.ask("TEARDOWN", MEDIUM, b.header("TEARDOWN", MEDIUM)).status)
    same("its owner plays it", 200, c.ask("PLAY", MEDIUM, d.header("PLAY", MEDIUM)).status)
    near, n = login()
    near.session = c.session
    same("from another connection of hers, too", 200, near.ask("PLAY", MEDIUM, n.header("PLAY", MEDIUM)).status)
    near.ask("TEARDOWN", MEDIUM, n.header("TEARDOWN", MEDIUM))


def rules():
    c = Connection()
    same("a public path needs no login", 200, c.ask("DESCRIBE", URL + "/pattern/2t").status)
    for path in ("/pattern/500k", "/pattern//500k/", "/pattern/%35%30%30k", "/pattern/2t/../500k",
                 "/pattern/2t/%2e%2e/500k", "/pattern/500k/trackID=1", "/pattern/500k?/pattern/2t"):
        same("a closed one does, as " + path, 401, c.ask("DESCRIBE", URL + path).status)
    d = Digest(challenge(c))
    r = c.ask("DESCRIBE", URL + "/pattern/500k", d.header("DESCRIBE", URL + "/pattern/500k"))
    same("known, and not among them: 403", 403, r.status)
    same("not from that address: 403", 403, Connection("127.0.0.9").ask("DESCRIBE", URL + "/pattern/2t").status)
    bert, b = login(user=OTHER, password=OTHER_PASSWORD)
    r = bert.ask("DESCRIBE", URL + "/pattern/500k", b.header("DESCRIBE", URL + "/pattern/500k"))
    same("in the group: 200", 200, r.status)


def guessing():
    """With --auth-wait-max 1."""
    c, d = login("127.0.0.5", password="guess")
    began, slowest = time.monotonic(), 0
    for _ in range(12):
        at = time.monotonic()
        r = c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM))
        slowest = max(slowest, time.monotonic() - at)
        if status(r) != 401:
            say(False, "wrong ones are answered 401", status(r))
            return
        if slowest > 0.5:
            break
    say(slowest > 0.5, "after some wrong ones the answer takes its time")
    owner, o = login("127.0.0.5")
    same("and the right one gets in", 200, owner.ask("DESCRIBE", MEDIUM, o.header("DESCRIBE", MEDIUM)).status)
    crowd = [login("127.0.0.5", password="guess") for _ in range(20)]
    for x, y in crowd:
        x.send("DESCRIBE", MEDIUM, y.header("DESCRIBE", MEDIUM))
    got = [status(x.reply()) for x, _ in crowd]
    say(503 in got and 401 in got and set(got) <= {401, 503}, "twenty at a time: some wait, the others hear 503", got)
    same("another address is not held up", 200, status(
        (lambda p: p[0].ask("DESCRIBE", MEDIUM, p[1].header("DESCRIBE", MEDIUM)))(login("127.0.0.6"))))
    del began


def signed(good, expired, other):
    """good: a signed URL of /pattern; expired: one that was; other: for 127.0.0.7 only."""
    c = Connection()
    base, query = good.split("?")
    same("a signed URL is described", 200, c.ask("DESCRIBE", good).status)
    same("set up by Content-Base, without the query", 200, c.ask("SETUP", base + "/trackID=1", UDP).status)
    same("played", 200, c.ask("PLAY", base + "/").status)
    same("ended", 200, c.ask("TEARDOWN", base + "/").status)
    for name, uri in (("before the query", base + "/trackID=1?" + query), ("behind it", good + "/trackID=1")):
        c = Connection()
        same("a control " + name + " needs no DESCRIBE", 200, c.ask("SETUP", uri, UDP).status)
        same("and its session plays", 200, c.ask("PLAY", base).status)
        c.ask("TEARDOWN", base)
    c = Connection()
    same("expired: DESCRIBE 403", 403, c.ask("DESCRIBE", expired).status)
    same("expired: SETUP 403", 403, c.ask("SETUP", expired + "/trackID=1", UDP).status)
    same("for a longer time: 403", 403, c.ask("DESCRIBE", good.replace("expires=1", "expires=2")).status)
    same("for another path: 403", 403, c.ask("DESCRIBE", URL + "/pattern/500k?" + query).status)
    same("not signed at all: 401", 401, c.ask("DESCRIBE", base).status)
    same("for one address, from another: 403", 403, c.ask("DESCRIBE", other).status)
    same("from that one: 200", 200, Connection("127.0.0.7").ask("DESCRIBE", other).status)


def changed(new):
    """After SIGHUP her password is the new one."""
    c, d = login(password=new)
    same("SIGHUP: the new password is known", 200, c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM)).status)
    c, d = login()
    same("SIGHUP: the old one is not", 401, c.ask("DESCRIBE", MEDIUM, d.header("DESCRIBE", MEDIUM)).status)


def main():
    for case in sys.argv[2:]:
        name, *args = case.split(",")
        globals()[name](*args)


main()
