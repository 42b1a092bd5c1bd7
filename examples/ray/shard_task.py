"""One shard on a worker: run pleat, pass its events on, end it in order."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from shard_plan import BAD_INPUT, DONE, INVALID, Plan, printable

# Seconds between two progress events a worker passes on.
INTERVAL = 1.0

Event = dict[str, Any]
Report = Callable[[Event], None]


@dataclass(frozen=True)
class Outcome:
    """How a command ended, with the object it printed (`error` holds the sentence)."""

    code: int
    result: dict[str, Any]
    # The proof was there before.
    found: bool = False

    @property
    def sentence(self) -> str:
        if self.code < 0:
            return f"it was killed by signal {-self.code}"
        return printable(str(self.result.get("error", f"it ended with exit code {self.code}")))


class Board:
    """A Ray actor where tasks leave their events for the driver. It may be lost: events are for the eye."""

    def __init__(self) -> None:
        self._events: list[tuple[int, Event]] = []

    def post(self, shard: int, event: Event) -> None:
        self._events.append((shard, event))

    def drain(self) -> list[tuple[int, Event]]:
        events, self._events = self._events, []
        return events


def run_shard(plan: Plan, shard: int, board: Any) -> Outcome:
    """Proves a shard, or verifies the proof of it that is there."""

    def report(event: Event) -> None:
        board.post.remote(shard, event)

    report({"event": "start"})
    try:
        with locked(plan.file(shard, "lock")) as lock:
            if plan.proof(shard).exists():
                return found(plan, shard, run(plan.verify(plan.proof(shard)), report, lock))
            return run(plan.prove(shard), report, lock)
    except OSError as e:
        return Outcome(
            BAD_INPUT,
            {"error": f"{e}; program and files must be at the same paths on every node"},
        )


def found(plan: Plan, shard: int, verified: Outcome) -> Outcome:
    """What to think of a proof that was there before, once `pleat verify` has seen it."""
    problem = None
    if verified.code == DONE:
        problem = contradiction(plan, verified.result["statement"])
    elif verified.code in (INVALID, BAD_INPUT):
        problem = verified.sentence
    if problem is None:
        return Outcome(verified.code, verified.result, found=True)
    return Outcome(
        verified.code or BAD_INPUT,
        {
            "error": f"{plan.proof(shard)} was there before, and is no proof of this run ({problem}); "
            "move it away, or choose another --work"
        },
    )


def contradiction(plan: Plan, statement: dict[str, Any]) -> str | None:
    """What a valid proof says that this run does not want, beyond what `pleat verify` compares."""
    if statement["kind"] != plan.statement:
        return f"it is about {statement['kind']}, not {plan.statement}"
    if statement["context"] and not plan.context:
        return f"it is bound to context {statement['context']}, and none was given"
    return None


def run(command: list[str], report: Report, lock: IO[str] | None = None) -> Outcome:
    """Runs pleat to its end. An interrupt (Ctrl-C, `ray.cancel`) ends it by SIGTERM, after its checkpoint.

    The process keeps `lock` open as long as it lives.
    """
    last: list[str] = []
    with (
        tempfile.TemporaryFile() as printed,
        subprocess.Popen(
            mortal(command),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            pass_fds=[lock.fileno()] if lock else [],
            # Ctrl-C on a terminal reaches the driver only, which then stops the shards in order.
            process_group=0,
        ) as process,
    ):
        reader = threading.Thread(target=follow, args=(process.stderr or [], report, last), daemon=True)
        reader.start()
        try:
            # Short waits: `ray.cancel` interrupts Python code, not a waiting system call.
            while process.poll() is None:
                time.sleep(0.1)
        finally:
            process.terminate()
            process.wait()
            reader.join()
        printed.seek(0)
        return Outcome(process.returncode, result_object(printed.read(), last))


def mortal(command: list[str]) -> list[str]:
    """The same, ended by SIGTERM if this worker dies before it.

    The kernel sends the signal once for every thread of the worker that outlives the others, and a second
    SIGTERM ends pleat at once: the next try may have to go on from the checkpoint before.
    """
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, "--pdeathsig", "TERM", "--", *command] if setpriv else command


def result_object(printed: bytes, last: list[str]) -> dict[str, Any]:
    """The object on standard output; without one, the last line of standard error."""
    with contextlib.suppress(ValueError):
        value = json.loads(printed)
        if isinstance(value, dict):
            return value
    return {"error": last[0]} if last else {}


def follow(lines: Iterable[str], report: Report, last: list[str]) -> None:
    """Passes events on, progress at most once per interval; `last` gets the last line that is no event."""
    passed = 0.0
    for line in lines:
        event = parse_event(line)
        if event is None:
            last[:] = [line.strip()] if line.strip() else last
        elif event["event"] != "progress" or time.monotonic() - passed >= INTERVAL:
            passed = time.monotonic()
            report(event)


def parse_event(line: str) -> Event | None:
    with contextlib.suppress(ValueError):
        event = json.loads(line)
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            return event
    return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[IO[str]]:
    """Holds a file's lock. After a worker was lost its pleat may still write its checkpoint: wait for it."""
    with path.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.2)
        yield lock
