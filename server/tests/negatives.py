# SPDX-License-Identifier: MIT
"""The cases of negatives.tsv against our server, as CONFORMANCE describes them; every one must have an
`expected` outcome. Then families of the same kind (negatives_families.py), and datagrams.

    negatives.py URL PID [negatives.tsv]
"""
import re
import socket
import struct
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from negatives_datagrams import datagrams
from negatives_families import families
from negatives_peer import MARK, Target

# where the server may be waiting for more: what follows would become body or frame
NO_FOLLOW = {"neg.body.shorter-than-length", "neg.body.length-2e64", "neg.msg.method-dollar"}
SEQUENCES = {"neg.ses.teardown-twice", "neg.ses.play-after-teardown", "neg.pipe.mixed-good-bad"}
SILENCE = {"none": 0.9, "setup": 0.9, "setup1": 0.9, "play": 1.6}


def say(good, what):
    print(("ok - " if good else "not ok - ") + what, flush=True)
    return good


# ---- the stimuli of the table ----

def whole(case, text):
    """The shortened ones, made anew from their description."""
    if case == "neg.msg.binary-garbage":
        return bytes((11 + 37 * i) % 256 for i in range(256)) + b"\r\n\r\n"
    if case == "neg.tr.1000-specs":
        head = text[: text.index("X-FOO")]
        return unescape(head) + b",".join([b"X-FOO/BAR;unicast"] * 1000) + b"\r\n\r\n"
    if case == "neg.pipe.50-options":
        one = text[: text.index("CSeq: 1")]
        return b"".join(unescape(one) + b"CSeq: %d\r\n\r\n" % i for i in range(1, 51))
    return unescape(text)


def unescape(text):
    text = re.sub(r"\((.+?) x (\d+)\)", lambda m: m.group(1) * int(m.group(2)), text)
    return re.sub(rb"\\(x[0-9a-f]{2}|[rnt\\])",
                  lambda m: bytes.fromhex(m.group(1)[1:].decode()) if m.group(1)[:1] == b"x"
                  else {b"r": b"\r", b"n": b"\n", b"t": b"\t", b"\\": b"\\"}[m.group(1)],
                  text.encode("latin-1"))


def fill_in(target, text, session):
    places = {"url": target.url, "host": target.host, "port": str(target.port), "path": target.path,
              "aggregate": target.aggregate, "track1": target.tracks[0], "track2": target.tracks[1],
              "session": session}
    return re.sub(r"\$\{(\w+)\}", lambda m: places[m.group(1)], text)


# ---- what became of it ----

def outcome(replies, closed):
    s = [r.status for r in replies]
    if not s:
        return "close" if closed else "silent"
    if len(s) > 3 and len(set(s)) == 1:
        return "%dx%s" % (len(s), s[0])
    return "/".join(s)


def extra(case, replies):
    """The conditions of the table's notes."""
    r = replies[0] if replies else None
    if case == "neg.hdr.timestamp-echo":
        return r.get("Timestamp").split(" ")[0] == "12345.678"
    if case in ("neg.tr.channel-same", "neg.tr.channel-collision") and r.status == "200":
        m = re.search(r"interleaved=(\d+)-(\d+)", r.get("Transport"))
        pair = {m.group(1), m.group(2)}
        return len(pair) == 2 and (case == "neg.tr.channel-same" or not pair & {"0", "1"})
    return True


def special(target, case):
    """The two whose stimulus is in words."""
    p = target.connect()
    text = "OPTIONS %s RTSP/1.0\r\nCSeq: 1\r\n\r\n" % target.url
    if case == "neg.pipe.half-close":
        p.send(text.encode())
        p.sock.shutdown(socket.SHUT_WR)
        got = p.replies(1, 4.0)
        result = outcome(got, p.closed)
        # and then it hangs up, too
        p.replies(1, 4.0)
        if not p.closed:
            result += " and stays open"
    else:
        p.send(text.encode()[:20])
        p.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        result = "any"
    p.close()
    return result


def run_row(target, row):
    """(id, what became of it, '' or what is wrong)"""
    case, condition, stimulus, expected = row[:4]
    wants = [expected.replace(" ", "/")] if case in SEQUENCES else expected.split(" ")
    if case in ("neg.pipe.half-close", "neg.pipe.rst-mid-request"):
        result = special(target, case)
        good = result in wants and target.serves()
        return case, result, "" if good else "expected " + expected
    p = target.prepare(condition)
    data = whole(case, fill_in(target, stimulus, p.session))
    n = {"neg.pipe.50-options": 50, "neg.pipe.mixed-good-bad": 3}.get(case, 2 if case in SEQUENCES else 1)
    p.send(data)
    got = p.replies(n, SILENCE[condition] if set(wants) & {"silent", "any"} else 6.0)
    result, wrong = outcome(got, p.closed), ""
    if "any" not in wants and result not in wants:
        wrong = "expected " + expected
    elif got and not extra(case, got):
        wrong = "the condition of its note does not hold"
    elif case not in NO_FOLLOW and "any" not in wants and not p.closed:
        p.cseq, p.session = MARK - 1, ""
        r = p.ask("OPTIONS", target.url)
        ended = got and got[-1].get("Connection").lower() == "close"
        if not ended and (r is None or r.status != "200" or r.get("CSeq") != str(MARK)):
            wrong = "the next request on the connection is not served"
    if p.broken:
        wrong = "a reply is malformed: %r" % p.broken
    p.close()
    if not wrong and not target.serves():
        wrong = "does not serve any more"
    return case, result, wrong


def table(target, path):
    with open(path, encoding="utf-8") as f:
        rows = [line.rstrip("\n").split("\t") for line in f][1:]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda row: run_row(target, row), rows))
    bad = [r for r in results if r[2]]
    for case, result, wrong in bad:
        say(False, "%s: %s (%s)" % (case, result, wrong))
    say(not bad and len(results) > 100, "negatives.tsv: %d of %d cases have an expected outcome"
        % (len(results) - len(bad), len(results)))


# ---- families ----

FINE_5XX = {"501", "505", "551"}


def run_case(target, case):
    """'' or what is wrong. The OPTIONS that follows is in the same segment: the boundary must be found."""
    p = target.prepare(case.condition)
    data = case.stimulus(target, p) if callable(case.stimulus) else case.stimulus
    mark = b"OPTIONS * RTSP/1.0\r\nCSeq: %d\r\n\r\n" % MARK
    p.send(data + (mark if case.follow else b""))
    got, until = [], time.monotonic() + 8.0
    while time.monotonic() < until:
        r = p.replies(1, until - time.monotonic())
        if not r or r[0].get("CSeq") == str(MARK):
            break
        got += r
        if r[0].get("Connection").lower() == "close" or (not case.follow and len(got) == case.replies):
            break
    result, wrong = outcome(got, p.closed), ""
    if case.replies is not None and len(got) != case.replies and result not in case.wants:
        wrong = "%d replies to %d requests" % (len(got), case.replies)
    for r in got:
        if r.proto.startswith("HTTP") and "HTTP" not in case.name:
            wrong = "an answer of HTTP: " + r.proto
        if r.status not in case.wants:
            wrong = "%s, expected %s" % (r.status, " ".join(sorted(case.wants)))
        if r.status[0] == "5" and r.status not in FINE_5XX:
            wrong = r.status
    if not got and result not in case.wants:
        wrong = result
    if p.broken:
        wrong = "a reply is malformed: %r" % p.broken
    for r in got:
        if r.get("Session") and not p.session:
            p.session = r.get("Session").split(";")[0]
    if p.session and not p.closed:
        p.ask("TEARDOWN", target.aggregate)
    p.close()
    return "%s: %s" % (case.name, wrong) if wrong else ""


def all_families(target):
    groups = families(target)
    for name, cases in groups:
        with ThreadPoolExecutor(8) as pool:
            wrong = [w for w in pool.map(lambda c: run_case(target, c), cases) if w]
        for w in wrong[:10]:
            say(False, w)
        good = not wrong and target.serves()
        say(good, "%s: %d cases, %d with an answer that does not fit" % (name, len(cases), len(wrong)))


def main():
    target = Target(sys.argv[1], int(sys.argv[2]))
    sanitized = sys.argv[4:] == ["sanitized"]
    if len(target.tracks) < 2:
        return say(False, "the clip has two tracks")
    path = sys.argv[3] if len(sys.argv) > 3 else ""
    if path:
        table(target, path)
    all_families(target)
    datagrams(target, say)
    # once more: now everything that grows once has grown
    time.sleep(0.5)
    rss, fds = target.rss_kb(), target.descriptors()
    all_families(target)
    time.sleep(1.5)  # the last connections linger for a second
    say(target.descriptors() <= fds + 2, "no descriptor is left behind (%d, %d before)"
        % (target.descriptors(), fds))
    if sanitized:
        print("skip - memory: a sanitizer keeps what is freed")
    else:
        grown = target.rss_kb() - rss
        say(grown < 8192, "a second round of all families grows the process by less than 8 MB (%d kB)" % grown)
    return True


main()
