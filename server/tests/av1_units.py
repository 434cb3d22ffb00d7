#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The OBUs of an AV1 stream, temporal delimiters and sequence headers set aside.

av1_units.py rtp FILE    of RTP payloads, each behind its length in 4 octets (rtsp_packets.py)
av1_units.py obu FILE    of a stream with sizes ("low overhead"), as ffmpeg's obu muxer writes
One line per unit: type, extension or -, octets, md5. No player that Debian 12 has can do the first.
"""
import hashlib
import struct
import sys


def leb128(data, at):
    value = shift = 0
    while True:
        octet = data[at]
        value |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not octet & 0x80:
            return value, at


def unit(data):
    """One OBU, with or without a size of its own."""
    head, at = data[0], 1
    extension = "-"
    if head & 4:
        extension, at = "%d" % data[1], 2
    if head & 2:
        n, at = leb128(data, at)
        data = data[: at + n]
    kind = head >> 3 & 15
    if kind not in (1, 2):
        print(kind, extension, len(data) - at, hashlib.md5(data[at:]).hexdigest())


def stream(data):
    at = 0
    while at < len(data):
        start, head = at, data[at]
        at += 2 if head & 4 else 1
        n, at = leb128(data, at)
        unit(data[start : at + n])
        at += n


def elements(payload):
    """OBU elements of a packet, by its aggregation header: W says how many, the last without a length."""
    count, at = payload[0] >> 4 & 3, 1
    while at < len(payload):
        n = len(payload) - at
        if not count or count > 1:
            n, at = leb128(payload, at)
        count -= 1 if count > 1 else 0
        yield payload[at : at + n]
        at += n


def rtp(data):
    at, held = 0, b""
    while at < len(data):
        n = struct.unpack_from(">I", data, at)[0]
        payload = data[at + 4 : at + 4 + n]
        at += 4 + n
        parts = list(elements(payload))
        if bool(payload[0] & 0x80) != bool(held):
            raise SystemExit("a packet goes on with nothing, or does not go on")
        parts[0] = held + parts[0]
        held = parts.pop() if payload[0] & 0x40 else b""
        for part in parts:
            unit(part)
    if held:
        raise SystemExit("the last unit has no end")


with open(sys.argv[2], "rb") as f:
    {"rtp": rtp, "obu": stream}[sys.argv[1]](f.read())
