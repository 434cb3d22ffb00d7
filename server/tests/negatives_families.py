# SPDX-License-Identifier: MIT
"""Malformed requests by the hundred: every bad number, every place for a NUL, every header, every form of
a pair. Each names the answers that fit; none fits that is silence or a 5xx of our own fault."""
from dataclasses import dataclass

# texts where a number is meant; none is a plain one
NUMBERS = ["", " ", "-", "+1", "-0", "-1", "nan", "NaN", "inf", "-inf", "1e9", "1e309", "0x10", "0b1", "1.5", "1,5",
           "1 2", "1_000", "9" * 20, "18446744073709551616", "4294967296", "\u0661", "\uff11", "0" * 30,
           "1" * 300, "%31", "1;", '"1', "'1'", "$1", "1\\", "\xff", "a", "\t"]
PLAIN = {"4294967296", "9" * 20, "18446744073709551616", "1" * 300}  # numbers, if long ones
ODD = [b"\x00", b"\x01", b"\x08", b"\x1b", b"\x7f"]  # octets that belong nowhere in a head
BAD, MAY = {"400"}, {"200", "400"}


@dataclass
class Case:
    name: str
    stimulus: object  # bytes, or a function of (target, peer)
    wants: set
    condition: str = "none"
    follow: bool = True
    replies: int = 1


def octets(text):
    return text.encode("utf-8", "surrogatepass")


def request(method, url, *headers, body=b"", cseq="7"):
    head = [octets("%s %s RTSP/1.0" % (method, url)), octets("CSeq: " + cseq)]
    head += [h if isinstance(h, bytes) else octets(h) for h in headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def in_session(method, *headers, body=b""):
    return lambda t, p: request(method, t.aggregate, "Session: " + p.session, *headers, body=body)


def transports(t):
    wants, any_of = {"400", "461"}, {"200", "400", "461"}
    bad_pairs = ["0-0", "0-1", "1-0x2", "65535", "65536", "65535-65536", "65536-65537", "70000-70001",
                 "41000-41000", "41000-", "-41000", "-", "--", "41000--41001", "41000-41001-41002", "41000:41001",
                 "41000/41001", "41000-nan", "nan-41001", "1e3-1e4", "41000-41001x", "4294967297-4294967298",
                 "18446744073709551617-18446744073709551618", "41000- 0"]
    bad_pairs += ["%s-41001" % n for n in NUMBERS if n not in ("1 2", "1,5", "1;", "0" * 30, " ", "\t", "")]
    bad_pairs += ["41000-%s" % n for n in NUMBERS if n not in ("1 2", "1,5", "1;", " ", "\t")]
    for i, v in enumerate(bad_pairs):
        yield Case("port %r" % v, request("SETUP", t.tracks[0],
                   "Transport: RTP/AVP;unicast;client_port=" + v), wants)
    for v in ["41001-41000", "41001-41002", "041000-041001", " 41000-41001 ", "41000 - 41001", "1-65535", "41000"]:
        yield Case("odd port %r" % v, request("SETUP", t.tracks[0],
                   "Transport: RTP/AVP;unicast;client_port=" + v), any_of)
    channels = ["256", "255-256", "256-257", "300-301", "0--1", "-1-0", "-", "0-", "-1", "0-1-2", "0x0-0x1", "0-nan"]
    channels += ["%s-1" % n for n in NUMBERS] + ["0-%s" % n for n in NUMBERS]
    for v in channels:
        yield Case("channels %r" % v, request("SETUP", t.tracks[0],
                   "Transport: RTP/AVP/TCP;unicast;interleaved=" + v), any_of)
    for name in ("ttl", "layers", "ssrc", "port", "server_port", "destination", "source", "mode", "append", "x"):
        for v in NUMBERS:
            yield Case("%s=%r" % (name, v), request("SETUP", t.tracks[0],
                       "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;%s=%s" % (name, v)),
                       any_of | {"403", "462"})
    for v in ["", ",", ",,,", ";", ";;;", "RTP", "RTP/", "/", "//", "RTP//TCP", "RTP/AVP/TCP/UDP;unicast", "RTP/SAVP;unicast",
              "RTP/AVPF/TCP;unicast", "AVP/RTP", "RAW/RAW/UDP", "\"RTP/AVP/TCP\"", "RTP/AVP;multicast", "x" * 6000,
              "RTP/AVP/TCP;" + ";" * 4000, "RTP/AVP/TCP;unicast;multicast", "RTP/AVP/DCCP;unicast;client_port=1-2",
              "RTP/AVP/TCP;mode=record", "RTP/AVP/TCP;mode=\"\"", "RTP/AVP;unicast;destination=\"",
              ",".join(["RTP/AVP/SCTP"] * 400), "RTP/AVP\uff0fTCP"]:
        yield Case("transport %.40r" % v, request("SETUP", t.tracks[0], "Transport: " + v), any_of)
    for o in ODD:
        yield Case("transport with %r" % o, request("SETUP", t.tracks[0],
                   b"Transport: RTP/AVP/TCP;unicast" + o + b";interleaved=0-1"), BAD)


HEADERS = """Accept Accept-Encoding Accept-Language Allow Authorization Bandwidth Blocksize Cache-Control Conference
Connection Content-Base Content-Encoding Content-Language Content-Location Content-Type Date Expires From Host If-Match
If-Modified-Since Last-Modified Location Proxy-Authenticate Proxy-Authorization Public Range Referer Retry-After
RTP-Info Scale Server Session Speed Timestamp Transport Unsupported User-Agent Vary Via WWW-Authenticate x-sessioncookie
x-Retransmit x-Dynamic-Rate x-Prebuffer x-Transport-Options X-Made-Up""".split()


def headers(t):
    fits = {"200", "304", "400", "401", "406", "412", "415", "416", "451", "452", "454", "456", "457", "461"}
    values = ["", " ", "\t", ",", ";", "=", "\"", "\"\"", "\\", "x" * 7000, ", " * 1000, "\xff\xfe", "\u6d4b", "a\r\n b\r\n\tc",
              "*", "*/*;q=nan", "\"unbalanced", "x=y;z", "%00%0d%0a"]
    values += NUMBERS
    for name in HEADERS:
        for v in values:
            for method in ("OPTIONS", "DESCRIBE"):
                yield Case("%s: %.30r (%s)" % (name, v, method),
                           request(method, t.url, "%s: %s" % (name, v)), fits)
        yield Case("%s twice" % name, request("OPTIONS", t.url, name + ": 1", name + ": 2"), fits)
        for o in ODD:
            yield Case("%r in the value of %s" % (o, name),
                       request("OPTIONS", t.url, octets(name) + b": a" + o + b"b"), BAD)
    for n in NUMBERS:
        if n not in ("0" * 30, "4294967296", "9" * 20):
            yield Case("CSeq %r" % n, request("OPTIONS", t.url, cseq=n), MAY if not n.strip() else BAD)
    for o in ODD + [b" ", b"\t", b"(", b")", b"<", b"@", b"\xff", b"\\", b"\"", b"/", b"=", b"{"]:
        yield Case("%r in a name" % o, request("OPTIONS", t.url, b"X" + o + b"Y: 1"), BAD)
    yield Case("a CR in a value", request("OPTIONS", t.url, b"X-A: a\rb"), MAY)
    yield Case("a colon alone", request("OPTIONS", t.url, ":"), BAD)
    yield Case("a blank line's worth of blanks", request("OPTIONS", t.url, "   "), MAY)
    yield Case("a fold before any header", b"OPTIONS * RTSP/1.0\r\n folded\r\nCSeq: 7\r\n\r\n", BAD)
    yield Case("200 headers", request("OPTIONS", t.url, *["X-%d: y" % i for i in range(200)]), {"400"})
    yield Case("1000 folds", request("OPTIONS", t.url, "X-A: a" + "\r\n b" * 1000), MAY)
    yield Case("a name of 7000", request("OPTIONS", t.url, "X" * 7000 + ": 1"), MAY)
    for name in ("Scale", "Speed", "Bandwidth", "Blocksize"):
        for n in NUMBERS:
            yield Case("%s: %r of PLAY" % (name, n), in_session("PLAY", "%s: %s" % (name, n)),
                       {"416"} if name == "Blocksize" and n not in PLAIN else {"200", "400", "457"}, "setup")
    for v in ["", ";", ";timeout=", ";timeout=-1", "a b", "x" * 6000, "\x7f", "%00", "\"", "0" * 20, "\xff" * 20,
              "ffffffffffffffffff", "ffffffffffffffff00", "../../x"]:
        for method in ("OPTIONS", "SETUP", "PLAY", "PAUSE", "TEARDOWN", "GET_PARAMETER", "SET_PARAMETER"):
            yield Case("Session %.20r of %s" % (v, method), request(method, t.tracks[0], "Session: " + v,
                       "Transport: RTP/AVP/TCP;unicast"), {"400", "454"})


def start_lines(t):
    yes = {"200", "400", "403", "404", "414"}
    base = "rtsp://%s:%d" % (t.host, t.port)
    urls = ["rtsp:", "rtsp:/", "rtsp://", "rtsp:///", "rtsp:///x", "rtsp://:", "rtsp://@", "rtsp://@/", "rtsp://[", "rtsp://[]/",
            "rtsp://[::1", "rtsp://[::1]x/", "rtsp://[zz]/", "rtsp://h:/x", "rtsp://h:-1/x", "rtsp://h:0/x", "rtsp://h:65536/x",
            "rtsp://h:1e3/x", "rtsp://h:99999999999999999999/x", "rtspx://h/x", "http://h/x", "file:///etc/passwd",
            "//h/x", "/x", "x", "?", "#", "*x", "**", "rtsp://h/%", "rtsp://h/%0", "rtsp://h/%zz", "rtsp://h/%00", "rtsp://h/%2e%2e/",
            "rtsp://h/..", "rtsp://h/../..", "rtsp://h/a/../../..", "rtsp://h/%2e%2e%2f%2e%2e%2fetc/passwd", "rtsp://h/\\..\\..",
            "rtsp://h/" + "../" * 600, "rtsp://h/" + "a/" * 900, "rtsp://h/" + "%41" * 600, "rtsp://" + "h" * 1500 + "/",
            "rtsp://u:p@" * 100 + "h/x", "rtsp://h/\xff\xfe", "rtsp://h/\u6d4b", "rtsp://h/x?" + "q=1&" * 400, "rtsp://h/x#y#z",
            "rtsp://h/x%0d%0aInjected:%201", "RTSP://h/x", base + "/clip.mp4/", base + "//clip.mp4", base + "/clip.mp4/trackID=",
            base + "/clip.mp4/trackID=1", base + "/clip.mp4/trackID=99", base + "/clip.mp4/trackID=-1", base + "/./clip.mp4",
            base + "/pattern/0k", base + "/pattern/99999999999M", base + "/pattern/-1p", base + "/pattern/nan",
            base + "/pattern/1k/1k/1k", base + "/pattern/" + "1t/" * 200, base + "/pattern/0t", base + "/pattern/1000t"]
    for u in urls:
        yield Case("DESCRIBE %.50r" % u, request("DESCRIBE", u), yes)
        yield Case("SETUP %.50r" % u, request("SETUP", u, "Transport: RTP/AVP/TCP;unicast"),
                   yes | {"459", "453"})
    for m in ["options", "Options", "OPTION", "OPTIONSS", "PLAY\xff", "GET", "POST", "X" * 3000, "PL(AY", "PL,AY", "A/B", "{}",
              "REDIRECT", "RECORD", "ANNOUNCE", "DESCRIBE\x00", "_", "-", "!", "%", "PRI", "CONNECT", "HELP"]:
        yield Case("method %.20r" % m, request(m, "rtsp://h/x"), {"400", "405", "501", "454"})
    for v in ["RTSP/1.", "RTSP/.0", "RTSP/", "RTSP", "rtsp/1.0", "RTSP/1.0.0", "RTSP/1,0", "RTSP/-1.0", "RTSP/+1.0", "RTSP/1.0x",
              "RTSP/0x1.0", "RTSP/nan", "RTSP/1e0.0", "HTTP/1.0", "HTTP/1.1", "SIP/2.0", "RTSP/1 .0", "RTSP/ 1.0", "RTSP/\uff11.0",
              "RTSP/2.0", "RTSP/0.0", "RTSP/1.00", "RTSP/01.0", "RTSP/1." + "0" * 500, "RTSP/" + "9" * 500 + ".0", "", "x"]:
        yield Case("version %.20r" % v, octets("OPTIONS * %s\r\nCSeq: 7\r\n\r\n" % v),
                   {"405"} if v.startswith("HTTP") else {"200", "400", "505"})
    for o in ODD:
        for where, line in enumerate([b"%sOPTIONS * RTSP/1.0", b"OPT%sIONS * RTSP/1.0", b"OPTIONS %s* RTSP/1.0",
                                      b"OPTIONS rtsp://h/%sx RTSP/1.0", b"OPTIONS * RTSP/%s1.0", b"OPTIONS * RTSP/1.0%s"]):
            yield Case("%r in the start line, %d" % (o, where), line % o + b"\r\nCSeq: 7\r\n\r\n", BAD)
    yield Case("a start line of 20 kB", b"OPTIONS rtsp://h/" + b"x" * 20000 + b" RTSP/1.0\r\nCSeq: 7\r\n\r\n", {"414"})
    yield Case("a start line without end", b"x" * 70000, {"414"}, follow=False)
    yield Case("headers without end", b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n" + b"X-A: b\r\n" * 9000, {"400"}, follow=False)


RANGES = ["npt", "npt=", "npt=-", "npt= - ", "=", "=0-", "npt==0-", "npt=0", "npt=0--1", "npt=--1", "npt=0-1-2", "npt=5-5", "npt=-5",
          "npt=0-nan", "npt=nan-", "npt=inf-", "npt=-inf", "npt=0x1-", "npt=1e1-", "npt=.5-", "npt=5.-", "npt=1:2-", "npt=1:2:3:4-",
          "npt=0:60:00-", "npt=0:00:60-", "npt=99999999:00:00-", "npt=00000000000000000000001-", "npt=now-now", "npt=0-now",
          "npt=now", "NPT=0-", "npt=0.0000000000000000001-", "npt=" + "1" * 400 + "-", "npt=0-;time=", "npt=0-;time=x",
          "npt=0-;time=19970123T143720Z", "npt=0-;time=99991231T235959Z", "npt=0-;", "npt=0-,npt=1-", "npt=1-\u0662",
          "smpte=", "smpte=-", "smpte=0-", "smpte=0:0:0-", "smpte=00:00:00:99-", "smpte=25:61:61-", "smpte=0:00:00:00:99-",
          "smpte-25=0:00:01-", "smpte-30-drop=0:01:00:00-", "smpte-24=0:00:01-", "smpte-99=0-", "clock=", "clock=-", "clock=0-",
          "clock=19961108T142300-", "clock=19961399T142300Z-", "clock=19960230T000000Z-", "clock=99999999T999999Z-",
          "clock=19961108T142300.999999999999Z-", "bytes=0-", "utf8=\u00e9-", "x" * 5000, "0-", "-", ",", ";", "\"npt=0-\""]


def ranges(t):
    fits = {"200", "400", "457", "501"}
    for method in ("PLAY", "PAUSE"):
        for condition in ("setup", "play"):
            for v in RANGES + ["npt=%s-" % n for n in NUMBERS] + ["npt=0-%s" % n for n in NUMBERS]:
                yield Case("%s Range %.30r in %s" % (method, v, condition), in_session(method, "Range: " + v),
                           fits | ({"455"} if method == "PAUSE" else set()), condition)


def bodies(t):
    for n in NUMBERS:
        # one that is a number is a body to be waited for, or one too long
        follow = n.strip() == "" or not n.strip().isascii() or not n.strip().isdigit()
        if not follow and int(n) < 1 << 16 and int(n):
            continue
        fits = {"400", "413"} if n.strip() and (not n.isdigit() or int(n)) else {"400", "200", "451"}
        for method in ("OPTIONS", "SET_PARAMETER", "FOO"):
            yield Case("Content-Length %.20r of %s" % (n, method), request(method, t.url, "Content-Length: " + n),
                       fits | ({"501"} if "200" in fits else set()))
    for v in ("application/sdp", "text/parameters; charset=\"", "text/xml", "\xff", ";", "text", "text/"):
        for method in ("SET_PARAMETER", "GET_PARAMETER", "OPTIONS", "DESCRIBE"):
            yield Case("%s with a body of %r" % (method, v), request(method, t.url, "Content-Type: " + v,
                       "Content-Length: 6", body=b"a: b\r\n"), {"200", "400", "415", "451"})
    for body in (b"\x00" * 100, b":" * 100, b"\r\n" * 50, b"\xff" * 100, b"position\r\n" * 3000, b"x: y\r\n" * 3000, b"a" * 60000):
        for method in ("SET_PARAMETER", "GET_PARAMETER"):
            yield Case("%s with a body of %.20r" % (method, body), in_session(method, "Content-Type: text/parameters",
                       "Content-Length: %d" % len(body), body=body), {"200", "451", "458"}, "setup1")
    long = request("SET_PARAMETER", t.url, "Content-Length: 65537", body=b"x" * 65537)
    yield Case("a body one octet too long", long, {"413"})
    yield Case("lengths that differ", request("OPTIONS", t.url, "Content-Length: 5", "Content-Length: 6",
               body=b"abcdef"), BAD)
    yield Case("lengths that agree", request("OPTIONS", t.url, "Content-Length: 5", "Content-Length: 5",
               body=b"abcde"), BAD)
    yield Case("chunked", request("OPTIONS", t.url, "Transfer-Encoding: chunked", body=b"0\r\n\r\n"), MAY | {"501"},
               replies=None)


def frames(t):
    def frame(channel, payload):
        return b"$" + bytes([channel]) + len(payload).to_bytes(2, "big") + payload

    options = request("OPTIONS", t.url)
    payloads = [b"", b"$", b"\x80", b"\x80\xc8", b"\x80\xc9\xff\xff", b"\x80\xc9\x00\x01\x00\x00\x00\x01", b"\xff" * 64,
                b"\x00" * 1500, options, b"$\x00\x00\x04abcd", b"\x9f\xcb" + b"\x00" * 30, b"x" * 65535]
    for condition in ("none", "setup", "play"):
        for channel in (0, 1, 2, 3, 4, 127, 255):
            for payload in payloads:
                yield Case("frame of %d on %d in %s" % (len(payload), channel, condition),
                           frame(channel, payload) + options, {"200"}, condition)
        yield Case("1000 frames between requests in " + condition,
                   (frame(9, b"x" * 20) + options) * 1000, {"200"}, condition, replies=1000)
    answer = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"
    yield Case("answers from a client", answer * 100 + options, {"200"}, "play")
    yield Case("an answer with a body", b"RTSP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nabcd" + options, {"200"}, "setup")


def pipelines(t):
    options = request("OPTIONS", t.url)
    yield Case("10,000 requests", b"".join(request("OPTIONS", t.url, cseq=str(i)) for i in range(10000)), {"200"}, replies=10000)
    yield Case("10,000 unknown methods", request("FOO", t.url) * 10000, {"501"}, replies=10000)
    yield Case("10,000 CRLF", b"\r\n" * 10000 + options, {"200"})
    yield Case("2,000 DESCRIBE", request("DESCRIBE", t.url) * 2000, {"200"}, replies=2000)
    yield Case("2,000 PLAY", lambda t, p: in_session("PLAY", "Range: npt=0-")(t, p) * 2000, {"200"}, "setup",
               replies=2000)
    yield Case("200 SETUP on one connection", request("SETUP", t.tracks[0], "Transport: RTP/AVP/TCP;unicast") * 200,
               {"200", "453", "461"}, replies=200)

    def split(at, pause):
        def send(target, peer):
            import time
            text = request("SETUP", target.tracks[0], "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "X-Fold: a\r\n b")
            for a, b in zip((0, *at), at):
                peer.send(text[a:b])
                time.sleep(pause)
            return text[at[-1]:]
        return send

    n = len(request("SETUP", t.tracks[0], "Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "X-Fold: a\r\n b"))
    for i in range(1, n):
        yield Case("split at %d" % i, split((i,), 0.003), {"200"})
    yield Case("octet by octet", split(tuple(range(1, n)), 0.001), {"200"})


def families(t):
    return [(name, list(make(t))) for name, make in (
        ("Transport", transports), ("headers", headers), ("start lines", start_lines), ("Range", ranges),
        ("bodies", bodies), ("frames", frames), ("pipelines and splits", pipelines))]
