"""Reads a dataset for the first time: holds its rows to their checks, and finds out which of them are run."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON
from promptlab.loader.alike import Alike
from promptlab.loader.dataset import Dataset, Scan
from promptlab.loader.known_rows import Found, Question
from promptlab.loader.lacking import Lacking
from promptlab.loader.problems import Position, Problems
from promptlab.loader.row_checks import RowChecks
from promptlab.loader.row_faults import RowFaults
from promptlab.loader.scope import Scope
from promptlab.loader.selection import Chooser, Selection
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.schemas.dataset import DatasetSpec, Row
from promptlab.schemas.template import Template

if TYPE_CHECKING:
    from promptlab.loader.row_filter import RowFilter, Undecided

__all__ = ["Choosing"]

MOST_AT_ONCE = 500
MOST_CHARACTERS = 1_000_000
MOST_FAULTS = 20


@frozen
class _Condition:
    """An expression over a row, and the names in it."""

    template: Template
    names: frozenset[str]


@slotted
class Choosing:
    """`own`: where the dataset's `where` stands; `asked`: where that of the command does.

    `lacking` and `faults` are shown every row that is run or, with a `sample`, may be. `rows_ask`:
    rows bring checks that ask a model to judge.
    """

    places: TemplatePlaces
    problems: Problems
    own: Site | None = None
    asked: Site | None = None
    lacking: Lacking = field(default_factory=Lacking)
    faults: RowFaults = field(default_factory=RowFaults)
    rows_ask: bool = False

    def scan(self, dataset: Dataset) -> tuple[Scan | None, Selection | None]:
        """Read every row once, unless that is remembered; give what was found, and the rows that are run
        (None: all).

        Raises FileError where a file cannot be used.
        """
        own, asked = self._condition(self.own), self._condition(self.asked)
        rows, problems = self.places.memory.rows, len(self.problems)
        asked_of_rows = self.asked.template if self.asked is not None else None
        question = Question.about(dataset, asked_of_rows, [need for need, _ in self.faults.needs])
        known = rows.found(question)
        if known is not None:
            return self._remembered(dataset, known)
        scan, selection = self._read(dataset, own, asked)
        if scan is not None:
            self.faults.report(selection, self.problems)
        if scan is not None and len(self.problems) == problems:
            rows.keep(question, Found(scan, selection, self.lacking, dataset.snapshots(), self.rows_ask))
        return scan, selection

    def _remembered(self, dataset: Dataset, known: Found) -> tuple[Scan, Selection | None]:
        self.lacking, self.rows_ask = known.lacking, known.rows_ask
        for snapshot in known.snapshots:
            dataset.files.record(snapshot)
        return known.scan, known.selection

    def _read(
        self, dataset: Dataset, own: _Condition | None, asked: _Condition | None
    ) -> tuple[Scan | None, Selection | None]:
        checks, spec = RowChecks(self.problems), dataset.origin
        chooser = Chooser(spec.sample, spec.seed, spec.limit) if isinstance(spec, DatasetSpec) else Chooser()
        if own is None and asked is None and chooser.sample is None:
            scan = dataset.scan(self.problems, partial(_look, checks, self._shown))
            self.rows_ask = checks.ask
            return scan, None
        with _filter(own, asked) as rows:
            judging = _Judging(checks, self._shown, chooser, own, asked, rows)
            scan = dataset.scan(self.problems, judging.take)
            judging.judge()
        self.rows_ask = checks.ask
        if scan is None or self._has_unknown_names(scan):
            return None, None
        judging.report(self.problems)
        return (scan, chooser.selection()) if not judging.failed else (None, None)

    def _shown(self, row: Row) -> None:
        """Look at a row that is run, or may be."""
        self.lacking.take(row)
        self.faults.take(row)

    def _condition(self, site: Site | None) -> _Condition | None:
        """The condition at a site; None where there is none that could be asked."""
        if site is None:
            return None
        analysis = self.places.analysis(site)
        if analysis.problems:
            return None
        return _Condition(site.template, frozenset(use.name for use in analysis.uses))

    def _has_unknown_names(self, scan: Scan) -> bool:
        errors = self.problems.errors
        scope = Scope(scan.inputs, columns=scan.columns, others=frozenset({"row"}))
        for site in filter(None, (self.own, self.asked)):
            for found, objection in scope.objections(self.places.analysis(site)):
                self.places.object_to(site, found, objection)
        return self.problems.errors > errors


@slotted
class _Judging:
    """Gathers rows and asks of many at once whether they are wanted."""

    checks: RowChecks
    show: Callable[[Row], None]
    chooser: Chooser
    own: _Condition | None
    asked: _Condition | None
    rows: "RowFilter | None"
    failed: dict[str, Alike] = field(default_factory=dict)
    _waiting: list[Row] = field(default_factory=list)
    _characters: int = 0
    _given_up: bool = False

    def take(self, row: Row) -> bool:
        """Look at one more row; give whether the next may be wanted."""
        self.checks(row)
        self._waiting.append(row)
        self._characters += _weight(list(row.columns.values()))
        if len(self._waiting) >= MOST_AT_ONCE or self._characters > MOST_CHARACTERS:
            self.judge()
        return not self.chooser.is_full

    def judge(self) -> None:
        """Look at what has been gathered."""
        rows, self._waiting, self._characters = self._waiting, [], 0
        kept = [row for row, holds in zip(rows, self._holds(self.own, rows), strict=True) if holds]
        for row, wanted in zip(kept, self._holds(self.asked, kept), strict=True):
            if wanted and not self.chooser.is_full:
                self.show(row)
            self.chooser.take(row.index, row.id, wanted=wanted)

    def _holds(self, condition: _Condition | None, rows: Sequence[Row]) -> list[bool]:
        if condition is None or self.rows is None or self._given_up:
            return [True] * len(rows)
        found = self.rows.holds(condition.template, condition.names, rows)
        for row, answer in zip(rows, found, strict=True):
            if not isinstance(answer, bool):
                self._refuse(row, condition.template, answer)
        return [answer is True for answer in found]

    def report(self, problems: Problems) -> None:
        """Report the rows of which a condition cannot be asked; those that fail alike as one."""
        hint = "give the row what the expression needs, or test for it: `x is defined and …`"
        for alike in self.failed.values():
            problems.add(alike.file, Position(alike.line, 1), alike.said, code="where", hint=hint)

    def _refuse(self, row: Row, condition: Template, undecided: "Undecided") -> None:
        message = f"{condition.name}: {undecided.reason}"
        if message in self.failed:
            self.failed[message].add(row.file, row.line)
        else:
            self.failed[message] = Alike(message, row.file, row.line)
        self._given_up |= undecided.is_hopeless or len(self.failed) >= MOST_FAULTS


def _look(checks: RowChecks, show: Callable[[Row], None], row: Row) -> None:
    checks(row)
    show(row)


@contextmanager
def _filter(*conditions: _Condition | None) -> "Iterator[RowFilter | None]":
    if not any(conditions):
        yield None
        return
    from promptlab.loader.row_filter import RowFilter  # noqa: PLC0415 - asyncio takes 30 ms to import

    with RowFilter() as rows:
        yield rows


def _weight(value: JSON) -> int:
    """How many characters there are in a value, roughly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_weight, value.values()))
    return sum(map(_weight, value)) if isinstance(value, list) else 8
