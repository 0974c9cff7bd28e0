"""The text of a file as pages show it: numbered lines a part at a time, links in it, problems marked."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, cast

from promptlab.core.display import cells
from promptlab.core.frozen import frozen
from promptlab.loader.problems import Problem
from promptlab.reports.inert import visible

MOST_LINES = 400  # of a part
MOST_CHARACTERS = 32_000
LONGEST = 400
MOST_PROBLEMS = 100  # that are shown of a file
FORMS = r"(?P<comment>(?:^|(?<=\s))#.*)|(?P<key>^\s*(?:- )*[\w.\"'-]+(?=:(?:\s|$)))"
FORMS_OF_TEMPLATE = r"(?P<comment>\{#.*?(?:#\}|$))"
CODE = r"(?P<code>\{\{.*?\}\}|\{%.*?%\})"

type Kind = Literal["text", "comment", "key", "code", "link"]
type Language = Literal["yaml", "template"]
type Links = Mapping[str, str]  # the addresses of what is named in the text


@frozen
class Token:
    kind: Kind
    text: str
    address: str | None = None


@frozen
class Mark:
    """A problem under its line: so many columns in, so many wide."""

    problem: Problem
    left: int
    width: int


@frozen
class SourceLine:
    number: int
    tokens: tuple[Token, ...]
    marks: tuple[Mark, ...]


@frozen
class SourcePart:
    """`before`, `after`: the number of a line of the part beside it, None where there is none."""

    lines: tuple[SourceLine, ...]
    count: int
    before: int | None
    after: int | None


@frozen
class Parts:
    """Where the parts of a text begin: indexes of lines, the first is 0."""

    starts: tuple[int, ...]

    def holding(self, number: int) -> int:
        """Give which part has the line of this number, or the nearest there is."""
        return max((index for index, start in enumerate(self.starts) if start < max(number, 1)), default=0)

    def address(self, path: str, number: int) -> str:
        """Give where a line is to be seen, on the page of its file."""
        part = self.holding(number)
        return f"{path}?line={self.starts[part] + 1}#L{number}" if part else f"{path}#L{number}"


def parts_of(lines: Sequence[str]) -> Parts:
    starts, room = [0], MOST_CHARACTERS
    for index, line in enumerate(lines):
        room -= min(len(line), LONGEST)
        if room < 0 or index - starts[-1] == MOST_LINES:
            starts.append(index)
            room = MOST_CHARACTERS - min(len(line), LONGEST)
    return Parts(tuple(dict.fromkeys(starts)))


def source_part(
    text: str,
    number: int,
    *,
    language: Language,
    problems: Iterable[Problem] = (),
    links: Links | None = None,
) -> SourcePart:
    """Give the part of a file that has the line of this number."""
    lines = text.removesuffix("\n").split("\n")
    parts = parts_of(lines)
    which = parts.holding(number)
    start = parts.starts[which]
    end = parts.starts[which + 1] if which + 1 < len(parts.starts) else len(lines)
    forms, found = _forms(language, links or {}), list(problems)
    shown = tuple(
        SourceLine(
            index + 1,
            tuple(_tokens(_shown(lines[index]), forms, links or {})),
            tuple(_mark(one, lines[index]) for one in found if one.line == index + 1),
        )
        for index in range(start, end)
    )
    before = parts.starts[which - 1] + 1 if which else None
    return SourcePart(shown, len(lines), before, end + 1 if end < len(lines) else None)


def _forms(language: Language, links: Links) -> re.Pattern[str]:
    """Give what is told apart in a line: keys and comments, code, and names that are links."""
    forms = [FORMS_OF_TEMPLATE, CODE] if language == "template" else [FORMS, CODE]
    names = [re.escape(name) for name in sorted(links, key=len, reverse=True)]
    if names:
        forms.append(rf"(?P<link>(?<![\w./-])(?:{'|'.join(names)})(?![\w/-]))")
    return re.compile("|".join(forms))


def _tokens(line: str, forms: re.Pattern[str], links: Links) -> Iterator[Token]:
    at = 0
    for match in forms.finditer(line):
        if match.start() > at:
            yield Token("text", line[at : match.start()])
        kind = cast("Kind", match.lastgroup)
        yield Token(kind, match[0], links.get(match[0]) if kind == "link" else None)
        at = match.end()
    if at < len(line):
        yield Token("text", line[at:])


def _mark(problem: Problem, line: str) -> Mark:
    left = cells(_shown(line[: max(problem.column - 1, 0)], LONGEST))
    return Mark(problem, left, max(1, min(problem.width, LONGEST - left)))


def _shown(line: str, limit: int = LONGEST) -> str:
    return visible(line, limit).expandtabs(4)
