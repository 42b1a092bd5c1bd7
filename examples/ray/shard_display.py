"""What a person sees while shards are proved."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, TextIO

from shard_plan import printable

# Seconds between two lines of progress where there is no terminal.
LINES = 10.0
# The phase of `pleat prove` that takes almost all of its time.
PHASE = "folding steps"


@dataclass
class Shown:
    """What is known about a shard's progress."""

    state: str = "waits"
    step: int = 0
    steps: int = 0
    rate: float = 0.0


class Display:
    """One line about all shards: rewritten on a terminal, repeated every few seconds elsewhere."""

    def __init__(self, shards: int, stream: TextIO) -> None:
        self.shards = [Shown() for _ in range(shards)]
        self._stream = stream
        self._terminal = stream.isatty()
        self._shown = time.monotonic()
        self._noted: set[str] = set()

    def event(self, shard: int, event: dict[str, Any]) -> None:
        """Takes in an event of `pleat prove --progress json`."""
        shown = self.shards[shard]
        kind = event["event"]
        if kind == "start":
            shown.state = "runs"
        elif kind == "progress" and event["phase"] == PHASE:
            shown.step, shown.steps, shown.rate = event["step"], event["steps"], event["rate"]
        elif kind == "note" and event["text"] not in self._noted:
            # The same remark of other shards is no news.
            self._noted.add(event["text"])
            self.note(f"shard {shard}: {event['text']}")

    def state(self, shard: int, state: str) -> None:
        self.shards[shard].state = state

    def note(self, text: str) -> None:
        """A line that stays."""
        print(("\r\x1b[K" if self._terminal else "") + printable(text), file=self._stream, flush=True)

    def line(self) -> str:
        """All shards in one line. Shards that have not begun count as many steps as the others on average."""
        count = Counter(s.state for s in self.shards)
        line = f"{count['done']} of {len(self.shards)} shards done, {count['runs']} running"
        known = [s.steps for s in self.shards if s.steps]
        if not known:
            return line
        average = sum(known) / len(known)
        total = sum(s.steps or average for s in self.shards)
        done = sum((s.steps or average) if s.state == "done" else s.step for s in self.shards)
        rate = sum(s.rate for s in self.shards if s.state == "runs")
        line += f", step {done:.0f} of {total:.0f}"
        return line + (f", {rate:.2f} per second, {(total - done) / rate:.0f} s left" if rate else "")

    def show(self) -> None:
        if self._terminal:
            print("\r\x1b[K" + self.line(), end="", file=self._stream, flush=True)
        elif time.monotonic() - self._shown >= LINES:
            self._shown = time.monotonic()
            self.note(self.line())
