#!/usr/bin/env python3
"""ONNX's own operator tests, for the operators that the importer reads, in one file: cases.pb.gz.

    python3 make.py            makes the file again from the packages on PyPI
    python3 make.py --check    compares it with them

Needs the packages of requirements.txt; see README.md.
"""

import gzip
import hashlib
import pathlib
import re
import subprocess
import sys
import tempfile
import zipfile

import onnx

HERE = pathlib.Path(__file__).resolve().parent
STORED = HERE / "cases.pb.gz"
OPSETS = range(9, 22)
# A case is stored from the newest release that has it; the older ones hold what operators meant in older sets.
# Release, Python and platform of the wheel (nothing of it is run), its SHA-256.
RELEASES = [
    ("1.16.2", "311", "manylinux_2_17_x86_64", "7b98aa9733bd4b781eb931d33b4078ff2837e7d68062460726d6dd011f332bd4"),
    ("1.12.0", "39", "manylinux_2_17_x86_64", "c7a9b3ea02c30efc1d2662337e280266aca491a8e86be0d8a657f874b7cccd1e"),
    ("1.6.0", "37", "manylinux1_x86_64", "9b32e04abe02cba4c4edb6c3cc15db917e734521ca8631e46bea3971a142d709"),
    ("1.5.0", "37", "manylinux1_x86_64", "37ace5a7a0c47d2a79edd83861eff17f6e463eafe96c8d930624bc51ca1023f6"),
]
# Cases that contradict the standard: the attribute 'nearest_mode' that their names and outputs speak of is missing.
# Later releases have it; onnxruntime, too, computes what the model says instead.
MISTAKEN = {
    ("1.6.0", "test_resize_upsample_sizes_nearest_ceil_half_pixel"),
    ("1.6.0", "test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric"),
}
# A case with larger files is stored without its tensors, and can only be refused.
LARGEST = 60_000


def wheel(release: str, python: str, platform: str, digest: str, folder: str) -> zipfile.ZipFile:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--implementation", "cp", "--python-version", python, "--platform", platform]
    command += ["--abi", f"cp{python}", "--abi", f"cp{python}m", "--dest", f"{folder}/{release}", f"onnx=={release}"]
    subprocess.run(command, check=True)
    [path] = pathlib.Path(folder, release).glob("*.whl")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != digest:
        sys.exit(f"onnx {release} has the SHA-256 {found}, expected {digest}")
    return zipfile.ZipFile(path)


def read_operators() -> set[str]:
    lines = (HERE / "operators.txt").read_text().splitlines()
    return {line.split()[1] for line in lines if not line.startswith("#")}


def cases_of(release: str, archive: zipfile.ZipFile, operators: set[str], seen: set[bytes]) -> list[dict]:
    """The cases all of whose operators are read, in the order of their names."""
    found = []
    names = set(archive.namelist())
    for path in sorted(names):
        match = re.fullmatch(r"onnx/backend/test/data/node/([^/]+)/model\.onnx", path)
        if not match or (release, match[1]) in MISTAKEN:
            continue
        bytes_ = archive.read(path)
        model = onnx.load_model_from_string(bytes_)
        opsets = [o.version for o in model.opset_import if o.domain in ("", "ai.onnx")]
        nodes = model.graph.node
        if not {n.op_type for n in nodes} <= operators or any(n.domain not in ("", "ai.onnx") for n in nodes):
            continue
        if not opsets or opsets[0] not in OPSETS:
            continue
        # The same nodes under the same set, with the same kinds of inputs, are the same case with other numbers.
        identity = [str(opsets[0]).encode(), *(n.SerializeToString() for n in nodes)]
        identity += [i.type.SerializeToString() for i in model.graph.input]
        digest = hashlib.sha256(b"\0".join(identity)).digest()
        if digest in seen:
            continue
        seen.add(digest)
        data = path.removesuffix("model.onnx") + "test_data_set_0/"
        tensors = {
            kind: [archive.read(f"{data}{kind}_{i}.pb") for i in range(len(values))]
            for kind, values in [("input", model.graph.input), ("output", model.graph.output)]
        }
        size = sum(len(t) for kind in tensors.values() for t in kind)
        if size > LARGEST:
            tensors = {"input": [], "output": []}
        found.append({"release": release, "name": match[1], "model": bytes_, **tensors, "bare": size > LARGEST})
    return found


def field(tag: int, value: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    return varint(tag << 3 | 2) + varint(len(value)) + value


def varint(n: int) -> bytes:
    out = bytearray()
    while n > 0x7F:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def encode(cases: list[dict], names: list[str]) -> bytes:
    """The messages of suite.rs."""
    out = bytearray()
    for case in cases:
        message = field(1, case["release"].encode()) + field(2, case["name"].encode()) + field(3, case["model"])
        message += b"".join(field(4, t) for t in case["input"]) + b"".join(field(5, t) for t in case["output"])
        message += varint(6 << 3) + b"\1" if case["bare"] else b""
        out += field(1, message)
    for name in names:
        out += field(2, name.encode())
    return bytes(out)


def main() -> None:
    operators = read_operators()
    cases, seen = [], set()
    with tempfile.TemporaryDirectory() as folder:
        for release in RELEASES:
            cases += cases_of(release[0], wheel(*release, folder), operators, seen)
    every = sorted({s.name for s in onnx.defs.get_all_schemas_with_history() if s.domain == ""})
    suite = encode(cases, every)
    if "--check" not in sys.argv[1:]:
        STORED.write_bytes(gzip.compress(suite, 9, mtime=0))
        print(f"{STORED}: {len(cases)} cases, {len(suite)} bytes, {STORED.stat().st_size} compressed")
    elif gzip.decompress(STORED.read_bytes()) != suite:
        sys.exit(f"{STORED} is not what the packages hold; make it again (README.md)")
    else:
        print(f"{len(cases)} cases are as the packages hold them")


if __name__ == "__main__":
    main()
