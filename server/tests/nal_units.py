#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The NAL units of a stream, access-unit delimiters and parameter sets set aside.

nal_units.py h264|hevc FILE     one line per unit: type, octets, md5
                                FILE: start codes (Annex B), or lengths of 4 octets as in MP4
"""
import hashlib
import struct
import sys

SET_ASIDE = {"h264": (7, 8, 9, 12), "hevc": (32, 33, 34, 35, 38)}  # fill is no picture, either
KIND = {"h264": lambda b: b & 0x1F, "hevc": lambda b: b >> 1 & 0x3F}


def units(data):
    if data[:4] in (b"\0\0\0\1", b"\0\0\1" + data[3:4]):
        for unit in data.split(b"\0\0\1")[1:]:
            yield unit.rstrip(b"\0")  # trailing zeros belong to the next start code
        return
    at = 0
    while at + 4 <= len(data):
        n = struct.unpack_from(">I", data, at)[0]
        yield data[at + 4 : at + 4 + n]
        at += 4 + n


def main():
    codec, name = sys.argv[1:3]
    with open(name, "rb") as f:
        data = f.read()
    for unit in units(data):
        if unit and KIND[codec](unit[0]) not in SET_ASIDE[codec]:
            print(KIND[codec](unit[0]), len(unit), hashlib.md5(unit).hexdigest())


main()
