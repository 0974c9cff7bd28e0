"""Columns that some row lacks: a check names them only where it tests for them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from typing import Final

from promptlab.core.display import shown
from promptlab.core.frozen import frozen, slotted
from promptlab.loader.problems import Position, Problems
from promptlab.loader.templates import Analysis, NameUse
from promptlab.schemas.dataset import Row
from promptlab.schemas.template import Place

__all__ = ["Lacking", "Needed", "columns_needed"]

OF_DICTS: Final = frozenset(dir(dict))

type At = tuple[str, int]


@frozen
class Needed:
    """Where a check names a column without a test whether it is there."""

    file: str
    line: int


@slotted
class Lacking:
    """Looks at rows, and remembers of each column the first row that is without it: file and line."""

    _begin: At | None = None
    _always: set[str] = field(default_factory=set)
    _met: set[str] = field(default_factory=set)
    _first: dict[str, At] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        """Look at one more row."""
        present = row.columns.keys()
        if present != self._always or self._begin is None:
            self._compare(row)

    def _compare(self, row: Row) -> None:
        present, at = row.columns.keys(), (row.file, row.line)
        if self._begin is None:
            self._begin, self._always, self._met = at, set(present), set(present)
            return
        for name in self._always - present:
            self._first[name] = at
        self._always &= present
        if not present <= self._met:
            self._first.update(dict.fromkeys(present - self._met, self._begin))
            self._met |= present

    def without(self, name: str) -> At | None:
        """Give the first row that lacks a column; None where each has it."""
        return self._begin if name not in self._met else self._first.get(name)

    def report(
        self, needed: Iterable[tuple[str, Needed]], known: Sequence[str] | None, problems: Problems
    ) -> None:
        """Report the columns that checks need and a row lacks; of those not `known`, others have told."""
        for name, by in needed:
            at = self.without(name)
            if at is None or (known is not None and name not in known):
                continue
            file, line = at
            add = f"say -i {name}=VALUE" if known is None else "add it"
            hint = f"{add}, or let the check say `| default(…)` or test `is defined`"
            message = f"the row lacks {shown(name)}, which a check names ({by.file}:{by.line})"
            problems.add(file, Position(line, 1), message, code="missing-column", hint=hint)


def columns_needed(
    templates: Sequence[tuple[Place, Analysis]], bare: Iterable[str]
) -> Iterator[tuple[Place, str]]:
    """Give the columns that the templates of a check need in every row, each with the place of the template.

    `bare`: the names that are columns where they stand by themselves. What stands under a `when` that looks
    at the row is asked of some rows only, and nothing is said of it.
    """
    own, whens = frozenset(bare), [place[:-1] for place, found in templates if _chooses(place, found)]
    for place, analysis in templates:
        if any(place[: len(at)] == at and place != (*at, "when") for at in whens):
            continue
        for use in analysis.uses:
            name = _column(use, own)
            if name is not None and not use.guarded:
                yield place, name


def _chooses(place: Place, analysis: Analysis) -> bool:
    return place[-1:] == ("when",) and any(use.name != "output" for use in analysis.uses)


def _column(use: NameUse, bare: frozenset[str]) -> str | None:
    if use.name != "row":
        return use.name if use.name in bare else None
    name = use.path[0] if use.path else None
    return name if isinstance(name, str) and name not in OF_DICTS else None
