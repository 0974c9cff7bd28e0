"""How two texts differ, line by line: as hunks, and as the unified diff that people know."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from io import StringIO
from typing import Literal

from promptlab.core.frozen import frozen

AROUND = 3  # lines of context
MOST_LINES = 5_000  # of what differs; beyond them all is said to be replaced
MARKS = {"same": " ", "removed": "-", "added": "+"}
NO_NEWLINE = "\\ No newline at end of file"

type Kind = Literal["same", "removed", "added"]
type Opcode = tuple[str, int, int, int, int]


@frozen
class DiffLine:
    """`has_end`: whether it ends in a line feed, as all lines do but for the last of some files."""

    kind: Kind
    text: str
    has_end: bool = True


@frozen
class Hunk:
    """Lines that differ with some around them. `before`, `after`: the number of its first line, from 1."""

    before: int
    before_lines: int
    after: int
    after_lines: int
    lines: tuple[DiffLine, ...]


def hunks_between(before: str, after: str) -> tuple[Hunk, ...]:
    """Give where two texts differ; none where they are the same."""
    old, new = [*StringIO(before)], [*StringIO(after)]
    return tuple(_hunk(group, old, new) for group in _grouped(_opcodes(old, new)))


def unified(hunks: Sequence[Hunk], before: str, after: str) -> str:
    """Write hunks as `diff -u` does; `before` and `after` name the two."""
    if not hunks:
        return ""
    lines = [f"--- {before}", f"+++ {after}"]
    for hunk in hunks:
        old, new = _range(hunk.before, hunk.before_lines), _range(hunk.after, hunk.after_lines)
        lines += [f"@@ -{old} +{new} @@", *_written(hunk)]
    return "\n".join((*lines, ""))


def _opcodes(old: Sequence[str], new: Sequence[str]) -> Iterator[Opcode]:
    """Give what becomes of each part; what is the same at both ends need not be matched."""
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    middle, other = old[start : len(old) - end], new[start : len(new) - end]
    if start:
        yield "equal", 0, start, 0, start
    for tag, a, b, c, d in _matched(middle, other):
        yield tag, a + start, b + start, c + start, d + start
    if end:
        yield "equal", len(old) - end, len(old), len(new) - end, len(new)


def _matched(old: Sequence[str], new: Sequence[str]) -> list[Opcode]:
    if not old and not new:
        return []
    if len(old) + len(new) > MOST_LINES:
        return [("replace", 0, len(old), 0, len(new))]
    return [*SequenceMatcher(None, old, new).get_opcodes()]


def _shared(old: Sequence[str], new: Sequence[str]) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))


def _grouped(opcodes: Iterator[Opcode]) -> Iterator[list[Opcode]]:
    """Part what differs into groups, with a few lines around each."""
    matcher = SequenceMatcher[str](None, "", "")
    matcher.opcodes = [*opcodes]  # type: ignore[attr-defined]  # the matching was done in parts
    for group in matcher.get_grouped_opcodes(AROUND):
        if any(tag != "equal" for tag, *_ in group):
            yield group


def _hunk(group: Sequence[Opcode], old: Sequence[str], new: Sequence[str]) -> Hunk:
    lines = tuple(line for opcode in group for line in _lines(opcode, old, new))
    before, after = group[0][1], group[0][3]
    old_lines, new_lines = group[-1][2] - before, group[-1][4] - after
    return Hunk(before + bool(old_lines), old_lines, after + bool(new_lines), new_lines, lines)


def _lines(opcode: Opcode, old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    tag, a, b, c, d = opcode
    if tag == "equal":
        yield from (_line("same", text) for text in old[a:b])
        return
    yield from (_line("removed", text) for text in old[a:b])
    yield from (_line("added", text) for text in new[c:d])


def _line(kind: Kind, text: str) -> DiffLine:
    return DiffLine(kind, text.removesuffix("\n"), text.endswith("\n"))


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


def _written(hunk: Hunk) -> Iterator[str]:
    for line in hunk.lines:
        yield f"{MARKS[line.kind]}{line.text}"
        if not line.has_end:
            yield NO_NEWLINE
