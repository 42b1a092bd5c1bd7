"""As much of Rust's syntax as it takes to find functions, statements and arguments in this repository's sources."""

import re

OPENING, CLOSING = "([{", ")]}"
LITERAL = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(\#*)".*?"\1|b?"(?:\\.|[^"\\])*"|b?'(?:\\(?:x..|u\{.*?\}|.)|[^\\'])'""",
    re.S,
)


def blank(text):
    """The text with comments and the insides of strings and characters replaced by spaces, place by place."""

    def cover(match):
        found = match.group()
        if found.startswith("/"):
            return re.sub(r"[^\n]", " ", found)
        first = found.index(found[-1]) if found[-1] in "\"'" else found.index('"')
        last = len(found) - 1 - len(match.group(1) or "")
        inside = re.sub(r"[^\n]", "_", found[first + 1 : last])
        return found[: first + 1] + inside + found[last:]

    return LITERAL.sub(cover, text)


def partners(code):
    """Where each bracket's partner is."""
    found, stack = {}, []
    for place, char in enumerate(code):
        if char in OPENING:
            stack.append(place)
        elif char in CLOSING:
            start = stack.pop()
            found[start], found[place] = place, start
    return found


class Function:
    """A function with a body."""

    def __init__(self, name, start, body, head):
        self.name, self.start, self.body, self.head = name, start, body, head

    @property
    def returns(self):
        """Its return type as written, without blanks."""
        depth, start = 0, None
        for place, char in enumerate(self.head):
            depth += (char in OPENING) - (char in CLOSING)
            if depth == 0 and self.head.startswith("->", place):
                start = place + 2
        declared = self.head[start:] if start else ""
        return re.sub(r"\s", "", re.split(r"\bwhere\b", declared)[0])

    def returns_unit(self):
        """Whether it returns a `Result` of nothing."""
        return bool(re.match(r"Result<\(\)[,>]", self.returns))


class Source:
    """A file: its text, its code without literals, its brackets, its functions outside of tests."""

    def __init__(self, text):
        self.text = text
        self.code = blank(text)
        self.partner = partners(self.code)
        self.functions = self._functions()

    def _types(self):
        """Bodies of `impl` and `trait` blocks with the name of the type."""
        for found in re.finditer(r"(?m)^\s*(?:unsafe )?(?:impl\b|(?:pub )?trait\b)", self.code):
            start = self.code.index("{", found.end())
            header = re.sub(r"<[^<>]*(?:<[^<>]*(?:<[^<>]*>)?[^<>]*>)?[^<>]*>", "", self.code[found.end() : start])
            name = re.search(r"(?:.*\bfor\b)?\s*(\w+)", header, re.S).group(1)
            yield start, self.partner[start], name

    def _functions(self):
        tests = [
            (found.end(), self.partner[found.end() - 1])
            for found in re.finditer(r"#\[cfg\(test\)\]\s*mod \w+ \{", self.code)
        ]
        types = list(self._types())
        functions = []
        for found in re.finditer(r"\bfn (\w+)", self.code):
            if any(start <= found.start() < end for start, end in tests):
                continue
            place = found.end()
            while self.code[place] not in "{;":
                place = self.partner[place] if self.code[place] in "([" else place
                place += 1
            if self.code[place] == ";":
                continue
            if functions and found.start() < functions[-1].body[1]:
                continue
            owner = [name for start, end, name in types if start < found.start() < end]
            name = "::".join([*owner[-1:], found.group(1)])
            head = self.code[found.end() : place]
            functions.append(Function(name, found.start(), (place + 1, self.partner[place]), head))
        return functions

    def split(self, start, end, separator):
        """The places between separators that are in no bracket."""
        parts, place, first = [], start, start
        while place < end:
            if self.code[place] in OPENING:
                place = self.partner[place] + 1
            elif self.code.startswith(separator, place):
                parts.append((first, place))
                place += len(separator)
                first = place
            else:
                place += 1
        return [*parts, (first, end)]

    def arguments(self, bracket):
        """The places of the arguments behind an opening bracket."""
        parts = self.split(bracket + 1, self.partner[bracket], ",")
        return [self.trimmed(a, b) for a, b in parts if self.text[a:b].strip()]

    def trimmed(self, start, end):
        """A place without the blanks and comments around it."""
        while start < end and self.code[start].isspace():
            start += 1
        while end > start and self.code[end - 1].isspace():
            end -= 1
        return start, end

    def forward(self, place, stops):
        """The next of some characters that is in no bracket."""
        while self.code[place] not in stops:
            place = self.partner[place] if self.code[place] in OPENING else place
            place += 1
        return place

    def statement(self, place):
        """Where the statement begins that holds a place."""
        while place > 0:
            before = self.code[place - 1]
            if before == "}":
                # The end of a statement, or of an expression that goes on.
                follows = self.code[place:].lstrip()[:1]
                if follows not in (".", "?"):
                    break
                place = self.partner[place - 1]
            elif before in ")]":
                place = self.partner[place - 1]
            elif before in ";{([,":
                break
            else:
                place -= 1
        return self.trimmed(place, len(self.code))[0]

    def string(self, start, end):
        """The first string literal there that says something, or nothing."""
        for found in re.finditer(r'"([_\n]*)"', self.code[start:end]):
            text = self.text[start + found.start() + 1 : start + found.end() - 1]
            text = re.sub(r"\s*\\\n\s*", " ", text).strip()
            if re.search(r"[A-Za-z]{2}", text):
                return text if len(text) <= 72 else text[:69] + "..."
        return None

    def words(self, start, end, length=60):
        """The code there in one line, cut off."""
        line = " ".join(self.text[start:end].split())
        return line if len(line) <= length else line[: length - 3] + "..."
