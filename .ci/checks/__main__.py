"""Every check of what verifies has a test that notices when it is left out; `docs/testing.md` says how.

    python3 .ci/checks               compares the table with the sources: seconds, nothing is compiled
    python3 .ci/checks list          prints the names of all checks, with what notices each
    python3 .ci/checks run           leaves out each check in turn and runs its test, which must fail
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sites import Finder
from table import PACKAGES, Table

ROOT = Path(__file__).resolve().parents[2]
CRATES = ROOT / "crates"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
VARIABLE = "PLEAT_SKIP_CHECK"
# What verifies. Of files with a list, these functions only.
NATIVE = {
    "argument/src": {
        "registry.rs": [], "registry/inference.rs": [], "registry/verification.rs": [], "opening.rs": ["verify"],
        "proof.rs": [], "lookup.rs": [], "group/verify.rs": [], "group/folded.rs": [], "step/transition.rs": [], "step/message.rs": [],
        "layout/register.rs": ["same_weights"], "witness/vectors.rs": ["data_vector"],
        # What they compute refuses nothing; a check that comes is found.
        "data.rs": ["DataCommitter::id"], "claims.rs": [], "sumcheck.rs": [], "statement.rs": [],
        "step/slot.rs": [], "step/lookup.rs": [], "step/state.rs": [], "step/schedule.rs": [],
        "step/descriptor.rs": [],
        # Of all work on an untrusted architecture.
        "budget.rs": [],
    },
    "compressor/src": {
        "envelope.rs": [], "combined.rs": [], "verify.rs": [], "skeleton.rs": [], "key.rs": [], "snark.rs": [],
    },
    "folding/src": {"running.rs": [], "checkpoint.rs": [], "sealed.rs": []},
    "jobs/src": {"verify/mod.rs": [], "verify/case.rs": []},
}  # fmt: skip
CIRCUIT = "step-circuits/src/circuit"

SWITCH = """
pub mod skip_check {
    use std::sync::OnceLock;

    fn chosen() -> Option<&'static str> {
        static CHOSEN: OnceLock<Option<String>> = OnceLock::new();
        CHOSEN.get_or_init(|| std::env::var("PLEAT_SKIP_CHECK").ok()).as_deref()
    }

    /// Whether a check is the one that is left out.
    pub fn skip(id: &str) -> bool {
        chosen() == Some(id)
    }

    /// Where nothing can go on without the check.
    pub fn panics(id: &str) {
        assert!(!skip(id), "reached what is left out: {id}");
    }

    /// The name of a constraint; at an address of its own if it is left out.
    pub fn named(id: &str, name: &'static str) -> &'static str {
        match skip(id) {
            true => LEFT_OUT.get_or_init(|| name.to_owned()).as_str(),
            false => name,
        }
    }

    static LEFT_OUT: OnceLock<String> = OnceLock::new();

    /// Whether a constraint has the name of the one that is left out.
    pub fn is_left_out(name: &'static str) -> bool {
        LEFT_OUT.get().is_some_and(|own| std::ptr::eq(own.as_str(), name))
    }
}
"""


def finders():
    """The files that are looked through."""
    for crate, files in NATIVE.items():
        for file, functions in files.items():
            finder = Finder(f"{crate}/{file}", (CRATES / crate / file).read_text(), False)
            if functions:
                finder.sites = [site for site in finder.sites if site.function in functions]
                finder.unknown = []
            yield finder
    for path in sorted((CRATES / CIRCUIT).rglob("*.rs")):
        yield Finder(str(path.relative_to(CRATES)), path.read_text(), True)


class Copy:
    """A copy of the workspace whose checks can be left out."""

    def __init__(self, target):
        self.sources, self.build = target / "sources", target / "build"

    def write(self, found):
        """Copies and rewrites what changed since the last time."""
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
        )
        wanted = {name for name in listed.stdout.splitlines() if (ROOT / name).is_file()}
        rewritten = {f"crates/{finder.name}": finder.rewritten() for finder in found}
        crates = {name.split("/")[1] for name in rewritten}
        for name in sorted(wanted):
            data = (ROOT / name).read_bytes()
            if name in rewritten:
                data = rewritten[name].encode()
            if re.fullmatch(r"crates/([^/]+)/src/(lib|main)\.rs", name) and name.split("/")[1] in crates:
                # The rewritten conditions are no style.
                data = b"#![allow(warnings)]\n" + data + SWITCH.encode()
            place = self.sources / name
            if not place.exists() or place.read_bytes() != data:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(data)
        for place in list(self.sources.rglob("*.rs")):
            if str(place.relative_to(self.sources)) not in wanted:
                place.unlink()

    def seed(self, compiled):
        """Dependencies that are compiled already; the workspace's own crates are others here."""
        if self.build.exists() or not (compiled / "release/deps").exists():
            return
        print(f"dependencies from {compiled}", flush=True)
        for part in ("deps", "build", ".fingerprint"):
            shutil.copytree(compiled / "release" / part, self.build / "release" / part, symlinks=True)

    def compile(self, tests):
        """The binaries of some tests, by package and name."""
        # Of the whole workspace: fewer packages have other features, and every dependency is compiled again.
        command = ["cargo", "test", "--release", "--locked", "--workspace", "--no-run"]
        command += ["--message-format", "json-render-diagnostics", "--target-dir", str(self.build)]
        binaries = sorted({test.binary for test in tests} - {"lib"})
        command += [word for binary in binaries for word in ("--test", binary)]
        command += ["--lib"] * any(test.binary == "lib" for test in tests)
        built = subprocess.run(command, cwd=self.sources, stdout=subprocess.PIPE, text=True)
        if built.returncode != 0:
            sys.exit("the copy does not compile: a check is of a form that .ci/checks/sites.py does not know")
        found = {}
        for line in built.stdout.splitlines():
            message = json.loads(line)
            if message.get("executable") and message.get("profile", {}).get("test"):
                crate, own = Path(message["manifest_path"]).parent, message["target"]
                name = "lib" if own["kind"] == ["lib"] else own["name"]
                found[(PACKAGES.get(crate.name, f"pleat-{crate.name}"), name)] = (message["executable"], crate)
        return found


class Runs:
    """Runs tests, each with one check left out or none."""

    def __init__(self, binaries, jobs, limit):
        self.binaries, self.limit = binaries, limit
        self.one = {"pleat": threading.Lock()}
        self.environment = dict(os.environ, RAYON_NUM_THREADS=str(max(1, (os.cpu_count() or 1) // jobs)))
        self.environment.pop(VARIABLE, None)

    def run(self, test, skipped=None):
        """Whether a test passes, fails, or what else happened."""
        binary = self.binaries.get((test.package, test.binary))
        if binary is None:
            return "is not compiled"
        executable, crate = binary
        environment = dict(self.environment, CARGO_MANIFEST_DIR=str(crate))
        if skipped:
            environment[VARIABLE] = skipped
        # Tests of the program share a folder.
        lock = self.one.get(test.package)
        if lock:
            lock.acquire()
        try:
            done = subprocess.run(
                [executable, test.name, "--exact", "--include-ignored", "--test-threads", "1"],
                cwd=crate, env=environment, capture_output=True, text=True, timeout=self.limit,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return f"takes longer than {self.limit} s"
        finally:
            if lock:
                lock.release()
        if re.search(r"^running 0 tests", done.stdout, re.M):
            return "is not in its binary"
        if done.returncode == 0 and re.search(r"test result: ok\. 1 passed", done.stdout):
            return "passes"
        if done.returncode == 101 and re.search(r"test result: FAILED", done.stdout):
            return "fails"
        return f"ends with {done.returncode}"


def run(arguments, found, sites, table):
    sites = [site for site in sites if any(part in site.id for part in arguments.only)]
    entries = [(site, table.of(site)) for site in sites]
    tested = [(site, entry.test) for site, entry in entries if entry.test]
    tests = list({test.key(): test for _, test in tested}.values())
    copy = Copy(arguments.target)
    copy.seed(TARGET)
    copy.write(found)
    runs = Runs(copy.compile(tests), arguments.jobs, arguments.limit)
    start, bad = time.time(), []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for test, outcome in zip(tests, pool.map(runs.run, tests)):
            if outcome != "passes":
                bad.append(f"{test}: {outcome} though nothing is left out")
        print(f"{len(tests)} tests with all checks: {time.time() - start:.0f} s", flush=True)
        outcomes = pool.map(lambda pair: runs.run(pair[1], pair[0].id), tested)
        for (site, test), outcome in zip(tested, outcomes):
            if outcome != "fails":
                bad.append(f"{site.id}: {test} {outcome} without it")
                print(f"NOT NOTICED  {bad[-1]}", flush=True)
            elif arguments.verbose:
                print(f"noticed  {site.id}", flush=True)
    kinds = [entry.reason.split(":")[0] for _, entry in entries if entry.reason]
    others = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    print(f"{len(tested)} checks left out one by one in {time.time() - start:.0f} s; {others or 'no other'}")
    print("\n".join(bad) if bad else "each is noticed by its test")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(prog=".ci/checks", description=__doc__.split("\n")[0])
    parser.add_argument("verb", nargs="?", choices=["compare", "list", "run"], default="compare")
    parser.add_argument("--only", nargs="+", default=[""], help="only checks whose name has one of these in it")
    parser.add_argument("--target", type=Path, default=TARGET / "checks", help="where the copy is built")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="tests at a time")
    parser.add_argument("--limit", type=int, default=900, help="seconds of a test")
    parser.add_argument("--verbose", action="store_true", help="name what is noticed, too")
    arguments = parser.parse_args()
    arguments.target = arguments.target.resolve()
    found = list(finders())
    sites = [site for finder in found for site in finder.sites]
    table = Table(Path(__file__).parent / "table.txt")
    if arguments.verb == "list":
        for site in sites:
            entry = table.of(site)
            print(f"{site.id} = {(entry.reason or entry.test) if entry else '?'}")
        return 0
    problems = table.problems(sites, CRATES)
    problems += [f"{name}: say in .ci/checks/sites.py whether this call checks" for f in found for name in f.unknown]
    if problems:
        print("\n".join(problems))
        print(f"{len(problems)} problems; docs/testing.md says how to add an entry")
        return 1
    print(f"{len(sites)} checks, each in the table; {sum(s.binds for s in sites)} of them bind a variable")
    return run(arguments, found, sites, table) if arguments.verb == "run" else 0


if __name__ == "__main__":
    sys.exit(main())
