#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets to corpus/ beside this file: small valid files, one per feature of a format."""
import gzip
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).parent / "corpus"


def seed(target, name, content):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def idx(code, shape, item, count):
    header = bytes([0, 0, code, len(shape)]) + b"".join(struct.pack(">I", n) for n in shape)
    return header + b"".join(struct.pack(">" + item, i) for i in range(count))


def npy(descr, shape, data, version=1, fortran=False):
    text = "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }\n" % (descr, fortran, shape)
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text.encode() + data


def safetensors(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


seed("idx", "images", idx(0x08, [2, 2, 3], "B", 12))
seed("idx", "images_gzip", gzip.compress(idx(0x08, [2, 2, 3], "B", 12), mtime=0))
seed("idx", "labels", idx(0x08, [5], "B", 5))
seed("idx", "int16", idx(0x0B, [3], "h", 3))
seed("idx", "int32", idx(0x0C, [1, 3], "i", 3))
seed("idx", "float", idx(0x0D, [2], "f", 2))
seed("idx", "double", idx(0x0E, [2], "d", 2))
seed("idx", "empty", idx(0x09, [0, 4], "b", 0))

seed("npy", "float32", npy("<f4", "(2, 3)", struct.pack("<6f", *range(6))))
seed("npy", "big_endian", npy(">i4", "(3,)", struct.pack(">3i", 1, 2, 3)))
seed("npy", "fortran", npy("<f8", "(2, 2)", struct.pack("<4d", 1, 2, 3, 4), fortran=True))
seed("npy", "bool", npy("|b1", "(3,)", b"\x00\x01\x00"))
seed("npy", "uint16_version2", npy("<u2", "(2,)", struct.pack("<2H", 1, 65535), version=2))
seed("npy", "scalar_version3", npy("<f2", "()", struct.pack("<e", 1.5), version=3))
seed("npy", "unicode", npy("<U3", "(2,)", "abcé\0\0".encode("utf-32-le"), version=3))
seed("npy", "bytes", npy("|S2", "(2, 1)", b"ab\x00\x00", fortran=True))

entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
seed("safetensors", "one", safetensors({"w": entry}, bytes(8)))
seed("safetensors", "metadata", safetensors({"__metadata__": {"a": "b"}, "w": entry}, bytes(8)))
seed("safetensors", "several", safetensors(
    {"b": {"dtype": "BOOL", "shape": [1, 2], "data_offsets": [8, 10]}, "w": entry,
     "empty": {"dtype": "I64", "shape": [0], "data_offsets": [10, 10]},
     "half": {"dtype": "BF16", "shape": [], "data_offsets": [10, 12]}}, bytes(8) + b"\x01\x00" + bytes(2)))

seed("csv", "comma", "a,b,c\n1,x,\n2,\"y, \"\"z\"\"\",3\n")
seed("csv", "semicolon", "a;b\n\"3,14\";yes\n2,5;no\n")
seed("csv", "tab_crlf", "\ufeffa\tb\r\n1\t2\r\n\r\n")
seed("csv", "space", "Chins Situps\n5 162\n2   110\n")
seed("csv", "comment", "|1x3 Cross validator\na, b\n1.5E-05, ?\n")
seed("csv", "one_column", "a\n1\n\n\"two\nlines\"\n")

seed("yaml", "experiment", "name: demo\ndata: {source: idx, batch_size: 128}\ntasks:\n  digit: {type: classification}\n")
seed("yaml", "lists", "a: [1, 2.5, -3e4]\nb:\n  - x\n  - {y: 'z', \"q\": null}\n")
seed("yaml", "block", "text: |\n  one\n  two\nfolded: >-\n  a\n  b\n# comment\nend: ~\n")
seed("yaml", "anchors", "a: &x {k: 1}\nb: *x\n<<: *x\n")
seed("yaml", "documents", "---\na: 1\n...\n---\nb: 2\n")
