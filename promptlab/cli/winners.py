"""Which cell had the best output of a row, where a run had a model choose."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptlab.core.words import plural
from promptlab.schemas.report import Measured
from promptlab.schemas.run import TrialKey

KIND = "select-best"
NAMED = 5


def winner_lines(measured: Measured) -> Iterator[str]:
    """Give by metric how often each cell won, and the first rows."""
    found: dict[str, list[str]] = {}
    for cell, metrics in measured.detail.items():
        for name, detail in _chosen(metrics):
            lines = found.setdefault(name, [])
            won, shared = detail["won"], detail["shared"]
            more = f", shared {_times(shared)}" if shared else ""
            lines.append(f"{cell} won {_times(won)}{more}")
    for name, lines in found.items():
        yield f"{name}: {'; '.join(lines)}"


def wins_of(measured: Measured, key: TrialKey) -> dict[str, str]:
    """Give by metric whether a trial was the best of its row: `won`, `shared` or `not`."""
    place = [key.row, key.repeat]
    return {
        name: next((how for how in ("won", "shared") if place in detail[how]), "not")
        for name, detail in _chosen(measured.detail.get(key.cell, {}))
    }


def _chosen(metrics: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give the metrics for which a model chose; runs of older versions did not keep the rows."""
    return ((name, one) for name, one in metrics.items() if one.get("type") == KIND and "won" in one)


def _times(places: Sequence[Sequence[int]]) -> str:
    """Give how many comparisons there are, and the rows of the first: each repeat is compared by itself."""
    rows = list(dict.fromkeys(str(row) for row, _ in places))
    named = ", ".join([*rows[:NAMED], *(["…"] if len(rows) > NAMED else [])])
    which = f" ({'row' if len(rows) == 1 else 'rows'} {named})" if rows else ""
    return f"{plural(len(places), 'time')}{which}"
