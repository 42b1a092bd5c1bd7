"""Finds the checks of a Rust source and rewrites each so that an environment variable leaves it out.

A check's name is its function and what it says, never a line. What counts as one:

| in the source | left out |
| --- | --- |
| `check(a && b, "..")` | each part is true |
| `if a \\|\\| b { return Err(..) }` | each part is false |
| `match a { true => Ok(..), false => Err(..) }` | it is true |
| `a && b` as a `bool` that a `let` or a function gives | each part is true |
| a value that [`LISTS`] names | it is empty |
| `.filter(|x| a)` where [`FILTERS`] says so | everything passes |
| `f(..)?;` of a function in [`CHECKING`] | it is not called |
| what a function without a value ends with | it ends before |
| `.ok_or(..)`, `let .. else { return Err(..) }`, `=> Err(..)` | its refusal panics, as without a value nothing can go on |
| a constraint of the step circuit, by the name it is given | it is not enforced |
"""

import re
from collections import Counter

from rust import Source

SKIP = "crate::skip_check::"
# Calls whose only effect is to refuse.
CHECKING = {
    "validate", "fits", "admissible", "check", "check_data", "expect", "same_class", "verify", "verify_next", "attest",
    "from_bytes", "suits", "check_lengths", "native", "folded", "whole", "register", "precheck", "claim",
}  # fmt: skip
# Calls that do something; what they refuse is found where they do.
WORKING = {
    "set_rounds", "absorb_vector", "claims", "end", "verify_group", "message", "enforce_equal", "write_atomic",
    "save", "group", "positions", "result",
}  # fmt: skip
# Options that are emptied by a condition.
FILTERS = {"Registry::admit_parts", "VerifyingKey::check", "Envelope::check_lengths"}
# Functions whose `bool` decides.
PREDICATES = {"same_weights", "sumcheck", "sound", "hides"}
# Functions that end with a list of named values.
LISTS = {"shared"}
# What constrains in the step circuit: those that bind a variable of their own, and those that do not.
BINDING = "product|product_plus|select|select_variable|settled|inverse"
CONSTRAINT = re.compile(rf"\.(?P<how>{BINDING}|enforce_product|enforce_equal)\(")
REFUSAL = re.compile(r"\breturn\s+(Err|content|differs|fail)\b|\bbail!")


class Site:
    """A check: its name, whether it binds a variable of a circuit, and what is inserted where."""

    def __init__(self, function, label, binds=False):
        self.function, self.label, self.binds = function, label, binds
        self.edits, self.id = [], None

    def around(self, start, end, before, after):
        self.edits += [(start, end, before, after)]


class Finder:
    """The checks of one file, `name` being its crate and path."""

    def __init__(self, name, text, circuit):
        self.name, self.source, self.circuit = name, Source(text), circuit
        self.sites, self.unknown, self.used = [], [], set()
        for function in self.source.functions:
            if "ok: bool" in function.head:
                # What others check by.
                continue
            if circuit:
                self.constraints(function)
            else:
                self.refusals(function)
        seen = Counter()
        for site in self.sites:
            label = f"{site.function}: {site.label}"
            seen[label] += 1
            again = "" if seen[label] == 1 else f" ({seen[label]})"
            site.id = f"{name} {label}{again}"

    def site(self, function, label, binds=False):
        self.sites.append(Site(function.name, label, binds))
        return self.sites[-1]

    # Conditions.

    def parts(self, start, end, separator):
        """The parts of a condition, `bool::from(a & b)` among them, and what goes around each."""
        source = self.source
        other = "||" if separator == "&&" else "&&"
        if len(source.split(start, end, other)) > 1 or re.search(r"\blet\b", source.code[start:end]):
            return [(start, end)]
        return [source.trimmed(a, b) for a, b in source.split(start, end, separator)]

    def condition(self, function, label, start, end, separator="&&"):
        """A condition that must hold (`&&`), or must not (`||`)."""
        source = self.source
        choices = re.fullmatch(r"bool::from\((.*) & (.*)\)", source.text[start:end], re.S)
        parts = self.parts(start, end, separator)
        if choices and len(source.split(source.code.index("(", start) + 1, end - 1, "&")) == 2:
            inside = source.split(source.code.index("(", start) + 1, end - 1, "&")
            for a, b in inside:
                site = self.site(function, f"{label} [{source.words(*source.trimmed(a, b))}]")
                site.around(a, b, "(", f" | u8::from({SKIP}skip(ID)).into())")
            return
        for a, b in parts:
            own = source.words(a, b, 60)
            site = self.site(function, label if len(parts) == 1 else f"{label} [{own}]" if label else own)
            if separator == "&&":
                site.around(a, b, f"({SKIP}skip(ID) || (", "))")
            else:
                site.around(a, b, f"(!{SKIP}skip(ID) && (", "))")

    # Refusals.

    def refusals(self, function):
        source, (start, end) = self.source, function.body
        code = source.code
        self.used = set()
        self.booleans(function)
        for found in re.finditer(r"(?<![\w.:])(?:checks\s*\.\s*)?check\s*\(", code[start:end]):
            bracket = start + found.end() - 1
            arguments = source.arguments(bracket)
            if len(arguments) != 2:
                continue
            label = source.string(*arguments[1]) or source.words(*arguments[1])
            self.condition(function, label, *arguments[0])
            self.used.add(start + found.start())
        for found in re.finditer(r"\bif\b", code[start:end]):
            self.branch(function, start + found.start())
        for found in re.finditer(r"\bmatch\b", code[start:end]):
            self.match(function, start + found.start())
        for found in re.finditer(r"\belse\s*\{", code[start:end]):
            self.otherwise(function, start + found.start(), start + found.end() - 1)
        for found in re.finditer(r"\.ok_or(_else)?\(", code[start:end]):
            self.option(function, start + found.start(), start + found.end() - 1, found.group(1))
        if function.name in FILTERS:
            for found in re.finditer(r"\.filter\(\|[^|]*\|", code[start:end]):
                first = start + found.end()
                last = source.partner[code.index("(", start + found.start())]
                self.condition(function, source.words(first, last), *source.trimmed(first, last))
        for found in re.finditer(r"\bErr\(|\bbail!\(", code[start:end]):
            self.remaining(function, start + found.start(), start + found.end() - 1)
        for found in re.finditer(r"\?;", code[start:end]):
            self.call(function, start + found.start())
        if function.name in LISTS:
            self.listing(function)
        self.tail(function)

    def listing(self, function):
        """Named values that are compared one by one."""
        source = self.source
        first = source.code.rindex("[", *function.body)
        for a, b in source.arguments(first):
            _, value = source.arguments(a)
            site = self.site(function, source.string(a, b))
            site.around(*value, f"if {SKIP}skip(ID) {{ String::new() }} else {{ ", " }")

    def booleans(self, function):
        """`a && b` that a `let`, a closure or the function itself gives."""
        source, (start, end) = self.source, function.body
        code, self.named = source.code, set()
        if function.name.split("::")[-1] in PREDICATES:
            first = source.trimmed(code.rfind(";", start, end) + 1 if ";" in code[start:end] else start, end)
            whole = len(source.split(*first, "&&")) == 1
            self.condition(function, "result" if whole else "", *first)
        for found in re.finditer(r"\blet (\w+) =\s*", code[start:end]):
            first, last = start + found.end(), source.forward(start + found.end(), ";")
            closure = re.match(r"\|[^|]*\|\s*\{", code[first:last])
            if closure:
                bracket = first + closure.end() - 1
                first, last = bracket + 1, source.partner[bracket]
                first = code.rfind(";", first, last) + 1 if ";" in code[first:last] else first
            first, last = source.trimmed(first, last)
            if len(source.split(first, last, "&&")) > 1 and not re.search(r"\bif\b", code[first : first + 3]):
                self.named.add(found.group(1))
                self.condition(function, found.group(1), first, last)

    def refuses(self, bracket):
        """Whether a block's own statements refuse; where."""
        code, place, end = self.source.code, bracket + 1, self.source.partner[bracket]
        while place < end:
            found = REFUSAL.match(code, place)
            if found:
                return place
            place = self.source.partner[place] if code[place] == "{" else place
            place += 1
        return None

    def label(self, bracket):
        """What a refusing block says, if it says it itself."""
        return self.source.string(bracket, self.source.partner[bracket])

    def branch(self, function, place):
        source, code = self.source, self.source.code
        bracket = source.forward(place, "{;")
        if code[bracket] != "{" or self.refuses(bracket) is None:
            return
        start, end = source.trimmed(place + 2, bracket)
        self.used.add(self.refuses(bracket))
        if source.code[start:end].lstrip("!") in self.named:
            return
        if re.search(r"\blet\b", code[start:end]):
            label = self.label(bracket) or source.words(start, end)
            self.site(function, label).around(end, end, f" && !{SKIP}skip(ID)", "")
        else:
            label = self.label(bracket) or ("" if len(self.parts(start, end, "||")) > 1 else source.words(start, end))
            self.condition(function, label, start, end, "||")

    def match(self, function, place):
        source, code = self.source, self.source.code
        bracket = source.forward(place, "{")
        if not re.match(r"\{\s*true => Ok\(", code[bracket:]):
            return
        start, end = source.trimmed(place + 5, bracket)
        refusal = code.index("Err(", bracket)
        self.used.add(refusal)
        if code[start:end] in self.named:
            return
        said = source.string(refusal, source.partner[bracket])
        label = said or source.words(start, end)
        self.condition(function, label, start, end)

    def otherwise(self, function, place, bracket):
        refusal = self.refuses(bracket)
        before = self.source.code[:place].rstrip()
        if refusal is None or before.endswith("}"):
            return
        self.used.add(refusal)
        start = self.source.statement(place)
        self.panics(function, self.label(bracket) or self.source.words(start, place), bracket + 1)

    def panics(self, function, label, place):
        self.site(function, label).around(place, place, f" {SKIP}panics(ID); ", "")

    def option(self, function, place, bracket, lazy):
        source = self.source
        (argument,) = source.arguments(bracket)
        label = source.string(*argument) or source.words(*argument)
        site = self.site(function, label)
        start, end = argument
        if lazy:
            start, end = source.trimmed(start + 2, end)
            site.around(start, end, f"{{ {SKIP}panics(ID); ", " }")
        else:
            site.around(bracket, bracket, "_else", "")
            site.around(start, end, f"|| {{ {SKIP}panics(ID); ", " }")

    def remaining(self, function, place, bracket):
        """A refusal that no other form has."""
        source, code = self.source, self.source.code
        start = place
        if code[:place].rstrip().endswith("return"):
            start = code.rindex("return", 0, place)
        following = code[source.partner[bracket] + 1 :].lstrip()
        if start in self.used or place in self.used or following.startswith(("=>", "=", "|")):
            return
        if re.search(r"\|[^|]*\|\s*$|let \w+ = $", code[:start]):
            # What a closure gives; it is found where it is called.
            return
        end = source.partner[bracket] + 1
        label = source.string(place, end) or source.words(place, end)
        arm = re.search(r"_ =>\s*$", code[:start])
        if arm and function.returns_unit() and code[end:].lstrip(" ,\n}") == code[function.body[1] :].lstrip("}\n "):
            self.site(function, label).around(arm.start(), arm.start(), f"_ if {SKIP}skip(ID) => Ok(()), ", "")
        else:
            self.site(function, label).around(start, end, f"{{ {SKIP}panics(ID); ", " }")

    def call(self, function, place):
        source, code = self.source, self.source.code
        start = source.statement(place)
        if re.match(r"let\b|return\b|check\(|checks\.check\(|\*?[\w.]+\s*[-+*]?= ", code[start:place]):
            return
        names = self.called(start, place)
        if any(name in CHECKING for name in names):
            called = source.words(start, code.index("(", start)).replace(" .", ".")
            site = self.site(function, f"{called}()")
            site.around(start, place + 2, f"if !{SKIP}skip(ID) {{ ", " }")
        elif not any(name in WORKING for name in names):
            self.unknown.append(f"{self.name} {function.name}: {source.words(start, place)}")

    def called(self, start, end):
        """The functions that an expression calls, but for what they are called in."""
        names = re.findall(r"(\w+)(?:::<[^>]*>)?\(", self.outside(start, end))
        return [name for name in names if name not in ("map_err", "with_context", "at")]

    def outside(self, start, end):
        """The code there without what is in brackets."""
        code, place, found = self.source.code, start, ""
        while place < end:
            found += code[place]
            place = self.source.partner[place] if code[place] in "([{" else place + 1
        return found

    def tail(self, function):
        """A call that a function without a value ends with."""
        source, code = self.source, self.source.code
        start, end = function.body
        if not function.returns_unit() or code[start:end].rstrip().endswith((";", "Ok(())")):
            return
        last = source.trimmed(start, end)[1]
        first = source.statement(source.partner[last - 1] if code[last - 1] == "}" else last)
        if re.match(r"(check|checks\.check|match|if|Err)\b", code[first:]):
            return
        names = self.called(first, end)
        if names and not any(name in CHECKING for name in names):
            if not any(name in WORKING for name in names):
                self.unknown.append(f"{self.name} {function.name}: {source.words(first, end)}")
            return
        site = self.site(function, f"{source.words(first, end)}")
        site.around(first, first, f"if {SKIP}skip(ID) {{ return Ok(()); }} ", "")

    # Constraints.

    def constraints(self, function):
        source, (start, end) = self.source, function.body
        code = source.code
        for found in CONSTRAINT.finditer(code, start, end):
            how = found.group("how")
            arguments = source.arguments(found.end() - 1)
            literals = [a for a in arguments[:3] if code[a[0]] == '"']
            binds = not how.startswith("enforce")
            if literals:
                label = source.string(*literals[0])
                site = self.site(function, label, binds)
                site.around(*literals[0], f"{SKIP}named(ID, ", ")")
            elif code[slice(*arguments[1])] == "name" and "fn " + function.name != "fn Number":
                self.listed(function, arguments[1])
        for found in re.finditer(r"\bcs\.enforce\(", code[start:end]):
            self.enforced(function, start + found.start())

    def listed(self, function, argument):
        """Constraints of a loop over names and what they constrain."""
        source, code = self.source, self.source.code
        before = source.text.rfind("for (name,", function.body[0], argument[0])
        if before < 0:
            return
        bracket = code.index("[", before)
        for a, b in source.arguments(bracket):
            literal = re.match(r'\(\s*"_*"', code[a:b])
            site = self.site(function, source.string(a, b))
            quote = code.index('"', a)
            site.around(quote, a + literal.end(), f"{SKIP}named(ID, ", ")")

    def enforced(self, function, place):
        source, code = self.source, self.source.code
        if function.name == "Number::enforce_product":
            return
        site = self.site(function, "cs.enforce", True)
        site.around(place, source.forward(place, ";") + 1, f"if !{SKIP}skip(ID) {{ ", " }")

    # Rewriting.

    def rewritten(self):
        """The source with every check behind its name."""
        edits = []
        for order, site in enumerate(self.sites):
            for start, end, before, after in site.edits:
                name = '"' + site.id.replace("\\", "\\\\").replace('"', '\\"') + '"'
                # Where edits meet: what ends goes before what begins, the longer begins first and ends last.
                edits.append((start, 1, -end, order, before.replace("ID", name)))
                if after:
                    edits.append((end, 0, -start, -order, after.replace("ID", name)))
        text, done = [], 0
        for place, _, _, _, inserted in sorted(edits):
            text += [self.source.text[done:place], inserted]
            done = place
        text = "".join([*text, self.source.text[done:]])
        if self.circuit and "fn enforce_product" in text:
            text = text.replace(
                "cs.enforce(|| name, ", f"if {SKIP}is_left_out(name) {{ return; }}\n        cs.enforce(|| name, "
            )
        return text
