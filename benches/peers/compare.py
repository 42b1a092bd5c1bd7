"""Proves one image with pleat and with EZKL, one after the other, and measures every step.

Writes all figures as JSON and prints a Markdown table. A peer that fails, or is killed at a limit,
is a result and is reported as one. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

POLL_SECONDS = 0.05
GIGABYTE = 1_000_000_000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EZKL_STEP = Path(__file__).with_name("ezkl_step.py")
EZKL_STEPS = ("settings", "calibrate", "compile", "srs", "setup", "witness", "prove", "verify")


@dataclass
class Limits:
    """What a step may use before it is killed."""

    seconds: float
    memory_bytes: float


@dataclass
class Step:
    """What one step, a process and all it started, took."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    other_cores: float
    """Cores that everything else on the machine kept busy meanwhile, on average."""
    failure: str | None = None


class StepFailed(Exception):
    """A step failed or was killed; the peer's later steps cannot run."""


class Peer:
    """Runs the steps of one peer and collects what they took."""

    def __init__(self, name: str, folder: Path, limits: Limits) -> None:
        self.name = name
        self.folder = folder
        self.limits = limits
        self.steps: list[Step] = []
        self.figures: dict[str, Any] = {}

    def run(self, name: str, command: list[str | Path]) -> str:
        """Runs a step and returns what it printed; raises StepFailed if it did not succeed."""
        print(f"  {self.name} {name} ...", end="", file=sys.stderr, flush=True)
        output = self.folder / "stdout.txt"
        errors = self.folder / "stderr.txt"
        with output.open("wb") as out, errors.open("wb") as err:
            step = measure(name, [str(part) for part in command], out, err, self.limits)
        self.steps.append(step)
        print(f" {step.seconds:.1f} s, {step.peak_rss_bytes / GIGABYTE:.2f} GB", file=sys.stderr)
        if step.failure:
            if step.failure.startswith("failed"):
                step.failure += f": {last_line(errors) or last_line(output) or 'it says nothing'}"
            print(f"  {self.name}: {step.failure}", file=sys.stderr)
            raise StepFailed(step.failure)
        return output.read_text(errors="replace")

    def result(self) -> dict[str, Any]:
        """All figures, for the JSON file."""
        return {
            **self.figures,
            "failure": next((s.failure for s in self.steps if s.failure), None),
            "peak_rss_bytes": max((s.peak_rss_bytes for s in self.steps), default=0),
            "steps": [asdict(s) for s in self.steps],
        }


def measure(name: str, command: list[str], out: Any, err: Any, limits: Limits) -> Step:
    """Runs a command in a process group of its own until it ends or reaches a limit."""
    busy = busy_seconds()
    start = time.monotonic()
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
    )
    peak = 0
    killed = None
    try:
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            memory = tree_rss(process.pid)
            peak = max(peak, memory)
            seconds = time.monotonic() - start
            if memory > limits.memory_bytes:
                killed = "memory limit"
            elif seconds > limits.seconds:
                killed = "time limit"
            if killed:
                os.killpg(process.pid, signal.SIGKILL)
                _, status, usage = os.wait4(process.pid, 0)
                break
            time.sleep(POLL_SECONDS)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        os.wait4(process.pid, 0)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    own = usage.ru_utime + usage.ru_stime
    # The kernel's own peak misses nothing between two looks, but counts the largest process only.
    peak = max(peak, usage.ru_maxrss * 1024)
    failure = None
    if killed:
        failure = (
            f"killed at {decimal(peak / GIGABYTE)} GB in {name} after {seconds:.0f} s ({killed})"
        )
    elif process.returncode < 0:
        signal_name = signal.Signals(-process.returncode).name
        failure = f"failed in {name} after {seconds:.0f} s by {signal_name}"
    elif process.returncode > 0:
        failure = f"failed in {name} after {seconds:.0f} s with exit code {process.returncode}"
    others = max(0.0, busy_seconds() - busy - own) / seconds
    return Step(name, round(seconds, 3), round(own, 3), peak, round(others, 2), failure)


def tree_rss(root: int) -> int:
    """Resident bytes of a process and its descendants."""
    total = 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
            for task in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile.
    return total


def busy_seconds() -> float:
    """Seconds that all cores together were not idle since the machine started."""
    user, nice, system, _idle, _wait, *rest = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + sum(rest)) / TICKS


def last_line(path: Path) -> str:
    """The last line a failed step wrote, with file names only where it names whole paths."""
    lines = [line.strip() for line in path.read_text(errors="replace").splitlines()]
    lines = [line for line in lines if line]
    return re.sub(r"(?<![\w/])(?:/[\w.+-]+)+/", "", lines[-1])[:300] if lines else ""


def run_pleat(args: argparse.Namespace, model: Path, folder: Path, limits: Limits) -> Peer:
    """Imports, registers, proves the outputs of one image, and verifies."""
    peer = Peer("pleat", folder, limits)
    cache = args.cache or folder / "cache"
    bundle, registration, proof = (
        folder / f"model.{e}" for e in ("pleat", "registration", "proof")
    )

    def pleat(name: str, *arguments: str | Path) -> dict[str, Any]:
        command = [args.pleat, "--json", "--quiet", "--cache", cache, *arguments]
        return json.loads(peer.run(name, command))

    data = ["--data", args.data]
    figures = peer.figures
    try:
        imported = pleat("import", "import", model, *options_of(args), "--calib", args.data,
                         "--labels", args.labels, "-o", bundle)  # fmt: skip
        for key in ("activations", "parameters", "float_accuracy", "int_accuracy"):
            figures[key] = imported[key]
        estimate = pleat("inspect", "inspect", bundle, "--statement", "outputs")["estimate"]
        figures["estimate"] = estimate
        keys = pleat("keys", "srs", "info")["keys"]
        if not any(key["power"] >= estimate["power"] for key in keys):
            pleat("srs", "srs", "new", "--power", str(estimate["power"]))
        registered = pleat("register", "register", bundle, "-o", registration)
        figures["registration_bytes"] = registered["proof_bytes"]
        proved = pleat("prove", "prove", bundle, *data, "--limit", "1",
                       "--statement", "outputs", "-o", proof)  # fmt: skip
        for key in ("setup", "spent", "proof_bytes"):
            figures[key] = proved[key]
        figures["rows"] = estimate["rows"]
        figures["proving_steps"] = proved["spent"]["steps"]
        verified = pleat("verify", "verify", proof, "--registration", registration, *data)
        figures["verify"] = {key: verified[key] for key in ("setup_seconds", "seconds")}
    except StepFailed:
        pass
    return peer


def run_ezkl(args: argparse.Namespace, model: Path, folder: Path, limits: Limits) -> Peer:
    """Runs EZKL from settings to verification with private weights."""
    peer = Peer("EZKL", folder, limits)
    files = {
        "srs_bytes": "key.srs",
        "proving_key_bytes": "proving.key",
        "verifying_key_bytes": "verifying.key",
        "proof_file_bytes": "proof.json",
    }
    try:
        peer.run("prepare", [
            sys.executable, EZKL_STEP, "prepare", folder, "--model", model, "--data", args.data,
            "--calibration-images", str(args.calibration_images),
            *options_of(args),
        ])  # fmt: skip
        for name in EZKL_STEPS:
            peer.run(name, [sys.executable, EZKL_STEP, name, folder])
            if name == "calibrate":
                peer.figures["settings"] = ezkl_settings(folder / "settings.json")
    except StepFailed:
        pass
    succeeded = {step.name for step in peer.steps if not step.failure}
    for key, name in files.items():
        made_by = {"srs_bytes": "srs", "proof_file_bytes": "prove"}.get(key, "setup")
        if made_by in succeeded:
            peer.figures[key] = (folder / name).stat().st_size
    if "prove" in succeeded:
        proof = json.loads((folder / "proof.json").read_text())
        peer.figures["proof_bytes"] = len(proof["hex_proof"].removeprefix("0x")) // 2
    return peer


def ezkl_settings(path: Path) -> dict[str, int]:
    """The figures of EZKL's settings that say how large its circuit is."""
    settings = json.loads(path.read_text())
    figures = {key: settings["run_args"][key] for key in ("input_scale", "param_scale", "logrows")}
    return figures | {key: settings[key] for key in ("num_rows", "total_assignments")}


def preprocessing_of(args: argparse.Namespace) -> dict[str, str]:
    """How stored pixels enter the network, the same for both peers."""
    return {"input_scale": args.input_scale, "mean": args.mean, "std": args.std}


def options_of(args: argparse.Namespace) -> list[str]:
    """The preprocessing as options, which pleat and ezkl_step.py call the same."""
    return [f"--{key.replace('_', '-')}={value}" for key, value in preprocessing_of(args).items()]


def machine() -> dict[str, Any]:
    """The machine, without its name."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    return {
        "cpu": cpu,
        "architecture": platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "ram_bytes": os.sysconf("SC_PHYS_PAGES") * PAGE,
        "system": platform.system(),
        "load_at_start": [round(load, 2) for load in os.getloadavg()],
    }


def versions(pleat: str) -> dict[str, str]:
    """Versions of the peers and of what they run on."""
    printed = subprocess.run([pleat, "--version"], capture_output=True, text=True, check=True)
    packages = {name: metadata.version(name) for name in ("ezkl", "onnx", "numpy")}
    return {
        "pleat": printed.stdout.split()[-1],
        **packages,
        "python": platform.python_version(),
    }


def compare(args: argparse.Namespace, model: Path, limits: Limits) -> dict[str, Any]:
    """Runs both peers on one model; their files are removed at the end."""
    print(model.stem, file=sys.stderr)
    row: dict[str, Any] = {"model": model.stem, "model_bytes": model.stat().st_size}
    for name, run in (("pleat", run_pleat), ("ezkl", run_ezkl)):
        with tempfile.TemporaryDirectory(prefix="compare-") as folder:
            row[name] = run(args, model, Path(folder), limits).result()
    return row


COLUMNS = (
    "model", "activations", "weights", "rows", "steps",
    "commit s", "argument s", "open s", "fold s", "compress s", "prove command s", "verify s",
    "peak GB", "proof bytes",
    "EZKL SRS s", "setup s", "prove s", "verify s", "peak GB", "proving key bytes", "proof bytes",
    "EZKL failure",
)  # fmt: skip


def table(models: list[dict[str, Any]]) -> str:
    """The Markdown table; figures that a peer did not reach are dashes."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(cells(row) for row in models)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    pleat, ezkl = row["pleat"], row["ezkl"]
    spent = pleat.get("spent", {})
    parts = [
        decimal(spent.get(f"{part}_seconds"))
        for part in ("commit", "argument", "open", "fold", "compress")
    ]
    return (
        row["model"] if not pleat["failure"] else f"{row['model']} (pleat: {pleat['failure']})",
        *(whole(pleat.get(key)) for key in ("activations", "parameters", "rows", "proving_steps")),
        *parts,
        *(decimal(seconds(pleat, name)) for name in ("prove", "verify")),
        decimal(pleat["peak_rss_bytes"] / GIGABYTE),
        whole(pleat.get("proof_bytes")),
        *(decimal(seconds(ezkl, name)) for name in ("srs", "setup", "prove", "verify")),
        decimal(ezkl["peak_rss_bytes"] / GIGABYTE),
        whole(ezkl.get("proving_key_bytes")),
        whole(ezkl.get("proof_bytes")),
        (ezkl["failure"] or "none").replace("|", "\\|"),
    )


def seconds(peer: dict[str, Any], name: str) -> float | None:
    """Wall seconds of a step that succeeded."""
    for step in peer["steps"]:
        if step["name"] == name and not step["failure"]:
            return step["seconds"]
    return None


def decimal(value: float | None) -> str:
    """Two digits after the point below ten, one above."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def whole(value: int | None) -> str:
    """A whole number with thousands apart."""
    return "-" if value is None else f"{value:,}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="+", type=Path, help="ONNX files that take the same data")
    parser.add_argument("--data", type=Path, required=True, help="images: IDX (.gz too) or .npy")
    parser.add_argument("--labels", type=Path, required=True, help="their labels")
    parser.add_argument(
        "--input-scale", default="1", help="factor of the stored pixels, like 1/255"
    )
    parser.add_argument("--mean", default="0", help="subtracted after scaling, one or per channel")
    parser.add_argument("--std", default="1", help="divided by at the end, one or per channel")
    parser.add_argument(
        "--calibration-images", type=int, default=8, help="images EZKL calibrates with (default 8)"
    )
    parser.add_argument("--pleat", default="pleat", help="the pleat command (default: on the path)")
    parser.add_argument(
        "--cache", type=Path, help="pleat's folder of keys (default: a new one, its key is made)"
    )
    parser.add_argument(
        "--timeout", type=float, default=3600, help="seconds a step may take (default 3600)"
    )
    parser.add_argument(
        "--memory-gb", type=float, default=16, help="memory a step may take (default 16)"
    )
    parser.add_argument(
        "--note", default="", help="a remark for the JSON, like what else was running"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the JSON file to write")
    args = parser.parse_args()
    for path in (*args.models, args.data, args.labels):
        if not path.is_file():
            parser.error(f"{path} is not a file.")
    if not args.output.absolute().parent.is_dir():
        parser.error(f"The folder of {args.output} does not exist.")
    if args.calibration_images < 1:
        parser.error("EZKL needs at least one image to calibrate with.")
    return args


def main() -> None:
    args = arguments()
    limits = Limits(args.timeout, args.memory_gb * GIGABYTE)
    try:
        report: dict[str, Any] = {
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "note": args.note,
            "machine": machine(),
            "versions": versions(args.pleat),
            "limits": asdict(limits),
            "preprocessing": preprocessing_of(args),
            "calibration_images": args.calibration_images,
            "models": [],
        }
    except metadata.PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed; see requirements.txt.")
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"'{args.pleat} --version' does not run; name the command with --pleat.")
    for model in args.models:
        report["models"].append(compare(args, model, limits))
        args.output.write_text(json.dumps(report, indent=1) + "\n")
    print(table(report["models"]))


if __name__ == "__main__":
    main()
