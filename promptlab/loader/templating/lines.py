"""Where something stands in the source of a template."""

import re
from bisect import bisect_right

LONGEST_LINE = 2_000
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""What cannot stand in a template."""

_TAG = re.compile(r"\{[{%].*?(?:[%}]\}|$)")


def column_in(line: str, text: str) -> int:
    """Return where a text stands in a tag of a line, or 1 where it does not, or the line is very long."""
    if len(line) > LONGEST_LINE:
        return 1
    pattern = re.compile(rf"(?<![\w.]){re.escape(text)}(?!\w)")
    spans = [tag.span() for tag in _TAG.finditer(line)] or [(0, len(line))]
    for start, end in spans:
        found = pattern.search(line, start, end)
        if found:
            return found.start() + 1
    return max(line.find(text), 0) + 1


def column_of_path(line: str, name: str, path: str) -> int:
    """Return where a path stands in a line, else where the name before it does."""
    column = column_in(line, path)
    return column if column > 1 else column_in(line, name)


def place(source: str, offset: int) -> tuple[int, int]:
    """Return line and column of an offset."""
    starts = [0, *(found.end() for found in re.finditer("\n", source[:offset]))]
    line = bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1
