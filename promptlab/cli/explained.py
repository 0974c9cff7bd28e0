"""Why steps were called rather than recalled: one line a cause, or one line a step of a trial."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.display import shortened
from promptlab.core.json import as_text
from promptlab.core.words import plural
from promptlab.schemas.explained import Cause, Change, Explained
from promptlab.schemas.run import TrialKey, _Missing, everywhere

if TYPE_CHECKING:
    from rich.console import Console

FEW = 5
VALUE = 40
EVERYTHING = 2  # times that --explain is said
NOTHING = "nothing was called: all that was asked had its answer on record"
ALONE: dict[Cause, str] = {
    "answer": "answer of",
    "errored": "no answer before",
    "pruned": "its answer was deleted",
    "skipped": "was skipped before",
    "fresh": "--fresh",
    "recall": "",
    "messages": "messages, and nothing that they are known to be made of",
    "unknown": "not on record",
    "params": "",
    "model": "",
}
NEW = {"run": "first run", "item": "new item", "step": "new step"}


@dataclass(slots=True)
class Group:
    """Steps that were called for the same reason, and the first trials of them."""

    count: int = 0
    first: list[TrialKey] = field(default_factory=list)


def show_explained(
    console: "Console", explained: Iterable[Explained], cells: Sequence[str], *, said: int
) -> None:
    """Print why steps were called; `said` more than once: each by itself."""
    by_variant = len(cells) > 1
    grid = _each(explained, by_variant) if said >= EVERYTHING else _grouped(explained, by_variant)
    if grid.rows:
        show_grid(console, grid)
    else:
        console.print(NOTHING)


def _grouped(explained: Iterable[Explained], by_variant: bool) -> Grid:  # noqa: FBT001 (as many as there are)
    groups: dict[tuple[str, str], Group] = {}
    for one in explained:
        group = groups.setdefault((everywhere(one.step), why(one.changes)), Group())
        group.count += 1
        if len(group.first) < FEW:
            group.first.append(one.trial)
    total = sum(group.count for group in groups.values())
    rows = [
        [Styled(step), Styled(f"{group.count:,}"), Styled(reason), Styled(_rows(group, by_variant), "dim")]
        for (step, reason), group in groups.items()
    ]
    header = ["step", "called", "why", "rows"]
    return Grid(header=header, rows=rows, title=f"{plural(total, 'call')}, and why", right=frozenset({1}))


def _each(explained: Iterable[Explained], by_variant: bool) -> Grid:  # noqa: FBT001 (as many as there are)
    rows = [
        [Styled(_row(one.trial, by_variant)), Styled(one.step), Styled(why(one.changes))] for one in explained
    ]
    return Grid(header=["row", "step", "why"], rows=rows)


def _rows(group: Group, by_variant: bool) -> str:  # noqa: FBT001 (as many as there are)
    names = list(dict.fromkeys(_row(trial, by_variant) for trial in group.first))
    return ", ".join([*names, *(["…"] if group.count > len(group.first) else [])])


def _row(trial: TrialKey, by_variant: bool) -> str:  # noqa: FBT001 (as many as there are)
    cell = f" {trial.cell}" if by_variant else ""
    return f"{shortened(trial.row_id, VALUE)}{cell}{f' #{trial.repeat + 1}' if trial.repeat else ''}"


def why(changes: Sequence[Change]) -> str:
    """Give what changed in words: `template prompts/sort.j2; params.temperature 0 → 0.7`."""
    return "; ".join(map(_words, changes))


def _words(change: Change) -> str:
    return " ".join(_parts(change))


def _parts(change: Change) -> Iterator[str]:
    if change.cause == "new":
        yield NEW.get(change.what, f"new {change.what}")
        return
    yield from filter(None, (ALONE.get(change.cause, change.cause), change.what))
    if change.has_values:
        yield f"{_value(change.old)} → {_value(change.new)}"


def _value(value: object) -> str:
    return "unset" if isinstance(value, _Missing) else shortened(as_text(value), VALUE)  # type: ignore[arg-type]
