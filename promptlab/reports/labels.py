"""Labels as files: JSON lines, exact, and CSV, safe to open in a spreadsheet."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from promptlab.core.json import JSON, plain
from promptlab.reports.csv import cells_line

type Lines = Iterable[Mapping[str, JSON]]


def jsonl(lines: Lines) -> Iterator[str]:
    for line in lines:
        yield f"{plain(dict(line))}\n"


def csv(lines: Lines) -> Iterator[str]:
    """Give a header of all columns that any line has, in the order in which they appear, then the lines."""
    found = [dict(line) for line in lines]
    header = list(dict.fromkeys(name for line in found for name in line))
    yield cells_line(header)
    for line in found:
        yield cells_line([line.get(name) for name in header])


LABELS: Mapping[str, Callable[[Lines], Iterator[str]]] = {"jsonl": jsonl, "csv": csv}
