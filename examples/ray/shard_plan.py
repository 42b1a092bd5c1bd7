"""What is proved, in which pieces, by which commands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Exit codes, the same as pleat's. A process ended by signal S has the code -S.
DONE, INVALID, USAGE, BAD_INPUT, RESOURCES = range(5)


class Failure(Exception):
    """What ends the run: a sentence, and the exit code."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Plan:
    """What is proved, in which pieces, where the files go. All paths are absolute: workers run elsewhere."""

    pleat: str
    bundle: Path
    data: Path
    labels: Path | None
    registration: Path
    statement: str
    context: str | None
    shards: int
    output: Path
    work: Path
    cache: Path | None
    force: bool
    # Processors of a shard; tries after the first; seconds before the first of them, then twice as long each
    # time; seconds a shard that is stopped has to write its checkpoint.
    cpus: int
    retries: int
    retry_wait: float
    grace: float
    extra: tuple[str, ...]

    def file(self, shard: int, kind: str) -> Path:
        """A file of a shard. Its name contains the number of shards: other plans have other files."""
        return self.work / f"shard-{shard:04}-of-{self.shards:04}.{kind}"

    def proof(self, shard: int) -> Path:
        return self.file(shard, "proof")

    def prove(self, shard: int) -> list[str]:
        command = [self.pleat, "prove", str(self.bundle), *self._public(), *self._wanted()]
        command += ["--statement", self.statement, "--shard", f"{shard}/{self.shards}", "--resume"]
        command += ["-o", str(self.proof(shard)), "--threads", str(self.cpus)]
        command += ["--progress", "json", "--log", str(self.file(shard, "log"))]
        return [*command, *self._common(), *self.extra]

    def verify(self, proof: Path) -> list[str]:
        return [self.pleat, "verify", str(proof), *self._public(), *self._wanted(), *self._common()]

    def combine(self) -> list[str]:
        proofs = [str(self.proof(shard)) for shard in range(self.shards)]
        force = ["--force"] if self.force else []
        return [
            *(self.pleat, "combine", *proofs, *self._public()),
            *("-o", str(self.output), *force, *self._common()),
        ]

    def _public(self) -> list[str]:
        labels = ["--labels", str(self.labels)] if self.labels else []
        return ["--data", str(self.data), *labels, "--registration", str(self.registration)]

    def _wanted(self) -> list[str]:
        return ["--context", self.context] if self.context else []

    def _common(self) -> list[str]:
        return ["--json", *(["--cache", str(self.cache)] if self.cache else [])]


def printable(text: str) -> str:
    """Text without characters a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)
