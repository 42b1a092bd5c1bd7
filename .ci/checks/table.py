"""The table: which test notices that a check is left out."""

import re
from pathlib import Path

PACKAGES = {"cli": "pleat"}
NO_TEST = ("forced", "double")


class Test:
    """A test by its package, binary and name."""

    def __init__(self, crate, text):
        words = text.split()
        if len(words) != 2:
            raise ValueError(f"'{text}' is no test: write BINARY TEST, or CRATE:BINARY TEST")
        where, self.name = words
        crate, binary = where.split(":") if ":" in where else (crate, where)
        self.crate, self.binary = crate, binary

    @property
    def package(self):
        return PACKAGES.get(self.crate, f"pleat-{self.crate}")

    def key(self):
        return (self.package, self.binary, self.name)

    def __str__(self):
        return f"{self.package} {self.binary} {self.name}"

    def exists(self, crates):
        """Whether some source of the binary has a test function of this name."""
        crate, (*modules, name) = crates / self.crate, self.name.split("::")
        if self.binary == "lib":
            sources = list((crate / "src").rglob("*.rs"))
        else:
            alone = crate / "tests" / f"{self.binary}.rs"
            sources = [alone] if alone.exists() else list((crate / "tests" / self.binary).rglob("*.rs"))
        if modules and self.binary != "lib":
            sources = [s for s in sources if s.stem == modules[-1] or s.parent.name == modules[-1]]
        found = re.compile(rf"#\[test\]\s*(?:#\[[^\]]*\]\s*)*fn {re.escape(name)}\(")
        return any(found.search(source.read_text()) for source in sources)


class Entry:
    """What notices one check, or why nothing does."""

    def __init__(self, place, crate, text):
        self.place = place
        self.reason = next((text for kind in NO_TEST if text.startswith(f"{kind}: ")), None)
        self.test = None if self.reason else Test(crate, text)


class Table:
    """All entries by the name of their check, and those for all constraints that bind a variable."""

    def __init__(self, path):
        self.entries, self.binding, self.errors = {}, [], []
        section = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            place, line = f"{path.name}:{number}", line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                section = line.strip("[]")
                continue
            label, separator, text = line.rpartition(" = ")
            if not separator or (section is None and not label.startswith("binding ")):
                self.errors.append(f"{place}: no entry: {line}")
                continue
            try:
                if label.startswith("binding "):
                    prefix = label.removeprefix("binding ")
                    self.binding.append((prefix, Entry(place, prefix.split("/")[0], text)))
                    continue
                name = f"{section}: {label}"
                if name in self.entries:
                    self.errors.append(f"{place}: a second entry for {name}")
                self.entries[name] = Entry(place, section.split("/")[0], text)
            except ValueError as error:
                self.errors.append(f"{place}: {error}")

    def of(self, site):
        """The entry of a check; of constraints that bind, the one with the longest prefix will do."""
        if site.id in self.entries or not site.binds:
            return self.entries.get(site.id)
        fitting = [(len(prefix), entry) for prefix, entry in self.binding if site.id.startswith(prefix)]
        return max(fitting, key=lambda f: f[0])[1] if fitting else None

    def problems(self, sites, crates):
        """Checks without an entry, entries without a check, tests that are not there."""
        problems = list(self.errors)
        names = {site.id for site in sites}
        problems += [f"{site.id}: no entry" for site in sites if self.of(site) is None]
        problems += [f"{e.place}: no such check: {name}" for name, e in self.entries.items() if name not in names]
        used = {id(self.of(site)) for site in sites}
        problems += [f"{e.place}: nothing binds there: {p}" for p, e in self.binding if id(e) not in used]
        entries = [*self.entries.values(), *(entry for _, entry in self.binding)]
        known = {}
        for entry in entries:
            if entry.test and not known.setdefault(entry.test.key(), entry.test.exists(crates)):
                problems.append(f"{entry.place}: no such test: {entry.test}")
        return problems
