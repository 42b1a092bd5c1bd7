"""Registers, proves and verifies networks one after the other, and measures every command.

Every network is a bundle with data, written BUNDLE=DATA or BUNDLE=DATA=LABELS. Writes all figures as
JSON and prints a Markdown table. Linux only: memory is what the kernel counts for the process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GIGABYTE = 1_000_000_000


@dataclass
class Network:
    """A bundle, and the data it is proved on."""

    bundle: Path
    data: list[str]

    @classmethod
    def parse(cls, text: str) -> Network:
        bundle, data, *labels = text.split("=")
        return cls(Path(bundle), ["--data", data] + [x for path in labels for x in ("--labels", path)])


class Pleat:
    """The command, with what a run of it took."""

    def __init__(self, command: str, cache: Path | None) -> None:
        self.command = [command, "--json", "--quiet"]
        if cache:
            self.command += ["--cache", str(cache)]

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """Runs a command; its JSON, with `wall_seconds` and `peak_bytes`."""
        start = time.monotonic()
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen([*self.command, *map(str, arguments)], stdout=output)
            _, status, usage = os.wait4(process.pid, 0)
            seconds = time.monotonic() - start
            output.seek(0)
            result = json.load(output)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"pleat {arguments[0]}: {result.get('error')}")
        return result | {"wall_seconds": seconds, "peak_bytes": usage.ru_maxrss * 1024}


def measure(
    pleat: Pleat, network: Network, samples: int, statement: str, size_class: str | None, folder: Path
) -> dict[str, Any]:
    """All figures of a network and a number of samples."""
    registration, proof = folder / "registration", folder / "proof"
    for path in (registration, proof):
        path.unlink(missing_ok=True)
    name = network.bundle.stem
    print(f"{name}, {samples} samples", file=sys.stderr)
    chosen = ["--samples", str(samples)] + (["--size-class", size_class] if size_class else [])
    estimate = pleat.run("inspect", network.bundle, *chosen, "--statement", statement)
    registered = pleat.run("register", network.bundle, *chosen, "-o", registration)
    own = [*network.data, "--statement", statement, "--limit", str(samples)]
    proved = pleat.run("prove", network.bundle, *own, "--registration", registration, "-o", proof)
    verified = pleat.run("verify", proof, "--registration", registration, *network.data)
    for result in (proved, verified):
        result["statement"].pop("outputs")
    for result, path in ((registered, "registration"), (proved, "proof")):
        result.pop(path)
    layers = estimate.pop("layers")
    return {
        "model": name,
        "samples": samples,
        "layers": len(layers),
        "parameters": estimate["parameters"],
        "activations": sum(size(layer["shape"]) for layer in layers),
        "estimate": estimate["estimate"],
        "register": registered,
        "prove": proved,
        "verify": verified,
    }


def size(shape: str) -> int:
    """Elements of a shape like 10x1x1."""
    product = 1
    for extent in shape.split("x"):
        product *= int(extent)
    return product


COLUMNS = (
    "Model", "samples", "activations", "weights", "rows", "steps", "setup", "commit", "argument", "open",
    "fold", "compress", "prove, all", "memory (GB)", "proof (bytes)", "verify", "of it proofs",
)  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The figures as a Markdown table, times in seconds."""
    lines = [COLUMNS, ["---"] + ["---:"] * (len(COLUMNS) - 1)]
    for row in rows:
        proved, verified, spent = row["prove"], row["verify"], row["prove"]["spent"]
        names = ("commit_seconds", "argument_seconds", "open_seconds", "fold_seconds", "compress_seconds")
        lines.append(
            [row["model"], f"{row['samples']:,}", f"{row['activations']:,}", f"{row['parameters']:,}"]
            + [f"{row['estimate']['rows']:,}", f"{proved['steps']:,}", f"{proved['setup']['seconds']:.1f}"]
            + [f"{spent[name]:.1f}" for name in names]
            + [f"{proved['wall_seconds']:.1f}", f"{proved['peak_bytes'] / GIGABYTE:.2f}"]
            + [f"{proved['proof_bytes']:,}", f"{verified['wall_seconds']:.1f}", f"{verified['seconds']:.2f}"]
        )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+", type=Network.parse, metavar="BUNDLE=DATA[=LABELS]")
    parser.add_argument("--samples", default="1", help="numbers of samples, like 1,16,256 (default 1)")
    parser.add_argument("--statement", default="accuracy", help="accuracy or outputs (default accuracy)")
    parser.add_argument("--size-class", help="rows of a chunk, as a power of two (default: pleat's choice)")
    parser.add_argument("--pleat", default="pleat", help="the pleat command (default: on the path)")
    parser.add_argument("--cache", type=Path, help="pleat's folder of keys")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the JSON file to write")
    args = parser.parse_args()
    pleat = Pleat(args.pleat, args.cache)
    version = subprocess.run([args.pleat, "--version"], capture_output=True, text=True, check=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for network in args.networks:
            for samples in map(int, args.samples.split(",")):
                row = measure(pleat, network, samples, args.statement, args.size_class, Path(folder))
                rows.append(row)
                record = {
                    "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
                    "version": version.stdout.strip(),
                    "proofs": rows,
                }
                args.output.write_text(json.dumps(record, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
