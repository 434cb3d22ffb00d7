#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads the hint tracks of an MP4/MOV file its own way, for comparison with server/media.

media_packets.py FILE           one line per packet: track sample time_relative rtpo pt marker md5
media_packets.py FILE summary   one line per hint track: id packets samples empty md5-of-all-md5s
                                and the number of constructors of each kind
"""
import hashlib
import struct
import sys

DATA = open(sys.argv[1], "rb").read()


def boxes(at, end):
    while at + 8 <= end:
        size, kind = struct.unpack_from(">I4s", DATA, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", DATA, at + 8)[0], 16
        elif size == 0:
            size = end - at
        yield kind.decode("latin1"), at + head, at + size
        at += size


def find(at, end, path):
    """All boxes at the end of a path like "mdia/minf/stbl"."""
    first, _, rest = path.partition("/")
    for kind, a, e in boxes(at, end):
        if kind == first:
            yield from find(a, e, rest) if rest else [(a, e)]


def u32s(at, n):
    return struct.unpack_from(">%dI" % n, DATA, at)


class Track:
    def __init__(self, at, end):
        def one(path):
            return next(find(at, end, path), None)

        a, _ = one("tkhd")
        self.id = u32s(a + (20 if DATA[a] else 12), 1)[0]
        a, _ = one("mdia/hdlr")
        self.kind = DATA[a + 8 : a + 12].decode("latin1")
        a, _ = one("mdia/mdhd")
        self.scale = u32s(a + (20 if DATA[a] else 12), 1)[0]
        ref = one("tref/hint")
        self.refs = u32s(ref[0], (ref[1] - ref[0]) // 4) if ref else ()
        s = "mdia/minf/stbl/"
        a, _ = one(s + "stsz")
        self.uniform, self.n = u32s(a + 4, 2)
        self.sizes = None if self.uniform else u32s(a + 12, self.n)
        a = one(s + "stco")
        if a:
            self.chunks = u32s(a[0] + 8, u32s(a[0] + 4, 1)[0])
        else:
            a = one(s + "co64")[0]
            self.chunks = struct.unpack_from(">%dQ" % u32s(a + 4, 1)[0], DATA, a + 8)
        a = one(s + "stsc")[0]
        n = u32s(a + 4, 1)[0]
        self.stsc = [u32s(a + 8 + 12 * i, 3) for i in range(n)]
        a = one(s + "stts")[0]
        n = u32s(a + 4, 1)[0]
        self.stts = [u32s(a + 8 + 8 * i, 2) for i in range(n)]
        self.stsd = one(s + "stsd")[0]
        self.first = []  # first sample of every chunk
        at = 0
        for i, (c, per, _) in enumerate(self.stsc):
            last = self.stsc[i + 1][0] if i + 1 < n_of(self.stsc) else len(self.chunks) + 1
            for _ in range(c, last):
                self.first.append(at)
                at += per
        self.offsets = None

    def index(self):
        """Offset of every sample; only for tracks whose samples have a size each."""
        self.offsets = []
        for c, off in enumerate(self.chunks):
            end = self.first[c + 1] if c + 1 < len(self.first) else self.n
            for s in range(self.first[c], min(end, self.n)):
                self.offsets.append(off)
                off += self.sizes[s] if self.sizes else self.uniform

    def sample(self, i):
        if self.offsets is None:
            self.index()
        n = self.sizes[i] if self.sizes else self.uniform
        return DATA[self.offsets[i] : self.offsets[i] + n]

    def compressed(self, number, offset, length, per_bytes, per_samples):
        lo, hi = 0, len(self.first) - 1
        while lo < hi:
            mid = (lo + hi + 1) // 2
            lo, hi = (mid, hi) if self.first[mid] <= number - 1 else (lo, mid - 1)
        at = self.chunks[lo] + (number - 1 - self.first[lo]) // per_samples * per_bytes + offset
        return DATA[at : at + length]

    def times(self):
        t = 0
        for n, d in self.stts:
            for _ in range(n):
                yield t
                t += d


def n_of(x):
    return len(x)


def entry(tracks, hint, sample, e, count):
    kind = e[0]
    if kind == 1:
        count["imm"] += 1
        return e[2 : 2 + e[1]]
    if kind not in (2, 3):
        return b""
    ref, length, number, offset, pb, ps = struct.unpack(">xbHIIHH", e)
    track = hint if ref < 0 else tracks[hint.refs[ref]]
    if kind == 3:
        count["desc"] += 1
        at = track.stsd + 8
        for _ in range(number - 1):
            at += u32s(at, 1)[0]
        return DATA[at + offset : at + offset + length]
    count["self" if ref < 0 else "sample"] += 1
    if ref >= 0 and (pb > 1 or ps > 1):
        return track.compressed(number, offset, length, max(pb, 1), max(ps, 1))
    return (track.sample(number - 1) if track is not hint or number - 1 != sample[0] else sample[1])[
        offset : offset + length
    ]


def packets(tracks, hint, count):
    for i, t in enumerate(hint.times()):
        d = hint.sample(i)
        n = struct.unpack_from(">H", d)[0] if len(d) >= 4 else 0
        count["samples"] += 1
        count["empty"] += n == 0
        at = 4
        for _ in range(n):
            rel, bits, _, flags, entries = struct.unpack_from(">iHHHH", d, at)
            at += 12
            rtpo = 0
            if flags & 4:
                extra = u32_of(d, at)
                j = at + 4
                while j + 8 <= at + extra:
                    size = u32_of(d, j)
                    if d[j + 4 : j + 8] == b"rtpo":
                        rtpo = struct.unpack_from(">i", d, j + 8)[0]
                    j += max(size + 3 & ~3, 8)
                at += extra
            payload = b"".join(
                entry(tracks, hint, (i, d), d[at + 16 * k : at + 16 * k + 16], count)
                for k in range(entries)
            )
            at += 16 * entries
            if flags & 1:
                count["repeat"] += 1
                continue
            count["packets"] += 1
            yield i, t, rel, rtpo, bits & 0x7F, bits >> 7 & 1, payload


def u32_of(d, at):
    return struct.unpack_from(">I", d, at)[0]


def main():
    moov = next(find(0, len(DATA), "moov"))
    tracks = {t.id: t for t in (Track(a, e) for a, e in find(*moov, "trak"))}
    keys = "packets samples empty repeat imm sample self desc".split()
    for t in tracks.values():
        if t.kind != "hint":
            continue
        count = dict.fromkeys(keys, 0)
        every = hashlib.md5()
        for i, time, rel, rtpo, pt, marker, payload in packets(tracks, t, count):
            md5 = hashlib.md5(payload).hexdigest()
            every.update(b"%d %d %s\n" % (pt, marker, md5.encode()))
            if len(sys.argv) < 3:
                print(t.id, i, time, rel, rtpo, pt, marker, len(payload), md5)
        if len(sys.argv) > 2:
            print(t.id, *(count[k] for k in keys), every.hexdigest())


main()
