"""Prove a data set in shards on Ray, and combine them into one proof.

    python prove_shards.py model.pleat --data images.gz --labels labels.gz \\
        --registration model.registration --shards 8 --work shards -o whole.proof

Each shard is one `pleat prove --shard I/N --resume` in a Ray task. README.md beside this file says what
the nodes must share, what is retried and how to continue.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import shlex
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import ray
from ray.exceptions import RayError, RayTaskError

import shard_plan
import shard_task
from shard_display import Display
from shard_plan import BAD_INPUT, DONE, RESOURCES, Failure, Plan
from shard_task import Board, Outcome, run, run_shard

# Seconds between two looks at the shards.
INTERVAL = 1.0


class Run:
    """The shards of a plan on a cluster: which run, which wait for another try, which were given up."""

    def __init__(self, plan: Plan, display: Display) -> None:
        self._plan = plan
        self._display = display
        self._board: Any = ray.remote(num_cpus=0, max_restarts=-1)(Board).remote()
        # Ray's own retries are off: the driver decides from the exit code.
        self._task = ray.remote(num_cpus=plan.cpus, max_retries=0)(run_shard)
        self._running: dict[Any, int] = {}
        self._due = dict.fromkeys(range(plan.shards), 0.0)
        self._failures: Counter[int] = Counter()
        self._given_up: dict[int, Outcome] = {}

    def prove(self) -> None:
        """Returns when the proofs of all shards are there."""
        try:
            while self._running or self._due:
                self._start()
                self._watch()
        except BaseException:
            self._stop()
            raise
        if self._given_up:
            shard, outcome = min(self._given_up.items())
            raise Failure(
                RESOURCES,
                f"{len(self._given_up)} of {self._plan.shards} shards failed {self._plan.retries + 1} times; "
                f"the last time of shard {shard}: {outcome.sentence}",
            )

    def _start(self) -> None:
        now = time.monotonic()
        for shard in [s for s, when in self._due.items() if when <= now]:
            del self._due[shard]
            self._running[self._task.remote(self._plan, shard, self._board)] = shard

    def _watch(self) -> None:
        ready: list[Any] = []
        if self._running:
            ready, _ = ray.wait(list(self._running), timeout=INTERVAL)
        else:
            time.sleep(INTERVAL)
        # A board that is being restarted has no news.
        with contextlib.suppress(RayError):
            for shard, event in ray.get(self._board.drain.remote(), timeout=5):
                self._display.event(shard, event)
        for task in ready:
            self._settle(self._running.pop(task), outcome_of(task))
        self._display.show()

    def _settle(self, shard: int, outcome: Outcome) -> None:
        if outcome.code == DONE:
            self._display.state(shard, "done")
            if outcome.found:
                self._display.note(f"shard {shard}: its proof is there and valid, not proved again")
            return
        if outcome.code > 0 and outcome.code != RESOURCES:
            raise Failure(outcome.code, f"shard {shard} of {self._plan.shards}: {outcome.sentence}")
        self._display.state(shard, "waits")
        self._failures[shard] += 1
        again = self._failures[shard] <= self._plan.retries
        wait = self._plan.retry_wait * 2 ** (self._failures[shard] - 1)
        then = f"again in {wait:g} s" if again else "given up, the others go on"
        self._display.note(f"shard {shard}: {outcome.sentence}: {then}")
        if again:
            self._due[shard] = time.monotonic() + wait
        else:
            self._given_up[shard] = outcome

    def _stop(self) -> None:
        """Ends all shards; each writes its checkpoint first."""
        if not self._running:
            return
        self._display.note(f"stopping {len(self._running)} shards, each writes its checkpoint")
        for task in self._running:
            ray.cancel(task, force=False)
        ray.wait(list(self._running), num_returns=len(self._running), timeout=self._plan.grace)


def outcome_of(task: Any) -> Outcome:
    try:
        outcome: Outcome = ray.get(task)
        return outcome
    except RayTaskError:
        raise
    except RayError as e:
        # The worker was killed, its node was lost or ran out of memory: like a killed pleat.
        reason = str(e).strip().splitlines()[0]
        return Outcome(RESOURCES, {"error": f"its Ray worker was lost ({reason})"})


def finish(plan: Plan, display: Display) -> dict[str, Any]:
    """Combines the shards, verifies the whole, and returns its statement."""
    for step, command in (("combine", plan.combine()), ("verify", plan.verify(plan.output))):
        display.note(f"{step}: {plan.output}")
        outcome = run(command, lambda _: None)
        if outcome.code != DONE:
            raise Failure(outcome.code if outcome.code > 0 else RESOURCES, f"{step}: {outcome.sentence}")
    statement: dict[str, Any] = outcome.result["statement"]
    return statement


def parse(arguments: Sequence[str]) -> tuple[Plan, str | None]:
    """The plan, and the address of the Ray cluster if one is named."""
    own, extra = list(arguments), []
    if "--" in own:
        own, extra = own[: own.index("--")], own[own.index("--") + 1 :]
    a = arguments_parser().parse_args(own)
    whole = {"--shard", "--offset", "--limit", "--output", "-o", "--checkpoint", "--json", "--quiet", "-q"}
    for option in extra:
        if option.split("=")[0] in whole | {"--statement", "--context", "--progress", "--log", "--resume"}:
            arguments_parser().error(f"{option} after --: the driver sets it itself")
    plan = Plan(
        pleat=str(Path(a.pleat).absolute()) if "/" in a.pleat else a.pleat,
        bundle=a.bundle.absolute(),
        data=a.data.absolute(),
        labels=a.labels and a.labels.absolute(),
        registration=a.registration.absolute(),
        statement=a.statement,
        context=a.context,
        shards=a.shards,
        output=a.output.absolute(),
        work=a.work.absolute(),
        cache=a.cache and a.cache.absolute(),
        force=a.force,
        cpus=a.cpus_per_shard,
        retries=a.retries,
        retry_wait=a.retry_wait,
        grace=a.grace,
        extra=tuple(extra),
    )
    return plan, a.address


def arguments_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="prove_shards.py",
        description="Prove a data set in shards on Ray, and combine them into one proof.",
        epilog="Options after -- go to every `pleat prove`. Exit codes are pleat's: 0 done, 1 invalid proof, "
        "2 usage, 3 bad input, 4 resources or interrupted.",
    )
    add = parser.add_argument
    add("bundle", type=Path, help="the bundle (secret: every node reads it)")
    add("--data", type=Path, required=True, help="the whole data set")
    add("--labels", type=Path, help="its labels, if they are another file")
    add("--registration", type=Path, required=True, help="the model's registration")
    add("--statement", choices=["accuracy", "outputs"], default="accuracy", help="what to prove")
    add("--context", metavar="HEX", help="bytes the proof is bound to")
    add("--shards", type=whole_number(1), required=True, metavar="N", help="number of shards")
    add("-o", "--output", type=Path, required=True, help="where the whole proof goes")
    add("--work", type=Path, required=True, metavar="DIR", help="folder of shards and checkpoints (secret)")
    add("--force", action="store_true", help="overwrite an existing whole proof")
    add("--cpus-per-shard", type=whole_number(1), default=2, metavar="K", help="processors a shard uses [2]")
    add("--retries", type=whole_number(0), default=3, help="further tries of a shard [3]")
    add("--retry-wait", type=seconds, default=5.0, help="seconds before the first, then doubled [5]")
    add("--grace", type=seconds, default=120.0, help="seconds to write checkpoints when stopped [120]")
    add("--pleat", default="pleat", metavar="PATH", help="the program, on every node [from PATH]")
    add("--cache", type=Path, metavar="DIR", help="folder of keys, on every node [the user's cache folder]")
    add("--address", help="a Ray cluster [the one of this machine, else a new local one]")
    return parser


def whole_number(least: int) -> Callable[[str], int]:
    def parse_number(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return number

    parse_number.__name__ = "whole number"
    return parse_number


def seconds(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds")
    return number


def prepare(plan: Plan) -> None:
    """Refuses before the work what would be refused after it."""
    for path in filter(None, (plan.bundle, plan.data, plan.labels, plan.registration)):
        if not path.exists():
            raise Failure(BAD_INPUT, f"{path}: it is not there; check the path")
    if plan.output.exists() and not plan.force:
        raise Failure(BAD_INPUT, f"{plan.output}: it exists already; choose another name or give --force")
    if shutil.which(plan.pleat) is None:
        raise Failure(BAD_INPUT, f"{plan.pleat}: no such program; install pleat or give --pleat PATH")
    try:
        plan.work.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as e:
        raise Failure(BAD_INPUT, f"work folder {plan.work}: {e.strerror}; choose another --work") from e


def connect(address: str | None, plan: Plan, display: Display) -> None:
    if not ray.is_initialized():
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=False)
    # The modules beside this file travel with the tasks: nodes need not have them.
    for module in (shard_plan, shard_task):
        ray.cloudpickle.register_pickle_by_value(module)
    # Ray turns SIGTERM into an exit at once; shards shall be stopped first.
    signal.signal(signal.SIGTERM, interrupt)
    most = max((node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]), default=0)
    if most < plan.cpus:
        display.note(
            f"no node has {plan.cpus} processors, the largest has {most:g}: Ray waits for one; "
            "or stop and give fewer --cpus-per-shard"
        )


def interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def main(arguments: Sequence[str]) -> int:
    plan, address = parse(arguments)
    display = Display(plan.shards, sys.stderr)
    try:
        # Ray prints remarks to standard output, which is for the result alone.
        with contextlib.redirect_stdout(sys.stderr):
            prepare(plan)
            connect(address, plan, display)
            Run(plan, display).prove()
            statement = finish(plan, display)
    except Failure as e:
        display.note(f"prove_shards: {e}")
        code = e.code
    except KeyboardInterrupt:
        display.note("prove_shards: interrupted")
        code = RESOURCES
    else:
        print(json.dumps(statement))
        return DONE
    if plan.work.exists():
        display.note(f"what is done is kept in {plan.work}; continue with")
        display.note(f"  {shlex.join(sys.orig_argv)}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
