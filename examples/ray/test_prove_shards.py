"""Shards on a local Ray with two workers: real Ray, and a pleat that fails as it is told.

The last test proves with the real program: PLEAT_BINARY names it, PLEAT_CACHE a folder of keys, if any.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

import prove_shards
import shard_task
from shard_display import Display
from shard_plan import BAD_INPUT, DONE, INVALID, RESOURCES, USAGE
from shard_task import follow, parse_event

HERE = Path(__file__).parent
EXAMPLE = HERE.parent / "lenet5"

# A pleat that proves nothing: `script.json` beside it says for each shard how its tries end. A try that
# goes wrong leaves a checkpoint; a resumed one must find it.
FAKE = """#!{python}
import json, os, signal, sys, time
here = os.path.dirname(os.path.abspath(__file__))
args = sys.argv[1:]

def option(name):
    return args[args.index(name) + 1] if name in args else None

def log(**entry):
    with open(os.path.join(here, "calls"), "a") as f:
        f.write(json.dumps(entry) + "\\n")

def end(code, **result):
    if code:
        result = dict(error=result.get("error", "as told"), exit_code=code)
    print(json.dumps(result))
    sys.exit(code)

def event(**fields):
    print(json.dumps(fields), file=sys.stderr, flush=True)

def statement(samples):
    return dict(kind=option("--statement") or "accuracy", context=option("--context") or "",
                model_id="m", samples=samples, correct=samples)

def prove():
    shard, out = option("--shard"), option("-o")
    checkpoint = out + ".checkpoint"
    with open(os.path.join(here, "script.json")) as f:
        script = json.load(f).get(shard.split("/")[0], [])
    resumed = os.path.exists(checkpoint)
    log(verb="prove", shard=shard, args=args, resumed=resumed, parent=os.getppid(), pid=os.getpid())
    with open(os.path.join(here, "calls")) as f:
        tries = sum(1 for line in f if json.loads(line).get("shard") == shard) - 1
    what = script[tries] if tries < len(script) else 0
    def stop(*_):
        if what == "wait slowly":
            time.sleep(3)
        open(checkpoint, "w").close()
        log(verb="stopped", of=shard)
        event(event="error", text="interrupted", exit_code=4, elapsed_seconds=1.0)
        end(4, error="interrupted; continue with --resume")
    signal.signal(signal.SIGTERM, stop)
    event(event="note", text="a remark", elapsed_seconds=0.0)
    event(event="progress", phase="folding steps", step=3, steps=10, rate=2.0, remaining_seconds=3.5,
          rss_bytes=1, elapsed_seconds=0.1)
    if what in ("wait", "wait slowly"):
        log(verb="waits", of=shard)
        time.sleep(60)
    if what == "kill":
        open(checkpoint, "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    if what == 4:
        open(checkpoint, "w").close()
    if what:
        end(what, error="no room" if what == 4 else "the data are not as they should be")
    if resumed:
        os.remove(checkpoint)
    with open(out, "w") as f:
        json.dump(dict(shard=shard, **statement(10)), f)
    end(0, proof=out)

def verify():
    log(verb="verify", file=args[1])
    with open(args[1]) as f:
        proof = json.load(f)
    if proof["model_id"] != "m":
        end(1, error="it is about model x, not m")
    if option("--context") and option("--context") != proof["context"]:
        end(1, error="it is bound to another context")
    end(0, valid=True, statement=proof)

def combine():
    files = args[1:args.index("--data")]
    log(verb="combine", files=files)
    shards = [json.load(open(f)) for f in files]
    if [s["shard"] for s in shards] != [f"{{i}}/{{len(files)}}" for i in range(len(files))]:
        end(3, error="swapped")
    with open(option("-o"), "w") as f:
        json.dump(dict(shards[0], samples=sum(s["samples"] for s in shards)), f)
    end(0)

dict(prove=prove, verify=verify, combine=combine)[args[0]]()
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Two workers of one processor each; gives the address for other drivers."""
    context: Any = ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield context.address_info["address"]
    ray.shutdown()


class Bench:
    """A folder with a fake pleat, its script and the files it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.work = folder / "work"
        self.whole = folder / "whole.proof"
        self.pleat = folder / "pleat"
        self.pleat.write_text(FAKE.format(python=sys.executable))
        self.pleat.chmod(stat.S_IRWXU)
        for name in ("bundle", "data", "labels", "registration"):
            (folder / name).touch()
        self.script()

    def script(self, **shards: list[Any]) -> None:
        """How the tries of shards end: `_0=[4, "kill"]`; what is not said succeeds."""
        script = {name.lstrip("_"): ends for name, ends in shards.items()}
        (self.folder / "script.json").write_text(json.dumps(script))

    def arguments(self, *more: str, shards: int = 3) -> list[str]:
        files = {name: str(self.folder / name) for name in ("bundle", "data", "labels", "registration")}
        return [
            files["bundle"],
            *("--data", files["data"], "--labels", files["labels"]),
            *("--registration", files["registration"], "--shards", str(shards), "-o", str(self.whole)),
            *("--work", str(self.work), "--pleat", str(self.pleat), "--cpus-per-shard", "1"),
            *("--retry-wait", "0", *more),
        ]

    def run(self, *more: str, shards: int = 3) -> int:
        return prove_shards.main(self.arguments(*more, shards=shards))

    def calls(self, verb: str) -> list[dict[str, Any]]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if call["verb"] == verb]

    def proved(self) -> list[str]:
        return sorted(call["shard"] for call in self.calls("prove"))

    def proof(self, shard: int, shards: int = 3) -> Path:
        return self.work / f"shard-{shard:04}-of-{shards:04}.proof"

    def checkpoint(self, shard: int) -> Path:
        return Path(f"{self.proof(shard)}.checkpoint")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_shards_are_proved_combined_and_verified(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run("--context", "ab", "--", "--checkpoint-every", "7") == DONE
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["samples"], said["kind"], said["context"]) == (30, "accuracy", "ab")
    assert bench.proved() == ["0/3", "1/3", "2/3"]
    for call in bench.calls("prove"):
        args = call["args"]
        assert "--resume" in args and args[-2:] == ["--checkpoint-every", "7"]
        assert args[args.index("--threads") + 1] == "1"
        assert args[args.index("--context") + 1] == "ab"
    assert bench.calls("combine")[0]["files"] == [str(bench.proof(i)) for i in range(3)]
    assert bench.calls("verify")[-1]["file"] == str(bench.whole)
    assert stat.S_IMODE(bench.work.stat().st_mode) == 0o700
    # Three shards say the same: once is enough.
    assert err.count("a remark") == 1


def test_interrupted_and_killed_shards_go_on_from_their_checkpoints(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.script(_0=[4], _2=["kill", 4])
    assert bench.run() == DONE
    assert bench.proved() == ["0/3", "0/3", "1/3", "2/3", "2/3", "2/3"]
    resumed = [(call["shard"], call["resumed"]) for call in bench.calls("prove")]
    assert [r for s, r in resumed if s == "2/3"] == [False, True, True]
    err = capsys.readouterr().err
    assert "shard 0: no room: again in" in err
    assert "shard 2: it was killed by signal 9: again in" in err


def test_bad_input_stops_all_at_once(cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.script(_0=["wait"], _1=[3])
    start = time.monotonic()
    assert bench.run() == BAD_INPUT
    assert time.monotonic() - start < 30
    err = capsys.readouterr().err
    assert "shard 1 of 3: the data are not as they should be" in err
    assert len([s for s in bench.proved() if s == "1/3"]) == 1
    assert not bench.whole.exists() and not bench.calls("combine")
    # Shard 0 waits unless it had not begun.
    if bench.calls("waits"):
        assert bench.checkpoint(0).exists()


def test_invalid_and_usage_are_not_tried_again(cluster: str, bench: Bench) -> None:
    for code in (INVALID, USAGE):
        bench.script(_0=[0, 0, 0], _1=[code] * 4)
        for path in bench.folder.glob("calls"):
            path.unlink()
        assert bench.run() == code
        assert len([s for s in bench.proved() if s == "1/3"]) == 1


def test_a_shard_that_is_given_up_leaves_the_others_and_can_be_continued(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.script(_1=[4, 4, 4])
    assert bench.run("--retries", "1") == RESOURCES
    err = capsys.readouterr().err
    assert "1 of 3 shards failed 2 times; the last time of shard 1: no room" in err
    assert "continue with" in err
    assert bench.proof(0).exists() and bench.proof(2).exists() and not bench.proof(1).exists()
    assert bench.run() == DONE
    assert bench.proved() == ["0/3"] + ["1/3"] * 4 + ["2/3"]
    assert "shard 0: its proof is there and valid, not proved again" in capsys.readouterr().err


def test_proofs_of_other_runs_are_refused_by_name_and_kept(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run() == DONE
    kept = bench.proof(1).read_text()
    foreign = json.loads(kept) | {"model_id": "x"}
    cases: list[tuple[dict[str, Any], list[str], str, int]] = [
        (foreign, [], "it is about model x, not m", INVALID),
        (json.loads(kept), ["--statement", "outputs"], "about accuracy, not outputs", BAD_INPUT),
        (json.loads(kept) | {"context": "cd"}, [], "bound to context cd, and none", BAD_INPUT),
        (json.loads(kept), ["--context", "ab"], "bound to another context", INVALID),
    ]
    for proof, options, said, code in cases:
        bench.proof(1).write_text(json.dumps(proof))
        capsys.readouterr()
        assert bench.run("--force", *options) == code
        err = capsys.readouterr().err
        assert said in err and "was there before" in err and "--work" in err
        assert json.loads(bench.proof(1).read_text()) == proof


def test_a_killed_worker_ends_its_pleat_and_the_shard_goes_on(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.script(_0=["wait slowly"])

    def kill() -> None:
        until(lambda: bool(bench.calls("waits")))
        os.kill(bench.calls("prove")[0]["parent"], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert bench.run(shards=1) == DONE
    killer.join()
    # Ray tells of the death on standard output, which has the result only.
    assert json.loads(capsys.readouterr().out)["samples"] == 10
    # SIGTERM reached the orphan, and the second try began only when its checkpoint was there.
    assert len(bench.calls("stopped")) == 1
    assert [call["resumed"] for call in bench.calls("prove")] == [False, True]


def test_nodes_need_none_of_these_files(cluster: str, bench: Bench) -> None:
    assert bench.run(shards=1) == DONE
    subprocess.run(
        [sys.executable, "-c", "import sys, ray; ray.cloudpickle.loads(sys.stdin.buffer.read())"],
        input=ray.cloudpickle.dumps((shard_task.run_shard, shard_task.Board)),
        cwd=bench.folder,
        check=True,
    )


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_checkpoints_and_says_how_to_continue(
    cluster: str, bench: Bench, signum: signal.Signals
) -> None:
    bench.script(_0=["wait"], _1=["wait"])
    driver = subprocess.Popen(
        [sys.executable, str(HERE / "prove_shards.py"), *bench.arguments("--address", cluster)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: len(bench.calls("waits")) == 2)
    driver.send_signal(signum)
    out, err = driver.communicate(timeout=30)
    assert driver.returncode == RESOURCES and out == ""
    assert len(bench.calls("stopped")) == 2
    assert bench.checkpoint(0).exists() and bench.checkpoint(1).exists()
    command = err.strip().splitlines()[-1].split()
    assert "prove_shards.py" in command[1] and command[2] == str(bench.folder / "bundle")
    for call in bench.calls("prove"):
        with pytest.raises(ProcessLookupError):
            os.kill(call["pid"], 0)


def test_what_cannot_work_is_refused_before_the_work(
    cluster: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.whole.write_text("precious")
    assert bench.run() == BAD_INPUT
    assert "exists already" in capsys.readouterr().err
    bench.whole.unlink()
    (bench.folder / "labels").unlink()
    assert bench.run() == BAD_INPUT
    assert "labels: it is not there" in capsys.readouterr().err
    (bench.folder / "labels").touch()
    assert bench.run("--pleat", str(bench.folder / "none")) == BAD_INPUT
    assert "no such program" in capsys.readouterr().err
    for wrong in (
        ["--shards", "0"],
        ["--retries", "-1"],
        ["--retry-wait", "nan"],
        ["--", "--checkpoint", "x"],
        ["--", "--shard=0/2"],
    ):
        with pytest.raises(SystemExit) as e:
            bench.run(*wrong)
        assert e.value.code == USAGE, wrong
    assert not bench.calls("prove")


def progress(step: int, steps: int, rate: float, phase: str = "folding steps") -> dict[str, Any]:
    return {"event": "progress", "phase": phase, "step": step, "steps": steps, "rate": rate}


def test_one_line_tells_of_all_shards() -> None:
    display = Display(4, sys.stderr)
    assert display.line() == "0 of 4 shards done, 0 running"
    for shard in (0, 1, 2):
        display.event(shard, {"event": "start"})
    display.event(0, progress(100, 100, 1.0))
    display.state(0, "done")
    display.event(1, progress(50, 100, 2.0))
    display.event(2, progress(7, 9, 3.0, phase="reading"))
    # Shards 2 and 3 have said nothing: 100 steps each. 250 steps are left, 2 a second.
    assert display.line() == "1 of 4 shards done, 2 running, step 150 of 400, 2.00 per second, 125 s left"


def test_events_are_passed_on_and_everything_else_is_kept_as_the_last_word() -> None:
    got: list[dict[str, Any]] = []
    last: list[str] = []
    lines = [json.dumps(progress(i, 9, 1.0)) for i in range(5)]
    lines += ['{"event": "note", "text": "n"}', "[1]", "{", '{"event": 1}', "thread panicked", ""]
    follow(lines, got.append, last)
    assert [e["event"] for e in got] == ["progress", "note"]
    assert last == ["thread panicked"]
    assert parse_event("null") is None


class Real:
    """The real pleat, a LeNet-5 it imported and registered, and 512 digits."""

    def __init__(self, pleat: Path, folder: Path) -> None:
        self._pleat = pleat
        self._cache = Path(os.environ.get("PLEAT_CACHE") or folder / "cache").absolute()
        self.folder = folder
        digits = [EXAMPLE / f"digits-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
        images, labels = (gzip.decompress(path.read_bytes()) for path in digits)
        self.images, self.labels = folder / "images.idx", folder / "labels.idx"
        self.images.write_bytes(struct.pack(">4I", 0x803, 512, 28, 28) + 4 * images[16:])
        self.labels.write_bytes(struct.pack(">2I", 0x801, 512) + 4 * labels[8:])
        self.bundle, self.registration = folder / "lenet5.pleat", folder / "lenet5.registration"
        self.run(
            "import",
            EXAMPLE / "lenet5.onnx",
            "--input-scale",
            "1/255",
            *self.data("--calib"),
            "-o",
            self.bundle,
        )
        estimate = self.run("inspect", self.bundle, "--samples", 512)["estimate"]
        if not any(self._cache.glob(f"srs/*_{estimate['power']}.ptau")):
            self.run("srs", "new", "--power", estimate["power"])
        self.run("register", self.bundle, "--samples", 512, "-o", self.registration)

    def data(self, option: str = "--data") -> list[Any]:
        return [option, self.images, "--labels", self.labels]

    def run(self, *arguments: object) -> dict[str, Any]:
        command = [str(self._pleat), "--json", "--quiet", "--cache", str(self._cache), *map(str, arguments)]
        result: dict[str, Any] = json.loads(
            subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        )
        return result

    def arguments(self) -> list[str]:
        own = ["--pleat", self._pleat, "--cache", self._cache, "--registration", self.registration]
        return [str(a) for a in (self.bundle, *self.data(), *own)]


def process_of(log: Path) -> int:
    """The process that wrote a log last."""
    return int(re.findall(r" start pleat \S+, process (\d+):", log.read_text())[-1])


def parent_of(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Real:
    pleat = os.environ.get("PLEAT_BINARY")
    if not pleat:
        pytest.skip("NOTHING WAS PROVED: PLEAT_BINARY does not name the real pleat")
    return Real(Path(pleat).absolute(), tmp_path_factory.mktemp("real"))


def test_two_real_shards_survive_kills_and_make_one_statement(
    cluster: str, real: Real, capsys: pytest.CaptureFixture[str]
) -> None:
    work = real.folder / "work"
    killed: list[int] = []

    def kill(shard: int, victim: Callable[[int], int]) -> None:
        proof = work / f"shard-{shard:04}-of-0002.proof"
        until(Path(f"{proof}.checkpoint").exists, seconds=600)
        killed.append(victim(process_of(proof.with_suffix(".log"))))
        os.kill(killed[-1], signal.SIGKILL)

    # One pleat, and the Ray worker of the other.
    killers = [
        threading.Thread(target=kill, args=(0, lambda process: process)),
        threading.Thread(target=kill, args=(1, parent_of)),
    ]
    for killer in killers:
        killer.start()
    options = ["--shards", "2", "--cpus-per-shard", "1", "--retry-wait", "0", "--work", str(work)]
    whole = real.folder / "whole.proof"
    arguments = [*real.arguments(), *options, "-o", str(whole), "--", "--checkpoint-every", "1"]
    assert prove_shards.main(arguments) == DONE
    for killer in killers:
        killer.join()
    assert len(killed) == 2
    for shard in (0, 1):
        log = (work / f"shard-{shard:04}-of-0002.log").read_text()
        assert log.count(" start pleat ") == 2
        assert "going on after" in log
    out, err = capsys.readouterr()
    assert "shard 0: it was killed by signal 9" in err
    assert "shard 1: its Ray worker was lost" in err
    statement = json.loads(out)
    reference = real.run("run", real.bundle, *real.data())
    assert statement["samples"] == 512
    assert statement["accuracy"] == reference["accuracy"]
    public = ["--registration", real.registration, *real.data()]
    assert real.run("verify", whole, *public)["statement"] == statement
